//! SQL of customers.

use lastmile_protocol::ids::{AreaId, CustomerId, ResellerId};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{AreaName, Customer};
use crate::db::{Columns as _, Tx, of_customer};
use crate::kernel::{At, Fault};

/// Every statement, so that a test can prepare them on both databases.
pub const STATEMENTS: &[&str] = &[LOAD, INSERT, UPDATE];

const LOAD: &str = concat!(
    "SELECT c.id, c.branch_id, c.number, c.name, c.phone, c.area_id, a.name AS area_name, c.address, \
       c.notes, c.created_at_ms \
     FROM customers c LEFT JOIN areas a ON a.id = c.area_id \
     WHERE ",
    of_customer!("c.branch_id", "c.id"),
    " AND c.id = $2"
);

const INSERT: &str = "INSERT INTO customers (id, branch_id, number, name, phone, area_id, address, notes, search, \
       sort_name, created_at_ms, updated_at_ms, number_count, reseller_id) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $12, $13)";

const UPDATE: &str = concat!(
    "UPDATE customers SET name = $3, phone = $4, area_id = $5, address = $6, notes = $7, search = $8, \
       sort_name = $9, updated_at_ms = $10 \
     WHERE ",
    of_customer!("customers.branch_id", "customers.id"),
    " AND id = $2"
);

fn customer(row: &AnyRow) -> Result<Customer, sqlx::Error> {
    let area: Option<AreaId> = row.parsed_or_none("area_id")?;
    let area_name: Option<String> = row.try_get("area_name")?;
    Ok(Customer {
        id: row.parsed("id")?,
        branch_id: row.parsed("branch_id")?,
        number: row.try_get("number")?,
        name: row.try_get("name")?,
        phone: row.try_get("phone")?,
        area: area.zip(area_name).map(|(id, name)| AreaName { id, name }),
        address: row.try_get("address")?,
        notes: row.try_get("notes")?,
        created_at: At(row.try_get("created_at_ms")?),
    })
}

pub(super) async fn load(tx: &mut Tx, id: CustomerId) -> Result<Option<Customer>, Fault> {
    let branches = tx.branches().to_owned();
    let row = sqlx::query(LOAD).bind(branches).bind(id.to_string()).fetch_optional(tx.conn()).await?;
    Ok(row.as_ref().map(customer).transpose()?)
}

pub(super) async fn insert(
    tx: &mut Tx,
    customer: &Customer,
    reseller: Option<ResellerId>,
    count: i64,
    search: &str,
    sort_name: &str,
) -> Result<(), Fault> {
    sqlx::query(INSERT)
        .bind(customer.id.to_string())
        .bind(customer.branch_id.to_string())
        .bind(&customer.number)
        .bind(&customer.name)
        .bind(&customer.phone)
        .bind(customer.area.as_ref().map(|area| area.id.to_string()))
        .bind(&customer.address)
        .bind(&customer.notes)
        .bind(search)
        .bind(sort_name)
        .bind(customer.created_at.0)
        .bind(count)
        .bind(reseller.map(|id| id.to_string()))
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Whether the row was there to be changed.
pub(super) async fn update(tx: &mut Tx, customer: &Customer, search: &str, sort_name: &str) -> Result<bool, Fault> {
    let (branches, now) = (tx.branches().to_owned(), tx.now_ms());
    let done = sqlx::query(UPDATE)
        .bind(branches)
        .bind(customer.id.to_string())
        .bind(&customer.name)
        .bind(&customer.phone)
        .bind(customer.area.as_ref().map(|area| area.id.to_string()))
        .bind(&customer.address)
        .bind(&customer.notes)
        .bind(search)
        .bind(sort_name)
        .bind(now)
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() == 1)
}
