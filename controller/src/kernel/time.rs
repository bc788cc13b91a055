//! Moments, and the days and months of a branch.
//!
//! Storage and API hold UTC; a day of usage or a month of validity is a day or a month where the branch stands.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment: milliseconds since 1970-01-01 UTC; RFC 3339 in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, utoipa::ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2026-11-22T15:00:00Z")]
pub struct At(pub i64);

impl std::fmt::Display for At {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", stamp(self.0))
    }
}

impl std::str::FromStr for At {
    type Err = jiff::Error;
    fn from_str(text: &str) -> Result<Self, jiff::Error> {
        text.parse::<Timestamp>().map(|stamp| Self(stamp.as_millisecond()))
    }
}

impl Serialize for At {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for At {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| serde::de::Error::custom("a time such as 2026-11-22T15:00:00Z is needed"))
    }
}

/// The nearest moment that the calendar can express.
fn stamp(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap_or(if ms < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// A name that is no time zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a time zone; one such as Asia/Dhaka is needed")]
pub struct BadZone(pub String);

/// The time zone of a branch.
#[derive(Debug, Clone)]
pub struct Zone(TimeZone);

impl Zone {
    /// The zone of this name from the IANA database.
    ///
    /// # Errors
    /// [`BadZone`] when there is none.
    pub fn named(name: &str) -> Result<Self, BadZone> {
        TimeZone::get(name).map(Self).map_err(|_| BadZone(name.to_owned()))
    }

    /// UTC.
    #[must_use]
    pub const fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// What calendar and clock show there at this moment.
    #[must_use]
    pub fn civil(&self, ms: i64) -> DateTime {
        self.0.to_datetime(stamp(ms))
    }

    /// The day in which this moment lies.
    #[must_use]
    pub fn day(&self, ms: i64) -> Date {
        self.0.to_datetime(stamp(ms)).date()
    }

    /// The moment at which this day begins, in milliseconds.
    #[must_use]
    pub fn day_start(&self, day: Date) -> i64 {
        day.to_zoned(self.0.clone()).map_or_else(
            |_| if day < Date::ZERO { i64::MIN } else { i64::MAX },
            |zoned| zoned.start_of_day().unwrap_or(zoned).timestamp().as_millisecond(),
        )
    }

    /// The first midnight after this moment, in milliseconds.
    #[must_use]
    pub fn next_midnight(&self, ms: i64) -> i64 {
        self.day(ms).tomorrow().map_or(i64::MAX, |next| self.day_start(next))
    }

    /// This moment some calendar months later (the last day of a shorter month), in milliseconds.
    #[must_use]
    pub fn add_months(&self, ms: i64, months: i32) -> i64 {
        self.add(ms, months.months())
    }

    /// This moment some calendar months later, on `day` of that month or on its last day where it is shorter, in
    /// milliseconds. So a month that began on the 31st begins on the 31st again after February.
    #[must_use]
    pub fn add_months_on(&self, ms: i64, months: i32, day: i8) -> i64 {
        let start = stamp(ms).to_zoned(self.0.clone());
        let later = start.date().first_of_month().checked_add(months.months()).and_then(|first| {
            let date = first.with().day(day.clamp(1, first.days_in_month())).build()?;
            date.to_datetime(start.time()).to_zoned(self.0.clone())
        });
        later.map_or(i64::MAX, |zoned| zoned.timestamp().as_millisecond())
    }

    /// The same time of day some days later, in milliseconds.
    #[must_use]
    pub fn add_days(&self, ms: i64, days: i32) -> i64 {
        self.add(ms, days.days())
    }

    fn add(&self, ms: i64, span: Span) -> i64 {
        let zoned = stamp(ms).to_zoned(self.0.clone());
        zoned.checked_add(span).map_or(i64::MAX, |later| later.timestamp().as_millisecond())
    }
}

/// `YYYY-MM-DD` as a day.
#[must_use]
pub fn parse_day(text: &str) -> Option<Date> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        text.parse::<At>().unwrap().0
    }

    #[test]
    fn a_day_in_dhaka_begins_at_18_utc() {
        let zone = Zone::named("Asia/Dhaka").unwrap();
        assert_eq!(zone.day(at("2026-11-22T17:59:59.999Z")).to_string(), "2026-11-22");
        assert_eq!(zone.day(at("2026-11-22T18:00:00Z")).to_string(), "2026-11-23");
        assert_eq!(zone.next_midnight(at("2026-11-22T17:00:00Z")), at("2026-11-22T18:00:00Z"));
        assert_eq!(zone.day_start(parse_day("2026-11-23").unwrap()), at("2026-11-22T18:00:00Z"));
    }

    #[test]
    fn a_month_from_the_31st_ends_on_the_last_day() {
        let zone = Zone::named("Asia/Dhaka").unwrap();
        assert_eq!(zone.add_months(at("2026-01-31T06:00:00Z"), 1), at("2026-02-28T06:00:00Z"));
        assert_eq!(zone.add_days(at("2026-02-28T06:00:00Z"), 1), at("2026-03-01T06:00:00Z"));
    }

    #[test]
    fn a_day_with_a_changed_clock_has_23_hours() {
        let zone = Zone::named("Europe/Berlin").unwrap();
        let start = zone.day_start(parse_day("2026-03-29").unwrap());
        assert_eq!(zone.next_midnight(start) - start, 23 * 3_600_000);
    }

    #[test]
    fn json_is_rfc3339() {
        assert_eq!(serde_json::to_string(&At(0)).unwrap(), r#""1970-01-01T00:00:00Z""#);
        assert_eq!(
            serde_json::from_str::<At>(r#""2026-11-22T21:00:00+06:00""#).unwrap(),
            At(at("2026-11-22T15:00:00Z"))
        );
        assert!(serde_json::from_str::<At>(r#""yesterday""#).is_err());
    }

    #[test]
    fn a_zone_that_does_not_exist_is_refused() {
        assert!(Zone::named("Asia/Atlantis").is_err());
    }
}
