//! SQL of settings.

use std::collections::BTreeMap;

use sqlx::Row as _;

use crate::db::Tx;
use crate::kernel::Fault;

/// Every statement, so that a test can prepare them on both databases.
pub const STATEMENTS: &[&str] = &[GET, LIST, PUT, DELETE];

const GET: &str = "SELECT value FROM settings WHERE branch_id = $1 AND key = $2 \
     AND (branch_id = '' OR $3 = '*' OR $3 LIKE '%,' || branch_id || ',%')";
const LIST: &str = "SELECT branch_id, key, value, updated_at_ms FROM settings \
     WHERE branch_id = '' OR $1 = '*' OR $1 LIKE '%,' || branch_id || ',%' ORDER BY branch_id, key";
const PUT: &str = "INSERT INTO settings (branch_id, key, value, updated_at_ms) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (branch_id, key) DO UPDATE SET value = excluded.value, updated_at_ms = excluded.updated_at_ms";
const DELETE: &str = "DELETE FROM settings WHERE branch_id = $1 AND key = $2";

pub(super) async fn get(tx: &mut Tx, branch: &str, key: &str) -> Result<Option<String>, Fault> {
    let branches = tx.catalogue().to_owned();
    Ok(sqlx::query_scalar(GET).bind(branch).bind(key).bind(branches).fetch_optional(tx.conn()).await?)
}

/// Value and time of change of everything that the caller may see, by owner (empty: all branches) and key.
pub(super) async fn list(tx: &mut Tx) -> Result<BTreeMap<(String, String), (String, i64)>, Fault> {
    let branches = tx.branches().to_owned();
    let rows = sqlx::query(LIST).bind(branches).fetch_all(tx.conn()).await?;
    rows.iter()
        .map(|row| {
            let owner = (row.try_get("branch_id")?, row.try_get("key")?);
            Ok((owner, (row.try_get("value")?, row.try_get("updated_at_ms")?)))
        })
        .collect()
}

pub(super) async fn put(tx: &mut Tx, branch: &str, key: &str, value: &str) -> Result<(), Fault> {
    let now = tx.now_ms();
    sqlx::query(PUT).bind(branch).bind(key).bind(value).bind(now).execute(tx.conn()).await?;
    Ok(())
}

pub(super) async fn delete(tx: &mut Tx, branch: &str, key: &str) -> Result<(), Fault> {
    sqlx::query(DELETE).bind(branch).bind(key).execute(tx.conn()).await?;
    Ok(())
}
