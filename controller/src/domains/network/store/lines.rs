//! SQL of desired lines and of how far each has come.

use lastmile_protocol::ids::{BranchId, LineId, LineNo, PopId, RouterId};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{parse, signed, unsigned};
use crate::db::{Dialect, Tx, of_line};
use crate::kernel::Fault;

macro_rules! select {
    ($($rest:tt)+) => {
        concat!(
            "SELECT l.id, l.pop_id, l.branch_id, l.no, l.router_id, l.kind, l.username, l.password_sealed, l.address, ",
            "l.interface, l.profile, l.down_bps, l.up_bps, l.open, l.approved_hold, l.removed, l.counter, l.queued_at_ms, ",
            "l.sent_at_ms, l.applied_at_ms, l.verified_at_ms, l.failed_at_ms, l.failure, l.observed, l.withheld FROM lines l ",
            $($rest)+
        )
    };
}

/// Statements that are the same on both databases, so that a test can prepare them.
pub const STATEMENTS: &[&str] = &[
    INSERT, UPDATE, REMOVE, GET, CHANGED, NUMBERS, NAMES, SENT, PROGRESS, OBSERVED, OPENED, PLACE, WITHHOLD, WITHHELD,
    RELEASE,
];
/// Statements of SQLite alone.
pub const STATEMENTS_SQLITE: &[&str] = &[MANY_SQLITE];
/// Statements of PostgreSQL alone.
pub const STATEMENTS_POSTGRES: &[&str] = &[MANY_POSTGRES];

const INSERT: &str = "INSERT INTO lines (id, pop_id, branch_id, no, router_id, kind, username, password_sealed, address, \
     interface, profile, down_bps, up_bps, open, approved_hold, removed, counter, queued_at_ms) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 0, $16, $17)";

const UPDATE: &str = "UPDATE lines SET router_id = $2, kind = $3, username = $4, password_sealed = $5, address = $6, \
     interface = $7, profile = $8, down_bps = $9, up_bps = $10, open = $11, approved_hold = $12, counter = $13, \
     queued_at_ms = $14, sent_at_ms = NULL, applied_at_ms = NULL, verified_at_ms = NULL, failed_at_ms = NULL, \
     failure = NULL, withheld = CASE WHEN $11 = CAST(1 AS BIGINT) THEN 0 ELSE withheld END WHERE id = $1";

const REMOVE: &str = "UPDATE lines SET removed = 1, open = 0, withheld = 0, password_sealed = $4, counter = $2, queued_at_ms = $3, \
     sent_at_ms = NULL, applied_at_ms = NULL, verified_at_ms = NULL, failed_at_ms = NULL, failure = NULL WHERE id = $1";

const GET: &str = select!("WHERE l.id = $2 AND ", of_line!("l.branch_id", "l.id"));

const MANY_SQLITE: &str =
    select!("WHERE l.id IN (SELECT value FROM json_each($2)) AND ", of_line!("l.branch_id", "l.id"));

const MANY_POSTGRES: &str = select!(
    "WHERE l.id IN (SELECT json_array_elements_text(CAST(CAST($2 AS TEXT) AS json))) \
     AND ",
    of_line!("l.branch_id", "l.id")
);

const CHANGED: &str = select!("WHERE l.pop_id = $1 AND l.counter > $2 AND l.withheld = 0 ORDER BY l.no");

const NUMBERS: &str = "SELECT no, counter FROM lines WHERE pop_id = $1 AND removed = 0 AND withheld = 0 ORDER BY no";

const NAMES: &str = "SELECT no, id FROM lines WHERE pop_id = $1 AND no >= $2 ORDER BY no";

const SENT: &str = "UPDATE lines SET sent_at_ms = $4 WHERE pop_id = $1 AND counter > $2 AND counter <= $3 \
     AND sent_at_ms IS NULL AND withheld = 0 RETURNING id";

const PROGRESS: &str = "UPDATE lines SET sent_at_ms = COALESCE(sent_at_ms, $4), \
     applied_at_ms = CASE WHEN $5 = 'failed' THEN applied_at_ms \
         WHEN $5 <> 'applied' AND applied_at_ms IS NOT NULL THEN applied_at_ms \
         WHEN $4 < queued_at_ms THEN queued_at_ms ELSE $4 END, \
     verified_at_ms = CASE WHEN $5 = 'applied' OR $5 = 'failed' THEN NULL \
         WHEN $4 < queued_at_ms THEN queued_at_ms ELSE $4 END, \
     failed_at_ms = CASE WHEN $5 <> 'failed' THEN NULL WHEN $4 < queued_at_ms THEN queued_at_ms ELSE $4 END, \
     failure = $6 \
     WHERE pop_id = $1 AND no = $2 AND counter <= $3 \
       AND NOT (removed = 1 AND $5 = 'verified') AND NOT (removed = 0 AND $5 = 'removed') RETURNING id";

const OBSERVED: &str = "UPDATE lines SET observed = $3, observed_at_ms = $4 \
     WHERE pop_id = $1 AND no = $2 AND (observed_at_ms IS NULL OR observed_at_ms <= $4)";

const OPENED: &str = concat!(
    "SELECT CAST(COUNT(*) AS BIGINT) AS lines FROM lines \
     WHERE removed = 0 AND ",
    of_line!("lines.branch_id", "lines.id")
);

const PLACE: &str = concat!(
    "SELECT l.pop_id, l.no, l.branch_id, b.time_zone, p.name AS pop_name, r.id AS router_id, r.name AS router_name, \
       r.kind AS router_kind FROM lines l JOIN branches b ON b.id = l.branch_id JOIN pops p ON p.id = l.pop_id \
       LEFT JOIN routers r ON r.id = l.router_id WHERE l.id = $2 AND ",
    of_line!("l.branch_id", "l.id")
);

/// Lines that are held are not told to the agents: what they have stays as it is.
const WITHHOLD: &str = "UPDATE lines SET withheld = 1, sent_at_ms = NULL, applied_at_ms = NULL, verified_at_ms = NULL, \
     failed_at_ms = NULL, failure = NULL WHERE open = 0 AND removed = 0";

const WITHHELD: &str = "SELECT DISTINCT pop_id, branch_id FROM lines WHERE withheld = 1 ORDER BY pop_id";

const RELEASE: &str = "UPDATE lines SET withheld = 0, counter = $2, queued_at_ms = $3 \
     WHERE pop_id = $1 AND withheld = 1";

/// Where a line stands, removed or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The POP.
    pub pop: PopId,
    /// Number within it.
    pub no: LineNo,
    /// Whose it is.
    pub branch: BranchId,
    /// Time zone of the branch.
    pub time_zone: String,
    /// Name of the POP: whoever may see the line may know it, also where the POP is another branch's.
    pub pop_name: String,
    /// The router that serves it.
    pub router: Option<PlaceRouter>,
}

/// The router of a line, as far as everybody may know it who may see the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceRouter {
    /// Id.
    pub id: RouterId,
    /// Name.
    pub name: String,
    /// `routeros` or `linux`.
    pub kind: String,
}

/// How the customer comes in, as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub enum StoredAccess {
    /// A PPP secret.
    Pppoe {
        /// Name of the secret.
        username: String,
        /// Its sealed password.
        password_sealed: Vec<u8>,
    },
    /// A fixed address behind an interface.
    Static {
        /// IPv4 address.
        address: String,
        /// Interface.
        interface: String,
    },
}

/// A desired line as it is stored.
#[derive(Clone)]
pub struct Line {
    /// Id.
    pub id: LineId,
    /// The POP that serves it.
    pub pop: PopId,
    /// Whose it is.
    pub branch: BranchId,
    /// Number within the POP.
    pub no: LineNo,
    /// The router; None for a tombstone whose router was deleted.
    pub router: Option<RouterId>,
    /// How the customer comes in.
    pub access: StoredAccess,
    /// Name of the profile.
    pub profile: String,
    /// bit/s towards the customer, 0 = not limited.
    pub down_bps: u64,
    /// bit/s from the customer, 0 = not limited.
    pub up_bps: u64,
    /// Open, or held.
    pub open: bool,
    /// A person approved that it is held.
    pub approved_hold: bool,
    /// It is a tombstone.
    pub removed: bool,
    /// Counter of the POP at its last change.
    pub counter: u64,
    /// When it was changed last, milliseconds since 1970 UTC.
    pub queued_ms: i64,
    /// When the agent had stored that.
    pub sent_ms: Option<i64>,
    /// When the router had taken it.
    pub applied_ms: Option<i64>,
    /// When it was read back as wanted.
    pub verified_ms: Option<i64>,
    /// When it was found not as wanted.
    pub failed_ms: Option<i64>,
    /// Why not.
    pub failure: Option<String>,
    /// What the router said last, as JSON.
    pub observed: Option<String>,
    /// The agent is not told, since the database was restored from a backup.
    pub withheld: bool,
}

fn line(row: &AnyRow) -> Result<Line, Fault> {
    let kind: String = row.try_get("kind")?;
    let access = if kind == "pppoe" {
        StoredAccess::Pppoe { username: row.try_get("username")?, password_sealed: row.try_get("password_sealed")? }
    } else {
        StoredAccess::Static { address: row.try_get("address")?, interface: row.try_get("interface")? }
    };
    let router: Option<String> = row.try_get("router_id")?;
    Ok(Line {
        id: parse(row.try_get("id")?, "a line id")?,
        pop: parse(row.try_get("pop_id")?, "a POP id")?,
        branch: parse(row.try_get("branch_id")?, "a branch id")?,
        no: number(row.try_get("no")?)?,
        router: router.map(|text| parse(&text, "a router id")).transpose()?,
        access,
        profile: row.try_get("profile")?,
        down_bps: unsigned(row.try_get("down_bps")?, "a speed")?,
        up_bps: unsigned(row.try_get("up_bps")?, "a speed")?,
        open: row.try_get::<i64, _>("open")? == 1,
        approved_hold: row.try_get::<i64, _>("approved_hold")? == 1,
        removed: row.try_get::<i64, _>("removed")? == 1,
        counter: unsigned(row.try_get("counter")?, "a counter")?,
        queued_ms: row.try_get("queued_at_ms")?,
        sent_ms: row.try_get("sent_at_ms")?,
        applied_ms: row.try_get("applied_at_ms")?,
        verified_ms: row.try_get("verified_at_ms")?,
        failed_ms: row.try_get("failed_at_ms")?,
        failure: row.try_get("failure")?,
        observed: row.try_get("observed")?,
        withheld: row.try_get::<i64, _>("withheld")? == 1,
    })
}

fn number(value: i64) -> Result<LineNo, Fault> {
    u32::try_from(value).map(LineNo).map_err(|_| Fault::internal(format!("a line number makes no sense: {value}")))
}

/// The columns of an access: kind, username, sealed password, address, interface.
fn columns(access: &StoredAccess) -> (&'static str, &str, Vec<u8>, &str, &str) {
    match access {
        StoredAccess::Pppoe { username, password_sealed } => ("pppoe", username, password_sealed.clone(), "", ""),
        StoredAccess::Static { address, interface } => ("static", "", Vec::new(), address, interface),
    }
}

fn taken(access: &StoredAccess) -> impl FnOnce(sqlx::Error) -> Fault {
    let (code, field, message) = match access {
        StoredAccess::Pppoe { username, .. } => {
            ("username_taken", "username", format!("another line of this POP has the username {username}"))
        }
        StoredAccess::Static { address, .. } => {
            ("address_taken", "address", format!("another line of this POP has the address {address}"))
        }
    };
    crate::db::error::on_violation(crate::db::Violation::Unique, move || Fault::taken(code, field, message))
}

pub(in super::super) async fn insert(tx: &mut Tx, new: &Line) -> Result<(), Fault> {
    let (kind, username, sealed, address, interface) = columns(&new.access);
    let (down, up) = (signed(new.down_bps, "a speed")?, signed(new.up_bps, "a speed")?);
    let counter = signed(new.counter, "a counter")?;
    sqlx::query(INSERT)
        .bind(new.id.to_string())
        .bind(new.pop.to_string())
        .bind(new.branch.to_string())
        .bind(i64::from(new.no.0))
        .bind(new.router.map(|router| router.to_string()))
        .bind(kind)
        .bind(username)
        .bind(sealed)
        .bind(address)
        .bind(interface)
        .bind(&new.profile)
        .bind(down)
        .bind(up)
        .bind(i64::from(new.open))
        .bind(i64::from(new.approved_hold))
        .bind(counter)
        .bind(new.queued_ms)
        .execute(tx.conn())
        .await
        .map_err(taken(&new.access))?;
    Ok(())
}

/// Writes what is desired of a line; how far it has come begins anew.
pub(in super::super) async fn update(tx: &mut Tx, line: &Line) -> Result<(), Fault> {
    let (kind, username, sealed, address, interface) = columns(&line.access);
    let (down, up) = (signed(line.down_bps, "a speed")?, signed(line.up_bps, "a speed")?);
    let counter = signed(line.counter, "a counter")?;
    sqlx::query(UPDATE)
        .bind(line.id.to_string())
        .bind(line.router.map(|router| router.to_string()))
        .bind(kind)
        .bind(username)
        .bind(sealed)
        .bind(address)
        .bind(interface)
        .bind(&line.profile)
        .bind(down)
        .bind(up)
        .bind(i64::from(line.open))
        .bind(i64::from(line.approved_hold))
        .bind(counter)
        .bind(line.queued_ms)
        .execute(tx.conn())
        .await
        .map_err(taken(&line.access))?;
    Ok(())
}

/// Withholds every line that is held and says how many.
pub(in super::super) async fn withhold(tx: &mut Tx) -> Result<u64, Fault> {
    Ok(sqlx::query(WITHHOLD).execute(tx.conn()).await?.rows_affected())
}

/// POPs with lines that are withheld.
pub(in super::super) async fn withheld(tx: &mut Tx) -> Result<Vec<(PopId, BranchId)>, Fault> {
    let rows = sqlx::query(WITHHELD).fetch_all(tx.conn()).await?;
    rows.iter()
        .map(|row| Ok((parse(row.try_get("pop_id")?, "a POP id")?, parse(row.try_get("branch_id")?, "a branch id")?)))
        .collect()
}

/// Lets the agent of a POP know the lines that were withheld, as a change of this counter.
pub(in super::super) async fn release(tx: &mut Tx, pop: PopId, counter: i64) -> Result<u64, Fault> {
    let now = tx.now_ms();
    let done = sqlx::query(RELEASE).bind(pop.to_string()).bind(counter).bind(now).execute(tx.conn()).await?;
    Ok(done.rows_affected())
}

/// Makes a line its own tombstone; its password is forgotten.
pub(in super::super) async fn remove(tx: &mut Tx, id: LineId, counter: i64) -> Result<(), sqlx::Error> {
    let now = tx.now_ms();
    sqlx::query(REMOVE)
        .bind(id.to_string())
        .bind(counter)
        .bind(now)
        .bind(Vec::new())
        .execute(tx.conn())
        .await
        .map(|_| ())
}

pub(in super::super) async fn get(tx: &mut Tx, id: LineId) -> Result<Option<Line>, Fault> {
    let branches = tx.branches().to_owned();
    let row = sqlx::query(GET).bind(branches).bind(id.to_string()).fetch_optional(tx.conn()).await?;
    row.as_ref().map(line).transpose()
}

pub(in super::super) async fn place(tx: &mut Tx, id: LineId) -> Result<Option<Place>, Fault> {
    let branches = tx.branches().to_owned();
    let row = sqlx::query(PLACE).bind(branches).bind(id.to_string()).fetch_optional(tx.conn()).await?;
    row.map(|row| {
        Ok(Place {
            pop: parse(row.try_get("pop_id")?, "a POP id")?,
            no: number(row.try_get("no")?)?,
            branch: parse(row.try_get("branch_id")?, "a branch id")?,
            time_zone: row.try_get("time_zone")?,
            pop_name: row.try_get("pop_name")?,
            router: match row.try_get::<Option<String>, _>("router_id")? {
                Some(id) => Some(PlaceRouter {
                    id: parse(&id, "a router id")?,
                    name: row.try_get("router_name")?,
                    kind: row.try_get("router_kind")?,
                }),
                None => None,
            },
        })
    })
    .transpose()
}

pub(in super::super) async fn many(tx: &mut Tx, ids: &[LineId]) -> Result<Vec<Line>, Fault> {
    let branches = tx.branches().to_owned();
    let list = serde_json::to_string(ids).map_err(Fault::internal)?;
    let statement = match tx.dialect() {
        Dialect::Sqlite => MANY_SQLITE,
        Dialect::Postgres => MANY_POSTGRES,
    };
    let rows = sqlx::query(statement).bind(branches).bind(list).fetch_all(tx.conn()).await?;
    rows.iter().map(line).collect()
}

/// Lines of a POP that changed after a counter, tombstones too, by number.
pub(in super::super) async fn changed(tx: &mut Tx, pop: PopId, after: u64) -> Result<Vec<Line>, Fault> {
    let after = signed(after, "a counter")?;
    let rows = sqlx::query(CHANGED).bind(pop.to_string()).bind(after).fetch_all(tx.conn()).await?;
    rows.iter().map(line).collect()
}

/// Number and counter of every line of a POP, by number.
pub(in super::super) async fn numbers(tx: &mut Tx, pop: PopId) -> Result<Vec<(LineNo, u64)>, Fault> {
    let rows = sqlx::query(NUMBERS).bind(pop.to_string()).fetch_all(tx.conn()).await?;
    rows.iter().map(|row| Ok((number(row.try_get("no")?)?, unsigned(row.try_get("counter")?, "a counter")?))).collect()
}

/// Number and id of every line that the POP has ever had, from a number on.
pub(in super::super) async fn names(tx: &mut Tx, pop: PopId, from: u32) -> Result<Vec<(LineNo, LineId)>, Fault> {
    let rows = sqlx::query(NAMES).bind(pop.to_string()).bind(i64::from(from)).fetch_all(tx.conn()).await?;
    rows.iter().map(|row| Ok((number(row.try_get("no")?)?, parse(row.try_get("id")?, "a line id")?))).collect()
}

/// Marks lines as stored by the agent; returns which were not marked before.
pub(in super::super) async fn sent(tx: &mut Tx, pop: PopId, after: u64, until: u64) -> Result<Vec<LineId>, Fault> {
    let now = tx.now_ms();
    let (after, until) = (signed(after, "a counter")?, signed(until, "a counter")?);
    let rows = sqlx::query(SENT).bind(pop.to_string()).bind(after).bind(until).bind(now).fetch_all(tx.conn()).await?;
    rows.iter().map(|row| parse(row.try_get("id")?, "a line id")).collect()
}

/// One step of a line, as a proof tells it.
pub(in super::super) struct Step<'a> {
    pub pop: PopId,
    pub no: LineNo,
    /// Counter of the desired state that the proof speaks of; None where it is of another incarnation.
    pub counter: Option<u64>,
    pub at_ms: i64,
    pub outcome: &'static str,
    pub failure: Option<&'a str>,
    /// Time of the reading and what was read, as JSON.
    pub observed: Option<(i64, String)>,
}

/// Moves a line on; false where the proof speaks of an older state than the desired one.
pub(in super::super) async fn progress(tx: &mut Tx, step: &Step<'_>) -> Result<bool, Fault> {
    if let Some((at_ms, json)) = &step.observed {
        sqlx::query(OBSERVED)
            .bind(step.pop.to_string())
            .bind(i64::from(step.no.0))
            .bind(json)
            .bind(*at_ms)
            .execute(tx.conn())
            .await?;
    }
    let Some(counter) = step.counter else { return Ok(false) };
    // A counter beyond the database's range is beyond every row as well.
    let counter = i64::try_from(counter).unwrap_or(i64::MAX);
    let row = sqlx::query(PROGRESS)
        .bind(step.pop.to_string())
        .bind(i64::from(step.no.0))
        .bind(counter)
        .bind(step.at_ms)
        .bind(step.outcome)
        .bind(step.failure)
        .fetch_optional(tx.conn())
        .await?;
    Ok(row.is_some())
}

/// Lines in scope that are not removed.
pub(in super::super) async fn count(tx: &mut Tx) -> Result<i64, sqlx::Error> {
    let branches = tx.branches().to_owned();
    sqlx::query(OPENED).bind(branches).fetch_one(tx.conn()).await?.try_get("lines")
}
