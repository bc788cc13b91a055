//! SQL of acts that wait for a second person.

use lastmile_protocol::ids::{ApprovalId, StaffId};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::super::approvals::{Approval, Person};
use crate::db::error::on_violation;
use crate::db::{Columns as _, Tx, Violation};
use crate::kernel::{At, Fault};

/// Every statement, so that a test can prepare them on both databases.
pub const STATEMENTS: &[&str] = &[INSERT, LIST, FIND, DECIDE, EXPIRED];

const INSERT: &str = "INSERT INTO approvals (id, kind, branch_id, customer_id, subject_kind, subject_id, data, reason, \
     state, requested_by, requested_at_ms, expires_at_ms) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'pending', $9, $10, $11)";
const LIST: &str = "SELECT a.id, a.kind, a.branch_id, a.customer_id, a.subject_kind, a.subject_id, a.data, a.reason, \
     a.state, a.requested_by, q.name AS requested_name, a.requested_at_ms, a.expires_at_ms, a.decided_by, \
     d.name AS decided_name, a.decided_at_ms, a.decision \
     FROM approvals a LEFT JOIN staff q ON q.id = a.requested_by LEFT JOIN staff d ON d.id = a.decided_by \
     WHERE ($1 = '*' OR $1 LIKE '%,' || a.branch_id || ',%') AND (CAST($2 AS TEXT) IS NULL OR a.state = $2) \
     AND (CAST($3 AS BIGINT) IS NULL OR a.requested_at_ms < $3 OR (a.requested_at_ms = $3 AND a.id < $4)) \
     ORDER BY a.requested_at_ms DESC, a.id DESC LIMIT $5";
const FIND: &str = "SELECT a.id, a.kind, a.branch_id, a.customer_id, a.subject_kind, a.subject_id, a.data, a.reason, \
     a.state, a.requested_by, q.name AS requested_name, a.requested_at_ms, a.expires_at_ms, a.decided_by, \
     d.name AS decided_name, a.decided_at_ms, a.decision \
     FROM approvals a LEFT JOIN staff q ON q.id = a.requested_by LEFT JOIN staff d ON d.id = a.decided_by \
     WHERE ($1 = '*' OR $1 LIKE '%,' || a.branch_id || ',%') AND a.id = $2";
// Whoever decides second changes no row.
const DECIDE: &str = "UPDATE approvals SET state = $2, decided_by = $3, decided_at_ms = $4, decision = $5 \
     WHERE id = $1 AND state = 'pending' AND expires_at_ms > $4";
const EXPIRED: &str = "UPDATE approvals SET state = 'expired' WHERE state = 'pending' AND expires_at_ms <= $1";

pub(in super::super) async fn insert(tx: &mut Tx, new: &Approval) -> Result<(), Fault> {
    let pending = || Fault::conflict("already_asked", "somebody has asked for this already; it waits for a decision");
    sqlx::query(INSERT)
        .bind(new.id.to_string())
        .bind(&new.kind)
        .bind(new.branch_id.to_string())
        .bind(new.customer_id.map(|id| id.to_string()))
        .bind(&new.subject_kind)
        .bind(&new.subject_id)
        .bind(new.data.to_string())
        .bind(&new.reason)
        .bind(new.requested_by.id.to_string())
        .bind(new.requested_at.0)
        .bind(new.expires_at.0)
        .execute(tx.conn())
        .await
        .map_err(on_violation(Violation::Unique, pending))?;
    Ok(())
}

pub(in super::super) async fn list(
    tx: &mut Tx,
    state: Option<&str>,
    after: Option<&(i64, String)>,
    limit: i64,
) -> Result<Vec<Approval>, Fault> {
    let branches = tx.branches().to_owned();
    let (after_ms, after_id) = after.cloned().map_or((None, String::new()), |(ms, id)| (Some(ms), id));
    let rows = sqlx::query(LIST)
        .bind(branches)
        .bind(state.map(str::to_owned))
        .bind(after_ms)
        .bind(after_id)
        .bind(limit)
        .fetch_all(tx.conn())
        .await?;
    rows.iter().map(approval).collect()
}

pub(in super::super) async fn find(tx: &mut Tx, id: ApprovalId) -> Result<Option<Approval>, Fault> {
    let branches = tx.branches().to_owned();
    let row = sqlx::query(FIND).bind(branches).bind(id.to_string()).fetch_optional(tx.conn()).await?;
    row.as_ref().map(approval).transpose()
}

fn approval(row: &AnyRow) -> Result<Approval, Fault> {
    let data: String = row.try_get("data")?;
    let decided_by: Option<StaffId> = row.parsed_or_none("decided_by")?;
    Ok(Approval {
        id: row.parsed("id")?,
        kind: row.try_get("kind")?,
        branch_id: row.parsed("branch_id")?,
        customer_id: row.parsed_or_none("customer_id")?,
        subject_kind: row.try_get("subject_kind")?,
        subject_id: row.try_get("subject_id")?,
        data: serde_json::from_str(&data).map_err(Fault::internal)?,
        reason: row.try_get("reason")?,
        state: row.try_get("state")?,
        requested_by: Person { id: row.parsed("requested_by")?, name: name(row, "requested_name")? },
        requested_at: At(row.try_get("requested_at_ms")?),
        expires_at: At(row.try_get("expires_at_ms")?),
        decided_by: match decided_by {
            Some(id) => Some(Person { id, name: name(row, "decided_name")? }),
            None => None,
        },
        decided_at: row.try_get::<Option<i64>, _>("decided_at_ms")?.map(At),
        decision: row.try_get("decision")?,
    })
}

/// Somebody of another branch has no name here.
fn name(row: &AnyRow, column: &str) -> Result<String, Fault> {
    Ok(row.try_get::<Option<String>, _>(column)?.unwrap_or_default())
}

/// Decides what waits: yes once.
pub(in super::super) async fn decide(
    tx: &mut Tx,
    id: ApprovalId,
    state: &str,
    by: StaffId,
    words: &str,
) -> Result<bool, Fault> {
    let now = tx.now_ms();
    let done = sqlx::query(DECIDE)
        .bind(id.to_string())
        .bind(state)
        .bind(by.to_string())
        .bind(now)
        .bind(words)
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Closes what nobody has decided in time.
pub(in super::super) async fn expire(tx: &mut Tx) -> Result<u64, Fault> {
    let now = tx.now_ms();
    Ok(sqlx::query(EXPIRED).bind(now).execute(tx.conn()).await?.rows_affected())
}
