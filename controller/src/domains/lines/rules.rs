//! When a line is open, what state a subscription is in, and what a username may be. Pure.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domains::packages::{TooFar, Validity, extend};
use crate::kernel::Zone;

/// Why a line is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HoldReason {
    /// What was paid for has run out. The only one that dunning places and a payment clears.
    Nonpayment,
    /// A person of the ISP closed it.
    Staff,
    /// Abuse of the network.
    Abuse,
    /// A court or an authority.
    Legal,
    /// The customer asked for a pause.
    Pause,
}

impl HoldReason {
    /// As stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nonpayment => "nonpayment",
            Self::Staff => "staff",
            Self::Abuse => "abuse",
            Self::Legal => "legal",
            Self::Pause => "pause",
        }
    }

    /// From what is stored.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "nonpayment" => Some(Self::Nonpayment),
            "staff" => Some(Self::Staff),
            "abuse" => Some(Self::Abuse),
            "legal" => Some(Self::Legal),
            "pause" => Some(Self::Pause),
            _ => None,
        }
    }
}

/// State of a subscription, derived and never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Paid, or its date is unknown.
    Active,
    /// Run out, within its days of grace.
    Grace,
    /// Run out, grace over, not closed (yet): the brake asks, the clock is frozen, or the job is on its way.
    Expired,
    /// Closed for at least one reason.
    Held,
    /// Over.
    Ended,
}

/// What the state of a subscription follows from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Paid until, milliseconds UTC; `None` = unknown.
    pub paid_until_ms: Option<i64>,
    /// Days after that in which the line stays open.
    pub grace_days: i64,
    /// It is over.
    pub ended: bool,
    /// At least one hold is open.
    pub held: bool,
}

/// The end of grace: civil days of the branch after `paid_until_ms`. What the calendar cannot hold is far away,
/// never near: a line is not closed by an overflow.
#[must_use]
pub fn grace_until(paid_until_ms: i64, grace_days: i64, zone: &Zone) -> i64 {
    let days = i32::try_from(grace_days.max(0)).unwrap_or(i32::MAX);
    zone.add_days(paid_until_ms, days)
}

/// The state at `now_ms`. The end of a period is no part of it.
#[must_use]
pub fn state(facts: &Facts, now_ms: i64, zone: &Zone) -> State {
    match facts.paid_until_ms {
        _ if facts.ended => State::Ended,
        _ if facts.held => State::Held,
        None => State::Active,
        Some(until) if now_ms < until => State::Active,
        Some(until) if now_ms < grace_until(until, facts.grace_days, zone) => State::Grace,
        Some(_) => State::Expired,
    }
}

/// Whether a nonpayment hold has its reason at `now_ms`: paid until is known, and its grace is over.
#[must_use]
pub fn is_overdue(paid_until_ms: Option<i64>, grace_days: i64, now_ms: i64, zone: &Zone) -> bool {
    paid_until_ms.is_some_and(|until| now_ms >= grace_until(until, grace_days, zone))
}

/// A line is open while nothing holds it.
#[must_use]
pub fn is_open(holds: &[HoldReason]) -> bool {
    holds.is_empty()
}

/// How far a subscription is paid, and on which day its months begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paid {
    /// Paid until, milliseconds UTC; `None` = unknown.
    pub until_ms: Option<i64>,
    /// Day of the month, if its validity is by the month.
    pub anniversary: Option<i8>,
}

/// `times` validities more: from the end of what is paid, or from now if that has passed or is unknown. A period
/// that starts now starts its months on today's day.
///
/// # Errors
/// [`TooFar`] if that is after the year 2200.
pub fn renew(paid: Paid, validity: Validity, times: i64, now_ms: i64, zone: &Zone) -> Result<Paid, TooFar> {
    let (from, anniversary) = match paid.until_ms {
        Some(until) if until > now_ms => (until, paid.anniversary),
        _ => (now_ms, Some(zone.day(now_ms).day())),
    };
    let (until, anniversary) = extend(from, validity, times, anniversary, zone)?;
    Ok(Paid { until_ms: Some(until), anniversary })
}

/// A password of 12 characters from random bytes: letters and digits that are not mistaken for each other on
/// paper or on the telephone. Bytes that would favour some characters are left out; `None` if too few are left.
#[must_use]
pub fn password_from(random: &[u8]) -> Option<String> {
    const ALPHABET: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";
    let fair = 256 - 256 % ALPHABET.len();
    let text: String = random
        .iter()
        .filter(|byte| usize::from(**byte) < fair)
        .filter_map(|byte| ALPHABET.get(usize::from(*byte) % ALPHABET.len()))
        .take(12)
        .map(|byte| char::from(*byte))
        .collect();
    (text.len() == 12).then_some(text)
}

/// Whether one person may move the end of what is paid from `before` to `after` (milliseconds, `None` = unknown): taking
/// away is free, giving is up to `days` beyond what is paid and beyond today. An unknown end is for ever.
#[must_use]
pub fn may_alone(before: Option<i64>, after: Option<i64>, now_ms: i64, days: u32) -> bool {
    const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
    match (before, after) {
        (None, None) => true,
        (Some(_), None) => false,
        (before, Some(after)) => {
            let from = before.map_or(now_ms, |before| before.max(now_ms));
            after <= from.saturating_add(i64::from(days).saturating_mul(DAY_MS))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_person_gives_so_many_days_and_no_more() {
        const DAY: i64 = 86_400_000;
        let now = 1_000 * DAY;
        for (before, after, may) in [
            (Some(now), Some(now + 31 * DAY), true),
            (Some(now), Some(now + 31 * DAY + 1), false),
            // What ran out long ago does not pay for more.
            (Some(now - 100 * DAY), Some(now + 31 * DAY), true),
            (Some(now + 300 * DAY), Some(now + 331 * DAY), true),
            (Some(now + 300 * DAY), Some(now - 300 * DAY), true),
            (Some(now), None, false),
            (None, None, true),
            (None, Some(now + 32 * DAY), false),
        ] {
            assert_eq!(may_alone(before, after, now, 31), may, "{before:?} {after:?}");
        }
    }

    use crate::domains::packages::ValidityUnit;

    const DAY: i64 = 86_400_000;

    fn facts(paid_until_ms: Option<i64>, grace_days: i64) -> Facts {
        Facts { paid_until_ms, grace_days, ended: false, held: false }
    }

    #[test]
    fn a_subscription_walks_from_active_to_expired() {
        let utc = Zone::utc();
        let until = 1_000 * DAY;
        for (now, expected) in [
            (until - 1, State::Active),
            (until, State::Grace),
            (until + 3 * DAY - 1, State::Grace),
            (until + 3 * DAY, State::Expired),
        ] {
            assert_eq!(state(&facts(Some(until), 3), now, &utc), expected);
        }
        assert_eq!(state(&facts(Some(until), 0), until, &utc), State::Expired);
    }

    #[test]
    fn a_hold_and_the_end_say_more_than_the_date() {
        let utc = Zone::utc();
        let held = Facts { held: true, ..facts(Some(i64::MAX), 0) };
        assert_eq!(state(&held, 0, &utc), State::Held);
        assert_eq!(state(&Facts { ended: true, ..held }, 0, &utc), State::Ended);
    }

    #[test]
    fn a_renewal_that_starts_now_takes_today_s_day() {
        let utc = Zone::utc();
        let month = Validity { value: 1, unit: ValidityUnit::Month };
        let now = "2026-03-15T10:00:00Z".parse::<crate::kernel::At>().expect("a time").0;
        let late = Paid { until_ms: Some(now - 40 * DAY), anniversary: Some(31) };
        let renewed = renew(late, month, 1, now, &utc).expect("near");
        assert_eq!(renewed.anniversary, Some(15));
        assert_eq!(renew(Paid { until_ms: None, anniversary: None }, month, 1, now, &utc), Ok(renewed));
    }

    #[test]
    fn a_made_password_is_twelve_plain_characters() {
        assert_eq!(password_from(&[0; 12]).as_deref(), Some("aaaaaaaaaaaa"));
        assert_eq!(password_from(&[255; 64]), None);
    }

    proptest! {
        #[test]
        fn unknown_is_never_overdue(now in any::<i64>(), grace in any::<i64>()) {
            prop_assert!(!is_overdue(None, grace, now, &Zone::utc()));
        }

        /// Overdue is exactly what `state` calls expired when nothing holds the line, and grace never shortens.
        #[test]
        fn overdue_and_state_agree(
            until in 0_i64..4_000_000_000_000, offset in -100 * DAY..100 * DAY, grace in 0_i64..60,
        ) {
            let zone = Zone::named("America/New_York").expect("bundled");
            let now = until + offset;
            prop_assert!(grace_until(until, grace, &zone) >= until);
            let expired = state(&facts(Some(until), grace), now, &zone) == State::Expired;
            prop_assert_eq!(is_overdue(Some(until), grace, now, &zone), expired);
        }

        /// A renewal never takes anything away and always reaches past now.
        #[test]
        fn a_renewal_only_adds(
            until in prop::option::of(0_i64..4_000_000_000_000), now in 0_i64..4_000_000_000_000, n in 1_i64..13,
        ) {
            for unit in [ValidityUnit::Minute, ValidityUnit::Day, ValidityUnit::Month] {
                let before = Paid { until_ms: until, anniversary: None };
                let after = renew(before, Validity { value: 1, unit }, n, now, &Zone::utc()).expect("near");
                prop_assert!(after.until_ms > until && after.until_ms > Some(now));
            }
        }
    }
}
