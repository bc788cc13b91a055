//! The agent's own brake: whatever the controller says, a city is not cut at once.
//!
//! In a rolling day at most max(20, 20 %) of the lines may be newly closed, unless the push carried an approval.
//! Above that *none* is closed, and everybody sees why. Judged on the desired state alone, so that neither a
//! router that is away nor a restart changes the answer.

use std::collections::BTreeSet;

use lastmile_protocol::codec;
use lastmile_protocol::ids::LineNo;
use serde::{Deserialize, Serialize};

use crate::core::desired::DesiredState;

/// Milliseconds of the window.
const WINDOW_MS: i64 = 86_400_000;
/// So many always pass.
const FREE: usize = 20;

/// What was let through. Survives restarts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brake {
    /// Lines that are closed with the brake's consent.
    closed: BTreeSet<u32>,
    /// (when, how many).
    window: Vec<(i64, u32)>,
}

/// The brake's answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Admission {
    /// Lines that must not be closed.
    pub frozen: BTreeSet<LineNo>,
    /// Why, for people; empty when none is frozen.
    pub why: String,
    /// The brake has to be kept.
    pub changed: bool,
}

impl Brake {
    /// What may be closed of this desired state.
    pub fn admit(&mut self, desired: &DesiredState, now_ms: i64) -> Admission {
        let before = self.clone();
        let closing = closing(desired);
        self.closed.retain(|line| closing.contains(line));
        self.window.retain(|(at, _)| at.saturating_add(WINDOW_MS) > now_ms);
        let new = closing.difference(&self.closed).copied().collect::<BTreeSet<_>>();
        let used = self.window.iter().map(|(_, count)| *count as usize).sum::<usize>();
        let approved = approved(desired, now_ms);
        let limit = FREE.max(desired.lines.len() / 5);
        if new.is_empty() || used + new.len() <= limit + approved {
            if !new.is_empty() {
                self.window.push((now_ms, u32::try_from(new.len()).unwrap_or(u32::MAX)));
                self.closed.extend(new);
            }
            return Admission { changed: *self != before, ..Admission::default() };
        }
        let why = format!(
            "brake: {} lines would be newly closed ({used} within a day already), more than {limit} and {approved} approved",
            new.len()
        );
        Admission { frozen: new.into_iter().map(LineNo).collect(), why, changed: *self != before }
    }

    /// A line was found closed (or was made so): it is not news any more, and nobody was cut now.
    pub fn found_closed(&mut self, line: LineNo) -> bool {
        self.closed.insert(line.0)
    }

    /// For the file that it is kept in.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self).unwrap_or_default()
    }

    /// From that file.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        codec::decode(bytes).ok()
    }
}

fn closing(desired: &DesiredState) -> BTreeSet<u32> {
    let held = desired.lines.values().filter(|line| !line.open).map(|line| line.no.0);
    held.chain(desired.tombstones.keys().map(|no| no.0)).collect()
}

fn approved(desired: &DesiredState, now_ms: i64) -> usize {
    let recent = desired.approvals.iter().filter(|(at, _)| at.saturating_add(WINDOW_MS) > now_ms);
    recent.map(|(_, count)| *count as usize).sum()
}
