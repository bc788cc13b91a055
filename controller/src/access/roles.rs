//! Roles: named sets of permissions with a scope, which the office edits.
//!
//! Three rules stand behind every change here and in `staff`: nobody gives what they do not have themselves, nobody
//! touches somebody who may do more than they, and there is always somebody left who may do everything.

use std::collections::BTreeSet;

use lastmile_protocol::ids::BranchId;
use serde_json::json;

use super::Caller;
use super::defaults::{DEFAULTS, default_of};
use super::permissions::PERMISSIONS;
use super::store::roles as store;
use crate::db::Tx;
use crate::events::{self, Event};
use crate::kernel::fault::Check;
use crate::kernel::{Actor, Fault, Scope, text};

/// The permission that is all permissions, those of later versions too.
pub const EVERYTHING: &str = "*";
/// Roles of one ISP at most.
const ROLES_MAX: i64 = 100;

/// Whose rows somebody with a role sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoleScope {
    /// All rows.
    All,
    /// Those of the person's branches.
    Branches,
    /// The customers of the person's reseller.
    Reseller,
    /// The customers assigned to the person.
    Assigned,
}

impl RoleScope {
    /// The word in the database.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Branches => "branches",
            Self::Reseller => "reseller",
            Self::Assigned => "assigned",
        }
    }

    /// The scope of a word in the database.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::All, Self::Branches, Self::Reseller, Self::Assigned].into_iter().find(|scope| scope.word() == word)
    }

    /// Whether somebody with this scope may give `other` to somebody: only what is no wider.
    #[must_use]
    pub fn may_give(self, other: Self) -> bool {
        match self {
            Self::All => true,
            Self::Branches => other != Self::All,
            Self::Reseller | Self::Assigned => other == self,
        }
    }
}

/// A role.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Role {
    /// The word: `branch_manager`.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// What it may do; `*` is everything.
    #[schema(value_type = Vec<String>)]
    pub permissions: BTreeSet<String>,
    /// Whose rows it sees.
    pub scope: RoleScope,
    /// Whether nobody with this role gets in without a second factor.
    pub second_factor: bool,
    /// Whether it came with Lastmile; such a role cannot be deleted, but be reset.
    pub built_in: bool,
    /// Whether the office has changed it or made it.
    pub edited: bool,
    /// How many active people have it.
    pub people: i64,
}

/// What a role is made of, or what it becomes.
#[derive(Debug, Clone, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleInput {
    /// What people call it.
    pub title: String,
    /// What it may do.
    #[schema(value_type = Vec<String>)]
    pub permissions: BTreeSet<String>,
    /// Whose rows it sees.
    pub scope: RoleScope,
    /// Whether nobody with this role gets in without a second factor.
    #[serde(default)]
    pub second_factor: bool,
}

/// Writes the roles that come with Lastmile, as this version means them. Those that the office has changed stay.
///
/// # Errors
/// When the database fails.
pub async fn ensure_defaults(tx: &mut Tx) -> Result<(), Fault> {
    for role in DEFAULTS {
        store::put_default(tx, role).await?;
    }
    Ok(())
}

/// All roles, by name.
///
/// # Errors
/// When the database fails.
pub async fn list(tx: &mut Tx) -> Result<Vec<Role>, Fault> {
    store::list(tx).await
}

/// One role, if there is one of this name.
///
/// # Errors
/// When the database fails.
pub async fn find(tx: &mut Tx, name: &str) -> Result<Option<Role>, Fault> {
    store::find(tx, name).await
}

/// One role.
///
/// # Errors
/// Not found.
pub async fn load(tx: &mut Tx, name: &str) -> Result<Role, Fault> {
    find(tx, name).await?.ok_or(Fault::NotFound { what: "role" })
}

/// Makes a role.
///
/// # Errors
/// Wrong fields, a name that is taken, permissions that the caller has not.
pub async fn create(tx: &mut Tx, caller: &Caller, name: &str, input: RoleInput) -> Result<Role, Fault> {
    may_edit(caller)?;
    let name = name.trim();
    let mut check = Check::new();
    check.that(is_name(name), "name", "2 to 40 characters of a-z 0-9 _ are needed, a letter first");
    let input = checked(check, caller, input)?;
    if store::count(tx).await? >= ROLES_MAX {
        return Err(Fault::conflict("too_many_roles", format!("there are {ROLES_MAX} roles already")));
    }
    store::insert(tx, name, &input).await?;
    let role = load(tx, name).await?;
    record(tx, &caller.actor, caller.staff.branch_id, "role.created", name, json!({"after": told(&role)})).await?;
    Ok(role)
}

/// Changes a role. It counts from the next request of everybody who has it.
///
/// # Errors
/// Not found, wrong fields, permissions that the caller has not (neither before nor after), `last_owner`.
pub async fn change(tx: &mut Tx, caller: &Caller, name: &str, input: RoleInput) -> Result<Role, Fault> {
    may_edit(caller)?;
    let before = load(tx, name).await?;
    may_touch(caller, &before)?;
    let input = checked(Check::new(), caller, input)?;
    rewrite(tx, caller, &before, &input, true, "role.changed").await
}

/// Makes a role that came with Lastmile what it was.
///
/// # Errors
/// Not found, `not_built_in`, and as [`change`].
pub async fn reset(tx: &mut Tx, caller: &Caller, name: &str) -> Result<Role, Fault> {
    may_edit(caller)?;
    let before = load(tx, name).await?;
    may_touch(caller, &before)?;
    let Some(default) = default_of(name) else {
        return Err(Fault::conflict("not_built_in", "this role was made here; there is nothing to go back to"));
    };
    let input = RoleInput {
        title: default.title.to_owned(),
        permissions: default.permissions.iter().map(|word| (*word).to_owned()).collect(),
        scope: default.scope,
        second_factor: false,
    };
    let input = checked(Check::new(), caller, input)?;
    rewrite(tx, caller, &before, &input, false, "role.reset").await
}

/// Deletes a role that nobody has.
///
/// # Errors
/// Not found, `role_built_in`, `role_in_use`.
pub async fn delete(tx: &mut Tx, caller: &Caller, name: &str) -> Result<(), Fault> {
    may_edit(caller)?;
    let before = load(tx, name).await?;
    may_touch(caller, &before)?;
    if before.built_in {
        return Err(Fault::conflict("role_built_in", "roles that come with Lastmile stay; take its permissions away"));
    }
    record(tx, &caller.actor, caller.staff.branch_id, "role.deleted", name, json!({"before": told(&before)})).await?;
    store::delete(tx, name).await
}

/// Runs after a change of people or roles, in its transaction: refuses it when it has taken away the last active person
/// who may do everything on all rows. `before` is [`owners`] before the change.
///
/// # Errors
/// `last_owner`.
pub async fn keep_an_owner(tx: &mut Tx, before: i64) -> Result<(), Fault> {
    if before > 0 && store::owners(tx).await? == 0 {
        let detail = "somebody who may do everything must remain: make another owner first";
        return Err(Fault::conflict("last_owner", detail));
    }
    Ok(())
}

/// How many active people with a password may do everything on all rows. Nobody else changes that until this
/// transaction ends.
///
/// # Errors
/// When the database fails.
pub async fn owners(tx: &mut Tx) -> Result<i64, Fault> {
    tx.lock("owners").await?;
    store::owners(tx).await
}

/// Refuses to give a role to somebody unless the caller has all that is in it.
///
/// # Errors
/// [`Fault::Forbidden`].
pub fn may_give(caller: &Caller, role: &Role) -> Result<(), Fault> {
    may_have(caller, &role.permissions, role.scope)
}

/// Refuses to touch what may do more than the caller.
///
/// # Errors
/// [`Fault::Forbidden`].
pub fn may_touch(caller: &Caller, role: &Role) -> Result<(), Fault> {
    may_have(caller, &role.permissions, role.scope)
}

fn may_have(caller: &Caller, permissions: &BTreeSet<String>, scope: RoleScope) -> Result<(), Fault> {
    if let Some(missing) = permissions.iter().find(|permission| !caller.may(permission)) {
        let what = if missing == EVERYTHING { "everything" } else { missing };
        return Err(Fault::Forbidden { detail: format!("this role may do what you may not: {what}") });
    }
    if !caller.staff.scope.may_give(scope) {
        return Err(Fault::Forbidden { detail: "this role sees more than you do".to_owned() });
    }
    Ok(())
}

/// A role is everybody's who has it, in every branch.
fn may_edit(caller: &Caller) -> Result<(), Fault> {
    if caller.scope == Scope::All {
        return Ok(());
    }
    Err(Fault::Forbidden { detail: "roles are the same in all branches; who sees them all may change them".to_owned() })
}

fn checked(mut check: Check, caller: &Caller, mut input: RoleInput) -> Result<RoleInput, Fault> {
    input.title = text::line(&mut check, "title", &input.title, 1, 60);
    let unknown: Vec<_> =
        input.permissions.iter().filter(|word| *word != EVERYTHING && !PERMISSIONS.contains(&word.as_str())).collect();
    if let Some(unknown) = unknown.first() {
        let shown: String = unknown.chars().take(60).collect();
        check.that(false, "permissions", format!("{shown} is no permission"));
    }
    check.done()?;
    if let Some(missing) = input.permissions.iter().find(|permission| !caller.may(permission)) {
        return Err(Fault::field("permissions", format!("you may not give {missing}: you do not have it")));
    }
    if !caller.staff.scope.may_give(input.scope) {
        return Err(Fault::field("scope", "you may not give a wider scope than your own"));
    }
    Ok(input)
}

async fn rewrite(
    tx: &mut Tx,
    caller: &Caller,
    before: &Role,
    input: &RoleInput,
    edited: bool,
    kind: &'static str,
) -> Result<Role, Fault> {
    let owners_before = owners(tx).await?;
    store::update(tx, &before.name, input, edited).await?;
    keep_an_owner(tx, owners_before).await?;
    let after = load(tx, &before.name).await?;
    let data = json!({"before": told(before), "after": told(&after)});
    record(tx, &caller.actor, caller.staff.branch_id, kind, &before.name, data).await?;
    Ok(after)
}

fn told(role: &Role) -> serde_json::Value {
    json!({
        "title": role.title, "permissions": role.permissions, "scope": role.scope, "second_factor": role.second_factor,
    })
}

async fn record(
    tx: &mut Tx,
    actor: &Actor,
    branch_id: BranchId,
    kind: &'static str,
    name: &str,
    data: serde_json::Value,
) -> Result<(), Fault> {
    let at_ms = tx.now_ms();
    let subject_id = name.to_owned();
    let event = Event { kind, subject_kind: "role", subject_id, branch_id, customer_id: None, data, at_ms };
    events::record(tx, actor, event).await.map(|_| ())
}

fn is_name(text: &str) -> bool {
    (2..=40).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && text.bytes().next().is_some_and(|first| first.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_given_only_by_who_has_it_or_more() {
        use RoleScope::{All, Assigned, Branches, Reseller};
        for (giver, given) in [
            (All, vec![All, Branches, Reseller, Assigned]),
            (Branches, vec![Branches, Reseller, Assigned]),
            (Reseller, vec![Reseller]),
            (Assigned, vec![Assigned]),
        ] {
            for scope in [All, Branches, Reseller, Assigned] {
                assert_eq!(giver.may_give(scope), given.contains(&scope), "{giver:?} gives {scope:?}");
                assert_eq!(RoleScope::parse(scope.word()), Some(scope));
            }
        }
    }
}
