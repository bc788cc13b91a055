//! A PPPoE session: its interface, its counters and how fast it moves.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::Name;
use crate::rng::Seeded;

/// Octets in both directions. Down is towards the customer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Octets {
    /// Towards the customer: `tx-byte` of the session's interface.
    pub down_octets: u64,
    /// From the customer: `rx-byte`.
    pub up_octets: u64,
}

impl Octets {
    /// Adds, staying at the top.
    pub fn add(&mut self, other: Self) {
        self.down_octets = self.down_octets.saturating_add(other.down_octets);
        self.up_octets = self.up_octets.saturating_add(other.up_octets);
    }
}

/// Bit/s in both directions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rates {
    /// Towards the customer.
    pub down_bps: u64,
    /// From the customer.
    pub up_bps: u64,
}

/// Counters as they were handed out to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Reading {
    /// When, milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// `session-id` as a number.
    pub session_id: u32,
    /// The counters.
    #[serde(flatten)]
    pub octets: Octets,
}

/// One session, live.
#[derive(Debug, Clone)]
pub(super) struct Session {
    /// Number since boot; the base of the row ids in all menus.
    pub(super) number: u32,
    pub(super) session_id: u32,
    pub(super) user: Name,
    pub(super) interface: Vec<u8>,
    pub(super) caller: String,
    pub(super) address: Ipv4Addr,
    pub(super) started_ms: i64,
    pub(super) started_mono_ms: u64,
    /// Limits of the queue that the profile's rate-limit made at dial-in.
    pub(super) limit: Option<Rates>,
    /// What the counters show.
    pub(super) shown: Octets,
    /// What has really passed in this session.
    pub(super) passed: Octets,
    pub(super) rate: Rates,
    target: Rates,
    rest_bits: (u64, u64),
    pub(super) first_reading: Option<Reading>,
    pub(super) last_reading: Option<Reading>,
}

/// What a line without a rate limit can carry.
const UNLIMITED: Rates = Rates { down_bps: 50_000_000, up_bps: 20_000_000 };

/// Moves `rest` on by `bps` during `ms` and returns the whole octets.
fn whole_octets(rest: &mut u64, bps: u64, ms: u64) -> u64 {
    // Kept in thousandths of a bit: bit/s × ms.
    *rest += bps.saturating_mul(ms);
    let octets = *rest / 8_000;
    *rest %= 8_000;
    octets
}

/// A quarter of the way from one rate to another.
const fn towards(from: u64, to: u64) -> u64 {
    (from.saturating_mul(3).saturating_add(to)) / 4
}

impl Session {
    pub(super) fn new(number: u32, session_id: u32, user: Name, limit: Option<Rates>, now: (i64, u64)) -> Self {
        let interface = [b"<pppoe-", user.as_ref(), b">"].concat();
        let (started_ms, started_mono_ms) = now;
        Self {
            number,
            session_id,
            user,
            interface,
            caller: String::new(),
            address: Ipv4Addr::UNSPECIFIED,
            started_ms,
            started_mono_ms,
            limit,
            shown: Octets::default(),
            passed: Octets::default(),
            rate: Rates::default(),
            target: Rates::default(),
            rest_bits: (0, 0),
            first_reading: None,
            last_reading: None,
        }
    }

    /// The most that this line carries.
    pub(super) fn ceiling(&self) -> Rates {
        self.limit.unwrap_or(UNLIMITED)
    }

    /// Lets `octets` pass.
    pub(super) fn pass(&mut self, octets: Octets) {
        self.shown.add(octets);
        self.passed.add(octets);
    }

    /// Lets traffic flow at the present rate for `ms`.
    pub(super) fn flow(&mut self, ms: u64) {
        let octets = Octets {
            down_octets: whole_octets(&mut self.rest_bits.0, self.rate.down_bps, ms),
            up_octets: whole_octets(&mut self.rest_bits.1, self.rate.up_bps, ms),
        };
        self.pass(octets);
    }

    /// Moves at exactly this rate, bounded by the line.
    pub(super) fn fix_rate(&mut self, rates: Rates) {
        let most = self.ceiling();
        self.rate = Rates { down_bps: rates.down_bps.min(most.down_bps), up_bps: rates.up_bps.min(most.up_bps) };
    }

    /// Takes the next step of what a household does: idle, browse, watch.
    pub(super) fn wander(&mut self, rng: &mut Seeded) {
        if self.target == Rates::default() || rng.percent(5) {
            let mood = rng.below(100);
            let share = match mood {
                0..=29 => 5 + rng.below(20),
                30..=69 => 30 + rng.below(270),
                _ => 300 + rng.below(580),
            };
            let most = self.ceiling();
            // Shares are thousandths; a household sends about a tenth of what it fetches.
            self.target.down_bps = most.down_bps / 1000 * share;
            self.target.up_bps = (most.up_bps / 1000 * share / 8).max(1_000);
        }
        let jitter = 900 + rng.below(200);
        let most = self.ceiling();
        let step = |from, to: u64, most: u64| towards(from, to / 1000 * jitter).min(most / 100 * 95);
        self.rate = Rates {
            down_bps: step(self.rate.down_bps, self.target.down_bps, most.down_bps),
            up_bps: step(self.rate.up_bps, self.target.up_bps, most.up_bps),
        };
    }

    /// Notes that the counters were handed out.
    pub(super) fn read(&mut self, at_ms: i64) -> Reading {
        let reading = Reading { at_ms, session_id: self.session_id, octets: self.shown };
        self.first_reading.get_or_insert(reading);
        self.last_reading = Some(reading);
        reading
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_live_line_never_carries_more_than_its_limit() {
        let limit = Rates { down_bps: 1_000_000, up_bps: 300_000 };
        let mut session = Session::new(1, 1, b"a"[..].into(), Some(limit), (0, 0));
        let mut rng = Seeded::new(7);
        let mut ms = 0;
        for _ in 0..5_000 {
            session.wander(&mut rng);
            let step = 1 + rng.below(400);
            session.flow(step);
            ms += step;
        }
        assert!(session.passed.down_octets > 0 && session.passed.up_octets > 0);
        assert!(session.passed.down_octets <= limit.down_bps * ms / 8_000);
        assert!(session.passed.up_octets <= limit.up_bps * ms / 8_000);
    }

    #[test]
    fn a_fixed_rate_is_exact_over_any_steps() {
        let mut session = Session::new(1, 1, b"a"[..].into(), None, (0, 0));
        session.fix_rate(Rates { down_bps: 1_000_003, up_bps: 0 });
        for _ in 0..8_000 {
            session.flow(1);
        }
        assert_eq!(session.passed, Octets { down_octets: 1_000_003, up_octets: 0 });
    }
}
