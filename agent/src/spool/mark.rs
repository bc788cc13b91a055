//! The high-water mark: a small file outside the store that says how far the spool had come.
//!
//! When the store is damaged, this file alone tells what was lost: the highest fsynced position, what had been
//! acknowledged, and the sums at both points. Two slots are written in turn, each with a counter and a
//! checksum, on pages of their own: a write that a power cut tears leaves the other slot.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use crate::files;
use crate::spool::value::Sums;

/// Distance of the slots: no smaller than what a disk writes at once.
const SLOT: u64 = 4_096;
const MAGIC: &[u8; 8] = b"lmmark01";
const FIELDS: usize = 12;
const BYTES: usize = 8 + FIELDS * 8 + 4;

/// How far the spool had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mark {
    /// Life of the spool.
    pub epoch: u64,
    /// Highest fsynced position; 0 before the first.
    pub last: u64,
    /// Sums at that position.
    pub last_sums: Sums,
    /// End of the usage at that position, milliseconds since 1970 UTC.
    pub last_end_ms: i64,
    /// Highest acknowledged position.
    pub acked: u64,
    /// Sums at that position.
    pub acked_sums: Sums,
    /// End of the usage at that position, milliseconds since 1970 UTC.
    pub acked_end_ms: i64,
}

/// The file.
#[derive(Debug)]
pub struct MarkFile {
    file: File,
    turn: u64,
}

impl MarkFile {
    /// Opens or makes the file; the newest whole slot, if any.
    ///
    /// # Errors
    /// When the file cannot be opened or read.
    pub fn open(path: &Path) -> io::Result<(Self, Option<Mark>)> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        files::sync_folder_of(path)?;
        let newest = [0, 1].into_iter().filter_map(|slot| read_slot(&file, slot)).max_by_key(|(turn, _)| *turn);
        let turn = newest.map_or(0, |(turn, _)| turn);
        Ok((Self { file, turn }, newest.map(|(_, mark)| mark)))
    }

    /// Writes the mark over the older slot, on disk when this returns.
    ///
    /// # Errors
    /// When the disk refuses; the newer slot is still whole then.
    pub fn write(&mut self, mark: &Mark) -> io::Result<()> {
        let turn = self.turn.wrapping_add(1);
        self.file.write_all_at(&encode(turn, mark), (turn % 2) * SLOT)?;
        self.file.sync_data()?;
        self.turn = turn;
        Ok(())
    }
}

fn encode(turn: u64, mark: &Mark) -> Vec<u8> {
    let fields: [u64; FIELDS] = [
        turn,
        mark.epoch,
        mark.last,
        mark.last_sums.records,
        mark.last_sums.down,
        mark.last_sums.up,
        mark.last_end_ms.cast_unsigned(),
        mark.acked,
        mark.acked_sums.records,
        mark.acked_sums.down,
        mark.acked_sums.up,
        mark.acked_end_ms.cast_unsigned(),
    ];
    let mut out = MAGIC.to_vec();
    for field in fields {
        out.extend_from_slice(&field.to_le_bytes());
    }
    let check = crc32fast::hash(&out);
    out.extend_from_slice(&check.to_le_bytes());
    out
}

fn read_slot(file: &File, slot: u64) -> Option<(u64, Mark)> {
    let mut bytes = [0; BYTES];
    file.read_exact_at(&mut bytes, slot * SLOT).ok()?;
    decode(&bytes)
}

fn decode(bytes: &[u8; BYTES]) -> Option<(u64, Mark)> {
    let (body, check) = bytes.split_last_chunk::<4>()?;
    if crc32fast::hash(body) != u32::from_le_bytes(*check) {
        return None;
    }
    let mut fields =
        body.strip_prefix(MAGIC)?.chunks_exact(8).filter_map(|b| b.try_into().ok().map(u64::from_le_bytes));
    let mut next = || fields.next();
    let turn = next()?;
    let mark = Mark {
        epoch: next()?,
        last: next()?,
        last_sums: Sums { records: next()?, down: next()?, up: next()? },
        last_end_ms: next()?.cast_signed(),
        acked: next()?,
        acked_sums: Sums { records: next()?, down: next()?, up: next()? },
        acked_end_ms: next()?.cast_signed(),
    };
    Some((turn, mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(last: u64) -> Mark {
        let sums = |n| Sums { records: n, down: n * 2, up: n * 3 };
        Mark {
            epoch: 7,
            last,
            last_sums: sums(last),
            last_end_ms: -5,
            acked: last / 2,
            acked_sums: sums(last / 2),
            acked_end_ms: 9,
        }
    }

    #[test]
    fn the_newest_whole_slot_is_read_whatever_was_torn() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("mark");
        let (mut file, none) = MarkFile::open(&path).expect("opens");
        assert_eq!(none, None);
        for last in 1..=9 {
            file.write(&mark(last)).expect("written");
            assert_eq!(MarkFile::open(&path).expect("opens").1, Some(mark(last)));
        }
        // The ninth write went to slot 1: tear it at every byte.
        for at in SLOT..SLOT + u64::try_from(BYTES).expect("small") {
            let whole = std::fs::read(&path).expect("read");
            file.file.write_all_at(&[0xA5], at).expect("torn");
            let found = MarkFile::open(&path).expect("opens").1;
            let same = std::fs::read(&path).expect("read") == whole;
            assert_eq!(found, Some(mark(if same { 9 } else { 8 })), "byte {at}");
            std::fs::write(&path, whole).expect("healed");
            file = MarkFile::open(&path).expect("opens").0;
        }
        std::fs::write(&path, b"short").expect("cut");
        assert_eq!(MarkFile::open(&path).expect("opens").1, None);
    }
}
