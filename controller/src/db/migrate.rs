//! One numbered series of migrations, carried by the binary.
//!
//! `NNNN_name.sql` runs on both databases; `NNNN_name.sqlite.sql` or `NNNN_name.postgres.sql` after it, only there.
//! Each file is one transaction and is recorded with its checksum: a released migration is never edited.

use std::collections::BTreeMap;

use ring::digest;
use sqlx::{Executor as _, Row as _};

use super::{Db, DbConfig, DbError, Dialect, Tx, roles};
use crate::kernel::Scope;

/// Every file, by name.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/migrations.rs"));

const TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (file TEXT NOT NULL PRIMARY KEY, \
     checksum TEXT NOT NULL, applied_at_ms BIGINT NOT NULL)";
const APPLIED: &str = "SELECT file, checksum FROM schema_migrations";
const RECORD: &str = "INSERT INTO schema_migrations (file, checksum, applied_at_ms) VALUES ($1, $2, $3)";

/// One file that belongs to this database.
struct Migration {
    file: &'static str,
    sql: &'static str,
    checksum: String,
}

/// Applies what is missing, in order.
pub(super) async fn run(db: &Db) -> Result<Vec<String>, DbError> {
    match (db.dialect(), db.config().owner_url.clone()) {
        (Dialect::Sqlite, _) => apply_missing(db, None).await,
        (Dialect::Postgres, None) => Err(DbError::NoOwner),
        (Dialect::Postgres, Some(url)) => {
            let config = DbConfig { url, owner_url: None, max_connections: 2 };
            let owner = Db::connect(&config, db.clock.clone(), db.rng.clone()).await?;
            let applied = apply_missing(&owner, Some(&db.config().url)).await;
            owner.close().await;
            applied
        }
    }
}

/// Applies what is missing; gives the application's role (that of `application`) what it needs.
async fn apply_missing(db: &Db, application: Option<&str>) -> Result<Vec<String>, DbError> {
    let mut tx = db.begin(&Scope::All).await?;
    tx.lock("schema_migrations").await?;
    tx.conn().execute(TABLE).await?;
    let missing = missing(applied(tx.conn()).await?, list(FILES, db.dialect())?)?;
    let mut done = Vec::new();
    for migration in missing {
        apply(&mut tx, &migration).await?;
        done.push(migration.file.to_owned());
    }
    if let Some(url) = application {
        roles::grant(tx.conn(), url).await?;
    }
    tx.commit().await?;
    Ok(done)
}

/// Runs a file and records it.
async fn apply(tx: &mut Tx, migration: &Migration) -> Result<(), DbError> {
    let failed = |source| DbError::Migration { file: migration.file.to_owned(), source };
    sqlx::raw_sql(migration.sql).execute(tx.conn()).await.map_err(failed)?;
    let now = tx.now_ms();
    sqlx::query(RECORD).bind(migration.file).bind(&migration.checksum).bind(now).execute(tx.conn()).await?;
    Ok(())
}

/// Applies exactly these, each as it was when its checksum was taken, to a database that has none.
pub(super) async fn run_as(db: &Db, wanted: &[(String, String)]) -> Result<(), DbError> {
    let mut tx = db.begin(&Scope::All).await?;
    tx.conn().execute(TABLE).await?;
    for migration in list_all(wanted, db.dialect())? {
        apply(&mut tx, &migration).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Our own files for what was applied elsewhere. The other database's own files count by their common part.
fn list_all(wanted: &[(String, String)], dialect: Dialect) -> Result<Vec<Migration>, DbError> {
    let numbers: std::collections::BTreeSet<&str> =
        wanted.iter().filter_map(|(file, _)| file.split('.').next()).collect();
    for (file, checksum_then) in wanted {
        match FILES.iter().find(|(name, _)| name == file) {
            None => return Err(DbError::Newer(file.clone())),
            Some((_, sql)) if checksum(sql) != *checksum_then => return Err(DbError::Edited(file.clone())),
            Some(_) => {}
        }
    }
    let all = list(FILES, dialect)?;
    Ok(all
        .into_iter()
        .filter(|migration| migration.file.split('.').next().is_some_and(|name| numbers.contains(name)))
        .collect())
}

/// Names of what is missing.
pub(super) async fn pending(db: &Db) -> Result<Vec<String>, DbError> {
    let mut tx = db.read(&Scope::All).await?;
    let known = match db.dialect() {
        Dialect::Sqlite => "SELECT CAST(COUNT(*) AS BIGINT) FROM sqlite_master WHERE name = 'schema_migrations'",
        Dialect::Postgres => "SELECT CAST(COUNT(*) AS BIGINT) FROM pg_tables WHERE tablename = 'schema_migrations'",
    };
    let exists: i64 = sqlx::query_scalar(known).fetch_one(tx.conn()).await?;
    let applied = if exists == 0 { BTreeMap::new() } else { applied(tx.conn()).await? };
    tx.rollback().await?;
    Ok(missing(applied, list(FILES, db.dialect())?)?.into_iter().map(|migration| migration.file.to_owned()).collect())
}

async fn applied(connection: &mut sqlx::AnyConnection) -> Result<BTreeMap<String, String>, sqlx::Error> {
    let rows = sqlx::query(APPLIED).fetch_all(connection).await?;
    rows.into_iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// The files of this database in the order in which they run: by number, the common file first.
fn list(files: &'static [(&'static str, &'static str)], dialect: Dialect) -> Result<Vec<Migration>, DbError> {
    let mut found = Vec::new();
    for (file, sql) in files {
        let bad = || DbError::BadName((*file).to_owned());
        let stem = file.strip_suffix(".sql").ok_or_else(bad)?;
        let (name, only) = match stem.split_once('.') {
            None => (stem, None),
            Some((name, "sqlite")) => (name, Some(Dialect::Sqlite)),
            Some((name, "postgres")) => (name, Some(Dialect::Postgres)),
            Some(_) => return Err(bad()),
        };
        let number: u32 = name.split_once('_').and_then(|(number, _)| number.parse().ok()).ok_or_else(bad)?;
        if only.is_none_or(|only| only == dialect) {
            found.push(((number, name, only.is_some()), Migration { file, sql, checksum: checksum(sql) }));
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(found.into_iter().map(|(_, migration)| migration).collect())
}

fn missing(mut applied: BTreeMap<String, String>, all: Vec<Migration>) -> Result<Vec<Migration>, DbError> {
    let mut missing = Vec::new();
    for migration in all {
        match applied.remove(migration.file) {
            None => missing.push(migration),
            Some(checksum) if checksum == migration.checksum => {}
            Some(_) => return Err(DbError::Edited(migration.file.to_owned())),
        }
    }
    applied.into_keys().next().map_or(Ok(missing), |file| Err(DbError::Newer(file)))
}

fn checksum(text: &str) -> String {
    crate::kernel::ids::hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

/// A short name for exactly this series of migrations, for test templates.
#[cfg(test)]
pub(super) fn fingerprint() -> String {
    let all: String = FILES.iter().map(|(file, sql)| format!("{file}\n{sql}\n")).collect();
    checksum(&all).chars().take(16).collect()
}

/// Runs text that is not a constant. For test databases only: their names are ours.
#[cfg(test)]
pub(super) async fn admin(connection: &mut sqlx::AnyConnection, sql: String) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(connection).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::testing::on_both;

    #[test]
    fn the_common_file_runs_before_the_special_one() {
        const GIVEN: &[(&str, &str)] =
            &[("0002_b.sql", ""), ("0001_a.sqlite.sql", ""), ("0001_a.postgres.sql", ""), ("0001_a.sql", "")];
        let names: Vec<_> = list(GIVEN, Dialect::Sqlite).unwrap().into_iter().map(|m| m.file).collect();
        assert_eq!(names, ["0001_a.sql", "0001_a.sqlite.sql", "0002_b.sql"]);
        assert!(list(&[("readme.sql", "")], Dialect::Sqlite).is_err());
        assert!(list(&[("0001_a.mysql.sql", "")], Dialect::Sqlite).is_err());
    }

    #[test]
    fn an_edited_and_an_unknown_migration_are_refused() {
        const GIVEN: &[(&str, &str)] = &[("0001_a.sql", "SELECT 1")];
        let all = || list(GIVEN, Dialect::Sqlite).unwrap();
        let edited = BTreeMap::from([("0001_a.sql".to_owned(), checksum("SELECT 2"))]);
        assert!(matches!(missing(edited, all()), Err(DbError::Edited(_))));
        let newer = BTreeMap::from([("0009_z.sql".to_owned(), String::new())]);
        assert!(matches!(missing(newer, all()), Err(DbError::Newer(_))));
        let same = BTreeMap::from([("0001_a.sql".to_owned(), checksum("SELECT 1"))]);
        assert!(missing(same, all()).unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_second_run_finds_nothing_to_do() {
        on_both(|test| async move {
            assert!(test.db.pending_migrations().await.unwrap().is_empty());
            assert!(test.db.migrate().await.unwrap().is_empty());
        })
        .await;
    }
}
