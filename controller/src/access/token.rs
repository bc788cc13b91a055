//! API tokens for programs: `lmt_` and 160 random bits, their hash in the database, an end, and no more permissions
//! than they were given.

use std::collections::BTreeSet;

use lastmile_protocol::ids::{StaffId, TokenId};
use serde_json::json;

use super::caller::{Caller, Origin};
use super::roles::EVERYTHING;
use super::store::tokens::{self as store, NewToken};
use super::{session, store::people, token_hash};
use crate::db::{Db, Tx};
use crate::events::{self, Event};
use crate::kernel::fault::Check;
use crate::kernel::{At, Fault, Scope, ids::hex, rng, text};
use crate::secrets::Secret;

/// What every token begins with, so that a leaked one is recognised.
pub const PREFIX: &str = "lmt_";
/// How long a token is good for unless somebody says otherwise.
pub const DEFAULT_DAYS: i64 = 365;
const DAYS_MAX: i64 = 3_650;
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
const USED_EVERY_MS: i64 = 60 * 1_000;
/// Good tokens of one person at most.
const TOKENS_MAX: i64 = 50;
/// Tokens that are listed; those that ended stay in the list for 90 days.
const LISTED_MAX: i64 = 200;
const KEPT_MS: i64 = 90 * DAY_MS;

/// An API token, as its person sees it.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
pub struct TokenInfo {
    /// Id.
    #[schema(value_type = String)]
    pub id: TokenId,
    /// What it is for.
    pub name: String,
    /// What it may do, if its person may too; null = whatever the person may.
    #[schema(value_type = Option<Vec<String>>)]
    pub permissions: Option<BTreeSet<String>>,
    /// When it was made.
    pub created_at: At,
    /// When it ends.
    pub expires_at: At,
    /// When it was last used, to the minute.
    pub last_used_at: Option<At>,
    /// When it was revoked.
    pub revoked_at: Option<At>,
}

/// A token to make.
#[derive(Debug, Clone, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewApiToken)]
pub struct TokenInput {
    /// What it is for.
    pub name: String,
    /// What it may do; absent = whatever its person may, later as well.
    #[schema(value_type = Option<Vec<String>>)]
    pub permissions: Option<BTreeSet<String>>,
    /// How long it is good for, 1 to 3650; 365 when absent.
    pub days: Option<i64>,
}

/// A token that was made. Its text is shown once.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
pub struct MadeToken {
    /// The text for `Authorization: Bearer …`.
    pub text: String,
    /// The token.
    pub token: TokenInfo,
}

/// Makes a token of this person and gives its text, which is not kept.
///
/// # Errors
/// [`Fault::NotFound`] when there is no active person of this name.
pub async fn create_token(tx: &mut Tx, username: &str, name: &str, days: i64) -> Result<Secret<String>, Fault> {
    let found = people::by_name(tx, username).await?;
    let Some((person, _)) = found.filter(|(person, _)| person.active) else {
        return Err(Fault::NotFound { what: "user" });
    };
    let (text, _) = make(tx, person.info.id, name, None, days.clamp(1, DAYS_MAX)).await?;
    Ok(Secret::new(text))
}

/// Makes a token for the caller.
///
/// # Errors
/// Wrong fields, permissions that the caller has not, `too_many_tokens`.
pub async fn create_own(tx: &mut Tx, caller: &Caller, input: TokenInput) -> Result<MadeToken, Fault> {
    let days = input.days.unwrap_or(DEFAULT_DAYS);
    let mut check = Check::new();
    let name = text::line(&mut check, "name", &input.name, 1, 60);
    check.that((1..=DAYS_MAX).contains(&days), "days", format!("must be 1 to {DAYS_MAX}"));
    check.that(input.permissions.as_ref().is_none_or(|set| !set.is_empty()), "permissions", "must not be empty");
    for permission in input.permissions.iter().flatten() {
        if !caller.may(permission) {
            let shown: String = permission.chars().take(60).collect();
            check.that(false, "permissions", format!("you do not have {shown} yourself"));
            break;
        }
    }
    check.done()?;
    if store::count(tx, caller.staff.id).await? >= TOKENS_MAX {
        return Err(Fault::conflict("too_many_tokens", format!("you have {TOKENS_MAX} tokens; revoke one first")));
    }
    let (text, token) = make(tx, caller.staff.id, &name, input.permissions, days).await?;
    let data = json!({"token": token.id, "name": token.name, "permissions": token.permissions, "days": days});
    record(tx, caller, "token.created", caller.staff.id, data).await?;
    Ok(MadeToken { text, token })
}

async fn make(
    tx: &mut Tx,
    staff: StaffId,
    name: &str,
    permissions: Option<BTreeSet<String>>,
    days: i64,
) -> Result<(String, TokenInfo), Fault> {
    let text = format!("{PREFIX}{}", hex(&rng::bytes::<20>(tx.rng())));
    let (id, now) = (tx.new_id::<TokenId>(), tx.now_ms());
    let expires_ms = now.saturating_add(days.saturating_mul(DAY_MS));
    let hash = token_hash(&text);
    let new = NewToken { id, hash: &hash, staff, name, permissions: permissions.as_ref(), expires_ms };
    store::insert(tx, &new).await?;
    let token = TokenInfo {
        id,
        name: name.to_owned(),
        permissions,
        created_at: At(now),
        expires_at: At(expires_ms),
        last_used_at: None,
        revoked_at: None,
    };
    Ok((text, token))
}

/// Tokens of a person, the newest first.
///
/// # Errors
/// When the database fails.
pub async fn tokens_of(tx: &mut Tx, staff: StaffId) -> Result<Vec<TokenInfo>, Fault> {
    let rows = store::list(tx, staff, LISTED_MAX).await?;
    let shown = rows.into_iter().map(|row| TokenInfo {
        id: row.id,
        name: row.name,
        permissions: row.permissions,
        created_at: row.created_at,
        expires_at: row.expires_at,
        last_used_at: row.last_used_at,
        revoked_at: row.revoked_at,
    });
    Ok(shown.collect())
}

/// Revokes one token of a person, from the next request on.
///
/// # Errors
/// Not found.
pub async fn revoke_token(tx: &mut Tx, caller: &Caller, staff: StaffId, id: TokenId) -> Result<(), Fault> {
    if !store::revoke(tx, staff, id).await? {
        return Err(Fault::NotFound { what: "token" });
    }
    record(tx, caller, "token.revoked", staff, json!({"token": id})).await
}

/// Revokes all tokens of a person; says how many.
///
/// # Errors
/// When the database fails.
pub async fn revoke_tokens(tx: &mut Tx, staff: StaffId) -> Result<u64, Fault> {
    store::revoke_all(tx, staff).await
}

/// Removes tokens that ended long ago.
pub(super) async fn purge(tx: &mut Tx) -> Result<u64, Fault> {
    let before = tx.now_ms() - KEPT_MS;
    store::purge(tx, before).await
}

/// The caller of a token; `None` when there is no such token or it is over.
///
/// # Errors
/// When the database fails.
pub async fn caller_of_token(db: &Db, text: &str, address: &str) -> Result<Option<Caller>, Fault> {
    if !text.starts_with(PREFIX) {
        return Ok(None);
    }
    let mut tx = db.read(&Scope::All).await?;
    let found = store::find(&mut tx, &token_hash(text)).await?;
    let now = tx.now_ms();
    tx.rollback().await?;
    let Some(row) = found.filter(|row| row.person.active && now < row.expires_ms) else { return Ok(None) };
    if row.last_used_ms.is_none_or(|used| now - used >= USED_EVERY_MS) {
        let mut tx = db.begin(&Scope::All).await?;
        store::used(&mut tx, &row.id, now).await?;
        tx.commit().await?;
    }
    let mut person = row.person;
    if let Some(given) = row.permissions {
        person.info.permissions = both(&person.info.permissions, &given);
    }
    Ok(Some(session::caller(person, address, Origin::Token)))
}

/// What stands in both sets; `*` stands for everything in either.
fn both(own: &BTreeSet<String>, given: &BTreeSet<String>) -> BTreeSet<String> {
    match (own.contains(EVERYTHING), given.contains(EVERYTHING)) {
        (_, true) => own.clone(),
        (true, false) => given.clone(),
        (false, false) => own.intersection(given).cloned().collect(),
    }
}

async fn record(
    tx: &mut Tx,
    caller: &Caller,
    kind: &'static str,
    staff: StaffId,
    data: serde_json::Value,
) -> Result<(), Fault> {
    let event = Event {
        kind,
        subject_kind: "staff",
        subject_id: staff.to_string(),
        branch_id: caller.staff.branch_id,
        customer_id: None,
        data,
        at_ms: tx.now_ms(),
    };
    events::record(tx, &caller.actor, event).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn may(set: &BTreeSet<String>, permission: &str) -> bool {
        set.contains(EVERYTHING) || set.contains(permission)
    }

    proptest! {
        #[test]
        fn a_token_may_what_both_may(
            own in proptest::collection::btree_set("[abc*]", 0..4),
            given in proptest::collection::btree_set("[abc*]", 0..4),
        ) {
            let set = both(&own, &given);
            for permission in ["a", "b", "c", "*"] {
                prop_assert_eq!(may(&set, permission), may(&own, permission) && may(&given, permission));
            }
        }
    }
}
