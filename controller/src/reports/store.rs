//! SQL of the lists. Statements are put together from allow-listed pieces; what somebody typed is always a parameter.

use lastmile_protocol::ids::{AreaId, BranchId, CustomerId, LineId, PackageId, ResellerId, SubscriptionId};
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row as _};

use super::customers::{Counts, Filter, ListState, Sort};
use crate::db::{Columns as _, Tx, of_customer};
use crate::domains::customers::AreaName;
use crate::kernel::{Currency, Fault, Money};

/// A customer with the first subscription that runs; `$2` what is searched, `$3` area (those within count too), `$4`
/// package, `$5` now, `$6` reseller.
const FROM: &str = concat!(
    "FROM customers c \
     JOIN branches b ON b.id = c.branch_id \
     LEFT JOIN areas a ON a.id = c.area_id \
     LEFT JOIN subscriptions s ON s.id = (SELECT m.id FROM subscriptions m \
         WHERE m.customer_id = c.id AND m.ended_at_ms IS NULL ORDER BY m.created_at_ms, m.id LIMIT 1) \
     LEFT JOIN packages p ON p.id = s.package_id \
     LEFT JOIN lines l ON l.id = s.line_id \
     WHERE ",
    of_customer!("c.branch_id", "c.id"),
    " \
       AND (CAST($2 AS TEXT) IS NULL OR c.search LIKE $2 ESCAPE '!' OR c.id IN ( \
           SELECT x.customer_id FROM subscriptions x JOIN lines y ON y.id = x.line_id \
           WHERE x.ended_at_ms IS NULL AND LOWER(y.username) LIKE $2 ESCAPE '!')) \
       AND (CAST($3 AS TEXT) IS NULL OR c.area_id IN ( \
           WITH RECURSIVE within (id) AS (SELECT CAST($3 AS TEXT) \
             UNION SELECT n.id FROM areas n JOIN within w ON n.parent_id = w.id) SELECT id FROM within)) \
       AND (CAST($4 AS TEXT) IS NULL OR s.package_id = $4) \
       AND (CAST($6 AS TEXT) IS NULL OR c.reseller_id = $6) \
       AND CAST($5 AS BIGINT) IS NOT NULL"
);

const CREDIT: &str = "COALESCE((SELECT -g.balance_minor FROM ledger_accounts g WHERE g.branch_id = c.branch_id \
     AND g.kind = 'advance' AND g.owner_id = c.id AND g.currency = b.currency), 0)";

const HELD: &str = "(s.id IS NOT NULL AND l.open = 0)";
const ACTIVE: &str = "(s.id IS NOT NULL AND l.open = 1 AND (s.paid_until_ms IS NULL OR s.paid_until_ms > $5))";
const EXPIRED: &str = "(s.id IS NOT NULL AND l.open = 1 AND s.paid_until_ms <= $5)";
const FAILED: &str = "(s.id IS NOT NULL AND l.failed_at_ms IS NOT NULL)";
const NO_LINE: &str = "(s.id IS NULL)";

const fn condition(state: ListState) -> &'static str {
    match state {
        ListState::All => "(1 = 1)",
        ListState::Active => ACTIVE,
        ListState::Held => HELD,
        ListState::Expired => EXPIRED,
        ListState::Failed => FAILED,
        ListState::NoLine => NO_LINE,
    }
}

/// What is sorted by, and the type of it.
const fn key(sort: Sort) -> (&'static str, &'static str) {
    match sort {
        Sort::Number => ("c.number_count", "BIGINT"),
        Sort::Name => ("c.sort_name", "TEXT"),
        // Unknown is after everything that is known.
        Sort::PaidUntil => ("COALESCE(s.paid_until_ms, 9000000000000000000)", "BIGINT"),
        Sort::Credit => (CREDIT, "BIGINT"),
    }
}

fn list_statement(state: ListState, sort: Sort, down: bool) -> String {
    let (key, kind) = key(sort);
    let (beyond, order) = if down { ("<", "DESC") } else { (">", "ASC") };
    let state = condition(state);
    format!(
        "SELECT c.id, c.branch_id, c.number, c.name, c.phone, c.area_id, a.name AS area_name, b.currency, b.time_zone, \
           s.id AS subscription_id, s.paid_until_ms, s.line_id, p.name AS package_name, p.grace_days, l.kind, \
           l.username, l.address, l.open, {CREDIT} AS credit_minor, {key} AS sort_key {FROM} AND {state} \
           AND (CAST($8 AS TEXT) IS NULL OR {key} {beyond} CAST($7 AS {kind}) \
                OR ({key} = CAST($7 AS {kind}) AND c.id {beyond} $8)) \
         ORDER BY {key} {order}, c.id {order} LIMIT $9"
    )
}

fn count_statement() -> String {
    let sum = |condition: &str| format!("CAST(COALESCE(SUM(CASE WHEN {condition} THEN 1 ELSE 0 END), 0) AS BIGINT)");
    format!(
        "SELECT COUNT(*) AS customers, {} AS active, {} AS held, {} AS expired, {} AS failed, {} AS no_line {FROM}",
        sum(ACTIVE),
        sum(HELD),
        sum(EXPIRED),
        sum(FAILED),
        sum(NO_LINE)
    )
}

/// Every statement that can be put together, so that a test can prepare them on both databases.
#[must_use]
pub fn statements() -> Vec<String> {
    let mut all = vec![count_statement()];
    for state in ListState::EACH {
        for sort in Sort::EACH {
            all.push(list_statement(state, sort, false));
            all.push(list_statement(state, sort, true));
        }
    }
    all
}

/// What the last row of a page was sorted by.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
pub enum Key {
    /// A number.
    Number(i64),
    /// A text.
    Text(String),
}

/// A row as it is read; what is derived from it is added by the list.
pub(super) struct Found {
    pub id: CustomerId,
    pub branch_id: BranchId,
    pub number: String,
    pub name: String,
    pub phone: String,
    pub area: Option<AreaName>,
    pub time_zone: String,
    pub credit: Money,
    pub sort_key: Key,
    pub subscription: Option<FoundSubscription>,
}

/// The subscription of a row.
pub(super) struct FoundSubscription {
    pub id: SubscriptionId,
    pub line: LineId,
    pub package_name: String,
    pub grace_days: Option<i64>,
    pub paid_until_ms: Option<i64>,
    /// Username of a PPPoE line, address of a static one.
    pub username: String,
    pub open: bool,
}

fn found(row: &AnyRow, sort: Sort) -> Result<Found, sqlx::Error> {
    let area: Option<AreaId> = row.parsed_or_none("area_id")?;
    let area_name: Option<String> = row.try_get("area_name")?;
    let currency: Currency = row.parsed("currency")?;
    let subscription: Option<SubscriptionId> = row.parsed_or_none("subscription_id")?;
    Ok(Found {
        id: row.parsed("id")?,
        branch_id: row.parsed("branch_id")?,
        number: row.try_get("number")?,
        name: row.try_get("name")?,
        phone: row.try_get("phone")?,
        area: area.zip(area_name).map(|(id, name)| AreaName { id, name }),
        time_zone: row.try_get("time_zone")?,
        credit: Money::new(row.try_get("credit_minor")?, currency),
        sort_key: match sort {
            Sort::Name => Key::Text(row.try_get("sort_key")?),
            Sort::Number | Sort::PaidUntil | Sort::Credit => Key::Number(row.try_get("sort_key")?),
        },
        subscription: subscription.map(|id| found_subscription(row, id)).transpose()?,
    })
}

fn found_subscription(row: &AnyRow, id: SubscriptionId) -> Result<FoundSubscription, sqlx::Error> {
    let kind: String = row.try_get("kind")?;
    Ok(FoundSubscription {
        id,
        line: row.parsed("line_id")?,
        package_name: row.try_get("package_name")?,
        grace_days: row.try_get("grace_days")?,
        paid_until_ms: row.try_get("paid_until_ms")?,
        username: row.try_get(if kind == "static" { "address" } else { "username" })?,
        open: row.flag("open")?,
    })
}

/// One page, with one row more than wanted where there is another page.
pub(super) async fn list(
    tx: &mut Tx,
    filter: &Filter,
    after: Option<&(Key, String)>,
    most: i64,
) -> Result<Vec<Found>, Fault> {
    let (branches, now) = (tx.branches().to_owned(), tx.now_ms());
    let statement = list_statement(filter.state, filter.sort, filter.down);
    let query = sqlx::query(AssertSqlSafe(statement))
        .bind(branches)
        .bind(filter.pattern.clone())
        .bind(filter.area.map(|id: AreaId| id.to_string()))
        .bind(filter.package.map(|id: PackageId| id.to_string()))
        .bind(now)
        .bind(filter.reseller.map(|id: ResellerId| id.to_string()));
    let query = match after.map(|(key, _)| key) {
        Some(Key::Number(number)) => query.bind(*number),
        Some(Key::Text(text)) => query.bind(text.clone()),
        None => match filter.sort {
            Sort::Name => query.bind(None::<String>),
            Sort::Number | Sort::PaidUntil | Sort::Credit => query.bind(None::<i64>),
        },
    };
    let rows = query.bind(after.map(|(_, id)| id.clone())).bind(most).fetch_all(tx.conn()).await?;
    Ok(rows.iter().map(|row| found(row, filter.sort)).collect::<Result<_, _>>()?)
}

/// How many there are in each state, under the other filters.
pub(super) async fn counts(tx: &mut Tx, filter: &Filter) -> Result<Counts, Fault> {
    let (branches, now) = (tx.branches().to_owned(), tx.now_ms());
    let row = sqlx::query(AssertSqlSafe(count_statement()))
        .bind(branches)
        .bind(filter.pattern.clone())
        .bind(filter.area.map(|id: AreaId| id.to_string()))
        .bind(filter.package.map(|id: PackageId| id.to_string()))
        .bind(now)
        .bind(filter.reseller.map(|id: ResellerId| id.to_string()))
        .fetch_one(tx.conn())
        .await?;
    Ok(Counts {
        all: row.try_get("customers")?,
        active: row.try_get("active")?,
        held: row.try_get("held")?,
        expired: row.try_get("expired")?,
        failed: row.try_get("failed")?,
        no_line: row.try_get("no_line")?,
    })
}
