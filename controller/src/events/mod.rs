//! The record of what happened: rows that are only ever added, written in the transaction of what they tell.
//!
//! It is the audit trail, the customer's timeline and the trigger of live pages. Each domain declares its own kinds.
//! [`seal`] chains the rows in batches, so that whatever is done to them afterwards is found; what tells who a person
//! is stands apart and can be erased.
//! [`Hub`] carries hints and live values to whoever looks at the moment; it is fed only after a commit.

pub mod hub;
pub mod live;
mod personal;
pub mod presence;
pub mod seal;
pub mod store;

use lastmile_protocol::ids::{BranchId, CustomerId, EventId};

use crate::db::{Nudge, Tx};
use crate::kernel::{Actor, Fault};

pub use hub::{Hub, LiveEvent, WatchGuard};
pub use live::{LiveState, Sample};
pub use presence::{AgentLive, Presence};

/// Something that happened.
#[derive(Debug, Clone)]
pub struct Event {
    /// What: `payment.taken`. Words of the domain that records it.
    pub kind: &'static str,
    /// The kind of thing it happened to: `payment`.
    pub subject_kind: &'static str,
    /// Its id.
    pub subject_id: String,
    /// Whose it is.
    pub branch_id: BranchId,
    /// On whose timeline it shows.
    pub customer_id: Option<CustomerId>,
    /// What is needed to understand it: before and after, amounts, reasons. Never a secret.
    pub data: serde_json::Value,
    /// When, in milliseconds since 1970 UTC.
    pub at_ms: i64,
}

/// Records that `actor` caused `event`, in this transaction, and lets live pages know once it is committed.
///
/// # Errors
/// When the database refuses the row.
pub async fn record(tx: &mut Tx, actor: &Actor, event: Event) -> Result<EventId, Fault> {
    let id = tx.new_id::<EventId>();
    store::insert(tx, id, actor, &event).await?;
    tx.nudge(Nudge::Changed { kind: event.subject_kind, id: event.subject_id, branch: event.branch_id });
    if let Some(customer) = event.customer_id {
        tx.nudge(Nudge::Changed { kind: "customer", id: customer.to_string(), branch: event.branch_id });
    }
    Ok(id)
}
