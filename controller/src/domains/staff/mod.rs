//! Staff: the people who work for the ISP.
//!
//! Event: `staff.added`. How they sign in is the business of `access`; this room keeps who they are.

pub mod api;
pub mod store;
#[cfg(test)]
mod tests;

use lastmile_protocol::ids::{BranchId, StaffId};
use serde_json::json;

use crate::access::roles::PERMISSIONS;
use crate::db::Tx;
use crate::events::{self, Event};
use crate::kernel::fault::Check;
use crate::kernel::{Actor, At, Fault};

/// A person who works for the ISP.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Staff {
    /// Id.
    #[schema(value_type = String)]
    pub id: StaffId,
    /// Home branch.
    #[schema(value_type = String)]
    pub branch_id: BranchId,
    /// Sign-in name.
    pub username: String,
    /// Name to show.
    pub name: String,
    /// Name of the role.
    pub role: String,
    /// Whether they may sign in.
    pub active: bool,
    /// Since when they are here.
    pub created_at: At,
    /// When they last signed in.
    pub last_sign_in_at: Option<At>,
}

/// A role.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Role {
    /// The word: `branch_manager`.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// What it may do; `*` is everything.
    pub permissions: Vec<String>,
    /// Whether it sees all branches or only its own.
    pub all_branches: bool,
}

/// A person to add. The password is hashed already.
#[derive(Debug, Clone)]
pub struct NewStaff {
    /// Home branch.
    pub branch_id: BranchId,
    /// Sign-in name; stored in lower case.
    pub username: String,
    /// Name to show.
    pub name: String,
    /// Name of the role.
    pub role: String,
    /// Hash of the password.
    pub password_hash: String,
}

/// Adds a person.
///
/// # Errors
/// `Invalid` for a name or role that cannot be, `Taken` for a sign-in name that exists.
pub async fn add(tx: &mut Tx, actor: &Actor, new: NewStaff) -> Result<StaffId, Fault> {
    let username = new.username.trim().to_lowercase();
    let role = store::role(tx, &new.role).await?;
    Check::new()
        .that(is_username(&username), "username", "1 to 64 characters of a-z 0-9 . _ - @ are needed")
        .that((1..=100).contains(&new.name.trim().chars().count()), "name", "1 to 100 characters are needed")
        .that(role.is_some(), "role", "there is no such role")
        .done()?;
    if !tx.scope().covers(new.branch_id) {
        return Err(Fault::NotFound { what: "branch" });
    }
    let (id, now) = (tx.new_id::<StaffId>(), tx.now_ms());
    store::insert(tx, id, &username, &new).await?;
    let event = Event {
        kind: "staff.added",
        subject_kind: "staff",
        subject_id: id.to_string(),
        branch_id: new.branch_id,
        customer_id: None,
        data: json!({"username": username, "role": new.role}),
        at_ms: now,
    };
    events::record(tx, actor, event).await?;
    Ok(id)
}

/// The staff of the caller's branches, by name, at most `limit`; `after` is the id of the row before.
///
/// # Errors
/// When the database fails.
pub async fn list(tx: &mut Tx, after: Option<&(String, String)>, limit: i64) -> Result<Vec<Staff>, Fault> {
    store::list(tx, after, limit).await
}

/// All roles.
///
/// # Errors
/// When the database fails.
pub async fn roles(tx: &mut Tx) -> Result<Vec<Role>, Fault> {
    store::roles(tx).await
}

/// Every permission there is.
#[must_use]
pub const fn permissions() -> &'static [&'static str] {
    PERMISSIONS
}

fn is_username(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-@".contains(&b))
}
