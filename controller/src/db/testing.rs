//! A fresh, migrated database for each test: SQLite always, PostgreSQL too where `LASTMILE_TEST_POSTGRES` gives the URL
//! of a server on which databases may be made.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use sqlx::{AnyConnection, Connection as _};

use super::{Db, DbConfig, Dialect, Tx, migrate};
use crate::kernel::{ManualClock, Scope, SeededRng};

/// 2026-11-22 15:00 UTC, where the clock of every test begins.
pub const START_MS: i64 = 1_795_359_600_000;

/// One test's database with the clock and the chance that belong to it.
#[derive(Clone)]
pub struct TestDb {
    /// The database, migrated.
    pub db: Db,
    /// Time stands still until the test moves it.
    pub clock: Arc<ManualClock>,
    /// Seeded.
    pub rng: Arc<SeededRng>,
    _folder: Option<Arc<tempfile::TempDir>>,
}

impl TestDb {
    /// A SQLite database in a folder of its own.
    pub async fn sqlite() -> Self {
        let test = Self::sqlite_empty().await;
        test.db.migrate().await.unwrap();
        test
    }

    /// The same without any table.
    pub async fn sqlite_empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("test.db").display());
        let mut test = Self::open(url, None, 3).await;
        test._folder = Some(Arc::new(folder));
        test
    }

    async fn open(url: String, owner_url: Option<String>, max_connections: u32) -> Self {
        let clock = Arc::new(ManualClock::new(START_MS));
        let rng = Arc::new(SeededRng::new(1));
        let config = DbConfig { url, owner_url, max_connections };
        let db = Db::connect(&config, clock.clone(), rng.clone()).await.unwrap();
        Self { db, clock, rng, _folder: None }
    }

    /// A writing transaction that sees everything.
    pub async fn begin(&self) -> Tx {
        self.db.begin(&Scope::All).await.unwrap()
    }

    /// What somebody has who owns the database: on PostgreSQL the tables' owner, past the application's grants.
    pub async fn shell(&self) -> Tx {
        let Some(url) = self.db.config().owner_url.clone() else { return self.begin().await };
        let config = DbConfig { url, owner_url: None, max_connections: 2 };
        let owner = Db::connect(&config, self.clock.clone(), self.rng.clone()).await.unwrap();
        owner.begin(&Scope::All).await.unwrap()
    }

    /// A reading transaction that sees everything.
    pub async fn read(&self) -> Tx {
        self.db.read(&Scope::All).await.unwrap()
    }
}

/// Runs the test on SQLite and, where there is a server, on PostgreSQL. Databases are removed in any case.
pub async fn on_both<F, Fut>(test: F)
where
    F: Fn(TestDb) -> Fut,
    Fut: Future<Output = ()>,
{
    let sqlite = TestDb::sqlite().await;
    test(sqlite.clone()).await;
    sqlite.db.close().await;
    if let Ok(server) = std::env::var("LASTMILE_TEST_POSTGRES") {
        on_postgres(&server, test).await;
    }
}

async fn on_postgres<F, Fut>(server: &str, test: F)
where
    F: Fn(TestDb) -> Fut,
    Fut: Future<Output = ()>,
{
    sqlx::any::install_default_drivers();
    let mut admin = AnyConnection::connect(server).await.unwrap();
    let template = template(server, &mut admin).await;
    let bytes: [u8; 8] = crate::kernel::rng::bytes(&crate::kernel::SystemRng::new());
    let name = format!("lm_test_{}", crate::kernel::ids::hex(&bytes));
    migrate::admin(&mut admin, format!("CREATE DATABASE {name} TEMPLATE {template} OWNER {OWNER}")).await.unwrap();
    let open = application(server, &name, 4).await;
    assert_eq!(open.db.dialect(), Dialect::Postgres);
    let outcome = AssertUnwindSafe(test(open.clone())).catch_unwind().await;
    open.db.close().await;
    migrate::admin(&mut admin, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await.unwrap();
    if let Err(panic) = outcome {
        eprintln!("(this was on PostgreSQL)");
        std::panic::resume_unwind(panic);
    }
}

/// Runs a part of a test on databases without any table: SQLite always, PostgreSQL where there is a server.
pub async fn empty<F, Fut>(part: F)
where
    F: Fn(TestDb) -> Fut,
    Fut: Future<Output = ()>,
{
    let sqlite = TestDb::sqlite_empty().await;
    part(sqlite.clone()).await;
    sqlite.db.close().await;
    let Ok(server) = std::env::var("LASTMILE_TEST_POSTGRES") else { return };
    sqlx::any::install_default_drivers();
    let mut admin = AnyConnection::connect(&server).await.unwrap();
    let bytes: [u8; 8] = crate::kernel::rng::bytes(&crate::kernel::SystemRng::new());
    let name = format!("lm_empty_{}", crate::kernel::ids::hex(&bytes));
    // A backup is restored by the tables' owner.
    template(&server, &mut admin).await;
    migrate::admin(&mut admin, format!("CREATE DATABASE {name} OWNER {OWNER}")).await.unwrap();
    let url = database_url(&role_url(&server, OWNER), &name);
    let open = TestDb::open(url.clone(), Some(url), 2).await;
    let outcome = AssertUnwindSafe(part(open.clone())).catch_unwind().await;
    open.db.close().await;
    migrate::admin(&mut admin, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await.unwrap();
    if let Err(panic) = outcome {
        eprintln!("(this was into PostgreSQL)");
        std::panic::resume_unwind(panic);
    }
}

/// The roles of test databases: as in an installation, the application's owns nothing and bypasses nothing.
const OWNER: &str = "lm_test_owner";
const APPLICATION: &str = "lm_test_app";

/// The database as the application sees it.
async fn application(server: &str, name: &str, connections: u32) -> TestDb {
    let as_role = |role| database_url(&role_url(server, role), name);
    TestDb::open(as_role(APPLICATION), Some(as_role(OWNER)), connections).await
}

/// A migrated database to copy from, made once for each series of migrations. Tests run in many processes at once:
/// an advisory lock lets one of them build it.
async fn template(server: &str, admin: &mut AnyConnection) -> String {
    let name = format!("lm_template_{}", migrate::fingerprint());
    migrate::admin(admin, "SELECT pg_advisory_lock(7305)".to_owned()).await.unwrap();
    let found: i64 = sqlx::query_scalar("SELECT CAST(COUNT(*) AS BIGINT) FROM pg_database WHERE datname = $1")
        .bind(&name)
        .fetch_one(&mut *admin)
        .await
        .unwrap();
    if found == 0 {
        let draft = format!("{name}_draft");
        migrate::admin(admin, format!("DROP DATABASE IF EXISTS {draft} WITH (FORCE)")).await.unwrap();
        for role in [OWNER, APPLICATION] {
            let known: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM pg_roles WHERE rolname = $1")
                .bind(role)
                .fetch_one(&mut *admin)
                .await
                .unwrap();
            if known == 0 {
                migrate::admin(admin, format!("CREATE ROLE {role} LOGIN PASSWORD 'test'")).await.unwrap();
            }
        }
        migrate::admin(admin, format!("CREATE DATABASE {draft} OWNER {OWNER}")).await.unwrap();
        let open = application(server, &draft, 2).await;
        open.db.migrate().await.unwrap();
        open.db.close().await;
        migrate::admin(admin, format!("ALTER DATABASE {draft} RENAME TO {name}")).await.unwrap();
    }
    migrate::admin(admin, "SELECT pg_advisory_unlock(7305)".to_owned()).await.unwrap();
    name
}

/// The server's URL with another database.
fn database_url(server: &str, name: &str) -> String {
    let (base, query) = server.split_once('?').map_or((server, None), |(base, query)| (base, Some(query)));
    let scheme_end = base.find("://").map_or(0, |at| at + 3);
    let host_end = base[scheme_end..].find('/').map_or(base.len(), |at| scheme_end + at);
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("{}/{name}{query}", &base[..host_end])
}

/// The server's URL with another role.
fn role_url(server: &str, role: &str) -> String {
    let (scheme, rest) = server.split_once("://").unwrap();
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{role}:test@{host}/{path}")
}
