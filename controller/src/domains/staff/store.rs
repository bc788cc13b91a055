//! SQL of staff and roles.

use lastmile_protocol::ids::StaffId;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{NewStaff, Role, Staff};
use crate::db::error::on_violation;
use crate::db::{Tx, Violation};
use crate::kernel::{At, Fault};

/// Every statement, so that a test can prepare them on both databases.
pub const STATEMENTS: &[&str] = &[INSERT, LIST, ROLE, ROLES];

const INSERT: &str = "INSERT INTO staff (id, branch_id, username, name, role, password_hash, active, created_at_ms) \
     VALUES ($1, $2, $3, $4, $5, $6, 1, $7)";
const LIST: &str = "SELECT s.id, s.branch_id, s.username, s.name, s.role, s.active, s.created_at_ms, \
     s.last_sign_in_ms FROM staff s WHERE ($1 = '*' OR $1 LIKE '%,' || s.branch_id || ',%') \
     AND (CAST($2 AS TEXT) IS NULL OR s.name > $2 OR (s.name = $2 AND s.id > $3)) ORDER BY s.name, s.id LIMIT $4";
const ROLE: &str = "SELECT name, title, permissions, all_branches FROM roles WHERE name = $1";
const ROLES: &str = "SELECT name, title, permissions, all_branches FROM roles ORDER BY name";

pub(super) async fn insert(tx: &mut Tx, id: StaffId, username: &str, new: &NewStaff) -> Result<(), Fault> {
    let now = tx.now_ms();
    sqlx::query(INSERT)
        .bind(id.to_string())
        .bind(new.branch_id.to_string())
        .bind(username)
        .bind(new.name.trim())
        .bind(&new.role)
        .bind(&new.password_hash)
        .bind(now)
        .execute(tx.conn())
        .await
        .map_err(on_violation(Violation::Unique, || {
            Fault::taken("username_taken", "username", "somebody has this sign-in name already")
        }))?;
    Ok(())
}

pub(super) async fn list(tx: &mut Tx, after: Option<&(String, String)>, limit: i64) -> Result<Vec<Staff>, Fault> {
    let branches = tx.branches().to_owned();
    let (name, id) = after.cloned().map_or((None, String::new()), |(name, id)| (Some(name), id));
    let rows = sqlx::query(LIST).bind(branches).bind(name).bind(id).bind(limit).fetch_all(tx.conn()).await?;
    rows.iter().map(staff).collect()
}

fn staff(row: &AnyRow) -> Result<Staff, Fault> {
    Ok(Staff {
        id: row.try_get::<String, _>("id")?.parse().map_err(Fault::internal)?,
        branch_id: row.try_get::<String, _>("branch_id")?.parse().map_err(Fault::internal)?,
        username: row.try_get("username")?,
        name: row.try_get("name")?,
        role: row.try_get("role")?,
        active: row.try_get::<i64, _>("active")? == 1,
        created_at: At(row.try_get("created_at_ms")?),
        last_sign_in_at: row.try_get::<Option<i64>, _>("last_sign_in_ms")?.map(At),
    })
}

pub(super) async fn role(tx: &mut Tx, name: &str) -> Result<Option<Role>, Fault> {
    let row = sqlx::query(ROLE).bind(name).fetch_optional(tx.conn()).await?;
    row.as_ref().map(read_role).transpose()
}

pub(super) async fn roles(tx: &mut Tx) -> Result<Vec<Role>, Fault> {
    sqlx::query(ROLES).fetch_all(tx.conn()).await?.iter().map(read_role).collect()
}

fn read_role(row: &AnyRow) -> Result<Role, Fault> {
    let permissions: String = row.try_get("permissions")?;
    Ok(Role {
        name: row.try_get("name")?,
        title: row.try_get("title")?,
        permissions: serde_json::from_str(&permissions).map_err(Fault::internal)?,
        all_branches: row.try_get::<i64, _>("all_branches")? == 1,
    })
}
