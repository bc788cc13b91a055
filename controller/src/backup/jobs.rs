//! Backups by the clock and on request: made, read back, listed, and the old ones removed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lastmile_protocol::ids::{JobId, StaffId};
use serde_json::json;

use super::{BackupError, Content, rules, store, told};
use crate::db::Tx;
use crate::domains::branches;
use crate::events::{self, Event};
use crate::jobs::{Job, JobError, Registry, enqueue};
use crate::kernel::{Actor, At, Fault, Scope};
use crate::web::App;

/// Makes one backup.
const MAKE: &str = "backup.make";
/// Looks whether one is due.
const LOOK: &str = "backup.look";
/// Between two looks, seconds.
const LOOK_SECONDS: u32 = 300;
/// After one that failed, the clock waits so long, milliseconds: a full disk is full for a while.
const PATIENCE_MS: i64 = 3_600_000;
/// Between two words about progress.
const WORD: Duration = Duration::from_secs(2);

/// The jobs of this room.
#[must_use]
pub fn jobs(app: &App) -> Registry {
    let (making, looking) = (app.clone(), app.clone());
    Registry::new()
        .handle(MAKE, move |job| make(making.clone(), job))
        .every(LOOK, LOOK_SECONDS, move |_| {
            let app = looking.clone();
            async move { look(&app).await.map_err(JobError::from) }
        })
        .merge(super::reseal::jobs(app))
}

/// Asks for a backup and gives its id. One that is waiting already is enough.
pub(super) async fn ask(tx: &mut Tx, by: Option<StaffId>) -> Result<String, Fault> {
    if store::last(tx).await?.waiting > 0 {
        return Err(Fault::conflict("backup_running", "a backup is being made already"));
    }
    let id = tx.new_id::<JobId>().to_string();
    store::insert(tx, &id, by).await?;
    let now = tx.now_ms();
    enqueue(tx, MAKE, &id, &json!({ "backup": id }), now).await?;
    Ok(id)
}

/// Asks for one when it is due.
async fn look(app: &App) -> Result<(), Fault> {
    let mut tx = app.db.begin(&Scope::All).await?;
    let (last, now) = (store::last(&mut tx).await?, tx.now_ms());
    if let Some(made) = last.made_ms {
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float; milliseconds of this century fit exactly")]
        metrics::gauge!("lastmile_backup_made_at_seconds").set(made as f64 / 1_000.0);
    }
    let patient = last.failed_ms.is_none_or(|failed| now - failed >= PATIENCE_MS || failed > now);
    if last.waiting == 0 && patient && rules::is_due(app.config.backup.every_hours, last.made_ms, now) {
        ask(&mut tx, None).await?;
    }
    Ok(tx.commit().await?)
}

async fn make(app: App, job: Job) -> Result<(), JobError> {
    let id = job.payload.get("backup").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
    let mut tx = app.db.begin(&Scope::All).await?;
    if !store::begun(&mut tx, &id).await? {
        return Ok(());
    }
    let name = rules::file_name(&At(tx.now_ms()).to_string());
    tx.commit().await?;
    match write(&app, &id, &name).await {
        Ok(content) => {
            tracing::info!(
                file = name,
                rows = content.rows,
                size_bytes = content.size,
                "a backup was made and read back"
            );
            let mut tx = app.db.begin(&Scope::All).await?;
            store::done(&mut tx, &id, &name, &content).await?;
            let data = json!({ "file": name, "rows": content.rows, "size_bytes": content.size });
            record(&mut tx, "backup.made", &id, data).await?;
            tx.commit().await?;
            Ok(tidy(&app).await?)
        }
        Err(error) => {
            let error = told(&error);
            tracing::error!(error, "a backup could not be made");
            let mut tx = app.db.begin(&Scope::All).await?;
            store::failed(&mut tx, &id, &error).await?;
            record(&mut tx, "backup.failed", &id, json!({ "error": error })).await?;
            tx.commit().await?;
            // The clock asks again; a person who asked sees why it failed.
            Err(JobError::Fail(error))
        }
    }
}

/// Writes the file, and meanwhile now and then how far it has come.
async fn write(app: &App, id: &str, name: &str) -> Result<Content, BackupError> {
    let folder = folder(app);
    std::fs::create_dir_all(&folder).map_err(super::file::failed("make", &folder))?;
    let place = folder.join(name);
    let rows = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&rows);
    let making = super::make(&app.db, &app.keyring, &app.config.data_dir, &place, move |so_far| {
        counted.store(so_far, Ordering::Relaxed);
    });
    tokio::pin!(making);
    loop {
        tokio::select! {
            made = &mut making => return made.map(|(_, content)| content),
            () = tokio::time::sleep(WORD) => {
                let mut tx = app.db.begin(&Scope::All).await?;
                store::progress(&mut tx, id, rows.load(Ordering::Relaxed)).await?;
                tx.commit().await?;
            }
        }
    }
}

/// Where backups lie.
pub(super) fn folder(app: &App) -> PathBuf {
    app.config.backup.dir.clone()
}

/// Removes what has had its time.
async fn tidy(app: &App) -> Result<(), Fault> {
    let (folder, keep) = (folder(app), &app.config.backup);
    let names = names(&folder)?;
    let (newest, months) = (usize::try_from(keep.keep).unwrap_or(1), usize::try_from(keep.keep_months).unwrap_or(0));
    for name in rules::surplus(&names, newest.max(1), months) {
        if let Err(error) = std::fs::remove_file(folder.join(&name)) {
            tracing::warn!(file = name, error = %error, "an old backup could not be removed");
            continue;
        }
        tracing::info!(file = name, "an old backup was removed");
        let mut tx = app.db.begin(&Scope::All).await?;
        store::gone(&mut tx, &name).await?;
        tx.commit().await?;
    }
    Ok(())
}

fn names(folder: &Path) -> Result<Vec<String>, Fault> {
    let entries = std::fs::read_dir(folder).map_err(Fault::internal)?;
    Ok(entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect())
}

/// It is every branch's business, but stands in the record once: in the first branch.
async fn record(tx: &mut Tx, kind: &'static str, id: &str, data: serde_json::Value) -> Result<(), Fault> {
    let Some(branch) = branches::list(tx).await?.into_iter().map(|branch| branch.id).min() else { return Ok(()) };
    let event = Event {
        kind,
        subject_kind: "backup",
        subject_id: id.to_owned(),
        branch_id: branch,
        customer_id: None,
        data,
        at_ms: tx.now_ms(),
    };
    events::record(tx, &Actor::system(), event).await.map(|_| ())
}
