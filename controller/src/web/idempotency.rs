//! Requests that may be sent twice and must act once.
//!
//! The answer to a request with an `Idempotency-Key` is kept for at least a day under the caller and the key. The same
//! request again gets the same answer; another request with the same key is refused. A handler that changes something
//! calls [`IdempotencyKey::keep`] in its own transaction: then there is no moment at which the act is done and the
//! answer is not kept.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::StatusCode;
use axum::http::request::Parts;
use sqlx::Row as _;

use super::app::App;
use crate::db::error::on_violation;
use crate::db::{Db, Tx, Violation};
use crate::kernel::{Fault, Scope};

/// Every statement of the web, so that a test can prepare them on both databases.
pub const STATEMENTS: &[&str] = &[FIND, INSERT, INSERT_ONCE, PURGE, super::guard::THERE];

const FIND: &str = "SELECT request_hash, status, body FROM idempotency WHERE caller = $1 AND idempotency_key = $2";
const INSERT: &str = "INSERT INTO idempotency (caller, idempotency_key, request_hash, status, body, created_at_ms) \
     VALUES ($1, $2, $3, $4, $5, $6)";
const INSERT_ONCE: &str = "INSERT INTO idempotency (caller, idempotency_key, request_hash, status, body, \
     created_at_ms) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (caller, idempotency_key) DO NOTHING";
const PURGE: &str = "DELETE FROM idempotency WHERE created_at_ms < $1";

/// Answers are kept this long.
const KEPT_MS: i64 = 48 * 60 * 60 * 1_000;
/// The longest key.
pub(super) const KEY_MAX: usize = 200;

/// The key of this request, bound to its caller and its content. A handler that takes it requires the header.
#[derive(Debug, Clone)]
pub struct IdempotencyKey {
    pub(super) caller: String,
    pub(super) key: String,
    pub(super) request_hash: String,
}

impl IdempotencyKey {
    /// The key as the caller sent it.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Keeps the answer in the transaction of what it answers.
    ///
    /// # Errors
    /// [`Fault::Conflict`] when the same key was used a moment ago; the transaction must not be committed then.
    pub async fn keep<T: serde::Serialize>(&self, tx: &mut Tx, status: StatusCode, answer: &T) -> Result<(), Fault> {
        let body = serde_json::to_string(answer).map_err(Fault::internal)?;
        let now = tx.now_ms();
        sqlx::query(INSERT)
            .bind(&self.caller)
            .bind(&self.key)
            .bind(&self.request_hash)
            .bind(i64::from(status.as_u16()))
            .bind(body)
            .bind(now)
            .execute(tx.conn())
            .await
            .map_err(on_violation(Violation::Unique, in_progress))?;
        Ok(())
    }

    /// Keeps an answer that the handler did not keep itself.
    pub(super) async fn keep_late(&self, db: &Db, status: StatusCode, body: &str) -> Result<(), Fault> {
        let mut tx = db.begin(&Scope::All).await?;
        let now = tx.now_ms();
        sqlx::query(INSERT_ONCE)
            .bind(&self.caller)
            .bind(&self.key)
            .bind(&self.request_hash)
            .bind(i64::from(status.as_u16()))
            .bind(body)
            .bind(now)
            .execute(tx.conn())
            .await?;
        Ok(tx.commit().await?)
    }

    /// The answer that was kept, if there is one.
    pub(super) async fn kept(&self, db: &Db) -> Result<Option<(StatusCode, String)>, Fault> {
        let mut tx = db.read(&Scope::All).await?;
        let row = sqlx::query(FIND).bind(&self.caller).bind(&self.key).fetch_optional(tx.conn()).await?;
        tx.rollback().await?;
        let Some(row) = row else { return Ok(None) };
        if row.try_get::<String, _>(0)? != self.request_hash {
            return Err(Fault::conflict("idempotency_key_reused", "this Idempotency-Key was used for another request"));
        }
        let status = u16::try_from(row.try_get::<i64, _>(1)?).ok().and_then(|code| StatusCode::from_u16(code).ok());
        Ok(Some((status.unwrap_or(StatusCode::OK), row.try_get(2)?)))
    }
}

fn in_progress() -> Fault {
    Fault::conflict("in_progress", "the same request is being answered at this moment; ask again")
}

/// Removes answers that are older than they must be kept.
///
/// # Errors
/// When the database fails.
pub async fn purge(tx: &mut Tx) -> Result<u64, Fault> {
    let before = tx.now_ms() - KEPT_MS;
    Ok(sqlx::query(PURGE).bind(before).execute(tx.conn()).await?.rows_affected())
}

type InFlight = Arc<Mutex<BTreeSet<(String, String)>>>;

/// A request with this key is being answered while this lives.
pub(super) struct Turn {
    all: InFlight,
    own: (String, String),
}

impl Turn {
    pub(super) fn take(all: &InFlight, key: &IdempotencyKey) -> Result<Self, Fault> {
        let own = (key.caller.clone(), key.key.clone());
        let mut set = all.lock().unwrap_or_else(PoisonError::into_inner);
        if set.insert(own.clone()) { Ok(Self { all: Arc::clone(all), own }) } else { Err(in_progress()) }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.own);
    }
}

impl FromRequestParts<App> for IdempotencyKey {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Fault> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(|| Fault::field("Idempotency-Key", "this header is needed, so that the act happens once"))
    }
}

impl OptionalFromRequestParts<App> for IdempotencyKey {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Option<Self>, Fault> {
        Ok(parts.extensions.get::<Self>().cloned())
    }
}
