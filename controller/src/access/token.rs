//! API tokens for programs: `lmt_` and 160 random bits, their hash in the database, an end.

use lastmile_protocol::ids::TokenId;

use super::caller::{Caller, Origin};
use super::{session, store, token_hash};
use crate::db::{Db, Tx};
use crate::kernel::{Fault, Scope, ids::hex, rng};
use crate::secrets::Secret;

/// What every token begins with, so that a leaked one is recognised.
pub const PREFIX: &str = "lmt_";
/// How long a token is good for unless somebody says otherwise.
pub const DEFAULT_DAYS: i64 = 365;
const USED_EVERY_MS: i64 = 60 * 1_000;

/// Makes a token of this person and gives its text, which is not kept.
///
/// # Errors
/// [`Fault::NotFound`] when there is no active person of this name.
pub async fn create_token(tx: &mut Tx, username: &str, name: &str, days: i64) -> Result<Secret<String>, Fault> {
    let found = store::staff_by_name(tx, username).await?;
    let Some((staff, _)) = found.filter(|(staff, _)| staff.active) else {
        return Err(Fault::NotFound { what: "user" });
    };
    let text = format!("{PREFIX}{}", hex(&rng::bytes::<20>(tx.rng())));
    let (id, now) = (tx.new_id::<TokenId>(), tx.now_ms());
    let expires = now.saturating_add(days.clamp(1, 3_650) * 24 * 60 * 60 * 1_000);
    store::insert_token(tx, id, &token_hash(&text), staff.info.id, name, now, expires).await?;
    Ok(Secret::new(text))
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
    let found = store::token(&mut tx, &token_hash(text)).await?;
    let now = tx.now_ms();
    tx.rollback().await?;
    let Some(row) = found.filter(|row| row.staff.active && now < row.expires_ms) else { return Ok(None) };
    if row.last_used_ms.is_none_or(|used| now - used >= USED_EVERY_MS) {
        let mut tx = db.begin(&Scope::All).await?;
        store::token_used(&mut tx, &row.id, now).await?;
        tx.commit().await?;
    }
    Ok(Some(session::caller(row.staff, address, Origin::Token)))
}
