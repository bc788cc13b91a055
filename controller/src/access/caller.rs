//! The caller of a request: who, what they may do, whose rows.

use std::collections::BTreeSet;

use lastmile_protocol::ids::{BranchId, StaffId};

use crate::kernel::{Actor, Fault, Scope};

/// How the caller proved who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A web session; its hash. A browser sends it without being asked, so unsafe calls need more.
    Session(String),
    /// An API token.
    Token,
    /// A command on the server.
    Command,
}

/// The person behind a caller, as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct StaffInfo {
    /// Id of the person.
    #[schema(value_type = String)]
    pub id: StaffId,
    /// Sign-in name.
    pub username: String,
    /// Name to show.
    pub name: String,
    /// Name of the role.
    pub role: String,
    /// Home branch.
    #[schema(value_type = String)]
    pub branch_id: BranchId,
    /// What the role may do; `*` is everything.
    #[schema(value_type = Vec<String>)]
    pub permissions: BTreeSet<String>,
}

/// Who calls.
#[derive(Debug, Clone)]
pub struct Caller {
    /// For the record of what happened.
    pub actor: Actor,
    /// Whose rows.
    pub scope: Scope,
    /// The person.
    pub staff: StaffInfo,
    /// How it was proved.
    pub origin: Origin,
}

impl Caller {
    /// Whether the caller may do this: `payments:take`.
    #[must_use]
    pub fn may(&self, permission: &str) -> bool {
        self.staff.permissions.contains("*") || self.staff.permissions.contains(permission)
    }

    /// Refuses unless the caller may do this.
    ///
    /// # Errors
    /// [`Fault::Forbidden`].
    pub fn must(&self, permission: &str) -> Result<(), Fault> {
        if self.may(permission) {
            return Ok(());
        }
        Err(Fault::Forbidden { detail: format!("your role does not include {permission}") })
    }

    /// The branch for something new: the one asked for if it is in scope, else the caller's own.
    ///
    /// # Errors
    /// [`Fault::NotFound`] when the branch asked for is outside the scope.
    pub fn branch(&self, asked: Option<BranchId>) -> Result<BranchId, Fault> {
        match asked {
            None => Ok(self.staff.branch_id),
            Some(branch) if self.scope.covers(branch) => Ok(branch),
            Some(_) => Err(Fault::NotFound { what: "branch" }),
        }
    }
}
