//! Makes the lines of a router what the controller wants them to be.
//!
//! Driven by the newest desired state and by a timer, never by commands: each pass looks at what the router has,
//! does what is left to do, looks again, and what it then sees is the proof. A new desired state is worked on
//! at once and looks only at the lines that changed; the timer's pass looks at everything and finds drift.

mod guard;
mod linux;
mod pass;
mod routeros;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lastmile_protocol::downlink::{Access, Generation};
use lastmile_protocol::ids::{LineId, LineNo, RouterId};
use lastmile_protocol::uplink::{FailReason, Outcome, Proof};

pub use guard::Guard;
pub use pass::{Enforce, Job, Memory, Pass};

use crate::collect::HeldLine;
use crate::core::desired::DesiredState;
use crate::core::journal::Entry;
use crate::core::reconcile::Prover;

/// Changed lines up to which only they are looked at.
const FEW: usize = 64;

/// What the enforcement of one router remembers from pass to pass.
#[derive(Debug)]
pub struct Enforcer {
    router: RouterId,
    router_name: String,
    may_write: bool,
    memory: Memory,
    prover: Prover,
    /// Counter of each line (generation of each tombstone) that a pass has worked on.
    worked: BTreeMap<LineNo, u64>,
    /// Lines that changed since the agent started and are not proved yet: told when the router is away.
    pending: BTreeSet<LineNo>,
    first: bool,
    /// What was wanted already when the agent started: it is told only once it was looked at.
    at_start: Option<BTreeMap<LineNo, u64>>,
    telling: bool,
    /// Marked lines in no desired state, as of the last whole pass.
    pub unlisted: u32,
    verified_closed: BTreeSet<LineNo>,
    /// Lines that passes have closed since they were last asked about.
    just_closed: BTreeSet<LineNo>,
    failed: BTreeMap<LineNo, FailReason>,
}

impl Enforcer {
    /// For one router of the plan.
    #[must_use]
    pub fn new(router: RouterId, router_name: String, may_write: bool) -> Self {
        Self {
            router,
            router_name,
            may_write,
            memory: Memory::default(),
            prover: Prover::default(),
            worked: BTreeMap::new(),
            pending: BTreeSet::new(),
            first: true,
            at_start: None,
            telling: false,
            unlisted: 0,
            verified_closed: BTreeSet::new(),
            just_closed: BTreeSet::new(),
            failed: BTreeMap::new(),
        }
    }

    /// Lines and tombstones that no pass has worked on since they changed.
    #[must_use]
    pub fn changed(&self, desired: &DesiredState) -> BTreeSet<LineNo> {
        let lines =
            desired.lines.values().filter(|line| line.router == self.router).map(|line| (line.no, line.counter));
        let tombstones = desired.tombstones.iter().map(|(no, (_, generation))| (*no, generation.counter));
        lines.chain(tombstones).filter(|(no, counter)| self.worked.get(no) != Some(counter)).map(|(no, _)| no).collect()
    }

    /// Lines that the next pass will close, as far as is known without looking; the first [`FEW`] of them.
    #[must_use]
    pub fn closing(&self, desired: &DesiredState) -> BTreeSet<LineNo> {
        let closes = |no: &LineNo| desired.lines.get(no).is_some_and(|line| !line.open);
        self.changed(desired).into_iter().filter(closes).take(FEW).collect()
    }

    /// Notes what is new, so that it can be told should the router be away.
    pub fn expect(&mut self, desired: &DesiredState) {
        let changed = self.changed(desired);
        let at_start =
            self.at_start.get_or_insert_with(|| changed.iter().map(|no| (*no, counter_of(desired, *no))).collect());
        self.pending.extend(changed.iter().filter(|no| at_start.get(no) != Some(&counter_of(desired, **no))));
    }

    /// One pass over the router, over everything or over what changed. What has to be kept comes back with the
    /// error that broke it off, if one did.
    pub async fn pass<D: Enforce>(
        &mut self,
        device: &D,
        desired: &Arc<DesiredState>,
        whole: bool,
        guard: &Guard,
        lease: bool,
    ) -> (Entry, Pass) {
        let changed = self.changed(desired);
        let whole = whole || self.first || changed.len() > FEW;
        if !whole && changed.is_empty() {
            return (Entry::default(), Pass::default());
        }
        let frozen = guard.admit(desired);
        let job = Job {
            desired: Arc::clone(desired),
            router: self.router,
            only: if whole { None } else { Some(changed.clone()) },
            lease,
            may_write: self.may_write,
            frozen: frozen.frozen,
            frozen_why: frozen.why,
            clock: Arc::clone(&guard.clock),
        };
        let pass = device.pass(&job, &mut self.memory).await;
        let entry = self.digest(&pass, desired, &job, guard);
        if pass.error.is_none() {
            self.first = false;
            self.at_start = Some(BTreeMap::new());
            for no in &changed {
                self.worked.insert(*no, counter_of(desired, *no));
                self.pending.remove(no);
            }
            if whole {
                self.unlisted = pass.unlisted;
                self.worked.retain(|no, _| desired.lines.contains_key(no) || desired.tombstones.contains_key(no));
            }
        }
        (entry, pass)
    }

    fn digest(&mut self, pass: &Pass, desired: &DesiredState, job: &Job, guard: &Guard) -> Entry {
        let mut entry = Entry::default();
        let mut closed = Vec::new();
        let applied = pass.outcomes.iter().filter(|(_, outcome, _)| *outcome == Outcome::Applied);
        let applied = applied.map(|(no, ..)| *no).collect::<BTreeSet<_>>();
        for (no, outcome, observed) in &pass.outcomes {
            match outcome {
                Outcome::Verified => {
                    self.failed.remove(no);
                    let open = desired.lines.get(no).is_none_or(|line| line.open);
                    if open {
                        self.verified_closed.remove(no);
                        self.just_closed.remove(no);
                    } else {
                        if self.verified_closed.insert(*no) || applied.contains(no) {
                            self.just_closed.insert(*no);
                        }
                        closed.push(*no);
                    }
                }
                Outcome::Failed(reason) => {
                    self.verified_closed.remove(no);
                    self.just_closed.remove(no);
                    self.failed.insert(*no, reason.clone());
                }
                Outcome::Applied | Outcome::Removed => {}
            }
            let generation = generation_of(desired, *no);
            let at_ms = job.clock.wall_ms();
            let proof = Proof { line: *no, generation, at_ms, outcome: outcome.clone(), observed: observed.clone() };
            entry.proofs.extend(self.prover.news(proof));
        }
        guard.found_closed(&closed);
        for no in &pass.removed {
            if let Some(proof) = guard.gone_from(desired, *no, self.router) {
                entry.proofs.push(proof);
            }
        }
        self.prover.retain(|no| desired.lines.contains_key(&no) || desired.tombstones.contains_key(&no));
        self.failed.retain(|no, _| desired.lines.contains_key(no));
        self.verified_closed.retain(|no| desired.lines.contains_key(no));
        entry
    }

    /// The router cannot be used: proofs of failure for what waits for it.
    pub fn away(&mut self, desired: &DesiredState, reason: &FailReason, now_ms: i64) -> Entry {
        self.expect(desired);
        let mut entry = Entry::default();
        for no in &self.pending {
            let generation = generation_of(desired, *no);
            let outcome = Outcome::Failed(reason.clone());
            let proof = Proof { line: *no, generation, at_ms: now_ms, outcome, observed: None };
            entry.proofs.extend(self.prover.news(proof));
            self.failed.insert(*no, reason.clone());
        }
        entry
    }

    /// Proofs are being written. A pass that is broken off in the middle of it finds them untold the next time.
    pub fn telling(&mut self, now: bool) {
        if now && core::mem::replace(&mut self.telling, true) {
            self.forget_proofs();
        }
        self.telling = now;
    }

    /// After a failed append: what was proved has to be told again.
    pub fn forget_proofs(&mut self) {
        self.prover = Prover::default();
    }

    /// Lines that were closed since this was last asked, and read back so: their sessions are gone.
    #[must_use]
    pub fn take_just_closed(&mut self) -> BTreeSet<LineNo> {
        core::mem::take(&mut self.just_closed)
    }

    /// Lines of this router that are closed, or ought to be.
    #[must_use]
    pub fn held(&self, desired: &DesiredState) -> Vec<HeldLine> {
        let lines = desired.lines.values().filter(|line| line.router == self.router && !line.open);
        lines
            .map(|line| {
                let verified = self.verified_closed.contains(&line.no);
                let why = match (self.failed.get(&line.no), verified) {
                    (Some(reason), _) => format!("wanted closed, but: {}", in_words(reason)),
                    (None, true) => "closed on the controller's word; read back closed".into(),
                    (None, false) => "wanted closed; not read back yet".into(),
                };
                let access = match &line.access {
                    Access::Pppoe { username, .. } => String::from_utf8_lossy(username).into_owned(),
                    Access::Static { address, .. } => address.clone(),
                };
                HeldLine { line: line.no, access, router: self.router_name.clone(), why, verified }
            })
            .collect()
    }
}

/// A failure for people at the POP.
#[must_use]
pub fn in_words(reason: &FailReason) -> String {
    match reason {
        FailReason::Unreachable => "the router does not answer".into(),
        FailReason::AuthRefused => "the router refuses the log-in".into(),
        FailReason::NameTaken => "another secret, not ours, has this name".into(),
        FailReason::Refused(words) => format!("the router refused: {words}"),
        FailReason::Differs(what) => format!("read back, it differs: {what}"),
        FailReason::Frozen(why) => why.clone(),
        FailReason::NoRouter => "its router is not in the plan, or cannot serve such a line".into(),
    }
}

fn counter_of(desired: &DesiredState, no: LineNo) -> u64 {
    generation_of(desired, no).counter
}

/// What a proof of a line speaks of: the counter at which its row changed last.
fn generation_of(desired: &DesiredState, no: LineNo) -> Generation {
    match (desired.lines.get(&no), desired.tombstones.get(&no)) {
        (Some(line), _) => Generation { counter: line.counter, ..desired.generation },
        (None, Some((_, generation))) => *generation,
        (None, None) => desired.generation,
    }
}

/// The tombstones that a pass looks at.
fn tombstones(job: &Job) -> BTreeMap<LineNo, (LineId, Generation)> {
    let wanted = |no: &LineNo| job.only.as_ref().is_none_or(|only| only.contains(no));
    job.desired.tombstones.iter().filter(|(no, _)| wanted(no)).map(|(no, row)| (*no, *row)).collect()
}
