//! The roles an ISP starts with. The office may change them and take a change back.

use super::roles::{EVERYTHING, RoleScope};

/// A role that comes with Lastmile. None of them demands a second factor: an ISP switches that on for a role once its
/// people have a telephone at hand, and from then on nobody with that role gets in without.
pub struct DefaultRole {
    /// The word: `branch_manager`.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// What it may do.
    pub permissions: &'static [&'static str],
    /// Whose rows it sees.
    pub scope: RoleScope,
}

/// The roles an ISP starts with.
pub const DEFAULTS: &[DefaultRole] = &[
    DefaultRole { name: "owner", title: "Owner", permissions: &[EVERYTHING], scope: RoleScope::All },
    DefaultRole {
        name: "branch_manager",
        title: "Branch manager",
        permissions: &[
            "agents:invite",
            "approvals:decide",
            "approvals:read",
            "areas:read",
            "areas:write",
            "branches:read",
            "customers:assign",
            "customers:move",
            "customers:read",
            "customers:write",
            "dunning:decide",
            "dunning:read",
            "events:read",
            "holds:place",
            "holds:release",
            "ledger:read",
            "network:read",
            "network:write",
            "notices:read",
            "notices:write",
            "packages:read",
            "payments:read",
            "payments:take",
            "resellers:read",
            "resellers:write",
            "settings:read",
            "staff:read",
            "staff:write",
            "subscriptions:backdate",
            "subscriptions:password",
            "subscriptions:read",
            "subscriptions:write",
            "usage:read",
        ],
        scope: RoleScope::Branches,
    },
    DefaultRole {
        name: "accountant",
        title: "Accountant",
        permissions: &[
            "approvals:decide",
            "approvals:read",
            "areas:read",
            "branches:read",
            "customers:read",
            "dunning:read",
            "events:export",
            "events:read",
            "ledger:read",
            "notices:read",
            "packages:read",
            "payments:read",
            "resellers:read",
            "settings:read",
            "subscriptions:read",
            "usage:read",
        ],
        scope: RoleScope::All,
    },
    DefaultRole {
        name: "cashier",
        title: "Cashier",
        permissions: &[
            "areas:read",
            "branches:read",
            "customers:read",
            "customers:write",
            "notices:read",
            "packages:read",
            "payments:read",
            "payments:take",
            "subscriptions:read",
            "usage:read",
        ],
        scope: RoleScope::Branches,
    },
    DefaultRole {
        name: "noc",
        title: "Network engineer",
        permissions: &[
            "agents:invite",
            "agents:revoke",
            "areas:read",
            "branches:read",
            "customers:read",
            "events:read",
            "holds:place",
            "holds:release",
            "network:read",
            "network:write",
            "packages:read",
            "settings:read",
            "subscriptions:password",
            "subscriptions:read",
            "subscriptions:write",
            "usage:read",
        ],
        scope: RoleScope::All,
    },
    DefaultRole {
        name: "support",
        title: "Support",
        permissions: &[
            "areas:read",
            "branches:read",
            "customers:assign",
            "customers:read",
            "customers:write",
            "events:read",
            "network:read",
            "notices:read",
            "packages:read",
            "payments:read",
            "subscriptions:read",
            "usage:read",
        ],
        scope: RoleScope::Branches,
    },
    DefaultRole {
        name: "technician",
        title: "Technician",
        permissions: &[
            "areas:read",
            "branches:read",
            "customers:read",
            "network:read",
            "packages:read",
            "subscriptions:read",
            "usage:read",
        ],
        scope: RoleScope::Assigned,
    },
    DefaultRole {
        name: "reseller",
        title: "Reseller",
        permissions: &[
            "areas:read",
            "branches:read",
            "customers:read",
            "customers:write",
            "packages:read",
            "payments:read",
            "subscriptions:read",
            "usage:read",
        ],
        scope: RoleScope::Reseller,
    },
    DefaultRole {
        name: "reseller_staff",
        title: "Reseller's staff",
        permissions: &[
            "areas:read",
            "branches:read",
            "customers:read",
            "packages:read",
            "subscriptions:read",
            "usage:read",
        ],
        scope: RoleScope::Reseller,
    },
    DefaultRole {
        name: "auditor",
        title: "Auditor (reads only)",
        permissions: &[
            "approvals:read",
            "areas:read",
            "backups:read",
            "branches:read",
            "customers:read",
            "dunning:read",
            "events:read",
            "ledger:read",
            "network:read",
            "notices:read",
            "packages:read",
            "payments:read",
            "resellers:read",
            "settings:read",
            "staff:read",
            "subscriptions:read",
            "usage:read",
        ],
        scope: RoleScope::All,
    },
];

/// The role of this name as this version of the program means it.
#[must_use]
pub fn default_of(name: &str) -> Option<&'static DefaultRole> {
    DEFAULTS.iter().find(|role| role.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::permissions::PERMISSIONS;

    #[test]
    fn roles_name_only_permissions_that_exist() {
        for role in DEFAULTS {
            for permission in role.permissions.iter().filter(|permission| **permission != EVERYTHING) {
                assert!(PERMISSIONS.contains(permission), "{}: {permission}", role.name);
            }
        }
    }

    #[test]
    fn an_auditor_only_reads() {
        let auditor = default_of("auditor").unwrap();
        assert!(auditor.permissions.iter().all(|permission| permission.ends_with(":read")));
    }

    #[test]
    fn nobody_but_the_owner_may_do_everything() {
        let mighty: Vec<_> = DEFAULTS.iter().filter(|role| role.permissions.contains(&EVERYTHING)).collect();
        assert_eq!(mighty.len(), 1);
        assert!(mighty[0].name == "owner" && mighty[0].scope == RoleScope::All);
    }
}
