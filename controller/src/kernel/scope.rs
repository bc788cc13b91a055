//! Which rows somebody may see and touch. Every store function gets it through its transaction.

use std::collections::BTreeSet;

use lastmile_protocol::ids::{BranchId, CustomerId, ResellerId, StaffId};

/// The rows of a caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// All rows.
    All,
    /// Rows of these branches.
    Branches(BTreeSet<BranchId>),
    /// The customers of one reseller, and what belongs to them.
    Reseller {
        /// The reseller.
        id: ResellerId,
        /// The branch the reseller belongs to: what is sold there may be read.
        branch: BranchId,
    },
    /// The customers assigned to one person, and what belongs to them.
    Assigned {
        /// The person.
        staff: StaffId,
        /// The person's branch: what is sold there may be read.
        branch: BranchId,
    },
    /// One customer, and what belongs to it.
    Customer {
        /// The customer.
        id: CustomerId,
        /// The customer's branch: what is sold there may be read.
        branch: BranchId,
    },
}

impl Scope {
    /// Whether rows of this branch belong to the scope as a whole.
    #[must_use]
    pub fn covers(&self, branch: BranchId) -> bool {
        match self {
            Self::All => true,
            Self::Branches(set) => set.contains(&branch),
            Self::Reseller { .. } | Self::Assigned { .. } | Self::Customer { .. } => false,
        }
    }

    /// Whether what is sold in this branch (its packages, its areas) may be read.
    #[must_use]
    pub fn reads_catalogue(&self, branch: BranchId) -> bool {
        self.home().map_or_else(|| self.covers(branch), |home| home == branch)
    }

    /// Whether only single customers belong to the scope, no branch as a whole.
    #[must_use]
    pub fn is_narrow(&self) -> bool {
        self.home().is_some()
    }

    /// The branch of a narrow scope.
    const fn home(&self) -> Option<BranchId> {
        match self {
            Self::All | Self::Branches(_) => None,
            Self::Reseller { branch, .. } | Self::Assigned { branch, .. } | Self::Customer { branch, .. } => {
                Some(*branch)
            }
        }
    }

    /// The scope as a bind value for the predicates of `db`: `*` for all, `,ID1,ID2,` for branches. A narrow scope is the
    /// word under which it stands in `customer_viewers`, and matches no branch.
    #[must_use]
    pub fn branches_text(&self) -> String {
        match self {
            Self::All => "*".to_owned(),
            Self::Branches(set) => list(set.iter().copied()),
            Self::Reseller { id, .. } => format!("reseller:{id}"),
            Self::Assigned { staff, .. } => format!("assigned:{staff}"),
            Self::Customer { id, .. } => format!("customer:{id}"),
        }
    }

    /// As [`Scope::branches_text`], but a narrow scope matches its branch: for reading what is sold there.
    #[must_use]
    pub fn catalogue_text(&self) -> String {
        self.home().map_or_else(|| self.branches_text(), |branch| list([branch]))
    }
}

fn list(branches: impl IntoIterator<Item = BranchId>) -> String {
    branches.into_iter().fold(String::from(","), |mut text, branch| {
        text.push_str(&branch.to_string());
        text.push(',');
        text
    })
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
        assert_eq!(scope.catalogue_text(), scope.branches_text());
        assert!(scope.covers(one) && scope.reads_catalogue(one) && !scope.is_narrow());
        assert!(!scope.covers(BranchId::new(2, [1; 10])));
    }

    #[test]
    fn a_narrow_scope_covers_no_branch_and_reads_what_its_own_sells() {
        let (branch, other) = (BranchId::new(1, [1; 10]), BranchId::new(2, [1; 10]));
        let id = ResellerId::new(3, [1; 10]);
        let scope = Scope::Reseller { id, branch };
        assert_eq!(scope.branches_text(), format!("reseller:{id}"));
        assert_eq!(scope.catalogue_text(), format!(",{branch},"));
        assert!(!scope.covers(branch) && scope.reads_catalogue(branch) && !scope.reads_catalogue(other));
        assert!(scope.is_narrow());
    }
}
