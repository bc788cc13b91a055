//! SQL of backups: their own list, and the database as a whole (its tables, guards and references).
//!
//! Statements over all tables are assembled from names that the database itself gave, each checked to be plain.

use lastmile_protocol::ids::StaffId;
use serde::Serialize;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row as _};
use utoipa::ToSchema;

use super::rows::{Cell, Kind};
use super::{BackupError, Content};
use crate::db::{Dialect, Tx};
use crate::kernel::{At, Fault};

/// Every statement that runs on both databases, so that a test can prepare them.
pub const STATEMENTS: &[&str] =
    &[INSERT, BEGUN, PROGRESS, DONE, FAILED, GONE, GET, LIST, LAST, APPLIED, END_SESSIONS, DOUBT_NOTICES];

const INSERT: &str = "INSERT INTO backups (id, state, requested_by, queued_at_ms) VALUES ($1, 'queued', $2, $3)";
const BEGUN: &str = "UPDATE backups SET state = 'running', started_at_ms = $2, rows_done = 0, error = NULL \
     WHERE id = $1 AND state IN ('queued', 'running', 'failed')";
const PROGRESS: &str = "UPDATE backups SET rows_done = $2 WHERE id = $1 AND state = 'running'";
const DONE: &str = "UPDATE backups SET state = 'done', finished_at_ms = $2, file = $3, size_bytes = $4, rows_done = $5, \
     tables = $6 WHERE id = $1";
const FAILED: &str =
    "UPDATE backups SET state = 'failed', finished_at_ms = $2, error = $3 WHERE id = $1 AND state <> 'done'";
const GONE: &str = "UPDATE backups SET state = 'removed' WHERE file = $1 AND state = 'done'";

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, state, requested_by, queued_at_ms, started_at_ms, finished_at_ms, file, size_bytes, rows_done, ",
            "tables, error FROM backups ",
            $rest
        )
    };
}

const GET: &str = select!("WHERE id = $1");
const LIST: &str = select!(
    "WHERE (CAST($1 AS BIGINT) IS NULL OR queued_at_ms < $1 OR (queued_at_ms = $1 AND id < $2)) \
     ORDER BY queued_at_ms DESC, id DESC LIMIT $3"
);
const LAST: &str = "SELECT CAST(MAX(CASE WHEN state IN ('done', 'removed') THEN started_at_ms END) AS BIGINT) AS made, \
     CAST(SUM(CASE WHEN state IN ('queued', 'running') THEN 1 ELSE 0 END) AS BIGINT) AS waiting, \
     CAST(MAX(CASE WHEN state = 'failed' THEN finished_at_ms END) AS BIGINT) AS failed FROM backups";
const APPLIED: &str = "SELECT file, checksum FROM schema_migrations ORDER BY applied_at_ms, file";

/// A session that was closed since the backup would be open again.
const END_SESSIONS: &str = "DELETE FROM web_sessions";

/// What waited in the outbox has most likely gone out since: a person decides whether it goes again.
const DOUBT_NOTICES: &str = "UPDATE notices SET state = 'unknown', reason = 'restored', ended_at_ms = $1, \
     detail = 'The database was restored from a backup: this message may have gone out before.' \
     WHERE state IN ('queued', 'sending')";

/// A backup, as the page shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Backup {
    /// Id.
    pub id: String,
    /// `queued`, `running`, `done` (written and read back), `failed` or `removed` (had its time).
    pub state: String,
    /// Who asked for it; null when the clock did.
    pub requested_by: Option<String>,
    /// When it was asked for.
    pub queued_at: At,
    /// The moment as of which it holds everything.
    pub started_at: Option<At>,
    /// When it was done, or had failed.
    pub finished_at: Option<At>,
    /// Name of its file.
    pub file: Option<String>,
    /// Size of its file.
    pub size_bytes: Option<i64>,
    /// Rows written so far.
    pub rows: i64,
    /// Tables in it.
    pub tables: Option<i64>,
    /// Why it failed.
    pub error: Option<String>,
}

/// What the schedule must know: when the last good one was begun, how many are on their way, when the last one failed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Last {
    pub made_ms: Option<i64>,
    pub waiting: i64,
    pub failed_ms: Option<i64>,
}

pub(super) async fn insert(tx: &mut Tx, id: &str, by: Option<StaffId>) -> Result<(), Fault> {
    let now = tx.now_ms();
    sqlx::query(INSERT).bind(id).bind(by.map(|by| by.to_string())).bind(now).execute(tx.conn()).await?;
    Ok(())
}

/// Whether it is still to be made.
pub(super) async fn begun(tx: &mut Tx, id: &str) -> Result<bool, Fault> {
    let now = tx.now_ms();
    Ok(sqlx::query(BEGUN).bind(id).bind(now).execute(tx.conn()).await?.rows_affected() == 1)
}

pub(super) async fn progress(tx: &mut Tx, id: &str, rows: u64) -> Result<(), Fault> {
    sqlx::query(PROGRESS).bind(id).bind(signed(rows)).execute(tx.conn()).await?;
    Ok(())
}

pub(super) async fn done(tx: &mut Tx, id: &str, file: &str, content: &Content) -> Result<(), Fault> {
    let now = tx.now_ms();
    sqlx::query(DONE)
        .bind(id)
        .bind(now)
        .bind(file)
        .bind(signed(content.size))
        .bind(signed(content.rows))
        .bind(signed(content.tables))
        .execute(tx.conn())
        .await?;
    Ok(())
}

pub(super) async fn failed(tx: &mut Tx, id: &str, error: &str) -> Result<(), Fault> {
    let now = tx.now_ms();
    sqlx::query(FAILED).bind(id).bind(now).bind(error).execute(tx.conn()).await?;
    Ok(())
}

pub(super) async fn gone(tx: &mut Tx, file: &str) -> Result<(), Fault> {
    sqlx::query(GONE).bind(file).execute(tx.conn()).await?;
    Ok(())
}

pub(super) async fn get(tx: &mut Tx, id: &str) -> Result<Option<Backup>, Fault> {
    let row = sqlx::query(GET).bind(id).fetch_optional(tx.conn()).await?;
    Ok(row.as_ref().map(backup).transpose()?)
}

pub(super) async fn list(tx: &mut Tx, after: Option<(i64, String)>, limit: i64) -> Result<Vec<Backup>, Fault> {
    let (ms, id) = after.map_or((None, String::new()), |(ms, id)| (Some(ms), id));
    let rows = sqlx::query(LIST).bind(ms).bind(id).bind(limit).fetch_all(tx.conn()).await?;
    Ok(rows.iter().map(backup).collect::<Result<_, _>>()?)
}

pub(super) async fn last(tx: &mut Tx) -> Result<Last, Fault> {
    let row = sqlx::query(LAST).fetch_one(tx.conn()).await?;
    Ok(Last {
        made_ms: row.try_get("made")?,
        waiting: row.try_get::<Option<i64>, _>("waiting")?.unwrap_or(0),
        failed_ms: row.try_get("failed")?,
    })
}

/// Everybody signs in again.
pub(super) async fn end_sessions(tx: &mut Tx) -> Result<(), BackupError> {
    sqlx::query(END_SESSIONS).execute(tx.conn()).await?;
    Ok(())
}

/// No message goes out twice because of a restore.
pub(super) async fn doubt_notices(tx: &mut Tx) -> Result<(), BackupError> {
    let now = tx.now_ms();
    sqlx::query(DOUBT_NOTICES).bind(now).execute(tx.conn()).await?;
    Ok(())
}

fn backup(row: &AnyRow) -> Result<Backup, sqlx::Error> {
    let at = |column: &str| -> Result<Option<At>, sqlx::Error> { Ok(row.try_get::<Option<i64>, _>(column)?.map(At)) };
    Ok(Backup {
        id: row.try_get("id")?,
        state: row.try_get("state")?,
        requested_by: row.try_get("requested_by")?,
        queued_at: At(row.try_get("queued_at_ms")?),
        started_at: at("started_at_ms")?,
        finished_at: at("finished_at_ms")?,
        file: row.try_get("file")?,
        size_bytes: row.try_get("size_bytes")?,
        rows: row.try_get("rows_done")?,
        tables: row.try_get("tables")?,
        error: row.try_get("error")?,
    })
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

// The database as a whole.

const TABLES_SQLITE: &str = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!' \
     ORDER BY name";
const TABLES_POSTGRES: &str = "SELECT CAST(tablename AS TEXT) AS name FROM pg_tables \
     WHERE schemaname = current_schema() ORDER BY tablename";
const COLUMNS_SQLITE: &str = "SELECT name, lower(type) AS kind FROM pragma_table_info($1) ORDER BY cid";
const COLUMNS_POSTGRES: &str = "SELECT CAST(column_name AS TEXT) AS name, CAST(data_type AS TEXT) AS kind \
     FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position";
const TRIGGERS_SQLITE: &str = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name";
const REFERENCES_POSTGRES: &str = "SELECT CAST(c.conname AS TEXT) AS name, CAST(t.relname AS TEXT) AS owner, \
     pg_get_constraintdef(c.oid) AS definition FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid \
     JOIN pg_namespace n ON n.oid = t.relnamespace \
     WHERE c.contype = 'f' AND n.nspname = current_schema() ORDER BY c.conname";

/// A table with its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    pub name: String,
    pub columns: Vec<(String, Kind)>,
}

/// Runs text that is not a constant. Every name in it came from the database and is plain.
async fn run(tx: &mut Tx, sql: String) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(tx.conn()).await.map(|_| ())
}

fn plain(name: &str) -> Result<&str, BackupError> {
    let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if plain { Ok(name) } else { Err(BackupError::Schema(format!("{name} is no name of a table or column of ours"))) }
}

/// A snapshot of a large database takes its time: no statement of this transaction is stopped for that.
pub(super) async fn take_your_time(tx: &mut Tx) -> Result<(), BackupError> {
    if tx.dialect() == Dialect::Postgres {
        let sql = "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0";
        sqlx::raw_sql(sql).execute(tx.conn()).await?;
    }
    Ok(())
}

/// Names of all tables.
pub(super) async fn tables(tx: &mut Tx) -> Result<Vec<String>, BackupError> {
    let sql = if tx.dialect() == Dialect::Sqlite { TABLES_SQLITE } else { TABLES_POSTGRES };
    let rows = sqlx::query(sql).fetch_all(tx.conn()).await?;
    let names: Vec<String> = rows.iter().map(|row| row.try_get("name")).collect::<Result<_, _>>()?;
    names.iter().try_for_each(|name| plain(name).map(|_| ()))?;
    Ok(names)
}

/// The columns of a table.
pub(super) async fn table(tx: &mut Tx, name: &str) -> Result<Table, BackupError> {
    let sql = if tx.dialect() == Dialect::Sqlite { COLUMNS_SQLITE } else { COLUMNS_POSTGRES };
    let rows = sqlx::query(sql).bind(name).fetch_all(tx.conn()).await?;
    let mut columns = Vec::with_capacity(rows.len());
    for row in &rows {
        let column: String = row.try_get("name")?;
        let kind = match row.try_get::<String, _>("kind")?.as_str() {
            "text" => Kind::Text,
            "bigint" => Kind::Integer,
            "bytea" => Kind::Bytes,
            other => return Err(BackupError::Schema(format!("{name}.{column} is of the kind {other}"))),
        };
        plain(&column)?;
        columns.push((column, kind));
    }
    Ok(Table { name: plain(name)?.to_owned(), columns })
}

impl Table {
    /// The names of the columns, for a statement.
    fn list(&self) -> String {
        let names: Vec<String> = self.columns.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        names.join(", ")
    }

    /// Reads all rows.
    pub(super) fn select(&self) -> String {
        format!("SELECT {} FROM \"{}\"", self.list(), self.name)
    }

    /// Cells of a row that [`Table::select`] gave.
    pub(super) fn cells(&self, row: &AnyRow) -> Result<Vec<Cell>, sqlx::Error> {
        let mut cells = Vec::with_capacity(self.columns.len());
        for (at, (_, kind)) in self.columns.iter().enumerate() {
            cells.push(match kind {
                Kind::Text => row.try_get::<Option<String>, _>(at)?.map_or(Cell::Null, Cell::Text),
                Kind::Integer => row.try_get::<Option<i64>, _>(at)?.map_or(Cell::Null, Cell::Integer),
                Kind::Bytes => row.try_get::<Option<Vec<u8>>, _>(at)?.map_or(Cell::Null, Cell::Bytes),
            });
        }
        Ok(cells)
    }

    /// How many rows fit one statement, under the databases' limits of parameters.
    pub(super) fn at_once(&self) -> usize {
        (3_000 / self.columns.len().max(1)).clamp(1, 300)
    }

    /// Writes rows.
    pub(super) async fn insert(&self, tx: &mut Tx, rows: Vec<Vec<Cell>>) -> Result<(), BackupError> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut number = 0;
        let mut places = Vec::with_capacity(rows.len());
        for row in &rows {
            let one: Vec<String> = row
                .iter()
                .map(|_| {
                    number += 1;
                    format!("${number}")
                })
                .collect();
            places.push(format!("({})", one.join(", ")));
        }
        let sql = format!("INSERT INTO \"{}\" ({}) VALUES {}", self.name, self.list(), places.join(", "));
        // Full batches have one text and are prepared once; the odd last one is not kept.
        let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(rows.len() == self.at_once());
        for row in rows {
            for (cell, (_, kind)) in row.into_iter().zip(&self.columns) {
                query = match (cell, kind) {
                    (Cell::Integer(value), _) => query.bind(value),
                    (Cell::Text(value), _) => query.bind(value),
                    (Cell::Bytes(value), _) => query.bind(value),
                    (Cell::Null, Kind::Integer) => query.bind(None::<i64>),
                    (Cell::Null, Kind::Text) => query.bind(None::<String>),
                    (Cell::Null, Kind::Bytes) => query.bind(None::<Vec<u8>>),
                };
            }
        }
        query.execute(tx.conn()).await?;
        Ok(())
    }
}

/// The migrations of this database, in the order in which they ran: file and checksum.
pub(super) async fn applied(tx: &mut Tx) -> Result<Vec<(String, String)>, BackupError> {
    let rows = sqlx::query(APPLIED).fetch_all(tx.conn()).await?;
    let read = |row: &AnyRow| Ok::<_, sqlx::Error>((row.try_get("file")?, row.try_get("checksum")?));
    Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
}

const KEYS_SQLITE: &str = "SELECT name FROM pragma_table_info($1) WHERE pk > 0 ORDER BY pk";
const KEYS_POSTGRES: &str = "SELECT CAST(a.attname AS TEXT) AS name FROM pg_index i \
     JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey) \
     WHERE i.indisprimary AND i.indrelid = to_regclass($1)";
/// Rows looked at in one go.
const PAGE: i64 = 500;

/// A column of bytes, in a table whose rows one text names: where sealed values may stand.
pub(super) struct Place {
    pub table: String,
    pub column: String,
    key: String,
}

/// The places of a table.
pub(super) async fn sealed_places(tx: &mut Tx, name: &str) -> Result<Vec<Place>, BackupError> {
    let table = table(tx, name).await?;
    let sql = if tx.dialect() == Dialect::Sqlite { KEYS_SQLITE } else { KEYS_POSTGRES };
    let rows = sqlx::query(sql).bind(name).fetch_all(tx.conn()).await?;
    let keys: Vec<String> = rows.iter().map(|row| row.try_get("name")).collect::<Result<_, _>>()?;
    let [key] = keys.as_slice() else { return Ok(Vec::new()) };
    if !table.columns.contains(&(key.clone(), Kind::Text)) {
        return Ok(Vec::new());
    }
    let of_bytes = table.columns.iter().filter(|(_, kind)| *kind == Kind::Bytes);
    let place = |column: &str| Place { table: table.name.clone(), column: column.to_owned(), key: key.clone() };
    Ok(of_bytes.map(|(column, _)| place(column)).collect())
}

impl Place {
    /// The next values after a row, with their rows.
    pub(super) async fn page(&self, tx: &mut Tx, after: &str) -> Result<Vec<(String, Vec<u8>)>, BackupError> {
        let Self { table, column, key } = self;
        let sql = format!(
            "SELECT \"{key}\" AS row_key, \"{column}\" AS value FROM \"{table}\" \
             WHERE \"{key}\" > $1 AND \"{column}\" IS NOT NULL ORDER BY \"{key}\" LIMIT {PAGE}"
        );
        let rows = sqlx::query(AssertSqlSafe(sql)).bind(after).fetch_all(tx.conn()).await?;
        let read = |row: &AnyRow| Ok::<_, sqlx::Error>((row.try_get("row_key")?, row.try_get("value")?));
        Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// Puts a value in the place of another, if that is still there.
    pub(super) async fn replace(&self, tx: &mut Tx, row: &str, old: Vec<u8>, new: Vec<u8>) -> Result<u64, BackupError> {
        let Self { table, column, key } = self;
        let sql = format!("UPDATE \"{table}\" SET \"{column}\" = $3 WHERE \"{key}\" = $1 AND \"{column}\" = $2");
        let done = sqlx::query(AssertSqlSafe(sql)).bind(row).bind(old).bind(new).execute(tx.conn()).await?;
        Ok(done.rows_affected())
    }
}

/// What was taken away for the time of loading: statements that bring it back.
pub(super) struct Guards(Vec<String>);

/// Takes triggers and references away: rows come in any order, and none may write others by itself.
pub(super) async fn lay_down(tx: &mut Tx, tables: &[String]) -> Result<Guards, BackupError> {
    let mut back = Vec::new();
    if tx.dialect() == Dialect::Sqlite {
        run(tx, "PRAGMA defer_foreign_keys = ON".to_owned()).await?;
        for row in sqlx::query(TRIGGERS_SQLITE).fetch_all(tx.conn()).await? {
            let (name, sql): (String, String) = (row.try_get("name")?, row.try_get("sql")?);
            run(tx, format!("DROP TRIGGER \"{}\"", plain(&name)?)).await?;
            back.push(sql);
        }
        return Ok(Guards(back));
    }
    for row in sqlx::query(REFERENCES_POSTGRES).fetch_all(tx.conn()).await? {
        let (name, owner): (String, String) = (row.try_get("name")?, row.try_get("owner")?);
        let definition: String = row.try_get("definition")?;
        let (name, owner) = (plain(&name)?, plain(&owner)?);
        run(tx, format!("ALTER TABLE \"{owner}\" DROP CONSTRAINT \"{name}\"")).await?;
        back.push(format!("ALTER TABLE \"{owner}\" ADD CONSTRAINT \"{name}\" {definition}"));
    }
    for name in tables {
        run(tx, format!("ALTER TABLE \"{}\" DISABLE TRIGGER USER", plain(name)?)).await?;
        back.push(format!("ALTER TABLE \"{name}\" ENABLE TRIGGER USER"));
    }
    Ok(Guards(back))
}

impl Guards {
    /// Puts everything back; the database looks at all references.
    pub(super) async fn put_back(self, tx: &mut Tx) -> Result<(), BackupError> {
        for sql in self.0 {
            run(tx, sql).await?;
        }
        run(tx, "ANALYZE".to_owned()).await?;
        Ok(())
    }
}

/// Takes out what the migrations put into a table.
pub(super) async fn empty(tx: &mut Tx, table: &str) -> Result<(), BackupError> {
    Ok(run(tx, format!("DELETE FROM \"{}\"", plain(table)?)).await?)
}
