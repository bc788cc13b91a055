//! Usage: octets per line and interval, and gaps.

use serde::{Deserialize, Serialize};

use crate::ids::{LineNo, RouterId};

/// Octets of one line between two readings of its counters. Down is towards the customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageRecord {
    /// The line.
    pub line: LineNo,
    /// Time of the earlier reading, milliseconds since 1970 UTC.
    pub start_ms: i64,
    /// Time of the later reading, milliseconds since 1970 UTC, after `start_ms`.
    pub end_ms: i64,
    /// Octets towards the customer.
    pub down_octets: u64,
    /// Octets from the customer.
    pub up_octets: u64,
}

/// Usage records as delta-coded columns, compressed with zstd level 1. `records` says how many,
/// so that a reader can bound its memory before it unpacks. Built and read by [`UsageChunk::pack`] and
/// [`UsageChunk::unpack`]; at most [`UsageChunk::MAX_RECORDS`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageChunk {
    /// Number of records.
    pub records: u16,
    /// Sum over the records, octets, so that a chunk that is lost later is lost with its size.
    pub down_octets: u64,
    /// As `down_octets`, from customers.
    pub up_octets: u64,
    /// The packed columns.
    #[serde(with = "crate::codec::bytes")]
    pub columns: Vec<u8>,
}

/// Why usage is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum GapCause {
    /// A PPPoE session ended between two readings: its last part was never read.
    SessionEnded,
    /// Counters went back without a session change (router rebooted, counter reset).
    CounterReset,
    /// A reading above what the line can carry was refused.
    AboveLineRate,
    /// The spool could not be opened and was moved aside.
    SpoolLost,
    /// The spool was full: the oldest chunks were dropped.
    SpoolDropped,
    /// Chunks failed their checksum.
    SpoolCorrupt,
}

/// A time for which usage is not known, with the most that it can have been.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Why.
    pub cause: GapCause,
    /// The line, or `None` where whole chunks were lost.
    pub line: Option<LineNo>,
    /// The router, where one is to blame.
    pub router: Option<RouterId>,
    /// From, milliseconds since 1970 UTC.
    pub start_ms: i64,
    /// Until, milliseconds since 1970 UTC.
    pub end_ms: i64,
    /// For a line: the most octets that can have passed (line rate × time). For lost chunks: exactly what they held.
    pub down_octets: u64,
    /// As `down_octets`, from customers.
    pub up_octets: u64,
    /// Lost chunks: (epoch, first seq, last seq); zeros for a line's gap.
    pub chunks: (u64, u64, u64),
}
