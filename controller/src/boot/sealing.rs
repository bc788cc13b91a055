//! Jobs of the record of what happened: its seals, and its head in a file that is kept elsewhere.

use std::io::Write as _;
use std::path::Path;

use crate::events::seal::{self, Head};
use crate::jobs::{JobError, Registry};
use crate::kernel::{Fault, Scope};
use crate::web::App;

/// Between two seals, in seconds: how long a row is protected by nothing.
const SEAL_SECONDS: u32 = 15;
/// Between two heads, in seconds.
const HEAD_SECONDS: u32 = 3_600;

/// The jobs.
pub(super) fn jobs(app: &App) -> Registry {
    let (sealing, telling) = (app.clone(), app.clone());
    Registry::new()
        .every("events.seal", SEAL_SECONDS, move |_| {
            let app = sealing.clone();
            async move { seal_all(&app).await.map_err(JobError::from) }
        })
        .every("events.head", HEAD_SECONDS, move |_| {
            let app = telling.clone();
            async move { tell_head(&app).await.map_err(JobError::from) }
        })
}

/// Seals what happened since the last time.
async fn seal_all(app: &App) -> Result<(), Fault> {
    loop {
        let mut tx = app.db.begin(&Scope::All).await?;
        let sealed = seal::seal(&mut tx, &*app.keyring).await?;
        tx.commit().await?;
        if sealed == 0 {
            return Ok(());
        }
    }
}

/// Tells the head where it survives whoever owns this machine: in the log, and in the file that the settings name.
async fn tell_head(app: &App) -> Result<(), Fault> {
    let mut tx = app.db.read(&Scope::All).await?;
    let state = seal::state(&mut tx).await?;
    tx.rollback().await?;
    let Some(head) = state.head else { return Ok(()) };
    tracing::info!(seal = head.seal, mac = head.mac, sealed_at = %head.sealed_at, "the record is sealed up to here");
    let Some(file) = app.config.audit.heads_file.clone() else { return Ok(()) };
    let added = tokio::task::spawn_blocking(move || add(&file, &head)).await.map_err(Fault::internal)?;
    added.map_err(Fault::internal)
}

/// Adds a line; a file that is not there is made.
fn add(file: &Path, head: &Head) -> std::io::Result<()> {
    let line = format!("{}\n", serde_json::to_string(head)?);
    let mut open = std::fs::OpenOptions::new().append(true).create(true).open(file)?;
    open.write_all(line.as_bytes())?;
    open.sync_all()
}
