//! Desired lines: what the agent has to make so.

use serde::{Deserialize, Serialize};

use crate::ids::{LineId, LineNo, RouterId};

/// Where a desired state stands in time. `incarnation` rises when a controller is restored from a backup, so
/// that it is obeyed again; `counter` rises with every change at the POP. Ordered by incarnation first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Generation {
    /// Life of the controller's database.
    pub incarnation: u32,
    /// Change counter of the POP; 0 = nothing yet.
    pub counter: u64,
}

/// Rows changed since `since` (counter 0 = all rows). Large pushes are split: `more` says that another frame
/// of the same push follows; the agent stores and obeys the whole when the last one has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DesiredPush {
    /// The agent's generation from which this is the difference.
    pub since: Generation,
    /// The generation that the agent has afterwards.
    pub until: Generation,
    /// Another frame of this push follows.
    pub more: bool,
    /// Changed or new lines.
    pub lines: Vec<DesiredLine>,
    /// Removed lines: explicit, with their ids. A line that is merely absent is left alone.
    pub tombstones: Vec<(LineNo, LineId)>,
    /// Lines of the whole desired state after this push.
    pub count: u32,
    /// Digest of the whole desired state after this push: SHA-256 over (line number u32 LE, counter u64 LE) of
    /// every line in order of line number.
    pub digest: [u8; 32],
    /// Newly held lines of this push that a person approved; the agent's own brake lets so many pass.
    pub approved_holds: u32,
}

/// What one line has to be.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DesiredLine {
    /// Number within the POP.
    pub no: LineNo,
    /// Id; the mark on the router is `lastmile:<id>`.
    pub id: LineId,
    /// Counter of the POP at which this row changed last.
    pub counter: u64,
    /// The router that serves it.
    pub router: RouterId,
    /// How the customer comes in.
    pub access: Access,
    /// Speed.
    pub profile: Profile,
    /// Open, or held.
    pub open: bool,
}

impl core::fmt::Debug for DesiredLine {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "DesiredLine({:?}, {}, counter {}, open {})", self.no, self.id, self.counter, self.open)
    }
}

/// How the customer comes in. Append only.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Access {
    /// A PPP secret. Names and passwords are bytes: operators have stored every code page.
    Pppoe {
        /// Name of the secret.
        username: Vec<u8>,
        /// Its password.
        password: Vec<u8>,
    },
    /// A fixed address behind an interface of a Linux router.
    Static {
        /// IPv4 address as text.
        address: String,
        /// Interface name.
        interface: String,
    },
}

/// A speed profile; on RouterOS a PPP profile of this name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Name on the router.
    pub name: String,
    /// bit/s towards the customer; 0 = not limited.
    pub down_bps: u64,
    /// bit/s from the customer; 0 = not limited.
    pub up_bps: u64,
}
