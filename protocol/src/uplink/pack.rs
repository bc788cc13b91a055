//! Columns of usage records: line numbers, times and octets each in a column of varints, then zstd level 1.
//!
//! Records are sorted by line and time, so that the line column is small steps and the time columns are
//! almost constant. Every value that the record type can hold survives (differences wrap): whether a record
//! makes sense is judged by whoever reads it, not by the wire.

use crate::ids::LineNo;
use crate::uplink::{UsageChunk, UsageRecord};
use crate::varint::{put, take, unzigzag, zigzag};

/// A chunk whose columns are not its records.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnpackError {
    /// It says that it has more records than a chunk may have.
    #[error("a usage chunk says it has {0} records, more than {max}", max = UsageChunk::MAX_RECORDS)]
    TooMany(u16),
    /// The columns do not decompress within their bound.
    #[error("the columns of a usage chunk do not decompress")]
    Compression,
    /// A column ends early, or holds what does not fit.
    #[error("the column {0} of a usage chunk is damaged")]
    Column(&'static str),
    /// Bytes are left over behind the last column.
    #[error("{0} bytes are left over behind the columns of a usage chunk")]
    Trailing(usize),
    /// The sums in the head are not those of the records.
    #[error("the octets of a usage chunk are not the sum of its records")]
    Sum,
}

/// The most bytes that one record takes before compression: line 5, times and octets 10 each.
const RECORD_BYTES: usize = 5 + 4 * 10;

const ZSTD_LEVEL: i32 = 1;

impl UsageChunk {
    /// The most records of one chunk: bounds what unpacking may take (about 90 KiB of columns).
    pub const MAX_RECORDS: usize = 2_048;

    /// Packs records, sorted by line and start. At most [`Self::MAX_RECORDS`] are taken: `None` for more, for
    /// none, or when the compressor fails. The caller bounds the bytes; see [`crate::uplink::usage_payloads`].
    #[must_use]
    pub fn pack(records: &[UsageRecord]) -> Option<Self> {
        if records.is_empty() || records.len() > Self::MAX_RECORDS {
            return None;
        }
        let mut sorted = records.to_vec();
        sorted.sort_unstable_by_key(|r| (r.line, r.start_ms, r.end_ms));
        let columns = zstd::bulk::compress(&write_columns(&sorted), ZSTD_LEVEL).ok()?;
        let (down_octets, up_octets) = sums(&sorted);
        Some(Self { records: u16::try_from(sorted.len()).ok()?, down_octets, up_octets, columns })
    }

    /// The records, by line and start.
    ///
    /// # Errors
    /// When the columns are not what the head says. Takes no more memory than [`Self::MAX_RECORDS`] records.
    pub fn unpack(&self) -> Result<Vec<UsageRecord>, UnpackError> {
        let count = usize::from(self.records);
        if count > Self::MAX_RECORDS {
            return Err(UnpackError::TooMany(self.records));
        }
        let raw = zstd::bulk::decompress(&self.columns, count * RECORD_BYTES).map_err(|_| UnpackError::Compression)?;
        let records = read_columns(&raw, count)?;
        if sums(&records) != (self.down_octets, self.up_octets) {
            return Err(UnpackError::Sum);
        }
        Ok(records)
    }
}

fn sums(records: &[UsageRecord]) -> (u64, u64) {
    records
        .iter()
        .fold((0u64, 0u64), |(down, up), r| (down.saturating_add(r.down_octets), up.saturating_add(r.up_octets)))
}

fn write_columns(records: &[UsageRecord]) -> Vec<u8> {
    let mut out = Vec::with_capacity(records.len() * 16);
    let mut line = 0u32;
    for record in records {
        put(&mut out, u64::from(record.line.0.wrapping_sub(line)));
        line = record.line.0;
    }
    let mut start = 0i64;
    for record in records {
        put(&mut out, zigzag(record.start_ms.wrapping_sub(start)));
        start = record.start_ms;
    }
    let mut length = 0i64;
    for record in records {
        let own = record.end_ms.wrapping_sub(record.start_ms);
        put(&mut out, zigzag(own.wrapping_sub(length)));
        length = own;
    }
    // Neighbours are different customers: their octets have nothing in common that a difference would show.
    for record in records {
        put(&mut out, record.down_octets);
    }
    for record in records {
        put(&mut out, record.up_octets);
    }
    out
}

fn read_columns(raw: &[u8], count: usize) -> Result<Vec<UsageRecord>, UnpackError> {
    let mut rest = raw;
    let mut records = Vec::with_capacity(count);
    let mut line = 0u32;
    for _ in 0..count {
        let step = take(&mut rest).and_then(|v| u32::try_from(v).ok()).ok_or(UnpackError::Column("line"))?;
        line = line.wrapping_add(step);
        records.push(UsageRecord { line: LineNo(line), start_ms: 0, end_ms: 0, down_octets: 0, up_octets: 0 });
    }
    let mut start = 0i64;
    for record in &mut records {
        start = start.wrapping_add(unzigzag(take(&mut rest).ok_or(UnpackError::Column("start"))?));
        record.start_ms = start;
    }
    let mut length = 0i64;
    for record in &mut records {
        length = length.wrapping_add(unzigzag(take(&mut rest).ok_or(UnpackError::Column("end"))?));
        record.end_ms = record.start_ms.wrapping_add(length);
    }
    for record in &mut records {
        record.down_octets = take(&mut rest).ok_or(UnpackError::Column("down"))?;
    }
    for record in &mut records {
        record.up_octets = take(&mut rest).ok_or(UnpackError::Column("up"))?;
    }
    match rest.len() {
        0 => Ok(records),
        left => Err(UnpackError::Trailing(left)),
    }
}
