//! Forgets old usage records; their totals by day stay.

use super::store;
use crate::db::Db;
use crate::domains::network;
use crate::jobs::{JobError, Registry};
use crate::kernel::{Fault, Scope};
use crate::web::App;

/// Between two runs, in seconds.
const EVERY_SECONDS: u32 = 24 * 3_600;
/// Chunks that one transaction removes, about.
const BATCH: i64 = 500;
/// The longest month.
const MONTH_MS: i64 = 31 * 86_400_000;

/// The jobs of this domain.
#[must_use]
pub fn jobs(app: &App) -> Registry {
    let app = app.clone();
    Registry::new().every("usage.forget_records", EVERY_SECONDS, move |_| {
        let app = app.clone();
        async move {
            let months = i64::from(app.config.retention.usage_months);
            if months > 0 {
                let before_ms = app.clock.wall_ms().saturating_sub(months.saturating_mul(MONTH_MS));
                let chunks = forget_records(&app.db, before_ms).await.map_err(JobError::from)?;
                tracing::info!(chunks, months, "old usage records were removed");
            }
            Ok(())
        }
    })
}

/// Removes chunks of records all of which ended before a moment, in short transactions. How many were removed.
///
/// # Errors
/// When the database fails; what was removed until then stays so.
pub async fn forget_records(db: &Db, before_ms: i64) -> Result<u64, Fault> {
    let mut tx = db.read(&Scope::All).await?;
    let pops = network::marks(&mut tx).await?;
    tx.rollback().await?;
    let mut all = 0;
    for mark in pops {
        for wide in [false, true] {
            loop {
                let mut tx = db.begin(&Scope::All).await?;
                let gone = store::chunks::purge(&mut tx, mark.pop, wide, before_ms, BATCH).await?;
                tx.commit().await?;
                all += gone;
                if gone == 0 {
                    break;
                }
            }
        }
    }
    Ok(all)
}
