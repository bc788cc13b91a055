//! Opening the pools, with the options that make each database keep its promises.

use std::time::Duration;

use sqlx::any::AnyPoolOptions;
use sqlx::{AnyConnection, AnyPool, Connection as _, Executor as _};

use super::{DbConfig, DbError, Dialect};

/// How long a caller waits for a connection before it is told to try again.
const WAIT: Duration = Duration::from_secs(30);
/// How long a server may take to answer at the start.
const KNOCK: Duration = Duration::from_secs(10);

/// The writer of SQLite. FULL: a commit is on the disk when it returns. 64 MiB of pages, because the 2 MB default makes
/// inserts slow as soon as a table outgrows it.
const SQLITE_WRITER: &str = "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
     PRAGMA foreign_keys = ON; PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY;";

/// Readers of SQLite share the operating system's cache; they may not write.
const SQLITE_READER: &str = "PRAGMA busy_timeout = 10000; PRAGMA foreign_keys = ON; PRAGMA cache_size = -16384; \
     PRAGMA temp_store = MEMORY; PRAGMA query_only = ON;";

/// Nobody may hold a lock or an open transaction for ever.
const POSTGRES: &str = "SET lock_timeout = '15s'; SET statement_timeout = '60s'; \
     SET idle_in_transaction_session_timeout = '60s'; SET TIME ZONE 'UTC';";

pub(super) async fn pools(config: &DbConfig) -> Result<(Dialect, AnyPool, AnyPool), DbError> {
    sqlx::any::install_default_drivers();
    let failed = |source| DbError::Connect { place: without_password(&config.url), source };
    match dialect(&config.url)? {
        Dialect::Sqlite => {
            let url = if config.url.contains('?') { config.url.clone() } else { format!("{}?mode=rwc", config.url) };
            let writers = pool(1, SQLITE_WRITER).connect(&url).await.map_err(failed)?;
            let readers = pool(config.max_connections.max(1), SQLITE_READER).connect(&url).await.map_err(failed)?;
            Ok((Dialect::Sqlite, writers, readers))
        }
        Dialect::Postgres => {
            knock(&config.url).await.map_err(failed)?;
            let shared = pool(config.max_connections.max(2), POSTGRES).connect(&config.url).await.map_err(failed)?;
            Ok((Dialect::Postgres, shared.clone(), shared))
        }
    }
}

/// One plain connection first: the pool would try again and again where a server that refuses is the answer.
async fn knock(url: &str) -> Result<(), sqlx::Error> {
    match tokio::time::timeout(KNOCK, AnyConnection::connect(url)).await {
        Ok(connection) => connection?.close().await,
        Err(_) => Err(sqlx::Error::PoolTimedOut),
    }
}

/// Which database a URL means.
pub(super) fn dialect(url: &str) -> Result<Dialect, DbError> {
    if url.starts_with("sqlite:") {
        Ok(Dialect::Sqlite)
    } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
        Ok(Dialect::Postgres)
    } else {
        Err(DbError::UnknownKind)
    }
}

fn pool(connections: u32, setup: &'static str) -> AnyPoolOptions {
    AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(WAIT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(setup == POSTGRES)
        .after_connect(move |connection, _| Box::pin(async move { connection.execute(setup).await.map(|_| ()) }))
}

/// The role that a URL names; percent signs in it are not understood, since a role of ours needs none.
pub(super) fn user(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let (login, _) = rest.split('/').next()?.rsplit_once('@')?;
    login.split(':').next().filter(|name| !name.is_empty())
}

/// The URL as it may be shown.
pub(super) fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    match rest.rsplit_once('@') {
        Some((login, place)) => {
            let user = login.split(':').next().unwrap_or("");
            format!("{scheme}://{user}@{place}")
        }
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        assert_eq!(without_password("postgres://u:s3cret@h:5432/d"), "postgres://u@h:5432/d");
        assert_eq!(without_password("sqlite:///var/lib/x.db"), "sqlite:///var/lib/x.db");
    }

    #[test]
    fn the_role_of_a_url_is_found() {
        assert_eq!(user("postgres://app:s3@cret@h:5432/d?x=@"), Some("app"));
        assert_eq!(user("postgres://app@h/d"), Some("app"));
        assert_eq!(user("postgres://h/d"), None);
    }

    #[test]
    fn other_databases_are_refused() {
        assert!(matches!(dialect("mysql://x"), Err(DbError::UnknownKind)));
    }
}
