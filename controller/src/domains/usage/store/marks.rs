//! SQL of the high-water marks: (agent, epoch, seq) is applied at most once because the mark moves with it.

use std::collections::BTreeMap;

use lastmile_protocol::ids::AgentId;
use sqlx::Row as _;

use super::super::intake::Source;
use super::{clip, count};
use crate::db::Tx;
use crate::kernel::Fault;

/// Every statement, so that a test can prepare them on both databases.
pub const STATEMENTS: &[&str] = &[LIST, MOVE];

const LIST: &str = "SELECT epoch, seq FROM usage_marks WHERE agent_id = $1 ORDER BY epoch";

const MOVE: &str = "INSERT INTO usage_marks (agent_id, branch_id, epoch, seq, moved_at_ms) VALUES ($1, $2, $3, $4, $5) \
     ON CONFLICT (agent_id, epoch) DO UPDATE SET seq = excluded.seq, moved_at_ms = excluded.moved_at_ms \
     WHERE usage_marks.seq = $6";

pub(in super::super) async fn list(tx: &mut Tx, agent: AgentId) -> Result<BTreeMap<u64, u64>, Fault> {
    let rows = sqlx::query(LIST).bind(agent.to_string()).fetch_all(tx.conn()).await?;
    rows.iter().map(|row| Ok((count(row.try_get("epoch")?), count(row.try_get("seq")?)))).collect()
}

pub(in super::super) async fn move_to(tx: &mut Tx, at: Source, before: u64) -> Result<bool, Fault> {
    let now = tx.now_ms();
    let done = sqlx::query(MOVE)
        .bind(at.agent.to_string())
        .bind(at.branch.to_string())
        .bind(clip(at.epoch))
        .bind(clip(at.seq))
        .bind(now)
        .bind(clip(before))
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() == 1)
}
