//! SQL of sign-in, web sessions, API tokens and roles.

use std::collections::BTreeSet;

use lastmile_protocol::ids::{BranchId, StaffId, TokenId};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::caller::StaffInfo;
use super::roles::Role;
use crate::db::Tx;
use crate::kernel::{Fault, Scope};

/// Every statement, so that a test can prepare them on both databases.
pub const STATEMENTS: &[&str] = &[
    STAFF_BY_NAME,
    SIGNED_IN,
    REHASH,
    SESSION_INSERT,
    SESSION_FIND,
    SESSION_SEEN,
    SESSION_DELETE,
    SESSION_PURGE,
    TOKEN_INSERT,
    TOKEN_FIND,
    TOKEN_USED,
    ROLE_PUT,
];

const STAFF_BY_NAME: &str = "SELECT s.id, s.branch_id, s.username, s.name, s.role, s.password_hash, s.active, \
     r.permissions, r.all_branches FROM staff s JOIN roles r ON r.name = s.role WHERE s.username = $1";
const SIGNED_IN: &str = "UPDATE staff SET last_sign_in_ms = $2 WHERE id = $1";
const REHASH: &str = "UPDATE staff SET password_hash = $2 WHERE id = $1";
const SESSION_INSERT: &str = "INSERT INTO web_sessions (id_hash, staff_id, created_at_ms, last_seen_ms, address, \
     user_agent) VALUES ($1, $2, $3, $3, $4, $5)";
const SESSION_FIND: &str = "SELECT s.id, s.branch_id, s.username, s.name, s.role, s.active, r.permissions, \
     r.all_branches, w.created_at_ms, w.last_seen_ms \
     FROM web_sessions w JOIN staff s ON s.id = w.staff_id JOIN roles r ON r.name = s.role WHERE w.id_hash = $1";
const SESSION_SEEN: &str = "UPDATE web_sessions SET last_seen_ms = $2 WHERE id_hash = $1 AND last_seen_ms < $2";
const SESSION_DELETE: &str = "DELETE FROM web_sessions WHERE id_hash = $1";
const SESSION_PURGE: &str = "DELETE FROM web_sessions WHERE created_at_ms < $1 OR last_seen_ms < $2";
const TOKEN_INSERT: &str = "INSERT INTO api_tokens (id, token_hash, staff_id, name, created_at_ms, expires_at_ms) \
     VALUES ($1, $2, $3, $4, $5, $6)";
const TOKEN_FIND: &str = "SELECT s.id, s.branch_id, s.username, s.name, s.role, s.active, r.permissions, \
     r.all_branches, t.id AS token_id, t.expires_at_ms, t.last_used_ms \
     FROM api_tokens t JOIN staff s ON s.id = t.staff_id JOIN roles r ON r.name = s.role WHERE t.token_hash = $1";
const TOKEN_USED: &str = "UPDATE api_tokens SET last_used_ms = $2 WHERE id = $1";
const ROLE_PUT: &str = "INSERT INTO roles (name, title, permissions, all_branches) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (name) DO UPDATE SET title = excluded.title, permissions = excluded.permissions, \
     all_branches = excluded.all_branches";

/// A person with what their role may do.
#[derive(Debug, Clone)]
pub(super) struct StaffRow {
    pub(super) info: StaffInfo,
    pub(super) scope: Scope,
    pub(super) active: bool,
}

fn wrong(what: &'static str) -> impl FnOnce(lastmile_protocol::ids::BadId) -> Fault {
    move |_| Fault::internal(format!("{what} in the database is no id"))
}

fn staff(row: &AnyRow) -> Result<StaffRow, Fault> {
    let id: StaffId = row.try_get::<String, _>("id")?.parse().map_err(wrong("staff.id"))?;
    let branch_id: BranchId = row.try_get::<String, _>("branch_id")?.parse().map_err(wrong("staff.branch_id"))?;
    let permissions: BTreeSet<String> =
        serde_json::from_str(&row.try_get::<String, _>("permissions")?).map_err(Fault::internal)?;
    let all_branches: i64 = row.try_get("all_branches")?;
    let scope = if all_branches == 1 { Scope::All } else { Scope::Branches(BTreeSet::from([branch_id])) };
    Ok(StaffRow {
        info: StaffInfo {
            id,
            username: row.try_get("username")?,
            name: row.try_get("name")?,
            role: row.try_get("role")?,
            branch_id,
            permissions,
        },
        scope,
        active: row.try_get::<i64, _>("active")? == 1,
    })
}

/// The person of this sign-in name and their password's hash.
pub(super) async fn staff_by_name(tx: &mut Tx, username: &str) -> Result<Option<(StaffRow, String)>, Fault> {
    let row = sqlx::query(STAFF_BY_NAME).bind(username).fetch_optional(tx.conn()).await?;
    row.map(|row| Ok((staff(&row)?, row.try_get("password_hash")?))).transpose()
}

pub(super) async fn signed_in(tx: &mut Tx, id: StaffId, at_ms: i64) -> Result<(), Fault> {
    sqlx::query(SIGNED_IN).bind(id.to_string()).bind(at_ms).execute(tx.conn()).await?;
    Ok(())
}

pub(super) async fn rehash(tx: &mut Tx, id: StaffId, hash: &str) -> Result<(), Fault> {
    sqlx::query(REHASH).bind(id.to_string()).bind(hash).execute(tx.conn()).await?;
    Ok(())
}

pub(super) async fn insert_session(
    tx: &mut Tx,
    hash: &str,
    id: StaffId,
    at_ms: i64,
    address: &str,
    user_agent: &str,
) -> Result<(), Fault> {
    sqlx::query(SESSION_INSERT)
        .bind(hash)
        .bind(id.to_string())
        .bind(at_ms)
        .bind(address)
        .bind(user_agent)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// A session's person, when it began and when it was last used.
pub(super) async fn session(tx: &mut Tx, hash: &str) -> Result<Option<(StaffRow, i64, i64)>, Fault> {
    let row = sqlx::query(SESSION_FIND).bind(hash).fetch_optional(tx.conn()).await?;
    row.map(|row| Ok((staff(&row)?, row.try_get("created_at_ms")?, row.try_get("last_seen_ms")?))).transpose()
}

pub(super) async fn session_seen(tx: &mut Tx, hash: &str, at_ms: i64) -> Result<(), Fault> {
    sqlx::query(SESSION_SEEN).bind(hash).bind(at_ms).execute(tx.conn()).await?;
    Ok(())
}

pub(super) async fn delete_session(tx: &mut Tx, hash: &str) -> Result<(), Fault> {
    sqlx::query(SESSION_DELETE).bind(hash).execute(tx.conn()).await?;
    Ok(())
}

pub(super) async fn purge_sessions(tx: &mut Tx, created_before: i64, seen_before: i64) -> Result<u64, Fault> {
    let done = sqlx::query(SESSION_PURGE).bind(created_before).bind(seen_before).execute(tx.conn()).await?;
    Ok(done.rows_affected())
}

pub(super) async fn insert_token(
    tx: &mut Tx,
    id: TokenId,
    hash: &str,
    owner: StaffId,
    name: &str,
    created_ms: i64,
    expires_ms: i64,
) -> Result<(), Fault> {
    sqlx::query(TOKEN_INSERT)
        .bind(id.to_string())
        .bind(hash)
        .bind(owner.to_string())
        .bind(name)
        .bind(created_ms)
        .bind(expires_ms)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// An API token's person and the token's row.
pub(super) struct TokenRow {
    pub(super) staff: StaffRow,
    pub(super) id: String,
    pub(super) expires_ms: i64,
    pub(super) last_used_ms: Option<i64>,
}

pub(super) async fn token(tx: &mut Tx, hash: &str) -> Result<Option<TokenRow>, Fault> {
    let row = sqlx::query(TOKEN_FIND).bind(hash).fetch_optional(tx.conn()).await?;
    row.map(|row| {
        Ok(TokenRow {
            staff: staff(&row)?,
            id: row.try_get("token_id")?,
            expires_ms: row.try_get("expires_at_ms")?,
            last_used_ms: row.try_get("last_used_ms")?,
        })
    })
    .transpose()
}

pub(super) async fn token_used(tx: &mut Tx, id: &str, at_ms: i64) -> Result<(), Fault> {
    sqlx::query(TOKEN_USED).bind(id).bind(at_ms).execute(tx.conn()).await?;
    Ok(())
}

pub(super) async fn put_role(tx: &mut Tx, role: &Role) -> Result<(), Fault> {
    sqlx::query(ROLE_PUT)
        .bind(role.name)
        .bind(role.title)
        .bind(serde_json::to_string(role.permissions).map_err(Fault::internal)?)
        .bind(i64::from(role.all_branches))
        .execute(tx.conn())
        .await?;
    Ok(())
}
