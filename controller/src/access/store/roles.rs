//! SQL of roles.

use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::super::defaults::{DefaultRole, default_of};
use super::super::roles::{Role, RoleInput, RoleScope};
use crate::db::error::on_violation;
use crate::db::{Columns as _, Tx, Violation};
use crate::kernel::Fault;

/// Every statement, so that a test can prepare them on both databases.
pub const STATEMENTS: &[&str] = &[PUT_DEFAULT, LIST, FIND, COUNT, INSERT, UPDATE, DELETE, OWNERS];

const PUT_DEFAULT: &str = "INSERT INTO roles (name, title, permissions, scope, second_factor, edited) \
     VALUES ($1, $2, $3, $4, 0, 0) ON CONFLICT (name) DO UPDATE SET title = excluded.title, \
     permissions = excluded.permissions, scope = excluded.scope WHERE roles.edited = 0";
const LIST: &str = "SELECT r.name, r.title, r.permissions, r.scope, r.second_factor, r.edited, \
     (SELECT CAST(COUNT(*) AS BIGINT) FROM staff s WHERE s.role = r.name AND s.active = 1) AS people \
     FROM roles r ORDER BY r.name";
const FIND: &str = "SELECT r.name, r.title, r.permissions, r.scope, r.second_factor, r.edited, \
     (SELECT CAST(COUNT(*) AS BIGINT) FROM staff s WHERE s.role = r.name AND s.active = 1) AS people \
     FROM roles r WHERE r.name = $1";
const COUNT: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM roles";
const INSERT: &str = "INSERT INTO roles (name, title, permissions, scope, second_factor, edited) \
     VALUES ($1, $2, $3, $4, $5, 1)";
const UPDATE: &str = "UPDATE roles SET title = $2, permissions = $3, scope = $4, second_factor = $5, edited = $6 \
     WHERE name = $1";
const DELETE: &str = "DELETE FROM roles WHERE name = $1";
// The list is JSON that we write: the word stands in it between its quotes.
const OWNERS: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM staff s JOIN roles r ON r.name = s.role \
     WHERE s.active = 1 AND s.password_hash <> '' AND r.scope = 'all' AND r.permissions LIKE '%\"*\"%'";

pub(in super::super) async fn put_default(tx: &mut Tx, role: &DefaultRole) -> Result<(), Fault> {
    sqlx::query(PUT_DEFAULT)
        .bind(role.name)
        .bind(role.title)
        .bind(serde_json::to_string(role.permissions).map_err(Fault::internal)?)
        .bind(role.scope.word())
        .execute(tx.conn())
        .await?;
    Ok(())
}

pub(in super::super) async fn list(tx: &mut Tx) -> Result<Vec<Role>, Fault> {
    sqlx::query(LIST).fetch_all(tx.conn()).await?.iter().map(role).collect()
}

pub(in super::super) async fn find(tx: &mut Tx, name: &str) -> Result<Option<Role>, Fault> {
    sqlx::query(FIND).bind(name).fetch_optional(tx.conn()).await?.as_ref().map(role).transpose()
}

fn role(row: &AnyRow) -> Result<Role, Fault> {
    let name: String = row.try_get("name")?;
    let permissions: String = row.try_get("permissions")?;
    Ok(Role {
        built_in: default_of(&name).is_some(),
        name,
        title: row.try_get("title")?,
        permissions: serde_json::from_str(&permissions).map_err(Fault::internal)?,
        scope: scope(row, "scope")?,
        second_factor: row.flag("second_factor")?,
        edited: row.flag("edited")?,
        people: row.try_get("people")?,
    })
}

/// The scope of a role in a row.
pub(super) fn scope(row: &AnyRow, column: &str) -> Result<RoleScope, Fault> {
    let word: String = row.try_get(column)?;
    RoleScope::parse(&word).ok_or_else(|| Fault::internal(format!("roles.scope in the database is {word}")))
}

pub(in super::super) async fn count(tx: &mut Tx) -> Result<i64, Fault> {
    Ok(sqlx::query_scalar(COUNT).fetch_one(tx.conn()).await?)
}

pub(in super::super) async fn insert(tx: &mut Tx, name: &str, input: &RoleInput) -> Result<(), Fault> {
    let taken = || Fault::taken("role_taken", "name", "there is a role of this name already");
    sqlx::query(INSERT)
        .bind(name)
        .bind(&input.title)
        .bind(serde_json::to_string(&input.permissions).map_err(Fault::internal)?)
        .bind(input.scope.word())
        .bind(i64::from(input.second_factor))
        .execute(tx.conn())
        .await
        .map_err(on_violation(Violation::Unique, taken))?;
    Ok(())
}

pub(in super::super) async fn update(tx: &mut Tx, name: &str, input: &RoleInput, edited: bool) -> Result<(), Fault> {
    sqlx::query(UPDATE)
        .bind(name)
        .bind(&input.title)
        .bind(serde_json::to_string(&input.permissions).map_err(Fault::internal)?)
        .bind(input.scope.word())
        .bind(i64::from(input.second_factor))
        .bind(i64::from(edited))
        .execute(tx.conn())
        .await?;
    Ok(())
}

pub(in super::super) async fn delete(tx: &mut Tx, name: &str) -> Result<(), Fault> {
    let in_use = || Fault::conflict("role_in_use", "somebody has this role; give them another one first");
    sqlx::query(DELETE).bind(name).execute(tx.conn()).await.map_err(on_violation(Violation::ForeignKey, in_use))?;
    Ok(())
}

pub(in super::super) async fn owners(tx: &mut Tx) -> Result<i64, Fault> {
    Ok(sqlx::query_scalar(OWNERS).fetch_one(tx.conn()).await?)
}
