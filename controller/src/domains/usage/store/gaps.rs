//! SQL of gaps: times for which usage is not known.

use lastmile_protocol::ids::{LineId, PopId};
use lastmile_protocol::uplink::{Gap, GapCause};
use sqlx::Row as _;

use super::super::intake::Source;
use super::super::read::GapView;
use super::{clip, count};
use crate::db::{Tx, of_line};
use crate::kernel::{At, Fault};

/// Every statement, so that a test can prepare them on both databases.
pub const STATEMENTS: &[&str] = &[INSERT, LIST];

const INSERT: &str = "INSERT INTO usage_gaps (agent_id, epoch, seq, part, pop_id, branch_id, line_id, router_id, cause, \
     start_ms, end_ms, down_octets, up_octets, lost_epoch, lost_first, lost_last) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";

const LIST: &str = concat!(
    "SELECT g.line_id, g.cause, g.start_ms, g.end_ms, g.down_octets, g.up_octets FROM usage_gaps g \
     WHERE (g.line_id = $2 OR (g.line_id IS NULL AND g.pop_id = $3)) AND g.end_ms > $4 AND g.start_ms < $5 \
       AND ",
    of_line!("g.branch_id", "g.line_id"),
    " ORDER BY g.start_ms DESC LIMIT 500"
);

const fn cause(cause: GapCause) -> &'static str {
    match cause {
        GapCause::SessionEnded => "session_ended",
        GapCause::CounterReset => "counter_reset",
        GapCause::AboveLineRate => "above_line_rate",
        GapCause::SpoolLost => "spool_lost",
        GapCause::SpoolDropped => "spool_dropped",
        GapCause::SpoolCorrupt => "spool_corrupt",
    }
}

pub(in super::super) async fn insert(
    tx: &mut Tx,
    from: Source,
    part: i64,
    line: Option<LineId>,
    gap: &Gap,
) -> Result<(), Fault> {
    let (lost_epoch, lost_first, lost_last) = gap.chunks;
    sqlx::query(INSERT)
        .bind(from.agent.to_string())
        .bind(clip(from.epoch))
        .bind(clip(from.seq))
        .bind(part)
        .bind(from.pop.to_string())
        .bind(from.branch.to_string())
        .bind(line.map(|line| line.to_string()))
        .bind(gap.router.map(|router| router.to_string()))
        .bind(cause(gap.cause))
        .bind(gap.start_ms)
        .bind(gap.end_ms)
        .bind(clip(gap.down_octets))
        .bind(clip(gap.up_octets))
        .bind(clip(lost_epoch))
        .bind(clip(lost_first))
        .bind(clip(lost_last))
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Gaps of a line, and of its POP where whole chunks were lost, newest first, at most 500.
pub(in super::super) async fn list(
    tx: &mut Tx,
    line: LineId,
    pop: PopId,
    from_ms: i64,
    to_ms: i64,
) -> Result<Vec<GapView>, Fault> {
    let branches = tx.branches().to_owned();
    let rows = sqlx::query(LIST)
        .bind(branches)
        .bind(line.to_string())
        .bind(pop.to_string())
        .bind(from_ms)
        .bind(to_ms)
        .fetch_all(tx.conn())
        .await?;
    rows.iter()
        .map(|row| {
            Ok(GapView {
                from: At(row.try_get("start_ms")?),
                to: At(row.try_get("end_ms")?),
                cause: row.try_get("cause")?,
                down_octets: count(row.try_get("down_octets")?),
                up_octets: count(row.try_get("up_octets")?),
                of_this_line: row.try_get::<Option<String>, _>("line_id")?.is_some(),
            })
        })
        .collect()
}
