//! A new key: everything that is sealed under an older one is sealed anew, while everybody works.
//!
//! A new key is put first in the key file and the controller started again; the rest happens here, once. No list of
//! sealed columns is kept: every value of bytes in a table with one key column is looked at, and what an older key
//! opens in its very place is sealed anew. Older keys stay in the file: MACs of the past, and older backups, need them.

use super::{BackupError, store};
use crate::db::Db;
use crate::domains::settings;
use crate::jobs::{JobError, Registry};
use crate::kernel::{Fault, Scope};
use crate::secrets::Keyring;
use crate::web::App;

/// Kind of the job.
const RESEAL: &str = "secrets.reseal";
/// Between two looks, seconds. A look that has nothing to do reads one row.
const EVERY_SECONDS: u32 = 600;

/// The job.
pub(super) fn jobs(app: &App) -> Registry {
    let app = app.clone();
    Registry::new().every(RESEAL, EVERY_SECONDS, move |_| {
        let app = app.clone();
        async move {
            match reseal(&app.db, &app.keyring).await {
                Ok(_) => Ok(()),
                Err(error) => Err(JobError::Retry(super::told(&error))),
            }
        }
    })
}

/// Seals anew what an older key has sealed, and says of how many values. Does nothing where the key is the one of the
/// last time.
///
/// # Errors
/// When the database fails. What was sealed anew stays so.
pub async fn reseal(db: &Db, keyring: &Keyring) -> Result<u64, BackupError> {
    let mut tx = db.read(&Scope::All).await?;
    let known = settings::get(&mut tx, None, settings::SEAL_KEY_ID).await?;
    if known.as_deref() == Some(&keyring.id()) {
        return Ok(0);
    }
    let mut places = Vec::new();
    for name in store::tables(&mut tx).await? {
        places.extend(store::sealed_places(&mut tx, &name).await?);
    }
    tx.rollback().await?;
    let mut count = 0;
    for place in &places {
        count += one_column(db, keyring, place).await?;
    }
    let mut tx = db.begin(&Scope::All).await?;
    settings::put(&mut tx, None, settings::SEAL_KEY_ID, &keyring.id()).await?;
    tx.commit().await?;
    tracing::info!(values = count, key = keyring.id(), "everything is sealed under the new key");
    Ok(count)
}

async fn one_column(db: &Db, keyring: &Keyring, place: &store::Place) -> Result<u64, BackupError> {
    let (mut after, mut count) = (String::new(), 0);
    loop {
        let mut tx = db.read(&Scope::All).await?;
        let page = place.page(&mut tx, &after).await?;
        tx.rollback().await?;
        let Some((last, _)) = page.last() else { return Ok(count) };
        after.clone_from(last);
        let mut anew = Vec::new();
        for (row, sealed) in page {
            if keyring.is_older(&sealed)
                && let Ok(clear) = keyring.open(&place.table, &row, &place.column, &sealed)
            {
                let fresh = keyring.seal(&place.table, &row, &place.column, &clear).map_err(Fault::from)?;
                anew.push((row, sealed, fresh));
            }
        }
        if anew.is_empty() {
            continue;
        }
        let mut tx = db.begin(&Scope::All).await?;
        for (row, sealed, fresh) in anew {
            // Somebody may have changed it meanwhile: then it is sealed under the new key already.
            count += place.replace(&mut tx, &row, sealed, fresh).await?;
        }
        tx.commit().await?;
    }
}
