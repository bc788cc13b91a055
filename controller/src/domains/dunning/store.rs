//! SQL of brakes, freezes and the saved tick of the clock.

use lastmile_protocol::ids::{BrakeId, BranchId, SubscriptionId};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::rules::Doubt;
use super::{Brake, BrakeLine, Freeze};
use crate::db::{Columns as _, Tx};
use crate::kernel::{At, Fault};

macro_rules! brake {
    ($rest:literal) => {
        concat!(
            "SELECT b.id, b.branch_id, n.name AS branch_name, b.state, b.active_lines, b.limit_lines, b.held_before, b.wanted, ",
            "b.created_at_ms, b.decided_at_ms, b.decided_by, b.reason, ",
            "(SELECT COUNT(*) FROM dunning_brake_lines l WHERE l.brake_id = b.id) AS listed, ",
            "(SELECT COUNT(*) FROM dunning_brake_lines l WHERE l.brake_id = b.id AND l.done_at_ms IS NOT NULL) AS done ",
            "FROM dunning_brakes b JOIN branches n ON n.id = b.branch_id WHERE ($1 = '*' OR $1 LIKE '%,' || b.branch_id || ',%') ",
            $rest
        )
    };
}

/// Every statement, so that a test can prepare them on both databases.
pub const STATEMENTS: &[&str] = &[
    LIST,
    LOAD,
    ASKING,
    APPROVED,
    INSERT,
    INSERT_LINE,
    DECIDE,
    CLOSE,
    LINES,
    UNDONE,
    DONE,
    LEFT_OUT,
    LISTED,
    OPEN_FREEZE,
    FREEZE,
    CLEAR,
    TICK,
    SAVE_TICK,
];

const LIST: &str = brake!("AND ($2 = 'all' OR b.state = $2) ORDER BY b.id DESC LIMIT $3");
const LOAD: &str = brake!("AND b.id = $2");
const ASKING: &str = brake!("AND b.branch_id = $2 AND b.state = 'asking'");
const APPROVED: &str = brake!("AND b.branch_id = $2 AND b.state = 'approved' ORDER BY b.id");

const INSERT: &str = "INSERT INTO dunning_brakes \
       (id, branch_id, state, active_lines, limit_lines, held_before, wanted, created_at_ms) \
     VALUES ($1, $2, 'asking', $3, $4, $5, $6, $7)";

const INSERT_LINE: &str = "INSERT INTO dunning_brake_lines (brake_id, subscription_id, branch_id, paid_until_ms) \
     VALUES ($1, $2, $3, $4)";

/// A person decides what is still asked.
const DECIDE: &str = "UPDATE dunning_brakes SET state = $3, decided_at_ms = $4, decided_by = $5, reason = $6 \
     WHERE ($1 = '*' OR $1 LIKE '%,' || branch_id || ',%') AND id = $2 AND state = 'asking'";

/// The job moves a brake on.
const CLOSE: &str = "UPDATE dunning_brakes SET state = $4 \
     WHERE ($1 = '*' OR $1 LIKE '%,' || branch_id || ',%') AND id = $2 AND state = $3";

const LINES: &str = "SELECT l.subscription_id, s.number, c.id AS customer_id, c.name, l.paid_until_ms, l.done_at_ms \
     FROM dunning_brake_lines l JOIN subscriptions s ON s.id = l.subscription_id \
       JOIN customers c ON c.id = s.customer_id \
     WHERE ($1 = '*' OR $1 LIKE '%,' || l.branch_id || ',%') AND l.brake_id = $2 AND l.subscription_id > $3 \
     ORDER BY l.subscription_id LIMIT $4";

const UNDONE: &str = "SELECT l.subscription_id FROM dunning_brake_lines l \
     WHERE ($1 = '*' OR $1 LIKE '%,' || l.branch_id || ',%') AND l.brake_id = $2 AND l.done_at_ms IS NULL \
     ORDER BY l.subscription_id LIMIT $3";

const DONE: &str = "UPDATE dunning_brake_lines SET done_at_ms = $4 \
     WHERE ($1 = '*' OR $1 LIKE '%,' || branch_id || ',%') AND brake_id = $2 AND subscription_id = $3";

/// Lines about which a person has decided a short while ago, or whose approved list is being worked through.
const LEFT_OUT: &str = "SELECT DISTINCT l.subscription_id FROM dunning_brake_lines l \
       JOIN dunning_brakes b ON b.id = l.brake_id \
     WHERE ($1 = '*' OR $1 LIKE '%,' || l.branch_id || ',%') AND l.branch_id = $2 \
       AND (b.state = 'approved' OR (b.state = 'dismissed' AND b.decided_at_ms > $3))";

const LISTED: &str = "SELECT l.subscription_id FROM dunning_brake_lines l \
     WHERE ($1 = '*' OR $1 LIKE '%,' || l.branch_id || ',%') AND l.brake_id = $2";

const OPEN_FREEZE: &str = "SELECT cause, off_by_ms, since_ms FROM dunning_freezes WHERE cleared_at_ms IS NULL";

const FREEZE: &str = "INSERT INTO dunning_freezes (id, cause, off_by_ms, since_ms) VALUES ($1, $2, $3, $4) \
     ON CONFLICT DO NOTHING";

const CLEAR: &str = "UPDATE dunning_freezes SET cleared_at_ms = $1, cleared_by = $2, reason = $3 \
     WHERE cleared_at_ms IS NULL";

const TICK: &str = "SELECT wall_ms FROM clock_ticks WHERE name = 'dunning'";

const SAVE_TICK: &str = "INSERT INTO clock_ticks (name, wall_ms) VALUES ('dunning', $1) \
     ON CONFLICT (name) DO UPDATE SET wall_ms = excluded.wall_ms";

fn brake(row: &AnyRow) -> Result<Brake, sqlx::Error> {
    Ok(Brake {
        id: row.parsed("id")?,
        branch_id: row.parsed("branch_id")?,
        branch_name: row.try_get("branch_name")?,
        state: row.try_get("state")?,
        active_lines: row.try_get("active_lines")?,
        limit: row.try_get("limit_lines")?,
        held_before: row.try_get("held_before")?,
        wanted: row.try_get("wanted")?,
        listed: row.try_get("listed")?,
        done: row.try_get("done")?,
        created_at: At(row.try_get("created_at_ms")?),
        decided_at: row.try_get::<Option<i64>, _>("decided_at_ms")?.map(At),
        decided_by: row.try_get("decided_by")?,
        reason: row.try_get("reason")?,
    })
}

/// Brakes in this state (`all`: in any), newest first.
pub(super) async fn list(tx: &mut Tx, state: &str, most: i64) -> Result<Vec<Brake>, Fault> {
    let branches = tx.branches().to_owned();
    let rows = sqlx::query(LIST).bind(branches).bind(state.to_owned()).bind(most).fetch_all(tx.conn()).await?;
    Ok(rows.iter().map(brake).collect::<Result<_, _>>()?)
}

pub(super) async fn load(tx: &mut Tx, id: BrakeId) -> Result<Option<Brake>, Fault> {
    let branches = tx.branches().to_owned();
    let row = sqlx::query(LOAD).bind(branches).bind(id.to_string()).fetch_optional(tx.conn()).await?;
    Ok(row.as_ref().map(brake).transpose()?)
}

/// The brake that asks in a branch.
pub(super) async fn asking(tx: &mut Tx, branch: BranchId) -> Result<Option<Brake>, Fault> {
    let branches = tx.branches().to_owned();
    let row = sqlx::query(ASKING).bind(branches).bind(branch.to_string()).fetch_optional(tx.conn()).await?;
    Ok(row.as_ref().map(brake).transpose()?)
}

/// Approved lists of a branch that are not worked through, oldest first.
pub(super) async fn approved(tx: &mut Tx, branch: BranchId) -> Result<Vec<Brake>, Fault> {
    let branches = tx.branches().to_owned();
    let rows = sqlx::query(APPROVED).bind(branches).bind(branch.to_string()).fetch_all(tx.conn()).await?;
    Ok(rows.iter().map(brake).collect::<Result<_, _>>()?)
}

pub(super) async fn insert(tx: &mut Tx, new: &Brake, lines: &[(SubscriptionId, i64)]) -> Result<(), Fault> {
    sqlx::query(INSERT)
        .bind(new.id.to_string())
        .bind(new.branch_id.to_string())
        .bind(new.active_lines)
        .bind(new.limit)
        .bind(new.held_before)
        .bind(new.wanted)
        .bind(new.created_at.0)
        .execute(tx.conn())
        .await?;
    for (subscription, paid_until_ms) in lines {
        sqlx::query(INSERT_LINE)
            .bind(new.id.to_string())
            .bind(subscription.to_string())
            .bind(new.branch_id.to_string())
            .bind(*paid_until_ms)
            .execute(tx.conn())
            .await?;
    }
    Ok(())
}

/// Whether it was still asked.
pub(super) async fn decide(tx: &mut Tx, id: BrakeId, state: &str, by: &str, reason: &str) -> Result<bool, Fault> {
    let (branches, now) = (tx.branches().to_owned(), tx.now_ms());
    let done = sqlx::query(DECIDE)
        .bind(branches)
        .bind(id.to_string())
        .bind(state.to_owned())
        .bind(now)
        .bind(by.to_owned())
        .bind(reason.to_owned())
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether it was in the state `from`.
pub(super) async fn close(tx: &mut Tx, id: BrakeId, from: &str, to: &str) -> Result<bool, Fault> {
    let branches = tx.branches().to_owned();
    let done = sqlx::query(CLOSE)
        .bind(branches)
        .bind(id.to_string())
        .bind(from.to_owned())
        .bind(to.to_owned())
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Lines of a brake's list, by subscription, after `after`.
pub(super) async fn lines(tx: &mut Tx, id: BrakeId, after: &str, most: i64) -> Result<Vec<BrakeLine>, Fault> {
    let branches = tx.branches().to_owned();
    let rows = sqlx::query(LINES)
        .bind(branches)
        .bind(id.to_string())
        .bind(after.to_owned())
        .bind(most)
        .fetch_all(tx.conn())
        .await?;
    let read = |row: &AnyRow| {
        Ok::<_, sqlx::Error>(BrakeLine {
            subscription_id: row.parsed("subscription_id")?,
            number: row.try_get("number")?,
            customer_id: row.parsed("customer_id")?,
            customer_name: row.try_get("name")?,
            paid_until: At(row.try_get("paid_until_ms")?),
            done_at: row.try_get::<Option<i64>, _>("done_at_ms")?.map(At),
        })
    };
    Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
}

fn ids(rows: &[AnyRow]) -> Result<Vec<SubscriptionId>, Fault> {
    Ok(rows.iter().map(|row| row.parsed("subscription_id")).collect::<Result<_, _>>()?)
}

/// Lines of an approved list that are not worked through.
pub(super) async fn undone(tx: &mut Tx, id: BrakeId, most: i64) -> Result<Vec<SubscriptionId>, Fault> {
    let branches = tx.branches().to_owned();
    ids(&sqlx::query(UNDONE).bind(branches).bind(id.to_string()).bind(most).fetch_all(tx.conn()).await?)
}

pub(super) async fn mark_done(tx: &mut Tx, id: BrakeId, subscription: SubscriptionId) -> Result<(), Fault> {
    let (branches, now) = (tx.branches().to_owned(), tx.now_ms());
    sqlx::query(DONE)
        .bind(branches)
        .bind(id.to_string())
        .bind(subscription.to_string())
        .bind(now)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Lines of a branch that are left out: on an approved list, or dismissed after `since_ms`.
pub(super) async fn left_out(tx: &mut Tx, branch: BranchId, since_ms: i64) -> Result<Vec<SubscriptionId>, Fault> {
    let branches = tx.branches().to_owned();
    ids(&sqlx::query(LEFT_OUT).bind(branches).bind(branch.to_string()).bind(since_ms).fetch_all(tx.conn()).await?)
}

/// Every line of a brake's list.
pub(super) async fn listed(tx: &mut Tx, id: BrakeId) -> Result<Vec<SubscriptionId>, Fault> {
    let branches = tx.branches().to_owned();
    ids(&sqlx::query(LISTED).bind(branches).bind(id.to_string()).fetch_all(tx.conn()).await?)
}

/// The freeze that nobody has cleared. It belongs to the clock, not to a branch: everybody may see it.
pub(super) async fn open_freeze(tx: &mut Tx) -> Result<Option<Freeze>, Fault> {
    let row = sqlx::query(OPEN_FREEZE).fetch_optional(tx.conn()).await?;
    let read = |row: &AnyRow| {
        Ok::<_, sqlx::Error>(Freeze {
            cause: row.try_get("cause")?,
            off_by_ms: row.try_get("off_by_ms")?,
            since: At(row.try_get("since_ms")?),
        })
    };
    Ok(row.as_ref().map(read).transpose()?)
}

/// Whether there was no freeze before.
pub(super) async fn freeze(tx: &mut Tx, doubt: Doubt) -> Result<bool, Fault> {
    let (id, now) = (tx.new_id::<BrakeId>(), tx.now_ms());
    let done = sqlx::query(FREEZE)
        .bind(id.to_string())
        .bind(doubt.cause())
        .bind(doubt.off_by_ms())
        .bind(now)
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether there was a freeze to clear.
pub(super) async fn clear_freeze(tx: &mut Tx, by: &str, reason: &str) -> Result<bool, Fault> {
    let now = tx.now_ms();
    let done = sqlx::query(CLEAR).bind(now).bind(by.to_owned()).bind(reason.to_owned()).execute(tx.conn()).await?;
    Ok(done.rows_affected() == 1)
}

/// Wall time of the last saved tick, milliseconds since 1970 UTC.
pub(super) async fn tick(tx: &mut Tx) -> Result<Option<i64>, Fault> {
    let row = sqlx::query(TICK).fetch_optional(tx.conn()).await?;
    Ok(row.map(|row| row.try_get("wall_ms")).transpose()?)
}

pub(super) async fn save_tick(tx: &mut Tx, wall_ms: i64) -> Result<(), Fault> {
    sqlx::query(SAVE_TICK).bind(wall_ms).execute(tx.conn()).await?;
    Ok(())
}
