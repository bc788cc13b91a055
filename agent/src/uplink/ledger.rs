//! The ledger: desired state and poll plan. On disk first, then published to those who obey.
//!
//! If the disk refuses, the new state is obeyed all the same and the old one stays on disk: after a restart
//! the agent says which generation it has, and the controller pushes the difference again. Not obeying would
//! keep customers cut who have paid, because a disk at the POP is full.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lastmile_protocol::codec;
use lastmile_protocol::downlink::{DesiredLine, DesiredPush, Generation, PollPlan};
use lastmile_protocol::ids::{LineId, LineNo};
use lastmile_protocol::uplink::DesiredStatus;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::core::desired::DesiredState;
use crate::core::push::{Inbox, Taken, ask_all, status};
use crate::uplink::sealed::{SealedError, SealedFiles};

const DESIRED: &str = "desired.bin";
const PLAN: &str = "plan.bin";
/// Lines of one block in the file: far below what one decoding may take.
const BLOCK: usize = 1_000;

#[derive(Serialize, Deserialize)]
struct Head {
    generation: Generation,
    tombstones: Vec<(LineNo, LineId, Generation)>,
    approvals: Vec<(i64, u32)>,
}

/// Desired state and poll plan.
pub struct Ledger {
    files: SealedFiles,
    inbox: Mutex<Inbox>,
    desired: watch::Sender<Arc<DesiredState>>,
    plan: watch::Sender<Arc<PollPlan>>,
}

impl Ledger {
    /// What lies in these files. A file that cannot be opened is moved aside: the controller pushes the whole,
    /// and until then the agent writes nothing on any router.
    #[must_use]
    pub fn open(files: SealedFiles) -> Self {
        let desired = load(&files, DESIRED, decode_desired).unwrap_or_default();
        let none = PollPlan { version: 0, poll_seconds: 60, interval_seconds: 300, routers: Vec::new() };
        let plan = load(&files, PLAN, |bytes| codec::decode(bytes).ok()).unwrap_or(none);
        Self {
            files,
            inbox: Mutex::new(Inbox::new()),
            desired: watch::channel(Arc::new(desired)).0,
            plan: watch::channel(Arc::new(plan)).0,
        }
    }

    /// The desired state, and a way to wait for the next.
    #[must_use]
    pub fn desired(&self) -> watch::Receiver<Arc<DesiredState>> {
        self.desired.subscribe()
    }

    /// The poll plan, and a way to wait for the next.
    #[must_use]
    pub fn plan(&self) -> watch::Receiver<Arc<PollPlan>> {
        self.plan.subscribe()
    }

    /// What is told to the controller after the hello.
    #[must_use]
    pub fn status(&self) -> DesiredStatus {
        status(&self.desired.borrow())
    }

    /// A connection ended: the frames of a push that is not whole are forgotten.
    pub fn cut_off(&self) {
        self.locked().clear();
    }

    /// Takes a frame of a push. Blocks for the disk. What to tell the controller, when the push is whole.
    pub fn push(&self, frame: DesiredPush, now_ms: i64) -> Option<DesiredStatus> {
        let mut inbox = self.locked();
        let current = Arc::clone(&self.desired.borrow());
        let until = frame.until;
        match inbox.take(&current, frame, now_ms) {
            Taken::Waiting => None,
            Taken::Same => Some(status(&current)),
            Taken::New(next) => {
                self.store(&next);
                tracing::info!(
                    incarnation = until.incarnation,
                    counter = until.counter,
                    lines = next.lines.len(),
                    "desired state taken"
                );
                let answer = status(&next);
                self.desired.send_replace(Arc::new(*next));
                Some(answer)
            }
            Taken::AskAll(why) => {
                tracing::warn!(why, counter = until.counter, "a push does not fit; asking for all lines");
                Some(ask_all(&current))
            }
            Taken::Refused(why) => {
                tracing::error!(why, incarnation = until.incarnation, counter = until.counter, "a push is refused");
                Some(status(&current))
            }
        }
    }

    /// A tombstone is done on every router: forget it. Blocks for the disk.
    pub fn bury(&self, line: LineNo) {
        let _one_at_a_time = self.locked();
        let mut next = DesiredState::clone(&self.desired.borrow());
        if next.tombstones.remove(&line).is_some() {
            self.store(&next);
            self.desired.send_replace(Arc::new(next));
        }
    }

    /// Takes a poll plan; it replaces the one before. Blocks for the disk.
    pub fn take_plan(&self, plan: PollPlan) {
        let _one_at_a_time = self.locked();
        if *self.plan.borrow().as_ref() == plan {
            return;
        }
        let stored = codec::encode(&plan).map_err(|e| e.to_string());
        let stored = stored.and_then(|bytes| self.files.write(PLAN, bytes).map_err(|e| e.to_string()));
        if let Err(error) = stored {
            tracing::error!(error, "the poll plan could not be stored; it is obeyed until the next start");
        }
        tracing::info!(version = plan.version, routers = plan.routers.len(), "poll plan taken");
        self.plan.send_replace(Arc::new(plan));
    }

    fn store(&self, state: &DesiredState) {
        if let Err(error) = self.try_store(state) {
            tracing::error!(
                error,
                "the desired state could not be stored; it is obeyed, and asked for again after a restart"
            );
        }
    }

    fn try_store(&self, state: &DesiredState) -> Result<(), String> {
        let bytes = encode_desired(state).map_err(|e| e.to_string())?;
        self.files.write(DESIRED, bytes).map_err(|e: SealedError| e.to_string())
    }

    fn locked(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn load<T>(files: &SealedFiles, name: &str, decode: impl Fn(&[u8]) -> Option<T>) -> Option<T> {
    let path = files.path(name);
    match files.read(name) {
        Ok(None) => None,
        Ok(Some(bytes)) => decode(&bytes).or_else(|| aside(&path, "its content makes no sense")),
        Err(error @ SealedError::Foreign(_)) => aside(&path, &error.to_string()),
        Err(error) => {
            tracing::error!(%error, "a file cannot be read; going on without it");
            None
        }
    }
}

fn aside<T>(path: &std::path::Path, why: &str) -> Option<T> {
    let target = path.with_extension("damaged");
    let moved = std::fs::rename(path, &target).is_ok();
    tracing::error!(why, file = %path.display(), moved, "a file is damaged and was moved aside; the controller will send it again");
    None
}

/// Head, then blocks of lines, each with its length before it.
fn encode_desired(state: &DesiredState) -> Result<Vec<u8>, codec::CodecError> {
    let tombstones = state.tombstones.iter().map(|(no, (id, at))| (*no, *id, *at)).collect();
    let head = Head { generation: state.generation, tombstones, approvals: state.approvals.clone() };
    let mut out = Vec::new();
    block(&mut out, &codec::encode(&head)?);
    let lines: Vec<&DesiredLine> = state.lines.values().map(Arc::as_ref).collect();
    for part in lines.chunks(BLOCK) {
        block(&mut out, &codec::encode(&part)?);
    }
    Ok(out)
}

fn block(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(bytes);
}

fn decode_desired(bytes: &[u8]) -> Option<DesiredState> {
    let mut rest = bytes;
    let head: Head = codec::decode(take_block(&mut rest)?).ok()?;
    let mut state = DesiredState { generation: head.generation, approvals: head.approvals, ..DesiredState::default() };
    state.tombstones = head.tombstones.into_iter().map(|(no, id, at)| (no, (id, at))).collect();
    while !rest.is_empty() {
        let lines: Vec<DesiredLine> = codec::decode(take_block(&mut rest)?).ok()?;
        state.lines.extend(lines.into_iter().map(|line| (line.no, Arc::new(line))));
    }
    Some(state)
}

fn take_block<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, body) = rest.split_first_chunk::<4>()?;
    let (block, after) = body.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    *rest = after;
    Some(block)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemRng;
    use lastmile_protocol::downlink::{Access, Profile, PushHead, digest};
    use lastmile_protocol::ids::RouterId;
    use std::path::Path;

    fn ledger(folder: &Path) -> Ledger {
        Ledger::open(SealedFiles::open(folder, Arc::new(SystemRng::new())).expect("a key"))
    }

    fn lines(count: u32) -> Vec<DesiredLine> {
        let line = |no| DesiredLine {
            no: LineNo(no),
            id: LineId::new(1, [1; 10]),
            counter: 3,
            router: RouterId::new(1, [2; 10]),
            access: Access::Pppoe { username: b"rahim\xff".to_vec(), password: b"canary-password".to_vec() },
            profile: Profile { name: "home".into(), down_bps: 1, up_bps: 1 },
            open: no % 2 == 0,
        };
        (0..count).map(line).collect()
    }

    fn push(count: u32) -> Vec<DesiredPush> {
        let lines = lines(count);
        let head = PushHead {
            since: Generation::default(),
            until: Generation { incarnation: 1, counter: 3 },
            count,
            digest: digest(lines.iter().map(|line| (line.no, line.counter))),
            approved_holds: 4,
        };
        DesiredPush::frames(head, lines, &[(LineNo(9_999_999), LineId::new(1, [9; 10]))])
    }

    #[test]
    fn what_was_pushed_is_there_after_a_restart_and_no_password_lies_open() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = ledger(folder.path());
        let frames = push(12_000);
        assert!(frames.len() > 1);
        let answers: Vec<_> = frames.into_iter().map(|frame| first.push(frame, 77)).collect();
        let answer = answers.last().copied().flatten().expect("the push is whole");
        assert_eq!((answer.lines, answer.generation.counter), (12_000, 3));
        assert_eq!(answers.iter().flatten().count(), 1);
        let wanted = Arc::clone(&first.desired().borrow());
        drop(first);

        let second = ledger(folder.path());
        assert_eq!(*second.desired().borrow(), wanted);
        assert_eq!(second.status(), answer);
        assert_eq!(wanted.approvals, vec![(77, 4)]);
        second.bury(LineNo(9_999_999));
        assert!(ledger(folder.path()).desired().borrow().tombstones.is_empty());
        for entry in std::fs::read_dir(folder.path()).expect("listed").flatten() {
            let bytes = std::fs::read(entry.path()).expect("read");
            assert!(!bytes.windows(15).any(|part| part == b"canary-password"), "{:?}", entry.path());
        }
    }

    #[test]
    fn a_damaged_file_is_moved_aside_and_the_whole_is_asked_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = ledger(folder.path());
        push(10).into_iter().for_each(|frame| {
            let _ = first.push(frame, 0);
        });
        std::fs::write(folder.path().join(DESIRED), b"rubbish").expect("damaged");
        let second = ledger(folder.path());
        assert_eq!(second.status().generation, Generation::default());
        assert!(folder.path().join("desired.damaged").exists());
        push(10).into_iter().for_each(|frame| {
            let _ = second.push(frame, 0);
        });
        assert_eq!(second.status().lines, 10);
    }

    #[test]
    fn a_plan_is_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let plan = PollPlan { version: 4, poll_seconds: 5, interval_seconds: 10, routers: Vec::new() };
        ledger(folder.path()).take_plan(plan.clone());
        assert_eq!(*ledger(folder.path()).plan().borrow().as_ref(), plan);
    }

    #[test]
    fn a_disk_that_refuses_does_not_keep_a_payer_cut() {
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = ledger(folder.path());
        // A folder in the way of the file beside which is written first.
        std::fs::create_dir(folder.path().join("desired.bin.new")).expect("made");
        push(10).into_iter().for_each(|frame| {
            let _ = ledger.push(frame, 0);
        });
        assert_eq!(ledger.desired().borrow().lines.len(), 10);
    }
}
