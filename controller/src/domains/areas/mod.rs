//! Areas: where customers live. A tree within a branch.
//!
//! Events: `area.created`, `area.changed`, `area.deleted`.

mod api;
pub mod store;
#[cfg(test)]
mod tests;

use lastmile_protocol::ids::{AreaId, BranchId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

pub use api::routes;

use crate::db::Tx;
use crate::domains::branches;
use crate::events::{self, Event};
use crate::kernel::fault::Check;
use crate::kernel::{Actor, Fault, text};

/// Longest name, characters.
pub const NAME_MAX: usize = 80;
/// Deepest tree: division, district, thana, ward, block, road, and two to spare.
pub const DEPTH_MAX: i64 = 8;

/// An area.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Area {
    /// Id.
    #[schema(value_type = String)]
    pub id: AreaId,
    /// Whose it is.
    #[schema(value_type = String)]
    pub branch_id: BranchId,
    /// The area around it.
    #[schema(value_type = Option<String>)]
    pub parent_id: Option<AreaId>,
    /// Unique beside its siblings.
    pub name: String,
    /// Customers who live here (not those of areas within).
    pub customers: i64,
}

/// A new area.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewArea {
    /// Unique beside its siblings.
    pub name: String,
    /// The area around it.
    #[schema(value_type = Option<String>)]
    pub parent_id: Option<AreaId>,
    /// Needed only where the caller has several branches and there is no parent.
    #[schema(value_type = Option<String>)]
    pub branch_id: Option<BranchId>,
}

/// A change of an area; what is absent stays.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AreaChange {
    /// New name.
    pub name: Option<String>,
    /// New place; null makes it a root.
    #[serde(default, deserialize_with = "crate::kernel::patch::given")]
    #[schema(value_type = Option<String>)]
    pub parent_id: Option<Option<AreaId>>,
}

/// Areas of the caller, by name.
///
/// # Errors
/// When the database fails.
pub async fn list(tx: &mut Tx) -> Result<Vec<Area>, Fault> {
    store::list(tx).await
}

/// One area.
///
/// # Errors
/// `NotFound` if it does not exist for this caller.
pub async fn load(tx: &mut Tx, id: AreaId) -> Result<Area, Fault> {
    store::load(tx, id).await?.ok_or(Fault::NotFound { what: "area" })
}

/// Makes an area.
///
/// # Errors
/// Wrong fields, a name that is taken, a parent that does not exist.
pub async fn create(tx: &mut Tx, actor: &Actor, new: &NewArea) -> Result<Area, Fault> {
    let name = checked_name(&new.name)?;
    let parent = match new.parent_id {
        Some(id) => Some(parent_area(tx, id).await?),
        None => None,
    };
    let branch = match (&parent, new.branch_id) {
        (Some(parent), Some(wanted)) if parent.branch_id != wanted => {
            return Err(Fault::field("parent_id", "belongs to another branch"));
        }
        (Some(parent), _) => parent.branch_id,
        (None, wanted) => branches::pick(tx, wanted).await?.id,
    };
    branches::must_cover(tx, branch)?;
    let id = tx.new_id::<AreaId>();
    store::insert(tx, id, branch, new.parent_id, &name).await?;
    let area = load(tx, id).await?;
    record(tx, actor, "area.created", &area, json!({ "after": fields(&area) })).await?;
    Ok(area)
}

/// Renames or moves an area.
///
/// # Errors
/// Not found, wrong fields, a name that is taken, a move into itself.
pub async fn change(tx: &mut Tx, actor: &Actor, id: AreaId, change: &AreaChange) -> Result<Area, Fault> {
    let before = load(tx, id).await?;
    tx.lock(&format!("areas:{}", before.branch_id)).await?;
    let name = change.name.as_deref().map_or_else(|| Ok(before.name.clone()), checked_name)?;
    let parent_id = change.parent_id.unwrap_or(before.parent_id);
    if let Some(parent) = parent_id.filter(|_| parent_id != before.parent_id) {
        if parent_area(tx, parent).await?.branch_id != before.branch_id {
            return Err(Fault::field("parent_id", "belongs to another branch"));
        }
        if store::is_below(tx, parent, id).await? {
            return Err(Fault::field("parent_id", "lies within this area"));
        }
    }
    if !store::update(tx, id, parent_id, &name).await? {
        return Err(Fault::NotFound { what: "area" });
    }
    let after = load(tx, id).await?;
    let data = json!({ "before": fields(&before), "after": fields(&after) });
    record(tx, actor, "area.changed", &after, data).await?;
    Ok(after)
}

/// Deletes an area in which nobody lives.
///
/// # Errors
/// Not found; `area_in_use` with how many customers and areas are in it.
pub async fn delete(tx: &mut Tx, actor: &Actor, id: AreaId) -> Result<(), Fault> {
    let area = load(tx, id).await?;
    let (customers, areas) = store::uses(tx, id).await?;
    if customers + areas > 0 {
        let detail = format!("{} is in use: {customers} customer(s) and {areas} area(s) are in it", area.name);
        return Err(Fault::conflict("area_in_use", detail));
    }
    if !store::delete(tx, id).await? {
        return Err(Fault::NotFound { what: "area" });
    }
    record(tx, actor, "area.deleted", &area, json!({ "before": fields(&area) })).await
}

async fn parent_area(tx: &mut Tx, id: AreaId) -> Result<Area, Fault> {
    let parent = store::load(tx, id).await?.ok_or_else(|| Fault::field("parent_id", "there is no such area"))?;
    if store::depth(tx, id).await? >= DEPTH_MAX {
        return Err(Fault::field("parent_id", format!("areas are at most {DEPTH_MAX} deep")));
    }
    Ok(parent)
}

fn checked_name(name: &str) -> Result<String, Fault> {
    let mut check = Check::new();
    let name = text::line(&mut check, "name", name, 1, NAME_MAX);
    check.done()?;
    Ok(name)
}

fn fields(area: &Area) -> serde_json::Value {
    json!({ "name": area.name, "parent_id": area.parent_id })
}

async fn record(
    tx: &mut Tx,
    actor: &Actor,
    kind: &'static str,
    area: &Area,
    data: serde_json::Value,
) -> Result<(), Fault> {
    let event = Event {
        kind,
        subject_kind: "area",
        subject_id: area.id.to_string(),
        branch_id: area.branch_id,
        customer_id: None,
        data,
        at_ms: tx.now_ms(),
    };
    events::record(tx, actor, event).await.map(|_| ())
}
