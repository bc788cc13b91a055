//! Packages: speed, price, validity.
//!
//! A change of price or validity counts from the next renewal on; a change of speed moves every line of the package
//! to another profile, which the job [`SPEED_CHANGED`] does (the domain of lines, above this one, handles it).
//!
//! Events: `package.created`, `package.changed`, `package.deleted`.

mod api;
mod rules;
pub mod store;
#[cfg(test)]
mod tests;

use lastmile_protocol::ids::{BranchId, PackageId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

pub use api::routes;
pub use rules::{FAR_MS, TooFar, Validity, ValidityUnit, extend, profile_name};

use crate::db::Tx;
use crate::domains::branches;
use crate::events::{self, Event};
use crate::jobs;
use crate::kernel::fault::Check;
use crate::kernel::{Actor, Fault, Money, text};

/// Kind of the job that is queued when the speed of a package has changed; its payload is `{"package_id": …}`.
pub const SPEED_CHANGED: &str = "packages.speed_changed";
/// Longest name, characters.
pub const NAME_MAX: usize = 80;
/// Highest price: ten million taka in poisha. More is a slip of the finger.
pub const PRICE_MAX: i64 = 1_000_000_000;
/// Fastest line, bit/s: 100 Gbit/s.
pub const BPS_MAX: i64 = 100_000_000_000;
/// Most days of grace.
pub const GRACE_MAX: i64 = 365;

/// A package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Package {
    /// Id.
    #[schema(value_type = String)]
    pub id: PackageId,
    /// Whose it is.
    #[schema(value_type = String)]
    pub branch_id: BranchId,
    /// Unique in the branch.
    pub name: String,
    /// Price of one validity.
    pub price: Money,
    /// bit/s towards the customer; 0 = not limited.
    pub down_bps: i64,
    /// bit/s from the customer; 0 = not limited.
    pub up_bps: i64,
    /// Length of one validity, in units.
    pub validity_value: i64,
    /// The unit.
    pub validity_unit: ValidityUnit,
    /// Days after `paid_until` in which the line stays open; null = as the settings say.
    pub grace_days: Option<i64>,
    /// May be sold.
    pub active: bool,
}

impl Package {
    /// How long it lasts once it is paid.
    #[must_use]
    pub const fn validity(&self) -> Validity {
        Validity { value: self.validity_value, unit: self.validity_unit }
    }
}

/// A new package.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPackage {
    /// Unique in the branch.
    pub name: String,
    /// Price of one validity, in the currency of the branch.
    pub price: Money,
    /// bit/s towards the customer; 0 = not limited.
    pub down_bps: i64,
    /// bit/s from the customer; 0 = not limited.
    pub up_bps: i64,
    /// Length of one validity, in units.
    pub validity_value: i64,
    /// The unit.
    pub validity_unit: ValidityUnit,
    /// Days of grace; null = as the settings say.
    pub grace_days: Option<i64>,
    /// May be sold; yes when absent.
    pub active: Option<bool>,
    /// Needed only where the caller has several branches.
    #[schema(value_type = Option<String>)]
    pub branch_id: Option<BranchId>,
}

/// A change of a package; what is absent stays.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PackageChange {
    /// New name.
    pub name: Option<String>,
    /// New price.
    pub price: Option<Money>,
    /// New speed towards the customer, bit/s.
    pub down_bps: Option<i64>,
    /// New speed from the customer, bit/s.
    pub up_bps: Option<i64>,
    /// New length, in units.
    pub validity_value: Option<i64>,
    /// New unit.
    pub validity_unit: Option<ValidityUnit>,
    /// New days of grace; null = as the settings say.
    #[serde(default, deserialize_with = "crate::kernel::patch::given")]
    #[schema(value_type = Option<i64>)]
    pub grace_days: Option<Option<i64>>,
    /// May be sold.
    pub active: Option<bool>,
}

/// Packages of the caller: those that are sold first, by price.
///
/// # Errors
/// When the database fails.
pub async fn list(tx: &mut Tx) -> Result<Vec<Package>, Fault> {
    store::list(tx).await
}

/// One package.
///
/// # Errors
/// `NotFound` if it does not exist for this caller.
pub async fn load(tx: &mut Tx, id: PackageId) -> Result<Package, Fault> {
    store::load(tx, id).await?.ok_or(Fault::NotFound { what: "package" })
}

/// Makes a package.
///
/// # Errors
/// Wrong fields, or a name that is taken.
pub async fn create(tx: &mut Tx, actor: &Actor, new: NewPackage) -> Result<Package, Fault> {
    let branch = branches::pick(tx, new.branch_id).await?;
    branches::must_cover(tx, branch.id)?;
    let package = checked(
        Package {
            id: tx.new_id(),
            branch_id: branch.id,
            name: new.name,
            price: new.price,
            down_bps: new.down_bps,
            up_bps: new.up_bps,
            validity_value: new.validity_value,
            validity_unit: new.validity_unit,
            grace_days: new.grace_days,
            active: new.active.unwrap_or(true),
        },
        &branch,
    )?;
    store::insert(tx, &package).await?;
    record(tx, actor, "package.created", &package, json!({ "after": package })).await?;
    Ok(package)
}

/// Changes a package.
///
/// # Errors
/// Not found, wrong fields, or a name that is taken.
pub async fn change(tx: &mut Tx, actor: &Actor, id: PackageId, change: PackageChange) -> Result<Package, Fault> {
    let before = load(tx, id).await?;
    let branch = branches::load(tx, before.branch_id).await?;
    let after = checked(
        Package {
            id,
            branch_id: before.branch_id,
            name: change.name.unwrap_or_else(|| before.name.clone()),
            price: change.price.unwrap_or(before.price),
            down_bps: change.down_bps.unwrap_or(before.down_bps),
            up_bps: change.up_bps.unwrap_or(before.up_bps),
            validity_value: change.validity_value.unwrap_or(before.validity_value),
            validity_unit: change.validity_unit.unwrap_or(before.validity_unit),
            grace_days: change.grace_days.unwrap_or(before.grace_days),
            active: change.active.unwrap_or(before.active),
        },
        &branch,
    )?;
    if after == before {
        return Ok(after);
    }
    if !store::update(tx, &after).await? {
        return Err(Fault::NotFound { what: "package" });
    }
    if (before.down_bps, before.up_bps) != (after.down_bps, after.up_bps) {
        let now = tx.now_ms();
        jobs::enqueue(tx, SPEED_CHANGED, &id.to_string(), &json!({ "package_id": id }), now).await?;
    }
    record(tx, actor, "package.changed", &after, json!({ "before": before, "after": after })).await?;
    Ok(after)
}

/// Deletes a package that nobody has or had.
///
/// # Errors
/// Not found; `package_in_use` with the count.
pub async fn delete(tx: &mut Tx, actor: &Actor, id: PackageId) -> Result<(), Fault> {
    let package = load(tx, id).await?;
    let uses = store::uses(tx, id).await?;
    if uses > 0 {
        let detail = format!("{} is in use by {uses} subscription(s); it can be taken off sale instead", package.name);
        return Err(Fault::conflict("package_in_use", detail));
    }
    if !store::delete(tx, id).await? {
        return Err(Fault::NotFound { what: "package" });
    }
    record(tx, actor, "package.deleted", &package, json!({ "before": package })).await
}

fn checked(mut package: Package, branch: &branches::Branch) -> Result<Package, Fault> {
    let mut check = Check::new();
    package.name = text::line(&mut check, "name", &package.name, 1, NAME_MAX);
    let price = package.price;
    check
        .that((1..=PRICE_MAX).contains(&price.minor()), "price", "must be more than 0 and at most 1,00,00,000.00")
        .that(price.currency() == branch.currency, "price", format!("must be in {}", branch.currency));
    for (field, bps) in [("down_bps", package.down_bps), ("up_bps", package.up_bps)] {
        let fine = bps == 0 || (1_000..=BPS_MAX).contains(&bps);
        check.that(fine, field, "must be 0 (not limited), or 1 kbit/s to 100 Gbit/s");
    }
    let most = package.validity_unit.most();
    let fine = (1..=most).contains(&package.validity_value);
    check.that(fine, "validity_value", format!("must be 1 to {most}"));
    let grace = package.grace_days.is_none_or(|days| (0..=GRACE_MAX).contains(&days));
    check.that(grace, "grace_days", format!("must be 0 to {GRACE_MAX}"));
    check.done()?;
    Ok(package)
}

async fn record(
    tx: &mut Tx,
    actor: &Actor,
    kind: &'static str,
    package: &Package,
    data: serde_json::Value,
) -> Result<(), Fault> {
    let event = Event {
        kind,
        subject_kind: "package",
        subject_id: package.id.to_string(),
        branch_id: package.branch_id,
        customer_id: None,
        data,
        at_ms: tx.now_ms(),
    };
    events::record(tx, actor, event).await.map(|_| ())
}
