//! How fast a way may be used: so many messages a minute, with a small run at the start. Kept in the database, so that a
//! restart gives nobody a second run.

/// A thousandth of a message.
const MILLI: i64 = 1_000;
const MINUTE_MS: i64 = 60_000;

/// What is left to be sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Thousandths of messages.
    pub tokens_milli: i64,
    /// When that was reckoned, milliseconds.
    pub at_ms: i64,
}

impl Pace {
    /// A full allowance.
    #[must_use]
    pub fn full(per_minute: i64, now_ms: i64) -> Self {
        Self { tokens_milli: most(per_minute), at_ms: now_ms }
    }

    /// What is left at this moment. A clock that was turned back gives nothing, and takes nothing.
    #[must_use]
    pub fn at(self, per_minute: i64, now_ms: i64) -> Self {
        let gone = now_ms.saturating_sub(self.at_ms).clamp(0, MINUTE_MS);
        let more = gone.saturating_mul(per_minute.max(1)).saturating_mul(MILLI) / MINUTE_MS;
        let tokens_milli = self.tokens_milli.saturating_add(more).clamp(0, most(per_minute));
        if more == 0 && now_ms >= self.at_ms {
            // Too little has passed to count: it is not lost.
            return Self { tokens_milli, at_ms: self.at_ms };
        }
        Self { tokens_milli, at_ms: now_ms }
    }

    /// How many of `wanted` may go.
    #[must_use]
    pub fn allows(self, wanted: i64) -> i64 {
        (self.tokens_milli / MILLI).clamp(0, wanted.max(0))
    }

    /// What is left after `sent`.
    #[must_use]
    pub fn less(self, sent: i64) -> Self {
        let tokens_milli = self.tokens_milli.saturating_sub(sent.saturating_mul(MILLI)).max(0);
        Self { tokens_milli, ..self }
    }

    /// When the next one may go, milliseconds.
    #[must_use]
    pub fn next_at_ms(self, per_minute: i64) -> i64 {
        let missing = (MILLI - self.tokens_milli).max(0);
        let rate = per_minute.max(1).saturating_mul(MILLI);
        self.at_ms.saturating_add((missing.saturating_mul(MINUTE_MS) + rate - 1) / rate)
    }
}

/// Most that is saved up: what goes in five seconds, one at least.
fn most(per_minute: i64) -> i64 {
    (per_minute.saturating_mul(MILLI) / 12).max(MILLI)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_a_second() {
        let pace = Pace::full(60, 0);
        assert_eq!(pace.allows(100), 5);
        let pace = pace.less(5);
        assert_eq!(pace.allows(1), 0);
        assert_eq!(pace.next_at_ms(60), 1_000);
        assert_eq!(pace.at(60, 999).allows(1), 0);
        assert_eq!(pace.at(60, 1_000).allows(1), 1);
    }

    proptest! {
        #[test]
        fn never_more_than_the_rate_and_the_run(
            per_minute in 1_i64..6_000,
            steps in proptest::collection::vec((0_i64..5_000, 0_i64..50), 1..200),
        ) {
            let mut pace = Pace::full(per_minute, 0);
            let (mut now, mut sent) = (0, 0);
            for (gone, wanted) in steps {
                now += gone;
                pace = pace.at(per_minute, now);
                let allowed = pace.allows(wanted);
                prop_assert!(allowed <= wanted);
                pace = pace.less(allowed);
                sent += allowed;
                prop_assert!(sent * MILLI <= most(per_minute) + now * per_minute * MILLI / MINUTE_MS);
            }
            // Whoever waits as long as told may send.
            let next = pace.next_at_ms(per_minute);
            prop_assert!(pace.at(per_minute, next.max(now)).allows(1) == 1);
        }

        #[test]
        fn a_clock_that_is_turned_back_gives_nothing(per_minute in 1_i64..6_000, back in 1_i64..10_000_000) {
            let empty = Pace::full(per_minute, 0).less(1_000_000);
            prop_assert_eq!(empty.at(per_minute, -back).allows(1), 0);
        }
    }
}
