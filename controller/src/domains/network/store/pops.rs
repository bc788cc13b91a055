//! SQL of POPs and of the incarnation.

use lastmile_protocol::ids::{BranchId, PopId};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{parse, unsigned};
use crate::db::Tx;
use crate::kernel::Fault;

/// Every statement, so that a test can prepare them on both databases.
pub const STATEMENTS: &[&str] = &[
    INSERT,
    GET,
    LIST,
    BY_NAME,
    RENAME,
    DELETE,
    NEXT_COUNTER,
    NEXT_LINE,
    NEXT_PLAN,
    INCARNATION,
    BEGIN_ANEW,
    RENUMBER,
    MARKS,
    TOTALS,
];

const INSERT: &str = "INSERT INTO pops (id, branch_id, name, created_at_ms) VALUES ($1, $2, $3, $4)";

const GET: &str = "SELECT p.id, p.branch_id, p.name, p.counter, p.plan_version FROM pops p \
     WHERE p.id = $2 AND ($1 = '*' OR $1 LIKE '%,' || p.branch_id || ',%')";

const LIST: &str = "SELECT p.id, p.branch_id, p.name, p.counter, p.plan_version FROM pops p \
     WHERE ($1 = '*' OR $1 LIKE '%,' || p.branch_id || ',%') AND p.name > $2 ORDER BY p.name, p.id LIMIT $3";

const BY_NAME: &str = "SELECT p.id, p.branch_id, p.name, p.counter, p.plan_version FROM pops p \
     WHERE p.name = $2 AND ($1 = '*' OR $1 LIKE '%,' || p.branch_id || ',%') ORDER BY p.id LIMIT 2";

const RENAME: &str = "UPDATE pops SET name = $3, plan_version = plan_version + 1 \
     WHERE id = $2 AND ($1 = '*' OR $1 LIKE '%,' || branch_id || ',%')";

const DELETE: &str = "DELETE FROM pops WHERE id = $2 AND ($1 = '*' OR $1 LIKE '%,' || branch_id || ',%')";

const NEXT_COUNTER: &str = "UPDATE pops SET counter = counter + 1 WHERE id = $1 RETURNING counter";

const NEXT_LINE: &str = "UPDATE pops SET counter = counter + 1, next_no = next_no + 1 WHERE id = $1 \
     RETURNING counter, next_no - 1 AS line_no";

const NEXT_PLAN: &str = "UPDATE pops SET plan_version = plan_version + 1 WHERE id = $1";

const INCARNATION: &str = "SELECT CAST(MAX(value) AS BIGINT) AS value FROM incarnations";

const BEGIN_ANEW: &str = "INSERT INTO incarnations (value, began_at_ms) VALUES ($1, $2)";

/// What came after the backup had numbers too: they are not given again, and plans not mistaken for each other.
const RENUMBER: &str = "UPDATE pops SET next_no = next_no + 10000, plan_version = plan_version + 1000";

const MARKS: &str = "SELECT id, counter, plan_version FROM pops";

const TOTALS: &str = "SELECT pop_id, CAST(COUNT(*) AS BIGINT) AS lines, CAST(SUM(1 - open) AS BIGINT) AS held, \
     CAST(SUM(CASE WHEN verified_at_ms IS NOT NULL THEN 1 ELSE 0 END) AS BIGINT) AS verified \
     FROM lines WHERE removed = 0 AND ($1 = '*' OR $1 LIKE '%,' || branch_id || ',%') GROUP BY pop_id";

/// A POP as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pop {
    /// Id.
    pub id: PopId,
    /// Whose it is.
    pub branch: BranchId,
    /// Name, unique in the branch.
    pub name: String,
    /// Change counter of its desired lines.
    pub counter: u64,
    /// Change counter of its routers.
    pub plan_version: u64,
}

/// How far a POP's desired state and plan have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The POP.
    pub pop: PopId,
    /// Change counter of its desired lines.
    pub counter: u64,
    /// Change counter of its routers.
    pub plan_version: u64,
}

/// Lines of a POP, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Lines that are not removed.
    pub lines: i64,
    /// Of these, held.
    pub held: i64,
    /// Of these, verified as wanted.
    pub verified: i64,
}

fn pop(row: &AnyRow) -> Result<Pop, Fault> {
    Ok(Pop {
        id: parse(row.try_get("id")?, "a POP id")?,
        branch: parse(row.try_get("branch_id")?, "a branch id")?,
        name: row.try_get("name")?,
        counter: unsigned(row.try_get("counter")?, "a counter")?,
        plan_version: unsigned(row.try_get("plan_version")?, "a plan version")?,
    })
}

pub(in super::super) async fn insert(tx: &mut Tx, id: PopId, branch: BranchId, name: &str) -> Result<(), sqlx::Error> {
    let now = tx.now_ms();
    sqlx::query(INSERT)
        .bind(id.to_string())
        .bind(branch.to_string())
        .bind(name)
        .bind(now)
        .execute(tx.conn())
        .await
        .map(|_| ())
}

pub(in super::super) async fn get(tx: &mut Tx, id: PopId) -> Result<Option<Pop>, Fault> {
    let branches = tx.branches().to_owned();
    let row = sqlx::query(GET).bind(branches).bind(id.to_string()).fetch_optional(tx.conn()).await?;
    row.as_ref().map(pop).transpose()
}

pub(in super::super) async fn list(tx: &mut Tx, after: &str, limit: i64) -> Result<Vec<Pop>, Fault> {
    let branches = tx.branches().to_owned();
    let rows = sqlx::query(LIST).bind(branches).bind(after).bind(limit).fetch_all(tx.conn()).await?;
    rows.iter().map(pop).collect()
}

/// POPs of this name, at most two: one is an answer, two are a question.
pub(in super::super) async fn by_name(tx: &mut Tx, name: &str) -> Result<Vec<Pop>, Fault> {
    let branches = tx.branches().to_owned();
    let rows = sqlx::query(BY_NAME).bind(branches).bind(name).fetch_all(tx.conn()).await?;
    rows.iter().map(pop).collect()
}

pub(in super::super) async fn rename(tx: &mut Tx, id: PopId, name: &str) -> Result<bool, sqlx::Error> {
    let branches = tx.branches().to_owned();
    let done = sqlx::query(RENAME).bind(branches).bind(id.to_string()).bind(name).execute(tx.conn()).await?;
    Ok(done.rows_affected() == 1)
}

pub(in super::super) async fn delete(tx: &mut Tx, id: PopId) -> Result<bool, sqlx::Error> {
    let branches = tx.branches().to_owned();
    let done = sqlx::query(DELETE).bind(branches).bind(id.to_string()).execute(tx.conn()).await?;
    Ok(done.rows_affected() == 1)
}

/// Moves the POP's counter for a change of a line and returns it.
pub(in super::super) async fn next_counter(tx: &mut Tx, id: PopId) -> Result<i64, sqlx::Error> {
    sqlx::query(NEXT_COUNTER).bind(id.to_string()).fetch_one(tx.conn()).await?.try_get("counter")
}

/// Moves the POP's counter for a new line and returns it with the line's number.
pub(in super::super) async fn next_line(tx: &mut Tx, id: PopId) -> Result<(i64, i64), sqlx::Error> {
    let row = sqlx::query(NEXT_LINE).bind(id.to_string()).fetch_one(tx.conn()).await?;
    Ok((row.try_get("counter")?, row.try_get("line_no")?))
}

/// Moves the version of the poll plan.
pub(in super::super) async fn next_plan(tx: &mut Tx, id: PopId) -> Result<(), sqlx::Error> {
    sqlx::query(NEXT_PLAN).bind(id.to_string()).execute(tx.conn()).await.map(|_| ())
}

pub(in super::super) async fn incarnation(tx: &mut Tx) -> Result<u32, Fault> {
    let value: i64 = sqlx::query(INCARNATION).fetch_one(tx.conn()).await?.try_get("value")?;
    u32::try_from(value)
        .map_err(|_| Fault::internal(format!("the incarnation in the database makes no sense: {value}")))
}

/// Begins a new life of the database under this number.
pub(in super::super) async fn begin_anew(tx: &mut Tx, incarnation: u32) -> Result<(), Fault> {
    let now = tx.now_ms();
    sqlx::query(BEGIN_ANEW).bind(i64::from(incarnation)).bind(now).execute(tx.conn()).await?;
    sqlx::query(RENUMBER).execute(tx.conn()).await?;
    Ok(())
}

pub(in super::super) async fn marks(tx: &mut Tx) -> Result<Vec<Mark>, Fault> {
    let rows = sqlx::query(MARKS).fetch_all(tx.conn()).await?;
    rows.iter()
        .map(|row| {
            Ok(Mark {
                pop: parse(row.try_get("id")?, "a POP id")?,
                counter: unsigned(row.try_get("counter")?, "a counter")?,
                plan_version: unsigned(row.try_get("plan_version")?, "a plan version")?,
            })
        })
        .collect()
}

pub(in super::super) async fn totals(tx: &mut Tx) -> Result<std::collections::BTreeMap<PopId, Totals>, Fault> {
    let branches = tx.branches().to_owned();
    let rows = sqlx::query(TOTALS).bind(branches).fetch_all(tx.conn()).await?;
    rows.iter()
        .map(|row| {
            let totals =
                Totals { lines: row.try_get("lines")?, held: row.try_get("held")?, verified: row.try_get("verified")? };
            Ok((parse(row.try_get("pop_id")?, "a POP id")?, totals))
        })
        .collect()
}
