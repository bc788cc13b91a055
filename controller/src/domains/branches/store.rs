//! SQL of branches and number series.
//!
//! How much a branch has is read here, below the domains that own it, because it is what makes a branch one that
//! cannot be removed.

use lastmile_protocol::ids::{BranchAccountId, BranchId, StaffId};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::Branch;
use super::calendar;
use super::office::{AccountKind, BranchAccount, Holiday, Manager, Office};
use super::rules::Draft;
use crate::db::error::on_violation;
use crate::db::{Columns as _, Tx, Violation, of_branch, of_customer};
use crate::kernel::{At, Fault, Zone, time};

/// Every statement, so that a test can prepare them on both databases.
pub const STATEMENTS: &[&str] = &[
    LIST,
    LOAD,
    NEXT,
    INSERT,
    OFFICES,
    IS_ACTIVE,
    UPDATE,
    HOLIDAYS,
    CLEAR_HOLIDAYS,
    ADD_HOLIDAY,
    ACCOUNTS,
    PUT_ACCOUNT,
    DELETE_ACCOUNT,
    REMOVE,
    USES,
];

const LIST: &str = "SELECT b.id, b.name, b.time_zone, b.currency FROM branches b \
     WHERE b.removed_at_ms IS NULL AND ($1 = '*' OR $1 LIKE '%,' || b.id || ',%') ORDER BY b.name, b.id";

/// Removed ones too: what happened in them is still told.
const LOAD: &str = "SELECT b.id, b.name, b.time_zone, b.currency FROM branches b \
     WHERE ($1 = '*' OR $1 LIKE '%,' || b.id || ',%') AND b.id = $2";

const NEXT: &str = "INSERT INTO number_series (name, last) VALUES ($1, 1) \
     ON CONFLICT (name) DO UPDATE SET last = number_series.last + 1 RETURNING last";

const INSERT: &str = "INSERT INTO branches (id, name, time_zone, currency, created_at_ms, updated_at_ms) \
     VALUES ($1, $2, $3, $4, $5, $5)";

const OFFICES: &str = concat!(
    "SELECT b.id, b.name, b.address, b.phone, b.manager_id, m.name AS manager_name, b.time_zone, b.currency, \
       b.days_off, b.invoice_prefix, b.fiscal_year_month, b.created_at_ms, \
       (SELECT COUNT(*) FROM customers c WHERE c.branch_id = b.id AND ",
    of_customer!("c.branch_id", "c.id"),
    ") AS customers, (SELECT COUNT(*) FROM staff s WHERE s.branch_id = b.id AND s.active = 1 AND ",
    of_branch!("s.branch_id"),
    ") AS staff, (SELECT COUNT(*) FROM pops p WHERE p.branch_id = b.id AND ",
    of_branch!("p.branch_id"),
    ") AS pops, (SELECT COUNT(*) FROM routers r WHERE r.branch_id = b.id AND ",
    of_branch!("r.branch_id"),
    ") AS routers FROM branches b LEFT JOIN staff m ON m.id = b.manager_id AND m.active = 1 AND ",
    of_branch!("m.branch_id"),
    " WHERE b.removed_at_ms IS NULL AND ($2 = '*' OR $2 LIKE '%,' || b.id || ',%') \
       AND (CAST($3 AS TEXT) IS NULL OR b.id = $3) ORDER BY b.name, b.id"
);

const IS_ACTIVE: &str = concat!(
    "SELECT COUNT(*) AS people FROM staff s WHERE ",
    of_branch!("s.branch_id"),
    " AND s.id = $2 AND s.active = 1"
);

const UPDATE: &str = concat!(
    "UPDATE branches SET name = $3, address = $4, phone = $5, manager_id = $6, time_zone = $7, currency = $8, \
       days_off = $9, invoice_prefix = $10, fiscal_year_month = $11, updated_at_ms = $12 WHERE ",
    of_branch!("branches.id"),
    " AND id = $2"
);

const HOLIDAYS: &str = "SELECT h.day, h.name FROM branch_holidays h \
     WHERE ($1 = '*' OR $1 LIKE '%,' || h.branch_id || ',%') AND h.branch_id = $2 ORDER BY h.day";

const CLEAR_HOLIDAYS: &str =
    concat!("DELETE FROM branch_holidays WHERE ", of_branch!("branch_holidays.branch_id"), " AND branch_id = $2");

const ADD_HOLIDAY: &str = "INSERT INTO branch_holidays (branch_id, day, name) VALUES ($1, $2, $3)";

const ACCOUNTS: &str = concat!(
    "SELECT a.id, a.kind, a.name, a.number, a.note, a.active FROM branch_accounts a WHERE ",
    of_branch!("a.branch_id"),
    " AND a.branch_id = $2 ORDER BY a.active DESC, a.kind, a.name, a.number"
);

const PUT_ACCOUNT: &str = "INSERT INTO branch_accounts \
       (id, branch_id, kind, name, number, note, active, created_at_ms, updated_at_ms) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8) \
     ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, name = excluded.name, number = excluded.number, \
       note = excluded.note, active = excluded.active, updated_at_ms = excluded.updated_at_ms";

const DELETE_ACCOUNT: &str = concat!(
    "DELETE FROM branch_accounts WHERE ",
    of_branch!("branch_accounts.branch_id"),
    " AND branch_id = $2 AND id = $3"
);

const REMOVE: &str = concat!(
    "UPDATE branches SET name = name || ' (' || id || ')', invoice_prefix = '', manager_id = NULL, \
       removed_at_ms = $3, updated_at_ms = $3 WHERE ",
    of_branch!("branches.id"),
    " AND id = $2 AND removed_at_ms IS NULL"
);

/// What stands in a branch. Read by who sees all branches.
const USES: &str = "SELECT (SELECT COUNT(*) FROM customers WHERE branch_id = $1) AS customers, \
     (SELECT COUNT(*) FROM staff WHERE branch_id = $1) AS staff, \
     (SELECT COUNT(*) FROM pops WHERE branch_id = $1) AS pops, \
     (SELECT COUNT(*) FROM routers WHERE branch_id = $1) AS routers, \
     (SELECT COUNT(*) FROM resellers WHERE branch_id = $1) AS resellers, \
     (SELECT COUNT(*) FROM packages WHERE branch_id = $1) AS packages, \
     (SELECT COUNT(*) FROM areas WHERE branch_id = $1) AS areas, \
     (SELECT COUNT(*) FROM payments WHERE branch_id = $1) AS payments, \
     (SELECT COUNT(*) FROM ledger_journals WHERE branch_id = $1) AS journals";

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

fn name_taken() -> Fault {
    Fault::taken("name_taken", "name", "a branch has this name already")
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
        .map_err(on_violation(Violation::Unique, name_taken))?;
    Ok(())
}

fn office(row: &AnyRow) -> Result<Office, Fault> {
    let manager_id: Option<StaffId> = row.parsed_or_none("manager_id")?;
    let manager_name: Option<String> = row.try_get("manager_name")?;
    let days: String = row.try_get("days_off")?;
    let unknown = || Fault::internal(format!("{days} are no days of the week"));
    Ok(Office {
        id: row.parsed("id")?,
        name: row.try_get("name")?,
        address: row.try_get("address")?,
        phone: row.try_get("phone")?,
        manager: manager_id.zip(manager_name).map(|(id, name)| Manager { id, name }),
        time_zone: row.try_get("time_zone")?,
        currency: row.parsed("currency")?,
        days_off: calendar::from_text(&days).ok_or_else(unknown)?,
        invoice_prefix: row.try_get("invoice_prefix")?,
        fiscal_year_month: row.try_get("fiscal_year_month")?,
        customers: row.try_get("customers")?,
        staff: row.try_get("staff")?,
        pops: row.try_get("pops")?,
        routers: row.try_get("routers")?,
        created_at: At(row.try_get("created_at_ms")?),
        manager_id,
    })
}

/// Offices of the caller by name; one of them where an id is given.
pub(super) async fn offices(tx: &mut Tx, id: Option<BranchId>) -> Result<Vec<Office>, Fault> {
    let (branches, catalogue) = (tx.branches().to_owned(), tx.catalogue().to_owned());
    let rows = sqlx::query(OFFICES)
        .bind(branches)
        .bind(catalogue)
        .bind(id.map(|id| id.to_string()))
        .fetch_all(tx.conn())
        .await?;
    rows.iter().map(office).collect()
}

/// Whether this person is one of the caller's and works here.
pub(super) async fn is_active(tx: &mut Tx, staff: StaffId) -> Result<bool, Fault> {
    let branches = tx.branches().to_owned();
    let row = sqlx::query(IS_ACTIVE).bind(branches).bind(staff.to_string()).fetch_one(tx.conn()).await?;
    Ok(row.try_get::<i64, _>("people")? == 1)
}

pub(super) async fn update(tx: &mut Tx, id: BranchId, draft: &Draft) -> Result<(), Fault> {
    let (branches, now) = (tx.branches().to_owned(), tx.now_ms());
    let done = sqlx::query(UPDATE)
        .bind(branches)
        .bind(id.to_string())
        .bind(&draft.name)
        .bind(&draft.address)
        .bind(&draft.phone)
        .bind(draft.manager_id.map(|id| id.to_string()))
        .bind(&draft.time_zone)
        .bind(draft.currency.code().to_owned())
        .bind(calendar::to_text(&draft.days_off))
        .bind(&draft.invoice_prefix)
        .bind(draft.fiscal_year_month)
        .bind(now)
        .execute(tx.conn())
        .await
        .map_err(taken)?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(Fault::NotFound { what: "branch" }) }
}

/// Which of the two unique texts somebody else has.
fn taken(error: sqlx::Error) -> Fault {
    let about_prefix = error.as_database_error().is_some_and(|error| error.message().contains("invoice_prefix"));
    on_violation(Violation::Unique, || {
        if about_prefix {
            let message = "another branch numbers its invoices with this";
            return Fault::taken("prefix_taken", "invoice_prefix", message);
        }
        name_taken()
    })(error)
}

pub(super) async fn holidays(tx: &mut Tx, id: BranchId) -> Result<Vec<Holiday>, Fault> {
    let catalogue = tx.catalogue().to_owned();
    let rows = sqlx::query(HOLIDAYS).bind(catalogue).bind(id.to_string()).fetch_all(tx.conn()).await?;
    let read = |row: &AnyRow| {
        let day: String = row.try_get("day")?;
        let unknown = || Fault::internal(format!("{day} is no day"));
        Ok(Holiday { day: time::parse_day(&day).ok_or_else(unknown)?, name: row.try_get("name")? })
    };
    rows.iter().map(read).collect()
}

/// These and no others.
pub(super) async fn put_holidays(tx: &mut Tx, id: BranchId, holidays: &[Holiday]) -> Result<(), Fault> {
    let branches = tx.branches().to_owned();
    sqlx::query(CLEAR_HOLIDAYS).bind(branches).bind(id.to_string()).execute(tx.conn()).await?;
    for holiday in holidays {
        sqlx::query(ADD_HOLIDAY)
            .bind(id.to_string())
            .bind(holiday.day.to_string())
            .bind(&holiday.name)
            .execute(tx.conn())
            .await?;
    }
    Ok(())
}

pub(super) async fn accounts(tx: &mut Tx, id: BranchId) -> Result<Vec<BranchAccount>, Fault> {
    let branches = tx.branches().to_owned();
    let rows = sqlx::query(ACCOUNTS).bind(branches).bind(id.to_string()).fetch_all(tx.conn()).await?;
    let read = |row: &AnyRow| {
        let kind: String = row.try_get("kind")?;
        Ok(BranchAccount {
            id: row.parsed("id")?,
            kind: if kind == AccountKind::Bank.word() { AccountKind::Bank } else { AccountKind::Gateway },
            name: row.try_get("name")?,
            number: row.try_get("number")?,
            note: row.try_get("note")?,
            active: row.flag("active")?,
        })
    };
    rows.iter().map(read).collect()
}

pub(super) async fn put_account(tx: &mut Tx, branch: BranchId, account: &BranchAccount) -> Result<(), Fault> {
    let now = tx.now_ms();
    sqlx::query(PUT_ACCOUNT)
        .bind(account.id.to_string())
        .bind(branch.to_string())
        .bind(account.kind.word())
        .bind(&account.name)
        .bind(&account.number)
        .bind(&account.note)
        .bind(i64::from(account.active))
        .bind(now)
        .execute(tx.conn())
        .await?;
    Ok(())
}

pub(super) async fn delete_account(tx: &mut Tx, branch: BranchId, id: BranchAccountId) -> Result<(), Fault> {
    let branches = tx.branches().to_owned();
    sqlx::query(DELETE_ACCOUNT).bind(branches).bind(branch.to_string()).bind(id.to_string()).execute(tx.conn()).await?;
    Ok(())
}

/// Whether the row was there to be removed.
pub(super) async fn remove(tx: &mut Tx, id: BranchId) -> Result<bool, Fault> {
    let (branches, now) = (tx.branches().to_owned(), tx.now_ms());
    let done = sqlx::query(REMOVE).bind(branches).bind(id.to_string()).bind(now).execute(tx.conn()).await?;
    Ok(done.rows_affected() == 1)
}

/// How much stands in a branch, by what people call it: one, and several.
const USES_TOLD: [(&str, &str, &str); 9] = [
    ("customers", "customer", "customers"),
    ("staff", "person of the staff", "people of the staff"),
    ("pops", "POP", "POPs"),
    ("routers", "router", "routers"),
    ("resellers", "reseller", "resellers"),
    ("packages", "package", "packages"),
    ("areas", "area", "areas"),
    ("payments", "payment", "payments"),
    ("journals", "entry in the ledger", "entries in the ledger"),
];

/// What stands in a branch.
pub(super) struct Uses(Vec<i64>);

impl Uses {
    /// In words; nothing where the branch is empty.
    pub(super) fn told(&self) -> Vec<String> {
        let told = USES_TOLD.iter().zip(&self.0).filter(|(_, count)| **count > 0);
        told.map(|((_, one, many), count)| format!("{count} {}", if *count == 1 { one } else { many })).collect()
    }

    /// Whether money has moved in it.
    pub(super) fn has_money(&self) -> bool {
        USES_TOLD.iter().zip(&self.0).any(|((name, ..), count)| matches!(*name, "payments" | "journals") && *count > 0)
    }
}

pub(super) async fn uses(tx: &mut Tx, id: BranchId) -> Result<Uses, Fault> {
    let row = sqlx::query(USES).bind(id.to_string()).fetch_one(tx.conn()).await?;
    let counts = USES_TOLD.iter().map(|(name, ..)| row.try_get(*name)).collect::<Result<_, _>>()?;
    Ok(Uses(counts))
}
