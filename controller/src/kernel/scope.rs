//! Which rows somebody may see and touch. Every store function gets it through its transaction.

use std::collections::BTreeSet;

use lastmile_protocol::ids::{BranchId, CustomerId, StaffId};

/// The rows of a caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// All rows.
    All,
    /// Rows of these branches.
    Branches(BTreeSet<BranchId>),
    /// Rows of one reseller.
    Reseller(String),
    /// Rows assigned to one person.
    Assigned(StaffId),
    /// Rows of one customer.
    Customer(CustomerId),
}

impl Scope {
    /// Whether rows of this branch belong to the scope as a whole.
    #[must_use]
    pub fn covers(&self, branch: BranchId) -> bool {
        match self {
            Self::All => true,
            Self::Branches(set) => set.contains(&branch),
            Self::Reseller(_) | Self::Assigned(_) | Self::Customer(_) => false,
        }
    }

    /// The branches as a bind value: `*` for all, else `,ID1,ID2,`, for
    /// `($1 = '*' OR $1 LIKE '%,' || t.branch_id || ',%')`. A narrower scope matches no branch.
    #[must_use]
    pub fn branches_text(&self) -> String {
        match self {
            Self::All => "*".to_owned(),
            Self::Branches(set) => {
                let mut text = String::from(",");
                for branch in set {
                    text.push_str(&branch.to_string());
                    text.push(',');
                }
                text
            }
            Self::Reseller(_) | Self::Assigned(_) | Self::Customer(_) => ",".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_without_branches_matches_none() {
        assert_eq!(Scope::Branches(BTreeSet::new()).branches_text(), ",");
        assert_eq!(Scope::All.branches_text(), "*");
        let one = BranchId::new(1, [1; 10]);
        let scope = Scope::Branches(BTreeSet::from([one]));
        assert_eq!(scope.branches_text(), format!(",{one},"));
        assert!(scope.covers(one));
        assert!(!scope.covers(BranchId::new(2, [1; 10])));
    }
}
