//! Live rates: the newest value of each line, as datagrams that may be lost.

use serde::{Deserialize, Serialize};

use crate::ids::LineNo;

/// Rates read in one poll; a poll of many lines is spread over several datagrams.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveRates {
    /// When they were read, milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// The lines.
    pub lines: Vec<LineRate>,
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
