//! Lines: what customers have bought (subscriptions) and the reasons why a line is closed (holds).
//!
//! A line is open while nothing holds it; after every change its desired state is written in the same transaction.
//! This domain decides nothing by itself: people place and clear holds, payments clear the nonpayment hold, dunning
//! places it.
//!
//! Events: `subscription.created`, `subscription.changed`, `subscription.paid_until`, `subscription.ended`,
//! `subscription.password_shown`, `hold.placed`, `hold.cleared`, `customer.moved_out`, `customer.moved_in`.

mod api;
mod approval;
mod change;
mod holds;
mod jobs;
mod moving;
#[cfg(test)]
mod moving_tests;
mod rules;
pub mod store;
mod tell;
#[cfg(test)]
mod tests;
mod view;

use lastmile_protocol::ids::{BranchId, CustomerId, HoldId, LineId, PackageId, SubscriptionId};
use serde::Serialize;
use utoipa::ToSchema;

pub use api::routes;
pub use approval::PaidUntil;
pub use change::{
    AccessChange, NewAccess, NewSubscription, SubscriptionChange, change, create, end, release_if_paid, set_paid,
    show_password,
};
pub use holds::{NewHold, clear_hold, clear_nonpayment, hold_for_nonpayment, place_hold};
pub use jobs::jobs;
pub use moving::{Move, MoveNeeds, MovePreview, MoveSubscription, NamedBranch, move_customer, preview_move};
pub use rules::{Facts, HoldReason, Paid, State, grace_until, is_open, is_overdue, renew, state};
pub use view::{LiveRate, PopName, RouterName, SubscriptionView, view, views};

use crate::config::Config;
use crate::db::Tx;
use crate::domains::packages::Package;
use crate::domains::settings;
use crate::events::{self, Event};
use crate::kernel::{Actor, At, Fault};

/// A subscription as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Id.
    pub id: SubscriptionId,
    /// Whose it is.
    pub branch_id: BranchId,
    /// Who has it.
    pub customer_id: CustomerId,
    /// The customer's number and a count: `LM-000123-1`.
    pub number: String,
    /// What was bought.
    pub package_id: PackageId,
    /// The desired line that serves it.
    pub line_id: LineId,
    /// How far it is paid.
    pub paid: Paid,
    /// When it ended, milliseconds since 1970 UTC.
    pub ended_at_ms: Option<i64>,
    /// When it began.
    pub created_at_ms: i64,
}

/// A reason why a line is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Hold {
    /// Id.
    #[schema(value_type = String)]
    pub id: HoldId,
    /// Why.
    pub reason: HoldReason,
    /// In words.
    pub note: String,
    /// Name of who placed it.
    pub placed_by: String,
    /// When.
    pub placed_at: At,
}

/// One subscription.
///
/// # Errors
/// `NotFound` if it does not exist for this caller.
pub async fn load(tx: &mut Tx, id: SubscriptionId) -> Result<Subscription, Fault> {
    store::load(tx, id).await?.ok_or(Fault::NotFound { what: "subscription" })
}

/// One subscription, taken for this transaction: nobody else changes it, what it is paid for, or its holds until the
/// transaction ends. Take subscriptions before anything of the POP, and several of them by id.
///
/// # Errors
/// `NotFound` if it does not exist for this caller.
pub async fn lock(tx: &mut Tx, id: SubscriptionId) -> Result<Subscription, Fault> {
    if !store::lock(tx, id).await? {
        return Err(Fault::NotFound { what: "subscription" });
    }
    let subscription = load(tx, id).await?;
    // Its line, its POP and its accounts change with it.
    tx.widen(subscription.branch_id).await?;
    Ok(subscription)
}

/// Subscriptions of a customer, oldest first, ended ones too.
///
/// # Errors
/// When the database fails.
pub async fn of_customer(tx: &mut Tx, customer: CustomerId) -> Result<Vec<Subscription>, Fault> {
    store::of_customer(tx, customer).await
}

/// The subscription that a line serves, if it is the caller's.
///
/// # Errors
/// When the database fails.
pub async fn by_line(tx: &mut Tx, line: LineId) -> Result<Option<Subscription>, Fault> {
    store::by_line(tx, &line.to_string()).await
}

/// Open holds of a subscription, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn holds_of(tx: &mut Tx, id: SubscriptionId) -> Result<Vec<Hold>, Fault> {
    store::holds(tx, id).await
}

/// Running subscriptions of a branch that have run out at `now_ms` (grace not counted) and are not held for it, by id,
/// after `after`, at most `most`.
///
/// # Errors
/// When the database fails.
pub async fn run_out(
    tx: &mut Tx,
    branch: BranchId,
    now_ms: i64,
    after: &str,
    most: i64,
) -> Result<Vec<Subscription>, Fault> {
    store::run_out(tx, branch, now_ms, after, most).await
}

/// Running subscriptions of a branch that nothing holds.
///
/// # Errors
/// When the database fails.
pub async fn count_open(tx: &mut Tx, branch: BranchId) -> Result<i64, Fault> {
    store::count_open(tx, branch).await
}

/// Nonpayment holds that were placed in a branch after `since_ms` and stand on no approved list.
///
/// # Errors
/// When the database fails.
pub async fn count_new_holds(tx: &mut Tx, branch: BranchId, since_ms: i64) -> Result<i64, Fault> {
    store::count_new(tx, branch, since_ms).await
}

/// Days of grace of a package.
///
/// # Errors
/// When the database fails.
pub async fn grace_days(tx: &mut Tx, config: &Config, package: &Package) -> Result<i64, Fault> {
    match package.grace_days {
        Some(days) => Ok(days),
        None => default_grace(tx, config, package.branch_id).await,
    }
}

/// Days of grace in a branch, where a package leaves them open: the setting, else the configuration file.
///
/// # Errors
/// When the database fails.
pub async fn default_grace(tx: &mut Tx, config: &Config, branch: BranchId) -> Result<i64, Fault> {
    let set = settings::integer(tx, Some(branch), settings::GRACE_DAYS).await?;
    Ok(set.unwrap_or_else(|| i64::from(config.dunning.grace_days)))
}

async fn record(
    tx: &mut Tx,
    actor: &Actor,
    kind: &'static str,
    subscription: &Subscription,
    data: serde_json::Value,
) -> Result<(), Fault> {
    let event = Event {
        kind,
        subject_kind: "subscription",
        subject_id: subscription.id.to_string(),
        branch_id: subscription.branch_id,
        customer_id: Some(subscription.customer_id),
        data,
        at_ms: tx.now_ms(),
    };
    events::record(tx, actor, event).await.map(|_| ())
}
