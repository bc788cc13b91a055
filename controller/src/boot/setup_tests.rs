//! The first run through the web, on both databases.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use tokio::sync::watch;
use tower::ServiceExt as _;

use super::{compose, first_start, setup};
use crate::config::Config;
use crate::db::testing::{TestDb, on_both};
use crate::domains::{branches, network, settings};
use crate::secrets::Keyring;
use crate::web::{App, server};

struct World {
    router: Router,
    keyring: Arc<Keyring>,
    _stop: watch::Sender<bool>,
}

impl World {
    async fn new(test: &TestDb) -> Self {
        let folder = std::env::temp_dir();
        let env = [("LASTMILE_DATA__DIR".to_owned(), folder.display().to_string())];
        let config = Arc::new(Config::parse("", env.into_iter()).unwrap());
        let keyring = Arc::new(Keyring::from_text(&"a".repeat(64), "test", test.rng.clone()).unwrap());
        first_start::ensure(&test.db, &keyring).await.unwrap();
        let (stop, stopping) = watch::channel(false);
        let (clock, rng) = (test.clock.clone(), test.rng.clone());
        let app = App::new(test.db.clone(), clock, rng, Arc::clone(&keyring), config, stopping);
        let router = server::router(&app, server::complete(compose::routes()));
        Self { router, keyring, _stop: stop }
    }

    async fn send(&self, method: &str, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let peer: SocketAddr = "10.0.0.1:5000".parse().unwrap();
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let mut request =
            Request::builder().method(method).uri(path).header("content-type", "application/json").body(body).unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }
}

fn form(code: &str) -> Value {
    json!({
        "code": code,
        "owner": { "name": "Nasrin Akter", "username": "Nasrin", "password": "correct horse battery" },
        "company": { "name": "Dhaka Fiber", "phone": "01712-345678", "language": "bn" },
        "branch": { "name": "Mirpur", "time_zone": "Asia/Dhaka", "currency": "BDT" },
        "pop": { "name": "Mirpur 10" },
    })
}

#[tokio::test]
async fn an_isp_is_set_up_once() {
    on_both(|test| async move {
        let world = World::new(&test).await;
        let (status, seen) = world.send("GET", "/api/v1/setup", None).await;
        assert_eq!((status, &seen["branch"]["name"]), (StatusCode::OK, &json!("Head office")));
        let code = setup::code_while_new(&test.db, &world.keyring).await.unwrap().unwrap();
        assert_eq!(code.len(), 14);

        let (status, made) =
            world.send("POST", "/api/v1/setup", Some(form(&code.to_lowercase().replace('-', " ")))).await;
        assert_eq!((status, &made["username"]), (StatusCode::CREATED, &json!("nasrin")), "{made}");
        let mut tx = test.read().await;
        let offices = branches::offices(&mut tx).await.unwrap();
        assert_eq!(offices.len(), 1);
        assert_eq!((offices[0].name.as_str(), offices[0].pops, offices[0].staff), ("Mirpur", 1, 1));
        assert_eq!(offices[0].manager.as_ref().map(|manager| manager.name.as_str()), Some("Nasrin Akter"));
        assert!(network::pop_named(&mut tx, "Mirpur 10").await.is_ok());
        assert_eq!(settings::text(&mut tx, None, settings::COMPANY_NAME).await.unwrap(), "Dhaka Fiber");
        assert_eq!(settings::text(&mut tx, None, settings::LANGUAGE).await.unwrap(), "bn");
        drop(tx);

        assert_eq!(setup::code_while_new(&test.db, &world.keyring).await.unwrap(), None);
        assert_eq!(world.send("GET", "/api/v1/setup", None).await.0, StatusCode::NOT_FOUND);
        assert_eq!(world.send("POST", "/api/v1/setup", Some(form(&code))).await.0, StatusCode::NOT_FOUND);
    })
    .await;
}

#[tokio::test]
async fn without_the_code_or_with_wrong_fields_nothing_is_made() {
    on_both(|test| async move {
        let world = World::new(&test).await;
        let code = setup::code_while_new(&test.db, &world.keyring).await.unwrap().unwrap();
        for wrong in ["", "0000-0000-0000", &code[..13]] {
            assert_eq!(world.send("POST", "/api/v1/setup", Some(form(wrong))).await.0, StatusCode::FORBIDDEN);
        }
        for (part, field, value) in [
            ("owner", "username", "no spaces please"),
            ("owner", "password", "short"),
            ("company", "phone", "call us"),
            ("company", "language", "fr"),
            ("branch", "time_zone", "Asia/Atlantis"),
            ("pop", "name", ""),
        ] {
            let mut form = form(&code);
            form[part][field] = json!(value);
            let (status, problem) = world.send("POST", "/api/v1/setup", Some(form)).await;
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
            assert_eq!(problem["errors"][0]["field"], json!(format!("{part}.{field}")), "{problem}");
        }
        assert_eq!(world.send("GET", "/api/v1/setup", None).await.0, StatusCode::OK);
    })
    .await;
}
