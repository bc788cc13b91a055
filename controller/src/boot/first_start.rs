//! What a new database needs before anybody can work: roles, a branch, the mark of its key.

use crate::access::roles;
use crate::db::Db;
use crate::domains::{branches, settings};
use crate::kernel::{Currency, Scope};
use crate::secrets::Keyring;

/// The branch an ISP starts with; it is renamed in the console.
const FIRST_BRANCH: &str = "Head office";
const FIRST_ZONE: &str = "Asia/Dhaka";

/// Makes what is missing; changes nothing that is there.
pub(super) async fn ensure(db: &Db, keyring: &Keyring) -> anyhow::Result<()> {
    let mut tx = db.begin(&Scope::All).await?;
    tx.lock("first start").await?;
    roles::ensure_defaults(&mut tx).await?;
    if branches::list(&mut tx).await?.is_empty() {
        branches::add(&mut tx, FIRST_BRANCH, FIRST_ZONE, Currency::BDT).await?;
    }
    if settings::get(&mut tx, None, settings::SEAL_KEY_ID).await?.is_none() {
        settings::put(&mut tx, None, settings::SEAL_KEY_ID, &keyring.id()).await?;
    }
    tx.commit().await?;
    Ok(())
}
