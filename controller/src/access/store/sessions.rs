//! SQL of web sessions.

use lastmile_protocol::ids::{StaffId, WebSessionId};
use sqlx::Row as _;

use super::people::{self, Person};
use super::person;
use crate::db::{Columns as _, Tx};
use crate::kernel::{At, Fault};

/// Every statement, so that a test can prepare them on both databases.
pub const STATEMENTS: &[&str] = &[INSERT, FIND, SEEN, DELETE, PURGE, LIST, END, END_ALL];

const INSERT: &str = "INSERT INTO web_sessions (id, id_hash, staff_id, created_at_ms, last_seen_ms, address, \
     user_agent) VALUES ($1, $2, $3, $4, $4, $5, $6)";
const FIND: &str = concat!(
    "SELECT ",
    person!(),
    ", w.id AS session_id, w.created_at_ms, w.last_seen_ms FROM web_sessions w JOIN staff s ON s.id = w.staff_id \
     JOIN roles r ON r.name = s.role WHERE w.id_hash = $1"
);
const SEEN: &str = "UPDATE web_sessions SET last_seen_ms = $2 WHERE id_hash = $1 AND last_seen_ms < $2";
const DELETE: &str = "DELETE FROM web_sessions WHERE id_hash = $1";
const PURGE: &str = "DELETE FROM web_sessions WHERE created_at_ms < $1 OR last_seen_ms < $2";
const LIST: &str = "SELECT id, created_at_ms, last_seen_ms, address, user_agent FROM web_sessions \
     WHERE staff_id = $1 AND created_at_ms > $2 AND last_seen_ms > $3 ORDER BY last_seen_ms DESC, id LIMIT $4";
const END: &str = "DELETE FROM web_sessions WHERE staff_id = $1 AND id = $2";
const END_ALL: &str = "DELETE FROM web_sessions WHERE staff_id = $1 AND id <> $2";

/// A session as it is opened.
pub(in super::super) struct NewSession<'a> {
    pub(in super::super) id: WebSessionId,
    pub(in super::super) hash: &'a str,
    pub(in super::super) staff: StaffId,
    pub(in super::super) address: &'a str,
    pub(in super::super) user_agent: &'a str,
}

pub(in super::super) async fn insert(tx: &mut Tx, new: &NewSession<'_>) -> Result<(), Fault> {
    let now = tx.now_ms();
    sqlx::query(INSERT)
        .bind(new.id.to_string())
        .bind(new.hash)
        .bind(new.staff.to_string())
        .bind(now)
        .bind(new.address)
        .bind(new.user_agent)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// A session's person and times.
pub(in super::super) struct SessionRow {
    pub(in super::super) person: Person,
    pub(in super::super) id: WebSessionId,
    pub(in super::super) created_ms: i64,
    pub(in super::super) seen_ms: i64,
}

pub(in super::super) async fn find(tx: &mut Tx, hash: &str) -> Result<Option<SessionRow>, Fault> {
    let row = sqlx::query(FIND).bind(hash).fetch_optional(tx.conn()).await?;
    row.map(|row| {
        Ok(SessionRow {
            person: people::read(&row)?,
            id: row.parsed("session_id")?,
            created_ms: row.try_get("created_at_ms")?,
            seen_ms: row.try_get("last_seen_ms")?,
        })
    })
    .transpose()
}

pub(in super::super) async fn seen(tx: &mut Tx, hash: &str, at_ms: i64) -> Result<(), Fault> {
    sqlx::query(SEEN).bind(hash).bind(at_ms).execute(tx.conn()).await?;
    Ok(())
}

pub(in super::super) async fn delete(tx: &mut Tx, hash: &str) -> Result<(), Fault> {
    sqlx::query(DELETE).bind(hash).execute(tx.conn()).await?;
    Ok(())
}

pub(in super::super) async fn purge(tx: &mut Tx, created_before: i64, seen_before: i64) -> Result<u64, Fault> {
    let done = sqlx::query(PURGE).bind(created_before).bind(seen_before).execute(tx.conn()).await?;
    Ok(done.rows_affected())
}

/// A session as it is listed.
pub(in super::super) struct Listed {
    pub(in super::super) id: WebSessionId,
    pub(in super::super) created_at: At,
    pub(in super::super) last_seen_at: At,
    pub(in super::super) address: String,
    pub(in super::super) user_agent: String,
}

/// Sessions of a person that began and were used after these moments, the last used first.
pub(in super::super) async fn list(
    tx: &mut Tx,
    staff: StaffId,
    created_after: i64,
    seen_after: i64,
    most: i64,
) -> Result<Vec<Listed>, Fault> {
    let rows = sqlx::query(LIST)
        .bind(staff.to_string())
        .bind(created_after)
        .bind(seen_after)
        .bind(most)
        .fetch_all(tx.conn())
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Listed {
                id: row.parsed("id")?,
                created_at: At(row.try_get("created_at_ms")?),
                last_seen_at: At(row.try_get("last_seen_ms")?),
                address: row.try_get("address")?,
                user_agent: row.try_get("user_agent")?,
            })
        })
        .collect()
}

/// Whether there was such a session of this person.
pub(in super::super) async fn end(tx: &mut Tx, staff: StaffId, id: WebSessionId) -> Result<bool, Fault> {
    let done = sqlx::query(END).bind(staff.to_string()).bind(id.to_string()).execute(tx.conn()).await?;
    Ok(done.rows_affected() == 1)
}

/// Ends all sessions of a person but this one; says how many.
pub(in super::super) async fn end_all(tx: &mut Tx, staff: StaffId, but: Option<WebSessionId>) -> Result<u64, Fault> {
    let but = but.map(|id| id.to_string()).unwrap_or_default();
    Ok(sqlx::query(END_ALL).bind(staff.to_string()).bind(but).execute(tx.conn()).await?.rows_affected())
}
