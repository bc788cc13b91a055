//! Taking chunks into the database, each exactly once.
//!
//! One worker takes whatever waits, of all agents, and commits it together: high-water marks, chunks, totals, gaps and
//! proofs in one transaction, then the acknowledgements. Under load a commit takes many chunks; a single chunk waits
//! for nobody.

use std::collections::BTreeMap;
use std::sync::Arc;

use lastmile_protocol::downlink::Ack;
use lastmile_protocol::ids::{AgentId, BranchId, LineNo, PopId};
use lastmile_protocol::uplink::{ChunkBody, ChunkError, Gap, Place, Proof, SpooledChunk, UsageChunk, UsageRecord};
use tokio::sync::mpsc::{Receiver, Sender};

use super::core::{Close, Input};
use crate::db::Tx;
use crate::domains::network::{self, LineNames};
use crate::domains::usage::{self, Intake, Source};
use crate::kernel::{Fault, Scope, crash_point};
use crate::web::App;

/// Chunks that wait for the worker; more of them wait in the agents' streams.
pub const WAITING: usize = 1_024;
/// Chunks of one transaction.
const BATCH: usize = 1_024;
/// Tries of a batch that another controller has overtaken.
const TRIES: u32 = 3;

/// Where chunks of a connection come from and where their acknowledgements go.
#[derive(Debug)]
pub struct Lane {
    /// Who sends.
    pub agent: AgentId,
    /// The POP that the agent's key opens.
    pub pop: PopId,
    /// Whose it is.
    pub branch: BranchId,
    /// Time zone of the branch.
    pub time_zone: String,
    /// Inbox of the connection's task.
    pub inbox: Sender<Input>,
    /// The connection, to cut it when its task does not take what it is told.
    pub connection: quinn::Connection,
}

/// A chunk with its place in the spool and its content.
#[derive(Debug)]
pub struct Item {
    lane: Arc<Lane>,
    epoch: u64,
    first: u64,
    seq: u64,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Usage(UsageChunk, Vec<UsageRecord>),
    Gaps(Vec<Gap>),
    Proofs(Vec<Proof>),
    /// The checksum is right, and this version cannot read it.
    Unreadable(String, Vec<u8>),
}

impl Item {
    /// Opens a chunk.
    ///
    /// # Errors
    /// When its checksum is wrong or it is too long: that is not what the agent has written.
    pub fn open(lane: &Arc<Lane>, chunk: SpooledChunk) -> Result<Self, ChunkError> {
        let body = match chunk.open() {
            Ok(ChunkBody::Usage(usage)) => match usage.unpack() {
                Ok(records) => Body::Usage(usage, records),
                Err(error) => Body::Unreadable(error.to_string(), chunk.payload),
            },
            Ok(ChunkBody::Gaps(gaps)) => Body::Gaps(gaps),
            Ok(ChunkBody::Proofs(proofs)) => Body::Proofs(proofs),
            Err(ChunkError::Codec(error)) => Body::Unreadable(error.to_string(), chunk.payload),
            Err(error) => return Err(error),
        };
        Ok(Self { lane: Arc::clone(lane), epoch: chunk.epoch, first: chunk.first, seq: chunk.seq, body })
    }

    fn place(&self, applied: u64) -> Place {
        let chunk = SpooledChunk { epoch: self.epoch, first: self.first, seq: self.seq, crc: 0, payload: Vec::new() };
        chunk.place(applied)
    }

    /// The highest line number that it names.
    fn last_line(&self) -> Option<LineNo> {
        match &self.body {
            Body::Usage(_, records) => records.iter().map(|r| r.line).max(),
            Body::Gaps(gaps) => gaps.iter().filter_map(|gap| gap.line).max(),
            Body::Proofs(proofs) => proofs.iter().map(|proof| proof.line).max(),
            Body::Unreadable(..) => None,
        }
    }

    fn proofs(&self) -> usize {
        if let Body::Proofs(proofs) = &self.body { proofs.len() } else { 0 }
    }

    fn source(&self) -> Source {
        Source {
            agent: self.lane.agent,
            pop: self.lane.pop,
            branch: self.lane.branch,
            epoch: self.epoch,
            seq: self.seq,
        }
    }
}

/// What came of a lane's part of a batch.
#[derive(Debug, Default)]
struct Outcome {
    /// Last applied seq of each epoch that was spoken of.
    acks: BTreeMap<u64, u64>,
    duplicates: u64,
    hole: bool,
    counts: Counts,
}

#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    chunks: u64,
    records: u64,
    unknown: u64,
    wrong: u64,
    quarantined: u64,
}

/// Why a batch was not committed.
enum Failure {
    /// Another controller has moved a mark meanwhile: read everything again.
    Overtaken,
    Fault(Fault),
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Fault(error.into())
    }
}

/// The worker.
pub struct Worker {
    app: App,
    queue: Receiver<Item>,
    names: BTreeMap<PopId, LineNames>,
}

impl Worker {
    /// A worker that takes from this queue.
    #[must_use]
    pub fn new(app: App, queue: Receiver<Item>) -> Self {
        Self { app, queue, names: BTreeMap::new() }
    }

    /// Runs until every sender is gone.
    pub async fn run(mut self) {
        let mut waiting = Vec::with_capacity(BATCH);
        while self.queue.recv_many(&mut waiting, BATCH).await > 0 {
            let lanes = by_lane(std::mem::take(&mut waiting));
            self.take_in(lanes).await;
        }
    }

    /// Commits all lanes together; when that fails, each by itself, so that one cannot stop the others.
    async fn take_in(&mut self, lanes: Vec<Vec<Item>>) {
        if self.commit_and_answer(&lanes).await.is_ok() {
            return;
        }
        for lane in &lanes {
            let alone = std::slice::from_ref(lane);
            let again = if lanes.len() > 1 { self.commit_and_answer(alone).await } else { Err(()) };
            if again.is_err()
                && let Some(item) = lane.first()
            {
                answer(&item.lane, Input::Close(Close::Busy));
            }
        }
    }

    async fn commit_and_answer(&mut self, lanes: &[Vec<Item>]) -> Result<(), ()> {
        let started = self.app.clock.mono_ms();
        for _ in 0..TRIES {
            match self.commit(lanes).await {
                Ok(outcomes) => {
                    crash_point("controller.ingest.after_commit");
                    let took = self.app.clock.mono_ms().saturating_sub(started);
                    report(lanes, &outcomes, took);
                    return Ok(());
                }
                Err(Failure::Overtaken) => {}
                Err(Failure::Fault(fault)) => {
                    // What was read meanwhile may be of rows that never came to be.
                    self.names.clear();
                    let cause = std::error::Error::source(&fault).map(ToString::to_string);
                    tracing::error!(%fault, cause, lanes = lanes.len(), "usage cannot be stored; agents keep it and send it again");
                    return Err(());
                }
            }
        }
        tracing::warn!(lanes = lanes.len(), "usage of an agent is being taken in elsewhere; its connection is closed");
        Err(())
    }

    async fn commit(&mut self, lanes: &[Vec<Item>]) -> Result<Vec<Outcome>, Failure> {
        // The scope of each row is that of its agent's own row; a batch may hold agents of several branches.
        let mut tx = self.app.db.begin(&Scope::All).await?;
        let mut outcomes = Vec::with_capacity(lanes.len());
        for lane in lanes {
            outcomes.push(self.apply(&mut tx, lane).await?);
        }
        tx.commit().await?;
        Ok(outcomes)
    }

    async fn apply(&mut self, tx: &mut Tx, items: &[Item]) -> Result<Outcome, Failure> {
        let mut outcome = Outcome::default();
        let Some(lane) = items.first().map(|item| Arc::clone(&item.lane)) else { return Ok(outcome) };
        let names = self.names.entry(lane.pop).or_default();
        let last = items.iter().filter_map(Item::last_line).max();
        if last.is_some_and(|last| last.0 >= names.end()) {
            names.refresh(tx, lane.pop).await?;
        }
        let stored = usage::marks(tx, lane.agent).await?;
        let mut marks = stored.clone();
        let mut intake = Intake::new(&lane.time_zone);
        let one_by_one = items.iter().map(Item::proofs).sum::<usize>() <= network::ANNOUNCED_MAX;
        for item in items {
            let mark = marks.entry(item.epoch).or_insert(0);
            match item.place(*mark) {
                Place::Duplicate => outcome.duplicates += 1,
                Place::Next => {
                    *mark = item.seq;
                    outcome.counts.chunks += 1;
                    store(tx, names, &mut intake, item, one_by_one, &mut outcome.counts).await?;
                }
                Place::Hole => {
                    tracing::error!(agent = %lane.agent, epoch = item.epoch, seq = item.seq, applied = *mark, "a chunk is missing before this one");
                    outcome.hole = true;
                    break;
                }
            }
            outcome.acks.insert(item.epoch, *mark);
        }
        for (epoch, seq) in marks {
            let before = stored.get(&epoch).copied().unwrap_or(0);
            let at = Source { agent: lane.agent, pop: lane.pop, branch: lane.branch, epoch, seq };
            if seq != before && !usage::move_mark(tx, at, before).await? {
                return Err(Failure::Overtaken);
            }
        }
        let taken = intake.finish(tx, names, lane.branch).await?;
        outcome.counts.records += taken.records;
        outcome.counts.unknown += taken.unknown;
        outcome.counts.wrong += taken.wrong;
        Ok(outcome)
    }
}

async fn store(
    tx: &mut Tx,
    names: &LineNames,
    intake: &mut Intake,
    item: &Item,
    one_by_one: bool,
    counts: &mut Counts,
) -> Result<(), Fault> {
    let from = item.source();
    match &item.body {
        Body::Usage(chunk, records) => intake.usage(tx, names, from, chunk.clone(), records).await,
        Body::Gaps(gaps) => intake.gaps(tx, names, from, gaps).await,
        Body::Proofs(proofs) => {
            let from = network::Source {
                agent: from.agent,
                pop: from.pop,
                branch: from.branch,
                epoch: from.epoch,
                seq: from.seq,
            };
            counts.unknown += network::apply_proofs(tx, names, from, proofs, one_by_one).await?;
            Ok(())
        }
        Body::Unreadable(reason, payload) => {
            counts.quarantined += 1;
            usage::quarantine(tx, from, reason, payload.clone()).await
        }
    }
}

/// Chunks of each connection together, in the order in which they came.
fn by_lane(items: Vec<Item>) -> Vec<Vec<Item>> {
    let mut lanes: Vec<Vec<Item>> = Vec::new();
    for item in items {
        let own = lanes.iter_mut().find(|lane| lane.first().is_some_and(|first| Arc::ptr_eq(&first.lane, &item.lane)));
        match own {
            Some(lane) => lane.push(item),
            None => lanes.push(vec![item]),
        }
    }
    lanes
}

/// Acknowledges, and says what came of the batch.
fn report(lanes: &[Vec<Item>], outcomes: &[Outcome], took_ms: u64) {
    let mut all = Counts::default();
    let mut duplicates = 0;
    for (items, outcome) in lanes.iter().zip(outcomes) {
        let Some(lane) = items.first().map(|item| &item.lane) else { continue };
        for (epoch, seq) in &outcome.acks {
            answer(lane, Input::Committed(Ack { epoch: *epoch, seq: *seq }));
        }
        if outcome.hole {
            answer(lane, Input::Close(Close::Hole));
        }
        let counts = outcome.counts;
        if counts.unknown > 0 || counts.wrong > 0 || counts.quarantined > 0 {
            tracing::warn!(
                agent = %lane.agent, pop = %lane.pop, unknown_lines = counts.unknown, wrong_records = counts.wrong,
                quarantined = counts.quarantined, "an agent sent what belongs to no line or makes no sense; kept, but in no total"
            );
        }
        all.chunks += counts.chunks;
        all.records += counts.records;
        all.unknown += counts.unknown;
        all.wrong += counts.wrong;
        all.quarantined += counts.quarantined;
        duplicates += outcome.duplicates;
    }
    metrics::counter!("lastmile_ingest_batches_total").increment(1);
    metrics::counter!("lastmile_ingest_chunks_total").increment(all.chunks);
    metrics::counter!("lastmile_ingest_records_total").increment(all.records);
    metrics::counter!("lastmile_ingest_duplicates_total").increment(duplicates);
    metrics::counter!("lastmile_ingest_unknown_lines_total").increment(all.unknown);
    metrics::counter!("lastmile_ingest_wrong_records_total").increment(all.wrong);
    metrics::counter!("lastmile_ingest_quarantined_total").increment(all.quarantined);
    #[expect(clippy::cast_precision_loss, reason = "a time for a histogram")]
    metrics::histogram!("lastmile_ingest_seconds").record(took_ms as f64 / 1_000.0);
}

/// Tells a connection. One that does not take its acknowledgements is cut: the agent sends again what it does not know
/// to be acknowledged.
fn answer(lane: &Lane, input: Input) {
    if let Err(tokio::sync::mpsc::error::TrySendError::Full(_)) = lane.inbox.try_send(input) {
        tracing::warn!(agent = %lane.agent, "an agent does not take its acknowledgements; its connection is cut");
        lane.connection.close(Close::Busy.code().number().into(), Close::Busy.reason().as_bytes());
    }
}
