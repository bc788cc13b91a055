//! SQL of subscriptions and holds.

use lastmile_protocol::ids::{BrakeId, BranchId, CustomerId, HoldId, LineId, PackageId, SubscriptionId};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::rules::{HoldReason, Paid};
use super::{Hold, Subscription};
use crate::db::{Columns as _, Tx, Violation, error::on_violation, of_branch, of_customer, of_subscription};
use crate::kernel::{At, Fault};

macro_rules! subscription {
    ($($rest:tt)+) => {
        concat!(
            "SELECT s.id, s.branch_id, s.customer_id, s.number, s.package_id, s.line_id, s.paid_until_ms, ",
            "s.anniversary_day, s.ended_at_ms, s.created_at_ms FROM subscriptions s ",
            "WHERE ", of_customer!("s.branch_id", "s.customer_id"), " ",
            $($rest)+
        )
    };
}

/// Every statement, so that a test can prepare them on both databases.
pub const STATEMENTS: &[&str] = &[
    LOAD,
    LOCK,
    OF_CUSTOMER,
    OF_PACKAGE,
    BY_LINE,
    INSERT,
    SET_PACKAGE,
    SET_LINE,
    SET_BRANCH,
    SET_HOLDS_BRANCH,
    SET_PAID,
    END,
    HOLDS,
    HOLD,
    PLACE,
    CLEAR,
    OVERDUE,
    COUNT_OPEN,
    COUNT_NEW,
];

const LOAD: &str = subscription!("AND s.id = $2");
/// Takes the row for this transaction: PostgreSQL lets nobody else change it, and it reads what was committed last.
const LOCK: &str = concat!(
    "UPDATE subscriptions SET updated_at_ms = updated_at_ms \
     WHERE ",
    of_customer!("subscriptions.branch_id", "subscriptions.customer_id"),
    " AND id = $2"
);
const OF_CUSTOMER: &str = subscription!("AND s.customer_id = $2 ORDER BY s.created_at_ms, s.id");
const OF_PACKAGE: &str =
    subscription!("AND s.package_id = $2 AND s.ended_at_ms IS NULL AND s.id > $3 ORDER BY s.id LIMIT $4");
const BY_LINE: &str = subscription!("AND s.line_id = $2");

const INSERT: &str = "INSERT INTO subscriptions (id, branch_id, customer_id, number, package_id, line_id, \
       paid_until_ms, anniversary_day, created_at_ms, updated_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)";

const SET_PACKAGE: &str = concat!(
    "UPDATE subscriptions SET package_id = $3, updated_at_ms = $4 \
     WHERE ",
    of_customer!("subscriptions.branch_id", "subscriptions.customer_id"),
    " AND id = $2 AND ended_at_ms IS NULL"
);

const SET_LINE: &str = concat!(
    "UPDATE subscriptions SET line_id = $3, updated_at_ms = $4 \
     WHERE ",
    of_customer!("subscriptions.branch_id", "subscriptions.customer_id"),
    " AND id = $2 AND ended_at_ms IS NULL"
);

const SET_BRANCH: &str = concat!(
    "UPDATE subscriptions SET branch_id = $3, package_id = $4, updated_at_ms = $5 WHERE ",
    of_branch!("subscriptions.branch_id"),
    " AND id = $2 AND ended_at_ms IS NULL"
);

/// Those that are cleared stay where they were.
const SET_HOLDS_BRANCH: &str = concat!(
    "UPDATE holds SET branch_id = $3 WHERE ",
    of_branch!("holds.branch_id"),
    " AND subscription_id = $2 AND cleared_at_ms IS NULL"
);

const SET_PAID: &str = concat!(
    "UPDATE subscriptions SET paid_until_ms = $3, anniversary_day = $4, updated_at_ms = $5 \
     WHERE ",
    of_customer!("subscriptions.branch_id", "subscriptions.customer_id"),
    " AND id = $2 AND ended_at_ms IS NULL"
);

const END: &str = concat!(
    "UPDATE subscriptions SET ended_at_ms = $3, updated_at_ms = $3 \
     WHERE ",
    of_customer!("subscriptions.branch_id", "subscriptions.customer_id"),
    " AND id = $2 AND ended_at_ms IS NULL"
);

const HOLDS: &str = concat!(
    "SELECT h.id, h.subscription_id, h.reason, h.note, h.placed_by, h.placed_at_ms FROM holds h \
     WHERE ",
    of_subscription!("h.branch_id", "h.subscription_id"),
    " AND h.subscription_id = $2 AND h.cleared_at_ms IS NULL \
     ORDER BY h.placed_at_ms, h.id"
);

const HOLD: &str = concat!(
    "SELECT h.id, h.subscription_id, h.reason, h.note, h.placed_by, h.placed_at_ms FROM holds h \
     WHERE ",
    of_subscription!("h.branch_id", "h.subscription_id"),
    " AND h.id = $2 AND h.cleared_at_ms IS NULL"
);

const PLACE: &str = "INSERT INTO holds (id, branch_id, subscription_id, reason, note, placed_by, placed_at_ms, brake_id) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

const CLEAR: &str = concat!(
    "UPDATE holds SET cleared_at_ms = $3, cleared_by = $4, clear_note = $5 \
     WHERE ",
    of_subscription!("holds.branch_id", "holds.subscription_id"),
    " AND id = $2 AND cleared_at_ms IS NULL"
);

const OVERDUE: &str = subscription!(
    "AND s.branch_id = $2 AND s.ended_at_ms IS NULL AND s.paid_until_ms <= $3 \
     AND NOT EXISTS (SELECT 1 FROM holds h WHERE h.subscription_id = s.id AND h.reason = 'nonpayment' \
                     AND h.cleared_at_ms IS NULL) \
     AND s.id > $4 ORDER BY s.id LIMIT $5"
);

const COUNT_OPEN: &str = concat!(
    "SELECT COUNT(*) AS lines FROM subscriptions s \
     WHERE ",
    of_customer!("s.branch_id", "s.customer_id"),
    " AND s.branch_id = $2 AND s.ended_at_ms IS NULL \
       AND NOT EXISTS (SELECT 1 FROM holds h WHERE h.subscription_id = s.id AND h.cleared_at_ms IS NULL)"
);

const COUNT_NEW: &str = concat!(
    "SELECT COUNT(*) AS holds FROM holds h \
     WHERE ",
    of_subscription!("h.branch_id", "h.subscription_id"),
    " AND h.branch_id = $2 AND h.reason = 'nonpayment' \
       AND h.placed_at_ms > $3 AND h.brake_id IS NULL"
);

fn subscription(row: &AnyRow) -> Result<Subscription, sqlx::Error> {
    let day: Option<i64> = row.try_get("anniversary_day")?;
    Ok(Subscription {
        id: row.parsed("id")?,
        branch_id: row.parsed("branch_id")?,
        customer_id: row.parsed("customer_id")?,
        number: row.try_get("number")?,
        package_id: row.parsed("package_id")?,
        line_id: row.parsed("line_id")?,
        paid: Paid { until_ms: row.try_get("paid_until_ms")?, anniversary: day.and_then(|day| i8::try_from(day).ok()) },
        ended_at_ms: row.try_get("ended_at_ms")?,
        created_at_ms: row.try_get("created_at_ms")?,
    })
}

fn hold(row: &AnyRow) -> Result<(SubscriptionId, Hold), sqlx::Error> {
    let reason: String = row.try_get("reason")?;
    let unknown = || sqlx::Error::ColumnDecode { index: "reason".into(), source: "unknown reason".into() };
    let hold = Hold {
        id: row.parsed("id")?,
        reason: HoldReason::parse(&reason).ok_or_else(unknown)?,
        note: row.try_get("note")?,
        placed_by: row.try_get("placed_by")?,
        placed_at: At(row.try_get("placed_at_ms")?),
    };
    Ok((row.parsed("subscription_id")?, hold))
}

pub(super) async fn load(tx: &mut Tx, id: SubscriptionId) -> Result<Option<Subscription>, Fault> {
    let branches = tx.branches().to_owned();
    let row = sqlx::query(LOAD).bind(branches).bind(id.to_string()).fetch_optional(tx.conn()).await?;
    Ok(row.as_ref().map(subscription).transpose()?)
}

pub(super) async fn by_line(tx: &mut Tx, line: &str) -> Result<Option<Subscription>, Fault> {
    let branches = tx.branches().to_owned();
    let row = sqlx::query(BY_LINE).bind(branches).bind(line.to_owned()).fetch_optional(tx.conn()).await?;
    Ok(row.as_ref().map(subscription).transpose()?)
}

/// Takes the row for this transaction, if it is there.
pub(super) async fn lock(tx: &mut Tx, id: SubscriptionId) -> Result<bool, Fault> {
    let branches = tx.branches().to_owned();
    let done = sqlx::query(LOCK).bind(branches).bind(id.to_string()).execute(tx.conn()).await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn of_customer(tx: &mut Tx, customer: CustomerId) -> Result<Vec<Subscription>, Fault> {
    let branches = tx.branches().to_owned();
    let rows = sqlx::query(OF_CUSTOMER).bind(branches).bind(customer.to_string()).fetch_all(tx.conn()).await?;
    Ok(rows.iter().map(subscription).collect::<Result<_, _>>()?)
}

/// Running subscriptions of a package, by id, after `after`.
pub(super) async fn of_package(
    tx: &mut Tx,
    package: PackageId,
    after: &str,
    most: i64,
) -> Result<Vec<Subscription>, Fault> {
    let branches = tx.branches().to_owned();
    let rows = sqlx::query(OF_PACKAGE)
        .bind(branches)
        .bind(package.to_string())
        .bind(after.to_owned())
        .bind(most)
        .fetch_all(tx.conn())
        .await?;
    Ok(rows.iter().map(subscription).collect::<Result<_, _>>()?)
}

pub(super) async fn insert(tx: &mut Tx, new: &Subscription) -> Result<(), Fault> {
    sqlx::query(INSERT)
        .bind(new.id.to_string())
        .bind(new.branch_id.to_string())
        .bind(new.customer_id.to_string())
        .bind(&new.number)
        .bind(new.package_id.to_string())
        .bind(new.line_id.to_string())
        .bind(new.paid.until_ms)
        .bind(new.paid.anniversary.map(i64::from))
        .bind(new.created_at_ms)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Whether the row was there and runs.
pub(super) async fn set_package(tx: &mut Tx, id: SubscriptionId, package: PackageId) -> Result<bool, Fault> {
    let (branches, now) = (tx.branches().to_owned(), tx.now_ms());
    let done = sqlx::query(SET_PACKAGE)
        .bind(branches)
        .bind(id.to_string())
        .bind(package.to_string())
        .bind(now)
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether the row was there and runs.
pub(super) async fn set_line(tx: &mut Tx, id: SubscriptionId, line: LineId) -> Result<bool, Fault> {
    let (branches, now) = (tx.branches().to_owned(), tx.now_ms());
    let done = sqlx::query(SET_LINE)
        .bind(branches)
        .bind(id.to_string())
        .bind(line.to_string())
        .bind(now)
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Gives a running subscription and its open holds another branch, and a package of it. Whether the row was there and runs.
pub(super) async fn set_branch(
    tx: &mut Tx,
    id: SubscriptionId,
    branch: BranchId,
    package: PackageId,
) -> Result<bool, Fault> {
    let (branches, now) = (tx.branches().to_owned(), tx.now_ms());
    sqlx::query(SET_HOLDS_BRANCH)
        .bind(branches.clone())
        .bind(id.to_string())
        .bind(branch.to_string())
        .execute(tx.conn())
        .await?;
    let done = sqlx::query(SET_BRANCH)
        .bind(branches)
        .bind(id.to_string())
        .bind(branch.to_string())
        .bind(package.to_string())
        .bind(now)
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether the row was there and runs.
pub(super) async fn set_paid(tx: &mut Tx, id: SubscriptionId, paid: Paid) -> Result<bool, Fault> {
    let (branches, now) = (tx.branches().to_owned(), tx.now_ms());
    let done = sqlx::query(SET_PAID)
        .bind(branches)
        .bind(id.to_string())
        .bind(paid.until_ms)
        .bind(paid.anniversary.map(i64::from))
        .bind(now)
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether the row was there and ran.
pub(super) async fn end(tx: &mut Tx, id: SubscriptionId) -> Result<bool, Fault> {
    let (branches, now) = (tx.branches().to_owned(), tx.now_ms());
    let done = sqlx::query(END).bind(branches).bind(id.to_string()).bind(now).execute(tx.conn()).await?;
    Ok(done.rows_affected() == 1)
}

/// Open holds of a subscription, oldest first.
pub(super) async fn holds(tx: &mut Tx, id: SubscriptionId) -> Result<Vec<Hold>, Fault> {
    let branches = tx.branches().to_owned();
    let rows = sqlx::query(HOLDS).bind(branches).bind(id.to_string()).fetch_all(tx.conn()).await?;
    Ok(rows.iter().map(|row| hold(row).map(|(_, hold)| hold)).collect::<Result<_, _>>()?)
}

/// An open hold, and whose it is.
pub(super) async fn open_hold(tx: &mut Tx, id: HoldId) -> Result<Option<(SubscriptionId, Hold)>, Fault> {
    let branches = tx.branches().to_owned();
    let row = sqlx::query(HOLD).bind(branches).bind(id.to_string()).fetch_optional(tx.conn()).await?;
    Ok(row.as_ref().map(hold).transpose()?)
}

pub(super) async fn place(
    tx: &mut Tx,
    subscription: &Subscription,
    hold: &Hold,
    brake: Option<BrakeId>,
) -> Result<(), Fault> {
    let already = || Fault::conflict("already_held", format!("there is a {} hold already", hold.reason.as_str()));
    sqlx::query(PLACE)
        .bind(hold.id.to_string())
        .bind(subscription.branch_id.to_string())
        .bind(subscription.id.to_string())
        .bind(hold.reason.as_str())
        .bind(&hold.note)
        .bind(&hold.placed_by)
        .bind(hold.placed_at.0)
        .bind(brake.map(|id| id.to_string()))
        .execute(tx.conn())
        .await
        .map_err(on_violation(Violation::Unique, already))?;
    Ok(())
}

/// Whether the hold was there and open.
pub(super) async fn clear(tx: &mut Tx, id: HoldId, by: &str, note: &str) -> Result<bool, Fault> {
    let (branches, now) = (tx.branches().to_owned(), tx.now_ms());
    let done = sqlx::query(CLEAR)
        .bind(branches)
        .bind(id.to_string())
        .bind(now)
        .bind(by.to_owned())
        .bind(note.to_owned())
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Running subscriptions of a branch that have run out and have no nonpayment hold, by id, after `after`.
pub(super) async fn run_out(
    tx: &mut Tx,
    branch: BranchId,
    now_ms: i64,
    after: &str,
    most: i64,
) -> Result<Vec<Subscription>, Fault> {
    let branches = tx.branches().to_owned();
    let rows = sqlx::query(OVERDUE)
        .bind(branches)
        .bind(branch.to_string())
        .bind(now_ms)
        .bind(after.to_owned())
        .bind(most)
        .fetch_all(tx.conn())
        .await?;
    Ok(rows.iter().map(subscription).collect::<Result<_, _>>()?)
}

/// Running subscriptions of a branch that nothing holds.
pub(super) async fn count_open(tx: &mut Tx, branch: BranchId) -> Result<i64, Fault> {
    let branches = tx.branches().to_owned();
    let row = sqlx::query(COUNT_OPEN).bind(branches).bind(branch.to_string()).fetch_one(tx.conn()).await?;
    Ok(row.try_get("lines")?)
}

/// Nonpayment holds of a branch that were placed after `since_ms` without an approved list, whether still there or not.
pub(super) async fn count_new(tx: &mut Tx, branch: BranchId, since_ms: i64) -> Result<i64, Fault> {
    let branches = tx.branches().to_owned();
    let row =
        sqlx::query(COUNT_NEW).bind(branches).bind(branch.to_string()).bind(since_ms).fetch_one(tx.conn()).await?;
    Ok(row.try_get("holds")?)
}
