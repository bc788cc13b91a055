//! The live rate of a line: what a person looks at, apart from what is counted.
//!
//! Two readings may lie milliseconds apart (one by the poll, one just before a hold), and a router says the uptime of
//! a session in whole seconds: octets over such a time are a number, but no rate. So octets are gathered until a
//! second at least has passed; until then the rate of before stands.

/// The shortest time over which a rate is told, milliseconds.
const SHORTEST_MS: u64 = 1_000;
/// How much longer than its uptime says a session may be up.
const UPTIME_STEP_MS: u64 = 1_000;

/// Octets since the last rate was told.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pace {
    down: u64,
    up: u64,
    elapsed_ms: u64,
    /// What was told last, bit/s down and up.
    told: Option<(u64, u64)>,
}

impl Pace {
    /// A session that is counted from its first octet. `by_uptime` says that its age is known by its uptime: then the
    /// second by which it may be older counts, so that its first rate is not told too high.
    pub(super) const fn of_new_session(by_uptime: bool) -> Self {
        let elapsed_ms = if by_uptime { UPTIME_STEP_MS } else { 0 };
        Self { down: 0, up: 0, elapsed_ms, told: None }
    }

    /// Takes what moved since the reading before. The rate to tell, bit/s down and up, never above what the line can
    /// carry; the one of before while too little time has passed, and none where there was none.
    pub(super) fn read(&mut self, down: u64, up: u64, elapsed_ms: u64, most_bps: u64) -> Option<(u64, u64)> {
        self.down = self.down.saturating_add(down);
        self.up = self.up.saturating_add(up);
        self.elapsed_ms = self.elapsed_ms.saturating_add(elapsed_ms);
        if self.elapsed_ms >= SHORTEST_MS {
            let bps = |octets: u64| {
                let value = u128::from(octets) * 8_000 / u128::from(self.elapsed_ms);
                u64::try_from(value).unwrap_or(u64::MAX).min(most_bps)
            };
            *self = Self { told: Some((bps(self.down), bps(self.up))), ..Self::default() };
        }
        self.told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: u64 = 1_000_000_000;

    #[test]
    fn two_readings_within_a_second_are_no_rate() {
        let mut pace = Pace::default();
        assert_eq!(pace.read(118_500, 1, 1, MOST), None);
        assert_eq!(pace.read(2_381_500, 249_999, 999, MOST), Some((20_000_000, 2_000_000)));
        // A reading just before a hold: the rate of before stands, and its octets are in the next one.
        assert_eq!(pace.read(500_000, 0, 7, MOST), Some((20_000_000, 2_000_000)));
        assert_eq!(pace.read(2_017_500, 0, 1_000, MOST), Some((20_000_000, 0)));
    }

    #[test]
    fn a_session_that_has_just_begun_is_not_told_too_high() {
        // Up for 1.9 s with 20 Mbit/s; the router says 1 s.
        let mut pace = Pace::of_new_session(true);
        let (down, _) = pace.read(4_750_000, 0, 1_000, MOST).expect("a second has passed");
        assert!(down <= 20_000_000, "{down}");
        // Up for 0.9 s; the router says 0.
        let mut pace = Pace::of_new_session(true);
        let (down, _) = pace.read(2_250_000, 0, 0, MOST).expect("a second may have passed");
        assert!(down <= 20_000_000, "{down}");
    }

    #[test]
    fn never_above_what_the_line_carries() {
        let mut pace = Pace::default();
        assert_eq!(pace.read(u64::MAX, 250_000, 1_000, 10_000_000), Some((10_000_000, 2_000_000)));
    }
}
