//! What the meter must find again after a restart.

use lastmile_protocol::codec;
use serde::{Deserialize, Serialize};

use super::{JUMP_MS, Moment, Open, Reading};

/// Up to where a line is accounted for, and the reading that the next record counts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Baseline {
    /// Everything before is reported, as usage or as a gap; wall time.
    pub(super) until_ms: i64,
    /// The last reading of the line; none for a line that was never seen up.
    pub(super) last: Option<Last>,
    /// The session of `last` was still up then.
    pub(super) live: bool,
}

/// A reading, as far as the next one has to be compared with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Last {
    pub(super) at_ms: i64,
    /// How much later than `at_ms` the session was really seen: the first reading of a session counts from when it
    /// may have begun, but it was seen only then.
    pub(super) seen_after_ms: u64,
    pub(super) key: u64,
    pub(super) uptime_ms: Option<u64>,
    pub(super) down: u64,
    pub(super) up: u64,
    /// Only within one process.
    #[serde(skip)]
    pub(super) mono_ms: Option<u64>,
    /// Only within one process; 0 is none.
    #[serde(skip)]
    pub(super) connection: u64,
}

/// First byte of a kept baseline.
const FORMAT: u8 = 2;

impl Baseline {
    pub(super) fn encode(&self) -> Vec<u8> {
        codec::encode(&(FORMAT, self)).unwrap_or_default()
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (format, baseline) = codec::decode::<(u8, Self)>(bytes).ok()?;
        (format == FORMAT).then_some(baseline)
    }

    /// Usage goes on from here.
    pub(super) fn open(&self) -> Option<Open> {
        let start_ms = self.until_ms;
        self.last.map(|last| Open { start_ms, last, live: self.live, down: 0, up: 0 })
    }
}

impl Last {
    pub(super) const fn of(r: &Reading) -> Self {
        Self {
            at_ms: r.at.wall_ms,
            seen_after_ms: 0,
            key: r.key,
            uptime_ms: r.uptime_ms,
            down: r.down,
            up: r.up,
            mono_ms: Some(r.at.mono_ms),
            connection: r.connection,
        }
    }

    /// The moment at which the session of this reading began, with nothing counted yet.
    pub(super) fn first_of(r: &Reading, at_ms: i64, elapsed_ms: u64) -> Self {
        let mono_ms = r.at.mono_ms.checked_sub(elapsed_ms);
        let seen_after_ms = match mono_ms {
            Some(_) => elapsed_ms,
            None => u64::try_from(r.at.wall_ms.saturating_sub(at_ms)).unwrap_or(0),
        };
        Self { at_ms, seen_after_ms, down: 0, up: 0, uptime_ms: r.uptime_ms.map(|_| 0), mono_ms, ..Self::of(r) }
    }

    /// How long a line is ours that is accounted for up to then.
    pub(super) fn ours_for_ms(until_ms: i64, until_mono_ms: Option<u64>, now: Moment) -> u64 {
        match until_mono_ms {
            Some(then) => now.mono_ms.saturating_sub(then),
            None => u64::try_from(now.wall_ms.saturating_sub(until_ms)).unwrap_or(0),
        }
    }

    /// Time since this reading: by the monotonic clock, or after a restart by the wall clock.
    pub(super) fn elapsed_until_ms(&self, now: Moment) -> u64 {
        match self.mono_ms {
            Some(then) => now.mono_ms.saturating_sub(then),
            None => u64::try_from(now.wall_ms.saturating_sub(self.at_ms)).unwrap_or(0),
        }
    }

    /// Time since the session was last seen.
    pub(super) fn unseen_ms(&self, now: Moment) -> u64 {
        self.elapsed_until_ms(now).saturating_sub(self.seen_after_ms)
    }

    /// Time from this reading to that one. After a restart the uptime of the same session knows better than a
    /// wall clock that may have been set meanwhile.
    pub(super) fn elapsed_ms(&self, r: &Reading) -> u64 {
        let elapsed = self.elapsed_until_ms(r.at);
        match (self.mono_ms, self.uptime_ms, r.uptime_ms) {
            (None, Some(then), Some(now)) if self.key == r.key => elapsed.max(now.saturating_sub(then)),
            _ => elapsed,
        }
    }

    /// By how much the wall clock jumped since this reading, if it did.
    pub(super) fn jump_ms(&self, now: Moment) -> Option<i64> {
        let elapsed = i64::try_from(now.mono_ms.saturating_sub(self.mono_ms?)).ok()?;
        let jump = now.wall_ms.saturating_sub(self.at_ms.saturating_add(elapsed));
        (jump.unsigned_abs() > JUMP_MS).then_some(jump)
    }
}
