//! SQL of the chain. Seals and what they cover are only ever inserted.

use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::rules::{Part, PartDigests, Row};
use crate::db::{Dialect, Tx};
use crate::kernel::Fault;

/// Every statement, so that a test can prepare them on both databases.
pub const STATEMENTS: &[&str] = &[
    UNSEALED,
    LAST,
    INSERT_SEAL,
    INSERT_SEALED,
    UNQUEUE,
    SEALS,
    SEAL,
    SEALED,
    COUNTS,
    TAIL,
    ERASURES,
    STRAYS,
    ERASE,
    OWNED,
];

macro_rules! event_with_parts {
    ($rest:literal) => {
        concat!(
            "SELECT q.event_id, e.id, e.at_ms, e.kind, e.actor_kind, e.actor_id, e.actor_name, e.actor_from, ",
            "e.subject_kind, e.subject_id, e.branch_id, e.customer_id, e.data, e.personal, ",
            "a.owner_kind AS a_kind, a.owner_id AS a_id, a.salt AS a_salt, a.content AS a_content, ",
            "d.owner_kind AS d_kind, d.owner_id AS d_id, d.salt AS d_salt, d.content AS d_content",
            $rest
        )
    };
}

const UNSEALED: &str = event_with_parts!(
    " FROM event_unsealed q JOIN events e ON e.id = q.event_id \
     LEFT JOIN event_personal a ON a.event_id = e.id AND a.part = 'actor' \
     LEFT JOIN event_personal d ON d.event_id = e.id AND d.part = 'data' ORDER BY q.event_id LIMIT $1"
);

const LAST: &str = "SELECT no, entries, sealed_at_ms, mac FROM event_seals ORDER BY no DESC LIMIT 1";

const INSERT_SEAL: &str = "INSERT INTO event_seals (no, entries, sealed_at_ms, mac) VALUES ($1, $2, $3, $4)";

const INSERT_SEALED: &str = "INSERT INTO event_sealed (event_id, seal_no, position, digest, actor_digest, data_digest) \
     VALUES ($1, $2, $3, $4, $5, $6)";

const UNQUEUE: &str = "DELETE FROM event_unsealed WHERE event_id IN \
     (SELECT event_id FROM event_sealed WHERE seal_no = $1)";

const SEALS: &str = "SELECT no, entries, sealed_at_ms, mac FROM event_seals WHERE no > $1 ORDER BY no LIMIT $2";

const SEAL: &str = "SELECT no, entries, sealed_at_ms, mac FROM event_seals WHERE no = $1";

const SEALED: &str = event_with_parts!(
    ", q.position, q.digest, q.actor_digest, q.data_digest FROM event_sealed q LEFT JOIN events e ON e.id = q.event_id \
     LEFT JOIN event_personal a ON a.event_id = q.event_id AND a.part = 'actor' \
     LEFT JOIN event_personal d ON d.event_id = q.event_id AND d.part = 'data' \
     WHERE q.seal_no = $1 ORDER BY q.position"
);

const COUNTS: &str = "SELECT (SELECT COUNT(*) FROM events) AS events, \
     (SELECT COUNT(*) FROM event_unsealed) AS unsealed, (SELECT COUNT(*) FROM event_seals) AS seals, \
     (SELECT COUNT(*) FROM event_sealed) AS sealed";

const TAIL: &str = "SELECT CAST(COUNT(*) AS BIGINT) AS events, MIN(e.at_ms) AS oldest \
     FROM event_unsealed u JOIN events e ON e.id = u.event_id";

const ERASURES: &str = "SELECT subject_kind, subject_id FROM events WHERE kind = 'person.erased'";

/// Events that are neither sealed nor wait for it, or both; what waits and is not there; what is sealed under nothing.
const STRAYS: &str = "SELECT e.id AS id, 'event' AS what FROM events e \
       LEFT JOIN event_sealed s ON s.event_id = e.id LEFT JOIN event_unsealed u ON u.event_id = e.id \
       WHERE (s.event_id IS NULL) = (u.event_id IS NULL) \
     UNION SELECT u.event_id AS id, 'queue' AS what FROM event_unsealed u \
       LEFT JOIN events e ON e.id = u.event_id WHERE e.id IS NULL \
     UNION SELECT s.event_id AS id, 'sealed' AS what FROM event_sealed s \
       LEFT JOIN event_seals c ON c.no = s.seal_no WHERE c.no IS NULL \
     UNION SELECT p.event_id AS id, 'personal' AS what FROM event_personal p \
       LEFT JOIN events e ON e.id = p.event_id WHERE e.id IS NULL ORDER BY id LIMIT $1";

const ERASE: &str = "DELETE FROM event_personal WHERE owner_kind = $1 AND owner_id = $2";

/// The branch in which most is known of a person, for the record of the erasure.
const OWNED: &str = "SELECT branch_id, CAST(COUNT(*) AS BIGINT) AS parts FROM event_personal \
     WHERE owner_kind = $1 AND owner_id = $2 GROUP BY branch_id ORDER BY 2 DESC, 1 LIMIT 1";

/// Not in `STATEMENTS`: each exists on one database only.
const TRIGGERS_SQLITE: &str = "SELECT name FROM sqlite_master WHERE type = 'trigger'";
const TRIGGERS_POSTGRES: &str = "SELECT CAST(t.tgname AS TEXT) AS name FROM pg_trigger t \
     WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')";

/// A seal as it stands in its row.
pub(super) struct Seal {
    pub no: i64,
    pub entries: i64,
    pub sealed_at_ms: i64,
    pub mac: Vec<u8>,
}

/// An event with what stands apart. `row` is `None` where the event is gone.
pub(super) struct Whole {
    pub event_id: String,
    pub row: Option<Row>,
    pub actor: Option<Part>,
    pub data: Option<Part>,
}

/// An event under its seal.
pub(super) struct Covered {
    pub whole: Whole,
    pub position: i64,
    pub digest: Vec<u8>,
    pub parts: PartDigests,
}

pub(super) async fn unsealed(tx: &mut Tx, most: i64) -> Result<Vec<Whole>, Fault> {
    let rows = sqlx::query(UNSEALED).bind(most).fetch_all(tx.conn()).await?;
    Ok(rows.iter().map(whole).collect::<Result<_, _>>()?)
}

pub(super) async fn last(tx: &mut Tx) -> Result<Option<Seal>, Fault> {
    let row = sqlx::query(LAST).fetch_optional(tx.conn()).await?;
    Ok(row.as_ref().map(seal).transpose()?)
}

pub(super) async fn insert(tx: &mut Tx, seal: &Seal, events: &[Covered]) -> Result<(), Fault> {
    sqlx::query(INSERT_SEAL)
        .bind(seal.no)
        .bind(seal.entries)
        .bind(seal.sealed_at_ms)
        .bind(seal.mac.clone())
        .execute(tx.conn())
        .await?;
    for covered in events {
        sqlx::query(INSERT_SEALED)
            .bind(covered.whole.event_id.clone())
            .bind(seal.no)
            .bind(covered.position)
            .bind(covered.digest.clone())
            .bind(covered.parts.0.clone())
            .bind(covered.parts.1.clone())
            .execute(tx.conn())
            .await?;
    }
    sqlx::query(UNQUEUE).bind(seal.no).execute(tx.conn()).await?;
    Ok(())
}

pub(super) async fn seals(tx: &mut Tx, after: i64, most: i64) -> Result<Vec<Seal>, Fault> {
    let rows = sqlx::query(SEALS).bind(after).bind(most).fetch_all(tx.conn()).await?;
    Ok(rows.iter().map(seal).collect::<Result<_, _>>()?)
}

pub(super) async fn one(tx: &mut Tx, no: i64) -> Result<Option<Seal>, Fault> {
    let row = sqlx::query(SEAL).bind(no).fetch_optional(tx.conn()).await?;
    Ok(row.as_ref().map(seal).transpose()?)
}

pub(super) async fn covered(tx: &mut Tx, no: i64) -> Result<Vec<Covered>, Fault> {
    let rows = sqlx::query(SEALED).bind(no).fetch_all(tx.conn()).await?;
    let read = |row: &AnyRow| {
        Ok::<_, sqlx::Error>(Covered {
            whole: whole(row)?,
            position: row.try_get("position")?,
            digest: row.try_get("digest")?,
            parts: (row.try_get("actor_digest")?, row.try_get("data_digest")?),
        })
    };
    Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
}

/// Rows of the tables: events, unsealed, seals, sealed.
pub(super) async fn counts(tx: &mut Tx) -> Result<[i64; 4], Fault> {
    let row = sqlx::query(COUNTS).fetch_one(tx.conn()).await?;
    Ok([row.try_get("events")?, row.try_get("unsealed")?, row.try_get("seals")?, row.try_get("sealed")?])
}

/// How many wait for their seal, and since when the oldest does.
pub(super) async fn tail(tx: &mut Tx) -> Result<(i64, Option<i64>), Fault> {
    let row = sqlx::query(TAIL).fetch_one(tx.conn()).await?;
    Ok((row.try_get("events")?, row.try_get("oldest")?))
}

/// Who was erased: kind and id.
pub(super) async fn erasures(tx: &mut Tx) -> Result<Vec<(String, String)>, Fault> {
    let rows = sqlx::query(ERASURES).fetch_all(tx.conn()).await?;
    let read = |row: &AnyRow| Ok::<_, sqlx::Error>((row.try_get("subject_kind")?, row.try_get("subject_id")?));
    Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
}

pub(super) async fn strays(tx: &mut Tx, most: i64) -> Result<Vec<(String, String)>, Fault> {
    let rows = sqlx::query(STRAYS).bind(most).fetch_all(tx.conn()).await?;
    let read = |row: &AnyRow| Ok::<_, sqlx::Error>((row.try_get("id")?, row.try_get("what")?));
    Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
}

/// Erases what stands apart of a person and says of how many parts.
pub(super) async fn erase(tx: &mut Tx, kind: &str, id: &str) -> Result<u64, Fault> {
    Ok(sqlx::query(ERASE).bind(kind).bind(id).execute(tx.conn()).await?.rows_affected())
}

pub(super) async fn owned(tx: &mut Tx, kind: &str, id: &str) -> Result<Option<String>, Fault> {
    let row = sqlx::query(OWNED).bind(kind).bind(id).fetch_optional(tx.conn()).await?;
    Ok(row.map(|row| row.try_get("branch_id")).transpose()?)
}

/// Names of the triggers that are there and switched on.
pub(super) async fn triggers(tx: &mut Tx) -> Result<Vec<String>, Fault> {
    let statement = match tx.dialect() {
        Dialect::Sqlite => TRIGGERS_SQLITE,
        Dialect::Postgres => TRIGGERS_POSTGRES,
    };
    let rows = sqlx::query(statement).fetch_all(tx.conn()).await?;
    Ok(rows.iter().map(|row| row.try_get("name")).collect::<Result<_, _>>()?)
}

fn seal(row: &AnyRow) -> Result<Seal, sqlx::Error> {
    Ok(Seal {
        no: row.try_get("no")?,
        entries: row.try_get("entries")?,
        sealed_at_ms: row.try_get("sealed_at_ms")?,
        mac: row.try_get("mac")?,
    })
}

fn whole(row: &AnyRow) -> Result<Whole, sqlx::Error> {
    let there: Option<String> = row.try_get("id")?;
    Ok(Whole {
        event_id: row.try_get("event_id")?,
        row: there.map(|id| event(row, id)).transpose()?,
        actor: part(row, ["a_kind", "a_id", "a_salt", "a_content"])?,
        data: part(row, ["d_kind", "d_id", "d_salt", "d_content"])?,
    })
}

fn event(row: &AnyRow, id: String) -> Result<Row, sqlx::Error> {
    Ok(Row {
        id,
        at_ms: row.try_get("at_ms")?,
        kind: row.try_get("kind")?,
        actor_kind: row.try_get("actor_kind")?,
        actor_id: row.try_get("actor_id")?,
        actor_name: row.try_get("actor_name")?,
        actor_from: row.try_get("actor_from")?,
        subject_kind: row.try_get("subject_kind")?,
        subject_id: row.try_get("subject_id")?,
        branch_id: row.try_get("branch_id")?,
        customer_id: row.try_get("customer_id")?,
        data: row.try_get("data")?,
        personal: row.try_get("personal")?,
    })
}

fn part(row: &AnyRow, [kind, id, salt, content]: [&str; 4]) -> Result<Option<Part>, sqlx::Error> {
    let Some(content) = row.try_get::<Option<String>, _>(content)? else { return Ok(None) };
    Ok(Some(Part { owner_kind: row.try_get(kind)?, owner_id: row.try_get(id)?, salt: row.try_get(salt)?, content }))
}
