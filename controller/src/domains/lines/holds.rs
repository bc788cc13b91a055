//! Placing and clearing holds, and writing what the line has to be afterwards.

use lastmile_protocol::ids::{BrakeId, HoldId};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::rules::{HoldReason, is_open};
use super::{Hold, Subscription, lock, record, store, tell};
use crate::db::Tx;
use crate::domains::network;
use crate::kernel::fault::Check;
use crate::kernel::{Actor, At, Fault, text};

/// Longest note, characters.
const NOTE_MAX: usize = 500;

/// A hold to be placed by a person.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewHold {
    /// Why. `nonpayment` may be placed by hand too; a payment clears it.
    pub reason: HoldReason,
    /// In words.
    #[serde(default)]
    pub note: String,
}

/// Places a hold for a person; the line is closed.
///
/// # Errors
/// A note that is too long, `subscription_ended`, `already_held` when there is one of the same reason.
pub async fn place_hold(tx: &mut Tx, actor: &Actor, subscription: &Subscription, new: NewHold) -> Result<Hold, Fault> {
    let mut check = Check::new();
    let note = text::lines(&mut check, "note", &new.note, 0, NOTE_MAX);
    check.done()?;
    tx.widen(subscription.branch_id).await?;
    place(tx, actor, subscription, new.reason, note, None).await
}

/// Places the nonpayment hold for dunning; `brake` is the approved list on which the line stands.
///
/// # Errors
/// `subscription_ended`, or `already_held`.
pub async fn hold_for_nonpayment(
    tx: &mut Tx,
    actor: &Actor,
    subscription: &Subscription,
    brake: Option<BrakeId>,
) -> Result<Hold, Fault> {
    place(tx, actor, subscription, HoldReason::Nonpayment, String::new(), brake).await
}

async fn place(
    tx: &mut Tx,
    actor: &Actor,
    subscription: &Subscription,
    reason: HoldReason,
    note: String,
    brake: Option<BrakeId>,
) -> Result<Hold, Fault> {
    // Read again under the lock: what the caller holds may be older.
    let subscription = &lock(tx, subscription.id).await?;
    if subscription.ended_at_ms.is_some() {
        return Err(ended());
    }
    let holds = store::holds(tx, subscription.id).await?;
    let alone = holds.is_empty();
    if holds.iter().any(|hold| hold.reason == reason) {
        return Err(Fault::conflict("already_held", format!("there is a {} hold already", reason.as_str())));
    }
    let hold = Hold { id: tx.new_id(), reason, note, placed_by: actor.name.clone(), placed_at: At(tx.now_ms()) };
    store::place(tx, subscription, &hold, brake).await?;
    // A person who closes one line answers for it, as somebody who approves a list does for the list.
    let approved = brake.is_some() || reason != HoldReason::Nonpayment;
    apply(tx, subscription, approved).await?;
    let data = json!({
        "hold_id": hold.id, "reason": reason, "note": hold.note, "brake_id": brake,
        "paid_until": subscription.paid.until_ms.map(At),
    });
    record(tx, actor, "hold.placed", subscription, data).await?;
    if reason == HoldReason::Nonpayment && alone {
        tell::held(tx, subscription, &hold).await?;
    }
    Ok(hold)
}

/// Clears a hold for a person; the line opens if it was the last one. Nothing ever stands in the way of that.
///
/// # Errors
/// `NotFound` if it is not there or cleared already; a note that is too long.
pub async fn clear_hold(tx: &mut Tx, actor: &Actor, id: HoldId, note: &str) -> Result<(), Fault> {
    let mut check = Check::new();
    let note = text::lines(&mut check, "note", note, 0, NOTE_MAX);
    check.done()?;
    let (of, _) = store::open_hold(tx, id).await?.ok_or(Fault::NotFound { what: "hold" })?;
    let subscription = lock(tx, of).await?;
    let (_, hold) = store::open_hold(tx, id).await?.ok_or(Fault::NotFound { what: "hold" })?;
    clear(tx, actor, &subscription, &hold, &note).await?;
    if store::holds(tx, subscription.id).await?.is_empty() && subscription.ended_at_ms.is_none() {
        tell::opened(tx, &subscription, &hold).await?;
    }
    Ok(())
}

/// Clears the nonpayment hold of a subscription that is taken already ([`lock`]); says whether there was one.
///
/// # Errors
/// When the database fails.
pub async fn clear_nonpayment(
    tx: &mut Tx,
    actor: &Actor,
    subscription: &Subscription,
    note: &str,
) -> Result<bool, Fault> {
    let holds = store::holds(tx, subscription.id).await?;
    match holds.into_iter().find(|hold| hold.reason == HoldReason::Nonpayment) {
        Some(hold) => clear(tx, actor, subscription, &hold, note).await.map(|()| true),
        None => Ok(false),
    }
}

async fn clear(tx: &mut Tx, actor: &Actor, subscription: &Subscription, hold: &Hold, note: &str) -> Result<(), Fault> {
    if !store::clear(tx, hold.id, &actor.name, note).await? {
        return Err(Fault::NotFound { what: "hold" });
    }
    apply(tx, subscription, false).await?;
    let data = json!({
        "hold_id": hold.id, "reason": hold.reason, "note": note, "placed_at": hold.placed_at,
        "placed_by": hold.placed_by,
    });
    record(tx, actor, "hold.cleared", subscription, data).await
}

/// Writes into the desired line whether it is open.
async fn apply(tx: &mut Tx, subscription: &Subscription, approved: bool) -> Result<(), Fault> {
    if subscription.ended_at_ms.is_some() {
        return Ok(());
    }
    let reasons: Vec<_> = store::holds(tx, subscription.id).await?.iter().map(|hold| hold.reason).collect();
    network::set_open(tx, subscription.line_id, is_open(&reasons), approved).await?;
    Ok(())
}

pub(super) fn ended() -> Fault {
    Fault::conflict("subscription_ended", "the subscription has ended")
}
