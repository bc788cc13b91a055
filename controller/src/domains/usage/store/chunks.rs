//! SQL of packed chunks.

use lastmile_protocol::ids::{LineNo, PopId};
use lastmile_protocol::uplink::{UsageChunk, UsageRecord};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::super::intake::Source;
use super::{clip, count};
use crate::db::Tx;
use crate::kernel::Fault;

/// Every statement, so that a test can prepare them on both databases.
pub const STATEMENTS: &[&str] = &[INSERT, NARROW, WIDE, QUARANTINE, PURGE];

/// A chunk that spans more than this is found apart from the others, in milliseconds.
const NARROW_MS: i64 = 6 * 3_600_000;

const INSERT: &str = "INSERT INTO usage_chunks (pop_id, branch_id, agent_id, epoch, seq, start_ms, end_ms, first_no, \
     last_no, wide, records, down_octets, up_octets, columns) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";

// A narrow chunk that overlaps ends less than its greatest span after the end of the time asked for.
const NARROW: &str = "SELECT c.records, c.down_octets, c.up_octets, c.columns FROM usage_chunks c \
     WHERE c.pop_id = $2 AND c.wide = 0 AND c.end_ms > $3 AND c.end_ms < $4 + 21600001 AND c.start_ms < $4 \
       AND c.first_no <= $5 AND c.last_no >= $5 AND ($1 = '*' OR $1 LIKE '%,' || c.branch_id || ',%')";

const WIDE: &str = "SELECT c.records, c.down_octets, c.up_octets, c.columns FROM usage_chunks c \
     WHERE c.pop_id = $2 AND c.wide = 1 AND c.end_ms > $3 AND c.start_ms < $4 \
       AND c.first_no <= $5 AND c.last_no >= $5 AND ($1 = '*' OR $1 LIKE '%,' || c.branch_id || ',%')";

const PURGE: &str = "DELETE FROM usage_chunks WHERE pop_id = $2 AND wide = $3 \
     AND ($1 = '*' OR $1 LIKE '%,' || branch_id || ',%') \
     AND end_ms <= (SELECT MAX(oldest.end_ms) FROM (SELECT c.end_ms FROM usage_chunks c \
     WHERE c.pop_id = $2 AND c.wide = $3 AND c.end_ms < $4 ORDER BY c.end_ms LIMIT $5) oldest)";

const QUARANTINE: &str = "INSERT INTO usage_quarantine (agent_id, epoch, seq, pop_id, branch_id, received_at_ms, reason, \
     payload) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

pub(in super::super) async fn insert(
    tx: &mut Tx,
    from: Source,
    chunk: UsageChunk,
    records: &[UsageRecord],
) -> Result<(), Fault> {
    let start = records.iter().map(|r| r.start_ms).min().unwrap_or(0);
    let end = records.iter().map(|r| r.end_ms).max().unwrap_or(0);
    let first = records.iter().map(|r| r.line.0).min().unwrap_or(0);
    let last = records.iter().map(|r| r.line.0).max().unwrap_or(0);
    let wide = end.saturating_sub(start) > NARROW_MS;
    sqlx::query(INSERT)
        .bind(from.pop.to_string())
        .bind(from.branch.to_string())
        .bind(from.agent.to_string())
        .bind(clip(from.epoch))
        .bind(clip(from.seq))
        .bind(start)
        .bind(end)
        .bind(i64::from(first))
        .bind(i64::from(last))
        .bind(i64::from(wide))
        .bind(i64::from(chunk.records))
        .bind(clip(chunk.down_octets))
        .bind(clip(chunk.up_octets))
        .bind(chunk.columns)
        .execute(tx.conn())
        .await?;
    Ok(())
}

fn chunk(row: &AnyRow) -> Result<UsageChunk, Fault> {
    Ok(UsageChunk {
        records: u16::try_from(row.try_get::<i64, _>("records")?).map_err(Fault::internal)?,
        down_octets: count(row.try_get("down_octets")?),
        up_octets: count(row.try_get("up_octets")?),
        columns: row.try_get("columns")?,
    })
}

/// Chunks of a POP that overlap a time and may have records of a line.
pub(in super::super) async fn overlapping(
    tx: &mut Tx,
    pop: PopId,
    no: LineNo,
    from_ms: i64,
    to_ms: i64,
) -> Result<Vec<UsageChunk>, Fault> {
    let branches = tx.branches().to_owned();
    let to_ms = to_ms.min(i64::MAX - NARROW_MS - 1);
    let mut found = Vec::new();
    for statement in [NARROW, WIDE] {
        let rows = sqlx::query(statement)
            .bind(&branches)
            .bind(pop.to_string())
            .bind(from_ms)
            .bind(to_ms)
            .bind(i64::from(no.0))
            .fetch_all(tx.conn())
            .await?;
        for row in &rows {
            found.push(chunk(row)?);
        }
    }
    Ok(found)
}

pub(in super::super) async fn quarantine(
    tx: &mut Tx,
    from: Source,
    reason: &str,
    payload: Vec<u8>,
) -> Result<(), Fault> {
    let now = tx.now_ms();
    sqlx::query(QUARANTINE)
        .bind(from.agent.to_string())
        .bind(clip(from.epoch))
        .bind(clip(from.seq))
        .bind(from.pop.to_string())
        .bind(from.branch.to_string())
        .bind(now)
        .bind(reason)
        .bind(payload)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Removes the oldest chunks of a POP whose last record ended before a moment: `most`, and those that ended together
/// with the last of them.
pub(in super::super) async fn purge(
    tx: &mut Tx,
    pop: PopId,
    wide: bool,
    before_ms: i64,
    most: i64,
) -> Result<u64, Fault> {
    let branches = tx.branches().to_owned();
    let query =
        sqlx::query(PURGE).bind(branches).bind(pop.to_string()).bind(i64::from(wide)).bind(before_ms).bind(most);
    Ok(query.execute(tx.conn()).await?.rows_affected())
}
