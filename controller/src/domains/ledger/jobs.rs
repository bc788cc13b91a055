//! Seals journals in batches, every minute.

use crate::jobs::{JobError, Registry};
use crate::kernel::Scope;
use crate::web::App;

/// Kind of the job.
const SEAL: &str = "ledger.seal";
/// Between two looks, seconds: the time in which a journal is protected by its own MAC alone.
const EVERY_SECONDS: u32 = 60;

/// The jobs of this domain.
#[must_use]
pub fn jobs(app: &App) -> Registry {
    let app = app.clone();
    Registry::new().every(SEAL, EVERY_SECONDS, move |_| seal_all(app.clone()))
}

async fn seal_all(app: App) -> Result<(), JobError> {
    loop {
        let mut tx = app.db.begin(&Scope::All).await?;
        let sealed = super::seal(&mut tx, &app.keyring).await?;
        tx.commit().await?;
        if sealed == 0 {
            return Ok(());
        }
    }
}
