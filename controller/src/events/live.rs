//! Live rates of lines, in memory: the last 15 minutes at most, so that a chart has something to begin with.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{PoisonError, RwLock};

use lastmile_protocol::ids::LineId;

/// How long a sample is kept.
pub const KEPT_MS: i64 = 15 * 60 * 1_000;
/// Samples of one line at most: one every 5 seconds.
const KEPT: usize = 180;
/// Lines at most; beyond, new ones are not kept.
const LINES: usize = 200_000;

/// What a line does at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// When, in milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// Bits per second towards the customer.
    pub down_bps: u64,
    /// Bits per second from the customer.
    pub up_bps: u64,
    /// Whether a session is up.
    pub online: bool,
}

/// What is known of this moment: agents, and the last samples of every line.
#[derive(Debug, Default)]
pub struct LiveState {
    /// Which agents are connected, and how they are.
    pub presence: super::Presence,
    lines: RwLock<BTreeMap<LineId, VecDeque<Sample>>>,
}

impl LiveState {
    /// Nothing known yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a sample. Older than the newest one: ignored, since datagrams overtake each other.
    pub fn record(&self, line: LineId, sample: Sample) {
        let mut lines = self.lines.write().unwrap_or_else(PoisonError::into_inner);
        if !lines.contains_key(&line) && lines.len() >= LINES {
            return;
        }
        let ring = lines.entry(line).or_default();
        if ring.back().is_some_and(|last| last.at_ms >= sample.at_ms) {
            return;
        }
        while ring.len() >= KEPT || ring.front().is_some_and(|first| first.at_ms < sample.at_ms - KEPT_MS) {
            ring.pop_front();
        }
        ring.push_back(sample);
    }

    /// The newest sample of a line.
    #[must_use]
    pub fn last(&self, line: LineId) -> Option<Sample> {
        self.lines.read().unwrap_or_else(PoisonError::into_inner).get(&line)?.back().copied()
    }

    /// All samples of a line, oldest first.
    #[must_use]
    pub fn samples(&self, line: LineId) -> Vec<Sample> {
        let lines = self.lines.read().unwrap_or_else(PoisonError::into_inner);
        lines.get(&line).map(|ring| ring.iter().copied().collect()).unwrap_or_default()
    }

    /// Forgets a line.
    pub fn forget(&self, line: LineId) {
        self.lines.write().unwrap_or_else(PoisonError::into_inner).remove(&line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ring_is_bounded_in_time_and_count() {
        let state = LiveState::new();
        let line = LineId::new(1, [1; 10]);
        for second in 0..1_000 {
            state.record(line, Sample { at_ms: second * 1_000, down_bps: 1, up_bps: 1, online: true });
        }
        assert_eq!(state.samples(line).len(), KEPT);
        state.record(line, Sample { at_ms: 5_000_000, down_bps: 2, up_bps: 2, online: true });
        assert_eq!(state.samples(line).len(), 1);
        state.record(line, Sample { at_ms: 4_000_000, down_bps: 9, up_bps: 9, online: false });
        assert_eq!(state.last(line).unwrap().down_bps, 2);
    }
}
