//! The caller of a request: who, what they may do, whose rows.

use std::collections::BTreeSet;

use lastmile_protocol::ids::{BranchId, ResellerId, StaffId, WebSessionId};

use super::roles::{EVERYTHING, RoleScope};
use crate::kernel::{Actor, Fault, Scope};

/// How the caller proved who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A web session. A browser sends it without being asked, so unsafe calls need more.
    Session {
        /// Hash of its secret.
        hash: String,
        /// Its id in the list of sessions.
        id: WebSessionId,
    },
    /// An API token.
    Token,
    /// A command on the server.
    Command,
}

/// Where a request came from, as it is kept with a session and with events.
#[derive(Debug, Clone, Default)]
pub struct Client {
    /// The address.
    pub address: String,
    /// What the browser calls itself.
    pub user_agent: String,
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
    /// What people call the role.
    pub role_title: String,
    /// Whose rows the role sees.
    pub scope: RoleScope,
    /// Home branch.
    #[schema(value_type = String)]
    pub branch_id: BranchId,
    /// Branches beside the home branch.
    #[schema(value_type = Vec<String>)]
    pub further_branch_ids: BTreeSet<BranchId>,
    /// The reseller whose customers a reseller's role sees.
    #[schema(value_type = Option<String>)]
    pub reseller_id: Option<ResellerId>,
    /// What the person may do here; `*` is everything.
    #[schema(value_type = Vec<String>)]
    pub permissions: BTreeSet<String>,
    /// Telephone, `+8801…`; may be empty.
    pub phone: String,
    /// E-mail; may be empty.
    pub email: String,
    /// `en` or `bn`.
    pub language: String,
    /// Whether a second factor is set up.
    pub second_factor: bool,
    /// Whether the role demands one.
    pub second_factor_required: bool,
}

impl StaffInfo {
    /// Whether this person's permissions hold this one.
    #[must_use]
    pub fn may(&self, permission: &str) -> bool {
        self.permissions.contains(EVERYTHING) || self.permissions.contains(permission)
    }

    /// Whether this person's permissions hold all of these. `*` is held by `*` alone.
    pub fn may_all<'a>(&self, mut permissions: impl Iterator<Item = &'a String>) -> bool {
        permissions.all(|permission| self.may(permission))
    }
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
        self.staff.may(permission)
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

    /// The web session of the caller: what concerns passwords, second factors and tokens is done by a person at a page,
    /// never by a token that may have leaked.
    ///
    /// # Errors
    /// [`Fault::Forbidden`] for a token.
    pub fn at_a_page(&self) -> Result<(&str, WebSessionId), Fault> {
        match &self.origin {
            Origin::Session { hash, id } => Ok((hash, *id)),
            Origin::Token | Origin::Command => {
                Err(Fault::Forbidden { detail: "this is done after signing in, not with an API token".to_owned() })
            }
        }
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
