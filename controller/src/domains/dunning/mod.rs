//! Dunning: who is held for nonpayment, and everything that stands in the way of holding a city by mistake.
//!
//! A job looks every minute: running subscriptions whose days of grace are over are held, in batches that read the
//! state again. Before it holds anything it asks two things:
//! - the brake: would more lines of the branch be held within 24 hours than max(20, 5 %)? Then none is held, and a
//!   person is asked about the whole list. An approval covers exactly the lines on that list; a dismissal leaves them
//!   alone for 24 hours.
//! - the clock: has wall time moved against monotonic time, or did the program start before its last tick or long
//!   after it? Then nothing is held until a person says that the clock is right.
//!
//! Releasing is never asked about: payments and people open lines whatever stands here. An unknown date holds nobody.
//!
//! Events: `dunning.brake_asks`, `dunning.brake_approved`, `dunning.brake_dismissed`, `dunning.brake_superseded`,
//! `dunning.brake_resolved`, `dunning.brake_done`, `dunning.frozen`, `dunning.freeze_cleared`.

mod api;
mod approval;
mod brake;
mod freeze;
mod jobs;
mod rules;
mod run;
pub mod store;
#[cfg(test)]
mod tests;

use lastmile_protocol::ids::{BrakeId, BranchId, CustomerId, SubscriptionId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use api::routes;
pub use approval::ApproveBrake;
pub use brake::{approve, dismiss, lines_of};
pub use freeze::{ClockWatch, clear, freeze_after_restore};
pub use jobs::{RUN, jobs};
pub use run::{Summary, run};

use crate::db::Tx;
use crate::kernel::{At, Fault};

/// A list of lines about which a person is or was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Brake {
    /// Id.
    #[schema(value_type = String)]
    pub id: BrakeId,
    /// Whose lines.
    #[schema(value_type = String)]
    pub branch_id: BranchId,
    /// Name of the branch.
    pub branch_name: String,
    /// `asking`, `approved` (being worked through), `done`, `dismissed`, `superseded` (by a newer list) or `resolved`
    /// (fewer lines than the limit were left).
    pub state: String,
    /// Lines that were open, and those held within the last 24 hours.
    pub active_lines: i64,
    /// How many may be held within 24 hours.
    pub limit: i64,
    /// How many had been.
    pub held_before: i64,
    /// How many would have been held now.
    pub wanted: i64,
    /// How many stand on the list.
    pub listed: i64,
    /// How many of them are worked through after the approval.
    pub done: i64,
    /// When it was pulled.
    pub created_at: At,
    /// When a person decided.
    pub decided_at: Option<At>,
    /// Who.
    pub decided_by: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

/// A line on the list of a brake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct BrakeLine {
    /// The subscription.
    #[schema(value_type = String)]
    pub subscription_id: SubscriptionId,
    /// Its number.
    pub number: String,
    /// Whose it is.
    #[schema(value_type = String)]
    pub customer_id: CustomerId,
    /// Name of the customer.
    pub customer_name: String,
    /// Paid until, when the list was made.
    pub paid_until: At,
    /// When it was worked through.
    pub done_at: Option<At>,
}

/// A doubt about the clock that nobody has cleared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Freeze {
    /// `jumped`, `behind_last_tick` or `far_after_last_tick`.
    pub cause: String,
    /// How far the clock was from where it was expected, milliseconds; negative = behind.
    pub off_by_ms: i64,
    /// Since when, by the clock that is doubted.
    pub since: At,
}

/// A person's decision, with its reason.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// Why: 1 to 500 characters.
    pub reason: String,
}

/// Brakes of the caller in this state (`all`: in any), newest first.
///
/// # Errors
/// When the database fails.
pub async fn brakes(tx: &mut Tx, state: &str, most: i64) -> Result<Vec<Brake>, Fault> {
    store::list(tx, state, most).await
}

/// One brake.
///
/// # Errors
/// `NotFound` if it does not exist for this caller.
pub async fn load(tx: &mut Tx, id: BrakeId) -> Result<Brake, Fault> {
    store::load(tx, id).await?.ok_or(Fault::NotFound { what: "brake" })
}

/// The freeze that nobody has cleared.
///
/// # Errors
/// When the database fails.
pub async fn frozen(tx: &mut Tx) -> Result<Option<Freeze>, Fault> {
    store::open_freeze(tx).await
}
