//! The brake: asking a person about a list, and what the person decides.

use std::collections::BTreeSet;

use lastmile_protocol::ids::{BrakeId, BranchId, SubscriptionId};
use serde_json::json;

use super::freeze::checked_reason;
use super::jobs::RUN;
use super::{Brake, BrakeLine, load, rules, store};
use crate::db::Tx;
use crate::domains::branches::Branch;
use crate::events::{self, Event};
use crate::jobs;
use crate::kernel::{Actor, At, Fault};

/// A list that is older is replaced when it lacks lines that would be held now, milliseconds.
const STALE_MS: i64 = 3_600_000;
/// Most lines of one list; what is beyond is asked about after it.
const LIST_MAX: usize = 20_000;

/// What a look at a branch has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Survey {
    /// Lines that are open, and those held within the window.
    pub active: i64,
    /// Lines held within the window without an approved list.
    pub held_before: i64,
    /// Lines that would be held, by id, with their date.
    pub wanted: Vec<(SubscriptionId, i64)>,
}

/// Asks about these lines, unless they are being asked about already.
pub(super) async fn ask(tx: &mut Tx, branch: &Branch, survey: &Survey) -> Result<(), Fault> {
    if let Some(asking) = store::asking(tx, branch.id).await? {
        let listed: BTreeSet<SubscriptionId> = store::listed(tx, asking.id).await?.into_iter().collect();
        let fits = survey.wanted.iter().all(|(id, _)| listed.contains(id));
        if fits || tx.now_ms().saturating_sub(asking.created_at.0) < STALE_MS {
            return Ok(());
        }
        close(tx, &asking, "asking", "superseded", "dunning.brake_superseded").await?;
    }
    let listed = survey.wanted.get(..LIST_MAX).unwrap_or(&survey.wanted);
    let brake = Brake {
        id: tx.new_id(),
        branch_id: branch.id,
        branch_name: branch.name.clone(),
        state: "asking".to_owned(),
        active_lines: survey.active,
        limit: rules::limit(survey.active),
        held_before: survey.held_before,
        wanted: i64::try_from(survey.wanted.len()).unwrap_or(i64::MAX),
        listed: i64::try_from(listed.len()).unwrap_or(i64::MAX),
        done: 0,
        created_at: At(tx.now_ms()),
        decided_at: None,
        decided_by: None,
        reason: None,
    };
    store::insert(tx, &brake, listed).await?;
    tracing::warn!(
        branch_id = %branch.id, wanted = brake.wanted, limit = brake.limit, held_before = brake.held_before,
        "the brake asks: no line is held until a person decides"
    );
    record(tx, &Actor::system(), "dunning.brake_asks", &brake).await
}

/// Takes back what is being asked in a branch: few enough lines are left.
pub(super) async fn resolve(tx: &mut Tx, branch: BranchId) -> Result<(), Fault> {
    match store::asking(tx, branch).await? {
        Some(asking) => close(tx, &asking, "asking", "resolved", "dunning.brake_resolved").await,
        None => Ok(()),
    }
}

/// Closes an approved list that is worked through.
pub(super) async fn finish(tx: &mut Tx, brake: &Brake) -> Result<(), Fault> {
    close(tx, brake, "approved", "done", "dunning.brake_done").await
}

async fn close(tx: &mut Tx, brake: &Brake, from: &str, to: &str, kind: &'static str) -> Result<(), Fault> {
    if store::close(tx, brake.id, from, to).await? {
        record(tx, &Actor::system(), kind, brake).await?;
    }
    Ok(())
}

/// A person approves the list: its lines, and no others, are held by the job that is queued for it.
///
/// # Errors
/// Not found, a reason that is missing, `clock_frozen`, or `brake_decided` when it is not asked any more.
pub async fn approve(tx: &mut Tx, actor: &Actor, id: BrakeId, reason: &str) -> Result<Brake, Fault> {
    if store::open_freeze(tx).await?.is_some() {
        let detail = "the clock is doubted: clear the freeze first, then look at the list again";
        return Err(Fault::conflict("clock_frozen", detail));
    }
    let brake = decide(tx, actor, id, "approved", reason).await?;
    let now = tx.now_ms();
    jobs::enqueue(tx, RUN, &format!("brake:{id}"), &json!({}), now).await?;
    record(tx, actor, "dunning.brake_approved", &brake).await?;
    Ok(brake)
}

/// A person says no: these lines are left alone for 24 hours.
///
/// # Errors
/// As [`approve`], without the clock.
pub async fn dismiss(tx: &mut Tx, actor: &Actor, id: BrakeId, reason: &str) -> Result<Brake, Fault> {
    let brake = decide(tx, actor, id, "dismissed", reason).await?;
    record(tx, actor, "dunning.brake_dismissed", &brake).await?;
    Ok(brake)
}

async fn decide(tx: &mut Tx, actor: &Actor, id: BrakeId, state: &str, reason: &str) -> Result<Brake, Fault> {
    let before = load(tx, id).await?;
    let reason = checked_reason(reason)?;
    if !store::decide(tx, id, state, &actor.name, &reason).await? {
        let detail = format!("this list is not asked about any more: it is {}", before.state);
        return Err(Fault::conflict("brake_decided", detail));
    }
    load(tx, id).await
}

/// Lines of a brake's list, by subscription, after `after`.
///
/// # Errors
/// When the database fails.
pub async fn lines_of(tx: &mut Tx, id: BrakeId, after: &str, most: i64) -> Result<Vec<BrakeLine>, Fault> {
    store::lines(tx, id, after, most).await
}

async fn record(tx: &mut Tx, actor: &Actor, kind: &'static str, brake: &Brake) -> Result<(), Fault> {
    let event = Event {
        kind,
        subject_kind: "brake",
        subject_id: brake.id.to_string(),
        branch_id: brake.branch_id,
        customer_id: None,
        data: json!({
            "wanted": brake.wanted, "listed": brake.listed, "limit": brake.limit, "active_lines": brake.active_lines,
            "held_before": brake.held_before, "reason": brake.reason,
        }),
        at_ms: tx.now_ms(),
    };
    events::record(tx, actor, event).await.map(|_| ())
}
