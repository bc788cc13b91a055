//! The lists: routes, jobs and statements of every room. What is not in here does not exist for the program.

use std::sync::Arc;

use super::sealing;
use crate::access::approvals::Acts;
use crate::domains::{
    areas, branches, customers, dunning, ledger, lines, network, notices, packages, payments, resellers, settings,
    staff, usage,
};
use crate::jobs::{JobError, Registry};
use crate::kernel::{Fault, Scope};
use crate::web::{self, App, Routes};
use crate::{backup, jobs, reports};

/// Between two rounds of tidying up, in seconds.
const TIDY_SECONDS: u32 = 15 * 60;

/// The routes of all domains.
pub(super) fn routes() -> Routes {
    Routes::new()
        .merge(branches::routes())
        .merge(settings::routes())
        .merge(notices::routes())
        .merge(staff::api::routes())
        .merge(areas::routes())
        .merge(packages::routes())
        .merge(network::routes())
        .merge(resellers::routes())
        .merge(customers::routes())
        .merge(lines::routes())
        .merge(payments::routes())
        .merge(dunning::routes())
        .merge(usage::routes())
        .merge(reports::routes())
        .merge(super::setup::routes())
        .merge(backup::routes())
}

/// The jobs of all domains, and the tidying up.
pub(super) fn jobs(app: &App) -> Registry {
    let own = app.clone();
    Registry::new()
        .every("tidy", TIDY_SECONDS, move |_| {
            let app = own.clone();
            async move { tidy(&app).await.map_err(JobError::from) }
        })
        .merge(notices::jobs(app))
        .merge(sealing::jobs(app))
        .merge(ledger::jobs(app))
        .merge(network::jobs(app))
        .merge(lines::jobs(app))
        .merge(dunning::jobs(app))
        .merge(usage::jobs(app))
        .merge(backup::jobs(app))
}

/// The acts that one person asks for and another allows.
pub(super) fn acts(app: &App) -> Acts {
    Acts::new(vec![
        Arc::new(lines::PaidUntil::new(Arc::clone(&app.keyring), Arc::clone(&app.config))),
        Arc::new(dunning::ApproveBrake),
    ])
}

/// Removes what has had its time: sessions, kept answers, finished jobs.
async fn tidy(app: &App) -> Result<(), Fault> {
    let mut tx = app.db.begin(&Scope::All).await?;
    let sessions = app.access.purge(&mut tx).await?;
    let answers = web::purge_answers(&mut tx).await?;
    let done = jobs::purge(&mut tx).await?;
    let notices = notices::purge(&mut tx).await?;
    tx.commit().await?;
    tracing::debug!(sessions, answers, notices, jobs = done, "old rows were removed");
    Ok(())
}
