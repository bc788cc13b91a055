//! Commands of backups, and of the key that they need: make one, read one back, restore one, add a key.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::bail;

use super::prepare::{self, Prepared, prepare};
use crate::backup::{self, Content, Header};
use crate::config::Config;
use crate::db::{Db, DbConfig};
use crate::domains::ledger;
use crate::events::seal;
use crate::kernel::{Actor, ActorKind, Clock, Rng, Scope, SystemClock, SystemRng};
use crate::secrets::Keyring;

/// Rows between two words about progress.
const WORD: u64 = 1_000_000;

/// Makes a backup beside a controller that may be running, and reads it back.
pub(super) async fn make(config: Config, file: PathBuf) -> anyhow::Result<()> {
    let Prepared { config, db, keyring, .. } = prepare(config).await?;
    let (header, content) = backup::make(&db, &keyring, &config.data_dir, &file, progress("written")).await?;
    db.close().await;
    show("made and read back", &file, &header, &content);
    Ok(())
}

/// Reads a backup back, without a database.
pub(super) async fn check(config: Config, file: PathBuf) -> anyhow::Result<()> {
    let rng: Arc<dyn Rng> = Arc::new(SystemRng::new());
    let header = backup::describe(&file)?;
    let keyring = Arc::new(prepare::keyring(&config, &rng, Some(&header.key_id))?);
    let place = file.clone();
    let (header, content) = tokio::task::spawn_blocking(move || backup::check(&place, &keyring)).await??;
    show("whole", &file, &header, &content);
    Ok(())
}

/// Restores a backup into an empty place, brings it up to date and verifies its books.
pub(super) async fn restore(config: Config, file: PathBuf) -> anyhow::Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let rng: Arc<dyn Rng> = Arc::new(SystemRng::new());
    let header = backup::describe(&file)?;
    prepare::make_dir(&config.data_dir)?;
    let keyring = Arc::new(prepare::keyring(&config, &rng, Some(&header.key_id))?);
    let owner = DbConfig {
        url: config.database.owner_url.clone().unwrap_or_else(|| config.database.url.clone()),
        owner_url: None,
        max_connections: 2,
    };
    let db = Db::connect(&owner, Arc::clone(&clock), Arc::clone(&rng)).await?;
    let actor = Actor { kind: ActorKind::System, name: "command line".into(), from: "command line".into() };
    let restored = backup::restore(&db, &keyring, &config.data_dir, &file, &actor, progress("restored")).await;
    db.close().await;
    let restored = restored?;
    show("restored", &file, &restored.header, &restored.content);
    let open = prepare::open(&config, &clock, &rng).await?;
    let applied = open.migrate().await?;
    if !applied.is_empty() {
        println!("{} migration(s) newer than the backup were applied", applied.len());
    }
    verify(&open, &keyring, &restored.header).await?;
    open.close().await;
    println!(
        "the database has begun life {}: agents obey it from now on; the old controller must not run again",
        restored.incarnation
    );
    println!(
        "suspensions are frozen, and {} line(s) that were held are left as they are at the POPs: enter the payments \
         that came since {}, then clear the freeze on the page of dunning",
        restored.withheld, restored.header.made_at
    );
    println!("everybody signs in again; revoke again what was revoked since: agents' keys, API tokens, people");
    Ok(())
}

/// What came back must hold by itself.
async fn verify(db: &Db, keyring: &Keyring, header: &Header) -> anyhow::Result<()> {
    let mut tx = db.read(&Scope::All).await?;
    let books = ledger::verify(&mut tx, keyring).await?;
    let record = seal::verify(&mut tx, keyring, header.audit_head.as_slice()).await?;
    tx.rollback().await?;
    if !books.ok {
        bail!("the restored ledger has {} problem(s): run verify-ledger", books.problems_total);
    }
    if !record.ok {
        bail!("the restored record of what happened has {} problem(s): run verify-audit", record.problems_total);
    }
    println!("verified: {} journals, {} events under {} seals", books.journals, record.events, record.seals);
    Ok(())
}

/// Puts a new key first in the key file.
pub(super) fn add_key(config: &Config) -> anyhow::Result<()> {
    let rng: Arc<dyn Rng> = Arc::new(SystemRng::new());
    if config.secrets.key.is_some() || std::env::var_os("CREDENTIALS_DIRECTORY").is_some() {
        bail!("the key does not come from a file here: put the new one before the old one, on a line of its own");
    }
    let keyring = Keyring::add_to_file(&config.secrets.key_file, &rng)?;
    println!("key {} is first in {} now", keyring.id(), config.secrets.key_file.display());
    println!("start the controller again: it seals everything anew under this key while it runs");
    println!("keep the older keys in the file: the ledger, the record and older backups need them");
    Ok(())
}

fn progress(what: &'static str) -> impl FnMut(u64) + Send {
    let mut next = WORD;
    move |rows| {
        if rows >= next {
            eprintln!("{rows} rows {what}");
            next = rows + WORD;
        }
    }
}

fn show(what: &str, file: &Path, header: &Header, content: &Content) {
    println!(
        "{}: {what}; {} rows of {} tables, {} bytes, as of {}, from {}, under key {}",
        file.display(),
        content.rows,
        content.tables,
        content.size,
        header.made_at,
        header.database,
        header.key_id
    );
}
