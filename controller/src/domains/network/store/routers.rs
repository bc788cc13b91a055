//! SQL of routers.

use lastmile_protocol::downlink::RouterKind;
use lastmile_protocol::ids::{BranchId, PopId, RouterId};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{parse, signed, unsigned};
use crate::db::Tx;
use crate::kernel::Fault;

/// Every statement, so that a test can prepare them on both databases.
pub const STATEMENTS: &[&str] = &[INSERT, UPDATE, GET, LIST, LINES, DETACH, DELETE];

const INSERT: &str = "INSERT INTO routers (id, pop_id, branch_id, name, kind, host, port, username, password_sealed, \
     line_rate_bps, enforce, poll_seconds, created_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";

const UPDATE: &str = "UPDATE routers SET name = $3, kind = $4, host = $5, port = $6, username = $7, password_sealed = $8, \
     line_rate_bps = $9, enforce = $10, poll_seconds = $11 \
     WHERE id = $2 AND ($1 = '*' OR $1 LIKE '%,' || branch_id || ',%')";

const GET: &str = "SELECT r.id, r.pop_id, r.branch_id, r.name, r.kind, r.host, r.port, r.username, r.password_sealed, \
     r.line_rate_bps, r.enforce, r.poll_seconds FROM routers r \
     WHERE r.id = $2 AND ($1 = '*' OR $1 LIKE '%,' || r.branch_id || ',%')";

const LIST: &str = "SELECT r.id, r.pop_id, r.branch_id, r.name, r.kind, r.host, r.port, r.username, r.password_sealed, \
     r.line_rate_bps, r.enforce, r.poll_seconds FROM routers r \
     WHERE ($1 = '*' OR $1 LIKE '%,' || r.branch_id || ',%') AND ($2 = '' OR r.pop_id = $2) AND r.id > $3 \
     ORDER BY r.id LIMIT $4";

const LINES: &str = "SELECT CAST(COUNT(*) AS BIGINT) AS lines FROM lines WHERE router_id = $1 AND removed = 0";

const DETACH: &str = "UPDATE lines SET router_id = NULL WHERE router_id = $1 AND removed = 1";

const DELETE: &str = "DELETE FROM routers WHERE id = $2 AND ($1 = '*' OR $1 LIKE '%,' || branch_id || ',%')";

/// A router as it is stored.
#[derive(Clone)]
pub struct Router {
    /// Id.
    pub id: RouterId,
    /// Where it stands.
    pub pop: PopId,
    /// Whose it is.
    pub branch: BranchId,
    /// Name, unique in the POP.
    pub name: String,
    /// What it is.
    pub kind: RouterKind,
    /// Host or address; empty for the Linux host of the agent.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Log-in name.
    pub username: String,
    /// Sealed log-in password.
    pub password_sealed: Vec<u8>,
    /// The most that a line can carry, bit/s.
    pub line_rate_bps: u64,
    /// Whether the agent may write on it.
    pub enforce: bool,
    /// Seconds between polls.
    pub poll_seconds: u16,
}

impl std::fmt::Debug for Router {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Router({}, {}, {}:{})", self.id, self.name, self.host, self.port)
    }
}

/// The word under which a kind is stored and spoken of in the API.
#[must_use]
pub const fn kind_word(kind: RouterKind) -> &'static str {
    match kind {
        RouterKind::RouterOs => "routeros",
        RouterKind::Linux => "linux",
    }
}

fn kind(word: &str) -> Result<RouterKind, Fault> {
    match word {
        "routeros" => Ok(RouterKind::RouterOs),
        "linux" => Ok(RouterKind::Linux),
        other => Err(Fault::internal(format!("a router of unknown kind in the database: {other:?}"))),
    }
}

fn router(row: &AnyRow) -> Result<Router, Fault> {
    let small = |value: i64| u16::try_from(value).map_err(|_| Fault::internal(format!("a router with {value}")));
    Ok(Router {
        id: parse(row.try_get("id")?, "a router id")?,
        pop: parse(row.try_get("pop_id")?, "a POP id")?,
        branch: parse(row.try_get("branch_id")?, "a branch id")?,
        name: row.try_get("name")?,
        kind: kind(row.try_get("kind")?)?,
        host: row.try_get("host")?,
        port: small(row.try_get("port")?)?,
        username: row.try_get("username")?,
        password_sealed: row.try_get("password_sealed")?,
        line_rate_bps: unsigned(row.try_get("line_rate_bps")?, "a line rate")?,
        enforce: row.try_get::<i64, _>("enforce")? == 1,
        poll_seconds: small(row.try_get("poll_seconds")?)?,
    })
}

pub(in super::super) async fn insert(tx: &mut Tx, router: &Router) -> Result<(), Fault> {
    let now = tx.now_ms();
    let rate = signed(router.line_rate_bps, "a line rate")?;
    sqlx::query(INSERT)
        .bind(router.id.to_string())
        .bind(router.pop.to_string())
        .bind(router.branch.to_string())
        .bind(&router.name)
        .bind(kind_word(router.kind))
        .bind(&router.host)
        .bind(i64::from(router.port))
        .bind(&router.username)
        .bind(router.password_sealed.clone())
        .bind(rate)
        .bind(i64::from(router.enforce))
        .bind(i64::from(router.poll_seconds))
        .bind(now)
        .execute(tx.conn())
        .await
        .map_err(taken)?;
    Ok(())
}

fn taken(error: sqlx::Error) -> Fault {
    crate::db::error::on_violation(crate::db::Violation::Unique, || {
        Fault::taken("name_taken", "name", "this POP has a router of this name")
    })(error)
}

/// Writes every field of a router back but its place; false when it is not in scope.
pub(in super::super) async fn update(tx: &mut Tx, router: &Router) -> Result<bool, Fault> {
    let branches = tx.branches().to_owned();
    let rate = signed(router.line_rate_bps, "a line rate")?;
    let done = sqlx::query(UPDATE)
        .bind(branches)
        .bind(router.id.to_string())
        .bind(&router.name)
        .bind(kind_word(router.kind))
        .bind(&router.host)
        .bind(i64::from(router.port))
        .bind(&router.username)
        .bind(router.password_sealed.clone())
        .bind(rate)
        .bind(i64::from(router.enforce))
        .bind(i64::from(router.poll_seconds))
        .execute(tx.conn())
        .await
        .map_err(taken)?;
    Ok(done.rows_affected() == 1)
}

pub(in super::super) async fn get(tx: &mut Tx, id: RouterId) -> Result<Option<Router>, Fault> {
    let branches = tx.branches().to_owned();
    let row = sqlx::query(GET).bind(branches).bind(id.to_string()).fetch_optional(tx.conn()).await?;
    row.as_ref().map(router).transpose()
}

/// Routers of a POP (or of all), by id.
pub(in super::super) async fn list(
    tx: &mut Tx,
    pop: Option<PopId>,
    after: &str,
    limit: i64,
) -> Result<Vec<Router>, Fault> {
    let branches = tx.branches().to_owned();
    let pop = pop.map(|pop| pop.to_string()).unwrap_or_default();
    let rows = sqlx::query(LIST).bind(branches).bind(pop).bind(after).bind(limit).fetch_all(tx.conn()).await?;
    rows.iter().map(router).collect()
}

/// Lines that are served by a router and not removed.
pub(in super::super) async fn lines(tx: &mut Tx, id: RouterId) -> Result<i64, sqlx::Error> {
    sqlx::query(LINES).bind(id.to_string()).fetch_one(tx.conn()).await?.try_get("lines")
}

/// Removes a router that serves no line; tombstones forget it.
pub(in super::super) async fn delete(tx: &mut Tx, id: RouterId) -> Result<bool, sqlx::Error> {
    let branches = tx.branches().to_owned();
    sqlx::query(DETACH).bind(id.to_string()).execute(tx.conn()).await?;
    let done = sqlx::query(DELETE).bind(branches).bind(id.to_string()).execute(tx.conn()).await?;
    Ok(done.rows_affected() == 1)
}
