//! SQL of API tokens.

use std::collections::BTreeSet;

use lastmile_protocol::ids::{StaffId, TokenId};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::people::{self, Person};
use super::person;
use crate::db::{Columns as _, Tx};
use crate::kernel::{At, Fault};

/// Every statement, so that a test can prepare them on both databases.
pub const STATEMENTS: &[&str] = &[INSERT, FIND, USED, LIST, COUNT, REVOKE, REVOKE_ALL, PURGE];

const INSERT: &str = "INSERT INTO api_tokens (id, token_hash, staff_id, name, permissions, created_at_ms, \
     expires_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7)";
const FIND: &str = concat!(
    "SELECT ",
    person!(),
    ", t.id AS token_id, t.permissions AS token_permissions, t.expires_at_ms, t.last_used_ms \
     FROM api_tokens t JOIN staff s ON s.id = t.staff_id JOIN roles r ON r.name = s.role \
     WHERE t.token_hash = $1 AND t.revoked_at_ms IS NULL"
);
const USED: &str = "UPDATE api_tokens SET last_used_ms = $2 WHERE id = $1";
const LIST: &str = "SELECT id, name, permissions, created_at_ms, expires_at_ms, last_used_ms, revoked_at_ms \
     FROM api_tokens WHERE staff_id = $1 ORDER BY created_at_ms DESC, id LIMIT $2";
const COUNT: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM api_tokens \
     WHERE staff_id = $1 AND revoked_at_ms IS NULL AND expires_at_ms > $2";
const REVOKE: &str =
    "UPDATE api_tokens SET revoked_at_ms = $3 WHERE staff_id = $1 AND id = $2 AND revoked_at_ms IS NULL";
const REVOKE_ALL: &str = "UPDATE api_tokens SET revoked_at_ms = $2 WHERE staff_id = $1 AND revoked_at_ms IS NULL";
const PURGE: &str = "DELETE FROM api_tokens WHERE expires_at_ms < $1 OR revoked_at_ms < $1";

/// A token as it is made.
pub(in super::super) struct NewToken<'a> {
    pub(in super::super) id: TokenId,
    pub(in super::super) hash: &'a str,
    pub(in super::super) staff: StaffId,
    pub(in super::super) name: &'a str,
    pub(in super::super) permissions: Option<&'a BTreeSet<String>>,
    pub(in super::super) expires_ms: i64,
}

pub(in super::super) async fn insert(tx: &mut Tx, new: &NewToken<'_>) -> Result<(), Fault> {
    let permissions = new.permissions.map(serde_json::to_string).transpose().map_err(Fault::internal)?;
    let now = tx.now_ms();
    sqlx::query(INSERT)
        .bind(new.id.to_string())
        .bind(new.hash)
        .bind(new.staff.to_string())
        .bind(new.name)
        .bind(permissions)
        .bind(now)
        .bind(new.expires_ms)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// An API token's person and the token's row.
pub(in super::super) struct TokenRow {
    pub(in super::super) person: Person,
    pub(in super::super) id: String,
    pub(in super::super) permissions: Option<BTreeSet<String>>,
    pub(in super::super) expires_ms: i64,
    pub(in super::super) last_used_ms: Option<i64>,
}

fn permissions(row: &AnyRow, column: &str) -> Result<Option<BTreeSet<String>>, Fault> {
    let text: Option<String> = row.try_get(column)?;
    text.map(|text| serde_json::from_str(&text).map_err(Fault::internal)).transpose()
}

pub(in super::super) async fn find(tx: &mut Tx, hash: &str) -> Result<Option<TokenRow>, Fault> {
    let row = sqlx::query(FIND).bind(hash).fetch_optional(tx.conn()).await?;
    row.map(|row| {
        Ok(TokenRow {
            person: people::read(&row)?,
            id: row.try_get("token_id")?,
            permissions: permissions(&row, "token_permissions")?,
            expires_ms: row.try_get("expires_at_ms")?,
            last_used_ms: row.try_get("last_used_ms")?,
        })
    })
    .transpose()
}

pub(in super::super) async fn used(tx: &mut Tx, id: &str, at_ms: i64) -> Result<(), Fault> {
    sqlx::query(USED).bind(id).bind(at_ms).execute(tx.conn()).await?;
    Ok(())
}

/// A token as it is listed.
pub(in super::super) struct Listed {
    pub(in super::super) id: TokenId,
    pub(in super::super) name: String,
    pub(in super::super) permissions: Option<BTreeSet<String>>,
    pub(in super::super) created_at: At,
    pub(in super::super) expires_at: At,
    pub(in super::super) last_used_at: Option<At>,
    pub(in super::super) revoked_at: Option<At>,
}

pub(in super::super) async fn list(tx: &mut Tx, staff: StaffId, most: i64) -> Result<Vec<Listed>, Fault> {
    let rows = sqlx::query(LIST).bind(staff.to_string()).bind(most).fetch_all(tx.conn()).await?;
    rows.iter()
        .map(|row| {
            Ok(Listed {
                id: row.parsed("id")?,
                name: row.try_get("name")?,
                permissions: permissions(row, "permissions")?,
                created_at: At(row.try_get("created_at_ms")?),
                expires_at: At(row.try_get("expires_at_ms")?),
                last_used_at: row.try_get::<Option<i64>, _>("last_used_ms")?.map(At),
                revoked_at: row.try_get::<Option<i64>, _>("revoked_at_ms")?.map(At),
            })
        })
        .collect()
}

/// How many tokens of a person are good.
pub(in super::super) async fn count(tx: &mut Tx, staff: StaffId) -> Result<i64, Fault> {
    let now = tx.now_ms();
    Ok(sqlx::query_scalar(COUNT).bind(staff.to_string()).bind(now).fetch_one(tx.conn()).await?)
}

/// Whether there was such a token of this person, not revoked yet.
pub(in super::super) async fn revoke(tx: &mut Tx, staff: StaffId, id: TokenId) -> Result<bool, Fault> {
    let now = tx.now_ms();
    let done = sqlx::query(REVOKE).bind(staff.to_string()).bind(id.to_string()).bind(now).execute(tx.conn()).await?;
    Ok(done.rows_affected() == 1)
}

pub(in super::super) async fn revoke_all(tx: &mut Tx, staff: StaffId) -> Result<u64, Fault> {
    let now = tx.now_ms();
    Ok(sqlx::query(REVOKE_ALL).bind(staff.to_string()).bind(now).execute(tx.conn()).await?.rows_affected())
}

/// Removes tokens that ended before this moment.
pub(in super::super) async fn purge(tx: &mut Tx, before_ms: i64) -> Result<u64, Fault> {
    Ok(sqlx::query(PURGE).bind(before_ms).execute(tx.conn()).await?.rows_affected())
}
