//! One look at every branch: approved lists first, then who has run out, then the brake, then the holds.

use std::collections::{BTreeMap, BTreeSet};

use lastmile_protocol::ids::{PackageId, SubscriptionId};

use super::brake::{self, Survey};
use super::freeze::{self, ClockWatch};
use super::rules::{self, Verdict, WINDOW_MS};
use super::store;
use crate::config::Config;
use crate::db::{Db, Tx};
use crate::domains::branches::{self, Branch};
use crate::domains::lines::{self, HoldReason, Subscription};
use crate::domains::packages;
use crate::kernel::{Actor, Clock, Fault, Scope};

/// Rows read at a time.
const PAGE: i64 = 1_000;
/// Lines held in one transaction.
const BATCH: usize = 100;

/// What one run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Lines that were held.
    pub held: usize,
    /// Branches in which a person is asked.
    pub asking: usize,
    /// Suspensions are frozen.
    pub frozen: bool,
}

/// The parts of the program that a run needs.
#[derive(Clone, Copy)]
pub(super) struct Means<'a> {
    pub db: &'a Db,
    pub clock: &'a dyn Clock,
    pub config: &'a Config,
    pub watch: &'a ClockWatch,
}

/// Looks at every branch once. A branch that fails does not stop the others; its error is given at the end.
///
/// # Errors
/// The first failure of a branch, or of the database.
pub async fn run(db: &Db, clock: &dyn Clock, config: &Config, watch: &ClockWatch) -> Result<Summary, Fault> {
    let means = Means { db, clock, config, watch };
    // The clock is looked at even where nobody is held: its ticks are what a later start is judged by.
    let frozen = freeze::look(db, clock, watch).await?;
    let mut summary = Summary { frozen, ..Summary::default() };
    if !config.dunning.enabled {
        return Ok(summary);
    }
    let mut tx = db.read(&Scope::All).await?;
    let all = branches::list(&mut tx).await?;
    tx.rollback().await?;
    let mut failed = None;
    for branch in &all {
        if let Err(fault) = run_branch(means, branch, &mut summary).await {
            tracing::error!(branch_id = %branch.id, error = %fault, "dunning failed in a branch");
            failed.get_or_insert(fault);
        }
    }
    failed.map_or(Ok(summary), Err)
}

async fn run_branch(means: Means<'_>, branch: &Branch, summary: &mut Summary) -> Result<(), Fault> {
    let scope = Scope::Branches(BTreeSet::from([branch.id]));
    if !summary.frozen {
        summary.held += work_approved(means, branch, &scope).await?;
    }
    let now_ms = means.clock.wall_ms();
    let mut tx = means.db.read(&scope).await?;
    let survey = survey(&mut tx, means.config, branch, now_ms).await?;
    tx.rollback().await?;
    let wanted = i64::try_from(survey.wanted.len()).unwrap_or(i64::MAX);
    let verdict = rules::verdict(survey.active, survey.held_before, wanted);
    let mut tx = means.db.begin(&scope).await?;
    match verdict {
        Verdict::Ask => {
            brake::ask(&mut tx, branch, &survey).await?;
            summary.asking += 1;
        }
        Verdict::Hold | Verdict::Nothing => brake::resolve(&mut tx, branch.id).await?,
    }
    tx.commit().await?;
    if verdict == Verdict::Hold && !summary.frozen {
        let ids: Vec<_> = survey.wanted.iter().map(|(id, _)| *id).collect();
        for batch in ids.chunks(BATCH) {
            let held = hold_batch(means, branch, &scope, batch).await?;
            summary.held += held.unwrap_or(0);
            if held.is_none() {
                break;
            }
        }
    }
    Ok(())
}

/// Who would be held, and how much of the limit is used.
async fn survey(tx: &mut Tx, config: &Config, branch: &Branch, now_ms: i64) -> Result<Survey, Fault> {
    let since = now_ms.saturating_sub(WINDOW_MS);
    let left_out: BTreeSet<SubscriptionId> = store::left_out(tx, branch.id, since).await?.into_iter().collect();
    let mut grace = Grace::default();
    let mut wanted = Vec::new();
    let mut after = String::new();
    loop {
        let page = lines::run_out(tx, branch.id, now_ms, &after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id.to_string();
        for subscription in page.iter().filter(|subscription| !left_out.contains(&subscription.id)) {
            let days = grace.days(tx, config, subscription.package_id).await?;
            let until = subscription.paid.until_ms;
            if let Some(until) = until.filter(|_| lines::is_overdue(until, days, now_ms, &branch.zone)) {
                wanted.push((subscription.id, until));
            }
        }
    }
    let (active, held_before) = counts(tx, branch, now_ms).await?;
    Ok(Survey { active, held_before, wanted })
}

/// Lines of the branch that count for the limit, and how much of it is used. Lines held within the window count as
/// active: otherwise the limit would shrink with each hold.
async fn counts(tx: &mut Tx, branch: &Branch, now_ms: i64) -> Result<(i64, i64), Fault> {
    let held_before = lines::count_new_holds(tx, branch.id, now_ms.saturating_sub(WINDOW_MS)).await?;
    let open = lines::count_open(tx, branch.id).await?;
    Ok((open.saturating_add(held_before), held_before))
}

/// Days of grace by package, read once.
#[derive(Default)]
struct Grace {
    known: BTreeMap<PackageId, i64>,
}

impl Grace {
    async fn days(&mut self, tx: &mut Tx, config: &Config, id: PackageId) -> Result<i64, Fault> {
        if let Some(days) = self.known.get(&id) {
            return Ok(*days);
        }
        let package = packages::load(tx, id).await?;
        let days = lines::grace_days(tx, config, &package).await?;
        self.known.insert(id, days);
        Ok(days)
    }
}

/// Holds a batch, if the limit and the clock still allow all of it; `None` if they do not.
async fn hold_batch(
    means: Means<'_>,
    branch: &Branch,
    scope: &Scope,
    batch: &[SubscriptionId],
) -> Result<Option<usize>, Fault> {
    let mut tx = means.db.begin(scope).await?;
    // Two runs at once would each see room for its own batch.
    tx.lock(&format!("dunning:{}", branch.id)).await?;
    let due = take_due(&mut tx, means.config, branch, batch).await?;
    let now_ms = tx.now_ms();
    let (active, held_before) = counts(&mut tx, branch, now_ms).await?;
    let wanted = i64::try_from(due.len()).unwrap_or(i64::MAX);
    let allowed = rules::verdict(active, held_before, wanted) != Verdict::Ask;
    if !allowed || means.watch.doubts(means.clock) || store::open_freeze(&mut tx).await?.is_some() {
        tx.rollback().await?;
        return Ok(None);
    }
    for subscription in &due {
        lines::hold_for_nonpayment(&mut tx, &Actor::system(), subscription, None).await?;
    }
    tx.commit().await?;
    Ok(Some(due.len()))
}

/// Takes these subscriptions for the transaction, in order, and keeps those that are still to be held.
async fn take_due(
    tx: &mut Tx,
    config: &Config,
    branch: &Branch,
    ids: &[SubscriptionId],
) -> Result<Vec<Subscription>, Fault> {
    let mut grace = Grace::default();
    let mut due = Vec::with_capacity(ids.len());
    for id in ids {
        let subscription = lines::lock(tx, *id).await?;
        let days = grace.days(tx, config, subscription.package_id).await?;
        let overdue = lines::is_overdue(subscription.paid.until_ms, days, tx.now_ms(), &branch.zone);
        if subscription.ended_at_ms.is_none() && overdue && !is_held(tx, *id).await? {
            due.push(subscription);
        }
    }
    Ok(due)
}

async fn is_held(tx: &mut Tx, id: SubscriptionId) -> Result<bool, Fault> {
    Ok(lines::holds_of(tx, id).await?.iter().any(|hold| hold.reason == HoldReason::Nonpayment))
}

/// Works through the approved lists of a branch: exactly the lines on them, and of those the ones that still have not
/// paid.
async fn work_approved(means: Means<'_>, branch: &Branch, scope: &Scope) -> Result<usize, Fault> {
    let mut tx = means.db.read(scope).await?;
    let approved = store::approved(&mut tx, branch.id).await?;
    tx.rollback().await?;
    let mut held = 0;
    for list in approved {
        loop {
            let mut tx = means.db.begin(scope).await?;
            if means.watch.doubts(means.clock) || store::open_freeze(&mut tx).await?.is_some() {
                return Ok(held);
            }
            tx.lock(&format!("dunning:{}", branch.id)).await?;
            let most = i64::try_from(BATCH).unwrap_or(i64::MAX);
            let batch = store::undone(&mut tx, list.id, most).await?;
            if batch.is_empty() {
                brake::finish(&mut tx, &list).await?;
                tx.commit().await?;
                break;
            }
            let due = take_due(&mut tx, means.config, branch, &batch).await?;
            for subscription in &due {
                lines::hold_for_nonpayment(&mut tx, &Actor::system(), subscription, Some(list.id)).await?;
            }
            for id in &batch {
                store::mark_done(&mut tx, list.id, *id).await?;
            }
            tx.commit().await?;
            held += due.len();
        }
    }
    Ok(held)
}
