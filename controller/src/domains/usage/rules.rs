//! Which day a usage record belongs to: records that span midnight are divided exactly to the byte.
//!
//! Days are those of the branch's time zone. The clock change of a summer time makes days of 23 and 25 hours;
//! the shares follow real time, and what the parts add up to is always the record.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// The longest record that is believed, in milliseconds: 32 days. A longer one is nonsense and would cost a
/// row of totals for each of its days.
pub const MAX_RECORD_MS: i64 = 32 * 86_400_000;

/// A record whose times make no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadTime {
    /// The record ends before or when it starts, or lasts longer than [`MAX_RECORD_MS`].
    #[error("a record from {start_ms} to {end_ms} ms is empty, backwards or too long")]
    Span {
        /// From.
        start_ms: i64,
        /// Until.
        end_ms: i64,
    },
    /// Outside of the calendar.
    #[error("{0} ms is outside of the calendar")]
    Calendar(i64),
}

/// One part of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Days since 1970-01-01 in the time zone.
    pub day: i64,
    /// Octets towards the customer.
    pub down_octets: u64,
    /// Octets from the customer.
    pub up_octets: u64,
}

/// Divides records into days. Remembers the day it saw last, because almost every record lies in the same one.
#[derive(Debug, Clone)]
pub struct Days {
    zone: TimeZone,
    last: Bounds,
}

#[derive(Debug, Clone, Copy)]
struct Bounds {
    day: i64,
    start_ms: i64,
    end_ms: i64,
}

impl Days {
    /// Days of this time zone.
    #[must_use]
    pub const fn new(zone: TimeZone) -> Self {
        Self { zone, last: Bounds { day: 0, start_ms: 0, end_ms: 0 } }
    }

    /// The day in which this moment lies, as days since 1970-01-01.
    ///
    /// # Errors
    /// When the moment is outside of the calendar.
    pub fn day_of(&mut self, ms: i64) -> Result<i64, BadTime> {
        self.bounds(ms).map(|b| b.day)
    }

    fn bounds(&mut self, ms: i64) -> Result<Bounds, BadTime> {
        if self.last.start_ms <= ms && ms < self.last.end_ms {
            return Ok(self.last);
        }
        let bad = |_| BadTime::Calendar(ms);
        let start =
            Timestamp::from_millisecond(ms).map_err(bad)?.to_zoned(self.zone.clone()).start_of_day().map_err(bad)?;
        let end = start.tomorrow().and_then(|z| z.start_of_day()).map_err(bad)?;
        self.last = Bounds {
            day: day_number(start.date()),
            start_ms: start.timestamp().as_millisecond(),
            end_ms: end.timestamp().as_millisecond(),
        };
        Ok(self.last)
    }

    /// Hands out the parts of a record, one for each day it touches; together they are exactly the record.
    ///
    /// # Errors
    /// When the times of the record make no sense; nothing was handed out then.
    pub fn split(
        &mut self,
        start_ms: i64,
        end_ms: i64,
        down_octets: u64,
        up_octets: u64,
        mut part: impl FnMut(Share),
    ) -> Result<(), BadTime> {
        let span = end_ms.saturating_sub(start_ms);
        if span <= 0 || span > MAX_RECORD_MS {
            return Err(BadTime::Span { start_ms, end_ms });
        }
        let first = self.bounds(start_ms)?;
        if end_ms <= first.end_ms {
            part(Share { day: first.day, down_octets, up_octets });
            return Ok(());
        }
        // The end is looked up first, so that a record is taken whole or not at all.
        self.bounds(end_ms)?;
        let (mut at, mut down_before, mut up_before) = (start_ms, 0u64, 0u64);
        while at < end_ms {
            let day = self.bounds(at)?;
            at = day.end_ms.min(end_ms);
            let gone = at - start_ms;
            let (down, up) = (portion(down_octets, gone, span), portion(up_octets, gone, span));
            part(Share { day: day.day, down_octets: down - down_before, up_octets: up - up_before });
            (down_before, up_before) = (down, up);
        }
        Ok(())
    }
}

/// `octets × gone / span`, rounded down: rises with `gone`, and is the whole at `gone == span`.
fn portion(octets: u64, gone: i64, span: i64) -> u64 {
    let (gone, span) = (u128::from(gone.unsigned_abs()), u128::from(span.unsigned_abs().max(1)));
    u64::try_from(u128::from(octets) * gone / span).unwrap_or(octets)
}

/// Days since 1970-01-01 of a date.
#[must_use]
pub fn day_number(date: Date) -> i64 {
    i64::from(jiff::civil::date(1970, 1, 1).until(date).map_or(0, |span| span.get_days()))
}

/// The date of a day number, as `YYYY-MM-DD`; numbers outside of the calendar give its nearest end.
#[must_use]
pub fn date_of(day: i64) -> Date {
    let days = jiff::Span::new().try_days(day);
    let end = if day < 0 { Date::MIN } else { Date::MAX };
    days.and_then(|span| jiff::civil::date(1970, 1, 1).checked_add(span)).unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(zone: &str, start: i64, end: i64, down: u64, up: u64) -> Result<Vec<Share>, BadTime> {
        let mut out = Vec::new();
        Days::new(TimeZone::get(zone).unwrap()).split(start, end, down, up, |s| out.push(s))?;
        Ok(out)
    }

    fn ms(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn a_record_over_midnight_is_divided_by_time() {
        // 23:57:30 to 00:02:30 in Dhaka is half and half; the odd octet goes to the later day.
        let parts = split("Asia/Dhaka", ms("2026-11-22T17:57:30Z"), ms("2026-11-22T18:02:30Z"), 1001, 0).unwrap();
        let first = day_number(jiff::civil::date(2026, 11, 22));
        assert_eq!(
            parts,
            [
                Share { day: first, down_octets: 500, up_octets: 0 },
                Share { day: first + 1, down_octets: 501, up_octets: 0 }
            ]
        );
        assert_eq!(date_of(first).to_string(), "2026-11-22");
    }

    #[test]
    fn a_record_that_ends_at_midnight_stays_whole() {
        let parts = split("Asia/Dhaka", ms("2026-11-22T17:55:00Z"), ms("2026-11-22T18:00:00Z"), 7, 9).unwrap();
        assert_eq!(parts.len(), 1);
    }

    #[test]
    fn days_of_a_clock_change_keep_their_length() {
        // New York, 1 November 2026: 25 hours. One octet per second over the day and an hour of the next.
        let parts =
            split("America/New_York", ms("2026-11-01T04:00:00Z"), ms("2026-11-02T06:00:00Z"), 26 * 3600, 0).unwrap();
        assert_eq!(parts.iter().map(|p| p.down_octets).collect::<Vec<_>>(), [25 * 3600, 3600]);
    }

    #[test]
    fn nonsense_is_refused_and_hands_out_nothing() {
        for (start, end) in [(5, 5), (6, 5), (i64::MIN, i64::MAX), (i64::MAX - 5, i64::MAX), (i64::MIN, i64::MIN + 5)] {
            assert!(split("Asia/Dhaka", start, end, 1, 1).is_err(), "{start}..{end}");
        }
    }

    proptest! {
        #[test]
        fn parts_are_exactly_the_record(
            zone in prop::sample::select(vec!["UTC", "Asia/Dhaka", "America/New_York", "Africa/Cairo", "Pacific/Apia", "America/Sao_Paulo"]),
            start in 0i64..4_000_000_000_000,
            span in 1i64..MAX_RECORD_MS,
            down in any::<u64>(),
            up in any::<u64>(),
        ) {
            let parts = split(zone, start, start + span, down, up).unwrap();
            prop_assert_eq!(parts.iter().map(|p| u128::from(p.down_octets)).sum::<u128>(), u128::from(down));
            prop_assert_eq!(parts.iter().map(|p| u128::from(p.up_octets)).sum::<u128>(), u128::from(up));
            prop_assert!(parts.windows(2).all(|w| w[0].day < w[1].day));
            prop_assert!(parts.len() <= 34);
        }
    }
}
