//! SQL of the queue and the schedule.

use lastmile_protocol::ids::JobId;
use serde_json::Value;
use sqlx::Row as _;

use super::registry::Job;
use crate::db::{Nudge, Tx};
use crate::kernel::{At, Fault};

/// Every statement, so that a test can prepare them on both databases.
pub const STATEMENTS: &[&str] = &[
    ENQUEUE,
    CLAIM,
    DUE,
    RENEW,
    DONE,
    RETRY,
    FAILED,
    PURGE,
    SCHEDULE_PUT,
    SCHEDULE_DUE,
    SCHEDULE_STARTED,
    SCHEDULE_FINISHED,
    SCHEDULES,
];

const ENQUEUE: &str = "INSERT INTO jobs (id, kind, unique_key, payload, state, run_at_ms, attempts, created_at_ms) \
     VALUES ($1, $2, $3, $4, 'queued', $5, 0, $6) \
     ON CONFLICT (kind, unique_key) WHERE state = 'queued' DO UPDATE SET payload = excluded.payload, \
     run_at_ms = CASE WHEN excluded.run_at_ms < jobs.run_at_ms THEN excluded.run_at_ms ELSE jobs.run_at_ms END";

/// Takes the oldest job that is due, or whose worker was lost, unless one about the same thing is running.
const CLAIM: &str = "UPDATE jobs SET state = 'running', lease_owner = $1, lease_until_ms = $2, attempts = attempts + 1 \
     WHERE id = (SELECT j.id FROM jobs j \
         WHERE ((j.state = 'queued' AND j.run_at_ms <= $3) OR (j.state = 'running' AND j.lease_until_ms < $3)) \
           AND NOT EXISTS (SELECT 1 FROM jobs o WHERE o.kind = j.kind AND o.unique_key = j.unique_key \
               AND o.id <> j.id AND o.state = 'running' AND o.lease_until_ms >= $3) \
         ORDER BY j.run_at_ms, j.id LIMIT 1) \
       AND (state = 'queued' OR lease_until_ms < $3) \
     RETURNING id, kind, payload, attempts";

const DUE: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM jobs \
     WHERE (state = 'queued' AND run_at_ms <= $1) OR (state = 'running' AND lease_until_ms < $1)";
const RENEW: &str = "UPDATE jobs SET lease_until_ms = $3 WHERE id = $1 AND lease_owner = $2 AND state = 'running'";
const DONE: &str = "UPDATE jobs SET state = 'done', finished_at_ms = $3, last_error = NULL \
     WHERE id = $1 AND lease_owner = $2 AND state = 'running'";
/// Back into the queue, unless a newer job about the same thing waits there already.
const RETRY: &str = "UPDATE jobs SET state = CASE WHEN EXISTS (SELECT 1 FROM jobs o WHERE o.kind = jobs.kind \
     AND o.unique_key = jobs.unique_key AND o.state = 'queued') THEN 'done' ELSE 'queued' END, \
     run_at_ms = $3, last_error = $4 WHERE id = $1 AND lease_owner = $2 AND state = 'running'";
const FAILED: &str = "UPDATE jobs SET state = 'failed', finished_at_ms = $3, last_error = $4 \
     WHERE id = $1 AND lease_owner = $2 AND state = 'running'";
const PURGE: &str = "DELETE FROM jobs WHERE state IN ('done', 'failed') AND finished_at_ms < $1";

const SCHEDULE_PUT: &str = "INSERT INTO job_schedules (kind, every_ms, next_at_ms) VALUES ($1, $2, $3) \
     ON CONFLICT (kind) DO UPDATE SET every_ms = excluded.every_ms";
/// Due, or so far ahead that the clock must have been turned back.
const SCHEDULE_DUE: &str = "UPDATE job_schedules SET next_at_ms = $2 + every_ms \
     WHERE kind = $1 AND (next_at_ms <= $2 OR next_at_ms > $2 + every_ms)";
const SCHEDULE_STARTED: &str = "UPDATE job_schedules SET last_started_ms = $2 WHERE kind = $1";
const SCHEDULE_FINISHED: &str = "UPDATE job_schedules SET last_finished_ms = $2, last_status = $3, last_error = $4 \
     WHERE kind = $1";
const SCHEDULES: &str = "SELECT kind, every_ms, next_at_ms, last_started_ms, last_finished_ms, last_status, \
     last_error FROM job_schedules ORDER BY kind";

/// Finished jobs are kept this long, to be looked at.
const KEPT_MS: i64 = 7 * 24 * 60 * 60 * 1_000;
/// An error's text is cut to this many characters.
const ERROR_MAX: usize = 1_000;

/// Queues a job in this transaction. While one of the same kind and key waits, it is the same job; the earlier time
/// counts.
///
/// # Errors
/// When the database fails.
pub async fn enqueue(tx: &mut Tx, kind: &str, unique_key: &str, payload: &Value, run_at_ms: i64) -> Result<(), Fault> {
    let (id, now) = (tx.new_id::<JobId>(), tx.now_ms());
    sqlx::query(ENQUEUE)
        .bind(id.to_string())
        .bind(kind)
        .bind(unique_key)
        .bind(payload.to_string())
        .bind(run_at_ms)
        .bind(now)
        .execute(tx.conn())
        .await?;
    tx.nudge(Nudge::Jobs);
    Ok(())
}

pub(super) async fn claim(tx: &mut Tx, owner: &str, until_ms: i64) -> Result<Option<Job>, Fault> {
    let now = tx.now_ms();
    let row = sqlx::query(CLAIM).bind(owner).bind(until_ms).bind(now).fetch_optional(tx.conn()).await?;
    let Some(row) = row else { return Ok(None) };
    let id: String = row.try_get("id")?;
    Ok(Some(Job {
        id: id.parse().map_err(Fault::internal)?,
        kind: row.try_get("kind")?,
        payload: serde_json::from_str(&row.try_get::<String, _>("payload")?).unwrap_or(Value::Null),
        attempt: row.try_get("attempts")?,
    }))
}

pub(super) async fn due(tx: &mut Tx) -> Result<i64, Fault> {
    let now = tx.now_ms();
    Ok(sqlx::query_scalar(DUE).bind(now).fetch_one(tx.conn()).await?)
}

/// Whether the lease is still ours.
pub(super) async fn renew(tx: &mut Tx, id: JobId, owner: &str, until_ms: i64) -> Result<bool, Fault> {
    let done = sqlx::query(RENEW).bind(id.to_string()).bind(owner).bind(until_ms).execute(tx.conn()).await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn done(tx: &mut Tx, id: JobId, owner: &str) -> Result<(), Fault> {
    let now = tx.now_ms();
    sqlx::query(DONE).bind(id.to_string()).bind(owner).bind(now).execute(tx.conn()).await?;
    Ok(())
}

pub(super) async fn retry(tx: &mut Tx, id: JobId, owner: &str, at_ms: i64, error: &str) -> Result<(), Fault> {
    let error: String = error.chars().take(ERROR_MAX).collect();
    sqlx::query(RETRY).bind(id.to_string()).bind(owner).bind(at_ms).bind(error).execute(tx.conn()).await?;
    Ok(())
}

pub(super) async fn failed(tx: &mut Tx, id: JobId, owner: &str, error: &str) -> Result<(), Fault> {
    let (now, error) = (tx.now_ms(), error.chars().take(ERROR_MAX).collect::<String>());
    sqlx::query(FAILED).bind(id.to_string()).bind(owner).bind(now).bind(error).execute(tx.conn()).await?;
    Ok(())
}

/// Removes finished jobs that nobody will look at any more.
///
/// # Errors
/// When the database fails.
pub async fn purge(tx: &mut Tx) -> Result<u64, Fault> {
    let before = tx.now_ms() - KEPT_MS;
    Ok(sqlx::query(PURGE).bind(before).execute(tx.conn()).await?.rows_affected())
}

pub(super) async fn put_schedule(tx: &mut Tx, kind: &str, every_ms: i64) -> Result<(), Fault> {
    let now = tx.now_ms();
    sqlx::query(SCHEDULE_PUT).bind(kind).bind(every_ms).bind(now).execute(tx.conn()).await?;
    Ok(())
}

/// Takes the turn of a schedule, if it is its time and nobody else did.
pub(super) async fn take_turn(tx: &mut Tx, kind: &str) -> Result<bool, Fault> {
    let now = tx.now_ms();
    let done = sqlx::query(SCHEDULE_DUE).bind(kind).bind(now).execute(tx.conn()).await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn schedule_started(tx: &mut Tx, kind: &str) -> Result<(), Fault> {
    let now = tx.now_ms();
    sqlx::query(SCHEDULE_STARTED).bind(kind).bind(now).execute(tx.conn()).await?;
    Ok(())
}

/// Writes down how the last run ended: well, or with this error.
pub(super) async fn schedule_finished(tx: &mut Tx, kind: &str, error: Option<&str>) -> Result<(), Fault> {
    let now = tx.now_ms();
    let status = if error.is_none() { "done" } else { "failed" };
    let error = error.map(|text| text.chars().take(ERROR_MAX).collect::<String>());
    sqlx::query(SCHEDULE_FINISHED).bind(kind).bind(now).bind(status).bind(error).execute(tx.conn()).await?;
    Ok(())
}

/// How a scheduled kind of job is doing.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
pub struct ScheduleState {
    /// Kind of job.
    pub kind: String,
    /// Between two runs, in milliseconds.
    pub every_ms: i64,
    /// When it runs next.
    pub next_at: At,
    /// When it was last begun.
    pub last_started_at: Option<At>,
    /// When it last ended.
    pub last_finished_at: Option<At>,
    /// How it ended: `done` or `failed`.
    pub last_status: Option<String>,
    /// Why it failed.
    pub last_error: Option<String>,
}

/// Everything that runs by the clock.
///
/// # Errors
/// When the database fails.
pub async fn schedules(tx: &mut Tx) -> Result<Vec<ScheduleState>, Fault> {
    let rows = sqlx::query(SCHEDULES).fetch_all(tx.conn()).await?;
    let state = |row: &sqlx::any::AnyRow| -> Result<ScheduleState, sqlx::Error> {
        Ok(ScheduleState {
            kind: row.try_get("kind")?,
            every_ms: row.try_get("every_ms")?,
            next_at: At(row.try_get("next_at_ms")?),
            last_started_at: row.try_get::<Option<i64>, _>("last_started_ms")?.map(At),
            last_finished_at: row.try_get::<Option<i64>, _>("last_finished_ms")?.map(At),
            last_status: row.try_get("last_status")?,
            last_error: row.try_get("last_error")?,
        })
    };
    rows.iter().map(|row| state(row).map_err(Fault::from)).collect()
}
