//! SQL of staff.

use std::collections::BTreeSet;

use lastmile_protocol::ids::{BranchId, ResellerId, StaffId};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{Filter, Staff, Status};
use crate::access::roles::RoleScope;
use crate::db::error::on_violation;
use crate::db::{Columns as _, Tx, Violation, of_branch};
use crate::kernel::{At, Fault};

/// Every statement, so that a test can prepare them on both databases.
pub const STATEMENTS: &[&str] =
    &[INSERT, LIST, FIND, UPDATE, DEACTIVATE, REACTIVATE, BRANCH_OF_RESELLER, BRANCH_EXISTS, INHERIT, FORGET];

macro_rules! columns {
    () => {
        "s.id, s.branch_id, s.further_branches, s.reseller_id, s.username, s.name, s.role, r.title AS role_title, \
         r.scope, s.phone, s.email, s.language, s.active, s.created_at_ms, s.last_sign_in_ms, s.deactivated_at_ms, \
         s.heir_id, CASE WHEN s.password_hash = '' THEN 0 ELSE 1 END AS has_password, \
         CASE WHEN EXISTS (SELECT 1 FROM staff_totp f WHERE f.staff_id = s.id AND f.confirmed_at_ms IS NOT NULL) \
         THEN 1 ELSE 0 END AS second_factor"
    };
}

const INSERT: &str = "INSERT INTO staff (id, branch_id, further_branches, reseller_id, username, name, role, phone, \
     email, language, password_hash, active, created_at_ms) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1, $12)";
// $4 is the text to look for, its wildcards escaped; $5 the role; $6 whether active; $7 whether with a password.
const LIST: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM staff s JOIN roles r ON r.name = s.role WHERE ",
    of_branch!("s.branch_id"),
    " AND (CAST($2 AS TEXT) IS NULL OR s.name > $2 OR (s.name = $2 AND s.id > $3)) \
     AND (CAST($4 AS TEXT) IS NULL OR LOWER(s.name) LIKE $4 ESCAPE '!' OR s.username LIKE $4 ESCAPE '!' \
     OR s.phone LIKE $4 ESCAPE '!' OR s.email LIKE $4 ESCAPE '!') \
     AND (CAST($5 AS TEXT) IS NULL OR s.role = $5) AND (CAST($6 AS BIGINT) IS NULL OR s.active = $6) \
     AND (CAST($7 AS BIGINT) IS NULL OR ($7 = 1) = (s.password_hash <> '')) \
     ORDER BY s.name, s.id LIMIT $8"
);
const FIND: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM staff s JOIN roles r ON r.name = s.role WHERE ",
    of_branch!("s.branch_id"),
    " AND s.id = $2"
);
const UPDATE: &str = "UPDATE staff SET branch_id = $2, further_branches = $3, reseller_id = $4, name = $5, role = $6, \
     phone = $7, email = $8, language = $9 WHERE id = $1";
const DEACTIVATE: &str = "UPDATE staff SET active = 0, deactivated_at_ms = $2, heir_id = $3 WHERE id = $1";
const REACTIVATE: &str =
    "UPDATE staff SET active = 1, deactivated_at_ms = NULL, heir_id = NULL, password_hash = '' WHERE id = $1";
// Resellers stand above this room; all that is needed of them here is where they belong.
const BRANCH_OF_RESELLER: &str =
    concat!("SELECT r.branch_id FROM resellers r WHERE ", of_branch!("r.branch_id"), " AND r.id = $2 AND r.active = 1");
const BRANCH_EXISTS: &str = concat!("SELECT 1 FROM branches b WHERE ", of_branch!("b.id"), " AND b.id = $2");

fn json<T: serde::Serialize>(value: &T) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(Fault::internal)
}

pub(super) async fn insert(tx: &mut Tx, person: &Staff, password_hash: &str) -> Result<(), Fault> {
    let taken = || Fault::taken("username_taken", "username", "somebody has this sign-in name already");
    sqlx::query(INSERT)
        .bind(person.id.to_string())
        .bind(person.branch_id.to_string())
        .bind(json(&person.further_branch_ids)?)
        .bind(person.reseller_id.map(|id| id.to_string()))
        .bind(&person.username)
        .bind(&person.name)
        .bind(&person.role)
        .bind(&person.phone)
        .bind(&person.email)
        .bind(&person.language)
        .bind(password_hash)
        .bind(person.created_at.0)
        .execute(tx.conn())
        .await
        .map_err(on_violation(Violation::Unique, taken))?;
    Ok(())
}

pub(super) async fn list(
    tx: &mut Tx,
    filter: &Filter,
    after: Option<&(String, String)>,
    limit: i64,
) -> Result<Vec<Staff>, Fault> {
    let branches = tx.branches().to_owned();
    let (name, id) = after.cloned().map_or((None, String::new()), |(name, id)| (Some(name), id));
    let (active, password): (Option<i64>, Option<i64>) = match filter.status {
        None => (None, None),
        Some(Status::Inactive) => (Some(0), None),
        Some(Status::Active) => (Some(1), Some(1)),
        Some(Status::Invited) => (Some(1), Some(0)),
    };
    let rows = sqlx::query(LIST)
        .bind(branches)
        .bind(name)
        .bind(id)
        .bind(filter.search.as_deref().map(pattern))
        .bind(filter.role.clone())
        .bind(active)
        .bind(password)
        .bind(limit)
        .fetch_all(tx.conn())
        .await?;
    rows.iter().map(staff).collect()
}

/// `LIKE` for a text anywhere, with nothing in it that means something to `LIKE`.
fn pattern(text: &str) -> String {
    let escaped = text.trim().to_lowercase().replace('!', "!!").replace('%', "!%").replace('_', "!_");
    format!("%{escaped}%")
}

pub(super) async fn find(tx: &mut Tx, id: StaffId) -> Result<Option<Staff>, Fault> {
    let branches = tx.branches().to_owned();
    let row = sqlx::query(FIND).bind(branches).bind(id.to_string()).fetch_optional(tx.conn()).await?;
    row.as_ref().map(staff).transpose()
}

fn staff(row: &AnyRow) -> Result<Staff, Fault> {
    let active = row.flag("active")?;
    let status = match (active, row.flag("has_password")?) {
        (false, _) => Status::Inactive,
        (true, false) => Status::Invited,
        (true, true) => Status::Active,
    };
    let further: String = row.try_get("further_branches")?;
    let scope: String = row.try_get("scope")?;
    let moment = |column| row.try_get::<Option<i64>, _>(column).map(|at| at.map(At));
    Ok(Staff {
        id: row.parsed("id")?,
        branch_id: row.parsed("branch_id")?,
        further_branch_ids: serde_json::from_str(&further).map_err(Fault::internal)?,
        reseller_id: row.parsed_or_none("reseller_id")?,
        username: row.try_get("username")?,
        name: row.try_get("name")?,
        role: row.try_get("role")?,
        role_title: row.try_get("role_title")?,
        scope: RoleScope::parse(&scope).ok_or_else(|| Fault::internal(format!("roles.scope is {scope}")))?,
        phone: row.try_get("phone")?,
        email: row.try_get("email")?,
        language: row.try_get("language")?,
        status,
        active,
        second_factor: row.flag("second_factor")?,
        created_at: At(row.try_get("created_at_ms")?),
        last_sign_in_at: moment("last_sign_in_ms")?,
        deactivated_at: moment("deactivated_at_ms")?,
        heir_id: row.parsed_or_none("heir_id")?,
    })
}

pub(super) async fn update(tx: &mut Tx, person: &Staff) -> Result<(), Fault> {
    sqlx::query(UPDATE)
        .bind(person.id.to_string())
        .bind(person.branch_id.to_string())
        .bind(json(&person.further_branch_ids)?)
        .bind(person.reseller_id.map(|id| id.to_string()))
        .bind(&person.name)
        .bind(&person.role)
        .bind(&person.phone)
        .bind(&person.email)
        .bind(&person.language)
        .execute(tx.conn())
        .await?;
    Ok(())
}

pub(super) async fn deactivate(tx: &mut Tx, id: StaffId, heir: Option<StaffId>) -> Result<(), Fault> {
    let now = tx.now_ms();
    sqlx::query(DEACTIVATE)
        .bind(id.to_string())
        .bind(now)
        .bind(heir.map(|heir| heir.to_string()))
        .execute(tx.conn())
        .await?;
    Ok(())
}

pub(super) async fn reactivate(tx: &mut Tx, id: StaffId) -> Result<(), Fault> {
    sqlx::query(REACTIVATE).bind(id.to_string()).execute(tx.conn()).await?;
    Ok(())
}

/// The branch of an active reseller that the caller sees.
pub(super) async fn branch_of_reseller(tx: &mut Tx, id: ResellerId) -> Result<Option<BranchId>, Fault> {
    let branches = tx.branches().to_owned();
    let row = sqlx::query(BRANCH_OF_RESELLER).bind(branches).bind(id.to_string()).fetch_optional(tx.conn()).await?;
    Ok(row.map(|row| row.parsed("branch_id")).transpose()?)
}

/// Refuses branches that are not there or not the caller's: they stand in a list, which no foreign key guards.
pub(super) async fn must_be_branches(tx: &mut Tx, wanted: &BTreeSet<BranchId>) -> Result<(), Fault> {
    let branches = tx.branches().to_owned();
    for id in wanted {
        let row = sqlx::query(BRANCH_EXISTS).bind(&branches).bind(id.to_string()).fetch_optional(tx.conn()).await?;
        row.ok_or(Fault::NotFound { what: "branch" })?;
    }
    Ok(())
}

// Customers are assigned by `customers`; here they change hands when somebody leaves.
const INHERIT: &str = concat!(
    "INSERT INTO customer_viewers (viewer, customer_id, branch_id) \
     SELECT $3, v.customer_id, v.branch_id FROM customer_viewers v WHERE ",
    of_branch!("v.branch_id"),
    " AND v.viewer = $2 AND NOT EXISTS (SELECT 1 FROM customer_viewers w WHERE w.viewer = $3 \
         AND w.customer_id = v.customer_id)"
);

const FORGET: &str =
    concat!("DELETE FROM customer_viewers WHERE ", of_branch!("customer_viewers.branch_id"), " AND viewer = $2");

/// Gives the customers that are assigned to one person to another, or to nobody. Says how many there were.
pub async fn hand_over(tx: &mut Tx, from: StaffId, to: Option<StaffId>) -> Result<u64, Fault> {
    if to == Some(from) {
        return Ok(0);
    }
    let (branches, old) = (tx.branches().to_owned(), format!("assigned:{from}"));
    if let Some(heir) = to {
        let new = format!("assigned:{heir}");
        sqlx::query(INHERIT).bind(branches.clone()).bind(old.clone()).bind(new).execute(tx.conn()).await?;
    }
    let done = sqlx::query(FORGET).bind(branches).bind(old).execute(tx.conn()).await?;
    Ok(done.rows_affected())
}
