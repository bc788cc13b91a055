//! Making, changing and ending subscriptions, together with the desired line that serves them.

use lastmile_protocol::downlink::Profile;
use lastmile_protocol::ids::{CustomerId, PackageId, RouterId, SubscriptionId};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::holds::{clear_nonpayment, ended};
use super::rules::{Paid, is_open, is_overdue, password_from, renew};
use super::{Subscription, grace_days, lock, record, store};
use crate::config::Config;
use crate::db::Tx;
use crate::domains::network::{self, AccessInput, DesiredInput};
use crate::domains::packages::{self, FAR_MS, Package, profile_name};
use crate::domains::{branches, customers};
use crate::kernel::{Actor, At, Fault, Rng, rng};
use crate::secrets::{Keyring, Secret};

/// Earliest `paid_until` that makes sense (year 2000).
const EARLIEST_MS: i64 = 946_684_800_000;

/// How the customer of a new subscription comes in.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum NewAccess {
    /// PPPoE on a RouterOS router.
    Pppoe {
        /// Name of the secret, unique at the POP.
        username: String,
        /// Its password; made when empty or absent.
        #[serde(default)]
        #[schema(value_type = Option<String>)]
        password: Option<Secret<String>>,
    },
    /// A fixed address behind an interface of a Linux router.
    Static {
        /// IPv4 address.
        address: String,
        /// Interface.
        interface: String,
    },
}

/// A changed access; an absent password stays as it is. Where the line changes from static to PPPoE, one is made.
pub type AccessChange = NewAccess;

/// A new subscription.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSubscription {
    /// Who buys.
    #[schema(value_type = String)]
    pub customer_id: CustomerId,
    /// What.
    #[schema(value_type = String)]
    pub package_id: PackageId,
    /// Which router serves it.
    #[schema(value_type = String)]
    pub router_id: RouterId,
    /// How the customer comes in.
    pub access: NewAccess,
    /// Paid until; absent = one validity from now, null = unknown (such a line is never closed by itself).
    #[serde(default, deserialize_with = "crate::kernel::patch::given")]
    #[schema(value_type = Option<At>)]
    pub paid_until: Option<Option<At>>,
}

/// A change of a subscription; what is absent stays.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubscriptionChange {
    /// Another package: the speed changes at once, price and validity from the next payment on.
    #[schema(value_type = Option<String>)]
    pub package_id: Option<PackageId>,
    /// Another router.
    #[schema(value_type = Option<String>)]
    pub router_id: Option<RouterId>,
    /// Another access.
    pub access: Option<AccessChange>,
    /// Another date; null = unknown. Needs a permission of its own.
    #[serde(default, deserialize_with = "crate::kernel::patch::given")]
    #[schema(value_type = Option<At>)]
    pub paid_until: Option<Option<At>>,
}

/// Makes a subscription and its line, open.
///
/// # Errors
/// Unknown customer, package or router, those of different branches, wrong access fields, a username that is taken.
pub async fn create(
    tx: &mut Tx,
    keyring: &Keyring,
    actor: &Actor,
    new: NewSubscription,
) -> Result<Subscription, Fault> {
    let customer = customers::load(tx, new.customer_id).await.map_err(unknown("customer_id"))?;
    tx.widen(customer.branch_id).await?;
    let package = sold_package(tx, new.package_id, &customer).await?;
    check_router(tx, new.router_id, &customer).await?;
    let branch = branches::load(tx, customer.branch_id).await?;
    let now = tx.now_ms();
    let paid = match new.paid_until {
        Some(given) => dated(given, &branch)?,
        None => renew(Paid { until_ms: None, anniversary: None }, package.validity(), 1, now, &branch.zone)
            .map_err(|far| Fault::field("package_id", far.to_string()))?,
    };
    let desired = DesiredInput {
        line: None,
        router: new.router_id,
        access: access_input(tx, new.access, true)?,
        profile: profile(&package),
        open: true,
        approved_hold: false,
    };
    let line_id = network::put_line(tx, keyring, desired).await?;
    let count = branches::next_number(tx, &format!("subscriptions:{}", customer.id)).await?;
    let subscription = Subscription {
        id: tx.new_id(),
        branch_id: customer.branch_id,
        customer_id: customer.id,
        number: format!("{}-{count}", customer.number),
        package_id: package.id,
        line_id,
        paid,
        ended_at_ms: None,
        created_at_ms: now,
    };
    store::insert(tx, &subscription).await?;
    let data = json!({
        "number": subscription.number, "package": package.name, "package_id": package.id,
        "router_id": new.router_id, "line_id": line_id, "paid_until": paid.until_ms.map(At),
    });
    record(tx, actor, "subscription.created", &subscription, data).await?;
    Ok(subscription)
}

/// Changes package, router, access or date, and writes what the line has to be then.
///
/// # Errors
/// As [`create`]; `subscription_ended`.
pub async fn change(
    tx: &mut Tx,
    keyring: &Keyring,
    actor: &Actor,
    id: SubscriptionId,
    change: SubscriptionChange,
) -> Result<Subscription, Fault> {
    let before = lock(tx, id).await?;
    if before.ended_at_ms.is_some() {
        return Err(ended());
    }
    let customer = customers::load(tx, before.customer_id).await?;
    let mut after = before.clone();
    if let Some(package) = change.package_id.filter(|package| *package != before.package_id) {
        sold_package(tx, package, &customer).await?;
        after.package_id = package;
        store::set_package(tx, id, package).await?;
    }
    if let Some(given) = change.paid_until {
        let branch = branches::load(tx, before.branch_id).await?;
        after.paid = dated(given, &branch)?;
        set_paid(tx, &before, after.paid).await?;
        let data = json!({
            "paid_until": after.paid.until_ms.map(At),
            "before": { "paid_until": before.paid.until_ms.map(At) },
            "after": { "paid_until": after.paid.until_ms.map(At) },
        });
        record(tx, actor, "subscription.paid_until", &after, data).await?;
    }
    if let Some(router) = change.router_id {
        check_router(tx, router, &customer).await?;
    }
    let password_given = matches!(&change.access, Some(NewAccess::Pppoe { password: Some(_), .. }));
    let (line_before, line_after) = rewrite(tx, keyring, &mut after, change.router_id, change.access).await?;
    if before.package_id != after.package_id || line_before != line_after || password_given {
        let data = json!({
            "before": { "package_id": before.package_id, "line": line_before },
            "after": { "package_id": after.package_id, "line": line_after },
            "password_changed": password_given,
        });
        record(tx, actor, "subscription.changed", &after, data).await?;
    }
    Ok(after)
}

/// Writes the desired line of a subscription from its package, its holds, and what changes of router and access.
/// Gives what pages and the record of events may know of the line before and after.
pub(super) async fn rewrite(
    tx: &mut Tx,
    keyring: &Keyring,
    subscription: &mut Subscription,
    router: Option<RouterId>,
    access: Option<AccessChange>,
) -> Result<(serde_json::Value, serde_json::Value), Fault> {
    let line = network::line(tx, subscription.line_id).await?;
    let package = packages::load(tx, subscription.package_id).await?;
    let reasons: Vec<_> = store::holds(tx, subscription.id).await?.iter().map(|hold| hold.reason).collect();
    let was_pppoe = matches!(line.access, AccessInput::Pppoe { .. });
    let desired = DesiredInput {
        line: Some(subscription.line_id),
        router: router.or(line.router_id).ok_or_else(|| Fault::field("router_id", "is required"))?,
        access: access.map_or_else(|| Ok(line.access.clone()), |access| access_input(tx, access, !was_pppoe))?,
        profile: profile(&package),
        open: is_open(&reasons),
        approved_hold: false,
    };
    let id = network::put_line(tx, keyring, desired).await?;
    if id != subscription.line_id {
        store::set_line(tx, subscription.id, id).await?;
        subscription.line_id = id;
    }
    let after = network::line(tx, id).await?;
    Ok((told(&line), told(&after)))
}

/// Writes the line of a subscription again after its package has changed.
pub(super) async fn apply_package(tx: &mut Tx, keyring: &Keyring, id: SubscriptionId) -> Result<(), Fault> {
    let mut subscription = lock(tx, id).await?;
    if subscription.ended_at_ms.is_none() {
        rewrite(tx, keyring, &mut subscription, None, None).await?;
    }
    Ok(())
}

/// Sets how far a subscription is paid, of one that is taken already ([`lock`]). It clears no hold and records no
/// event: the caller knows why.
///
/// # Errors
/// `subscription_ended`.
pub async fn set_paid(tx: &mut Tx, subscription: &Subscription, paid: Paid) -> Result<(), Fault> {
    if store::set_paid(tx, subscription.id, paid).await? { Ok(()) } else { Err(ended()) }
}

/// Clears the nonpayment hold of a subscription whose date says that it is paid; says whether there was one.
///
/// # Errors
/// Not found.
pub async fn release_if_paid(tx: &mut Tx, config: &Config, actor: &Actor, id: SubscriptionId) -> Result<bool, Fault> {
    let subscription = lock(tx, id).await?;
    let package = packages::load(tx, subscription.package_id).await?;
    let branch = branches::load(tx, subscription.branch_id).await?;
    let until = subscription.paid.until_ms;
    let grace = grace_days(tx, config, &package).await?;
    if until.is_none() || is_overdue(until, grace, tx.now_ms(), &branch.zone) {
        return Ok(false);
    }
    clear_nonpayment(tx, actor, &subscription, "paid until was changed").await
}

/// Ends a subscription: its line is removed from the router.
///
/// # Errors
/// Not found, or `subscription_ended`.
pub async fn end(tx: &mut Tx, actor: &Actor, id: SubscriptionId) -> Result<(), Fault> {
    let subscription = lock(tx, id).await?;
    if subscription.ended_at_ms.is_some() || !store::end(tx, id).await? {
        return Err(ended());
    }
    network::remove_line(tx, subscription.line_id).await?;
    let data = json!({ "number": subscription.number, "paid_until": subscription.paid.until_ms.map(At) });
    record(tx, actor, "subscription.ended", &subscription, data).await
}

/// The PPPoE password of a subscription, shown to a person; that it was shown stands in the record.
///
/// # Errors
/// Not found, `subscription_ended`, or `no_password` for a static line.
pub async fn show_password(
    tx: &mut Tx,
    keyring: &Keyring,
    actor: &Actor,
    id: SubscriptionId,
) -> Result<Secret<String>, Fault> {
    let subscription = super::load(tx, id).await?;
    tx.widen(subscription.branch_id).await?;
    if subscription.ended_at_ms.is_some() {
        return Err(ended());
    }
    let password = network::line_password(tx, keyring, subscription.line_id)
        .await?
        .ok_or_else(|| Fault::conflict("no_password", "a static line has no password"))?;
    record(tx, actor, "subscription.password_shown", &subscription, json!({})).await?;
    Ok(password)
}

fn access_input(tx: &Tx, access: NewAccess, needs_password: bool) -> Result<AccessInput, Fault> {
    Ok(match access {
        NewAccess::Static { address, interface } => AccessInput::Static { address, interface },
        NewAccess::Pppoe { username, password } => {
            let given = password.map(Secret::into_inner).filter(|password| !password.is_empty());
            let password = match given {
                None if needs_password => Some(made_password(tx.rng())?),
                given => given,
            };
            AccessInput::Pppoe { username, password }
        }
    })
}

fn made_password(source: &dyn Rng) -> Result<String, Fault> {
    // 64 bytes leave fewer than 12 usable ones about once in the age of the universe; then the caller tries again.
    let random: [u8; 64] = rng::bytes(source);
    password_from(&random).ok_or_else(|| Fault::Unavailable { detail: "no password could be made; try again".into() })
}

fn profile(package: &Package) -> Profile {
    Profile {
        name: profile_name(package.down_bps, package.up_bps),
        down_bps: u64::try_from(package.down_bps).unwrap_or(0),
        up_bps: u64::try_from(package.up_bps).unwrap_or(0),
    }
}

fn dated(given: Option<At>, branch: &branches::Branch) -> Result<Paid, Fault> {
    check_date(given)?;
    let anniversary = given.map(|At(ms)| branch.zone.day(ms).day());
    Ok(Paid { until_ms: given.map(|At(ms)| ms), anniversary })
}

/// Refuses a date that makes no sense.
pub(super) fn check_date(given: Option<At>) -> Result<(), Fault> {
    match given {
        Some(At(ms)) if !(EARLIEST_MS..=FAR_MS).contains(&ms) => {
            Err(Fault::field("paid_until", "must lie between the years 2000 and 2200"))
        }
        _ => Ok(()),
    }
}

pub(super) async fn sold_package(tx: &mut Tx, id: PackageId, customer: &customers::Customer) -> Result<Package, Fault> {
    let package = packages::load(tx, id).await.map_err(unknown("package_id"))?;
    if package.branch_id != customer.branch_id {
        return Err(Fault::field("package_id", "belongs to another branch than the customer"));
    }
    if !package.active {
        return Err(Fault::field("package_id", "is not sold any more"));
    }
    Ok(package)
}

pub(super) async fn check_router(tx: &mut Tx, id: RouterId, customer: &customers::Customer) -> Result<(), Fault> {
    let router = network::find_router(tx, id).await.map_err(unknown("router_id"))?;
    if router.branch != customer.branch_id {
        return Err(Fault::field("router_id", "belongs to another branch than the customer"));
    }
    Ok(())
}

/// What a request names and is not there is a wrong field of the request, not a missing page.
fn unknown(field: &'static str) -> impl FnOnce(Fault) -> Fault {
    move |fault| match fault {
        Fault::NotFound { what } => Fault::field(field, format!("there is no such {what}")),
        other => other,
    }
}

/// What may be told of a line: never its password.
fn told(line: &network::LineInfo) -> serde_json::Value {
    let access = match &line.access {
        AccessInput::Pppoe { username, .. } => json!({ "kind": "pppoe", "username": username }),
        AccessInput::Static { address, interface } => {
            json!({ "kind": "static", "address": address, "interface": interface })
        }
    };
    json!({ "line_id": line.id, "router_id": line.router_id, "access": access })
}
