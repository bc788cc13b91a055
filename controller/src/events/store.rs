//! SQL of the record of what happened.

use lastmile_protocol::ids::{BranchId, CustomerId, EventId};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{Event, personal};
use crate::db::{Tx, of_customer};
use crate::kernel::{Actor, At, Fault, rng};

/// Bytes of salt of a personal part: without it, its digest in the chain tells nothing.
const SALT: usize = 16;

/// Every statement, so that a test can prepare them on both databases.
pub const STATEMENTS: &[&str] = &[INSERT, INSERT_PERSONAL, QUEUE, LIST];

const INSERT: &str = "INSERT INTO events (id, at_ms, kind, actor_kind, actor_id, actor_name, actor_from, subject_kind, \
     subject_id, branch_id, customer_id, data, personal) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";

const INSERT_PERSONAL: &str = "INSERT INTO event_personal (event_id, part, owner_kind, owner_id, branch_id, customer_id, \
     salt, content) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

const QUEUE: &str = "INSERT INTO event_unsealed (event_id) VALUES ($1)";

const LIST: &str = concat!(
    "SELECT e.id, e.at_ms, e.kind, e.actor_kind, e.actor_id, e.actor_name, e.actor_from, e.subject_kind, \
       e.subject_id, e.branch_id, e.customer_id, e.data, e.personal, a.content AS actor_content, \
       d.content AS data_content, s.seal_no \
     FROM events e LEFT JOIN event_personal a ON a.event_id = e.id AND a.part = 'actor' \
       LEFT JOIN event_personal d ON d.event_id = e.id AND d.part = 'data' \
       LEFT JOIN event_sealed s ON s.event_id = e.id \
     WHERE ",
    of_customer!("e.branch_id", "e.customer_id"),
    " AND (CAST($2 AS TEXT) IS NULL OR e.subject_kind = $2) AND (CAST($3 AS TEXT) IS NULL OR e.subject_id = $3) \
       AND (CAST($4 AS TEXT) IS NULL OR e.customer_id = $4) \
       AND (CAST($5 AS TEXT) IS NULL OR e.kind = $5 OR e.kind LIKE $6 ESCAPE '!') \
       AND (CAST($7 AS TEXT) IS NULL OR e.actor_kind = $7) AND (CAST($8 AS TEXT) IS NULL OR e.actor_id = $8) \
       AND (CAST($9 AS TEXT) IS NULL OR e.branch_id = $9) \
       AND (CAST($10 AS BIGINT) IS NULL OR e.at_ms >= $10) AND (CAST($11 AS BIGINT) IS NULL OR e.at_ms < $11) \
       AND (CAST($12 AS BIGINT) IS NULL OR e.at_ms < $12 OR (e.at_ms = $12 AND e.id < $13)) \
     ORDER BY e.at_ms DESC, e.id DESC LIMIT $14"
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
    /// Of this kind of event; `payment.*` is every kind that begins so.
    pub kind: Option<String>,
    /// By this kind of actor.
    pub actor_kind: Option<String>,
    /// By this actor.
    pub actor_id: Option<String>,
    /// Of this branch.
    pub branch_id: Option<BranchId>,
    /// Not before, milliseconds since 1970 UTC.
    pub from_ms: Option<i64>,
    /// Before, milliseconds since 1970 UTC.
    pub until_ms: Option<i64>,
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
    /// Whether it lies under a seal; the newest wait for theirs.
    pub sealed: bool,
    /// Whether what told who a person is has been erased since.
    pub erased: bool,
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

/// Writes the event, what is personal apart, and queues it for its seal.
pub(super) async fn insert(tx: &mut Tx, id: EventId, actor: &Actor, event: &Event) -> Result<(), Fault> {
    let (actor_kind, actor_id) = actor.parts();
    let person = personal::is_person(actor_kind);
    let mut data = event.data.clone();
    let taken = personal::take(event.subject_kind, &mut data);
    let parts = if person { personal::ACTOR } else { 0 } | if taken.is_some() { personal::DATA } else { 0 };
    let customer_id = event.customer_id.map(|customer| customer.to_string());
    sqlx::query(INSERT)
        .bind(id.to_string())
        .bind(event.at_ms)
        .bind(event.kind)
        .bind(actor_kind)
        .bind(actor_id.clone())
        .bind(if person { "" } else { actor.name.as_str() })
        .bind(if person { "" } else { actor.from.as_str() })
        .bind(event.subject_kind)
        .bind(&event.subject_id)
        .bind(event.branch_id.to_string())
        .bind(customer_id.clone())
        .bind(data.to_string())
        .bind(parts)
        .execute(tx.conn())
        .await?;
    if person {
        let owner = (actor_kind, actor_id.as_deref().unwrap_or(""));
        let content = serde_json::json!({ "name": actor.name, "from": actor.from });
        insert_personal(tx, id, event, "actor", owner, &content).await?;
    }
    if let Some(content) = taken {
        let owner = personal::owner(customer_id.as_deref(), event.subject_kind, &event.subject_id);
        insert_personal(tx, id, event, "data", owner, &content).await?;
    }
    sqlx::query(QUEUE).bind(id.to_string()).execute(tx.conn()).await?;
    Ok(())
}

async fn insert_personal(
    tx: &mut Tx,
    id: EventId,
    event: &Event,
    part: &'static str,
    (owner_kind, owner_id): (&str, &str),
    content: &serde_json::Value,
) -> Result<(), Fault> {
    let salt: [u8; SALT] = rng::bytes(tx.rng());
    sqlx::query(INSERT_PERSONAL)
        .bind(id.to_string())
        .bind(part)
        .bind(owner_kind)
        .bind(owner_id)
        .bind(event.branch_id.to_string())
        .bind(event.customer_id.map(|customer| customer.to_string()))
        .bind(salt.to_vec())
        .bind(content.to_string())
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
        .bind(filter.kind.as_deref().map_or_else(String::new, begins))
        .bind(filter.actor_kind.clone())
        .bind(filter.actor_id.clone())
        .bind(filter.branch_id.map(|branch| branch.to_string()))
        .bind(filter.from_ms)
        .bind(filter.until_ms)
        .bind(after_ms)
        .bind(after_id)
        .bind(limit)
        .fetch_all(tx.conn())
        .await?;
    rows.iter().map(|row| recorded(row).map_err(Fault::from)).collect()
}

/// The pattern of `payment.*`; one that matches nothing for a whole word.
fn begins(kind: &str) -> String {
    let Some(prefix) = kind.strip_suffix('*') else { return String::new() };
    format!("{}%", prefix.replace('!', "!!").replace('%', "!%").replace('_', "!_"))
}

fn recorded(row: &AnyRow) -> Result<Recorded, sqlx::Error> {
    let data: String = row.try_get("data")?;
    let mut data = serde_json::from_str(&data).unwrap_or(serde_json::Value::Null);
    let parts: i64 = row.try_get("personal")?;
    let content = |column: &str| -> Result<Option<serde_json::Value>, sqlx::Error> {
        let text: Option<String> = row.try_get(column)?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    };
    let (actor, taken) = (content("actor_content")?, content("data_content")?);
    if let Some(taken) = &taken {
        personal::put_back(&mut data, taken);
    }
    let apart = |name: &str| actor.as_ref().and_then(|actor| actor.get(name)?.as_str()).map(str::to_owned);
    Ok(Recorded {
        id: row.try_get("id")?,
        at: At(row.try_get("at_ms")?),
        kind: row.try_get("kind")?,
        actor: RecordedActor {
            kind: row.try_get("actor_kind")?,
            id: row.try_get("actor_id")?,
            name: apart("name").map_or_else(|| row.try_get("actor_name"), Ok)?,
            from: apart("from").map_or_else(|| row.try_get("actor_from"), Ok)?,
        },
        subject_kind: row.try_get("subject_kind")?,
        subject_id: row.try_get("subject_id")?,
        branch_id: row.try_get("branch_id")?,
        customer_id: row.try_get("customer_id")?,
        data,
        sealed: row.try_get::<Option<i64>, _>("seal_no")?.is_some(),
        erased: (parts & personal::ACTOR != 0 && actor.is_none()) || (parts & personal::DATA != 0 && taken.is_none()),
    })
}
