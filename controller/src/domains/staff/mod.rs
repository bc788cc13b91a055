//! Staff: the people who work for the ISP, or for one of its resellers.
//!
//! Events: `staff.added`, `staff.invited`, `staff.changed`, `staff.deactivated` (names the heir of open work),
//! `staff.reactivated`, `staff.second_factor_reset`, `staff.password_reset_sent`. How they sign in is the business of
//! `access`; this room keeps who they are, and invites them.

pub mod api;
mod change;
mod invite;
mod letters;
mod rules;
pub mod store;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use lastmile_protocol::ids::{BranchId, ResellerId, StaffId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

pub use change::{change, deactivate, reactivate, reset_second_factor};
pub use invite::{invite, invite_again, send_reset};

use crate::access::roles::{self, RoleScope};
use crate::db::Tx;
use crate::events::{self, Event};
use crate::kernel::fault::Check;
use crate::kernel::{Actor, At, Fault};

/// How it stands with somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = StaffStatus)]
pub enum Status {
    /// Has been invited and has not chosen a password yet.
    Invited,
    /// Works here.
    Active,
    /// Does not work here any more.
    Inactive,
}

/// A person who works for the ISP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Staff {
    /// Id.
    #[schema(value_type = String)]
    pub id: StaffId,
    /// Home branch.
    #[schema(value_type = String)]
    pub branch_id: BranchId,
    /// Branches beside the home branch.
    #[schema(value_type = Vec<String>)]
    pub further_branch_ids: BTreeSet<BranchId>,
    /// The reseller they work for.
    #[schema(value_type = Option<String>)]
    pub reseller_id: Option<ResellerId>,
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
    /// Telephone, `+8801…`; may be empty.
    pub phone: String,
    /// E-mail; may be empty.
    pub email: String,
    /// `en` or `bn`.
    pub language: String,
    /// How it stands.
    pub status: Status,
    /// Whether they may sign in, once they have a password.
    pub active: bool,
    /// Whether a second factor is set up.
    pub second_factor: bool,
    /// Since when they are here.
    pub created_at: At,
    /// When they last signed in.
    pub last_sign_in_at: Option<At>,
    /// When they were deactivated.
    pub deactivated_at: Option<At>,
    /// Who took over their open work.
    #[schema(value_type = Option<String>)]
    pub heir_id: Option<StaffId>,
}

/// A person to add who has a password already. It is hashed.
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

/// Somebody to invite.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInvitation {
    /// Sign-in name: 1 to 64 of a-z 0-9 . _ - @.
    pub username: String,
    /// Name to show.
    pub name: String,
    /// Name of the role.
    pub role: String,
    /// Home branch; the caller's own when absent.
    #[schema(value_type = Option<String>)]
    pub branch_id: Option<BranchId>,
    /// Branches beside it.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub further_branch_ids: BTreeSet<BranchId>,
    /// The reseller they work for; needed for a reseller's role.
    #[schema(value_type = Option<String>)]
    pub reseller_id: Option<ResellerId>,
    /// Telephone: the invitation goes there, if a way to send short messages is set up.
    #[serde(default)]
    pub phone: String,
    /// E-mail: the invitation goes there, if a way to send e-mail is set up.
    #[serde(default)]
    pub email: String,
    /// `en` (when absent) or `bn`.
    pub language: Option<String>,
}

/// A change of a person; what is absent stays.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StaffChange {
    /// Name to show.
    pub name: Option<String>,
    /// Telephone; empty for none.
    pub phone: Option<String>,
    /// E-mail; empty for none.
    pub email: Option<String>,
    /// `en` or `bn`.
    pub language: Option<String>,
    /// Another role.
    pub role: Option<String>,
    /// Another home branch.
    #[schema(value_type = Option<String>)]
    pub branch_id: Option<BranchId>,
    /// Other branches beside it.
    #[schema(value_type = Option<Vec<String>>)]
    pub further_branch_ids: Option<BTreeSet<BranchId>>,
    /// Another reseller; null for none.
    #[serde(default, deserialize_with = "crate::kernel::patch::given")]
    #[schema(value_type = Option<String>)]
    pub reseller_id: Option<Option<ResellerId>>,
}

/// Which people to list. All that is `None` does not filter.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Part of name, sign-in name, telephone or e-mail.
    pub search: Option<String>,
    /// With this role.
    pub role: Option<String>,
    /// In this state.
    pub status: Option<Status>,
}

/// Adds a person with a password: the command line does, before there is anybody who could invite.
///
/// # Errors
/// `Invalid` for a name or role that cannot be, `Taken` for a sign-in name that exists.
pub async fn add(tx: &mut Tx, actor: &Actor, new: NewStaff) -> Result<StaffId, Fault> {
    let username = new.username.trim().to_lowercase();
    let role = roles::find(tx, &new.role).await?;
    Check::new()
        .that(rules::is_username(&username), "username", rules::USERNAME)
        .that((1..=100).contains(&new.name.trim().chars().count()), "name", "1 to 100 characters are needed")
        .that(role.is_some(), "role", "there is no such role")
        .done()?;
    if !tx.scope().covers(new.branch_id) {
        return Err(Fault::NotFound { what: "branch" });
    }
    let (id, now) = (tx.new_id::<StaffId>(), tx.now_ms());
    let person = Staff {
        id,
        branch_id: new.branch_id,
        further_branch_ids: BTreeSet::new(),
        reseller_id: None,
        username,
        name: new.name.trim().to_owned(),
        role_title: String::new(),
        scope: role.map_or(RoleScope::Branches, |role| role.scope),
        role: new.role,
        phone: String::new(),
        email: String::new(),
        language: "en".to_owned(),
        status: Status::Active,
        active: true,
        second_factor: false,
        created_at: At(now),
        last_sign_in_at: None,
        deactivated_at: None,
        heir_id: None,
    };
    store::insert(tx, &person, &new.password_hash).await?;
    record(tx, actor, "staff.added", &person, json!({"username": person.username, "role": person.role})).await?;
    Ok(id)
}

/// The staff of the caller's branches, by name, at most `limit`; `after` is the name and id of the row before.
///
/// # Errors
/// When the database fails.
pub async fn list(
    tx: &mut Tx,
    filter: &Filter,
    after: Option<&(String, String)>,
    limit: i64,
) -> Result<Vec<Staff>, Fault> {
    store::list(tx, filter, after, limit).await
}

/// One person of the caller's branches.
///
/// # Errors
/// Not found.
pub async fn load(tx: &mut Tx, id: StaffId) -> Result<Staff, Fault> {
    store::find(tx, id).await?.ok_or(Fault::NotFound { what: "person" })
}

async fn record(
    tx: &mut Tx,
    actor: &Actor,
    kind: &'static str,
    person: &Staff,
    data: serde_json::Value,
) -> Result<(), Fault> {
    let event = Event {
        kind,
        subject_kind: "staff",
        subject_id: person.id.to_string(),
        branch_id: person.branch_id,
        customer_id: None,
        data,
        at_ms: tx.now_ms(),
    };
    events::record(tx, actor, event).await.map(|_| ())
}
