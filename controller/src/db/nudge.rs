//! What a commit announces: hints to look again, never the facts themselves.

use lastmile_protocol::ids::{BranchId, PopId};

/// A hint that something changed. Whoever hears it reads the state again; one that is missed does no harm, since
/// everybody also looks by himself from time to time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Nudge {
    /// Desired lines of a POP changed: push them.
    Pop(PopId),
    /// A job was queued.
    Jobs,
    /// Something that pages show changed.
    Changed {
        /// What kind of thing: `customer`.
        kind: &'static str,
        /// Its id.
        id: String,
        /// Whose it is.
        branch: BranchId,
    },
    /// State of a POP, its agents or routers changed.
    Network {
        /// The POP.
        pop: PopId,
        /// Whose it is.
        branch: BranchId,
    },
    /// An agent's key was revoked: cut its connection.
    AgentRevoked(lastmile_protocol::ids::AgentId),
    /// The set of topics that somebody watches changed.
    Watched,
}
