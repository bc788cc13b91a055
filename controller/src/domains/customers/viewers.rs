//! Who looks after a customer beside its branch: a reseller, and people to whom it is assigned.
//!
//! Events: `customer.given` (to a reseller, or back to the branch), `customer.assigned`, `customer.unassigned`.

use lastmile_protocol::ids::{CustomerId, ResellerId, StaffId};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{Customer, load, record, store};
use crate::db::Tx;
use crate::domains::resellers;
use crate::kernel::{Actor, Fault};

/// People to whom one customer may be assigned.
const ASSIGNED_MAX: usize = 20;

/// A person or a reseller as it is shown beside a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Viewer {
    /// Id of the person or reseller.
    pub id: String,
    /// Name.
    pub name: String,
}

/// Who looks after a customer, as far as the caller may know them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Viewers {
    /// The reseller whose customer it is.
    pub reseller: Option<Viewer>,
    /// People to whom it is assigned, by name.
    pub assigned_to: Vec<Viewer>,
}

/// Who looks after a customer.
///
/// # Errors
/// When the database fails.
pub async fn viewers(tx: &mut Tx, id: CustomerId) -> Result<Viewers, Fault> {
    Ok(Viewers { reseller: store::reseller_of(tx, id).await?, assigned_to: store::assigned(tx, id).await? })
}

/// A customer of whom the caller decides: one whose branch they see as a whole.
async fn own(tx: &mut Tx, id: CustomerId) -> Result<Customer, Fault> {
    let customer = load(tx, id).await?;
    if tx.scope().covers(customer.branch_id) {
        return Ok(customer);
    }
    Err(Fault::Forbidden { detail: "that is for who sees the whole branch".to_owned() })
}

/// Gives a customer to a reseller, or back to the branch.
///
/// # Errors
/// Not found; a field error on `reseller_id` for one that is not there, not of the branch, or out of use.
pub async fn give_to_reseller(
    tx: &mut Tx,
    actor: &Actor,
    id: CustomerId,
    to: Option<ResellerId>,
) -> Result<Customer, Fault> {
    let customer = own(tx, id).await?;
    tx.lock(&format!("customer:{id}")).await?;
    let before = store::reseller_of(tx, id).await?;
    let after = match to {
        None => None,
        Some(reseller) => {
            let wrong = |why: &str| Fault::field("reseller_id", why);
            let reseller = resellers::load(tx, reseller).await.map_err(|fault| match fault {
                Fault::NotFound { .. } => wrong("there is no such reseller"),
                other => other,
            })?;
            if reseller.branch_id != customer.branch_id {
                return Err(wrong("belongs to another branch than the customer"));
            }
            if !reseller.active {
                return Err(wrong("is out of use"));
            }
            Some(Viewer { id: reseller.id.to_string(), name: reseller.name })
        }
    };
    if before == after {
        return Ok(customer);
    }
    store::set_reseller(tx, id, to).await?;
    let data = json!({ "before": { "reseller": before }, "after": { "reseller": after } });
    record(tx, actor, "customer.given", &customer, data).await?;
    Ok(customer)
}

/// Assigns a customer to a person: who sees assigned customers only, sees this one. Twice is once.
///
/// # Errors
/// Not found; a field error on `staff_id` for somebody who does not work here, or when too many have it.
pub async fn assign(tx: &mut Tx, actor: &Actor, id: CustomerId, staff: StaffId) -> Result<Customer, Fault> {
    let customer = own(tx, id).await?;
    tx.lock(&format!("customer:{id}")).await?;
    let person = store::person(tx, staff).await?;
    let person = person.ok_or_else(|| Fault::field("staff_id", "there is no such person who works here"))?;
    let before = store::assigned(tx, id).await?;
    if before.contains(&person) {
        return Ok(customer);
    }
    if before.len() >= ASSIGNED_MAX {
        return Err(Fault::field("staff_id", format!("a customer is assigned to at most {ASSIGNED_MAX} people")));
    }
    store::assign(tx, &customer, staff).await?;
    record(tx, actor, "customer.assigned", &customer, json!({ "staff": person })).await?;
    Ok(customer)
}

/// Takes a customer from a person.
///
/// # Errors
/// Not found.
pub async fn unassign(tx: &mut Tx, actor: &Actor, id: CustomerId, staff: StaffId) -> Result<Customer, Fault> {
    let customer = own(tx, id).await?;
    let person = store::assigned(tx, id).await?.into_iter().find(|person| person.id == staff.to_string());
    if !store::unassign(tx, id, staff).await? {
        return Err(Fault::NotFound { what: "assignment" });
    }
    record(tx, actor, "customer.unassigned", &customer, json!({ "staff": person })).await?;
    Ok(customer)
}
