//! SQL of the history of proofs.

use lastmile_protocol::downlink::Generation;
use lastmile_protocol::ids::{AgentId, BranchId, LineId};
use sqlx::Row as _;

use super::{parse, unsigned};
use crate::db::{Tx, of_line};
use crate::kernel::Fault;

/// Every statement, so that a test can prepare them on both databases.
pub const STATEMENTS: &[&str] = &[INSERT, LIST, WORN, PURGE];

const INSERT: &str = "INSERT INTO line_proofs (agent_id, epoch, seq, part, line_id, branch_id, at_ms, received_at_ms, \
     incarnation, counter, outcome, reason, observed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";

const LIST: &str = concat!(
    "SELECT p.agent_id, p.at_ms, p.received_at_ms, p.incarnation, p.counter, p.outcome, p.reason, \
     p.observed FROM line_proofs p \
     WHERE p.line_id = $2 AND ",
    of_line!("p.branch_id", "p.line_id"),
    " \
       AND p.received_at_ms <= $3 \
     ORDER BY p.received_at_ms DESC, p.epoch DESC, p.seq DESC, p.part DESC LIMIT $4"
);

// One walk along the index; the lock of the writer is taken only for what is found.
const WORN: &str = "SELECT p.line_id, MAX(p.received_at_ms) AS newest FROM line_proofs p \
     WHERE p.line_id > $2 AND ($1 = '*' OR $1 LIKE '%,' || p.branch_id || ',%') GROUP BY p.line_id \
     HAVING MIN(p.received_at_ms) < $3 AND MIN(p.received_at_ms) < MAX(p.received_at_ms) ORDER BY p.line_id LIMIT $4";

const PURGE: &str = "DELETE FROM line_proofs WHERE line_id = $2 AND ($1 = '*' OR $1 LIKE '%,' || branch_id || ',%') \
     AND received_at_ms <= (SELECT MAX(oldest.received_at_ms) FROM (SELECT p.received_at_ms FROM line_proofs p \
     WHERE p.line_id = $2 AND p.received_at_ms < $3 ORDER BY p.received_at_ms LIMIT $4) oldest)";

/// A proof to keep.
pub(in super::super) struct NewProof<'a> {
    pub agent: AgentId,
    pub epoch: u64,
    pub seq: u64,
    pub part: i64,
    pub line: LineId,
    pub branch: BranchId,
    pub at_ms: i64,
    pub generation: Generation,
    pub outcome: &'static str,
    pub reason: Option<&'a str>,
    pub observed: Option<&'a str>,
}

/// A proof as it was kept.
#[derive(Debug, Clone)]
pub struct KeptProof {
    /// Who read.
    pub agent: AgentId,
    /// When, by the agent's clock, milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// When it reached the controller.
    pub received_ms: i64,
    /// The desired state that it speaks of.
    pub incarnation: u64,
    /// As `incarnation`.
    pub counter: u64,
    /// `applied`, `verified`, `failed` or `removed`.
    pub outcome: String,
    /// Why it failed.
    pub reason: Option<String>,
    /// What was read, as JSON.
    pub observed: Option<String>,
}

pub(in super::super) async fn insert(tx: &mut Tx, new: NewProof<'_>) -> Result<(), Fault> {
    let now = tx.now_ms();
    let clip = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    sqlx::query(INSERT)
        .bind(new.agent.to_string())
        .bind(clip(new.epoch))
        .bind(clip(new.seq))
        .bind(new.part)
        .bind(new.line.to_string())
        .bind(new.branch.to_string())
        .bind(new.at_ms)
        .bind(now)
        .bind(i64::from(new.generation.incarnation))
        .bind(clip(new.generation.counter))
        .bind(new.outcome)
        .bind(new.reason)
        .bind(new.observed)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Newest proofs of a line, at most `limit`, none received after `until_ms`.
pub(in super::super) async fn list(
    tx: &mut Tx,
    line: LineId,
    until_ms: i64,
    limit: i64,
) -> Result<Vec<KeptProof>, Fault> {
    let branches = tx.branches().to_owned();
    let rows =
        sqlx::query(LIST).bind(branches).bind(line.to_string()).bind(until_ms).bind(limit).fetch_all(tx.conn()).await?;
    rows.iter()
        .map(|row| {
            Ok(KeptProof {
                agent: parse(row.try_get("agent_id")?, "an agent id")?,
                at_ms: row.try_get("at_ms")?,
                received_ms: row.try_get("received_at_ms")?,
                incarnation: unsigned(row.try_get("incarnation")?, "an incarnation")?,
                counter: unsigned(row.try_get("counter")?, "a counter")?,
                outcome: row.try_get("outcome")?,
                reason: row.try_get("reason")?,
                observed: row.try_get("observed")?,
            })
        })
        .collect()
}

/// Lines after `after` with proofs received before a moment beside their newest ones, and when those were received.
pub(in super::super) async fn worn(
    tx: &mut Tx,
    after: &str,
    before_ms: i64,
    most: i64,
) -> Result<Vec<(LineId, i64)>, Fault> {
    let branches = tx.branches().to_owned();
    let rows = sqlx::query(WORN).bind(branches).bind(after).bind(before_ms).bind(most).fetch_all(tx.conn()).await?;
    rows.iter().map(|row| Ok((parse(row.try_get("line_id")?, "a line id")?, row.try_get("newest")?))).collect()
}

/// Removes the oldest proofs of a line that were received before a moment: `most`, and those received together with
/// the last of them.
pub(in super::super) async fn purge(tx: &mut Tx, line: LineId, before_ms: i64, most: i64) -> Result<u64, Fault> {
    let branches = tx.branches().to_owned();
    let query = sqlx::query(PURGE).bind(branches).bind(line.to_string()).bind(before_ms).bind(most);
    Ok(query.execute(tx.conn()).await?.rows_affected())
}
