//! The list of customers with what people look for in it: package, state, how far the line is, live rate, credit.

use std::collections::BTreeMap;

use lastmile_protocol::ids::{AreaId, BranchId, CustomerId, LineId, PackageId, ResellerId, SubscriptionId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::store::{self, Found, FoundSubscription, Key};
use crate::config::Config;
use crate::db::Tx;
use crate::domains::customers::AreaName;
use crate::domains::lines::{self, Facts, State};
use crate::domains::network::{self, LineState};
use crate::events::{LiveState, Sample};
use crate::kernel::paging::{cursor, parse_cursor};
use crate::kernel::{At, Fault, Money, Zone};

/// A sample that is older tells nothing about now, milliseconds.
const FRESH_MS: i64 = 180_000;

/// Which customers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ListState {
    /// All.
    #[default]
    All,
    /// Open and paid, or of unknown date.
    Active,
    /// Closed for any reason.
    Held,
    /// Run out, in their days of grace or beyond, and still open.
    Expired,
    /// The line is not as wanted.
    Failed,
    /// Without a line.
    NoLine,
}

impl ListState {
    /// Every one of them.
    pub const EACH: [Self; 6] = [Self::All, Self::Active, Self::Held, Self::Expired, Self::Failed, Self::NoLine];
}

/// What is sorted by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sort {
    /// Customer number.
    #[default]
    Number,
    /// Name.
    Name,
    /// Paid until; unknown is last.
    PaidUntil,
    /// Credit.
    Credit,
}

impl Sort {
    /// Every one of them.
    pub const EACH: [Self; 4] = [Self::Number, Self::Name, Self::PaidUntil, Self::Credit];

    /// From the parameter: a name, with `-` before it for downwards.
    ///
    /// # Errors
    /// A field error on `sort` that names what there is.
    pub fn parse(text: &str) -> Result<(Self, bool), Fault> {
        let (name, down) = text.strip_prefix('-').map_or((text, false), |name| (name, true));
        let sort = match name {
            "number" => Self::Number,
            "name" => Self::Name,
            "paid_until" => Self::PaidUntil,
            "credit" => Self::Credit,
            _ => return Err(Fault::field("sort", "must be number, name, paid_until or credit, with - for downwards")),
        };
        Ok((sort, down))
    }
}

/// What the list is filtered and sorted by.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Pattern for `LIKE`, made by `customers::search_pattern`.
    pub pattern: Option<String>,
    /// State.
    pub state: ListState,
    /// Living in this area or within it.
    pub area: Option<AreaId>,
    /// With this package.
    pub package: Option<PackageId>,
    /// Of this reseller.
    pub reseller: Option<ResellerId>,
    /// Sorted by.
    pub sort: Sort,
    /// Downwards.
    pub down: bool,
}

/// How many customers there are in each state, under the other filters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Counts {
    /// All.
    pub all: i64,
    /// Open and paid.
    pub active: i64,
    /// Closed.
    pub held: i64,
    /// Run out and still open.
    pub expired: i64,
    /// Line not as wanted.
    pub failed: i64,
    /// Without a line.
    pub no_line: i64,
}

impl Counts {
    const fn of(&self, state: ListState) -> i64 {
        match state {
            ListState::All => self.all,
            ListState::Active => self.active,
            ListState::Held => self.held,
            ListState::Expired => self.expired,
            ListState::Failed => self.failed,
            ListState::NoLine => self.no_line,
        }
    }
}

/// A page of the list.
#[derive(Debug, Serialize, ToSchema)]
pub struct CustomerList {
    /// The rows.
    pub items: Vec<CustomerRow>,
    /// Cursor of the next page, for `after=`; null at the end.
    pub next: Option<String>,
    /// How many rows there are on all pages.
    pub total: i64,
    /// How many there are in each state.
    pub counts: Counts,
}

/// A customer in the list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CustomerRow {
    /// Id.
    #[schema(value_type = String)]
    pub id: CustomerId,
    /// Whose it is.
    #[schema(value_type = String)]
    pub branch_id: BranchId,
    /// `LM-000123`.
    pub number: String,
    /// Name.
    pub name: String,
    /// In E.164.
    pub phone: String,
    /// Where the customer lives.
    pub area: Option<AreaName>,
    /// The first subscription that runs.
    pub subscription: Option<SubscriptionRow>,
    /// Paid ahead and not spent.
    pub credit: Money,
}

/// A subscription in the list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SubscriptionRow {
    /// Id.
    #[schema(value_type = String)]
    pub id: SubscriptionId,
    /// Name of the package.
    pub package_name: String,
    /// PPPoE username, or the address of a static line.
    pub username: String,
    /// Paid until; null = unknown.
    pub paid_until: Option<At>,
    /// Derived from dates and holds.
    pub state: State,
    /// `queued`, `sent`, `applied`, `verified` or `failed`.
    pub line_state: Option<&'static str>,
    /// Wanted open.
    pub open: bool,
    /// A session is up; null = not known now.
    pub online: Option<bool>,
    /// bit/s towards the customer; null = not known now.
    pub down_bps: Option<u64>,
    /// bit/s from the customer; null = not known now.
    pub up_bps: Option<u64>,
}

/// What a cursor of this list says: by what the list was sorted, and the key and id of the last row.
#[derive(Debug, Serialize, Deserialize)]
struct Cursor {
    sort: u8,
    down: bool,
    key: Key,
    id: String,
}

/// A page of the customers of the caller.
///
/// # Errors
/// A cursor of another list, or the database fails.
pub async fn customers(
    tx: &mut Tx,
    config: &Config,
    live: &LiveState,
    filter: &Filter,
    after: Option<&str>,
    limit: i64,
) -> Result<CustomerList, Fault> {
    let after = after.map(|text| place(text, filter)).transpose()?;
    let mut found = store::list(tx, filter, after.as_ref(), limit + 1).await?;
    let kept = usize::try_from(limit).unwrap_or(0);
    let more = found.len() > kept;
    found.truncate(kept);
    let next = found.last().filter(|_| more).map(|last| {
        let (key, id) = (last.sort_key.clone(), last.id.to_string());
        cursor(&Cursor { sort: filter.sort as u8, down: filter.down, key, id })
    });
    let counts = store::counts(tx, filter).await?;
    let lines: Vec<LineId> = found.iter().filter_map(|row| Some(row.subscription.as_ref()?.line)).collect();
    let states = network::line_states(tx, live, &lines).await?;
    let now_ms = tx.now_ms();
    let mut zones = BTreeMap::new();
    let mut graces = BTreeMap::new();
    let mut items = Vec::with_capacity(found.len());
    for row in found {
        let zone = zone(&mut zones, &row.time_zone)?;
        let grace = match graces.get(&row.branch_id) {
            Some(days) => *days,
            None => lines::default_grace(tx, config, row.branch_id).await?,
        };
        graces.insert(row.branch_id, grace);
        items.push(shown(row, grace, live, &states, zone, now_ms));
    }
    Ok(CustomerList { items, next, total: counts.of(filter.state), counts })
}

fn place(text: &str, filter: &Filter) -> Result<(Key, String), Fault> {
    let cursor: Cursor = parse_cursor(text)?;
    let text_key = filter.sort == Sort::Name;
    if cursor.sort != filter.sort as u8 || cursor.down != filter.down || matches!(cursor.key, Key::Text(_)) != text_key
    {
        return Err(Fault::field("after", "this cursor belongs to a list that was sorted otherwise"));
    }
    Ok((cursor.key, cursor.id))
}

fn zone<'a>(known: &'a mut BTreeMap<String, Zone>, name: &str) -> Result<&'a Zone, Fault> {
    if !known.contains_key(name) {
        known.insert(name.to_owned(), Zone::named(name).map_err(Fault::internal)?);
    }
    known.get(name).ok_or_else(|| Fault::internal("a zone that was just put there is gone"))
}

fn shown(
    row: Found,
    grace: i64,
    live: &LiveState,
    states: &BTreeMap<LineId, LineState>,
    zone: &Zone,
    now_ms: i64,
) -> CustomerRow {
    let subscription = row.subscription.map(|of| {
        let line = states.get(&of.line);
        let away = line.is_none_or(|line| line.agent_away);
        let sample = live.last(of.line).filter(|last| !away && now_ms.saturating_sub(last.at_ms) <= FRESH_MS);
        subscription(of, grace, line, sample, zone, now_ms)
    });
    CustomerRow {
        id: row.id,
        branch_id: row.branch_id,
        number: row.number,
        name: row.name,
        phone: row.phone,
        area: row.area,
        subscription,
        credit: row.credit,
    }
}

fn subscription(
    of: FoundSubscription,
    grace: i64,
    line: Option<&LineState>,
    sample: Option<Sample>,
    zone: &Zone,
    now_ms: i64,
) -> SubscriptionRow {
    let facts = Facts {
        paid_until_ms: of.paid_until_ms,
        grace_days: of.grace_days.unwrap_or(grace),
        ended: false,
        held: !of.open,
    };
    SubscriptionRow {
        id: of.id,
        package_name: of.package_name,
        username: of.username,
        paid_until: of.paid_until_ms.map(At),
        state: lines::state(&facts, now_ms, zone),
        line_state: line.map(|line| line.state),
        open: of.open,
        online: sample.map(|sample| sample.online),
        down_bps: sample.map(|sample| sample.down_bps),
        up_bps: sample.map(|sample| sample.up_bps),
    }
}
