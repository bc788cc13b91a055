//! What can go wrong with the database, and how it reaches the caller.

use crate::kernel::Fault;

/// Why the database could not be opened or brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// No connection.
    #[error("cannot open the database {place}")]
    Connect {
        /// Where, without the password.
        place: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// The URL names no database that Lastmile knows.
    #[error("database.url must begin with sqlite: or postgres:")]
    UnknownKind,
    /// A migration that was applied has changed since.
    #[error("migration {0} was edited after it had been applied to this database; restore the file")]
    Edited(String),
    /// The database was migrated by a newer program.
    #[error("the database has migration {0}, which this program does not know; use the newer program")]
    Newer(String),
    /// A file name that is no migration.
    #[error("{0} is no migration: NNNN_name.sql, NNNN_name.sqlite.sql or NNNN_name.postgres.sql is needed")]
    BadName(String),
    /// A statement of a migration failed.
    #[error("migration {file} failed")]
    Migration {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// The application's role could see every row.
    #[error(
        "the role {role} of database.url {why}: row-level security would not hold it back. Make one that owns nothing \
         (CREATE ROLE lastmile LOGIN PASSWORD '...'), name it in database.url and the tables' owner in \
         database.owner_url, and run `lastmile-controller migrate`"
    )]
    Mighty {
        /// The role.
        role: String,
        /// What makes it too mighty.
        why: &'static str,
    },
    /// PostgreSQL without a second role.
    #[error(
        "database.owner_url is needed to migrate PostgreSQL: the role that owns the tables, another one than that of \
         database.url, which must own nothing"
    )]
    NoOwner,
    /// A URL without a user.
    #[error("database.url names no user: postgres://USER@host/name is needed")]
    NoRole,
    /// Another statement failed.
    #[error("the database refused a statement")]
    Statement(#[from] sqlx::Error),
}

/// Which rule of the schema a statement broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Violation {
    /// A unique index.
    Unique,
    /// A reference to or from another row.
    ForeignKey,
    /// A check or a trigger.
    Check,
}

/// The rule of the schema that the error is about, if it is about one. On PostgreSQL the transaction is over then:
/// return the fault, write nothing more.
#[must_use]
pub fn violation(error: &sqlx::Error) -> Option<Violation> {
    let database = error.as_database_error()?;
    if database.is_unique_violation() {
        Some(Violation::Unique)
    } else if database.is_foreign_key_violation() {
        Some(Violation::ForeignKey)
    } else if database.is_check_violation() {
        Some(Violation::Check)
    } else {
        None
    }
}

/// `fault` when the error is about this rule of the schema, else the usual fault.
pub fn on_violation(rule: Violation, fault: impl FnOnce() -> Fault) -> impl FnOnce(sqlx::Error) -> Fault {
    move |error| if violation(&error) == Some(rule) { fault() } else { error.into() }
}

/// Whether row-level security refused a row (PostgreSQL's insufficient_privilege).
fn outside_scope(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|database| database.code().as_deref() == Some("42501"))
}

/// Whether another try may succeed: the database was busy, or two transactions were in each other's way.
fn passes(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) => true,
        sqlx::Error::Database(database) => {
            // SQLite: busy, locked, busy-snapshot. PostgreSQL: serialization, deadlock, lock timeout, shutting down.
            matches!(
                database.code().as_deref(),
                Some("5" | "6" | "261" | "517" | "40001" | "40P01" | "55P03" | "57P01" | "57P03")
            )
        }
        _ => false,
    }
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        match violation(&error) {
            Some(Violation::Unique) => Self::conflict("already_exists", "something with this value exists already"),
            Some(Violation::ForeignKey) => {
                Self::conflict("in_use", "it is in use, or what it refers to does not exist")
            }
            Some(Violation::Check) | None if passes(&error) => {
                Self::Unavailable { detail: "the database is busy; try again".to_owned() }
            }
            Some(Violation::Check) | None if outside_scope(&error) => {
                // The store should have said so before: worth a line, and never a row.
                tracing::error!(%error, "the database refused a row outside the caller's scope");
                Self::Forbidden { detail: "that is outside of what you may see".to_owned() }
            }
            Some(Violation::Check) | None => Self::internal(error),
        }
    }
}
