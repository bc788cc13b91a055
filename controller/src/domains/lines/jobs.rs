//! Gives the lines of a package its new speed.

use lastmile_protocol::ids::PackageId;

use super::change::apply_package;
use super::store;
use crate::domains::packages::SPEED_CHANGED;
use crate::jobs::{Job, JobError, Registry};
use crate::kernel::Scope;
use crate::web::App;

/// Lines that are written in one transaction.
const BATCH: i64 = 100;

/// The jobs of this domain.
#[must_use]
pub fn jobs(app: &App) -> Registry {
    let app = app.clone();
    Registry::new().handle(SPEED_CHANGED, move |job| apply_speed(app.clone(), job))
}

/// Every running subscription of the package, by id: a killed run starts again, and what has its speed already is left
/// as it is.
async fn apply_speed(app: App, job: Job) -> Result<(), JobError> {
    let text = job.payload.get("package_id").and_then(|id| id.as_str()).unwrap_or_default();
    let package: PackageId = text.parse().map_err(|_| JobError::Fail("the payload names no package".to_owned()))?;
    let mut after = String::new();
    loop {
        let mut tx = app.db.begin(&Scope::All).await?;
        let batch = store::of_package(&mut tx, package, &after, BATCH).await?;
        let Some(last) = batch.last() else { return Ok(()) };
        after = last.id.to_string();
        for subscription in &batch {
            apply_package(&mut tx, &app.keyring, subscription.id).await?;
        }
        tx.commit().await?;
    }
}
