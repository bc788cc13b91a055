//! What the routers of a POP decide together: the brake, and when a removed line is gone from everywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use lastmile_protocol::ids::{LineNo, RouterId};
use lastmile_protocol::uplink::{Outcome, Proof};

use crate::clock::Clock;
use crate::core::desired::DesiredState;
use crate::core::reconcile::{Admission, Brake};

/// Shared by the enforcement of all routers.
pub struct Guard {
    file: PathBuf,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    buried: tokio::sync::mpsc::Sender<LineNo>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    brake: Brake,
    why: String,
    routers: BTreeSet<RouterId>,
    /// Where a line was last wanted: only that router has to confirm that it is gone.
    homes: BTreeMap<LineNo, RouterId>,
    gone: BTreeMap<LineNo, BTreeSet<RouterId>>,
}

impl Guard {
    /// Reads the brake of the last run. One that cannot be read is a new one, which is stricter.
    #[must_use]
    pub fn open(data_dir: &std::path::Path, clock: Arc<dyn Clock>, buried: tokio::sync::mpsc::Sender<LineNo>) -> Self {
        let file = data_dir.join("brake.bin");
        let brake = std::fs::read(&file).ok().and_then(|bytes| Brake::decode(&bytes)).unwrap_or_default();
        Self { file, clock, buried, state: Mutex::new(State { brake, ..State::default() }) }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The routers of the plan.
    pub fn routers(&self, routers: BTreeSet<RouterId>) {
        self.state().routers = routers;
    }

    /// Why the brake closes nothing, or empty.
    #[must_use]
    pub fn why(&self) -> String {
        self.state().why.clone()
    }

    /// What may be closed.
    pub fn admit(&self, desired: &DesiredState) -> Admission {
        let mut state = self.state();
        state.homes.extend(desired.lines.values().map(|line| (line.no, line.router)));
        state.homes.retain(|no, _| desired.lines.contains_key(no) || desired.tombstones.contains_key(no));
        let admission = state.brake.admit(desired, self.clock.wall_ms());
        if !admission.why.is_empty() && state.why != admission.why {
            tracing::warn!(lines = admission.frozen.len(), "the brake holds: {}", admission.why);
        }
        state.why.clone_from(&admission.why);
        if admission.changed {
            self.keep(&state.brake);
        }
        admission
    }

    /// Lines that were read back closed.
    pub fn found_closed(&self, lines: &[LineNo]) {
        let mut state = self.state();
        let news = lines.iter().filter(|no| state.brake.found_closed(**no)).count() > 0;
        if news {
            self.keep(&state.brake);
        }
    }

    /// A router does not have a removed line. Its proof, once every router that may have had it says so.
    pub fn gone_from(&self, desired: &DesiredState, no: LineNo, router: RouterId) -> Option<Proof> {
        let (_, generation) = desired.tombstones.get(&no)?;
        let mut state = self.state();
        state.gone.retain(|no, _| desired.tombstones.contains_key(no));
        let gone = state.gone.entry(no).or_default();
        gone.insert(router);
        let gone = gone.clone();
        let done = match state.homes.get(&no) {
            Some(home) if state.routers.contains(home) => gone.contains(home),
            _ => state.routers.is_subset(&gone),
        };
        if !done {
            return None;
        }
        let at_ms = self.clock.wall_ms();
        Some(Proof { line: no, generation: *generation, at_ms, outcome: Outcome::Removed, observed: None })
    }

    /// The proof of its removal is kept: the ledger may forget the line. When the ledger is busy the next whole
    /// pass says it again.
    pub fn bury(&self, no: LineNo) {
        if self.buried.try_send(no).is_ok() {
            self.state().gone.remove(&no);
        }
    }

    /// Written aside and renamed: a torn file would make the brake forget.
    fn keep(&self, brake: &Brake) {
        if let Err(error) = crate::files::replace(&self.file, &brake.encode()) {
            tracing::error!(%error, "the brake cannot be kept on disk");
        }
    }
}
