//! Health of the agent and its routers. Newest wins; not spooled.

use serde::{Deserialize, Serialize};

use crate::downlink::Generation;
use crate::ids::RouterId;

/// State of the agent, sent after each poll round and on every change, at most once a second.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// When, milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// Chunks in the spool that are not acknowledged.
    pub spool_chunks: u64,
    /// Usage records in them.
    pub spool_records: u64,
    /// Time of the oldest, milliseconds since 1970 UTC; 0 when none.
    pub spool_oldest_ms: i64,
    /// Bytes on disk that the spool may take.
    pub spool_cap_bytes: u64,
    /// Bytes on disk that it takes.
    pub spool_bytes: u64,
    /// Chunks dropped since the agent started.
    pub spool_dropped: u64,
    /// Chunks sent again since the agent started.
    pub resends: u64,
    /// Seconds since the agent started.
    pub uptime_seconds: u64,
    /// Lines that are on a router with our mark, but in no desired state.
    pub unlisted_lines: u32,
    /// Why no line is being closed at the moment (brake, lease, clock), or empty.
    pub frozen: String,
    /// Routers, in the order of the poll plan.
    pub routers: Vec<RouterHealth>,
}

/// One router as the agent sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterHealth {
    /// The router.
    pub router: RouterId,
    /// Reachable or why not.
    pub state: RouterState,
    /// In words, for people: the router's or the system's own message; empty when well.
    pub detail: String,
    /// Time of the last complete poll, milliseconds since 1970 UTC; 0 before the first.
    pub last_poll_ms: i64,
    /// How long that poll took, milliseconds.
    pub poll_took_ms: u32,
    /// PPPoE sessions (or interfaces up).
    pub online: u32,
    /// Sessions whose name is no line of ours.
    pub foreign: u32,
    /// Sum of the live rates, bit/s.
    pub down_bps: u64,
    /// As `down_bps`, from customers.
    pub up_bps: u64,
    /// Identity, as the router says it.
    pub identity: String,
    /// Board and version, as the router says them.
    pub board: String,
    /// Software version.
    pub version: String,
    /// CPU load in percent.
    pub cpu_percent: u8,
    /// Uptime in seconds.
    pub uptime_seconds: u64,
}

/// Whether a router answers. Append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RouterState {
    /// Not tried yet.
    Unknown,
    /// Answers.
    Healthy,
    /// No connection, or no answer in time.
    Unreachable,
    /// Log-in refused.
    AuthRefused,
    /// Answers, but the last poll was cut off or made no sense.
    Failing,
    /// Too many API sessions on the router.
    SessionLimit,
}

/// What desired state the agent has, sent after each push and after the hello.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DesiredStatus {
    /// The newest generation it has stored on disk.
    pub generation: Generation,
    /// Lines in it.
    pub lines: u32,
    /// Digest over them (see [`crate::downlink::digest`]); when it differs from the controller's the whole is pushed again.
    pub digest: [u8; 32],
}
