//! On which days an office works: its weekly days off and its holidays. Pure.

use std::collections::BTreeSet;

use jiff::civil::{Date, Weekday};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Days looked at before the search for a working day gives up: an office that is closed longer has no next one.
const SEARCH_DAYS: usize = 800;

/// A day of the week, in the order of the week in Bangladesh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WeekDay {
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
}

impl WeekDay {
    /// All, in order.
    pub const ALL: [Self; 7] = [Self::Sat, Self::Sun, Self::Mon, Self::Tue, Self::Wed, Self::Thu, Self::Fri];

    /// As it is stored and as the API says it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sat => "sat",
            Self::Sun => "sun",
            Self::Mon => "mon",
            Self::Tue => "tue",
            Self::Wed => "wed",
            Self::Thu => "thu",
            Self::Fri => "fri",
        }
    }

    const fn of(day: Weekday) -> Self {
        match day {
            Weekday::Saturday => Self::Sat,
            Weekday::Sunday => Self::Sun,
            Weekday::Monday => Self::Mon,
            Weekday::Tuesday => Self::Tue,
            Weekday::Wednesday => Self::Wed,
            Weekday::Thursday => Self::Thu,
            Weekday::Friday => Self::Fri,
        }
    }
}

/// Days of the week as they are stored: `fri,sat`.
#[must_use]
pub fn to_text(days: &BTreeSet<WeekDay>) -> String {
    days.iter().map(|day| day.word()).collect::<Vec<_>>().join(",")
}

/// What [`to_text`] wrote; `None` for anything else.
#[must_use]
pub fn from_text(text: &str) -> Option<BTreeSet<WeekDay>> {
    let words = text.split(',').filter(|word| !word.is_empty());
    words.map(|word| WeekDay::ALL.into_iter().find(|day| day.word() == word)).collect()
}

/// When an office works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    /// Closed every week.
    pub days_off: BTreeSet<WeekDay>,
    /// Closed on these days.
    pub holidays: BTreeSet<Date>,
}

impl Calendar {
    /// Whether the office works on this day.
    #[must_use]
    pub fn is_working_day(&self, day: Date) -> bool {
        !self.days_off.contains(&WeekDay::of(day.weekday())) && !self.holidays.contains(&day)
    }

    /// This day if it is a working day, else the next one; `None` where there is none in two years.
    #[must_use]
    pub fn working_day_from(&self, day: Date) -> Option<Date> {
        let days = std::iter::successors(Some(day), |day| day.tomorrow().ok());
        days.take(SEARCH_DAYS).find(|day| self.is_working_day(*day))
    }

    /// The working day that is `count` working days after this one, which does not count itself.
    #[must_use]
    pub fn add_working_days(&self, day: Date, count: u16) -> Option<Date> {
        (0..count).try_fold(day, |day, _| self.working_day_from(day.tomorrow().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn dhaka() -> Calendar {
        let holidays = [date(2026, 12, 16), date(2027, 3, 26)];
        Calendar { days_off: [WeekDay::Fri, WeekDay::Sat].into(), holidays: holidays.into() }
    }

    #[test]
    fn friday_saturday_and_victory_day_are_off() {
        let calendar = dhaka();
        // 2026-11-22 is a Sunday.
        for (day, works) in [(20, false), (21, false), (22, true), (23, true), (26, true), (27, false)] {
            assert_eq!(calendar.is_working_day(date(2026, 11, day)), works, "{day}");
        }
        assert!(!calendar.is_working_day(date(2026, 12, 16)));
        assert!(calendar.is_working_day(date(2025, 12, 16)), "a holiday is one day, not one of every year");
    }

    #[test]
    fn what_falls_on_a_day_off_moves_on() {
        let calendar = dhaka();
        assert_eq!(calendar.working_day_from(date(2026, 11, 20)), Some(date(2026, 11, 22)));
        assert_eq!(calendar.working_day_from(date(2026, 11, 22)), Some(date(2026, 11, 22)));
        // Thursday and three working days: Sunday, Monday, Tuesday.
        assert_eq!(calendar.add_working_days(date(2026, 11, 19), 3), Some(date(2026, 11, 24)));
        assert_eq!(calendar.add_working_days(date(2026, 12, 15), 1), Some(date(2026, 12, 17)));
        let never = Calendar { days_off: WeekDay::ALL.into(), holidays: BTreeSet::new() };
        assert_eq!(never.working_day_from(date(2026, 11, 22)), None);
        assert_eq!(dhaka().working_day_from(Date::MAX), Some(Date::MAX).filter(|day| dhaka().is_working_day(*day)));
    }

    proptest! {
        #[test]
        fn days_are_read_back_as_written(days in prop::collection::btree_set(prop::sample::select(&WeekDay::ALL[..]), 0..8)) {
            prop_assert_eq!(from_text(&to_text(&days)), Some(days));
        }

        #[test]
        fn a_working_day_found_is_one_and_none_was_passed(
            ahead in 0_i64..5_000,
            off in prop::collection::btree_set(prop::sample::select(&WeekDay::ALL[..]), 0..7),
        ) {
            use jiff::ToSpan as _;
            let calendar = Calendar { days_off: off, ..dhaka() };
            let start = date(2020, 1, 1).checked_add(ahead.days()).unwrap();
            let found = calendar.working_day_from(start).unwrap();
            prop_assert!(calendar.is_working_day(found) && found >= start);
            let mut day = start;
            while day < found {
                prop_assert!(!calendar.is_working_day(day));
                day = day.tomorrow().unwrap();
            }
        }
    }
}
