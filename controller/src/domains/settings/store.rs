//! SQL of settings.

use crate::db::Tx;
use crate::kernel::Fault;

/// Every statement, so that a test can prepare them on both databases.
pub const STATEMENTS: &[&str] = &[GET, PUT];

const GET: &str = "SELECT value FROM settings WHERE branch_id = $1 AND key = $2 \
     AND (branch_id = '' OR $3 = '*' OR $3 LIKE '%,' || branch_id || ',%')";
const PUT: &str = "INSERT INTO settings (branch_id, key, value, updated_at_ms) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (branch_id, key) DO UPDATE SET value = excluded.value, updated_at_ms = excluded.updated_at_ms";

pub(super) async fn get(tx: &mut Tx, branch: &str, key: &str) -> Result<Option<String>, Fault> {
    let branches = tx.branches().to_owned();
    Ok(sqlx::query_scalar(GET).bind(branch).bind(key).bind(branches).fetch_optional(tx.conn()).await?)
}

pub(super) async fn put(tx: &mut Tx, branch: &str, key: &str, value: &str) -> Result<(), Fault> {
    let now = tx.now_ms();
    sqlx::query(PUT).bind(branch).bind(key).bind(value).bind(now).execute(tx.conn()).await?;
    Ok(())
}
