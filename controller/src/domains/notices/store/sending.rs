//! SQL of the outbox as its sender works it. A message is marked before it is handed over, so that a sender who is
//! killed at that moment leaves a mark and not a message that goes out twice.

use lastmile_protocol::ids::{BranchId, NoticeId};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::db::{Columns as _, Tx};
use crate::domains::notices::Channel;
use crate::domains::notices::rules::delivery::State;
use crate::kernel::Fault;

/// Every statement of this file.
pub const STATEMENTS: &[&str] = &[CLAIM, EXPIRE, LOST, RECORD, NEXT_DUE, REPORTED_ON, REPORT];

const CLAIM: &str = "UPDATE notices SET state = 'sending', attempts = attempts + 1, lease_owner = $1, lease_until_ms = $2, \
       provider = $3 \
     WHERE id IN (SELECT id FROM notices WHERE channel = $4 AND state = 'queued' AND due_at_ms <= $5 \
         AND expires_at_ms > $5 ORDER BY priority, due_at_ms, id LIMIT $6) AND state = 'queued' \
     RETURNING id, branch_id, recipient_name, address, subject, body, sealed_body, attempts, expires_at_ms, created_at_ms";
const EXPIRE: &str = "UPDATE notices SET state = 'failed', reason = 'expired', sealed_body = NULL, ended_at_ms = $2 \
     WHERE id IN (SELECT id FROM notices WHERE channel = $1 AND state = 'queued' AND expires_at_ms <= $2 LIMIT $3) \
       AND state = 'queued' RETURNING id, branch_id";
const LOST: &str = "SELECT id, branch_id, recipient_name, address, subject, body, sealed_body, attempts, expires_at_ms, \
       created_at_ms, lease_owner \
     FROM notices WHERE state = 'sending' AND channel = $1 AND lease_until_ms < $2 LIMIT $3";
const RECORD: &str = "UPDATE notices SET state = $3, attempts = $4, due_at_ms = CASE WHEN $5 > 0 THEN $5 ELSE due_at_ms END, \
       provider_id = COALESCE($6, provider_id), reason = $7, detail = $8, lease_owner = NULL, lease_until_ms = NULL, \
       sent_at_ms = CASE WHEN $3 = 'sent' THEN $9 ELSE sent_at_ms END, \
       ended_at_ms = CASE WHEN $3 = 'queued' THEN NULL ELSE $9 END, \
       sealed_body = CASE WHEN $3 IN ('queued', 'unknown') THEN sealed_body ELSE NULL END \
     WHERE id = $1 AND state = 'sending' AND lease_owner = $2";
const NEXT_DUE: &str = "SELECT MIN(due_at_ms) FROM notices WHERE channel = $1 AND state = 'queued'";
const REPORTED_ON: &str = "SELECT id, branch_id, state FROM notices WHERE channel = $1 AND (provider_id = $2 OR id = $2) \
     ORDER BY created_at_ms DESC LIMIT 1";
const REPORT: &str = "UPDATE notices SET state = $3, reason = $4, detail = $5, ended_at_ms = $6, sealed_body = NULL, \
       lease_owner = NULL, lease_until_ms = NULL WHERE id = $1 AND state = $2";

/// A message in the sender's hands.
pub struct Claimed {
    /// Id.
    pub id: NoticeId,
    /// Whose it is.
    pub branch_id: BranchId,
    /// Name of the recipient.
    pub name: String,
    /// Address.
    pub address: String,
    /// Subject.
    pub subject: String,
    /// Text as it may be shown.
    pub body: String,
    /// The whole text, sealed, where it holds a secret.
    pub sealed_body: Option<Vec<u8>>,
    /// Which try this is.
    pub attempt: i64,
    /// Not sent after this, milliseconds.
    pub expires_at_ms: i64,
    /// When it was written, milliseconds.
    pub created_at_ms: i64,
}

/// How a try ended.
pub struct Recorded<'a> {
    /// The state now.
    pub state: State,
    /// Tries so far.
    pub attempts: i64,
    /// When it goes again, milliseconds.
    pub due_at_ms: Option<i64>,
    /// The provider's name for it.
    pub provider_id: Option<&'a str>,
    /// A word.
    pub reason: Option<&'a str>,
    /// The provider's words.
    pub detail: Option<&'a str>,
}

/// Takes up to `most` messages that are due, the most urgent first.
pub(in crate::domains::notices) async fn claim(
    tx: &mut Tx,
    channel: Channel,
    (owner, until_ms): (&str, i64),
    provider: &str,
    most: i64,
) -> Result<Vec<Claimed>, Fault> {
    let now = tx.now_ms();
    let rows = sqlx::query(CLAIM)
        .bind(owner)
        .bind(until_ms)
        .bind(provider)
        .bind(channel.as_str())
        .bind(now)
        .bind(most)
        .fetch_all(tx.conn())
        .await?;
    Ok(rows.iter().map(claimed).collect::<Result<_, _>>()?)
}

fn claimed(row: &AnyRow) -> Result<Claimed, sqlx::Error> {
    Ok(Claimed {
        id: row.parsed("id")?,
        branch_id: row.parsed("branch_id")?,
        name: row.try_get("recipient_name")?,
        address: row.try_get("address")?,
        subject: row.try_get("subject")?,
        body: row.try_get("body")?,
        sealed_body: row.try_get("sealed_body")?,
        attempt: row.try_get("attempts")?,
        expires_at_ms: row.try_get("expires_at_ms")?,
        created_at_ms: row.try_get("created_at_ms")?,
    })
}

/// Ends messages whose time is over before they went out.
pub(in crate::domains::notices) async fn expire(
    tx: &mut Tx,
    channel: Channel,
    most: i64,
) -> Result<Vec<(NoticeId, BranchId)>, Fault> {
    let now = tx.now_ms();
    let rows = sqlx::query(EXPIRE).bind(channel.as_str()).bind(now).bind(most).fetch_all(tx.conn()).await?;
    let one = |row: &AnyRow| Ok((row.parsed("id")?, row.parsed("branch_id")?));
    Ok(rows.iter().map(one).collect::<Result<_, sqlx::Error>>()?)
}

/// Messages whose sender has not come back, with the mark it left.
pub(in crate::domains::notices) async fn lost(
    tx: &mut Tx,
    channel: Channel,
    most: i64,
) -> Result<Vec<(Claimed, String)>, Fault> {
    let now = tx.now_ms();
    let rows = sqlx::query(LOST).bind(channel.as_str()).bind(now).bind(most).fetch_all(tx.conn()).await?;
    let one = |row: &AnyRow| Ok((claimed(row)?, row.try_get("lease_owner")?));
    Ok(rows.iter().map(one).collect::<Result<_, sqlx::Error>>()?)
}

/// Writes down how a try ended, unless somebody else has meanwhile (a report that came first, another sender).
pub(in crate::domains::notices) async fn record(
    tx: &mut Tx,
    id: NoticeId,
    owner: &str,
    end: &Recorded<'_>,
) -> Result<bool, Fault> {
    let now = tx.now_ms();
    let done = sqlx::query(RECORD)
        .bind(id.to_string())
        .bind(owner)
        .bind(end.state.as_str())
        .bind(end.attempts)
        .bind(end.due_at_ms.unwrap_or(0))
        .bind(end.provider_id.map(str::to_owned))
        .bind(end.reason.map(str::to_owned))
        .bind(end.detail.map(str::to_owned))
        .bind(now)
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// When the next waiting message is due.
pub(in crate::domains::notices) async fn next_due(tx: &mut Tx, channel: Channel) -> Result<Option<i64>, Fault> {
    Ok(sqlx::query_scalar(NEXT_DUE).bind(channel.as_str()).fetch_one(tx.conn()).await?)
}

/// The message that a report is about, by the provider's name for it or by ours.
pub(in crate::domains::notices) async fn reported_on(
    tx: &mut Tx,
    channel: Channel,
    name: &str,
) -> Result<Option<(NoticeId, BranchId, State)>, Fault> {
    let row = sqlx::query(REPORTED_ON).bind(channel.as_str()).bind(name).fetch_optional(tx.conn()).await?;
    let one = |row: AnyRow| Ok((row.parsed("id")?, row.parsed("branch_id")?, row.parsed("state")?));
    Ok(row.map(one).transpose().map_err(|error: sqlx::Error| error)?)
}

/// Writes down what was reported, if the message is still in the state that was looked at.
pub(in crate::domains::notices) async fn report(
    tx: &mut Tx,
    id: NoticeId,
    (from, to): (State, State),
    reason: Option<&str>,
    detail: &str,
) -> Result<bool, Fault> {
    let now = tx.now_ms();
    let done = sqlx::query(REPORT)
        .bind(id.to_string())
        .bind(from.as_str())
        .bind(to.as_str())
        .bind(reason.map(str::to_owned))
        .bind(detail)
        .bind(now)
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() == 1)
}
