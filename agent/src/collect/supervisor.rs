//! Keeps one task for each router of the poll plan.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lastmile_protocol::downlink::{Generation, PollPlan, RouterPlan};
use lastmile_protocol::ids::{LineNo, RouterId};
use lastmile_protocol::uplink::{FailReason, Outcome, Proof};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;

use super::board::Board;
use super::metering::{Metering, SharedJournal};
use super::router::{Station, attend};
use super::{Feeds, Sinks};
use crate::core::journal::Entry;
use crate::enforce::Guard;

/// Drives the loops until `stop` says so. Ends when what was read is in the journal.
pub async fn run(feeds: Feeds, sinks: Sinks, mut stop: watch::Receiver<bool>) {
    let journal = SharedJournal::new(Arc::clone(&sinks.journal));
    tokio::select! {
        () = supervise(feeds, sinks, &journal) => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
    journal.idle().await;
}

/// What a router's task was started with: when any of it changes, the task is started anew.
type Terms = (RouterPlan, u16, u16);

/// Aborts its task when dropped, so that nothing polls a router that is in no plan.
struct Running(Terms, JoinHandle<()>);

impl Drop for Running {
    fn drop(&mut self) {
        self.1.abort();
    }
}

async fn supervise(mut feeds: Feeds, sinks: Sinks, journal: &SharedJournal) {
    let board = Arc::new(Board::new(sinks.status.clone()));
    let guard = Arc::new(Guard::open(&sinks.data_dir, Arc::clone(&sinks.clock), sinks.buried.clone()));
    let mut running: BTreeMap<RouterId, Running> = BTreeMap::new();
    let mut orphans = BTreeMap::new();
    loop {
        let plan = Arc::clone(&feeds.plan.borrow_and_update());
        board.plan(&plan.routers);
        let ids = plan.routers.iter().map(|router| router.router).collect::<BTreeSet<_>>();
        running.retain(|id, _| ids.contains(id));
        guard.routers(ids);
        for router in &plan.routers {
            let terms = (router.clone(), plan.poll_seconds, plan.interval_seconds);
            if running.get(&router.router).is_some_and(|running| running.0 == terms) {
                continue;
            }
            // The old task goes first: two must never write to one router.
            if let Some(mut old) = running.remove(&router.router) {
                old.1.abort();
                let _ = (&mut old.1).await;
            }
            let task = tokio::spawn(attend(station(&terms, &feeds, &sinks, journal, &board, &guard)));
            running.insert(router.router, Running(terms, task));
        }
        tell_orphans(&plan, &mut feeds, &sinks, journal, &mut orphans).await;
        tokio::select! {
            changed = feeds.plan.changed() => if changed.is_err() { return },
            changed = feeds.desired.changed() => if changed.is_err() { return },
        }
    }
}

fn station(
    terms: &Terms,
    feeds: &Feeds,
    sinks: &Sinks,
    journal: &SharedJournal,
    board: &Arc<Board>,
    guard: &Arc<Guard>,
) -> Station {
    let (plan, poll_seconds, interval_seconds) = terms.clone();
    let journal = journal.clone();
    let metering = Metering::new(plan.router, journal.clone(), plan.line_rate_bps, interval_seconds);
    Station {
        plan,
        poll_seconds,
        feeds: feeds.clone(),
        live: sinks.live.clone(),
        board: Arc::clone(board),
        guard: Arc::clone(guard),
        journal,
        metering: Mutex::new(metering),
        clock: Arc::clone(&sinks.clock),
        rng: Arc::clone(&sinks.rng),
    }
}

/// Lines whose router is in no plan: nobody else would ever speak of them.
async fn tell_orphans(
    plan: &PollPlan,
    feeds: &mut Feeds,
    sinks: &Sinks,
    journal: &SharedJournal,
    told: &mut BTreeMap<LineNo, u64>,
) {
    let desired = Arc::clone(&feeds.desired.borrow_and_update());
    let planned = |router| plan.routers.iter().any(|row| row.router == router);
    // Before the first plan nothing is known of any router.
    if plan.version == 0 {
        return;
    }
    told.retain(|no, _| desired.lines.get(no).is_some_and(|line| !planned(line.router)));
    let mut entry = Entry::default();
    for line in desired.lines.values().filter(|line| !planned(line.router)) {
        if told.insert(line.no, line.counter) == Some(line.counter) {
            continue;
        }
        entry.proofs.push(Proof {
            line: line.no,
            generation: Generation { counter: line.counter, ..desired.generation },
            at_ms: sinks.clock.wall_ms(),
            outcome: Outcome::Failed(FailReason::NoRouter),
            observed: None,
        });
    }
    if let Err(error) = journal.keep(entry).await {
        tracing::error!(%error, "proofs of lines without a router cannot be kept");
        told.clear();
    }
}
