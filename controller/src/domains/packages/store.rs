//! SQL of packages.

use lastmile_protocol::ids::PackageId;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{Package, ValidityUnit};
use crate::db::{Columns as _, Tx, Violation, error::on_violation};
use crate::kernel::{Fault, Money};

/// Every statement, so that a test can prepare them on both databases.
pub const STATEMENTS: &[&str] = &[LIST, LOAD, INSERT, UPDATE, DELETE, USES];

const LIST: &str = "SELECT p.id, p.branch_id, p.name, p.price_minor, p.currency, p.down_bps, p.up_bps, \
       p.validity_value, p.validity_unit, p.grace_days, p.active \
     FROM packages p WHERE ($1 = '*' OR $1 LIKE '%,' || p.branch_id || ',%') \
     ORDER BY p.active DESC, p.price_minor, p.name, p.id";

const LOAD: &str = "SELECT p.id, p.branch_id, p.name, p.price_minor, p.currency, p.down_bps, p.up_bps, \
       p.validity_value, p.validity_unit, p.grace_days, p.active \
     FROM packages p WHERE ($1 = '*' OR $1 LIKE '%,' || p.branch_id || ',%') AND p.id = $2";

const INSERT: &str = "INSERT INTO packages (id, branch_id, name, price_minor, currency, down_bps, up_bps, \
       validity_value, validity_unit, grace_days, active, created_at_ms, updated_at_ms) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)";

const UPDATE: &str = "UPDATE packages SET name = $3, price_minor = $4, down_bps = $5, up_bps = $6, \
       validity_value = $7, validity_unit = $8, grace_days = $9, active = $10, updated_at_ms = $11 \
     WHERE ($1 = '*' OR $1 LIKE '%,' || branch_id || ',%') AND id = $2";

const DELETE: &str = "DELETE FROM packages WHERE ($1 = '*' OR $1 LIKE '%,' || branch_id || ',%') AND id = $2";

/// Ended subscriptions count: their history names the package.
const USES: &str = "SELECT COUNT(*) AS subscriptions FROM subscriptions WHERE package_id = $1";

fn package(row: &AnyRow) -> Result<Package, sqlx::Error> {
    let unit: String = row.try_get("validity_unit")?;
    let unknown = || sqlx::Error::ColumnDecode { index: "validity_unit".into(), source: "unknown unit".into() };
    Ok(Package {
        id: row.parsed("id")?,
        branch_id: row.parsed("branch_id")?,
        name: row.try_get("name")?,
        price: Money::new(row.try_get("price_minor")?, row.parsed("currency")?),
        down_bps: row.try_get("down_bps")?,
        up_bps: row.try_get("up_bps")?,
        validity_value: row.try_get("validity_value")?,
        validity_unit: ValidityUnit::parse(&unit).ok_or_else(unknown)?,
        grace_days: row.try_get("grace_days")?,
        active: row.flag("active")?,
    })
}

pub(super) async fn list(tx: &mut Tx) -> Result<Vec<Package>, Fault> {
    let catalogue = tx.catalogue().to_owned();
    let rows = sqlx::query(LIST).bind(catalogue).fetch_all(tx.conn()).await?;
    Ok(rows.iter().map(package).collect::<Result<_, _>>()?)
}

pub(super) async fn load(tx: &mut Tx, id: PackageId) -> Result<Option<Package>, Fault> {
    let catalogue = tx.catalogue().to_owned();
    let row = sqlx::query(LOAD).bind(catalogue).bind(id.to_string()).fetch_optional(tx.conn()).await?;
    Ok(row.as_ref().map(package).transpose()?)
}

fn name_taken() -> Fault {
    Fault::taken("package_exists", "name", "there is a package of this name already")
}

pub(super) async fn insert(tx: &mut Tx, package: &Package) -> Result<(), Fault> {
    let now = tx.now_ms();
    sqlx::query(INSERT)
        .bind(package.id.to_string())
        .bind(package.branch_id.to_string())
        .bind(&package.name)
        .bind(package.price.minor())
        .bind(package.price.currency().code().to_owned())
        .bind(package.down_bps)
        .bind(package.up_bps)
        .bind(package.validity_value)
        .bind(package.validity_unit.as_str())
        .bind(package.grace_days)
        .bind(i64::from(package.active))
        .bind(now)
        .execute(tx.conn())
        .await
        .map_err(on_violation(Violation::Unique, name_taken))?;
    Ok(())
}

/// Whether the row was there to be changed.
pub(super) async fn update(tx: &mut Tx, package: &Package) -> Result<bool, Fault> {
    let (branches, now) = (tx.branches().to_owned(), tx.now_ms());
    let done = sqlx::query(UPDATE)
        .bind(branches)
        .bind(package.id.to_string())
        .bind(&package.name)
        .bind(package.price.minor())
        .bind(package.down_bps)
        .bind(package.up_bps)
        .bind(package.validity_value)
        .bind(package.validity_unit.as_str())
        .bind(package.grace_days)
        .bind(i64::from(package.active))
        .bind(now)
        .execute(tx.conn())
        .await
        .map_err(on_violation(Violation::Unique, name_taken))?;
    Ok(done.rows_affected() == 1)
}

/// Whether the row was there to be deleted.
pub(super) async fn delete(tx: &mut Tx, id: PackageId) -> Result<bool, Fault> {
    let branches = tx.branches().to_owned();
    let in_use = || Fault::conflict("package_in_use", "the package has just been put to use");
    let done = sqlx::query(DELETE)
        .bind(branches)
        .bind(id.to_string())
        .execute(tx.conn())
        .await
        .map_err(on_violation(Violation::ForeignKey, in_use))?;
    Ok(done.rows_affected() == 1)
}

/// Subscriptions that have or had this package.
pub(super) async fn uses(tx: &mut Tx, id: PackageId) -> Result<i64, Fault> {
    Ok(sqlx::query(USES).bind(id.to_string()).fetch_one(tx.conn()).await?.try_get("subscriptions")?)
}
