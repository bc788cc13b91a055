//! Taking chunks in: records are kept as they came, and added up by line and day over the whole batch, so that a
//! batch costs one statement for its totals however many records it has.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use lastmile_protocol::ids::{AgentId, BranchId, LineId, LineNo, PopId};
use lastmile_protocol::uplink::{Gap, UsageChunk, UsageRecord};

use super::rules::Days;
use super::store;
use crate::db::Tx;
use crate::domains::network::LineNames;
use crate::kernel::Fault;

/// The most octets that one record is believed to carry: 400 Gbit/s for more than five hours.
const OCTETS_MAX: u64 = 1 << 50;

/// Where a chunk comes from: all of it from the agent's row and the chunk's place, nothing from its content.
#[derive(Debug, Clone, Copy)]
pub struct Source {
    /// Who sent it.
    pub agent: AgentId,
    /// The POP that the agent's key opens.
    pub pop: PopId,
    /// Whose it is.
    pub branch: BranchId,
    /// Epoch of the spool.
    pub epoch: u64,
    /// Place in it.
    pub seq: u64,
}

/// What was taken in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taken {
    /// Usage records.
    pub records: u64,
    /// Of these, without a line of this POP: kept in their chunk, in no total.
    pub unknown: u64,
    /// Of these, with times or octets that make no sense: kept in their chunk, in no total.
    pub wrong: u64,
    /// Gaps.
    pub gaps: u64,
}

/// Chunks of one POP that are taken in by one transaction.
#[derive(Debug)]
pub struct Intake {
    days: Days,
    totals: BTreeMap<(LineNo, i64), Octets>,
    taken: Taken,
}

#[derive(Debug, Clone, Copy, Default)]
struct Octets {
    down: u64,
    up: u64,
}

impl Intake {
    /// An intake for a POP whose branch has this time zone. An unknown zone counts in UTC.
    #[must_use]
    pub fn new(time_zone: &str) -> Self {
        let zone = TimeZone::get(time_zone).unwrap_or_else(|_| {
            tracing::error!(time_zone, "unknown time zone of a branch; its usage is counted in days of UTC");
            TimeZone::UTC
        });
        Self { days: Days::new(zone), totals: BTreeMap::new(), taken: Taken::default() }
    }

    /// Keeps a chunk of usage. `records` are its records, unpacked.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn usage(
        &mut self,
        tx: &mut Tx,
        names: &LineNames,
        from: Source,
        chunk: UsageChunk,
        records: &[UsageRecord],
    ) -> Result<(), Fault> {
        for record in records {
            self.add(names, record);
        }
        store::chunks::insert(tx, from, chunk, records).await
    }

    fn add(&mut self, names: &LineNames, record: &UsageRecord) {
        self.taken.records += 1;
        if names.get(record.line).is_none() {
            self.taken.unknown += 1;
            return;
        }
        if record.down_octets > OCTETS_MAX || record.up_octets > OCTETS_MAX {
            self.taken.wrong += 1;
            return;
        }
        let (totals, line) = (&mut self.totals, record.line);
        let split = self.days.split(record.start_ms, record.end_ms, record.down_octets, record.up_octets, |share| {
            let sum = totals.entry((line, share.day)).or_default();
            sum.down = sum.down.saturating_add(share.down_octets);
            sum.up = sum.up.saturating_add(share.up_octets);
        });
        if split.is_err() {
            self.taken.wrong += 1;
        }
    }

    /// Keeps gaps; those of unknown lines are counted and left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn gaps(&mut self, tx: &mut Tx, names: &LineNames, from: Source, gaps: &[Gap]) -> Result<(), Fault> {
        for (part, gap) in (0i64..).zip(gaps) {
            let line = gap.line.map(|no| names.get(no));
            self.taken.gaps += 1;
            match line {
                Some(None) => self.taken.unknown += 1,
                Some(Some(line)) => store::gaps::insert(tx, from, part, Some(line), gap).await?,
                None => store::gaps::insert(tx, from, part, None, gap).await?,
            }
        }
        Ok(())
    }

    /// Writes the totals of everything that was taken in.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn finish(self, tx: &mut Tx, names: &LineNames, branch: BranchId) -> Result<Taken, Fault> {
        // In order of line id, so that two writers on PostgreSQL cannot lock each other out.
        let mut rows: Vec<(LineId, i64, u64, u64)> = self
            .totals
            .into_iter()
            .filter_map(|((no, day), sum)| Some((names.get(no)?, day, sum.down, sum.up)))
            .collect();
        rows.sort_unstable();
        store::days::add(tx, branch, &rows).await?;
        Ok(self.taken)
    }
}

/// Keeps one chunk of usage with its totals.
///
/// # Errors
/// When the database fails.
pub async fn append(
    tx: &mut Tx,
    names: &LineNames,
    time_zone: &str,
    from: Source,
    chunk: UsageChunk,
    records: &[UsageRecord],
) -> Result<Taken, Fault> {
    let mut intake = Intake::new(time_zone);
    intake.usage(tx, names, from, chunk, records).await?;
    intake.finish(tx, names, from.branch).await
}

/// How far each epoch of an agent's spool is applied: (epoch, last applied seq), oldest first.
///
/// # Errors
/// When the database fails.
pub async fn marks(tx: &mut Tx, agent: AgentId) -> Result<BTreeMap<u64, u64>, Fault> {
    store::marks::list(tx, agent).await
}

/// Moves the mark of an epoch from what [`marks`] said to a later place; false when it stands elsewhere by now, and
/// nothing of the transaction may be kept then.
///
/// # Errors
/// When the database fails.
pub async fn move_mark(tx: &mut Tx, at: Source, before: u64) -> Result<bool, Fault> {
    store::marks::move_to(tx, at, before).await
}

/// Keeps a chunk that makes no sense to this version as it is.
///
/// # Errors
/// When the database fails.
pub async fn quarantine(tx: &mut Tx, from: Source, reason: &str, payload: Vec<u8>) -> Result<(), Fault> {
    store::chunks::quarantine(tx, from, reason, payload).await
}
