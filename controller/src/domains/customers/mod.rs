//! Customers: who pays.
//!
//! The list of customers joins several domains and stands in `reports`.
//!
//! Events: `customer.created`, `customer.changed`, and those of [`viewers`].

mod api;
mod rules;
pub mod store;
#[cfg(test)]
mod tests;
mod viewers;

use lastmile_protocol::ids::{AreaId, BranchId, CustomerId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

pub use api::routes;
pub use rules::{fold, search_pattern};
pub use viewers::{Viewer, Viewers, assign, give_to_reseller, unassign, viewers};

use crate::db::Tx;
use crate::domains::{areas, branches, notices, settings};
use crate::events::{self, Event};
use crate::kernel::fault::Check;
use crate::kernel::{Actor, At, Fault, Scope, phone, text};

/// Longest name, characters.
pub const NAME_MAX: usize = 120;
/// Longest address, characters.
pub const ADDRESS_MAX: usize = 500;
/// Longest notes, characters.
pub const NOTES_MAX: usize = 4_000;
/// Name of the series of customer numbers; one for the whole ISP, so that a number says who it is in every office.
const SERIES: &str = "customers";

/// An area as it is shown beside something else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AreaName)]
pub struct AreaName {
    /// Id.
    #[schema(value_type = String)]
    pub id: AreaId,
    /// Name.
    pub name: String,
}

/// A customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Customer {
    /// Id.
    #[schema(value_type = String)]
    pub id: CustomerId,
    /// Whose it is.
    #[schema(value_type = String)]
    pub branch_id: BranchId,
    /// The number that people say: `LM-000123`.
    pub number: String,
    /// Name.
    pub name: String,
    /// In E.164: `+8801712345678`.
    pub phone: String,
    /// Where the customer lives.
    pub area: Option<AreaName>,
    /// Address.
    pub address: String,
    /// Notes of the staff.
    pub notes: String,
    /// Since when.
    pub created_at: At,
}

/// A new customer.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCustomer {
    /// Name.
    pub name: String,
    /// As people write it; stored in E.164.
    pub phone: String,
    /// Where the customer lives.
    #[schema(value_type = Option<String>)]
    pub area_id: Option<AreaId>,
    /// Address.
    #[serde(default)]
    pub address: String,
    /// Notes of the staff.
    #[serde(default)]
    pub notes: String,
    /// Needed only where the caller has several branches and no area is given.
    #[schema(value_type = Option<String>)]
    pub branch_id: Option<BranchId>,
}

/// A change of a customer; what is absent stays.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomerChange {
    /// New name.
    pub name: Option<String>,
    /// New phone.
    pub phone: Option<String>,
    /// New area; null = none.
    #[serde(default, deserialize_with = "crate::kernel::patch::given")]
    #[schema(value_type = Option<String>)]
    pub area_id: Option<Option<AreaId>>,
    /// New address.
    pub address: Option<String>,
    /// New notes.
    pub notes: Option<String>,
}

/// One customer.
///
/// # Errors
/// `NotFound` if there is none of this id for this caller.
pub async fn load(tx: &mut Tx, id: CustomerId) -> Result<Customer, Fault> {
    store::load(tx, id).await?.ok_or(Fault::NotFound { what: "customer" })
}

/// The customer as somebody who hears from us.
#[must_use]
pub fn recipient(customer: &Customer) -> notices::Recipient {
    notices::Recipient {
        branch_id: customer.branch_id,
        who: notices::Who::Customer(customer.id),
        name: customer.name.clone(),
        email: None,
        phone: Some(customer.phone.clone()),
        language: None,
    }
}

/// Makes a customer, with the next number.
///
/// # Errors
/// Wrong fields.
pub async fn create(tx: &mut Tx, actor: &Actor, new: NewCustomer) -> Result<Customer, Fault> {
    let area = area_of(tx, new.area_id).await?;
    let branch_id = match (&area, new.branch_id) {
        (Some((branch, _)), Some(wanted)) if *branch != wanted => {
            return Err(Fault::field("area_id", "belongs to another branch"));
        }
        (Some((branch, _)), _) => *branch,
        (None, wanted) => branches::pick(tx, wanted).await?.id,
    };
    let reseller = match *tx.scope() {
        Scope::Reseller { id, .. } => Some(id),
        Scope::Assigned { .. } | Scope::Customer { .. } => {
            return Err(Fault::Forbidden { detail: "customers are made by who sees their branch".to_owned() });
        }
        Scope::All | Scope::Branches(_) => None,
    };
    tx.widen(branch_id).await?;
    let mut customer = checked(Customer {
        id: tx.new_id(),
        branch_id,
        number: String::new(),
        name: new.name,
        phone: new.phone,
        area: area.map(|(_, name)| name),
        address: new.address,
        notes: new.notes,
        created_at: At(tx.now_ms()),
    })?;
    let count = branches::next_number(tx, SERIES).await?;
    let prefix = settings::text(tx, None, settings::CUSTOMER_PREFIX).await?;
    customer.number = rules::number(&prefix, count);
    let search = rules::search_text(&customer.number, &customer.name, &customer.phone);
    store::insert(tx, &customer, reseller, count, &search, &rules::fold(&customer.name)).await?;
    record(tx, actor, "customer.created", &customer, json!({ "after": fields(&customer) })).await?;
    Ok(customer)
}

/// Changes a customer.
///
/// # Errors
/// Not found, or wrong fields.
pub async fn change(tx: &mut Tx, actor: &Actor, id: CustomerId, change: CustomerChange) -> Result<Customer, Fault> {
    let before = load(tx, id).await?;
    let mut after = before.clone();
    if let Some(area_id) = change.area_id {
        let area = area_of(tx, area_id).await?;
        if area.as_ref().is_some_and(|(branch, _)| *branch != before.branch_id) {
            return Err(Fault::field("area_id", "belongs to another branch"));
        }
        after.area = area.map(|(_, name)| name);
    }
    after.name = change.name.unwrap_or(after.name);
    after.phone = change.phone.unwrap_or(after.phone);
    after.address = change.address.unwrap_or(after.address);
    after.notes = change.notes.unwrap_or(after.notes);
    let after = checked(after)?;
    if after == before {
        return Ok(after);
    }
    let search = rules::search_text(&after.number, &after.name, &after.phone);
    if !store::update(tx, &after, &search, &rules::fold(&after.name)).await? {
        return Err(Fault::NotFound { what: "customer" });
    }
    record(tx, actor, "customer.changed", &after, json!({ "before": fields(&before), "after": fields(&after) }))
        .await?;
    Ok(after)
}

/// Gives a customer another branch and a place in it. Who looked after it in the old one does not any more. What moves
/// along, and the events, are the caller's.
///
/// # Errors
/// A field error on `area_id`.
pub async fn relocate(
    tx: &mut Tx,
    customer: &Customer,
    branch: BranchId,
    area_id: Option<AreaId>,
) -> Result<Customer, Fault> {
    let area = area_of(tx, area_id).await?;
    if area.as_ref().is_some_and(|(of, _)| *of != branch) {
        return Err(Fault::field("area_id", "belongs to another branch"));
    }
    if !store::relocate(tx, customer.id, branch, area_id).await? {
        return Err(Fault::NotFound { what: "customer" });
    }
    load(tx, customer.id).await
}

async fn area_of(tx: &mut Tx, id: Option<AreaId>) -> Result<Option<(BranchId, AreaName)>, Fault> {
    let Some(id) = id else { return Ok(None) };
    match areas::load(tx, id).await {
        Ok(area) => Ok(Some((area.branch_id, AreaName { id, name: area.name }))),
        Err(Fault::NotFound { .. }) => Err(Fault::field("area_id", "there is no such area")),
        Err(other) => Err(other),
    }
}

fn checked(mut customer: Customer) -> Result<Customer, Fault> {
    let mut check = Check::new();
    customer.name = text::line(&mut check, "name", &customer.name, 1, NAME_MAX);
    customer.address = text::lines(&mut check, "address", &customer.address, 0, ADDRESS_MAX);
    customer.notes = text::lines(&mut check, "notes", &customer.notes, 0, NOTES_MAX);
    match phone::normalize(&customer.phone) {
        Some(phone) => customer.phone = phone,
        None => {
            check.that(false, "phone", "must be a phone number such as 01712-345678 or +8801712345678");
        }
    }
    check.done()?;
    Ok(customer)
}

fn fields(customer: &Customer) -> serde_json::Value {
    json!({
        "name": customer.name, "phone": customer.phone, "area": customer.area,
        "address": customer.address, "notes": customer.notes,
    })
}

async fn record(
    tx: &mut Tx,
    actor: &Actor,
    kind: &'static str,
    customer: &Customer,
    data: serde_json::Value,
) -> Result<(), Fault> {
    let event = Event {
        kind,
        subject_kind: "customer",
        subject_id: customer.id.to_string(),
        branch_id: customer.branch_id,
        customer_id: Some(customer.id),
        data,
        at_ms: tx.now_ms(),
    };
    events::record(tx, actor, event).await.map(|_| ())
}
