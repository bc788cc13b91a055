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
    /// Digest of the whole desired state after this push: [`digest`] over every line.
    pub digest: [u8; 32],
    /// Newly held lines of this push that a person approved; the agent's own brake lets so many pass.
    pub approved_holds: u32,
}

/// What all frames of one push have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PushHead {
    /// The agent's generation from which this is the difference.
    pub since: Generation,
    /// The generation that the agent has afterwards.
    pub until: Generation,
    /// Lines of the whole desired state afterwards.
    pub count: u32,
    /// [`digest`] of the whole desired state afterwards.
    pub digest: [u8; 32],
    /// Newly held lines that a person approved.
    pub approved_holds: u32,
}

impl DesiredPush {
    /// Cuts a push into frames that keep their cap: at least one, all but the last with `more`.
    #[must_use]
    pub fn frames(head: PushHead, lines: Vec<DesiredLine>, tombstones: &[(LineNo, LineId)]) -> Vec<Self> {
        const TOMBSTONES: usize = 4_096;
        let mut frames = vec![Self::empty(head)];
        let mut bytes = 0;
        for line in lines {
            let size = line.wire_bytes();
            if bytes + size > FRAME_BYTES {
                frames.push(Self::empty(head));
                bytes = 0;
            }
            bytes += size;
            if let Some(frame) = frames.last_mut() {
                frame.lines.push(line);
            }
        }
        for part in tombstones.chunks(TOMBSTONES) {
            frames.push(Self { tombstones: part.to_vec(), ..Self::empty(head) });
        }
        let last = frames.len().saturating_sub(1);
        for (index, frame) in frames.iter_mut().enumerate() {
            frame.more = index < last;
        }
        frames
    }

    /// What this frame shares with the others of its push.
    #[must_use]
    pub fn head(&self) -> PushHead {
        PushHead {
            since: self.since,
            until: self.until,
            count: self.count,
            digest: self.digest,
            approved_holds: self.approved_holds,
        }
    }

    fn empty(head: PushHead) -> Self {
        Self {
            since: head.since,
            until: head.until,
            more: false,
            lines: Vec::new(),
            tombstones: Vec::new(),
            count: head.count,
            digest: head.digest,
            approved_holds: head.approved_holds,
        }
    }
}

/// Lines of one frame, bytes: below the cap of [`crate::frame::FrameKind::DesiredPush`].
const FRAME_BYTES: usize = 512 << 10;

/// Digest of a whole desired state: SHA-256 over (line number u32 LE, counter u64 LE) of every line, in order
/// of line number. The caller hands the lines in that order.
#[must_use]
pub fn digest(lines: impl IntoIterator<Item = (LineNo, u64)>) -> [u8; 32] {
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    for (no, counter) in lines {
        context.update(&no.0.to_le_bytes());
        context.update(&counter.to_le_bytes());
    }
    crate::identity::digest_bytes(context.finish())
}

impl DesiredLine {
    /// The most bytes that the line takes in a frame.
    fn wire_bytes(&self) -> usize {
        const FIXED: usize = 128;
        let access = match &self.access {
            Access::Pppoe { username, password } => username.len() + password.len(),
            Access::Static { address, interface } => address.len() + interface.len(),
        };
        FIXED + access + self.profile.name.len()
    }
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
