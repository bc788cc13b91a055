//! Branches: the offices of the ISP, with their time zone and currency, when they work, and the numbers that they give.
//!
//! Events: `branch.created`, `branch.changed`, `branch.removed`.

mod api;
mod calendar;
mod office;
mod rules;
pub mod store;
#[cfg(test)]
mod tests;

use lastmile_protocol::ids::BranchId;

pub use api::routes;
pub use calendar::{Calendar, WeekDay};
pub use office::{
    AccountInput, AccountKind, BranchAccount, BranchChange, Detail, Holiday, Manager, NewBranch, Office, calendar,
    change, create, detail, offices, remove,
};

use crate::db::Tx;
use crate::kernel::{Currency, Fault, Scope, Zone};

/// An office.
#[derive(Debug, Clone)]
pub struct Branch {
    /// Id.
    pub id: BranchId,
    /// Name.
    pub name: String,
    /// Name of its time zone.
    pub time_zone: String,
    /// Its time zone: days and months are computed in it.
    pub zone: Zone,
    /// What it charges in.
    pub currency: Currency,
}

/// Branches of the caller, by name.
///
/// # Errors
/// When the database fails.
pub async fn list(tx: &mut Tx) -> Result<Vec<Branch>, Fault> {
    store::list(tx).await
}

/// One branch.
///
/// # Errors
/// `NotFound` if it does not exist for this caller.
pub async fn load(tx: &mut Tx, id: BranchId) -> Result<Branch, Fault> {
    store::load(tx, id).await?.ok_or(Fault::NotFound { what: "branch" })
}

/// The branch in which something new is made: the one that was asked for, or the only one that the caller has.
///
/// # Errors
/// A field error on `branch_id` when it is not the caller's, or when there are several to choose from.
pub async fn pick(tx: &mut Tx, wanted: Option<BranchId>) -> Result<Branch, Fault> {
    if let Some(id) = wanted {
        return store::load(tx, id).await?.ok_or_else(|| Fault::field("branch_id", "there is no such branch"));
    }
    let mut all = store::list(tx).await?;
    match (all.pop(), all.is_empty()) {
        (Some(only), true) => Ok(only),
        (Some(_), false) => Err(Fault::field("branch_id", "is required: there are several branches")),
        (None, _) => Err(Fault::Forbidden { detail: "there is no branch in which this could be made".to_owned() }),
    }
}

/// Refuses who may read what this branch sells and does not see the branch as a whole.
///
/// # Errors
/// `Forbidden`.
pub fn must_cover(tx: &Tx, branch: BranchId) -> Result<(), Fault> {
    if tx.scope().covers(branch) {
        return Ok(());
    }
    Err(Fault::Forbidden { detail: "that is for who sees the whole branch".to_owned() })
}

/// Opens a branch.
///
/// # Errors
/// A field error for a time zone that does not exist, `Taken` for a name that does; `Forbidden` for who does not see
/// all branches.
pub async fn add(tx: &mut Tx, name: &str, time_zone: &str, currency: Currency) -> Result<Branch, Fault> {
    if *tx.scope() != Scope::All {
        return Err(Fault::Forbidden { detail: "branches are opened by who sees them all".to_owned() });
    }
    let zone = Zone::named(time_zone).map_err(|error| Fault::field("time_zone", error.to_string()))?;
    let id = tx.new_id();
    let branch = Branch { id, name: name.to_owned(), time_zone: time_zone.to_owned(), zone, currency };
    store::insert(tx, &branch).await?;
    Ok(branch)
}

/// The next number of a series. It belongs to this transaction: what rolls back gives its number back, and nobody
/// else gets a number of the series before this transaction ends.
///
/// # Errors
/// When the database fails.
pub async fn next_number(tx: &mut Tx, series: &str) -> Result<i64, Fault> {
    store::next_number(tx, series).await
}
