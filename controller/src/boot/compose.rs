//! The lists: routes, jobs and statements of every room. What is not in here does not exist for the program.

use crate::domains::{
    areas, branches, customers, dunning, ledger, lines, network, notices, packages, payments, staff, usage,
};
use crate::jobs::{JobError, Registry};
use crate::kernel::{Fault, Scope};
use crate::web::{self, App, Routes};
use crate::{access, backup, events, jobs, reports};

/// Between two rounds of tidying up, in seconds.
const TIDY_SECONDS: u32 = 15 * 60;

/// Between two seals of the record of what happened, in seconds: how long a row is protected by nothing.
const SEAL_SECONDS: u32 = 15;

/// The routes of all domains.
pub(super) fn routes() -> Routes {
    Routes::new()
        .merge(branches::routes())
        .merge(notices::routes())
        .merge(staff::api::routes())
        .merge(areas::routes())
        .merge(packages::routes())
        .merge(network::routes())
        .merge(customers::routes())
        .merge(lines::routes())
        .merge(payments::routes())
        .merge(dunning::routes())
        .merge(usage::routes())
        .merge(reports::routes())
        .merge(backup::routes())
}

/// The jobs of all domains, and the tidying up.
pub(super) fn jobs(app: &App) -> Registry {
    let (own, sealing) = (app.clone(), app.clone());
    Registry::new()
        .every("events.seal", SEAL_SECONDS, move |_| {
            let app = sealing.clone();
            async move { seal_events(&app).await.map_err(JobError::from) }
        })
        .every("tidy", TIDY_SECONDS, move |_| {
            let app = own.clone();
            async move { tidy(&app).await.map_err(JobError::from) }
        })
        .merge(notices::jobs(app))
        .merge(ledger::jobs(app))
        .merge(network::jobs(app))
        .merge(lines::jobs(app))
        .merge(dunning::jobs(app))
        .merge(usage::jobs(app))
        .merge(backup::jobs(app))
}

/// Seals what happened since the last time.
async fn seal_events(app: &App) -> Result<(), Fault> {
    loop {
        let mut tx = app.db.begin(&Scope::All).await?;
        let sealed = events::seal::seal(&mut tx, &*app.keyring).await?;
        tx.commit().await?;
        if sealed == 0 {
            return Ok(());
        }
    }
}

/// Removes what has had its time: sessions, kept answers, finished jobs.
async fn tidy(app: &App) -> Result<(), Fault> {
    let mut tx = app.db.begin(&Scope::All).await?;
    let sessions = access::purge_sessions(&mut tx).await?;
    let answers = web::purge_answers(&mut tx).await?;
    let done = jobs::purge(&mut tx).await?;
    let notices = notices::purge(&mut tx).await?;
    tx.commit().await?;
    tracing::debug!(sessions, answers, notices, jobs = done, "old rows were removed");
    Ok(())
}
