//! SQL of areas.

use lastmile_protocol::ids::{AreaId, BranchId};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::Area;
use crate::db::{Columns as _, Tx, Violation, error::on_violation, of_branch, of_customer};
use crate::kernel::Fault;

/// Every statement, so that a test can prepare them on both databases.
pub const STATEMENTS: &[&str] = &[LIST, LOAD, INSERT, UPDATE, DELETE, IS_BELOW, DEPTH, USES];

/// The number of customers is read here, below the domain that owns them, because it is what makes an area one
/// that cannot be deleted.
const LIST: &str = concat!(
    "SELECT a.id, a.branch_id, a.parent_id, a.name, (SELECT COUNT(*) FROM customers c WHERE c.area_id = a.id AND ",
    of_customer!("$2": "c.branch_id", "c.id"),
    ") AS customers FROM areas a WHERE ",
    of_branch!("a.branch_id"),
    " ORDER BY a.name, a.id"
);

const LOAD: &str = concat!(
    "SELECT a.id, a.branch_id, a.parent_id, a.name, (SELECT COUNT(*) FROM customers c WHERE c.area_id = a.id AND ",
    of_customer!("$3": "c.branch_id", "c.id"),
    ") AS customers FROM areas a WHERE ",
    of_branch!("a.branch_id"),
    " AND a.id = $2"
);

const INSERT: &str = "INSERT INTO areas (id, branch_id, parent_id, name, created_at_ms, updated_at_ms) \
     VALUES ($1, $2, $3, $4, $5, $5)";

const UPDATE: &str = "UPDATE areas SET parent_id = $3, name = $4, updated_at_ms = $5 \
     WHERE ($1 = '*' OR $1 LIKE '%,' || branch_id || ',%') AND id = $2";

const DELETE: &str = "DELETE FROM areas WHERE ($1 = '*' OR $1 LIKE '%,' || branch_id || ',%') AND id = $2";

const IS_BELOW: &str = "WITH RECURSIVE up (id, parent_id) AS ( \
       SELECT id, parent_id FROM areas WHERE id = $1 \
       UNION SELECT a.id, a.parent_id FROM areas a JOIN up ON a.id = up.parent_id) \
     SELECT COUNT(*) AS hits FROM up WHERE id = $2";

const DEPTH: &str = "WITH RECURSIVE up (id, parent_id) AS ( \
       SELECT id, parent_id FROM areas WHERE id = $1 \
       UNION SELECT a.id, a.parent_id FROM areas a JOIN up ON a.id = up.parent_id) \
     SELECT COUNT(*) AS depth FROM up";

const USES: &str = "SELECT (SELECT COUNT(*) FROM customers WHERE area_id = $1) AS customers, \
       (SELECT COUNT(*) FROM areas WHERE parent_id = $1) AS areas";

fn area(row: &AnyRow) -> Result<Area, sqlx::Error> {
    Ok(Area {
        id: row.parsed("id")?,
        branch_id: row.parsed("branch_id")?,
        parent_id: row.parsed_or_none("parent_id")?,
        name: row.try_get("name")?,
        customers: row.try_get("customers")?,
    })
}

pub(super) async fn list(tx: &mut Tx) -> Result<Vec<Area>, Fault> {
    let (catalogue, branches) = (tx.catalogue().to_owned(), tx.branches().to_owned());
    let rows = sqlx::query(LIST).bind(catalogue).bind(branches).fetch_all(tx.conn()).await?;
    Ok(rows.iter().map(area).collect::<Result<_, _>>()?)
}

pub(super) async fn load(tx: &mut Tx, id: AreaId) -> Result<Option<Area>, Fault> {
    let (catalogue, branches) = (tx.catalogue().to_owned(), tx.branches().to_owned());
    let row = sqlx::query(LOAD).bind(catalogue).bind(id.to_string()).bind(branches).fetch_optional(tx.conn()).await?;
    Ok(row.as_ref().map(area).transpose()?)
}

fn name_taken() -> Fault {
    Fault::taken("area_exists", "name", "there is an area of this name here already")
}

pub(super) async fn insert(
    tx: &mut Tx,
    id: AreaId,
    branch: BranchId,
    parent: Option<AreaId>,
    name: &str,
) -> Result<(), Fault> {
    let now = tx.now_ms();
    sqlx::query(INSERT)
        .bind(id.to_string())
        .bind(branch.to_string())
        .bind(parent.map(|id| id.to_string()))
        .bind(name)
        .bind(now)
        .execute(tx.conn())
        .await
        .map_err(on_violation(Violation::Unique, name_taken))?;
    Ok(())
}

/// Whether the row was there to be changed.
pub(super) async fn update(tx: &mut Tx, id: AreaId, parent: Option<AreaId>, name: &str) -> Result<bool, Fault> {
    let (branches, now) = (tx.branches().to_owned(), tx.now_ms());
    let done = sqlx::query(UPDATE)
        .bind(branches)
        .bind(id.to_string())
        .bind(parent.map(|id| id.to_string()))
        .bind(name)
        .bind(now)
        .execute(tx.conn())
        .await
        .map_err(on_violation(Violation::Unique, name_taken))?;
    Ok(done.rows_affected() == 1)
}

/// Whether the row was there to be deleted.
pub(super) async fn delete(tx: &mut Tx, id: AreaId) -> Result<bool, Fault> {
    let branches = tx.branches().to_owned();
    let in_use = || Fault::conflict("area_in_use", "the area has just been put to use");
    let done = sqlx::query(DELETE)
        .bind(branches)
        .bind(id.to_string())
        .execute(tx.conn())
        .await
        .map_err(on_violation(Violation::ForeignKey, in_use))?;
    Ok(done.rows_affected() == 1)
}

/// Whether `area` is `above` or lies below it.
pub(super) async fn is_below(tx: &mut Tx, area: AreaId, above: AreaId) -> Result<bool, Fault> {
    let row = sqlx::query(IS_BELOW).bind(area.to_string()).bind(above.to_string()).fetch_one(tx.conn()).await?;
    Ok(row.try_get::<i64, _>("hits")? > 0)
}

/// How many areas there are from the root down to this one.
pub(super) async fn depth(tx: &mut Tx, area: AreaId) -> Result<i64, Fault> {
    Ok(sqlx::query(DEPTH).bind(area.to_string()).fetch_one(tx.conn()).await?.try_get("depth")?)
}

/// Customers and areas that stand in this area.
pub(super) async fn uses(tx: &mut Tx, area: AreaId) -> Result<(i64, i64), Fault> {
    let row = sqlx::query(USES).bind(area.to_string()).fetch_one(tx.conn()).await?;
    Ok((row.try_get("customers")?, row.try_get("areas")?))
}
