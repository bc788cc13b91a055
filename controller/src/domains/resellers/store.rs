//! SQL of resellers.

use lastmile_protocol::ids::{BranchId, ResellerId};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::Reseller;
use crate::db::{Columns as _, Tx, Violation, error::on_violation, of_branch, of_customer};
use crate::kernel::{At, Fault};

/// Every statement, so that a test can prepare them on both databases.
pub const STATEMENTS: &[&str] = &[LIST, INSERT, UPDATE];

const LIST: &str = concat!(
    "SELECT r.id, r.branch_id, r.name, r.phone, r.active, r.created_at_ms, \
       (SELECT COUNT(*) FROM customers c WHERE c.reseller_id = r.id AND ",
    of_customer!("c.branch_id", "c.id"),
    ") AS customers FROM resellers r WHERE (",
    of_branch!("r.branch_id"),
    " OR 'reseller:' || r.id = $1) AND (CAST($2 AS TEXT) IS NULL OR r.id = $2) \
     ORDER BY r.active DESC, r.name, r.id"
);

const INSERT: &str = "INSERT INTO resellers (id, branch_id, name, phone, active, created_at_ms, updated_at_ms) \
     VALUES ($1, $2, $3, $4, 1, $5, $5)";

const UPDATE: &str = concat!(
    "UPDATE resellers SET name = $3, phone = $4, active = $5, updated_at_ms = $6 WHERE ",
    of_branch!("resellers.branch_id"),
    " AND id = $2"
);

fn reseller(row: &AnyRow) -> Result<Reseller, sqlx::Error> {
    Ok(Reseller {
        id: row.parsed("id")?,
        branch_id: row.parsed("branch_id")?,
        name: row.try_get("name")?,
        phone: row.try_get("phone")?,
        active: row.flag("active")?,
        customers: row.try_get("customers")?,
        created_at: At(row.try_get("created_at_ms")?),
    })
}

fn name_taken() -> Fault {
    Fault::taken("reseller_exists", "name", "there is a reseller of this name already")
}

/// All of the caller; one of them where an id is given.
pub(super) async fn list(tx: &mut Tx, id: Option<ResellerId>) -> Result<Vec<Reseller>, Fault> {
    let branches = tx.branches().to_owned();
    let rows = sqlx::query(LIST).bind(branches).bind(id.map(|id| id.to_string())).fetch_all(tx.conn()).await?;
    Ok(rows.iter().map(reseller).collect::<Result<_, _>>()?)
}

pub(super) async fn insert(
    tx: &mut Tx,
    id: ResellerId,
    branch: BranchId,
    name: &str,
    phone: &str,
) -> Result<(), Fault> {
    let now = tx.now_ms();
    sqlx::query(INSERT)
        .bind(id.to_string())
        .bind(branch.to_string())
        .bind(name)
        .bind(phone)
        .bind(now)
        .execute(tx.conn())
        .await
        .map_err(on_violation(Violation::Unique, name_taken))?;
    Ok(())
}

/// Whether the row was there to be changed.
pub(super) async fn update(tx: &mut Tx, id: ResellerId, name: &str, phone: &str, active: bool) -> Result<bool, Fault> {
    let (branches, now) = (tx.branches().to_owned(), tx.now_ms());
    let done = sqlx::query(UPDATE)
        .bind(branches)
        .bind(id.to_string())
        .bind(name)
        .bind(phone)
        .bind(i64::from(active))
        .bind(now)
        .execute(tx.conn())
        .await
        .map_err(on_violation(Violation::Unique, name_taken))?;
    Ok(done.rows_affected() == 1)
}
