//! What may be done at all, and the roles an ISP starts with.

use crate::db::Tx;
use crate::kernel::Fault;

/// Every permission: resource, colon, action. A route that asks for another one does not start.
pub const PERMISSIONS: &[&str] = &[
    "agents:invite",
    "agents:revoke",
    "approvals:decide",
    "approvals:read",
    "areas:read",
    "areas:write",
    "backups:read",
    "backups:write",
    "branches:read",
    "branches:write",
    "customers:assign",
    "customers:move",
    "customers:read",
    "customers:write",
    "dunning:decide",
    "dunning:read",
    "events:erase",
    "events:export",
    "events:read",
    "holds:place",
    "holds:release",
    "ledger:read",
    "network:read",
    "network:write",
    "notices:read",
    "notices:write",
    "packages:read",
    "packages:write",
    "payments:read",
    "payments:take",
    "resellers:read",
    "resellers:write",
    "roles:write",
    "settings:read",
    "settings:write",
    "staff:read",
    "staff:write",
    "subscriptions:backdate",
    "subscriptions:password",
    "subscriptions:read",
    "subscriptions:write",
    "usage:read",
];

/// A role that comes with Lastmile.
pub struct Role {
    /// The word: `branch_manager`.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// What it may do; `*` is everything.
    pub permissions: &'static [&'static str],
    /// Whether it sees all branches or only its own.
    pub all_branches: bool,
}

/// The roles an ISP starts with.
pub const DEFAULTS: &[Role] = &[
    Role { name: "owner", title: "Owner", permissions: &["*"], all_branches: true },
    Role {
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
        all_branches: false,
    },
    Role {
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
        all_branches: true,
    },
    Role {
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
        all_branches: false,
    },
    Role {
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
        all_branches: true,
    },
    Role {
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
        all_branches: false,
    },
    Role {
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
        all_branches: false,
    },
    Role {
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
        all_branches: true,
    },
];

/// Writes the roles that come with Lastmile, as this version means them.
///
/// # Errors
/// When the database fails.
pub async fn ensure_defaults(tx: &mut Tx) -> Result<(), Fault> {
    for role in DEFAULTS {
        super::store::put_role(tx, role).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_name_only_permissions_that_exist() {
        for role in DEFAULTS {
            for permission in role.permissions.iter().filter(|permission| **permission != "*") {
                assert!(PERMISSIONS.contains(permission), "{}: {permission}", role.name);
            }
        }
    }

    #[test]
    fn an_auditor_only_reads() {
        let auditor = DEFAULTS.iter().find(|role| role.name == "auditor").unwrap();
        assert!(auditor.permissions.iter().all(|permission| permission.ends_with(":read")));
    }
}
