//! Proofs: what the agent did for a line and what the router said afterwards.

use serde::{Deserialize, Serialize};

use crate::downlink::Generation;
use crate::ids::LineNo;

/// One step of making a line so, or one read-back of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// The line.
    pub line: LineNo,
    /// The desired state that it speaks of.
    pub generation: Generation,
    /// When, milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// How far it came.
    pub outcome: Outcome,
    /// What was seen on the router, when it was read.
    pub observed: Option<Observed>,
}

/// How far it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The router took the commands; not read back yet.
    Applied,
    /// Read back and as wanted.
    Verified,
    /// Not as wanted, with the reason.
    Failed(FailReason),
    /// Removed by tombstone, and read back absent.
    Removed,
}

/// Why a line is not as wanted. Append only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FailReason {
    /// The router does not answer.
    Unreachable,
    /// The router refuses the agent's log-in.
    AuthRefused,
    /// A foreign object has the name of this line and does not carry our mark.
    NameTaken,
    /// The router refused a command: its words.
    Refused(String),
    /// The commands were taken, but the read-back differs: what differs.
    Differs(String),
    /// Enforcement is frozen on this agent (its brake, or no lease): nothing was written.
    Frozen(String),
    /// The router row of this line is unknown or of a kind that cannot enforce it.
    NoRouter,
}

/// What the router said of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// When it was read, milliseconds since 1970 UTC.
    pub read_ms: i64,
    /// The PPP secret (or the static line) is there.
    pub present: bool,
    /// It is closed: secret disabled, or address in the held set.
    pub closed: bool,
    /// Profile name as the router has it.
    pub profile: String,
    /// `rate-limit` of that profile as the router writes it, or empty.
    pub rate: String,
    /// PPPoE sessions of this name (or the interface, for a static line).
    pub sessions: Vec<SessionSeen>,
}

/// A live PPPoE session, or the interface of a static line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionSeen {
    /// Address that the customer has, as text, or empty.
    pub address: String,
    /// MAC address (caller-id), as text, or empty.
    pub mac: String,
    /// How long it is up, seconds.
    pub uptime_seconds: u64,
}
