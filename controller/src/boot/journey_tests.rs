//! Money opens a line, told through the API as the pages tell it, on both databases.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};
use tokio::sync::watch;
use tower::ServiceExt as _;

use super::compose;
use crate::access::roles;
use crate::config::Config;
use crate::db::testing::{TestDb, on_both};
use crate::domains::branches;
use crate::domains::dunning::{self, ClockWatch};
use crate::domains::staff::{self, NewStaff};
use crate::kernel::{Actor, Currency};
use crate::secrets::Keyring;
use crate::web::{App, server};

/// An ISP with two branches, reached by tokens alone.
struct Office {
    test: TestDb,
    app: App,
    router: Router,
    owner: String,
    cashier: String,
    foreigner: String,
    _stop: watch::Sender<bool>,
}

impl Office {
    async fn open(test: TestDb) -> Self {
        let config = Arc::new(Config::parse("", std::iter::empty()).unwrap());
        let keyring = Arc::new(Keyring::from_text(&"a".repeat(64), "test", test.rng.clone()).unwrap());
        let (stop, stopping) = watch::channel(false);
        let app = App::new(test.db.clone(), test.clock.clone(), test.rng.clone(), keyring, config, stopping);
        let router = server::router(&app, server::complete(compose::routes()));
        let mut tx = test.begin().await;
        roles::ensure_defaults(&mut tx).await.unwrap();
        let mirpur = branches::add(&mut tx, "Mirpur", "Asia/Dhaka", Currency::BDT).await.unwrap().id;
        let uttara = branches::add(&mut tx, "Uttara", "Asia/Dhaka", Currency::BDT).await.unwrap().id;
        let mut tokens = Vec::new();
        for (username, role, branch_id) in
            [("owner", "owner", mirpur), ("cashier", "cashier", mirpur), ("foreigner", "branch_manager", uttara)]
        {
            let new = NewStaff {
                branch_id,
                username: username.to_owned(),
                name: username.to_owned(),
                role: role.to_owned(),
                password_hash: "unused".to_owned(),
            };
            staff::add(&mut tx, &Actor::system(), new).await.unwrap();
            let token = crate::access::create_token(&mut tx, username, "test", 1).await.unwrap();
            tokens.push(format!("Bearer {}", token.expose()));
        }
        tx.commit().await.unwrap();
        let [owner, cashier, foreigner] = tokens.try_into().unwrap();
        Self { test, app, router, owner, cashier, foreigner, _stop: stop }
    }

    async fn call(&self, who: &str, method: Method, path: &str, body: Value, key: Option<&str>) -> (StatusCode, Value) {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, who);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 1 << 24).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    async fn get(&self, path: &str) -> Value {
        let (status, body) = self.call(&self.owner, Method::GET, path, Value::Null, None).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let (status, body) = self.call(&self.owner, Method::POST, path, body, None).await;
        assert!(status.is_success(), "{path}: {status} {body}");
        body
    }

    /// Refused with this status and this kind of problem; gives the problem.
    async fn refused(&self, method: Method, path: &str, body: Value, status: u16, kind: &str) -> Value {
        let (got, answer) = self.call(&self.owner, method, path, body, None).await;
        assert_eq!(got.as_u16(), status, "{path}: {answer}");
        assert_eq!(answer["type"], format!("/problems/{kind}"), "{path}: {answer}");
        answer
    }

    async fn dun(&self) -> dunning::Summary {
        dunning::run(&self.app.db, &*self.app.clock, &self.app.config, &ClockWatch::new()).await.unwrap()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("a text, not {value}")).to_owned()
}

#[tokio::test]
async fn a_customer_comes_runs_out_pays_and_is_open_again() {
    on_both(|test| async move {
        let office = Office::open(test).await;
        let area = office.post("/areas", json!({ "name": "Savar" })).await;
        let package = office
            .post(
                "/packages",
                json!({
                    "name": "One minute", "price": { "minor": 1_000, "currency": "BDT" }, "down_bps": 20_000_000,
                    "up_bps": 20_000_000, "validity_value": 1, "validity_unit": "minute", "grace_days": 0,
                }),
            )
            .await;
        let pop = office.post("/pops", json!({ "name": "Savar" })).await;
        let router = office
            .post(
                "/routers",
                json!({
                    "pop_id": pop["id"], "name": "north", "kind": "routeros", "host": "10.0.0.1", "port": 8728,
                    "username": "api", "password": "secret", "line_rate_bps": 1_000_000_000_i64, "enforce": true,
                    "poll_seconds": 60,
                }),
            )
            .await;
        let customer =
            office.post("/customers", json!({ "name": "রহিম", "phone": "01712-345678", "area_id": area["id"] })).await;
        assert_eq!(customer["number"], "LM-000001");
        assert_eq!(customer["credit"], json!({ "minor": 0, "currency": "BDT" }));
        let asked = json!({
            "customer_id": customer["id"], "package_id": package["id"], "router_id": router["id"],
            "access": { "kind": "pppoe", "username": "rahim" },
        });
        let line = office.post("/subscriptions", asked.clone()).await;
        assert_eq!((&line["state"], &line["line"]["state"]), (&json!("active"), &json!("queued")));
        let taken = office.refused(Method::POST, "/subscriptions", asked, 409, "username_taken").await;
        assert_eq!(taken["errors"][0]["field"], "username");
        let area_path = format!("/areas/{}", text(&area["id"]));
        office.refused(Method::DELETE, &area_path, Value::Null, 409, "area_in_use").await;

        let id = text(&line["id"]);
        let path = |rest: &str| format!("/subscriptions/{id}{rest}");
        office.test.clock.advance(60_000);
        assert_eq!(office.dun().await.held, 1);
        let held = office.get(&path("")).await;
        assert_eq!((&held["state"], &held["line"]["open"]), (&json!("held"), &json!(false)));
        assert_eq!(held["holds"][0]["reason"], "nonpayment");

        let quote = office.get(&path("/quote?amount_minor=1500")).await;
        assert_eq!((&quote["opens"], &quote["credit_after"]["minor"]), (&json!(true), &json!(500)));
        let payment =
            json!({ "subscription_id": id, "amount": { "minor": 1_500, "currency": "BDT" }, "method": "cash" });
        let pay = |body: Value, key| office.call(&office.cashier, Method::POST, "/payments", body, key);
        assert_eq!(pay(payment.clone(), None).await.0, StatusCode::UNPROCESSABLE_ENTITY);
        let (status, receipt) = pay(payment.clone(), Some("key-1")).await;
        assert_eq!(status, StatusCode::CREATED, "{receipt}");
        assert_eq!((&receipt["number"], &receipt["opens"]), (&json!("R-000001"), &json!(true)));
        assert_eq!(pay(payment, Some("key-1")).await, (StatusCode::CREATED, receipt));
        let other = json!({ "subscription_id": id, "amount": { "minor": 1, "currency": "BDT" }, "method": "cash" });
        let (status, reused) = pay(other, Some("key-1")).await;
        assert_eq!((status, &reused["type"]), (StatusCode::CONFLICT, &json!("/problems/idempotency_key_reused")));
        let open = office.get(&path("")).await;
        assert_eq!((&open["state"], &open["line"]["open"]), (&json!("active"), &json!(true)));

        let list = office.get("/customers?q=01712&state=active&sort=-paid_until&limit=10").await;
        assert_eq!((&list["total"], &list["counts"]["all"]), (&json!(1), &json!(1)));
        assert_eq!(list["items"][0]["credit"]["minor"], 500);
        let bad = office.refused(Method::GET, "/customers?sort=colour", Value::Null, 422, "invalid").await;
        assert_eq!(bad["errors"][0]["field"], "sort");
        let story = office.get(&format!("/customers/{}/timeline", text(&customer["id"]))).await;
        let kinds: Vec<_> = story["items"].as_array().unwrap().iter().map(|item| text(&item["kind"])).collect();
        for kind in ["payment.taken", "hold.cleared", "hold.placed", "subscription.created", "customer.created"] {
            assert!(kinds.contains(&kind.to_owned()), "{kinds:?}");
        }
        let payments = office.get(&format!("/payments?customer_id={}&limit=100", text(&customer["id"]))).await;
        assert_eq!(payments["items"].as_array().unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn who_may_not_cannot_and_what_is_foreign_does_not_exist() {
    on_both(|test| async move {
        let office = Office::open(test).await;
        let package = json!({
            "name": "Home", "price": { "minor": 80_000, "currency": "BDT" }, "down_bps": 0, "up_bps": 0,
            "validity_value": 30, "validity_unit": "day", "grace_days": null,
        });
        let package = office.post("/packages", package).await;
        let pop = office.post("/pops", json!({ "name": "Savar" })).await;
        let router = json!({
            "pop_id": pop["id"], "name": "edge", "kind": "linux", "host": "", "port": 0, "username": "",
            "line_rate_bps": 1_000_000_000_i64, "enforce": true, "poll_seconds": 60,
        });
        let router = office.post("/routers", router).await;
        let customer = office.post("/customers", json!({ "name": "Karim", "phone": "01812345678" })).await;
        let mut wanted = json!({
            "customer_id": customer["id"], "package_id": package["id"], "router_id": router["id"],
            "access": { "kind": "static", "address": "10.9.0.2", "interface": "veth1" }, "paid_until": null,
        });
        // For ever is more than one person may give.
        let (status, answer) = office.call(&office.owner, Method::POST, "/subscriptions", wanted.clone(), None).await;
        assert_eq!(
            (status, answer["type"].as_str()),
            (StatusCode::CONFLICT, Some("/problems/needs_approval")),
            "{answer}"
        );
        wanted.as_object_mut().unwrap().remove("paid_until");
        let line = office.post("/subscriptions", wanted).await;
        assert!(line["paid_until"].is_string(), "{line}");
        let id = text(&line["id"]);
        let hold = office
            .post(&format!("/subscriptions/{id}/holds"), json!({ "reason": "staff", "note": "asked for it" }))
            .await;
        let owned = [
            (Method::GET, format!("/customers/{}", text(&customer["id"])), Value::Null),
            (Method::PATCH, format!("/customers/{}", text(&customer["id"])), json!({ "name": "Mine" })),
            (Method::GET, format!("/customers/{}/timeline", text(&customer["id"])), Value::Null),
            (Method::GET, format!("/subscriptions/{id}"), Value::Null),
            (Method::PATCH, format!("/subscriptions/{id}"), json!({})),
            (Method::DELETE, format!("/subscriptions/{id}"), Value::Null),
            (Method::GET, format!("/subscriptions/{id}/password"), Value::Null),
            (Method::GET, format!("/subscriptions/{id}/proofs"), Value::Null),
            (Method::GET, format!("/subscriptions/{id}/quote?amount_minor=1"), Value::Null),
            (Method::POST, format!("/subscriptions/{id}/holds"), json!({ "reason": "abuse" })),
            (Method::POST, format!("/holds/{}/release", text(&hold["id"])), json!({})),
        ];
        for (method, path, body) in owned {
            let (status, answer) = office.call(&office.foreigner, method, &path, body, None).await;
            assert_eq!(status, StatusCode::NOT_FOUND, "{path}: {answer}");
        }
        let payment = json!({ "subscription_id": id, "amount": { "minor": 1, "currency": "BDT" }, "method": "cash" });
        let (status, _) = office.call(&office.foreigner, Method::POST, "/payments", payment, Some("k")).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        for path in ["/customers", "/payments"] {
            let (_, list) = office.call(&office.foreigner, Method::GET, path, Value::Null, None).await;
            assert_eq!(list["items"], json!([]), "{path}");
        }
        for (method, path, body) in [
            (Method::GET, format!("/subscriptions/{id}/password"), Value::Null),
            (Method::POST, format!("/subscriptions/{id}/holds"), json!({ "reason": "abuse" })),
            (Method::POST, "/packages".to_owned(), json!({})),
            (Method::POST, "/dunning/freeze/clear".to_owned(), json!({ "reason": "x" })),
        ] {
            let (status, answer) = office.call(&office.cashier, method, &path, body, None).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{path}: {answer}");
        }
        let path = format!("/holds/{}/release", text(&hold["id"]));
        let (status, _) = office.call(&office.owner, Method::POST, &path, json!({ "note": "done" }), None).await;
        assert_eq!(status, StatusCode::NO_CONTENT);
        assert_eq!(office.get("/dunning/brakes").await["items"], json!([]));
        assert_eq!(office.get("/dunning/freeze").await["frozen"], false);
    })
    .await;
}
