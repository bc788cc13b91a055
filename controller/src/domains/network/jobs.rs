//! Forgets old proofs.

use super::store;
use crate::db::Db;
use crate::jobs::{JobError, Registry};
use crate::kernel::{Fault, Scope};
use crate::web::App;

/// Between two runs, in seconds.
const EVERY_SECONDS: u32 = 24 * 3_600;
/// Lines that are looked at together.
const LINES: i64 = 100;
/// Proofs that one transaction removes, about.
const BATCH: i64 = 1_000;
const DAY_MS: i64 = 86_400_000;

/// The jobs of this domain.
#[must_use]
pub fn jobs(app: &App) -> Registry {
    let app = app.clone();
    Registry::new().every("network.forget_proofs", EVERY_SECONDS, move |_| {
        let app = app.clone();
        async move {
            let days = i64::from(app.config.retention.proofs_days);
            if days > 0 {
                let before_ms = app.clock.wall_ms().saturating_sub(days.saturating_mul(DAY_MS));
                let proofs = forget_proofs(&app.db, before_ms).await.map_err(JobError::from)?;
                tracing::info!(proofs, days, "old proofs were removed");
            }
            Ok(())
        }
    })
}

/// Removes proofs that were received before a moment, never the newest of a line. Payments and holds come in between:
/// each transaction is short. How many were removed.
///
/// # Errors
/// When the database fails; what was removed until then stays so.
pub async fn forget_proofs(db: &Db, before_ms: i64) -> Result<u64, Fault> {
    let (mut after, mut all) = (String::new(), 0);
    loop {
        let mut tx = db.read(&Scope::All).await?;
        let worn = store::proofs::worn(&mut tx, &after, before_ms, LINES).await?;
        tx.rollback().await?;
        let Some((last, _)) = worn.last() else { return Ok(all) };
        after = last.to_string();
        loop {
            let mut tx = db.begin(&Scope::All).await?;
            let mut left = BATCH;
            for (line, newest_ms) in &worn {
                if left <= 0 {
                    break;
                }
                let gone = store::proofs::purge(&mut tx, *line, before_ms.min(*newest_ms), left).await?;
                left -= i64::try_from(gone).unwrap_or(BATCH);
                all += gone;
            }
            tx.commit().await?;
            if left == BATCH {
                break;
            }
        }
    }
}
