//! Checks over everything that is put together: statements on both databases, routes, permissions, the document.

use std::collections::BTreeSet;

use sqlx::{Executor as _, SqlSafeStr as _};

use super::compose;
use crate::access::roles::PERMISSIONS;
use crate::db::Dialect;
use crate::db::testing::on_both;
use crate::domains::{
    areas, branches, customers, dunning, ledger, lines, network, packages, payments, settings, staff, usage,
};
use crate::web::{self, Policy, server};
use crate::{access, events, jobs};

/// Every statement that runs on both databases.
fn statements() -> Vec<&'static str> {
    let flat = [
        access::STATEMENTS,
        areas::store::STATEMENTS,
        branches::store::STATEMENTS,
        customers::store::STATEMENTS,
        dunning::store::STATEMENTS,
        events::store::STATEMENTS,
        jobs::store::STATEMENTS,
        ledger::store::STATEMENTS,
        lines::store::STATEMENTS,
        packages::store::STATEMENTS,
        payments::store::STATEMENTS,
        settings::store::STATEMENTS,
        staff::store::STATEMENTS,
        web::STATEMENTS,
    ];
    let nested = network::store::STATEMENTS.iter().chain(usage::store::STATEMENTS);
    flat.iter().chain(nested).flat_map(|list| list.iter().copied()).collect()
}

#[tokio::test]
async fn both_databases_understand_every_statement() {
    on_both(|test| async move {
        let mut tx = test.read().await;
        for sql in statements() {
            if let Err(error) = tx.conn().prepare(sql.into_sql_str()).await {
                panic!("{:?} refuses a statement: {error}\n{sql}", test.db.dialect());
            }
        }
        assert!(matches!(test.db.dialect(), Dialect::Sqlite | Dialect::Postgres));
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
    assert_eq!(public, ["/api/v1/login", "/healthz", "/readyz", "/metrics", "/api/v1/openapi.json", "/api/docs"]);
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
        .filter(|route| route.path.starts_with("/api/v1/") && route.path != "/api/v1/openapi.json")
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    assert_eq!(described, declared);
}
