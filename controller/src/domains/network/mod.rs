//! POPs, routers, agents, and the desired state of every line with what the agents proved of it.
//!
//! A line's new state is written here in the transaction of whatever caused it (a payment, a hold); `fleet` only
//! carries it to the agent. Numbers of lines are small, belong to one POP and are never given twice.
//!
//! Events: `pop.added|changed|deleted`, `router.added|changed|deleted`, `agent.invited|joined|revoked`.

mod anew;
mod api;
mod changes;
mod desired;
pub mod identity;
mod jobs;
mod join;
mod lookup;
mod progress;
mod routers;
mod rules;
mod state;
pub mod store;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use crate::db::Tx;
use crate::kernel::Fault;

pub use anew::{begin_anew, incarnation, release_withheld};
pub use api::routes;
pub use changes::{Changes, LineNames, changes_since, poll_plan};
pub use desired::{AccessInput, DesiredInput, put_line, remove_line, set_open};
pub use identity::{Identity, IdentityError};
pub use jobs::{forget_proofs, jobs};
pub use join::{Invitation, TOKEN_MS, invitation, invite, join, known, revoke, touch};
pub use lookup::{LineInfo, line, line_password};
pub use progress::{ANNOUNCED_MAX, ProofView, Source, apply_proofs, mark_sent, proofs};
pub use routers::{
    RouterInput, add_pop, add_router, change_router, delete_pop, delete_router, find_pop, find_router, pop_named,
    rename_pop, routers_of,
};
pub use state::{LineState, ObservedLine, ObservedSession, Steps, Wanted, line_states};
pub use store::agents::Agent;
pub use store::lines::Place;
pub use store::pops::{Mark, Pop};
pub use store::routers::{Router, kind_word};

/// Lines in scope that are not removed.
///
/// # Errors
/// When the database fails.
pub async fn line_count(tx: &mut Tx) -> Result<i64, Fault> {
    Ok(store::lines::count(tx).await?)
}

/// Where a line stands, removed or not.
///
/// # Errors
/// Unknown line.
pub async fn place(tx: &mut Tx, line: lastmile_protocol::ids::LineId) -> Result<Place, Fault> {
    store::lines::place(tx, line).await?.ok_or(Fault::NotFound { what: "line" })
}

/// How far every POP's desired state and poll plan have come: what a session compares with what it has sent.
///
/// # Errors
/// When the database fails.
pub async fn marks(tx: &mut Tx) -> Result<Vec<Mark>, Fault> {
    store::pops::marks(tx).await
}

/// Agents whose keys were revoked since a moment.
///
/// # Errors
/// When the database fails.
pub async fn revoked_since(tx: &mut Tx, since_ms: i64) -> Result<Vec<lastmile_protocol::ids::AgentId>, Fault> {
    store::agents::revoked_since(tx, since_ms).await
}
