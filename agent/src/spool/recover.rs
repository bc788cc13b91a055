//! Opening the spool, whatever state it is in. The agent always starts, and always counts what was lost.
//!
//! * Another process holds the lock: tried again for 10 seconds (a killed agent lets go late), then refused:
//!   two agents on one folder would be worse than none.
//! * The disk is full, or cannot be written: ballast, reserve and old damaged spools are let go; if that is
//!   not enough the spool stays closed, and whoever appends is told so.
//! * The store errs or panics: it is moved aside as `spool.corrupt-<seconds>`, a new epoch begins, and its
//!   first chunk is a gap that says how much was lost, as the mark knows it.
//! * Single chunks are missing or damaged: a chunk of gaps takes their place. Its size follows from the
//!   running sums of its neighbours.

use std::fs::{self, File};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use lastmile_protocol::codec;
use lastmile_protocol::uplink::{ChunkBody, Gap, GapCause, crc};

use crate::files;
use crate::spool::ballast;
use crate::spool::mark::{Mark, MarkFile};
use crate::spool::store::StoreError;
use crate::spool::value::{BASELINES, CHUNKS, Head, Stored, Sums, chunk_key, chunk_of, decode_baseline};

/// Memory that the store may use for pages, bytes. Chunks are read once, soon after they were written; a larger
/// cache would in three days fill up with chunks that the controller has.
const CACHE_BYTES: u64 = 1 << 20;
/// The lock is tried this often, this far apart: 10 seconds in all.
const LOCK_TRIES: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(100);
/// Positions left out when the mark is lost, so that none that was ever sent is used again.
const SKIP: u64 = 10_000;
/// Damaged spools that are kept for a look.
const KEPT_ASIDE: usize = 2;

/// Where the spool's files are.
#[derive(Debug, Clone)]
pub struct Paths {
    folder: PathBuf,
}

impl Paths {
    /// In this data folder.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_path_buf() }
    }

    pub(super) fn store(&self) -> PathBuf {
        self.folder.join("spool")
    }

    /// The file that grows.
    pub(super) fn store_file(&self) -> PathBuf {
        self.folder.join("spool").join("db")
    }

    pub(super) fn mark(&self) -> PathBuf {
        self.folder.join("spool.mark")
    }

    /// Let go when an append finds the disk full.
    pub(super) fn ballast(&self) -> PathBuf {
        self.folder.join("spool.ballast")
    }

    /// Let go only when the spool cannot even be opened: appends never eat what opening needs.
    pub(super) fn reserve(&self) -> PathBuf {
        self.folder.join("spool.reserve")
    }

    /// Finds room on a full disk. Whether there was any left to find.
    fn let_go(&self) -> bool {
        ballast::drop_it(&self.ballast()) || ballast::drop_it(&self.reserve()) || forget_old(self, 0)
    }
}

/// An open store and what was found in it.
pub(super) struct Opened {
    pub db: sled::Db,
    pub file: File,
    pub mark_file: MarkFile,
    pub mark: Mark,
    /// First position that is kept; one behind the last when nothing is.
    pub first: u64,
    /// Highest position found behind the mark by a store that may not adopt it; else the mark's.
    pub attempted: u64,
    /// Bytes of keys and values.
    pub bytes: u64,
    /// What went wrong and what became of it, for the log and the technician; empty when nothing.
    pub note: String,
}

/// How the store is opened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opening {
    /// Wall clock, milliseconds since 1970 UTC.
    pub now_ms: i64,
    /// At the start of the program, what lies behind the mark was written whole and is adopted. Later it is
    /// the rest of an append that failed and will be tried again.
    pub adopt: bool,
    /// Bytes of ballast and reserve together; laid at the start of the program only: laid again on a disk that
    /// was just full they would take the room that was made.
    pub ballast_bytes: u64,
}

/// Opens the spool.
pub(super) fn open(paths: &Paths, opening: Opening) -> Result<Opened, StoreError> {
    fs::create_dir_all(&paths.folder).map_err(|e| StoreError::Away { reason: e.to_string() })?;
    let (mark_file, mark) = open_mark(paths)?;
    let (store, aside) = open_store(paths, mark, opening)?;
    let (db, scan) = store;
    let plan = plan(mark, &scan, aside.as_deref(), opening);
    let opened = settle(paths, db, mark_file, scan, plan)?;
    if opening.adopt {
        lay_ballast(paths, opening.ballast_bytes);
    }
    Ok(opened)
}

fn lay_ballast(paths: &Paths, bytes: u64) {
    for path in [paths.reserve(), paths.ballast()] {
        match ballast::lay(&path, bytes / 2) {
            Ok(true) => {}
            Ok(false) => tracing::warn!("the disk is nearly full: it has no room for the ballast of the spool"),
            Err(error) => tracing::warn!(%error, "no ballast could be laid beside the spool"),
        }
    }
}

fn open_mark(paths: &Paths) -> Result<(MarkFile, Option<Mark>), StoreError> {
    match MarkFile::open(&paths.mark()) {
        Err(error) if error.kind() == io::ErrorKind::StorageFull && paths.let_go() => MarkFile::open(&paths.mark()),
        other => other,
    }
    .map_err(|error| StoreError::Away { reason: error.to_string() })
}

/// The store and a scan of it; with the reason if it had to be moved aside first.
fn open_store(
    paths: &Paths,
    mark: Option<Mark>,
    opening: Opening,
) -> Result<((sled::Db, Scan), Option<String>), StoreError> {
    match open_patiently(paths, mark, opening) {
        Err(StoreError::Damaged { reason }) => {
            let aside = move_aside(paths, opening.now_ms)
                .map_err(|e| StoreError::Away { reason: format!("{reason}; it cannot be moved aside: {e}") })?;
            tracing::error!(reason, aside = %aside.display(), "the spool could not be opened and was moved aside");
            Ok((open_patiently(paths, None, opening)?, Some(reason)))
        }
        other => Ok((other?, None)),
    }
}

fn open_patiently(paths: &Paths, mark: Option<Mark>, opening: Opening) -> Result<(sled::Db, Scan), StoreError> {
    let mut tries = 0;
    loop {
        match open_once(&paths.store(), mark, opening) {
            Err(StoreError::Locked) if tries < LOCK_TRIES => {
                tries += 1;
                std::thread::sleep(LOCK_PAUSE);
            }
            Err(StoreError::Full) if paths.let_go() => {
                tracing::warn!("the disk is full: the ballast was let go to open the spool");
            }
            other => return other,
        }
    }
}

fn open_once(path: &Path, mark: Option<Mark>, opening: Opening) -> Result<(sled::Db, Scan), StoreError> {
    let attempt = || {
        let db = sled::Config::new()
            .path(path)
            .cache_capacity(CACHE_BYTES)
            .flush_every_ms(None)
            .open()
            .map_err(StoreError::of_sled)?;
        let scan = scan(&db, mark, opening)?;
        Ok((db, scan))
    };
    // The store panics on some damage; that must not be the end of the agent.
    catch_unwind(AssertUnwindSafe(attempt)).unwrap_or_else(|_| Err(StoreError::damaged("the store panicked")))
}

fn move_aside(paths: &Paths, now_ms: i64) -> io::Result<PathBuf> {
    let seconds = now_ms / 1_000;
    let aside = (0..1_000)
        .map(|n| paths.folder.join(format!("spool.corrupt-{}", seconds + n)))
        .find(|path| !path.exists())
        .ok_or_else(|| io::Error::other("no free name for it"))?;
    fs::rename(paths.store(), &aside)?;
    files::sync_folder_of(&aside)?;
    forget_old(paths, KEPT_ASIDE);
    Ok(aside)
}

/// Removes damaged spools but the newest `keep`. Whether there was one.
fn forget_old(paths: &Paths, keep: usize) -> bool {
    let Ok(entries) = fs::read_dir(&paths.folder) else { return false };
    let mut aside: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("spool.corrupt-")))
        .collect();
    aside.sort();
    let spare = aside.len().saturating_sub(keep);
    let mut gone = false;
    for path in aside.into_iter().take(spare) {
        gone |= fs::remove_dir_all(path).is_ok();
    }
    gone
}

/// Positions whose chunks are missing or damaged.
#[derive(Debug, Clone, Copy)]
struct Run {
    first: u64,
    last: u64,
    before: Sums,
    after: Sums,
    start_ms: i64,
    end_ms: i64,
}

/// What is in a store.
#[derive(Debug, Default)]
struct Scan {
    /// Newest epoch, if there is a chunk at all.
    epoch: Option<u64>,
    /// First position that is kept, and the sums before it.
    first: Option<(u64, Sums)>,
    /// Last whole chunk.
    last: Option<(u64, Head)>,
    runs: Vec<Run>,
    /// Damaged chunks at the end: first and last position.
    loose: Option<(u64, u64)>,
    attempted: u64,
    bytes: u64,
    /// Keys that no longer belong: of older epochs, damaged chunks and baselines.
    stale: Vec<Vec<u8>>,
}

fn scan(db: &sled::Db, mark: Option<Mark>, opening: Opening) -> Result<Scan, StoreError> {
    let mut scan = Scan::default();
    if let Some(last) = db.scan_prefix(CHUNKS).next_back() {
        let (key, _) = last.map_err(StoreError::of_sled)?;
        scan.epoch = chunk_of(&key).map(|(epoch, _)| epoch);
    }
    if let (Some(epoch), Some(mark)) = (scan.epoch, mark)
        && epoch < mark.epoch
    {
        return Err(StoreError::damaged("the store is older than its mark"));
    }
    let limit = mark.filter(|mark| !opening.adopt && Some(mark.epoch) == scan.epoch).map(|mark| mark.last);
    for entry in db.scan_prefix(CHUNKS) {
        let (key, value) = entry.map_err(StoreError::of_sled)?;
        let Some((epoch, seq)) = chunk_of(&key).filter(|(epoch, _)| Some(*epoch) == scan.epoch) else {
            scan.stale.push(key.to_vec());
            continue;
        };
        if limit.is_some_and(|limit| seq > limit) {
            scan.attempted = seq;
            continue;
        }
        scan.bytes += bytes_of(&key, &value);
        match Stored::decode(epoch, seq, &value) {
            Some(chunk) => scan.whole(&chunk, mark),
            None => {
                scan.stale.push(key.to_vec());
                scan.loose = Some((scan.loose.map_or(seq, |(first, _)| first), seq));
            }
        }
    }
    for entry in db.scan_prefix(BASELINES) {
        let (key, value) = entry.map_err(StoreError::of_sled)?;
        scan.bytes += bytes_of(&key, &value);
        if decode_baseline(&key, &value).is_none() {
            scan.stale.push(key.to_vec());
        }
    }
    Ok(scan)
}

pub(super) fn bytes_of(key: &[u8], value: &[u8]) -> u64 {
    u64::try_from(key.len() + value.len()).unwrap_or(u64::MAX)
}

impl Scan {
    /// Takes the next whole chunk; what is missing before it becomes a run.
    fn whole(&mut self, chunk: &Stored, mark: Option<Mark>) {
        let head = chunk.head;
        let loose = self.loose.take().map(|(first, _)| first);
        let marked = mark.filter(|mark| mark.epoch == chunk.epoch && mark.acked < head.first);
        let (from, before, start_ms) = match (self.last, marked) {
            (Some((seq, last)), _) => (seq.saturating_add(1), last.sums, last.end_ms),
            (None, Some(mark)) => (mark.acked.saturating_add(1), mark.acked_sums, mark.acked_end_ms),
            (None, None) => (loose.unwrap_or(head.first), head.before(), head.start_ms),
        };
        if from < head.first {
            self.runs.push(Run {
                first: from,
                last: head.first - 1,
                before,
                after: head.before(),
                start_ms,
                end_ms: head.start_ms,
            });
        }
        if self.first.is_none() {
            self.first = Some((from.min(head.first), if from < head.first { before } else { head.before() }));
        }
        self.last = Some((chunk.seq, head));
    }
}

/// What the spool becomes.
struct Plan {
    mark: Mark,
    repairs: Vec<Stored>,
    first: u64,
    note: String,
}

fn plan(mark: Option<Mark>, scan: &Scan, aside: Option<&str>, opening: Opening) -> Plan {
    if let Some(reason) = aside {
        return begin_anew(mark, reason, opening);
    }
    match (mark, scan.epoch) {
        (Some(mark), Some(epoch)) if mark.epoch == epoch => go_on(mark, scan, opening),
        (Some(mark), None) => go_on(mark, scan, opening),
        (None, None) => {
            let mark = Mark { epoch: fresh_epoch(opening.now_ms), ..Mark::default() };
            Plan { mark, repairs: Vec::new(), first: 1, note: String::new() }
        }
        // A newer epoch than the mark's: a kill fell between the two writes that begin it.
        (known, Some(epoch)) => adopt(epoch, scan, known.is_none(), opening),
    }
}

fn fresh_epoch(now_ms: i64) -> u64 {
    // Epochs that begin at a time never meet those of an earlier life whose files are gone.
    u64::try_from(now_ms / 1_000).unwrap_or(0).max(1)
}

fn begin_anew(mark: Option<Mark>, reason: &str, opening: Opening) -> Plan {
    let epoch = mark.map_or_else(|| fresh_epoch(opening.now_ms), |mark| mark.epoch.saturating_add(1));
    let known = mark.unwrap_or_default();
    let mut plan = Plan {
        mark: Mark { epoch, ..Mark::default() },
        repairs: Vec::new(),
        first: 1,
        note: format!("the spool could not be opened ({reason}) and was moved aside"),
    };
    if mark.is_none() || known.last > known.acked {
        let lost = Run {
            first: known.acked.saturating_add(1).min(known.last),
            last: known.last,
            before: known.acked_sums,
            after: known.last_sums,
            start_ms: known.acked_end_ms,
            end_ms: known.last_end_ms,
        };
        let gap = gap(known.epoch, lost, GapCause::SpoolLost);
        let own = lost.after.since(lost.before);
        let head = Head { first: 1, start_ms: lost.start_ms, end_ms: lost.end_ms, own, sums: own, ..Head::default() };
        plan.repairs.extend(chunk_around(epoch, 1, head, gap, opening.now_ms));
    }
    plan.close()
}

fn go_on(mark: Mark, scan: &Scan, opening: Opening) -> Plan {
    let cause = if scan.epoch.is_none() { GapCause::SpoolLost } else { GapCause::SpoolCorrupt };
    let mut plan = Plan {
        mark,
        repairs: Vec::new(),
        first: scan.first.map_or(mark.acked.saturating_add(1), |(first, _)| first),
        note: String::new(),
    };
    let mut runs = scan.runs.clone();
    let (last, sums, end_ms) =
        scan.last.map_or((mark.acked, mark.acked_sums, mark.acked_end_ms), |(seq, h)| (seq, h.sums, h.end_ms));
    let until = mark.last.max(scan.loose.map_or(0, |(_, seq)| seq));
    if until > last {
        let after = if mark.last > last { mark.last_sums } else { sums };
        runs.push(Run {
            first: last + 1,
            last: until,
            before: sums,
            after,
            start_ms: end_ms,
            end_ms: mark.last_end_ms,
        });
    }
    (plan.mark.last, plan.mark.last_sums, plan.mark.last_end_ms) = (last, sums, end_ms);
    plan.fill(&runs, cause, opening);
    plan.close()
}

fn adopt(epoch: u64, scan: &Scan, skip: bool, opening: Opening) -> Plan {
    let (first, before) = scan.first.unwrap_or_default();
    let (last, head) = scan.last.unwrap_or_default();
    let mut mark = Mark { epoch, last, last_sums: head.sums, last_end_ms: head.end_ms, ..Mark::default() };
    (mark.acked, mark.acked_sums, mark.acked_end_ms) = (first.saturating_sub(1), before, head.start_ms);
    let mut plan = Plan { mark, repairs: Vec::new(), first: first.max(1), note: String::new() };
    let mut runs = scan.runs.clone();
    let loose = scan.loose.map_or(0, |(_, seq)| seq);
    if skip || loose > last {
        let until = if skip { last.max(loose).saturating_add(SKIP) } else { loose };
        let (sums, end_ms) = (head.sums, head.end_ms);
        runs.push(Run { first: last + 1, last: until, before: sums, after: sums, start_ms: end_ms, end_ms });
    }
    plan.fill(&runs, GapCause::SpoolCorrupt, opening);
    if skip {
        plan.note = "the mark of the spool was lost: positions were left out".into();
    }
    plan.close()
}

impl Plan {
    fn fill(&mut self, runs: &[Run], cause: GapCause, opening: Opening) {
        for run in runs {
            let own = run.after.since(run.before);
            let head = Head {
                first: run.first,
                start_ms: run.start_ms,
                end_ms: run.end_ms.max(run.start_ms),
                own,
                sums: run.before.plus(own),
                ..Head::default()
            };
            self.repairs.extend(chunk_around(
                self.mark.epoch,
                run.last,
                head,
                gap(self.mark.epoch, *run, cause),
                opening.now_ms,
            ));
        }
        if !runs.is_empty() {
            let chunks: u64 = runs.iter().map(|run| run.last - run.first + 1).sum();
            self.note = format!("{chunks} chunks of the spool were damaged or missing and are reported as gaps");
        }
    }

    /// The mark stands behind the last repair.
    fn close(mut self) -> Self {
        if let Some(last) = self.repairs.iter().filter(|chunk| chunk.seq > self.mark.last).max_by_key(|chunk| chunk.seq)
        {
            self.mark.last = last.seq;
            self.mark.last_sums = last.head.sums;
            self.mark.last_end_ms = last.head.end_ms;
        }
        self
    }
}

fn gap(epoch: u64, run: Run, cause: GapCause) -> Gap {
    let lost = run.after.since(run.before);
    Gap {
        cause,
        line: None,
        router: None,
        start_ms: run.start_ms,
        end_ms: run.end_ms.max(run.start_ms),
        down_octets: lost.down,
        up_octets: lost.up,
        chunks: (epoch, run.first, run.last),
    }
}

/// A chunk that carries one gap.
pub(super) fn chunk_around(epoch: u64, seq: u64, head: Head, gap: Gap, now_ms: i64) -> Option<Stored> {
    let payload = codec::encode(&ChunkBody::Gaps(vec![gap])).ok()?;
    let head = Head { payload_crc: crc(&payload), at_ms: now_ms, ..head };
    Some(Stored { epoch, seq, head, payload })
}

/// Writes what the plan says.
fn settle(paths: &Paths, db: sled::Db, mut mark_file: MarkFile, scan: Scan, plan: Plan) -> Result<Opened, StoreError> {
    let file = File::open(paths.store_file()).map_err(|e| StoreError::Away { reason: e.to_string() })?;
    let mut batch = sled::Batch::default();
    let mut bytes = scan.bytes;
    for key in &scan.stale {
        batch.remove(key.as_slice());
    }
    for chunk in &plan.repairs {
        let key = chunk_key(chunk.epoch, chunk.seq);
        let value = chunk.encode();
        bytes += bytes_of(&key, &value);
        batch.insert(&key, value);
    }
    if !plan.repairs.is_empty() || !scan.stale.is_empty() {
        db.apply_batch(batch).map_err(StoreError::of_sled)?;
        db.flush().map_err(StoreError::of_sled)?;
    }
    file.sync_data().map_err(|e| StoreError::of_io(&e))?;
    files::sync_folder_of(&paths.store_file()).map_err(|e| StoreError::of_io(&e))?;
    mark_file.write(&plan.mark).map_err(|e| StoreError::of_io(&e))?;
    if !plan.note.is_empty() {
        tracing::error!(epoch = plan.mark.epoch, last = plan.mark.last, "{}", plan.note);
    }
    Ok(Opened {
        db,
        file,
        mark_file,
        mark: plan.mark,
        first: plan.first,
        attempted: scan.attempted.max(plan.mark.last),
        bytes,
        note: plan.note,
    })
}
