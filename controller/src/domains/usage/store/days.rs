//! SQL of totals by line and day.

use std::fmt::Write as _;

use lastmile_protocol::ids::{BranchId, LineId};
use sqlx::Row as _;

use super::{clip, count};
use crate::db::{Dialect, Tx, of_line};
use crate::kernel::Fault;

/// Statements that are the same on both databases, so that a test can prepare them.
pub const STATEMENTS: &[&str] = &[LIST];
/// Statements of SQLite alone.
pub const STATEMENTS_SQLITE: &[&str] = &[ADD_SQLITE];
/// Statements of PostgreSQL alone.
pub const STATEMENTS_POSTGRES: &[&str] = &[ADD_POSTGRES];

// One statement with one bind for a whole batch: five times cheaper than rows one by one, and far from the quadratic
// cost of long lists of numbered binds on SQLite.
const ADD_SQLITE: &str = "INSERT INTO usage_days (line_id, branch_id, day, down_octets, up_octets) \
     SELECT j.value ->> 0, $2, j.value ->> 1, j.value ->> 2, j.value ->> 3 FROM json_each($1) j WHERE true \
     ON CONFLICT (line_id, day) DO UPDATE SET down_octets = usage_days.down_octets + excluded.down_octets, \
     up_octets = usage_days.up_octets + excluded.up_octets";

const ADD_POSTGRES: &str = "INSERT INTO usage_days (line_id, branch_id, day, down_octets, up_octets) \
     SELECT j.value ->> 0, $2, CAST(j.value ->> 1 AS BIGINT), CAST(j.value ->> 2 AS BIGINT), \
     CAST(j.value ->> 3 AS BIGINT) FROM json_array_elements(CAST(CAST($1 AS TEXT) AS json)) j \
     ON CONFLICT (line_id, day) DO UPDATE SET down_octets = usage_days.down_octets + excluded.down_octets, \
     up_octets = usage_days.up_octets + excluded.up_octets";

const LIST: &str = concat!(
    "SELECT d.day, d.down_octets, d.up_octets FROM usage_days d \
     WHERE d.line_id = $2 AND d.day >= $3 AND d.day <= $4 AND ",
    of_line!("d.branch_id", "d.line_id"),
    " \
     ORDER BY d.day"
);

/// Adds octets to days of lines.
pub(in super::super) async fn add(
    tx: &mut Tx,
    branch: BranchId,
    rows: &[(LineId, i64, u64, u64)],
) -> Result<(), Fault> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut json = String::with_capacity(rows.len() * 64 + 2);
    for (line, day, down, up) in rows {
        json.push(if json.is_empty() { '[' } else { ',' });
        // Writing into a String cannot fail.
        let _ = write!(json, "[\"{line}\",{day},{},{}]", clip(*down), clip(*up));
    }
    json.push(']');
    let statement = match tx.dialect() {
        Dialect::Sqlite => ADD_SQLITE,
        Dialect::Postgres => ADD_POSTGRES,
    };
    sqlx::query(statement).bind(json).bind(branch.to_string()).execute(tx.conn()).await?;
    Ok(())
}

/// Day, octets down and up, by day.
pub(in super::super) async fn list(
    tx: &mut Tx,
    line: LineId,
    from_day: i64,
    to_day: i64,
) -> Result<Vec<(i64, u64, u64)>, Fault> {
    let branches = tx.branches().to_owned();
    let rows = sqlx::query(LIST)
        .bind(branches)
        .bind(line.to_string())
        .bind(from_day)
        .bind(to_day)
        .fetch_all(tx.conn())
        .await?;
    rows.iter()
        .map(|row| Ok((row.try_get("day")?, count(row.try_get("down_octets")?), count(row.try_get("up_octets")?))))
        .collect()
}
