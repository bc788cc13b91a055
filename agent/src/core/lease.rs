//! The lease: how long the last desired state may still close lines after the controller was heard last.
//!
//! Stale data never cuts. While the lease is over, drift is corrected only towards open. A program that has
//! just started has heard nobody, so it holds no lease, however short the stop was.

/// Whether the controller was heard lately. Times are milliseconds of the monotonic clock: a jump of the wall
/// clock can neither end nor lengthen it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    length_ms: u64,
    heard_ms: Option<u64>,
}

impl Lease {
    /// The longest lease that a controller may give: a day.
    pub const LONGEST_MS: u64 = 24 * 3_600_000;

    /// Nobody was heard yet.
    #[must_use]
    pub const fn none() -> Self {
        Self { length_ms: 0, heard_ms: None }
    }

    /// The controller says how long a lease is.
    pub fn set_length(&mut self, seconds: u32) {
        self.length_ms = u64::from(seconds).saturating_mul(1_000).min(Self::LONGEST_MS);
    }

    /// The controller was heard.
    pub fn heard(&mut self, mono_ms: u64) {
        self.heard_ms = Some(self.heard_ms.map_or(mono_ms, |before| before.max(mono_ms)));
    }

    /// Whether lines may be closed now.
    #[must_use]
    pub fn holds(&self, mono_ms: u64) -> bool {
        self.heard_ms.is_some_and(|heard| mono_ms.saturating_sub(heard) < self.length_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_lease_that_nobody_gave_closes_nothing() {
        let mut lease = Lease::none();
        lease.set_length(900);
        assert!(!lease.holds(0) && !lease.holds(u64::MAX));
        lease.heard(5);
        assert!(lease.holds(5) && lease.holds(900_004) && !lease.holds(900_005));
    }

    proptest! {
        #[test]
        fn it_holds_exactly_as_long_as_it_is(seconds in 0u32..200_000, heard in proptest::collection::vec(0u64..1 << 40, 1..20), after: u32) {
            let mut lease = Lease::none();
            lease.set_length(seconds);
            heard.iter().for_each(|at| lease.heard(*at));
            let newest = heard.iter().copied().max().unwrap_or(0);
            let length = (u64::from(seconds) * 1_000).min(Lease::LONGEST_MS);
            prop_assert_eq!(lease.holds(newest + u64::from(after)), u64::from(after) < length);
        }
    }
}
