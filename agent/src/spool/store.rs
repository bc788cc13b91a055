//! The store itself, without threads: append, acknowledge, read, keep the cap.
//!
//! An append is one batch (chunks and baselines), flushed, then fsynced on a handle of our own (the store's
//! flush is not an fsync), then the mark. Only when the mark is on disk may a chunk be sent: so no position
//! that was ever sent is used again for something else.

use std::fs::File;
use std::io;

use lastmile_protocol::codec::{self, CodecError};
use lastmile_protocol::ids::LineNo;
use lastmile_protocol::uplink::{
    ChunkBody, Gap, GapCause, SpooledChunk, crc, gap_payloads, proof_payloads, usage_payloads,
};

use crate::core::journal::Entry;
use crate::crash::crash_point;
use crate::spool::ballast;
use crate::spool::mark::{Mark, MarkFile};
use crate::spool::recover::{self, Opening, Paths, bytes_of, chunk_around};
use crate::spool::value::{
    BASELINES, CHUNKS, Head, Stored, Sums, baseline_key, chunk_key, chunk_of, decode_baseline, encode_baseline,
};

/// Acknowledged chunks are kept this long, so that a controller restored from a backup can ask again.
const KEEP_ACKED_MS: i64 = 72 * 3_600_000;
/// Chunks that one step of tidying removes at most.
const TIDY: usize = 1_024;

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has it open.
    #[error("another lastmile-agent uses this data folder")]
    Locked,
    /// No room on the disk.
    #[error("the disk is full")]
    Full,
    /// The disk does not let it be opened or written.
    #[error("the spool cannot be used: {reason}")]
    Away {
        /// In words.
        reason: String,
    },
    /// It is not what was written.
    #[error("the spool is damaged: {reason}")]
    Damaged {
        /// In words.
        reason: String,
    },
    /// An entry cannot be encoded.
    #[error(transparent)]
    Codec(#[from] CodecError),
}

impl StoreError {
    pub(super) fn damaged(reason: &str) -> Self {
        Self::Damaged { reason: reason.to_owned() }
    }

    pub(super) fn of_io(error: &io::Error) -> Self {
        use io::ErrorKind::{NotFound, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        let reason = error.to_string();
        match error.kind() {
            StorageFull | QuotaExceeded => Self::Full,
            NotFound | PermissionDenied | ReadOnlyFilesystem => Self::Away { reason },
            _ if reason.contains("No space left") || reason.contains("StorageFull") => Self::Full,
            _ if reason.contains("could not acquire lock") => Self::Locked,
            _ if reason.contains("Too many open files") => Self::Away { reason },
            _ => Self::Damaged { reason },
        }
    }

    pub(super) fn of_sled(error: sled::Error) -> Self {
        match error {
            sled::Error::Io(error) => Self::of_io(&error),
            other => Self::Damaged { reason: other.to_string() },
        }
    }
}

/// Bounds of the spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes on disk that it may take.
    pub cap_bytes: u64,
    /// Bytes of the ballast.
    pub ballast_bytes: u64,
}

impl Limits {
    /// Bytes of keys and values that fit under the cap at first: the store's file is mostly 1.6 times as large.
    fn content(&self) -> u64 {
        self.cap_bytes / 8 * 5
    }

    /// The least that is kept however badly the store uses its file.
    fn least(&self) -> u64 {
        self.cap_bytes / 8
    }
}

/// What the spool says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct SpoolState {
    /// Life of the spool.
    pub epoch: u64,
    /// First position that is kept.
    pub first: u64,
    /// Highest fsynced position.
    pub last: u64,
    /// Highest acknowledged position.
    pub acked: u64,
    /// Usage records that are not acknowledged.
    pub records: u64,
    /// Octets towards customers in them.
    pub down_octets: u64,
    /// Octets from customers in them.
    pub up_octets: u64,
    /// When the oldest of them was written, milliseconds since 1970 UTC; 0 when none.
    pub oldest_ms: i64,
    /// Bytes on disk.
    pub bytes: u64,
    /// Bytes on disk that it may take.
    pub cap_bytes: u64,
    /// Chunks dropped since the agent started.
    pub dropped: u64,
    /// What is wrong with it, in words; empty when nothing.
    pub trouble: String,
}

impl SpoolState {
    /// Chunks that are not acknowledged.
    #[must_use]
    pub fn chunks(&self) -> u64 {
        self.last.saturating_sub(self.acked)
    }
}

struct Open {
    db: sled::Db,
    file: File,
    mark_file: MarkFile,
}

/// The spool on disk.
pub struct Store {
    paths: Paths,
    limits: Limits,
    open: Option<Open>,
    mark: Mark,
    /// First position that is kept.
    first: u64,
    /// Highest position that an append tried to write.
    attempted: u64,
    /// Last position when this process opened the spool.
    at_start: u64,
    /// Bytes of keys and values, and how many there may be.
    bytes: u64,
    content: u64,
    /// The store's file never shrinks; its length when it was last looked at.
    file_bytes: u64,
    oldest_ms: i64,
    dropped: u64,
    /// The disk was full, and nothing has changed since.
    tight: bool,
    trouble: String,
}

impl Store {
    /// Opens the spool. If the disk does not let it be opened, it is tried again at the next append.
    ///
    /// # Errors
    /// Only when another process uses it.
    pub fn open(paths: Paths, limits: Limits, now_ms: i64) -> Result<Self, StoreError> {
        let mut store = Self {
            paths,
            limits,
            open: None,
            mark: Mark::default(),
            first: 1,
            attempted: 0,
            at_start: 0,
            bytes: 0,
            content: limits.content(),
            file_bytes: 0,
            oldest_ms: 0,
            dropped: 0,
            tight: false,
            trouble: String::new(),
        };
        match store.reopen(now_ms, true) {
            Err(StoreError::Locked) => Err(StoreError::Locked),
            Err(error) => {
                tracing::error!(%error, "the spool cannot be opened; the agent goes on without it and tries again");
                Ok(store)
            }
            Ok(()) => Ok(store),
        }
    }

    /// Closes what is open and opens it again, recovering what can be recovered.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn reopen(&mut self, now_ms: i64, adopt: bool) -> Result<(), StoreError> {
        self.open = None;
        // What was never open in this process holds nothing that is being retried.
        let adopt = adopt || self.mark.epoch == 0;
        let opening = Opening { now_ms, adopt, ballast_bytes: self.limits.ballast_bytes };
        match recover::open(&self.paths, opening) {
            Ok(opened) => {
                if adopt {
                    self.at_start = opened.mark.last;
                } else if self.mark.epoch != opened.mark.epoch {
                    self.at_start = 0;
                }
                self.mark = opened.mark;
                self.first = opened.first;
                self.attempted = opened.attempted;
                self.bytes = opened.bytes;
                self.trouble = opened.note;
                self.open = Some(Open { db: opened.db, file: opened.file, mark_file: opened.mark_file });
                self.look_for_oldest();
                Ok(())
            }
            Err(error) => {
                self.trouble = error.to_string();
                Err(error)
            }
        }
    }

    /// What the spool says of itself.
    #[must_use]
    pub fn state(&self) -> SpoolState {
        let waiting = self.mark.last_sums.since(self.mark.acked_sums);
        let waiting = if self.mark.last > self.mark.acked { waiting } else { Sums::default() };
        SpoolState {
            epoch: self.mark.epoch,
            first: self.first,
            last: self.mark.last,
            acked: self.mark.acked,
            records: waiting.records,
            down_octets: waiting.down,
            up_octets: waiting.up,
            oldest_ms: self.oldest_ms,
            bytes: self.file_length(),
            cap_bytes: self.limits.cap_bytes,
            dropped: self.dropped,
            trouble: self.trouble.clone(),
        }
    }

    fn file_length(&self) -> u64 {
        std::fs::metadata(self.paths.store_file()).map_or(0, |about| about.len())
    }

    /// Keeps the entries, all of them or none, on disk when this returns.
    ///
    /// # Errors
    /// When they are not on disk; trying again with the same entries keeps them once.
    pub fn append(&mut self, entries: &[&Entry], now_ms: i64) -> Result<(), StoreError> {
        if self.open.is_none() {
            self.reopen(now_ms, false)?;
        }
        if self.tight && !self.has_room_again() {
            return Err(StoreError::Full);
        }
        let outcome = match self.try_append(entries, now_ms) {
            Err(StoreError::Full) => self.append_on_full_disk(entries, now_ms),
            Err(StoreError::Damaged { reason }) => {
                tracing::error!(reason, "the spool failed while it was written; opening it again");
                self.reopen(now_ms, false).and_then(|()| self.try_append(entries, now_ms))
            }
            other => other,
        };
        match outcome {
            Ok(()) => {
                self.trouble.clear();
                crash_point("agent.spool.after_fsync");
                if let Err(error) = self.keep_cap(now_ms) {
                    tracing::warn!(%error, "the spool could not be kept under its cap");
                }
                Ok(())
            }
            Err(error) => {
                self.trouble = error.to_string();
                Err(error)
            }
        }
    }

    fn try_append(&mut self, entries: &[&Entry], now_ms: i64) -> Result<(), StoreError> {
        let chunks = self.chunks_of(entries, now_ms)?;
        self.commit(&chunks, entries)
    }

    fn chunks_of(&self, entries: &[&Entry], now_ms: i64) -> Result<Vec<Stored>, StoreError> {
        let mut payloads = Vec::new();
        for entry in entries {
            let span = span(entry, now_ms);
            let packed = usage_payloads(entry.usage.clone())?.into_iter();
            let packed = packed.chain(gap_payloads(&entry.gaps)?).chain(proof_payloads(entry.proofs.clone())?);
            payloads.extend(packed.map(|payload| (payload, span)));
        }
        let mut sums = self.mark.last_sums;
        let mut chunks = Vec::with_capacity(payloads.len());
        for ((payload, (start_ms, end_ms)), seq) in payloads.into_iter().zip(self.mark.last.saturating_add(1)..) {
            let own = held(&codec::decode(&payload)?);
            sums = sums.plus(own);
            let head = Head { payload_crc: crc(&payload), first: seq, at_ms: now_ms, start_ms, end_ms, own, sums };
            chunks.push(Stored { epoch: self.mark.epoch, seq, head, payload });
        }
        Ok(chunks)
    }

    fn commit(&mut self, chunks: &[Stored], entries: &[&Entry]) -> Result<(), StoreError> {
        let mut batch = sled::Batch::default();
        let mut bytes = 0;
        for chunk in chunks {
            let key = chunk_key(chunk.epoch, chunk.seq);
            let value = chunk.encode();
            bytes += bytes_of(&key, &value);
            batch.insert(&key, value);
        }
        let mut mark = self.mark;
        if let Some(last) = chunks.last() {
            (mark.last, mark.last_sums, mark.last_end_ms) = (last.seq, last.head.sums, last.head.end_ms);
        }
        // What an earlier, failed attempt left behind the new end must not be adopted after a restart.
        for stale in mark.last.saturating_add(1)..=self.attempted {
            batch.remove(&chunk_key(mark.epoch, stale));
        }
        for (line, baseline) in entries.iter().flat_map(|entry| &entry.baselines) {
            match baseline {
                Some(bytes) => batch.insert(&baseline_key(*line), encode_baseline(*line, bytes)),
                None => batch.remove(&baseline_key(*line)),
            }
        }
        self.attempted = self.attempted.max(mark.last);
        self.write(batch)?;
        self.write_mark(&mark)?;
        self.attempted = mark.last;
        self.bytes = self.bytes.saturating_add(bytes);
        if self.oldest_ms == 0 {
            self.oldest_ms = chunks.first().map_or(0, |chunk| chunk.head.at_ms);
        }
        Ok(())
    }

    fn db(&self) -> Result<&sled::Db, StoreError> {
        self.open.as_ref().map(|open| &open.db).ok_or_else(|| StoreError::Away { reason: self.trouble.clone() })
    }

    /// A batch, on disk when this returns.
    fn write(&self, batch: sled::Batch) -> Result<(), StoreError> {
        let open = self.open.as_ref().ok_or_else(|| StoreError::Away { reason: self.trouble.clone() })?;
        open.db.apply_batch(batch).map_err(StoreError::of_sled)?;
        open.db.flush().map_err(StoreError::of_sled)?;
        open.file.sync_data().map_err(|e| StoreError::of_io(&e))
    }

    fn write_mark(&mut self, mark: &Mark) -> Result<(), StoreError> {
        let open = self.open.as_mut().ok_or_else(|| StoreError::Away { reason: self.trouble.clone() })?;
        open.mark_file.write(mark).map_err(|e| StoreError::of_io(&e))?;
        self.mark = *mark;
        Ok(())
    }

    /// The disk is full: the ballast goes, then chunks that the controller has. What it does not have stays: the
    /// counters go on in the routers, so that refusing to append loses nothing, while the backlog can be drained.
    fn append_on_full_disk(&mut self, entries: &[&Entry], now_ms: i64) -> Result<(), StoreError> {
        let ballast = ballast::drop_it(&self.paths.ballast());
        tracing::warn!(ballast, "the disk is full");
        // A failed write leaves the store unusable until it is opened again.
        self.reopen(now_ms, false)?;
        let forgotten = self.forget_acked(i64::MAX, usize::MAX).unwrap_or(0);
        if ballast || forgotten > 0 {
            match self.try_append(entries, now_ms) {
                Err(StoreError::Full) => self.reopen(now_ms, false)?,
                other => return other,
            }
        }
        self.tight = true;
        Err(StoreError::Full)
    }

    /// Whether an append may be tried on a disk that was full: chunks could be forgotten, or the ballast fits again.
    fn has_room_again(&mut self) -> bool {
        let forgotten = self.forget_acked(i64::MAX, usize::MAX).unwrap_or(0);
        let half = self.limits.ballast_bytes / 2;
        self.tight = forgotten == 0 && !(half > 0 && ballast::lay(&self.paths.ballast(), half).unwrap_or(false));
        !self.tight
    }

    /// Takes an acknowledgement. Whether it moved the mark.
    ///
    /// # Errors
    /// When the mark cannot be written: the controller says it again after the next hello.
    pub fn ack(&mut self, epoch: u64, seq: u64, now_ms: i64) -> Result<bool, StoreError> {
        if epoch != self.mark.epoch || seq <= self.mark.acked || seq > self.mark.last {
            return Ok(false);
        }
        let mut mark = self.mark;
        mark.acked = seq;
        match self.chunk_at_or_after(seq)? {
            Some(chunk) if chunk.seq == seq => {
                (mark.acked_sums, mark.acked_end_ms) = (chunk.head.sums, chunk.head.end_ms)
            }
            Some(chunk) => (mark.acked_sums, mark.acked_end_ms) = (chunk.head.before(), chunk.head.start_ms),
            None => (mark.acked_sums, mark.acked_end_ms) = (mark.last_sums, mark.last_end_ms),
        }
        crash_point("agent.ack.before_record");
        self.write_mark(&mark)?;
        self.look_for_oldest();
        self.forget_acked(now_ms.saturating_sub(KEEP_ACKED_MS), TIDY)?;
        Ok(true)
    }

    fn chunk_at_or_after(&self, seq: u64) -> Result<Option<Stored>, StoreError> {
        let epoch = self.mark.epoch;
        let range = chunk_key(epoch, seq)..=chunk_key(epoch, u64::MAX);
        let Some(entry) = self.db()?.range(range).next() else { return Ok(None) };
        let (key, value) = entry.map_err(StoreError::of_sled)?;
        Ok(chunk_of(&key).and_then(|(epoch, seq)| Stored::decode(epoch, seq, &value)))
    }

    fn look_for_oldest(&mut self) {
        let oldest =
            if self.mark.last > self.mark.acked { self.chunk_at_or_after(self.mark.acked + 1) } else { Ok(None) };
        self.oldest_ms = oldest.ok().flatten().map_or(0, |chunk| chunk.head.at_ms);
    }

    /// Chunks from position `from` on, at most `most`, for sending. A damaged one is replaced by a gap first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn read(&mut self, from: u64, most: usize, now_ms: i64) -> Result<Vec<SpooledChunk>, StoreError> {
        let mut out = Vec::with_capacity(most);
        let mut next = from;
        while out.len() < most && next <= self.mark.last {
            let chunk = match self.chunk_at_or_after(next)? {
                Some(chunk) if chunk.seq > self.mark.last => self.replace_damaged(next, now_ms)?,
                Some(chunk) if chunk.head.first <= next => chunk,
                Some(chunk) if next < self.first => {
                    self.forgotten(next, chunk.head.first - 1, chunk.head.before(), chunk.head.start_ms, now_ms)?
                }
                None if next < self.first => {
                    self.forgotten(next, self.mark.last, self.mark.last_sums, self.mark.last_end_ms, now_ms)?
                }
                _ => self.replace_damaged(next, now_ms)?,
            };
            next = chunk.seq.saturating_add(1);
            out.push(chunk.into_wire());
        }
        Ok(out)
    }

    /// What stands for positions that were acknowledged and forgotten, but are asked for again: at most what
    /// the epoch held so far.
    fn forgotten(&self, first: u64, last: u64, most: Sums, at_ms: i64, now_ms: i64) -> Result<Stored, StoreError> {
        let gap = Gap {
            cause: GapCause::SpoolDropped,
            line: None,
            router: None,
            start_ms: at_ms,
            end_ms: at_ms,
            down_octets: most.down,
            up_octets: most.up,
            chunks: (self.mark.epoch, first, last),
        };
        let head = Head { first, sums: most, ..Head::default() };
        chunk_around(self.mark.epoch, last, head, gap, now_ms)
            .ok_or_else(|| StoreError::damaged("a gap cannot be encoded"))
    }

    /// A chunk went bad while the spool was open: opening it again puts gaps in the place of what is damaged.
    fn replace_damaged(&mut self, seq: u64, now_ms: i64) -> Result<Stored, StoreError> {
        tracing::error!(seq, "a chunk of the spool is damaged; opening the spool again");
        self.reopen(now_ms, false)?;
        self.chunk_at_or_after(seq)?
            .filter(|chunk| chunk.head.first <= seq)
            .ok_or_else(|| StoreError::damaged("a chunk is missing and could not be replaced"))
    }

    /// Removes acknowledged chunks that were written before `before_ms`. How many.
    fn forget_acked(&mut self, before_ms: i64, most: usize) -> Result<usize, StoreError> {
        let mut batch = sled::Batch::default();
        let (mut bytes, mut first, mut count) = (0, self.first, 0);
        for entry in self.db()?.scan_prefix(CHUNKS).take(most) {
            let (key, value) = entry.map_err(StoreError::of_sled)?;
            let Some((epoch, seq)) = chunk_of(&key) else { continue };
            let recent = Stored::decode(epoch, seq, &value).is_some_and(|chunk| chunk.head.at_ms >= before_ms);
            if epoch == self.mark.epoch && (seq > self.mark.acked || recent) {
                break;
            }
            if epoch == self.mark.epoch {
                first = seq + 1;
            }
            bytes += bytes_of(&key, &value);
            count += 1;
            batch.remove(key);
        }
        if count > 0 {
            // Not fsynced: chunks that come back after a power cut are merely kept a little longer.
            self.db()?.apply_batch(batch).map_err(StoreError::of_sled)?;
            self.first = first;
            self.bytes = self.bytes.saturating_sub(bytes);
        }
        Ok(count)
    }

    /// Drops the oldest chunks while there is more than the cap allows; acknowledged ones are the oldest.
    fn keep_cap(&mut self, now_ms: i64) -> Result<(), StoreError> {
        let length = self.file_length();
        if length > self.limits.cap_bytes && length > self.file_bytes {
            // It grows above the cap: keep less, so that it finds room inside.
            self.content = (self.content / 8 * 7).max(self.limits.least());
        }
        self.file_bytes = length;
        let content = self.content;
        if self.bytes <= content {
            return Ok(());
        }
        // A little below, so that not every append has to drop.
        let target = content - content / 32;
        let mut batch = sled::Batch::default();
        let mut bytes = self.bytes;
        let mut doomed: Vec<Stored> = Vec::new();
        let mut first = self.first;
        let mut acked = 0usize;
        for entry in self.db()?.scan_prefix(CHUNKS) {
            let (key, value) = entry.map_err(StoreError::of_sled)?;
            let Some((epoch, seq)) = chunk_of(&key) else { continue };
            // The last chunk stays: something must carry what the others held.
            if bytes <= target || seq >= self.mark.last {
                break;
            }
            bytes = bytes.saturating_sub(bytes_of(&key, &value));
            first = seq + 1;
            if seq <= self.mark.acked {
                acked += 1;
            } else if let Some(chunk) = Stored::decode(epoch, seq, &value) {
                doomed.push(Stored { payload: Vec::new(), ..chunk });
            }
            batch.remove(key);
        }
        if let Some(stand_in) = stand_in(&doomed, now_ms) {
            let key = chunk_key(stand_in.epoch, stand_in.seq);
            let value = stand_in.encode();
            bytes += bytes_of(&key, &value);
            first = stand_in.head.first;
            batch.insert(&key, value);
        }
        self.write(batch)?;
        (self.first, self.bytes) = (first, bytes);
        // A chunk that stood for dropped ones already is merely dropped again.
        let dropped = doomed.iter().filter(|chunk| chunk.head.first == chunk.seq).count();
        if dropped > 0 {
            self.dropped += u64::try_from(dropped).unwrap_or(0);
            tracing::warn!(
                dropped,
                acked,
                "the spool is full: its oldest chunks were dropped and are reported as a gap"
            );
            self.look_for_oldest();
        }
        Ok(())
    }

    /// Every baseline.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn baselines(&self) -> Result<Vec<(LineNo, Vec<u8>)>, StoreError> {
        let mut out = Vec::new();
        for entry in self.db()?.scan_prefix(BASELINES) {
            let (key, value) = entry.map_err(StoreError::of_sled)?;
            out.extend(decode_baseline(&key, &value));
        }
        Ok(out)
    }

    /// The controller has applied more of this epoch than was ever written here: this disk was put back to an
    /// earlier state. What was written since this process began is new and goes on under a new epoch; the rest
    /// is what the controller has.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn renew(&mut self, applied: u64, now_ms: i64) -> Result<(), StoreError> {
        if applied <= self.mark.last {
            return Ok(());
        }
        let old = self.mark.epoch;
        let epoch = old.saturating_add(1).max(u64::try_from(now_ms / 1_000).unwrap_or(0));
        let mut batch = sled::Batch::default();
        let mut mark = Mark { epoch, ..Mark::default() };
        for entry in self.db()?.range(chunk_key(old, self.at_start.saturating_add(1))..=chunk_key(old, self.mark.last))
        {
            let (key, value) = entry.map_err(StoreError::of_sled)?;
            let Some(chunk) = chunk_of(&key).and_then(|(epoch, seq)| Stored::decode(epoch, seq, &value)) else {
                continue;
            };
            let (seq, sums) = (mark.last + 1, mark.last_sums.plus(chunk.head.own));
            let head = Head { first: seq, sums, ..chunk.head };
            batch.remove(key);
            batch.insert(&chunk_key(epoch, seq), Stored { epoch, seq, head, payload: chunk.payload }.encode());
            (mark.last, mark.last_sums, mark.last_end_ms) = (seq, sums, head.end_ms);
        }
        tracing::error!(
            old,
            epoch,
            applied,
            moved = mark.last,
            "the spool is older than what the controller has: a new epoch begins"
        );
        self.write(batch)?;
        self.write_mark(&mark)?;
        (self.first, self.attempted, self.at_start) = (1, mark.last, 0);
        self.look_for_oldest();
        Ok(())
    }
}

/// What a body holds. Octets of gaps count: a gap that is dropped unsent is still a gap of its size.
fn held(body: &ChunkBody) -> Sums {
    match body {
        ChunkBody::Usage(usage) => Sums { records: usage.records.into(), down: usage.down_octets, up: usage.up_octets },
        ChunkBody::Gaps(gaps) => gaps.iter().fold(Sums::default(), |sums, gap| {
            sums.plus(Sums { records: 0, down: gap.down_octets, up: gap.up_octets })
        }),
        ChunkBody::Proofs(_) => Sums::default(),
    }
}

/// From when until when the usage of an entry is.
fn span(entry: &Entry, now_ms: i64) -> (i64, i64) {
    let start = entry.usage.iter().map(|record| record.start_ms).min();
    let end = entry.usage.iter().map(|record| record.end_ms).max();
    (start.unwrap_or(now_ms), end.unwrap_or(now_ms))
}

/// One chunk of a gap that stands for all of these.
fn stand_in(doomed: &[Stored], now_ms: i64) -> Option<Stored> {
    let (first, last) = (doomed.first()?, doomed.last()?);
    let own = last.head.sums.since(first.head.before());
    let start_ms = doomed.iter().map(|chunk| chunk.head.start_ms).min()?;
    let end_ms = doomed.iter().map(|chunk| chunk.head.end_ms).max()?;
    let gap = Gap {
        cause: GapCause::SpoolDropped,
        line: None,
        router: None,
        start_ms,
        end_ms,
        down_octets: own.down,
        up_octets: own.up,
        chunks: (last.epoch, first.head.first, last.seq),
    };
    let head = Head { first: first.head.first, start_ms, end_ms, own, sums: last.head.sums, ..Head::default() };
    chunk_around(last.epoch, last.seq, head, gap, now_ms)
}
