//! The first messages of a connection. Frozen: their bytes never change, in no version, because two
//! programs of any age must be able to say why they cannot talk. New facts go into `extensions`.

use serde::{Deserialize, Serialize};

use crate::ids::{AgentId, PopId};

/// First frame from the agent, on the control stream.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Minor versions the agent speaks, best first. At most 16.
    pub minors: Vec<u16>,
    /// Bits of [`capability`].
    pub capabilities: u64,
    /// Version of the program, for people.
    pub agent_version: String,
    /// Secret of the single-use join token as [`crate::token::JoinToken::secret_text`] gives it; empty once the
    /// agent has joined.
    pub join_token: String,
    /// The agent's wall clock, milliseconds since 1970 UTC.
    pub wall_ms: i64,
    /// Room for later: (number, bytes). Unknown numbers are skipped. At most 16.
    pub extensions: Vec<(u16, Vec<u8>)>,
}

impl core::fmt::Debug for Hello {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let joins = !self.join_token.is_empty();
        write!(f, "Hello(minors {:?}, version {:?}, joins {joins})", self.minors, self.agent_version)
    }
}

/// First frame from the controller. No reply at all means: refused before a word was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HelloReply {
    /// Go on with this version.
    Welcome(Welcome),
    /// No common minor version; these are the controller's.
    VersionMismatch {
        /// Minor versions the controller speaks, best first.
        minors: Vec<u16>,
    },
    /// Not let in.
    Refused(Refusal),
}

/// The controller knows the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// Chosen minor version.
    pub minor: u16,
    /// Capabilities of the controller, bits of [`capability`].
    pub capabilities: u64,
    /// Who the agent is, by its key.
    pub agent: AgentId,
    /// The POP that the agent's key opens.
    pub pop: PopId,
    /// Name of the POP, for the technician's page.
    pub pop_name: String,
    /// The controller's wall clock, milliseconds since 1970 UTC.
    pub wall_ms: i64,
    /// Seconds for which the last desired state may still close lines after the last contact.
    pub lease_seconds: u32,
    /// Applied high-water marks of the agent's spool: (epoch, last applied seq), at most 16, newest last.
    pub applied: Vec<(u64, u64)>,
    /// Room for later: (number, bytes).
    pub extensions: Vec<(u16, Vec<u8>)>,
}

/// Why an agent is not let in. Append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// The key is on no agent's row, and there was no token.
    UnknownKey,
    /// The row of this key was revoked.
    Revoked,
    /// No such token.
    TokenUnknown,
    /// The token was used before.
    TokenUsed,
    /// The token is older than its 15 minutes.
    TokenExpired,
    /// The controller cannot answer now (database away); try again later.
    Busy,
}

/// Capability bits. Append only.
pub mod capability {
    /// Reads and enforces MikroTik RouterOS over its API.
    pub const ROUTEROS: u64 = 1;
    /// Reads and enforces the Linux host it runs on.
    pub const LINUX: u64 = 1 << 1;
    /// Understands zstd-compressed usage chunks.
    pub const ZSTD: u64 = 1 << 2;
}
