//! SQL of links that work once: invitations and password resets.

use lastmile_protocol::ids::{BranchId, StaffId};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::db::{Columns as _, Tx};
use crate::kernel::{At, Fault};

/// Every statement, so that a test can prepare them on both databases.
pub const STATEMENTS: &[&str] = &[INSERT, FIND, USE, END, OPEN_OF, TRY_CODE, PURGE];

const INSERT: &str = "INSERT INTO staff_links (secret_hash, kind, staff_id, branch_id, code_mac, tries, created_at_ms, \
     expires_at_ms) VALUES ($1, $2, $3, $4, $5, 0, $6, $7)";
const FIND: &str = "SELECT secret_hash, staff_id, code_mac, expires_at_ms FROM staff_links \
     WHERE secret_hash = $1 AND kind = $2 AND used_at_ms IS NULL AND expires_at_ms > $3";
// Whoever comes second changes no row.
const USE: &str = "UPDATE staff_links SET used_at_ms = $2 \
     WHERE secret_hash = $1 AND used_at_ms IS NULL AND expires_at_ms > $2";
const END: &str = "DELETE FROM staff_links WHERE staff_id = $1 AND kind = $2";
const OPEN_OF: &str = "SELECT secret_hash, staff_id, code_mac, expires_at_ms FROM staff_links \
     WHERE staff_id = $1 AND kind = $2 AND used_at_ms IS NULL AND expires_at_ms > $3 \
     ORDER BY created_at_ms DESC LIMIT 1";
const TRY_CODE: &str = "UPDATE staff_links SET tries = tries + 1 WHERE secret_hash = $1 AND tries < $2";
const PURGE: &str = "DELETE FROM staff_links WHERE expires_at_ms < $1";

/// A link as it is made.
pub(in super::super) struct NewLink<'a> {
    pub(in super::super) hash: &'a str,
    pub(in super::super) kind: &'a str,
    pub(in super::super) staff: StaffId,
    pub(in super::super) branch: BranchId,
    pub(in super::super) code_mac: Option<Vec<u8>>,
    pub(in super::super) expires_ms: i64,
}

/// A link that still works.
pub(in super::super) struct LinkRow {
    pub(in super::super) hash: String,
    pub(in super::super) staff: StaffId,
    pub(in super::super) code_mac: Option<Vec<u8>>,
    pub(in super::super) expires_at: At,
}

fn link(row: &AnyRow) -> Result<LinkRow, Fault> {
    Ok(LinkRow {
        hash: row.try_get("secret_hash")?,
        staff: row.parsed("staff_id")?,
        code_mac: row.try_get("code_mac")?,
        expires_at: At(row.try_get("expires_at_ms")?),
    })
}

/// Writes a link; older ones of this kind and person work no more.
pub(in super::super) async fn replace(tx: &mut Tx, new: NewLink<'_>) -> Result<(), Fault> {
    end(tx, new.staff, new.kind).await?;
    let now = tx.now_ms();
    sqlx::query(INSERT)
        .bind(new.hash)
        .bind(new.kind)
        .bind(new.staff.to_string())
        .bind(new.branch.to_string())
        .bind(new.code_mac)
        .bind(now)
        .bind(new.expires_ms)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// The link of this secret, if it still works.
pub(in super::super) async fn find(tx: &mut Tx, hash: &str, kind: &str) -> Result<Option<LinkRow>, Fault> {
    let now = tx.now_ms();
    let row = sqlx::query(FIND).bind(hash).bind(kind).bind(now).fetch_optional(tx.conn()).await?;
    row.as_ref().map(link).transpose()
}

/// The newest link of this kind that a person has, if it still works.
pub(in super::super) async fn open_of(tx: &mut Tx, staff: StaffId, kind: &str) -> Result<Option<LinkRow>, Fault> {
    let now = tx.now_ms();
    let row = sqlx::query(OPEN_OF).bind(staff.to_string()).bind(kind).bind(now).fetch_optional(tx.conn()).await?;
    row.as_ref().map(link).transpose()
}

/// Uses a link up: yes once.
pub(in super::super) async fn use_up(tx: &mut Tx, hash: &str) -> Result<bool, Fault> {
    let now = tx.now_ms();
    Ok(sqlx::query(USE).bind(hash).bind(now).execute(tx.conn()).await?.rows_affected() == 1)
}

/// Takes one of the tries of a link's code; no when none is left.
pub(in super::super) async fn try_code(tx: &mut Tx, hash: &str, tries_max: i64) -> Result<bool, Fault> {
    Ok(sqlx::query(TRY_CODE).bind(hash).bind(tries_max).execute(tx.conn()).await?.rows_affected() == 1)
}

/// Ends the links of this kind that a person has.
pub(in super::super) async fn end(tx: &mut Tx, staff: StaffId, kind: &str) -> Result<(), Fault> {
    sqlx::query(END).bind(staff.to_string()).bind(kind).execute(tx.conn()).await?;
    Ok(())
}

pub(in super::super) async fn purge(tx: &mut Tx, expired_before: i64) -> Result<u64, Fault> {
    Ok(sqlx::query(PURGE).bind(expired_before).execute(tx.conn()).await?.rows_affected())
}
