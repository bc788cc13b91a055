//! Backup and restore: the whole database as of one moment, and the controller's own key, in one encrypted file.
//!
//! A backup is a dump of rows, not a copy of database files: it is read in one snapshot while everybody works, it is
//! the same for both databases (one from SQLite can be restored into PostgreSQL), and it can be read back completely
//! without a database, which is done before it counts as made. Columns that are sealed stay sealed in it. The file
//! itself is encrypted under the seal key, which is *not* in it: whoever finds the file has nothing, and whoever has
//! lost the key has nothing either. Keep the key apart from the backups.
//!
//! [`restore`] goes only into an empty place. It raises the incarnation, so that agents obey again a controller whose
//! counters went back; it withholds what was held, so that nobody who has paid since is cut; and it freezes
//! suspensions until a person says that the books are complete again.
//!
//! The same knowledge of the database as a whole serves [`reseal`], after a change of the key.
//!
//! Events: `backup.made`, `backup.failed`, `system.restored`.

mod api;
mod dump;
mod envelope;
mod file;
mod jobs;
mod load;
mod reseal;
mod rows;
mod rules;
mod store;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use api::routes;
pub use dump::make;
pub use file::{check, describe};
pub use jobs::jobs;
pub use load::{Restored, restore};
pub use reseal::reseal;
pub use store::STATEMENTS;

use crate::events::seal::Head;
use crate::kernel::{At, Fault};

/// Name of the ending of backup files.
pub const SUFFIX: &str = ".lmbackup";

/// What a backup says of itself: in clear, and covered by the encryption's own check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Layout of the file.
    pub format: u8,
    /// The moment of the snapshot.
    pub made_at: At,
    /// Version of the program that made it.
    pub version: String,
    /// `sqlite` or `postgres`.
    pub database: String,
    /// Id of the key under which it is encrypted, and under which the secrets within are sealed.
    pub key_id: String,
    /// Salt of this file's own key, in hexadecimal.
    pub salt: String,
    /// Last migration of the database.
    pub schema: String,
    /// Life of the database.
    pub incarnation: u32,
    /// The end of the record's chain at that moment: an anchor for `verify-audit --head`.
    pub audit_head: Option<Head>,
}

/// What was written, or read back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Content {
    /// Tables.
    pub tables: u64,
    /// Rows of all tables.
    pub rows: u64,
    /// Bytes of the file.
    pub size: u64,
}

/// Why a backup could not be made, read or restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file could not be read or written.
    #[error("cannot {act} {place}")]
    File {
        /// `read`, `write`, …
        act: &'static str,
        /// Which.
        place: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Not a backup, or of another layout.
    #[error("{0}")]
    Foreign(String),
    /// Encrypted under a key that is not here.
    #[error("the backup is encrypted under key {wanted}; the keys here are {present}")]
    Key {
        /// Its key.
        wanted: String,
        /// The keys at hand.
        present: String,
    },
    /// Cut off, edited, or rotten.
    #[error("the backup is damaged: {0}")]
    Damaged(String),
    /// A restore would overwrite something.
    #[error("{0}")]
    NotEmpty(String),
    /// The database and the backup do not go together.
    #[error("{0}")]
    Schema(String),
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// Bringing up the schema failed.
    #[error("the schema cannot be made")]
    Migrate(#[from] crate::db::DbError),
    /// A room below failed.
    #[error("{0}")]
    Fault(String),
}

impl From<Fault> for BackupError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Internal(source) => Self::Fault(source.to_string()),
            other => Self::Fault(other.to_string()),
        }
    }
}

impl From<BackupError> for Fault {
    fn from(error: BackupError) -> Self {
        Self::internal(error)
    }
}

/// The error with its causes, in one line.
pub(crate) fn told(error: &BackupError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text.replace('\n', " ")
}
