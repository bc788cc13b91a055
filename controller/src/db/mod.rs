//! The database: SQLite on one machine or PostgreSQL, one SQL text for both.
//!
//! A transaction carries the caller's scope, the clock and the source of ids, so that a store function needs nothing
//! else. SQLite has one writer: [`Db::begin`] waits for it in a fair queue and takes the write lock at once, so that a
//! read followed by a write cannot lose. On PostgreSQL writers run side by side; where a decision is read before it is
//! written, take [`Tx::lock`] on what it is about, or write by a conditional update.
//! Never begin a second writing transaction while holding one.

mod connect;
pub mod error;
pub mod migrate;
mod nudge;
mod predicate;
mod roles;
mod row;
#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;
mod tx;

use std::sync::Arc;

use sqlx::{AnyPool, AssertSqlSafe};
use tokio::sync::broadcast;

use crate::kernel::{Clock, Rng, Scope};

pub use error::{DbError, Violation, violation};
pub use nudge::Nudge;
pub(crate) use predicate::{of_branch, of_customer, of_line, of_subscription};
pub use row::Columns;
pub use tx::Tx;

/// Nudges that a slow listener may be behind before it is told that it missed some.
const NUDGES_KEPT: usize = 4_096;

/// Which database this is, for the few places where the SQL must differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite, one file on this machine.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

/// Where the database is.
#[derive(Debug, Clone)]
pub struct DbConfig {
    /// `sqlite:///path/to/file` or `postgres://user:password@host/name`.
    pub url: String,
    /// The role that owns the tables and runs migrations, where it is another one (PostgreSQL).
    pub owner_url: Option<String>,
    /// Connections at most (PostgreSQL) or readers at most (SQLite).
    pub max_connections: u32,
}

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    writers: AnyPool,
    readers: AnyPool,
    dialect: Dialect,
    config: Arc<DbConfig>,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    nudges: broadcast::Sender<Nudge>,
}

impl Db {
    /// Connects, without touching the schema.
    ///
    /// # Errors
    /// [`DbError::Connect`] when the database does not answer or the URL is wrong.
    pub async fn connect(config: &DbConfig, clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> Result<Self, DbError> {
        let (dialect, writers, readers) = connect::pools(config).await?;
        let (nudges, _) = broadcast::channel(NUDGES_KEPT);
        Ok(Self { writers, readers, dialect, config: Arc::new(config.clone()), clock, rng, nudges })
    }

    /// A writing transaction in the caller's scope.
    ///
    /// # Errors
    /// When no connection becomes free in time or the database is gone.
    pub async fn begin(&self, scope: &Scope) -> Result<Tx, sqlx::Error> {
        let inner = match self.dialect {
            Dialect::Sqlite => self.writers.begin_with("BEGIN IMMEDIATE").await?,
            Dialect::Postgres => self.writers.begin_with(scoped("BEGIN", scope)).await?,
        };
        Ok(Tx::new(self, inner, scope))
    }

    /// A reading transaction in the caller's scope: one snapshot for all its statements.
    ///
    /// # Errors
    /// When no connection becomes free in time or the database is gone.
    pub async fn read(&self, scope: &Scope) -> Result<Tx, sqlx::Error> {
        let inner = match self.dialect {
            Dialect::Sqlite => self.readers.begin_with("BEGIN DEFERRED").await?,
            Dialect::Postgres => {
                self.readers.begin_with(scoped("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY", scope)).await?
            }
        };
        Ok(Tx::new(self, inner, scope))
    }

    /// Which database this is.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The sender on which commits announce what changed; the hub of `events` is built on it.
    #[must_use]
    pub fn nudges(&self) -> broadcast::Sender<Nudge> {
        self.nudges.clone()
    }

    /// Brings the schema up to date and says which files were applied.
    ///
    /// # Errors
    /// When a released migration was edited, the database is newer than this program, or a statement fails.
    pub async fn migrate(&self) -> Result<Vec<String>, DbError> {
        migrate::run(self).await
    }

    /// Makes the schema of an empty database exactly as this list of migrations (file and checksum) made it elsewhere.
    ///
    /// # Errors
    /// When this program has not every one of them, as it was then; and as [`Db::migrate`].
    pub async fn migrate_as(&self, wanted: &[(String, String)]) -> Result<(), DbError> {
        migrate::run_as(self, wanted).await
    }

    /// Names of the migrations that are not applied yet.
    ///
    /// # Errors
    /// As [`Db::migrate`].
    pub async fn pending_migrations(&self) -> Result<Vec<String>, DbError> {
        migrate::pending(self).await
    }

    /// Refuses a database role that could see every row whatever the scope: on PostgreSQL a superuser, one that bypasses
    /// row-level security, or one that owns tables.
    ///
    /// # Errors
    /// [`DbError::Mighty`], with how to mend it.
    pub async fn refuse_mighty_role(&self) -> Result<(), DbError> {
        match self.dialect {
            Dialect::Sqlite => Ok(()),
            Dialect::Postgres => roles::refuse_mighty(&mut *self.writers.acquire().await?).await,
        }
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), sqlx::Error> {
        sqlx::query("SELECT 1").execute(&self.readers).await.map(|_| ())
    }

    /// Closes all connections; what is committed is on disk before.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writers.close().await;
    }

    pub(crate) fn config(&self) -> &DbConfig {
        &self.config
    }
}

/// The beginning of a transaction that tells row-level security whose rows it may see, in one journey to the server.
/// The settings end with the transaction, so a connection of the pool carries none into the next.
fn scoped(begin: &str, scope: &Scope) -> AssertSqlSafe<String> {
    // Safe: both texts are made of ids, commas and words of ours; no quote can be in them.
    AssertSqlSafe(format!(
        "{begin}; SET LOCAL lastmile.scope = '{}'; SET LOCAL lastmile.catalogue = '{}'",
        scope.branches_text(),
        scope.catalogue_text()
    ))
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Db").field("dialect", &self.dialect).finish_non_exhaustive()
    }
}
