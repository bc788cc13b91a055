//! Live rates: the newest value of each line, as datagrams that may be lost.

use serde::{Deserialize, Serialize};

use crate::codec;
use crate::ids::LineNo;

/// Rates read in one poll; a poll of many lines is spread over several datagrams.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveRates {
    /// When they were read, milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// The lines.
    pub lines: Vec<LineRate>,
}

impl LiveRates {
    /// Datagrams of at most `max_bytes` (and never above the cap of the frame) that carry these rates.
    #[must_use]
    pub fn datagrams(at_ms: i64, rates: &[LineRate], max_bytes: usize) -> Vec<Vec<u8>> {
        let room = max_bytes.min(crate::frame::FrameKind::LiveRates.cap());
        let per = (room.saturating_sub(Self::FIXED) / LineRate::BYTES).max(1);
        rates
            .chunks(per)
            .filter_map(|part| codec::encode(&Self { at_ms, lines: part.to_vec() }).ok())
            .filter(|bytes| bytes.len() <= room)
            .collect()
    }

    /// The most bytes of time and length.
    const FIXED: usize = 9 + 9;
}

impl LineRate {
    /// The most bytes of one line at rates below 4 Gbit/s; a faster one may cost its datagram a line less.
    const BYTES: usize = 5 + 5 + 5 + 1;
}

/// Rate of one line since the reading before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineRate {
    /// The line.
    pub line: LineNo,
    /// bit/s towards the customer.
    pub down_bps: u64,
    /// bit/s from the customer.
    pub up_bps: u64,
    /// Whether a PPPoE session (or the interface of the line) is up.
    pub online: bool,
}
