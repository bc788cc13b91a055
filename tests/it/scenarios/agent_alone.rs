//! An agent without link and spool, for stories about its routers: the test is its controller, and what it would
//! spool is kept in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lastmile_agent::clock::{SystemClock, SystemRng};
use lastmile_agent::collect::{self, Feeds, PopStatus, Sinks, Watched};
use lastmile_agent::core::desired::DesiredState;
use lastmile_agent::core::journal::{Entry, Journal, JournalError};
use lastmile_protocol::downlink::{Access, DesiredLine, PollPlan, Profile, RouterKind, RouterPlan};
use lastmile_protocol::ids::{LineId, LineNo, RouterId};
use lastmile_protocol::uplink::{Gap, LiveRates, Outcome, Proof, UsageRecord};
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinHandle;

/// Everything that was kept, as a spool would keep it.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) usage: Vec<UsageRecord>,
    pub(super) gaps: Vec<Gap>,
    pub(super) proofs: Vec<Proof>,
    pub(super) baselines: BTreeMap<LineNo, Vec<u8>>,
}

#[derive(Clone)]
pub(super) struct Memory {
    pub(super) kept: Arc<Mutex<Kept>>,
    pub(super) changed: watch::Sender<u64>,
    pub(super) broken: Arc<Mutex<bool>>,
}

impl Journal for Memory {
    fn append(&mut self, entry: Entry) -> Result<(), JournalError> {
        if *self.broken.lock().unwrap() {
            return Err(JournalError { reason: "no space left on device".into() });
        }
        let mut kept = self.kept.lock().unwrap();
        kept.usage.extend(&entry.usage);
        kept.gaps.extend(entry.gaps.iter().cloned());
        kept.proofs.extend(entry.proofs.iter().cloned());
        for (line, bytes) in &entry.baselines {
            match bytes {
                Some(bytes) => drop(kept.baselines.insert(*line, bytes.clone())),
                None => drop(kept.baselines.remove(line)),
            }
        }
        self.changed.send_modify(|count| *count += 1);
        Ok(())
    }

    fn load_baselines(&self) -> Result<Vec<(LineNo, Vec<u8>)>, JournalError> {
        Ok(self.kept.lock().unwrap().baselines.iter().map(|(line, bytes)| (*line, bytes.clone())).collect())
    }
}

/// An agent without link: the test is its controller.
pub(super) struct Agent {
    pub(super) memory: Memory,
    pub(super) plan: watch::Sender<Arc<PollPlan>>,
    pub(super) desired: watch::Sender<Arc<DesiredState>>,
    pub(super) watched: watch::Sender<Arc<Watched>>,
    pub(super) lease: watch::Sender<bool>,
    pub(super) status: watch::Receiver<Arc<PopStatus>>,
    pub(super) live: broadcast::Sender<LiveRates>,
    pub(super) buried: mpsc::Receiver<LineNo>,
    pub(super) sinks: Sinks,
    pub(super) feeds: Feeds,
    pub(super) task: JoinHandle<()>,
    pub(super) _stop: watch::Sender<bool>,
    pub(super) _dir: tempfile::TempDir,
}

pub(super) const PATIENCE: Duration = Duration::from_secs(20);

impl Agent {
    pub(super) fn start(routers: Vec<RouterPlan>) -> Self {
        let memory = Memory { kept: Arc::default(), changed: watch::channel(0).0, broken: Arc::default() };
        let plan = PollPlan { version: 1, poll_seconds: 1, interval_seconds: 2, routers };
        let (plan, plan_seen) = watch::channel(Arc::new(plan));
        let (desired, desired_seen) = watch::channel(Arc::new(DesiredState::default()));
        let (watched, watched_seen) = watch::channel(Arc::new(Watched::default()));
        let (lease, lease_seen) = watch::channel(true);
        let (status_out, status) = watch::channel(Arc::new(PopStatus::default()));
        let (live, _) = broadcast::channel(64);
        let (buried_out, buried) = mpsc::channel(64);
        let dir = tempfile::tempdir().unwrap();
        let feeds = Feeds { plan: plan_seen, desired: desired_seen, watched: watched_seen, lease: lease_seen };
        let sinks = Sinks {
            journal: Arc::new(Mutex::new(memory.clone())),
            status: status_out,
            live: live.clone(),
            buried: buried_out,
            data_dir: dir.path().into(),
            clock: Arc::new(SystemClock::new()),
            rng: Arc::new(SystemRng::new()),
        };
        let (stop, stopping) = watch::channel(false);
        let task = tokio::spawn(collect::run(feeds.clone(), sinks.clone(), stopping));
        Self { memory, plan, desired, watched, lease, status, live, buried, sinks, feeds, task, _stop: stop, _dir: dir }
    }

    /// Dies without a word and comes back with what was kept.
    pub(super) async fn die_and_return(&mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
        let (stop, stopping) = watch::channel(false);
        self._stop = stop;
        self.task = tokio::spawn(collect::run(self.feeds.clone(), self.sinks.clone(), stopping));
    }

    pub(super) fn want(&self, lines: impl IntoIterator<Item = DesiredLine>) {
        self.desired.send_modify(|state| {
            let mut next = (**state).clone();
            next.generation.counter += 1;
            for mut line in lines {
                line.counter = next.generation.counter;
                next.lines.insert(line.no, Arc::new(line));
            }
            *state = Arc::new(next);
        });
    }

    pub(super) fn remove(&self, no: u32) {
        self.desired.send_modify(|state| {
            let mut next = (**state).clone();
            next.generation.counter += 1;
            let line = next.lines.remove(&LineNo(no)).unwrap();
            next.tombstones.insert(line.no, (line.id, next.generation));
            *state = Arc::new(next);
        });
    }

    /// Waits until what was kept is so.
    pub(super) async fn until<T>(&self, what: &str, mut is: impl FnMut(&Kept) -> Option<T>) -> T {
        let mut changed = self.memory.changed.subscribe();
        let look = async {
            loop {
                if let Some(found) = is(&self.memory.kept.lock().unwrap()) {
                    return found;
                }
                changed.changed().await.unwrap();
            }
        };
        let found = tokio::time::timeout(PATIENCE, look).await;
        found.unwrap_or_else(|_| panic!("never came: {what}; last proofs {:?}", self.last_proofs()))
    }

    pub(super) fn last_proofs(&self) -> Vec<Proof> {
        let kept = self.memory.kept.lock().unwrap();
        kept.proofs.iter().rev().take(4).cloned().collect()
    }

    /// The proof of the newest state of a line, once it is of this kind.
    pub(super) async fn proved(&self, no: u32, kind: impl Fn(&Outcome) -> bool) -> Proof {
        let counter = self.desired.borrow().lines.get(&LineNo(no)).map_or(0, |line| line.counter);
        let what = format!("proof of line {no} at {counter}");
        self.until(&what, |kept| {
            let proof = kept.proofs.iter().rfind(|proof| proof.line == LineNo(no))?;
            (proof.generation.counter >= counter && kind(&proof.outcome)).then(|| proof.clone())
        })
        .await
    }

    pub(super) async fn verified(&self, no: u32) -> Proof {
        self.proved(no, |outcome| *outcome == Outcome::Verified).await
    }

    pub(super) async fn status(&mut self, what: &str, is: impl Fn(&PopStatus) -> bool) -> Arc<PopStatus> {
        let found = tokio::time::timeout(PATIENCE, self.status.wait_for(|status| is(status))).await;
        found.unwrap_or_else(|_| panic!("never came: {what}")).unwrap().clone()
    }

    /// Two complete polls from now have been taken.
    pub(super) async fn polled(&mut self) {
        for _ in 0..2 {
            let polled = |status: &PopStatus| status.routers.first().map_or(0, |router| router.health.last_poll_ms);
            let last = polled(&self.status.borrow());
            self.status("a poll", |status| polled(status) > last).await;
        }
    }

    pub(super) fn sum(&self, no: u32) -> ((u64, u64), (u64, u64)) {
        let kept = self.memory.kept.lock().unwrap();
        let usage = kept.usage.iter().filter(|record| record.line == LineNo(no));
        let usage = usage.fold((0, 0), |(down, up), record| (down + record.down_octets, up + record.up_octets));
        let gaps = kept.gaps.iter().filter(|gap| gap.line == Some(LineNo(no)));
        (usage, gaps.fold((0, 0), |(down, up), gap| (down + gap.down_octets, up + gap.up_octets)))
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(super) fn router_id(number: u8) -> RouterId {
    RouterId::from_bytes([number; 16])
}

pub(super) fn plan_of(number: u8, port: u16) -> RouterPlan {
    RouterPlan {
        router: router_id(number),
        name: format!("core-{number}"),
        kind: RouterKind::RouterOs,
        host: "127.0.0.1".into(),
        port,
        username: b"lastmile".to_vec(),
        password: b"testbed".to_vec(),
        line_rate_bps: 1_000_000_000,
        enforce: true,
    }
}

pub(super) fn line(no: u32, name: &str, open: bool) -> DesiredLine {
    DesiredLine {
        no: LineNo(no),
        id: LineId::from_bytes(u128::from(no).to_be_bytes()),
        counter: 0,
        router: router_id(1),
        access: Access::Pppoe { username: name.into(), password: b"geheim".to_vec() },
        profile: Profile { name: "home-10M".into(), down_bps: 10_000_000, up_bps: 5_000_000 },
        open,
    }
}
