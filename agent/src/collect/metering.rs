//! The meter of one router and the spool behind it.
//!
//! When the spool refuses an entry, nothing is kept in memory: the meter goes back to the baselines that are on
//! disk. The octets are still in the router's counters, and are counted with the next reading.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use lastmile_protocol::ids::{LineNo, RouterId};
use lastmile_protocol::uplink::LineRate;

use crate::core::desired::DesiredState;
use crate::core::journal::{Entry, Journal, JournalError};
use crate::core::meter::{Effect, Input, Meter, Moment, Reading};
use crate::device::{Count, Counts, Names};

/// The journal as several tasks write it. An append that was begun ends, even when the task that waits for it is
/// aborted; whoever reads baselines afterwards waits for it.
#[derive(Clone)]
pub(super) struct SharedJournal {
    journal: Arc<Mutex<dyn Journal>>,
    gate: Arc<tokio::sync::Mutex<()>>,
}

impl SharedJournal {
    pub(super) fn new(journal: Arc<Mutex<dyn Journal>>) -> Self {
        Self { journal, gate: Arc::default() }
    }

    /// Keeps an entry, off the threads that wait for sockets.
    pub(super) async fn keep(&self, entry: Entry) -> Result<(), JournalError> {
        if entry.is_empty() {
            return Ok(());
        }
        self.blocking(move |journal| journal.append(entry)).await
    }

    /// Waits for an append that was begun.
    pub(super) async fn idle(&self) {
        drop(self.gate.lock().await);
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Journal) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, JournalError> {
        let journal = Arc::clone(&self.journal);
        let gate = Arc::clone(&self.gate).lock_owned().await;
        let task = tokio::task::spawn_blocking(move || {
            let mut journal = journal.lock().unwrap_or_else(PoisonError::into_inner);
            let result = work(&mut *journal);
            drop(gate);
            result
        });
        task.await.unwrap_or_else(|error| Err(JournalError { reason: error.to_string() }))
    }
}

/// The lines of one router and their meter.
pub(super) struct Metering {
    router: RouterId,
    journal: SharedJournal,
    plan: (u64, i64),
    /// `None` until the baselines were read, and while an entry is being kept: a task that is aborted there leaves
    /// nothing half done.
    meter: Option<Meter>,
    /// Baselines of lines that no desired state had yet.
    kept: BTreeMap<LineNo, Vec<u8>>,
}

impl Metering {
    pub(super) fn new(router: RouterId, journal: SharedJournal, line_rate_bps: u64, interval_seconds: u16) -> Self {
        let interval_ms = i64::from(interval_seconds.max(1)) * 1_000;
        Self { router, journal, plan: (line_rate_bps, interval_ms), meter: None, kept: BTreeMap::new() }
    }

    /// The meter, out of its place; [`Metering::settle`] puts it back.
    async fn take(&mut self) -> Result<Meter, JournalError> {
        if let Some(meter) = self.meter.take() {
            return Ok(meter);
        }
        self.kept = self.journal.blocking(|journal| journal.load_baselines()).await?.into_iter().collect();
        let mut meter = Meter::new(Some(self.router));
        let (line_rate_bps, interval_ms) = self.plan;
        meter.handle(Input::Plan { line_rate_bps, interval_ms }, &mut Vec::new());
        Ok(meter)
    }

    fn learn(&mut self, meter: &mut Meter, desired: &DesiredState, at: Moment, effects: &mut Vec<Effect>) {
        for line in desired.lines.values().filter(|line| line.router == self.router) {
            if meter.knows(line.no) {
                continue;
            }
            if let Some(bytes) = self.kept.remove(&line.no) {
                meter.handle(Input::Restore(line.no, bytes), effects);
            }
            meter.handle(Input::Known(line.no, at), effects);
        }
    }

    /// Makes lines of this router known, before anything is done for them on it: a session that begins
    /// afterwards is counted from its first octet.
    pub(super) async fn know(&mut self, desired: &DesiredState, at: Moment) -> Result<(), JournalError> {
        let mut meter = self.take().await?;
        let mut effects = Vec::new();
        self.learn(&mut meter, desired, at, &mut effects);
        self.settle(meter, effects).await.map(|_| ())
    }

    /// Takes one complete reading: usage to the spool, rates back.
    pub(super) async fn whole(
        &mut self,
        desired: &DesiredState,
        names: &Names,
        counts: &Counts,
        (begun, done): (Moment, Moment),
        connection: u64,
    ) -> Result<Vec<LineRate>, JournalError> {
        let mut meter = self.take().await?;
        let mut effects = Vec::new();
        self.learn(&mut meter, desired, begun, &mut effects);
        let rows = counts.rows.iter().map(|row| (row.line, *row)).collect::<BTreeMap<_, _>>();
        for row in rows.values() {
            meter.handle(reading(row, begun, connection), &mut effects);
        }
        for (_, no) in names.iter().filter(|(_, no)| !rows.contains_key(no)) {
            meter.handle(Input::Gone(no, done), &mut effects);
        }
        let ours = |no: &LineNo| desired.lines.get(no).is_some_and(|line| line.router == self.router);
        let gone = meter.lines().filter(|no| !ours(no)).collect::<Vec<_>>();
        for no in gone {
            meter.handle(Input::Forget(no, done), &mut effects);
        }
        // A line that moved to another router has its baseline there.
        effects.retain(|effect| !matches!(effect, Effect::Baseline(no, None) if desired.lines.contains_key(no)));
        self.settle(meter, effects).await.map(|rates| online(rates, &rows))
    }

    /// Whether all of these lines are counted; one that is not needs a whole reading first.
    pub(super) fn counts_all(&self, rows: &[Count]) -> bool {
        self.meter.as_ref().is_none_or(|meter| rows.iter().all(|row| meter.counts(row.line)))
    }

    /// Takes a reading of a few lines. Those that are not counted yet wait for a whole one, unless it is the last
    /// look before their sessions are ended: then no other comes.
    pub(super) async fn few(
        &mut self,
        counts: &[Count],
        begun: Moment,
        connection: u64,
        last: bool,
    ) -> Result<Vec<LineRate>, JournalError> {
        let mut meter = self.take().await?;
        let mut effects = Vec::new();
        for row in counts {
            // A line's first reading has to tell whether the session is older than the line, and this one cannot.
            if last || meter.counts(row.line) {
                meter.handle(reading(row, begun, connection), &mut effects);
            }
        }
        let rows = counts.iter().map(|row| (row.line, *row)).collect();
        self.settle(meter, effects).await.map(|rates| online(rates, &rows))
    }

    /// The sessions of these lines were ended and seen gone.
    pub(super) async fn ended(&mut self, lines: &BTreeSet<LineNo>, at: Moment) -> Result<Vec<LineRate>, JournalError> {
        let mut meter = self.take().await?;
        let mut effects = Vec::new();
        for no in lines {
            meter.handle(Input::Gone(*no, at), &mut effects);
        }
        self.settle(meter, effects).await
    }

    async fn settle(&mut self, meter: Meter, effects: Vec<Effect>) -> Result<Vec<LineRate>, JournalError> {
        let mut entry = Entry::default();
        let mut rates = Vec::new();
        let mut baselines = BTreeMap::new();
        for effect in effects {
            match effect {
                Effect::Record(record) => entry.usage.push(record),
                Effect::Gap(gap) => entry.gaps.push(gap),
                Effect::Rate(rate) => rates.push(rate),
                // Of several of one line the last stands.
                Effect::Baseline(line, bytes) => drop(baselines.insert(line, bytes)),
            }
        }
        entry.baselines = baselines.into_iter().collect();
        self.journal.keep(entry).await?;
        self.meter = Some(meter);
        Ok(rates)
    }
}

fn reading(row: &Count, at: Moment, connection: u64) -> Input {
    let Count { line, key, uptime_ms, fresh, down, up, .. } = *row;
    Input::Reading(Reading { line, at, key, uptime_ms, fresh, connection, down, up })
}

/// An interface may be there and down.
fn online(mut rates: Vec<LineRate>, rows: &BTreeMap<LineNo, Count>) -> Vec<LineRate> {
    for rate in &mut rates {
        rate.online = rate.online && rows.get(&rate.line).is_some_and(|row| row.online);
    }
    rates
}
