//! SQL of branches and number series.

use lastmile_protocol::ids::BranchId;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::Branch;
use crate::db::error::on_violation;
use crate::db::{Columns as _, Tx, Violation};
use crate::kernel::{Fault, Zone};

/// Every statement, so that a test can prepare them on both databases.
pub const STATEMENTS: &[&str] = &[LIST, LOAD, NEXT, INSERT];

const LIST: &str = "SELECT b.id, b.name, b.time_zone, b.currency FROM branches b \
     WHERE ($1 = '*' OR $1 LIKE '%,' || b.id || ',%') ORDER BY b.name, b.id";

const LOAD: &str = "SELECT b.id, b.name, b.time_zone, b.currency FROM branches b \
     WHERE ($1 = '*' OR $1 LIKE '%,' || b.id || ',%') AND b.id = $2";

const NEXT: &str = "INSERT INTO number_series (name, last) VALUES ($1, 1) \
     ON CONFLICT (name) DO UPDATE SET last = number_series.last + 1 RETURNING last";

const INSERT: &str = "INSERT INTO branches (id, name, time_zone, currency, created_at_ms) VALUES ($1, $2, $3, $4, $5)";

fn branch(row: &AnyRow) -> Result<Branch, Fault> {
    let zone: String = row.try_get("time_zone")?;
    Ok(Branch {
        id: row.parsed("id")?,
        name: row.try_get("name")?,
        zone: Zone::named(&zone).map_err(Fault::internal)?,
        time_zone: zone,
        currency: row.parsed("currency")?,
    })
}

pub(super) async fn list(tx: &mut Tx) -> Result<Vec<Branch>, Fault> {
    let catalogue = tx.catalogue().to_owned();
    let rows = sqlx::query(LIST).bind(catalogue).fetch_all(tx.conn()).await?;
    rows.iter().map(branch).collect()
}

pub(super) async fn load(tx: &mut Tx, id: BranchId) -> Result<Option<Branch>, Fault> {
    let catalogue = tx.catalogue().to_owned();
    let row = sqlx::query(LOAD).bind(catalogue).bind(id.to_string()).fetch_optional(tx.conn()).await?;
    row.as_ref().map(branch).transpose()
}

pub(super) async fn next_number(tx: &mut Tx, series: &str) -> Result<i64, Fault> {
    Ok(sqlx::query(NEXT).bind(series.to_owned()).fetch_one(tx.conn()).await?.try_get("last")?)
}

pub(super) async fn insert(tx: &mut Tx, branch: &Branch) -> Result<(), Fault> {
    let now = tx.now_ms();
    sqlx::query(INSERT)
        .bind(branch.id.to_string())
        .bind(&branch.name)
        .bind(&branch.time_zone)
        .bind(branch.currency.code().to_owned())
        .bind(now)
        .execute(tx.conn())
        .await
        .map_err(on_violation(Violation::Unique, || {
            Fault::taken("name_taken", "name", "a branch has this name already")
        }))?;
    Ok(())
}
