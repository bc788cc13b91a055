//! Runs dunning by the clock, and at once after a list was approved.

use std::sync::Arc;

use super::freeze::ClockWatch;
use crate::jobs::Registry;
use crate::kernel::Fault;
use crate::web::App;

/// Kind of the job.
pub const RUN: &str = "dunning.run";

/// The jobs of this domain. What the process knows of its clock begins here, so this is called once, at the start.
#[must_use]
pub fn jobs(app: &App) -> Registry {
    let (app, watch) = (app.clone(), Arc::new(ClockWatch::new()));
    let every = app.config.dunning.every_seconds;
    Registry::new().every(RUN, every, move |_| {
        let (app, watch) = (app.clone(), Arc::clone(&watch));
        async move {
            let summary = super::run(&app.db, &*app.clock, &app.config, &watch).await.map_err(retried)?;
            if summary.held > 0 {
                tracing::info!(held = summary.held, asking = summary.asking, "lines were held for nonpayment");
            }
            Ok(())
        }
    })
}

/// It comes again by the clock in any case; what failed now is shown until then.
fn retried(fault: Fault) -> crate::jobs::JobError {
    crate::jobs::JobError::Retry(fault.to_string())
}
