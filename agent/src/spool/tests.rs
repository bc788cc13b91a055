//! The spool against kills, damage, full disks and its own cap.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use lastmile_protocol::ids::LineNo;
use lastmile_protocol::uplink::{ChunkBody, Gap, GapCause, Place, SpooledChunk, UsageRecord};
use proptest::prelude::*;

use super::store::{Limits, Store, StoreError};
use super::{Paths, SpoolState};
use crate::core::journal::Entry;

const NOW: i64 = 1_795_338_000_000;
const LIMITS: Limits = Limits { cap_bytes: 64 << 20, ballast_bytes: 0 };

fn open(folder: &Path) -> Store {
    Store::open(Paths::new(folder), LIMITS, NOW).expect("opens")
}

/// Records of one interval whose octets do not compress.
fn entry(n: u64, records: u32) -> Entry {
    let usage = (0..records)
        .map(|line| UsageRecord {
            line: LineNo(line),
            start_ms: NOW + i64::try_from(n).expect("small") * 1_000,
            end_ms: NOW + i64::try_from(n).expect("small") * 1_000 + 1_000,
            down_octets: (n + 1).wrapping_mul(u64::from(line + 1)).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20,
            up_octets: n,
        })
        .collect();
    Entry { usage, baselines: vec![(LineNo(1), Some(n.to_le_bytes().to_vec()))], ..Entry::default() }
}

fn down(entry: &Entry) -> u64 {
    entry.usage.iter().map(|record| record.down_octets).sum()
}

/// What a controller makes of the spool: it applies each chunk at most once and refuses holes.
#[derive(Default)]
struct Controller {
    applied: u64,
    down: u64,
    gaps: Vec<Gap>,
}

impl Controller {
    fn take(&mut self, chunk: &SpooledChunk) {
        match chunk.place(self.applied) {
            Place::Duplicate => return,
            Place::Hole => panic!("a hole: {}..={} after {}", chunk.first, chunk.seq, self.applied),
            Place::Next => self.applied = chunk.seq,
        }
        match chunk.open().expect("whole") {
            ChunkBody::Usage(usage) => {
                self.down += usage.unpack().expect("as packed").iter().map(|record| record.down_octets).sum::<u64>();
            }
            ChunkBody::Gaps(gaps) => self.gaps.extend(gaps),
            ChunkBody::Proofs(_) => {}
        }
    }

    fn drain(&mut self, store: &mut Store) {
        loop {
            let chunks = store.read(self.applied + 1, 16, NOW).expect("reads");
            if chunks.is_empty() {
                return;
            }
            chunks.iter().for_each(|chunk| self.take(chunk));
        }
    }

    /// What arrived and what is known to be lost.
    fn covered(&self) -> u64 {
        self.down + self.gaps.iter().map(|gap| gap.down_octets).sum::<u64>()
    }
}

#[test]
fn what_was_appended_is_read_once_in_order_after_any_number_of_openings() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut total = 0;
    let mut controller = Controller::default();
    for n in 0..12 {
        let mut store = open(folder.path());
        let entry = entry(n, 900);
        store.append(&[&entry], NOW).expect("kept");
        total += down(&entry);
        if n % 3 == 0 {
            controller.drain(&mut store);
            store.ack(store.state().epoch, controller.applied, NOW).expect("recorded");
            assert_eq!(store.state().chunks(), 0);
        }
        assert_eq!(store.baselines().expect("read"), vec![(LineNo(1), n.to_le_bytes().to_vec())]);
    }
    let mut store = open(folder.path());
    let state = store.state();
    assert!(state.chunks() > 0 && state.records == 1_800 && state.oldest_ms == NOW);
    controller.drain(&mut store);
    assert_eq!((controller.down, controller.gaps.len()), (total, 0));
}

#[test]
fn an_acknowledged_chunk_is_kept_for_a_restored_controller_then_forgotten() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = open(folder.path());
    let total: u64 =
        (0..5).map(|n| entry(n, 300)).map(|e| store.append(&[&e], NOW).map(|()| down(&e)).expect("kept")).sum();
    let SpoolState { epoch, last, .. } = store.state();
    assert!(store.ack(epoch, last, NOW).expect("recorded"));
    assert!(!store.ack(epoch, last, NOW).expect("nothing to do"));
    assert!(!store.ack(epoch, last + 9, NOW).expect("a lie is not recorded"));
    assert!(!store.ack(epoch + 1, last, NOW).expect("another epoch"));
    let mut restored = Controller::default();
    restored.drain(&mut store);
    assert_eq!(restored.down, total);

    let later = NOW + 73 * 3_600_000;
    store.append(&[&entry(5, 1)], later).expect("kept");
    store.ack(epoch, last + 1, later).expect("recorded");
    drop(store);
    let mut store = open(folder.path());
    assert!(store.state().first > last);
    let mut restored = Controller::default();
    restored.drain(&mut store);
    assert!(restored.gaps.iter().any(|gap| gap.cause == GapCause::SpoolDropped && gap.down_octets == total));
}

#[test]
fn the_cap_drops_the_oldest_and_says_exactly_what_they_held() {
    let folder = tempfile::tempdir().expect("a folder");
    let limits = Limits { cap_bytes: 8 << 20, ballast_bytes: 0 };
    let mut store = Store::open(Paths::new(folder.path()), limits, NOW).expect("opens");
    let mut total = 0;
    for n in 0..300 {
        let entry = entry(n, 5_000);
        store.append(&[&entry], NOW).expect("kept");
        total += down(&entry);
    }
    let state = store.state();
    assert!(state.dropped > 100, "{state:?}");
    assert!(state.bytes < 12 << 20, "{} bytes on disk", state.bytes);
    for _ in 0..2 {
        let mut controller = Controller::default();
        controller.drain(&mut store);
        assert_eq!(controller.covered(), total);
        assert!(controller.gaps.iter().all(|gap| gap.cause == GapCause::SpoolDropped));
        assert!(controller.gaps.len() == 1 && controller.down > 0);
        drop(store);
        store = Store::open(Paths::new(folder.path()), limits, NOW).expect("opens");
    }
    // One that had received a part of what was dropped since then.
    let mut ahead = Controller { applied: 3, ..Controller::default() };
    ahead.drain(&mut store);
    assert_eq!(ahead.applied, store.state().last);
}

/// A spool with 30 chunks, 8 of them acknowledged, and what it holds.
fn filled(folder: &Path) -> (SpoolState, u64) {
    let mut store = open(folder);
    let mut total = 0;
    while store.state().last < 30 {
        let entry = entry(store.state().last, 350);
        store.append(&[&entry], NOW).expect("kept");
        total += down(&entry);
    }
    let epoch = store.state().epoch;
    store.ack(epoch, 8, NOW).expect("recorded");
    (store.state(), total)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("listed") {
        let entry = entry.expect("readable");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("known").is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}

/// Whatever happened to the disk, the spool opens, takes new entries, leaves no hole, and what the controller
/// gets together with the gaps covers what was appended; `received` is what it had before.
fn survives(folder: &Path, before: &SpoolState, total: u64, what: &str) {
    let mut store = open(folder);
    let state = store.state();
    let extra = entry(500, 350);
    store.append(&[&extra], NOW).expect("kept");
    let mut controller = Controller::default();
    if state.epoch == before.epoch {
        // It had applied 8 before the damage, and asks for the rest only.
        controller.applied = 8;
        assert!(state.last >= before.last, "{what}: positions are never used again");
    }
    controller.drain(&mut store);
    let known: u64 = (0..8).map(|n| down(&entry(n, 350))).sum();
    let wanted = total - known + down(&extra);
    assert!(controller.covered() >= wanted, "{what}: {} of {wanted} covered", controller.covered());
    drop(store);
    let again = open(folder).state();
    assert_eq!(
        (again.epoch, again.first),
        (state.epoch, state.first.max(again.first)),
        "{what}: the second start finds it healed"
    );
}

#[test]
fn a_flipped_bit_anywhere_is_survived_and_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let (state, total) = filled(&folder.path().join("good"));
    let length = fs::metadata(folder.path().join("good/spool/db")).expect("there").len();
    let used = fs::read(folder.path().join("good/spool/db")).expect("read");
    let last = used.iter().rposition(|byte| *byte != 0).expect("not empty");
    assert!(u64::try_from(last).expect("small") < length);
    for turn in 0..60 {
        let at = (turn * 7_919 * 131) % last;
        let broken = folder.path().join(format!("broken-{turn}"));
        copy(&folder.path().join("good"), &broken);
        let file = OpenOptions::new().write(true).open(broken.join("spool/db")).expect("opens");
        let byte = used[at] ^ (1 << (turn % 8));
        file.write_all_at(&[byte], u64::try_from(at).expect("small")).expect("written");
        survives(&broken, &state, total, &format!("a bit at {at}"));
        fs::remove_dir_all(broken).expect("removed");
    }
}

#[test]
fn a_cut_or_zeroed_tail_is_survived_and_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let (state, total) = filled(&folder.path().join("good"));
    let used = fs::read(folder.path().join("good/spool/db")).expect("read");
    for turn in 0..40 {
        let at = used.len() * turn / 40;
        let broken = folder.path().join(format!("broken-{turn}"));
        copy(&folder.path().join("good"), &broken);
        let mut bytes = used[..at].to_vec();
        if turn % 2 == 0 {
            bytes.resize(used.len(), 0);
        }
        fs::write(broken.join("spool/db"), bytes).expect("written");
        survives(&broken, &state, total, &format!("cut at {at}"));
        fs::remove_dir_all(broken).expect("removed");
    }
}

#[test]
fn a_spool_that_is_gone_is_counted_from_its_mark() {
    let folder = tempfile::tempdir().expect("a folder");
    let (state, total) = filled(folder.path());
    fs::remove_dir_all(folder.path().join("spool")).expect("removed");
    survives(folder.path(), &state, total, "no spool");
}

#[test]
fn a_spool_that_cannot_be_opened_is_moved_aside_and_its_size_is_known() {
    let folder = tempfile::tempdir().expect("a folder");
    let (before, total) = filled(folder.path());
    fs::remove_file(folder.path().join("spool/db")).expect("removed");
    fs::create_dir(folder.path().join("spool/db")).expect("made");
    let mut store = open(folder.path());
    let state = store.state();
    assert_eq!(state.epoch, before.epoch + 1);
    assert!(state.trouble.contains("moved aside"), "{}", state.trouble);
    let mut controller = Controller::default();
    controller.drain(&mut store);
    let known: u64 = (0..8).map(|n| down(&entry(n, 350))).sum();
    let [gap] = controller.gaps.as_slice() else { panic!("{:?}", controller.gaps) };
    assert_eq!((gap.cause, gap.down_octets, gap.chunks), (GapCause::SpoolLost, total - known, (before.epoch, 9, 30)));
    let aside = fs::read_dir(folder.path()).expect("listed").flatten();
    assert_eq!(aside.filter(|entry| entry.file_name().to_string_lossy().starts_with("spool.corrupt-")).count(), 1);
}

#[test]
fn a_spool_of_rubbish_is_counted_from_its_mark() {
    let folder = tempfile::tempdir().expect("a folder");
    let (state, total) = filled(folder.path());
    fs::write(folder.path().join("spool/db"), vec![0x5A; 1 << 20]).expect("written");
    fs::write(folder.path().join("spool/conf"), b"rubbish").expect("written");
    survives(folder.path(), &state, total, "rubbish");
}

#[test]
fn a_lost_mark_never_lets_a_position_be_used_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let (before, total) = filled(folder.path());
    fs::write(folder.path().join("spool.mark"), b"").expect("cut");
    let mut store = open(folder.path());
    assert!(store.state().last > before.last + 1_000 && store.state().epoch == before.epoch);
    let mut controller = Controller::default();
    controller.drain(&mut store);
    assert_eq!(controller.down, total);
}

#[test]
fn a_disk_put_back_to_an_earlier_state_begins_a_new_epoch_for_what_is_new() {
    let folder = tempfile::tempdir().expect("a folder");
    let (before, _) = filled(folder.path());
    let mut store = open(folder.path());
    let new = entry(77, 350);
    store.append(&[&new], NOW).expect("kept");
    store.renew(before.last + 50, NOW).expect("renewed");
    let state = store.state();
    assert!(state.epoch > before.epoch && state.first == 1);
    drop(store);
    let mut store = open(folder.path());
    assert_eq!(store.state().epoch, state.epoch);
    let mut controller = Controller::default();
    controller.drain(&mut store);
    assert_eq!((controller.down, controller.gaps.len()), (down(&new), 0));
}

#[test]
fn two_agents_cannot_share_a_spool_and_nothing_is_moved_aside() {
    let folder = tempfile::tempdir().expect("a folder");
    let _first = open(folder.path());
    let second = Store::open(Paths::new(folder.path()), LIMITS, NOW);
    assert!(matches!(second, Err(StoreError::Locked)));
    assert!(folder.path().join("spool/db").exists());
}

/// A small file system in memory; `None` where the test may not mount one.
fn small_disk(megabytes: u32) -> Option<tempfile::TempDir> {
    let folder = tempfile::tempdir().expect("a folder");
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "tmpfs"])
        .arg(folder.path())
        .stderr(std::process::Stdio::null())
        .status();
    mounted.is_ok_and(|status| status.success()).then_some(folder)
}

fn unmount(folder: &Path) {
    let done = std::process::Command::new("umount").args(["-l"]).arg(folder).status();
    assert!(done.is_ok_and(|status| status.success()));
}

#[test]
fn a_full_disk_loses_nothing_that_was_kept_and_can_be_drained() {
    let Some(disk) = small_disk(24) else { return };
    let limits = Limits { cap_bytes: 1 << 30, ballast_bytes: 8 << 20 };
    let mut store = Store::open(Paths::new(disk.path()), limits, NOW).expect("opens");
    let (mut total, mut refused) = (0, 0);
    for n in 0..6_000 {
        let entry = entry(n, 900);
        match store.append(&[&entry], NOW) {
            Ok(()) => total += down(&entry),
            Err(error) => {
                assert!(matches!(error, StoreError::Full), "{error}");
                refused += 1;
                if refused > 3 {
                    break;
                }
            }
        }
    }
    assert!(refused > 3, "the disk never filled");
    drop(store);
    // A restart on a full disk: it opens, and everything that was kept is there.
    let mut store = Store::open(Paths::new(disk.path()), limits, NOW).expect("opens");
    assert!(store.state().last > 0, "{:?}", store.state());
    let mut controller = Controller::default();
    controller.drain(&mut store);
    assert_eq!((controller.down, controller.gaps.len()), (total, 0));
    // The controller has it all: there is room again.
    let epoch = store.state().epoch;
    store.ack(epoch, controller.applied, NOW).expect("recorded");
    store.append(&[&entry(1, 900)], NOW).expect("kept again");
    drop(store);
    unmount(disk.path());
}

#[test]
fn a_disk_that_cannot_be_written_stops_nobody() {
    let Some(disk) = small_disk(16) else { return };
    let (before, total) = filled(disk.path());
    let remount = |how: &str| {
        let done = std::process::Command::new("mount").args(["-o", how]).arg(disk.path()).status();
        assert!(done.is_ok_and(|status| status.success()));
    };
    remount("remount,ro");
    let mut store = open(disk.path());
    assert!(!store.state().trouble.is_empty());
    assert!(store.append(&[&entry(1, 1)], NOW).is_err());
    remount("remount,rw");
    store.append(&[&entry(500, 350)], NOW).expect("kept as soon as it can be");
    drop(store);
    survives(disk.path(), &before, total, "read-only for a while");
    unmount(disk.path());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Any order of appends, acknowledgements, drains and restarts: each octet arrives exactly once.
    #[test]
    fn any_history_arrives_exactly_once(steps in proptest::collection::vec((0u8..5, 1u32..700), 1..40)) {
        let folder = tempfile::tempdir().expect("a folder");
        let mut store = Some(open(folder.path()));
        let mut controller = Controller::default();
        let mut total = 0;
        for (n, (step, size)) in (0u64..).zip(steps) {
            let open_store = store.as_mut().expect("open");
            match step {
                0 | 1 => {
                    let entry = entry(n, size);
                    open_store.append(&[&entry, &Entry::default()], NOW).expect("kept");
                    total += down(&entry);
                }
                2 => controller.drain(open_store),
                3 => {
                    let epoch = open_store.state().epoch;
                    open_store.ack(epoch, controller.applied.saturating_sub(u64::from(size % 3)), NOW).expect("recorded");
                }
                _ => {
                    drop(store.take());
                    store = Some(open(folder.path()));
                }
            }
        }
        controller.drain(store.as_mut().expect("open"));
        prop_assert_eq!(controller.down, total);
        prop_assert!(controller.gaps.is_empty());
    }
}
