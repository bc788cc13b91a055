//! Resellers: who sells the ISP's lines under their own name. Which customers are theirs is kept with the customer.
//!
//! Events: `reseller.created`, `reseller.changed`.

mod api;
pub mod store;
#[cfg(test)]
mod tests;

use lastmile_protocol::ids::{BranchId, ResellerId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

pub use api::routes;

use crate::db::Tx;
use crate::domains::branches;
use crate::events::{self, Event};
use crate::kernel::fault::Check;
use crate::kernel::{Actor, At, Fault, phone, text};

/// Longest name, characters.
const NAME_MAX: usize = 120;

/// A reseller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Reseller {
    /// Id.
    #[schema(value_type = String)]
    pub id: ResellerId,
    /// The branch it belongs to.
    #[schema(value_type = String)]
    pub branch_id: BranchId,
    /// Unique in the branch.
    pub name: String,
    /// In E.164.
    pub phone: String,
    /// Whether it may be given customers.
    pub active: bool,
    /// Its customers.
    pub customers: i64,
    /// Since when.
    pub created_at: At,
}

/// A new reseller.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewReseller {
    /// Unique in the branch.
    pub name: String,
    /// As people write it; stored in E.164.
    pub phone: String,
    /// Needed only where the caller has several branches.
    #[schema(value_type = Option<String>)]
    pub branch_id: Option<BranchId>,
}

/// A change of a reseller; what is absent stays.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResellerChange {
    /// New name.
    pub name: Option<String>,
    /// New phone.
    pub phone: Option<String>,
    /// Whether it may be given customers. Those it has stay its own.
    pub active: Option<bool>,
}

/// Resellers of the caller, those in use first, by name. A reseller sees itself.
///
/// # Errors
/// When the database fails.
pub async fn list(tx: &mut Tx) -> Result<Vec<Reseller>, Fault> {
    store::list(tx, None).await
}

/// One reseller.
///
/// # Errors
/// `NotFound` if it does not exist for this caller.
pub async fn load(tx: &mut Tx, id: ResellerId) -> Result<Reseller, Fault> {
    store::list(tx, Some(id)).await?.pop().ok_or(Fault::NotFound { what: "reseller" })
}

/// Makes a reseller.
///
/// # Errors
/// Wrong fields, or a name that is taken.
pub async fn create(tx: &mut Tx, actor: &Actor, new: &NewReseller) -> Result<Reseller, Fault> {
    let branch = branches::pick(tx, new.branch_id).await?;
    if !tx.scope().covers(branch.id) {
        return Err(Fault::Forbidden { detail: "resellers are made by who sees the whole branch".to_owned() });
    }
    let (name, phone) = checked(&new.name, &new.phone)?;
    let id = tx.new_id::<ResellerId>();
    store::insert(tx, id, branch.id, &name, &phone).await?;
    let made = load(tx, id).await?;
    record(tx, actor, "reseller.created", &made, json!({ "after": fields(&made) })).await?;
    Ok(made)
}

/// Changes a reseller.
///
/// # Errors
/// Not found, wrong fields, or a name that is taken.
pub async fn change(tx: &mut Tx, actor: &Actor, id: ResellerId, change: &ResellerChange) -> Result<Reseller, Fault> {
    let before = load(tx, id).await?;
    let name = change.name.as_ref().unwrap_or(&before.name);
    let (name, phone) = checked(name, change.phone.as_ref().unwrap_or(&before.phone))?;
    let active = change.active.unwrap_or(before.active);
    if (&name, &phone, active) == (&before.name, &before.phone, before.active) {
        return Ok(before);
    }
    if !store::update(tx, id, &name, &phone, active).await? {
        return Err(Fault::NotFound { what: "reseller" });
    }
    let after = Reseller { name, phone, active, ..before.clone() };
    let data = json!({ "before": fields(&before), "after": fields(&after) });
    record(tx, actor, "reseller.changed", &after, data).await?;
    Ok(after)
}

fn checked(name: &str, given: &str) -> Result<(String, String), Fault> {
    let mut check = Check::new();
    let name = text::line(&mut check, "name", name, 1, NAME_MAX);
    let phone = phone::normalize(given);
    check.that(phone.is_some(), "phone", "must be a phone number such as 01712-345678 or +8801712345678");
    check.done()?;
    Ok((name, phone.unwrap_or_default()))
}

fn fields(reseller: &Reseller) -> serde_json::Value {
    json!({ "name": reseller.name, "phone": reseller.phone, "active": reseller.active })
}

async fn record(
    tx: &mut Tx,
    actor: &Actor,
    kind: &'static str,
    reseller: &Reseller,
    data: serde_json::Value,
) -> Result<(), Fault> {
    let event = Event {
        kind,
        subject_kind: "reseller",
        subject_id: reseller.id.to_string(),
        branch_id: reseller.branch_id,
        customer_id: None,
        data,
        at_ms: tx.now_ms(),
    };
    events::record(tx, actor, event).await.map(|_| ())
}
