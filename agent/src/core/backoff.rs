//! Waiting before the next try: twice as long each time, up to a bound, and never in step with other agents.

/// How long to wait before the next try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    first_ms: u64,
    most_ms: u64,
    tries: u32,
}

impl Backoff {
    /// Waits between half of `first_ms` and `first_ms`, doubling up to `most_ms`.
    #[must_use]
    pub const fn new(first_ms: u64, most_ms: u64) -> Self {
        Self { first_ms, most_ms, tries: 0 }
    }

    /// The next wait, milliseconds: the upper half of the step is chance, so that a thousand agents that lost
    /// their controller in one moment do not come back in one moment.
    pub fn next_ms(&mut self, chance: u64) -> u64 {
        let factor = 1u64.checked_shl(self.tries).unwrap_or(u64::MAX);
        let step = self.first_ms.saturating_mul(factor).min(self.most_ms);
        self.tries = self.tries.saturating_add(1).min(63);
        let half = step / 2;
        step - half + chance % half.saturating_add(1)
    }

    /// It went well: the next wait is short again.
    pub fn reset(&mut self) {
        self.tries = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn waits_grow_and_stay_bounded(first in 1u64..10_000, factor in 1u64..1_000, chances: Vec<u64>) {
            let most = first * factor;
            let mut backoff = Backoff::new(first, most);
            let mut ceiling = first;
            for chance in chances {
                let wait = backoff.next_ms(chance);
                prop_assert!(wait <= ceiling && wait >= ceiling / 2, "{wait} of {ceiling}");
                ceiling = (ceiling * 2).min(most);
            }
            backoff.reset();
            prop_assert!(backoff.next_ms(u64::MAX) <= first);
        }
    }
}
