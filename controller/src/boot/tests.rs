//! Checks over everything that is put together: statements on both databases, routes, permissions, the document.

use std::collections::BTreeSet;

use sqlx::{Executor as _, SqlSafeStr as _};

use super::compose;
use super::prepare::prepare;
use crate::access::permissions::PERMISSIONS;
use crate::config::Config;
use crate::db::Dialect;
use crate::db::testing::on_both;
use crate::domains::{
    areas, branches, customers, dunning, ledger, lines, network, notices, packages, payments, resellers, settings,
    staff, usage,
};
use crate::kernel::Scope;
use crate::web::{self, Policy, server};
use crate::{access, backup, events, jobs};

/// Every statement that runs on both databases.
fn statements() -> Vec<&'static str> {
    let flat = [
        areas::store::STATEMENTS,
        backup::STATEMENTS,
        branches::store::STATEMENTS,
        customers::store::STATEMENTS,
        dunning::store::STATEMENTS,
        events::store::STATEMENTS,
        events::seal::store::STATEMENTS,
        jobs::store::STATEMENTS,
        ledger::store::STATEMENTS,
        lines::store::STATEMENTS,
        packages::store::STATEMENTS,
        payments::store::STATEMENTS,
        resellers::store::STATEMENTS,
        settings::store::STATEMENTS,
        staff::store::STATEMENTS,
        web::STATEMENTS,
    ];
    let nested = access::STATEMENTS.iter().chain(network::store::STATEMENTS).chain(usage::store::STATEMENTS);
    let nested = nested.chain(notices::store::STATEMENTS);
    flat.iter().chain(nested).flat_map(|list| list.iter().copied()).collect()
}

#[tokio::test]
async fn both_databases_understand_every_statement() {
    on_both(|test| async move {
        let mut tx = test.read().await;
        let own: &[&[&'static str]] = match test.db.dialect() {
            Dialect::Sqlite => &[network::store::lines::STATEMENTS_SQLITE, usage::store::days::STATEMENTS_SQLITE],
            Dialect::Postgres => &[network::store::lines::STATEMENTS_POSTGRES, usage::store::days::STATEMENTS_POSTGRES],
        };
        for sql in statements().into_iter().chain(own.iter().flat_map(|list| list.iter().copied())) {
            if let Err(error) = tx.conn().prepare(sql.into_sql_str()).await {
                panic!("{:?} refuses a statement: {error}\n{sql}", test.db.dialect());
            }
        }
    })
    .await;
}

#[test]
fn every_policy_asks_for_a_permission_that_exists() {
    for route in server::complete(compose::routes()).registry() {
        if let Policy::Staff(permission) = route.policy {
            assert!(PERMISSIONS.contains(&permission), "{} {} asks for {permission}", route.method, route.path);
        }
    }
}

#[test]
fn no_route_is_declared_twice() {
    let mut seen = BTreeSet::new();
    for route in server::complete(compose::routes()).registry() {
        assert!(seen.insert((route.path, route.method.to_string())), "{} {}", route.method, route.path);
    }
}

/// What everybody may use without signing in. Grows only with good reason.
#[test]
fn few_routes_are_public() {
    let public: Vec<_> = server::complete(compose::routes())
        .registry()
        .into_iter()
        .filter(|route| route.policy == Policy::Public)
        .map(|route| route.path)
        .collect();
    assert_eq!(
        public,
        [
            "/api/v1/login",
            "/api/v1/login/second-factor",
            "/api/v1/branding",
            "/hooks/sms/{code}",
            "/hooks/sms/{code}",
            "/api/v1/invitations/{token}",
            "/api/v1/invitations/{token}/accept",
            "/api/v1/password-reset",
            "/api/v1/password-reset/{token}",
            "/api/v1/password-reset/confirm",
            "/api/v1/setup",
            "/api/v1/setup",
            "/healthz",
            "/readyz",
            "/metrics",
            "/api/v1/openapi.json",
            "/api/docs"
        ]
    );
}

#[test]
fn the_document_describes_every_route_and_no_other() {
    let routes = server::complete(compose::routes());
    let document = web::document(&routes);
    let described: BTreeSet<String> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| {
            methods.as_object().unwrap().keys().map(move |m| format!("{} {path}", m.to_uppercase()))
        })
        .collect();
    let declared: BTreeSet<String> = routes
        .registry()
        .into_iter()
        .filter(|route| route.path.starts_with("/api/v1/") || route.path.starts_with("/hooks/"))
        .filter(|route| route.path != "/api/v1/openapi.json")
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    assert_eq!(described, declared);
}

fn config(folder: &std::path::Path, more: &[(&str, &str)]) -> Config {
    let dir = folder.join("data").display().to_string();
    let env = [("LASTMILE_DATA__DIR", dir.as_str())].into_iter().chain(more.iter().copied());
    Config::parse("", env.map(|(key, value)| (key.to_owned(), value.to_owned()))).unwrap()
}

async fn refused(config: Config) -> String {
    match prepare(config).await {
        Ok(_) => panic!("it started"),
        Err(error) => format!("{error:#}"),
    }
}

#[tokio::test]
async fn a_first_start_makes_what_is_needed_and_a_second_changes_nothing() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let first = prepare(config(folder.path(), &[])).await.unwrap();
    let mode = std::fs::metadata(folder.path().join("data")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let branches = branches::list(&mut first.db.read(&Scope::All).await.unwrap()).await.unwrap();
    assert_eq!((branches.len(), branches[0].time_zone.as_str()), (1, "Asia/Dhaka"));
    first.db.close().await;
    let second = prepare(config(folder.path(), &[])).await.unwrap();
    let again = branches::list(&mut second.db.read(&Scope::All).await.unwrap()).await.unwrap();
    assert_eq!(again[0].id, branches[0].id);
    assert_eq!(second.keyring.id(), first.keyring.id());
}

#[tokio::test]
async fn a_database_is_not_opened_with_another_key() {
    let folder = tempfile::tempdir().unwrap();
    let first = prepare(config(folder.path(), &[])).await.unwrap();
    let id = first.keyring.id();
    first.db.close().await;
    let other = refused(config(folder.path(), &[("LASTMILE_SECRETS__KEY", &"b".repeat(64))])).await;
    assert!(other.contains(&id), "{other}");
    let file = folder.path().join("data/secret.key");
    std::fs::rename(&file, folder.path().join("elsewhere")).unwrap();
    let missing = refused(config(folder.path(), &[])).await;
    assert!(missing.contains(&id) && missing.contains("is missing"), "{missing}");
    assert!(!file.exists(), "a new key was made beside an old database");
    let bad = refused(config(folder.path(), &[("LASTMILE_SECRETS__KEY", "short")])).await;
    assert!(bad.contains("64 hexadecimal digits"), "{bad}");
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_named_without_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let url = "postgres://lastmile:hunter2@127.0.0.1:1/none";
    let error = refused(config(folder.path(), &[("LASTMILE_DATABASE__URL", url)])).await;
    assert!(error.contains("postgres://lastmile@127.0.0.1:1/none") && !error.contains("hunter2"), "{error}");
    let other = refused(config(folder.path(), &[("LASTMILE_DATABASE__URL", "mysql://x")])).await;
    assert!(other.contains("sqlite: or postgres:"), "{other}");
}
