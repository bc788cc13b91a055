//! The thread that owns the store, and the handle by which the others speak to it.
//!
//! Whatever waits when the thread comes round is taken together: all entries in one write with one fsync, and
//! of the acknowledgements only the newest.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;

use lastmile_protocol::ids::LineNo;
use lastmile_protocol::uplink::SpooledChunk;
use tokio::sync::{mpsc, oneshot, watch};

use crate::clock::Clock;
use crate::core::journal::{Entry, Journal, JournalError};
use crate::spool::recover::Paths;
use crate::spool::store::{Limits, SpoolState, Store, StoreError};

/// Requests that may wait; whoever asks for more waits itself.
const QUEUE: usize = 64;
/// Entries that one write takes at most.
const GROUP: usize = 32;

/// Where an answer goes.
type Reply<T> = oneshot::Sender<Result<T, JournalError>>;

enum Request {
    Append(Entry, Reply<()>),
    Ack { epoch: u64, seq: u64 },
    Read { from: u64, most: usize, reply: Reply<Vec<SpooledChunk>> },
    Renew { applied: u64, reply: Reply<()> },
    Baselines(Reply<Vec<(LineNo, Vec<u8>)>>),
}

/// A handle on the spool. Clones speak to the same thread; it ends when the last is gone.
#[derive(Clone)]
pub struct Spool {
    requests: mpsc::Sender<Request>,
    state: watch::Receiver<Arc<SpoolState>>,
}

/// Opens the spool and starts its thread. Join the thread after the last handle is gone: it closes the store.
///
/// # Errors
/// When another process uses the spool, or no thread can be had.
pub fn start(paths: Paths, limits: Limits, clock: Arc<dyn Clock>) -> Result<(Spool, JoinHandle<()>), StoreError> {
    let store = Store::open(paths, limits, clock.wall_ms())?;
    let (requests, incoming) = mpsc::channel(QUEUE);
    let (publish, state) = watch::channel(Arc::new(store.state()));
    let thread = std::thread::Builder::new()
        .name("spool".into())
        .spawn(move || Worker { store, incoming, publish, clock }.run())
        .map_err(|e| StoreError::Away { reason: e.to_string() })?;
    Ok((Spool { requests, state }, thread))
}

impl Spool {
    /// The newest state, and a way to wait for the next.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<Arc<SpoolState>> {
        self.state.clone()
    }

    /// Says that the controller has everything up to `seq`. Recorded soon; not waited for.
    pub async fn ack(&self, epoch: u64, seq: u64) {
        let _ = self.requests.send(Request::Ack { epoch, seq }).await;
    }

    /// Chunks from position `from` on, at most `most`.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn read(&self, from: u64, most: usize) -> Result<Vec<SpooledChunk>, JournalError> {
        let (reply, answer) = oneshot::channel();
        self.ask(Request::Read { from, most, reply }, answer).await
    }

    /// See [`Store::renew`].
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn renew(&self, applied: u64) -> Result<(), JournalError> {
        let (reply, answer) = oneshot::channel();
        self.ask(Request::Renew { applied, reply }, answer).await
    }

    async fn ask<T>(
        &self,
        request: Request,
        answer: oneshot::Receiver<Result<T, JournalError>>,
    ) -> Result<T, JournalError> {
        self.requests.send(request).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

fn gone() -> JournalError {
    JournalError { reason: "the spool is closed".into() }
}

fn in_words(error: &StoreError) -> JournalError {
    JournalError { reason: error.to_string() }
}

/// Blocks: call it where blocking is allowed.
impl Journal for Spool {
    fn append(&mut self, entry: Entry) -> Result<(), JournalError> {
        let (reply, answer) = oneshot::channel();
        self.requests.blocking_send(Request::Append(entry, reply)).map_err(|_| gone())?;
        answer.blocking_recv().map_err(|_| gone())?
    }

    fn load_baselines(&self) -> Result<Vec<(LineNo, Vec<u8>)>, JournalError> {
        let (reply, answer) = oneshot::channel();
        self.requests.blocking_send(Request::Baselines(reply)).map_err(|_| gone())?;
        answer.blocking_recv().map_err(|_| gone())?
    }
}

struct Worker {
    store: Store,
    incoming: mpsc::Receiver<Request>,
    publish: watch::Sender<Arc<SpoolState>>,
    clock: Arc<dyn Clock>,
}

impl Worker {
    fn run(mut self) {
        while let Some(first) = self.incoming.blocking_recv() {
            let mut requests = vec![first];
            while requests.len() < GROUP
                && let Ok(next) = self.incoming.try_recv()
            {
                requests.push(next);
            }
            // The store may panic on damage: whoever asked hears an error, and the store is opened again.
            if catch_unwind(AssertUnwindSafe(|| self.serve(requests))).is_err() {
                tracing::error!("the spool panicked; opening it again");
                let _ = catch_unwind(AssertUnwindSafe(|| self.store.reopen(self.clock.wall_ms(), false)));
            }
            self.publish.send_replace(Arc::new(self.store.state()));
        }
    }

    fn serve(&mut self, requests: Vec<Request>) {
        let mut entries = Vec::new();
        let mut newest: Option<(u64, u64)> = None;
        let mut rest = Vec::new();
        for request in requests {
            match request {
                Request::Append(entry, reply) => entries.push((entry, reply)),
                Request::Ack { epoch, seq } => newest = newest.max(Some((epoch, seq))),
                other => rest.push(other),
            }
        }
        self.append(entries);
        if let Some((epoch, seq)) = newest {
            self.ack(epoch, seq);
        }
        for request in rest {
            self.answer(request);
        }
    }

    fn append(&mut self, waiting: Vec<(Entry, Reply<()>)>) {
        if waiting.is_empty() {
            return;
        }
        let entries: Vec<&Entry> = waiting.iter().map(|(entry, _)| entry).collect();
        let outcome = self.store.append(&entries, self.clock.wall_ms());
        if let Err(error) = &outcome {
            tracing::error!(%error, entries = entries.len(), "the spool did not keep what was handed to it");
        }
        // The newest state is there before anybody who waits goes on.
        self.publish.send_replace(Arc::new(self.store.state()));
        for (_, reply) in waiting {
            let _ = reply.send(match &outcome {
                Ok(()) => Ok(()),
                Err(error) => Err(in_words(error)),
            });
        }
    }

    fn ack(&mut self, epoch: u64, seq: u64) {
        if let Err(error) = self.store.ack(epoch, seq, self.clock.wall_ms()) {
            tracing::warn!(%error, epoch, seq, "an acknowledgement could not be recorded; it will be given again");
        }
    }

    fn answer(&mut self, request: Request) {
        let now_ms = self.clock.wall_ms();
        match request {
            Request::Read { from, most, reply } => {
                let _ = reply.send(self.store.read(from, most, now_ms).map_err(|e| in_words(&e)));
            }
            Request::Renew { applied, reply } => {
                let _ = reply.send(self.store.renew(applied, now_ms).map_err(|e| in_words(&e)));
            }
            Request::Baselines(reply) => {
                let _ = reply.send(self.store.baselines().map_err(|e| in_words(&e)));
            }
            Request::Append(..) | Request::Ack { .. } => {}
        }
    }
}
