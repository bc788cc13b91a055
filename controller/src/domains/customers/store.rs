//! SQL of customers.

use lastmile_protocol::ids::{AreaId, BranchId, CustomerId, ResellerId, StaffId};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{AreaName, Customer, Viewer};
use crate::db::{Columns as _, Tx, of_branch, of_customer};
use crate::kernel::{At, Fault};

/// Every statement, so that a test can prepare them on both databases.
pub const STATEMENTS: &[&str] =
    &[LOAD, INSERT, UPDATE, RELOCATE, RESELLER_OF, SET_RESELLER, ASSIGNED, PERSON, ASSIGN, UNASSIGN, UNASSIGN_ALL];

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

const RELOCATE: &str = concat!(
    "UPDATE customers SET branch_id = $3, area_id = $4, reseller_id = NULL, updated_at_ms = $5 WHERE ",
    of_branch!("customers.branch_id"),
    " AND id = $2"
);

const RESELLER_OF: &str = concat!(
    "SELECT r.id, r.name FROM customers c JOIN resellers r ON r.id = c.reseller_id WHERE ",
    of_customer!("c.branch_id", "c.id"),
    " AND (",
    of_branch!("r.branch_id"),
    " OR 'reseller:' || r.id = $1) AND c.id = $2"
);

const SET_RESELLER: &str = concat!(
    "UPDATE customers SET reseller_id = $3, updated_at_ms = $4 WHERE ",
    of_branch!("customers.branch_id"),
    " AND id = $2"
);

/// The viewer's word is `assigned:` and the id.
const ASSIGNED: &str = concat!(
    "SELECT s.id, s.name FROM customer_viewers v JOIN staff s ON s.id = substr(v.viewer, 10) WHERE ",
    of_branch!("v.branch_id"),
    " AND ",
    of_branch!("s.branch_id"),
    " AND v.customer_id = $2 AND v.viewer LIKE 'assigned:%' ORDER BY s.name, s.id"
);

const PERSON: &str =
    concat!("SELECT s.id, s.name FROM staff s WHERE ", of_branch!("s.branch_id"), " AND s.id = $2 AND s.active = 1");

const ASSIGN: &str = "INSERT INTO customer_viewers (viewer, customer_id, branch_id) VALUES ($1, $2, $3) \
     ON CONFLICT (viewer, customer_id) DO NOTHING";

const UNASSIGN: &str = concat!(
    "DELETE FROM customer_viewers WHERE ",
    of_branch!("customer_viewers.branch_id"),
    " AND customer_id = $2 AND viewer = $3"
);

const UNASSIGN_ALL: &str = concat!(
    "DELETE FROM customer_viewers WHERE ",
    of_branch!("customer_viewers.branch_id"),
    " AND customer_id = $2 AND viewer LIKE 'assigned:%'"
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

/// Whether the row was there to be moved.
pub(super) async fn relocate(
    tx: &mut Tx,
    id: CustomerId,
    branch: BranchId,
    area: Option<AreaId>,
) -> Result<bool, Fault> {
    let (branches, now) = (tx.branches().to_owned(), tx.now_ms());
    sqlx::query(UNASSIGN_ALL).bind(branches.clone()).bind(id.to_string()).execute(tx.conn()).await?;
    let done = sqlx::query(RELOCATE)
        .bind(branches)
        .bind(id.to_string())
        .bind(branch.to_string())
        .bind(area.map(|id| id.to_string()))
        .bind(now)
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() == 1)
}

fn viewer(row: &AnyRow) -> Result<Viewer, sqlx::Error> {
    Ok(Viewer { id: row.try_get("id")?, name: row.try_get("name")? })
}

/// The reseller whose customer it is, if the caller may know it.
pub(super) async fn reseller_of(tx: &mut Tx, id: CustomerId) -> Result<Option<Viewer>, Fault> {
    let branches = tx.branches().to_owned();
    let row = sqlx::query(RESELLER_OF).bind(branches).bind(id.to_string()).fetch_optional(tx.conn()).await?;
    Ok(row.as_ref().map(viewer).transpose()?)
}

pub(super) async fn set_reseller(tx: &mut Tx, id: CustomerId, to: Option<ResellerId>) -> Result<(), Fault> {
    let (branches, now) = (tx.branches().to_owned(), tx.now_ms());
    let done = sqlx::query(SET_RESELLER)
        .bind(branches)
        .bind(id.to_string())
        .bind(to.map(|id| id.to_string()))
        .bind(now)
        .execute(tx.conn())
        .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(Fault::NotFound { what: "customer" }) }
}

/// People to whom a customer is assigned, by name.
pub(super) async fn assigned(tx: &mut Tx, id: CustomerId) -> Result<Vec<Viewer>, Fault> {
    let branches = tx.branches().to_owned();
    let rows = sqlx::query(ASSIGNED).bind(branches).bind(id.to_string()).fetch_all(tx.conn()).await?;
    Ok(rows.iter().map(viewer).collect::<Result<_, _>>()?)
}

/// Somebody of the caller's who works here.
pub(super) async fn person(tx: &mut Tx, id: StaffId) -> Result<Option<Viewer>, Fault> {
    let branches = tx.branches().to_owned();
    let row = sqlx::query(PERSON).bind(branches).bind(id.to_string()).fetch_optional(tx.conn()).await?;
    Ok(row.as_ref().map(viewer).transpose()?)
}

pub(super) async fn assign(tx: &mut Tx, customer: &Customer, staff: StaffId) -> Result<(), Fault> {
    sqlx::query(ASSIGN)
        .bind(format!("assigned:{staff}"))
        .bind(customer.id.to_string())
        .bind(customer.branch_id.to_string())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Whether it was assigned.
pub(super) async fn unassign(tx: &mut Tx, id: CustomerId, staff: StaffId) -> Result<bool, Fault> {
    let branches = tx.branches().to_owned();
    let done = sqlx::query(UNASSIGN)
        .bind(branches)
        .bind(id.to_string())
        .bind(format!("assigned:{staff}"))
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() == 1)
}
