//! What can go wrong between the agent and a router, by what its reader has to do about it.

use super::codec::CodecError;

/// A command, or the whole connection, failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// No connection: wrong address, no route, port closed, no answer.
    #[error("cannot reach the router: {0}")]
    Unreachable(String),
    /// The router refuses name or password, or wants a log-in that sends them in clear.
    #[error("the router refuses the log-in: {0}")]
    AuthRefused(String),
    /// The router has as many API sessions as it allows.
    #[error("the router has too many API sessions: {0}")]
    SessionLimit(String),
    /// No answer to this command in time. The connection lives on.
    #[error("no answer within {0} ms")]
    Timeout(u64),
    /// The router refused this command.
    #[error("the router refused a command: {0}")]
    Trap(Trap),
    /// The router ended the connection and said why.
    #[error("the router ended the connection: {0}")]
    Fatal(String),
    /// The connection broke. What was printed until then is not the whole and was thrown away.
    #[error("the connection to the router was cut: {0}")]
    Cut(String),
    /// The router sent bytes that are no API.
    #[error("the router does not speak its API: {0}")]
    Protocol(#[from] CodecError),
}

impl ApiError {
    /// Whether the connection is of no use any more.
    #[must_use]
    pub const fn ends_connection(&self) -> bool {
        !matches!(self, Self::Timeout(_) | Self::Trap(_))
    }
}

/// A `!trap` (or several before one `!done`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trap {
    /// Category of the first: 0 missing item or command, 1 argument, 2 interrupted, 3 script, 4 general, 5 API, 6 TTY, 7 return value.
    pub category: Option<u8>,
    /// The router's words, of all of them.
    pub message: String,
}

impl core::fmt::Display for Trap {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.message)
    }
}
