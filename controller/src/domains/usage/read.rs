//! Reading usage: records of a time, totals of days, gaps, live rates.

use jiff::civil::Date;
use lastmile_protocol::ids::LineId;
use lastmile_protocol::uplink::UsageRecord;
use serde::Serialize;

use super::rules::{date_of, day_number};
use super::store;
use crate::db::Tx;
use crate::domains::network;
use crate::events::LiveState;
use crate::kernel::{At, Fault, Zone};

/// The most days of one report.
const DAYS_MAX: i64 = 400;

/// Records of a line that overlap `from_ms..to_ms`, by start. Not cut at the edges: a record is what was measured.
/// Those that are in no total because their times make no sense are left out here too.
///
/// # Errors
/// Unknown line, or the database fails.
pub async fn range(tx: &mut Tx, line: LineId, from_ms: i64, to_ms: i64) -> Result<Vec<UsageRecord>, Fault> {
    let place = network::place(tx, line).await?;
    let mut records = Vec::new();
    for chunk in store::chunks::overlapping(tx, place.pop, place.no, from_ms, to_ms).await? {
        match chunk.unpack() {
            Ok(all) => {
                records.extend(all.into_iter().filter(|r| {
                    r.line == place.no && r.start_ms < r.end_ms && r.end_ms > from_ms && r.start_ms < to_ms
                }))
            }
            Err(error) => return Err(Fault::internal(error)),
        }
    }
    records.sort_unstable_by_key(|r| (r.start_ms, r.end_ms));
    Ok(records)
}

/// Totals of a line by day, from and with `from_day` to and with `to_day`; days without usage are left out.
///
/// # Errors
/// When the database fails. A line out of scope has none.
pub async fn totals(tx: &mut Tx, line: LineId, from_day: Date, to_day: Date) -> Result<Vec<DayView>, Fault> {
    let rows = store::days::list(tx, line, day_number(from_day), day_number(to_day)).await?;
    Ok(rows
        .into_iter()
        .map(|(day, down_octets, up_octets)| DayView { date: date_of(day).to_string(), down_octets, up_octets })
        .collect())
}

/// Usage of one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct DayView {
    /// The day, in the time zone of the branch.
    #[schema(example = "2026-11-22")]
    pub date: String,
    /// Octets towards the customer.
    pub down_octets: u64,
    /// Octets from the customer.
    pub up_octets: u64,
}

/// A time for which usage is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct GapView {
    /// From.
    pub from: At,
    /// Until.
    pub to: At,
    /// Why.
    pub cause: String,
    /// The most octets towards the customer that can have passed.
    pub down_octets: u64,
    /// As `down_octets`, from the customer.
    pub up_octets: u64,
    /// False where whole chunks of the POP were lost, of which this line is only a part.
    pub of_this_line: bool,
}

/// Usage of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct UsageView {
    /// By day; days without usage are left out.
    pub items: Vec<DayView>,
    /// Sum towards the customer.
    pub down_octets: u64,
    /// Sum from the customer.
    pub up_octets: u64,
    /// What is not known.
    pub gaps: Vec<GapView>,
}

/// Usage of a line by day with its sums and gaps; the last 31 days when no day is given.
///
/// # Errors
/// Unknown line, days that make no sense, or the database fails.
pub async fn report(tx: &mut Tx, line: LineId, from: Option<Date>, to: Option<Date>) -> Result<UsageView, Fault> {
    let place = network::place(tx, line).await?;
    let zone = Zone::named(&place.time_zone).unwrap_or_else(|_| Zone::utc());
    let to = to.unwrap_or_else(|| zone.day(tx.now_ms()));
    let from = from.unwrap_or_else(|| date_of(day_number(to) - 30));
    let days = day_number(to) - day_number(from);
    if !(0..DAYS_MAX).contains(&days) {
        return Err(Fault::field("from", "from lies before to, at most 400 days"));
    }
    let items = totals(tx, line, from, to).await?;
    let gaps =
        store::gaps::list(tx, line, place.pop, zone.day_start(from), zone.next_midnight(zone.day_start(to))).await?;
    let sum = |part: fn(&DayView) -> u64| items.iter().map(part).fold(0u64, u64::saturating_add);
    Ok(UsageView { down_octets: sum(|d| d.down_octets), up_octets: sum(|d| d.up_octets), items, gaps })
}

/// What a line does at one moment.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct RateView {
    /// When it was read.
    pub at: At,
    /// bit/s towards the customer.
    pub down_bps: u64,
    /// bit/s from the customer.
    pub up_bps: u64,
    /// Whether a session is up.
    pub online: bool,
}

/// The last 15 minutes of a line.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct RatesView {
    /// Oldest first.
    pub items: Vec<RateView>,
}

/// Rates of a line as far as they are in memory.
#[must_use]
pub fn rates(live: &LiveState, line: LineId) -> RatesView {
    let view = |s: crate::events::Sample| RateView {
        at: At(s.at_ms),
        down_bps: s.down_bps,
        up_bps: s.up_bps,
        online: s.online,
    };
    RatesView { items: live.samples(line).into_iter().map(view).collect() }
}
