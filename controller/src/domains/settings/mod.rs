//! Settings that live in the database: one text a key, for all branches or for one.
//!
//! The domain that owns a key gives it a type and a default; this room only keeps it.

pub mod store;

use lastmile_protocol::ids::BranchId;

use crate::db::Tx;
use crate::kernel::Fault;

/// Id of the key that seals secrets in this database, so that a wrong key is noticed at the start.
pub const SEAL_KEY_ID: &str = "secrets.key_id";

/// The value of a key: the branch's own, else the one for all.
///
/// # Errors
/// When the database fails.
pub async fn get(tx: &mut Tx, branch: Option<BranchId>, key: &str) -> Result<Option<String>, Fault> {
    if let Some(branch) = branch
        && let Some(value) = store::get(tx, &branch.to_string(), key).await?
    {
        return Ok(Some(value));
    }
    store::get(tx, "", key).await
}

/// Sets the value of a key, for one branch or for all.
///
/// # Errors
/// [`Fault::NotFound`] for a branch outside the caller's scope; [`Fault::Forbidden`] for all branches unless the caller
/// sees all.
pub async fn put(tx: &mut Tx, branch: Option<BranchId>, key: &str, value: &str) -> Result<(), Fault> {
    let owner = match branch {
        Some(branch) if tx.scope().covers(branch) => branch.to_string(),
        Some(_) => return Err(Fault::NotFound { what: "branch" }),
        None if *tx.scope() == crate::kernel::Scope::All => String::new(),
        None => return Err(Fault::Forbidden { detail: "this setting is for all branches".to_owned() }),
    };
    store::put(tx, &owner, key, value).await
}
