//! Devices: what can be read ([`Counters`]) and what can be enforced ([`Lines`]). RouterOS's rx and tx are turned
//! round here, at the boundary: inside the agent *down* is towards the customer.

pub mod linux;
pub mod routeros;

use std::collections::BTreeMap;
use std::sync::Arc;

use lastmile_protocol::ids::LineNo;
use lastmile_protocol::uplink::{FailReason, RouterState};

use crate::core::meter::Moment;
use routeros::ApiError;

/// The lines of one router by the name that its counters stand under: PPPoE username, or interface.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    by_name: BTreeMap<Box<[u8]>, LineNo>,
}

impl Names {
    /// The line of a name.
    #[must_use]
    pub fn line(&self, name: &[u8]) -> Option<LineNo> {
        self.by_name.get(name).copied()
    }

    /// Names and their lines.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], LineNo)> {
        self.by_name.iter().map(|(name, line)| (&**name, *line))
    }
}

impl FromIterator<(Box<[u8]>, LineNo)> for Names {
    fn from_iter<I: IntoIterator<Item = (Box<[u8]>, LineNo)>>(names: I) -> Self {
        Self { by_name: names.into_iter().collect() }
    }
}

/// Counters of one line, as read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// The line.
    pub line: LineNo,
    /// What the counters belong to; see [`crate::core::meter::Reading::key`].
    pub key: u64,
    /// How long the session is up, milliseconds.
    pub uptime_ms: Option<u64>,
    /// A complete list of sessions, read just before, did not have it.
    pub fresh: bool,
    /// Octets towards the customer.
    pub down: u64,
    /// Octets from the customer.
    pub up: u64,
    /// The session (or the interface) is up.
    pub online: bool,
}

/// One complete reading of all counters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Lines that are up.
    pub rows: Vec<Count>,
    /// PPPoE sessions (or interfaces up), ours or not.
    pub online: u32,
    /// Those whose name is no line of ours.
    pub foreign: u32,
}

/// What a device says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Identity.
    pub identity: String,
    /// Board.
    pub board: String,
    /// Software version.
    pub version: String,
    /// CPU load in percent.
    pub cpu_percent: u8,
    /// Uptime in seconds.
    pub uptime_seconds: u64,
}

/// What can be read.
pub trait Counters {
    /// What the device says of itself.
    fn facts(&self) -> impl Future<Output = Result<Facts, DeviceError>> + Send;

    /// The counters of all lines.
    fn counts(&self, names: Arc<Names>) -> impl Future<Output = Result<Counts, DeviceError>> + Send;

    /// The counters of a few lines, as fast as can be.
    fn few(&self, names: &Names) -> impl Future<Output = Result<Vec<Count>, DeviceError>> + Send;
}

/// What can be enforced: read what concerns some lines, and change it.
pub trait Lines {
    /// What is seen of the lines.
    type View: Send;
    /// One change.
    type Action: Send + Sync;
    /// Which lines are looked at.
    type Scope: Send + Sync;

    /// Reads.
    fn observe(&self, scope: &Self::Scope, now: Moment)
    -> impl Future<Output = Result<Self::View, DeviceError>> + Send;

    /// Changes one thing.
    fn act(&self, action: &Self::Action) -> impl Future<Output = Result<(), DeviceError>> + Send;
}

/// A device failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// A RouterOS router.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The kernel's interfaces cannot be read.
    #[error("cannot read the interfaces of this host: {0}")]
    Netlink(String),
    /// The firewall of this host cannot be read or written.
    #[error("cannot use the firewall of this host: {0}")]
    Nft(String),
}

impl DeviceError {
    /// The state that it puts the router in.
    #[must_use]
    pub const fn state(&self) -> RouterState {
        match self {
            Self::Api(ApiError::Unreachable(_) | ApiError::Timeout(_)) => RouterState::Unreachable,
            Self::Api(ApiError::AuthRefused(_)) => RouterState::AuthRefused,
            Self::Api(ApiError::SessionLimit(_)) => RouterState::SessionLimit,
            _ => RouterState::Failing,
        }
    }

    /// Why a line cannot be made so.
    #[must_use]
    pub fn reason(&self) -> FailReason {
        match self {
            Self::Api(ApiError::AuthRefused(_)) => FailReason::AuthRefused,
            Self::Api(ApiError::Trap(trap)) => FailReason::Refused(trap.message.clone()),
            Self::Nft(words) => FailReason::Refused(words.clone()),
            _ => FailReason::Unreachable,
        }
    }

    /// Whether the connection has to be made anew. A router that stopped answering may have lost it without a
    /// word: a new log-in tells.
    #[must_use]
    pub const fn ends_connection(&self) -> bool {
        matches!(self, Self::Api(error) if error.ends_connection() || matches!(error, ApiError::Timeout(_)))
    }
}

/// A number that stands for these bytes (FNV-1a, 64 bits).
#[must_use]
pub fn key(parts: &[&[u8]]) -> u64 {
    parts
        .iter()
        .flat_map(|part| part.iter().chain(&[0xFF]))
        .fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3))
}
