//! SQL of the record of what happened.

use lastmile_protocol::ids::{CustomerId, EventId};
use sqlx::Row as _;

use super::Event;
use crate::db::{Tx, of_customer};
use crate::kernel::{Actor, At, Fault};

/// Every statement, so that a test can prepare them on both databases.
pub const STATEMENTS: &[&str] = &[INSERT, LIST];

const INSERT: &str = "INSERT INTO events (id, at_ms, kind, actor_kind, actor_id, actor_name, actor_from, subject_kind, \
     subject_id, branch_id, customer_id, data) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";

const LIST: &str = concat!(
    "SELECT id, at_ms, kind, actor_kind, actor_id, actor_name, actor_from, subject_kind, subject_id, \
     branch_id, customer_id, data FROM events e \
     WHERE ",
    of_customer!("e.branch_id", "e.customer_id"),
    " \
       AND (CAST($2 AS TEXT) IS NULL OR e.subject_kind = $2) AND (CAST($3 AS TEXT) IS NULL OR e.subject_id = $3) \
       AND (CAST($4 AS TEXT) IS NULL OR e.customer_id = $4) AND (CAST($5 AS TEXT) IS NULL OR e.kind = $5) \
       AND (CAST($6 AS BIGINT) IS NULL OR e.at_ms < $6 OR (e.at_ms = $6 AND e.id < $7)) \
     ORDER BY e.at_ms DESC, e.id DESC LIMIT $8"
);

/// Which events to list. All that is `None` does not filter.
#[derive(Debug, Default, Clone)]
pub struct Filter {
    /// Of this kind of thing.
    pub subject_kind: Option<String>,
    /// Of this thing.
    pub subject_id: Option<String>,
    /// On this customer's timeline.
    pub customer_id: Option<CustomerId>,
    /// Of this kind of event.
    pub kind: Option<String>,
    /// Only what comes after this row in the list (newest first): its time and id.
    pub after: Option<(i64, String)>,
}

/// An event as it is read back.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
pub struct Recorded {
    /// Id of the event.
    pub id: String,
    /// When.
    pub at: At,
    /// What.
    pub kind: String,
    /// Who.
    pub actor: RecordedActor,
    /// The kind of thing it happened to.
    pub subject_kind: String,
    /// Its id.
    pub subject_id: String,
    /// Whose it is.
    pub branch_id: String,
    /// The customer it belongs to.
    pub customer_id: Option<String>,
    /// What is needed to understand it.
    #[schema(value_type = Object)]
    pub data: serde_json::Value,
}

/// Who caused an event.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
pub struct RecordedActor {
    /// `staff`, `agent`, `customer` or `system`.
    pub kind: String,
    /// Id, where there is one.
    pub id: Option<String>,
    /// Name at that time.
    pub name: String,
    /// From where.
    pub from: String,
}

pub(super) async fn insert(tx: &mut Tx, id: EventId, actor: &Actor, event: &Event) -> Result<(), Fault> {
    let (actor_kind, actor_id) = actor.parts();
    sqlx::query(INSERT)
        .bind(id.to_string())
        .bind(event.at_ms)
        .bind(event.kind)
        .bind(actor_kind)
        .bind(actor_id)
        .bind(&actor.name)
        .bind(&actor.from)
        .bind(event.subject_kind)
        .bind(&event.subject_id)
        .bind(event.branch_id.to_string())
        .bind(event.customer_id.map(|customer| customer.to_string()))
        .bind(event.data.to_string())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Events of the caller's scope, newest first, at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn list(tx: &mut Tx, filter: &Filter, limit: i64) -> Result<Vec<Recorded>, Fault> {
    let branches = tx.branches().to_owned();
    let (after_ms, after_id) = filter.after.clone().map_or((None, String::new()), |(ms, id)| (Some(ms), id));
    let rows = sqlx::query(LIST)
        .bind(branches)
        .bind(filter.subject_kind.clone())
        .bind(filter.subject_id.clone())
        .bind(filter.customer_id.map(|customer| customer.to_string()))
        .bind(filter.kind.clone())
        .bind(after_ms)
        .bind(after_id)
        .bind(limit)
        .fetch_all(tx.conn())
        .await?;
    rows.iter().map(|row| recorded(row).map_err(Fault::from)).collect()
}

fn recorded(row: &sqlx::any::AnyRow) -> Result<Recorded, sqlx::Error> {
    let data: String = row.try_get("data")?;
    Ok(Recorded {
        id: row.try_get("id")?,
        at: At(row.try_get("at_ms")?),
        kind: row.try_get("kind")?,
        actor: RecordedActor {
            kind: row.try_get("actor_kind")?,
            id: row.try_get("actor_id")?,
            name: row.try_get("actor_name")?,
            from: row.try_get("actor_from")?,
        },
        subject_kind: row.try_get("subject_kind")?,
        subject_id: row.try_get("subject_id")?,
        branch_id: row.try_get("branch_id")?,
        customer_id: row.try_get("customer_id")?,
        data: serde_json::from_str(&data).unwrap_or(serde_json::Value::Null),
    })
}
