//! How long one validity lasts, what its speed is called on a router, and what a package must look like. Pure.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::kernel::Zone;

/// Latest time that anything is paid until (year 2200, milliseconds UTC): beyond it a date is a mistake.
pub const FAR_MS: i64 = 7_258_118_400_000;

/// Unit of a validity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ValidityUnit {
    /// Sixty seconds of real time: for demonstrations and vouchers.
    Minute,
    /// A civil day of the branch: ends at the same time of day, also over a change of daylight time.
    Day,
    /// A calendar month of the branch: ends on the same day, or on the last one of a shorter month.
    Month,
}

impl ValidityUnit {
    /// As stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// From what is stored.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "minute" => Some(Self::Minute),
            "day" => Some(Self::Day),
            "month" => Some(Self::Month),
            _ => None,
        }
    }

    /// Most that one validity may have: two years of it.
    #[must_use]
    pub const fn most(self) -> i64 {
        match self {
            Self::Minute => 1_051_200,
            Self::Day => 730,
            Self::Month => 24,
        }
    }
}

/// How long a package lasts once it is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// How many units, 1 or more.
    pub value: i64,
    /// Of what.
    pub unit: ValidityUnit,
}

/// A time beyond what the calendar can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this would be paid until after the year 2200")]
pub struct TooFar;

/// The end of `times` validities that begin at `from_ms`, and the day of the month on which its months begin.
///
/// `anniversary` is the day kept from earlier months: somebody who pays from the 31st has 28 February and then
/// 31 March, not 28 March. It is given back unchanged, or is the day of `from_ms` where none was kept; `None`
/// for validities that are no months.
///
/// # Errors
/// [`TooFar`] if the end is after [`FAR_MS`].
pub fn extend(
    from_ms: i64,
    validity: Validity,
    times: i64,
    anniversary: Option<i8>,
    zone: &Zone,
) -> Result<(i64, Option<i8>), TooFar> {
    let units = validity.value.checked_mul(times).ok_or(TooFar)?;
    let count = i32::try_from(units).map_err(|_| TooFar)?;
    let (end_ms, anniversary) = match validity.unit {
        ValidityUnit::Minute => (from_ms.saturating_add(units.saturating_mul(60_000)), None),
        ValidityUnit::Day => (zone.add_days(from_ms, count), None),
        ValidityUnit::Month => {
            let day = anniversary.unwrap_or_else(|| zone.day(from_ms).day());
            (zone.add_months_on(from_ms, count, day), Some(day))
        }
    };
    if end_ms > FAR_MS { Err(TooFar) } else { Ok((end_ms, anniversary)) }
}

/// Name of the speed on a router: a PPP profile belongs to a speed, not to a package. A package whose speed is
/// changed moves its lines to another profile, and a profile never means two speeds.
#[must_use]
pub fn profile_name(down_bps: i64, up_bps: i64) -> String {
    if down_bps == 0 && up_bps == 0 {
        return "lastmile-unlimited".to_owned();
    }
    format!("lastmile-{}-{}", rate_name(down_bps), rate_name(up_bps))
}

fn rate_name(bps: i64) -> String {
    match bps {
        0 => "max".to_owned(),
        bps if bps % 1_000_000 == 0 => format!("{}M", bps / 1_000_000),
        bps if bps % 1_000 == 0 => format!("{}k", bps / 1_000),
        bps => bps.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn zone(name: &str) -> Zone {
        Zone::named(name).expect("a zone of the bundled database")
    }

    fn at(text: &str) -> i64 {
        text.parse::<crate::kernel::At>().expect("a time").0
    }

    const MONTH: Validity = Validity { value: 1, unit: ValidityUnit::Month };

    #[test]
    fn months_keep_their_day_and_bend_at_short_ones() {
        let dhaka = zone("Asia/Dhaka");
        // 31 January 23:30 in Dhaka is still the 31st there, and 17:30 UTC.
        let mut end = at("2026-01-31T17:30:00Z");
        let mut day = None;
        for expected in ["2026-02-28T17:30:00Z", "2026-03-31T17:30:00Z", "2026-04-30T17:30:00Z"] {
            (end, day) = extend(end, MONTH, 1, day, &dhaka).expect("near");
            assert_eq!(end, at(expected));
        }
        assert_eq!(day, Some(31));
    }

    #[test]
    fn the_month_is_the_branch_s_month() {
        // 20:00 UTC on 31 January is 02:00 on 1 February in Dhaka.
        let start = at("2026-01-31T20:00:00Z");
        let (end, day) = extend(start, MONTH, 1, None, &zone("Asia/Dhaka")).expect("near");
        assert_eq!((end, day), (at("2026-02-28T20:00:00Z"), Some(1)));
    }

    #[test]
    fn daylight_time_moves_the_hours_not_the_wall_clock() {
        let ny = zone("America/New_York");
        let day = Validity { value: 30, unit: ValidityUnit::Day };
        let (end, _) = extend(at("2026-02-20T15:00:00Z"), day, 1, None, &ny).expect("near");
        assert_eq!(end, at("2026-03-22T14:00:00Z"));
        // 02:30 does not exist on 8 March 2026 there: the end is the same instant counted on, 03:30.
        let (end, _) = extend(at("2026-02-08T07:30:00Z"), MONTH, 1, None, &ny).expect("near");
        assert_eq!(end, at("2026-03-08T07:30:00Z"));
    }

    #[test]
    fn what_is_too_far_is_refused() {
        let utc = Zone::utc();
        assert_eq!(extend(0, MONTH, i64::MAX, None, &utc), Err(TooFar));
        assert_eq!(extend(0, Validity { value: 24, unit: ValidityUnit::Month }, 200, None, &utc), Err(TooFar));
        assert_eq!(extend(i64::MAX, MONTH, 1, None, &utc), Err(TooFar));
    }

    #[test]
    fn profiles_are_named_by_speed() {
        assert_eq!(profile_name(20_000_000, 5_500_000), "lastmile-20M-5500k");
        assert_eq!(profile_name(0, 0), "lastmile-unlimited");
        assert_eq!(profile_name(0, 1), "lastmile-max-1");
    }

    proptest! {
        /// Paying n months at once ends where paying them one after the other ends, and never before it began.
        #[test]
        fn months_at_once_equal_months_one_by_one(
            start in 1_600_000_000_000_i64..2_500_000_000_000, n in 1_i64..30,
            name in prop::sample::select(vec!["Asia/Dhaka", "America/New_York", "UTC", "Asia/Kathmandu"]),
        ) {
            let zone = zone(name);
            let (at_once, _) = extend(start, MONTH, n, None, &zone).expect("near");
            let (mut end, mut day) = (start, None);
            for _ in 0..n {
                let (next, kept) = extend(end, MONTH, 1, day, &zone).expect("near");
                prop_assert!(next > end);
                (end, day) = (next, kept);
            }
            // A wall clock time that a change of daylight time skips moves by the hour that is missing.
            prop_assert!((at_once - end).abs() <= 3_600_000);
            if name == "Asia/Dhaka" || name == "UTC" { prop_assert_eq!(at_once, end); }
        }

        #[test]
        fn every_unit_moves_forward(start in 0_i64..4_000_000_000_000, value in 1_i64..24, n in 1_i64..5) {
            for unit in [ValidityUnit::Minute, ValidityUnit::Day, ValidityUnit::Month] {
                let (end, _) = extend(start, Validity { value, unit }, n, None, &Zone::utc()).expect("near");
                prop_assert!(end > start);
            }
        }
    }
}
