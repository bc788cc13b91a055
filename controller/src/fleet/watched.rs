//! Lines that somebody looks at: their agents read them more often, and their rates are published as they come.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use lastmile_protocol::ids::{BranchId, LineId, LineNo, PopId};
use serde_json::json;

use crate::events::{LiveEvent, Sample};
use crate::kernel::At;

/// One watched line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// What pages watch: the subscription's id.
    pub topic: String,
    /// The line that serves it.
    pub line: LineId,
    /// Whose it is.
    pub branch: BranchId,
}

/// All of them, by POP and number.
#[derive(Debug, Default)]
pub struct Watched {
    lines: RwLock<BTreeMap<(PopId, LineNo), BTreeSet<Target>>>,
}

impl Watched {
    /// Replaces the whole list; returns the lines of each POP.
    pub fn set(&self, lines: BTreeMap<(PopId, LineNo), BTreeSet<Target>>) -> BTreeMap<PopId, BTreeSet<LineNo>> {
        let mut by_pop: BTreeMap<PopId, BTreeSet<LineNo>> = BTreeMap::new();
        for (pop, no) in lines.keys() {
            by_pop.entry(*pop).or_default().insert(*no);
        }
        *self.lines.write().unwrap_or_else(PoisonError::into_inner) = lines;
        by_pop
    }

    /// Lines of a POP that are watched.
    #[must_use]
    pub fn numbers(&self, pop: PopId) -> Vec<LineNo> {
        let lines = self.lines.read().unwrap_or_else(PoisonError::into_inner);
        lines.range((pop, LineNo(0))..=(pop, LineNo(u32::MAX))).map(|((_, no), _)| *no).collect()
    }

    /// What to publish of a sample; nothing when nobody looks at the line.
    #[must_use]
    pub fn events(&self, pop: PopId, no: LineNo, line: LineId, sample: Sample) -> Vec<LiveEvent> {
        let lines = self.lines.read().unwrap_or_else(PoisonError::into_inner);
        let Some(targets) = lines.get(&(pop, no)) else { return Vec::new() };
        let event = |target: &Target| LiveEvent {
            event: "rate",
            topic: target.topic.clone(),
            branch: target.branch,
            data: Arc::from(
                json!({
                    "subscription_id": target.topic,
                    "at": At(sample.at_ms),
                    "down_bps": sample.down_bps,
                    "up_bps": sample.up_bps,
                    "online": sample.online,
                })
                .to_string(),
            ),
        };
        targets.iter().filter(|target| target.line == line).map(event).collect()
    }
}
