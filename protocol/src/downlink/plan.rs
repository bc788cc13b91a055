//! What to poll, what is being looked at, and acknowledgements.

use serde::{Deserialize, Serialize};

use crate::ids::{LineNo, RouterId};

/// Everything up to and with `seq` of `epoch` is committed and fsynced at the controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// Epoch of the spool.
    pub epoch: u64,
    /// Last applied seq; everything before it is applied too. Acks never go back within a connection.
    pub seq: u64,
}

/// Alive; renews the lease. Sent every 10 seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ping {
    /// The controller's wall clock, milliseconds since 1970 UTC.
    pub wall_ms: i64,
}

/// Lines that somebody is looking at: polled every 5 seconds until `seconds` have passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// The whole list; it replaces the one before. At most 200.
    pub lines: Vec<LineNo>,
    /// How long from now.
    pub seconds: u16,
}

/// The routers of the POP and how to reach them. The whole; it replaces the one before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PollPlan {
    /// Rises with every change.
    pub version: u64,
    /// Seconds between polls of a router; 60 by default.
    pub poll_seconds: u16,
    /// Seconds of a usage interval; 300 by default.
    pub interval_seconds: u16,
    /// The routers.
    pub routers: Vec<RouterPlan>,
}

/// One router.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterPlan {
    /// The router.
    pub router: RouterId,
    /// Name, for people.
    pub name: String,
    /// What it is.
    pub kind: RouterKind,
    /// Host or address; empty for the Linux host that the agent runs on.
    pub host: String,
    /// TCP port; 8728 for the RouterOS API.
    pub port: u16,
    /// Log-in name.
    pub username: Vec<u8>,
    /// Log-in password.
    pub password: Vec<u8>,
    /// The most that a line of this router can carry, bit/s; bounds gaps and refuses nonsense. 1 Gbit/s by default.
    pub line_rate_bps: u64,
    /// Whether the agent may write on this router; if not, it reads only.
    pub enforce: bool,
}

impl core::fmt::Debug for RouterPlan {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "RouterPlan({}, {:?}, {}:{})", self.router, self.kind, self.host, self.port)
    }
}

/// What a router is. Append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RouterKind {
    /// MikroTik RouterOS over its binary API.
    RouterOs,
    /// The Linux host that the agent runs on.
    Linux,
}
