//! Moving a customer to another branch.
//!
//! What is and what will be goes along: the customer, running subscriptions with their lines and open holds, the credit.
//! What was stays where it happened: payments, journals, ended subscriptions, events, usage. So the figures of the old
//! branch do not change by a move. The credit crosses by two journals, one in each branch's books, over an account in
//! which either branch owes the other.
//!
//! Events: `customer.moved_out` in the old branch, `customer.moved_in` in the new one.

use std::collections::BTreeMap;

use lastmile_protocol::ids::{AreaId, BranchId, CustomerId, PackageId, RouterId, SubscriptionId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::change::{check_router, rewrite, sold_package};
use super::{Subscription, lock, store};
use crate::db::Tx;
use crate::domains::branches::{self, Branch};
use crate::domains::customers::{self, Customer};
use crate::domains::ledger::{self, Account, Entry};
use crate::domains::{network, packages};
use crate::events::{self, Event};
use crate::kernel::fault::Check;
use crate::kernel::{Actor, Fault, FieldError, Money, text};
use crate::secrets::Keyring;

/// Longest reason, characters.
const REASON_MAX: usize = 500;

/// A move to another branch.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Move {
    /// The branch the customer moves to.
    #[schema(value_type = String)]
    pub branch_id: BranchId,
    /// Where the customer lives there.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub area_id: Option<AreaId>,
    /// Why, in words.
    pub reason: String,
    /// What serves each running subscription there. All of them are named.
    pub subscriptions: Vec<MoveSubscription>,
}

/// What serves a subscription in the other branch.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveSubscription {
    /// The subscription.
    #[schema(value_type = String)]
    pub id: SubscriptionId,
    /// A package of that branch. The date to which it is paid stays.
    #[schema(value_type = String)]
    pub package_id: PackageId,
    /// A router of that branch.
    #[schema(value_type = String)]
    pub router_id: RouterId,
}

/// What a move would need and do.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MovePreview {
    /// The branch of now.
    pub from: NamedBranch,
    /// The branch asked about.
    pub to: NamedBranch,
    /// What crosses to the books of the other branch.
    pub credit: Money,
    /// Running subscriptions: each needs a package and a router of the other branch.
    pub subscriptions: Vec<MoveNeeds>,
    /// The reseller and the people who will not look after the customer any more.
    pub loses: customers::Viewers,
    /// Why it cannot be, where it cannot: `currency_differs`, `no_package` or `no_router`.
    pub blocked: Option<String>,
}

/// A branch by name.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct NamedBranch {
    /// Id.
    #[schema(value_type = String)]
    pub id: BranchId,
    /// Name.
    pub name: String,
}

/// A running subscription that moves along.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MoveNeeds {
    /// The subscription.
    #[schema(value_type = String)]
    pub id: SubscriptionId,
    /// Its number.
    pub number: String,
    /// Its package of now.
    pub package: String,
    /// A package of the other branch that has the same name, or else the same speed.
    #[schema(value_type = Option<String>)]
    pub package_id: Option<PackageId>,
    /// The router of the other branch, where it has one that fits and no second.
    #[schema(value_type = Option<String>)]
    pub router_id: Option<RouterId>,
}

/// Who moves, from where, to where.
struct Journey {
    customer: Customer,
    from: Branch,
    to: Branch,
    credit: Money,
    running: Vec<Subscription>,
}

async fn journey(tx: &mut Tx, id: CustomerId, to: BranchId) -> Result<Journey, Fault> {
    let customer = customers::load(tx, id).await?;
    let no_branch = |field: &str| Fault::field(field, "there is no such branch");
    if !tx.scope().covers(customer.branch_id) {
        return Err(Fault::Forbidden { detail: "customers are moved by who sees both branches".to_owned() });
    }
    if !tx.scope().covers(to) {
        return Err(no_branch("branch_id"));
    }
    if to == customer.branch_id {
        return Err(Fault::field("branch_id", "is the customer's branch already"));
    }
    let from = branches::load(tx, customer.branch_id).await?;
    let to = branches::load(tx, to).await.map_err(|fault| match fault {
        Fault::NotFound { .. } => no_branch("branch_id"),
        other => other,
    })?;
    let credit = ledger::credit(tx, from.id, id, from.currency).await?;
    let mut running = super::of_customer(tx, id).await?;
    running.retain(|subscription| subscription.ended_at_ms.is_none());
    // Subscriptions are taken by id, everywhere.
    running.sort_by_key(|subscription| subscription.id);
    Ok(Journey { customer, from, to, credit, running })
}

/// What a move to a branch would need. Writes nothing.
///
/// # Errors
/// Not found; a field error on `branch_id`; `Forbidden` for who does not see both branches.
pub async fn preview_move(tx: &mut Tx, id: CustomerId, to: BranchId) -> Result<MovePreview, Fault> {
    let journey = journey(tx, id, to).await?;
    let mut offered = packages::list(tx).await?;
    offered.retain(|package| package.branch_id == to && package.active);
    let routers = network::routers_of(tx, to).await?;
    let mut subscriptions = Vec::with_capacity(journey.running.len());
    for subscription in &journey.running {
        let package = packages::load(tx, subscription.package_id).await?;
        let line = network::line(tx, subscription.line_id).await?;
        let like = offered.iter().find(|other| other.name == package.name).or_else(|| {
            offered.iter().find(|other| (other.down_bps, other.up_bps) == (package.down_bps, package.up_bps))
        });
        let mut fitting = routers.iter().filter(|router| line.access.fits(router.kind)).map(|router| router.id);
        let router_id = fitting.next().filter(|_| fitting.next().is_none());
        subscriptions.push(MoveNeeds {
            id: subscription.id,
            number: subscription.number.clone(),
            package_id: like.map(|package| package.id),
            package: package.name,
            router_id,
        });
    }
    let needs = !journey.running.is_empty();
    let blocked = if currency_stops(&journey) {
        Some("currency_differs")
    } else if needs && offered.is_empty() {
        Some("no_package")
    } else if needs && routers.is_empty() {
        Some("no_router")
    } else {
        None
    };
    Ok(MovePreview {
        from: named(&journey.from),
        to: named(&journey.to),
        credit: journey.credit,
        subscriptions,
        loses: customers::viewers(tx, id).await?,
        blocked: blocked.map(str::to_owned),
    })
}

/// Moves a customer to another branch, all of it or nothing.
///
/// # Errors
/// Not found; field errors for a branch, area, package or router that cannot be, or a subscription that is not named;
/// `currency_differs` when credit would have to be changed into another currency; `Forbidden` for who does not see both
/// branches.
pub async fn move_customer(
    tx: &mut Tx,
    keyring: &Keyring,
    actor: &Actor,
    id: CustomerId,
    wanted: Move,
) -> Result<Customer, Fault> {
    let mut check = Check::new();
    let reason = text::lines(&mut check, "reason", &wanted.reason, 1, REASON_MAX);
    check.done()?;
    tx.lock(&format!("customer:{id}")).await?;
    let planned = journey(tx, id, wanted.branch_id).await?;
    let plan = plan(&planned.running, &wanted.subscriptions)?;
    for subscription in &planned.running {
        lock(tx, subscription.id).await?;
    }
    // Once more, now that nobody else changes a subscription or its money.
    let journey = journey(tx, id, wanted.branch_id).await?;
    if journey.running.len() != planned.running.len() {
        return Err(Fault::Unavailable { detail: "the customer was changed at the same time; try again".to_owned() });
    }
    if currency_stops(&journey) {
        let detail =
            format!("the credit is in {}, the branch charges in {}", journey.from.currency, journey.to.currency);
        return Err(Fault::conflict("currency_differs", detail));
    }
    let moved = customers::relocate(tx, &journey.customer, journey.to.id, wanted.area_id).await?;
    let mut told = Vec::with_capacity(journey.running.len());
    for (index, subscription) in journey.running.iter().enumerate() {
        let Some((place, new)) = plan.get(&subscription.id) else {
            return Err(Fault::internal(format!("subscription {index} of a move has no plan")));
        };
        let moving = move_subscription(tx, keyring, subscription, &moved, new).await;
        told.push(moving.map_err(|fault| within(fault, *place))?);
    }
    carry_credit(tx, keyring, actor, &journey, &reason).await?;
    let data = json!({
        "from": named(&journey.from), "to": named(&journey.to), "reason": reason, "credit": journey.credit,
        "subscriptions": told,
        "before": { "branch": journey.from.name, "area": journey.customer.area },
        "after": { "branch": journey.to.name, "area": moved.area },
    });
    record(tx, actor, "customer.moved_out", journey.from.id, id, data.clone()).await?;
    record(tx, actor, "customer.moved_in", journey.to.id, id, data).await?;
    Ok(moved)
}

/// What was said for each running subscription, with its place in the request.
fn plan<'a>(
    running: &[Subscription],
    given: &'a [MoveSubscription],
) -> Result<BTreeMap<SubscriptionId, (usize, &'a MoveSubscription)>, Fault> {
    let mut check = Check::new();
    let mut plan = BTreeMap::new();
    for (index, new) in given.iter().enumerate().take(running.len() + 1) {
        let field = format!("subscriptions[{index}].id");
        let known = running.iter().any(|subscription| subscription.id == new.id);
        check.that(known, &field, "is no running subscription of this customer");
        check.that(plan.insert(new.id, (index, new)).is_none(), &field, "is named twice");
    }
    for missing in running.iter().filter(|subscription| !plan.contains_key(&subscription.id)) {
        check.that(false, "subscriptions", format!("{} needs a package and a router there", missing.number));
    }
    check.done()?;
    Ok(plan)
}

async fn move_subscription(
    tx: &mut Tx,
    keyring: &Keyring,
    before: &Subscription,
    customer: &Customer,
    new: &MoveSubscription,
) -> Result<Value, Fault> {
    let package = sold_package(tx, new.package_id, customer).await?;
    check_router(tx, new.router_id, customer).await?;
    let was = packages::load(tx, before.package_id).await?;
    if !store::set_branch(tx, before.id, customer.branch_id, package.id).await? {
        return Err(super::holds::ended());
    }
    let mut after = Subscription { branch_id: customer.branch_id, package_id: package.id, ..before.clone() };
    let (line_before, line_after) = rewrite(tx, keyring, &mut after, Some(new.router_id), None).await?;
    Ok(json!({
        "id": before.id, "number": before.number,
        "before": { "package": was.name, "line": line_before },
        "after": { "package": package.name, "line": line_after },
    }))
}

/// Field errors of one subscription, named by its place in the request.
fn within(fault: Fault, index: usize) -> Fault {
    let path = |field: &str| format!("subscriptions[{index}].{field}");
    match fault {
        Fault::Invalid(errors) => Fault::Invalid(
            errors.into_iter().map(|error| FieldError { field: path(&error.field), message: error.message }).collect(),
        ),
        // Its name or address is another line's there: another router, or another name before the move.
        Fault::Taken { message, .. } => Fault::field(path("router_id"), message),
        other => other,
    }
}

/// Credit is not changed from one currency into another.
fn currency_stops(journey: &Journey) -> bool {
    journey.credit.minor() != 0 && journey.from.currency != journey.to.currency
}

/// Two journals: the old branch owes the new one what it has of the customer, the new one owes it to the customer.
async fn carry_credit(
    tx: &mut Tx,
    keyring: &Keyring,
    actor: &Actor,
    journey: &Journey,
    reason: &str,
) -> Result<(), Fault> {
    let (from, to, credit) = (journey.from.id, journey.to.id, journey.credit);
    if credit.minor() == 0 {
        return Ok(());
    }
    let advance = Account::Advance(journey.customer.id);
    let mut books =
        [(from, "moved_out", advance, Account::Interbranch(to)), (to, "moved_in", Account::Interbranch(from), advance)];
    // One order of books everywhere: two moves in opposite directions do not wait for each other in a ring.
    books.sort_by_key(|(branch, ..)| *branch);
    for (branch, kind, debit, credited) in books {
        let legs = if credit.is_positive() {
            ledger::transfer(debit, credited, credit)
        } else {
            ledger::transfer(credited, debit, credit.negate()?)
        };
        let entry = Entry {
            branch,
            kind,
            reference: format!("customer:{}", journey.customer.id),
            note: reason.to_owned(),
            legs: legs.map_err(Fault::internal)?.to_vec(),
        };
        ledger::post(tx, keyring, actor, entry).await?;
    }
    Ok(())
}

fn named(branch: &Branch) -> NamedBranch {
    NamedBranch { id: branch.id, name: branch.name.clone() }
}

async fn record(
    tx: &mut Tx,
    actor: &Actor,
    kind: &'static str,
    branch: BranchId,
    customer: CustomerId,
    data: Value,
) -> Result<(), Fault> {
    let event = Event {
        kind,
        subject_kind: "customer",
        subject_id: customer.to_string(),
        branch_id: branch,
        customer_id: Some(customer),
        data,
        at_ms: tx.now_ms(),
    };
    events::record(tx, actor, event).await.map(|_| ())
}
