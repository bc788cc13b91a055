//! What every command needs: the data directory, the database, the key.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};

use super::first_start;
use crate::config::Config;
use crate::db::{Db, DbConfig, Dialect};
use crate::domains::settings;
use crate::kernel::{Clock, Rng, Scope, SystemClock, SystemRng};
use crate::secrets::Keyring;

/// Where systemd puts the key, when it is told to.
const CREDENTIAL: &str = "lastmile-key";

/// The prepared parts.
pub(super) struct Prepared {
    pub(super) config: Arc<Config>,
    pub(super) db: Db,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) rng: Arc<dyn Rng>,
    pub(super) keyring: Arc<Keyring>,
}

/// Opens everything and brings it up to date as far as it may by itself.
pub(super) async fn prepare(config: Config) -> anyhow::Result<Prepared> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let rng: Arc<dyn Rng> = Arc::new(SystemRng::new());
    let db = open(&config, &clock, &rng).await?;
    let pending = db.pending_migrations().await?;
    if !pending.is_empty() {
        if db.dialect() == Dialect::Postgres && !config.database.migrate {
            bail!(
                "the database lacks {} migration(s), the first is {}; run `lastmile-controller migrate`, \
                 or set database.migrate = true",
                pending.len(),
                pending.first().map_or("", String::as_str)
            );
        }
        let applied = db.migrate().await?;
        tracing::info!(count = applied.len(), "the database was brought up to date");
    }
    db.refuse_mighty_role().await?;
    let keyring = Arc::new(key(&config, &db, &rng).await?);
    first_start::ensure(&db, &keyring).await?;
    Ok(Prepared { config: Arc::new(config), db, clock, rng, keyring })
}

/// The data directory and the database, whatever its schema.
pub(super) async fn open(config: &Config, clock: &Arc<dyn Clock>, rng: &Arc<dyn Rng>) -> anyhow::Result<Db> {
    make_dir(&config.data_dir)?;
    let place = DbConfig {
        url: config.database.url.clone(),
        owner_url: config.database.owner_url.clone(),
        max_connections: config.database.max_connections,
    };
    Ok(Db::connect(&place, Arc::clone(clock), Arc::clone(rng)).await?)
}

pub(super) fn make_dir(dir: &Path) -> anyhow::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .with_context(|| format!("cannot make the data directory {}", dir.display()))
}

/// The key: from the environment, from systemd, else from its file, which is made with a new database only. A new key
/// beside an old database would open nothing.
async fn key(config: &Config, db: &Db, rng: &Arc<dyn Rng>) -> anyhow::Result<Keyring> {
    let mut tx = db.read(&Scope::All).await?;
    let wanted = settings::get(&mut tx, None, settings::SEAL_KEY_ID).await?;
    tx.rollback().await?;
    let keyring = keyring(config, rng, wanted.as_deref())?;
    if let Some(wanted) = wanted.filter(|wanted| !keyring.has(wanted)) {
        bail!("this database is sealed with key {wanted}, but the key here is {}", keyring.id());
    }
    Ok(keyring)
}

/// The key that is here. `wanted` is the one that the database, or a backup, cannot do without: none is made then.
pub(super) fn keyring(config: &Config, rng: &Arc<dyn Rng>, wanted: Option<&str>) -> anyhow::Result<Keyring> {
    let credential = std::env::var_os("CREDENTIALS_DIRECTORY").map(|dir| Path::new(&dir).join(CREDENTIAL));
    Ok(if let Some(text) = &config.secrets.key {
        Keyring::from_text(text, "secrets.key", Arc::clone(rng))?
    } else if let Some(file) = credential.filter(|file| file.exists()) {
        Keyring::from_file(&file, Arc::clone(rng))?
    } else {
        let file = &config.secrets.key_file;
        match wanted {
            Some(id) if !file.exists() => {
                bail!("the key file {} is missing; what is here is sealed with key {id}", file.display())
            }
            _ => Keyring::ensure_file(file, &**rng)?,
        }
        Keyring::from_file(file, Arc::clone(rng))?
    })
}
