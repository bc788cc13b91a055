//! The whole web in process: sign-in, guards, answers that are kept, live events.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, StatusCode, header};
use futures_util::StreamExt as _;
use lastmile_protocol::ids::BranchId;
use serde_json::{Value, json};
use tokio::sync::watch;
use tower::ServiceExt as _;

use super::compose;
use crate::access::roles;
use crate::config::Config;
use crate::db::testing::TestDb;
use crate::domains::branches;
use crate::domains::staff::{self, NewStaff};
use crate::kernel::{Actor, Currency};
use crate::secrets::{Keyring, Secret};
use crate::web::{App, server};

pub(super) const PASSWORD: &str = "correct horse";

/// A web of two branches with an owner (all branches), and a cashier and a manager of the first.
pub(super) struct World {
    pub(super) test: TestDb,
    pub(super) app: App,
    router: Router,
    pub(super) branches: [BranchId; 2],
    _stop: watch::Sender<bool>,
}

/// An answer, read to its end.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(super) fn cookie(&self) -> String {
        self.header("set-cookie").split(';').next().unwrap().to_owned()
    }
}

impl World {
    pub(super) async fn new() -> Self {
        let test = TestDb::sqlite().await;
        let folder = std::env::temp_dir();
        let env = [("LASTMILE_DATA__DIR".to_owned(), folder.display().to_string())];
        let config = Arc::new(Config::parse("", env.into_iter()).unwrap());
        let keyring = Arc::new(Keyring::from_text(&"a".repeat(64), "test", test.rng.clone()).unwrap());
        let (stop, stopping) = watch::channel(false);
        let app = App::new(test.db.clone(), test.clock.clone(), test.rng.clone(), keyring, config, stopping);
        let acts = compose::acts(&app);
        let app = app.with_acts(acts);
        let router = server::router(&app, server::complete(compose::routes()));
        let hash = app.access.passwords.hash(Secret::new(PASSWORD.to_owned())).await.unwrap();
        let mut tx = test.begin().await;
        roles::ensure_defaults(&mut tx).await.unwrap();
        let mirpur = branches::add(&mut tx, "Mirpur", "Asia/Dhaka", Currency::BDT).await.unwrap().id;
        let uttara = branches::add(&mut tx, "Uttara", "Asia/Dhaka", Currency::BDT).await.unwrap().id;
        for (username, role) in [("owner", "owner"), ("cashier", "cashier"), ("manager", "branch_manager")] {
            let new = NewStaff {
                branch_id: mirpur,
                username: username.to_owned(),
                name: username.to_owned(),
                role: role.to_owned(),
                password_hash: hash.clone(),
            };
            staff::add(&mut tx, &Actor::system(), new).await.unwrap();
        }
        tx.commit().await.unwrap();
        Self { test, app, router, branches: [mirpur, uttara], _stop: stop }
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Answer {
        self.send_from("10.0.0.1", request).await
    }

    async fn send_from(&self, address: &str, mut request: Request<Body>) -> Answer {
        let peer: SocketAddr = format!("{address}:5000").parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, 1 << 24).await.unwrap();
        Answer { status: parts.status, headers: parts.headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    pub(super) async fn sign_in(&self, username: &str) -> String {
        let answer = self.send(login(username, PASSWORD)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        answer.cookie()
    }

    pub(super) async fn token(&self, username: &str) -> String {
        let mut tx = self.test.begin().await;
        let token = crate::access::create_token(&mut tx, username, "test", 1).await.unwrap();
        tx.commit().await.unwrap();
        format!("Bearer {}", token.expose())
    }

    pub(super) async fn sql(&self, statement: &'static str) {
        let mut tx = self.test.begin().await;
        sqlx::query(statement).execute(tx.conn()).await.unwrap();
        tx.commit().await.unwrap();
    }
}

pub(super) fn login(username: &str, password: &str) -> Request<Body> {
    post("/api/v1/login", &json!({"username": username, "password": password}))
}

pub(super) fn post(path: &str, body: &Value) -> Request<Body> {
    Request::post(path)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::HOST, "isp.example")
        .body(Body::from(body.to_string()))
        .unwrap()
}

pub(super) fn get(path: &str, cookie: &str) -> Request<Body> {
    Request::get(path).header(header::COOKIE, cookie).body(Body::empty()).unwrap()
}

pub(super) fn with(mut request: Request<Body>, headers: &[(&'static str, &str)]) -> Request<Body> {
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    request
}

#[tokio::test]
async fn a_session_begins_at_login_and_ends_at_logout() {
    let world = World::new().await;
    let answer = world.send(login("Cashier", PASSWORD)).await;
    let set = answer.header("set-cookie");
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax") && !set.contains("Secure"), "{set}");
    assert_eq!(answer.json()["staff"]["role"], "cashier");
    let cookie = answer.cookie();
    let me = world.send(get("/api/v1/me", &cookie)).await;
    assert_eq!(me.json()["staff"]["username"], "cashier");
    let logout = with(post("/api/v1/logout", &json!({})), &[("cookie", &cookie), ("x-requested-with", "lastmile")]);
    assert_eq!(world.send(logout).await.status, StatusCode::NO_CONTENT);
    assert_eq!(world.send(get("/api/v1/me", &cookie)).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_new_sign_in_ends_the_session_that_the_browser_had() {
    let world = World::new().await;
    let old = world.sign_in("owner").await;
    let again = with(login("owner", PASSWORD), &[("cookie", &old)]);
    let new = world.send(again).await.cookie();
    assert_ne!(old, new);
    assert_eq!(world.send(get("/api/v1/me", &old)).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(world.send(get("/api/v1/me", &new)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_wrong_name_and_a_wrong_password_look_and_cost_the_same() {
    let world = World::new().await;
    let before = world.app.access.passwords.verifications();
    let wrong = world.send(login("owner", "battery staple")).await;
    let unknown = world.send(login("nobody", "battery staple")).await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert_eq!(wrong.text, unknown.text);
    assert_eq!(world.app.access.passwords.verifications(), before + 2);
    world.sign_in("owner").await;
    assert_eq!(world.app.access.passwords.verifications(), before + 3);
}

#[tokio::test]
async fn guessing_is_slowed_down_for_the_guesser_alone() {
    let world = World::new().await;
    for _ in 0..6 {
        world.send(login("owner", "guess")).await;
    }
    let slowed = world.send(login("owner", PASSWORD)).await;
    assert_eq!(slowed.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(slowed.header("retry-after"), "2");
    assert_eq!(world.send_from("10.0.0.2", login("owner", PASSWORD)).await.status, StatusCode::OK);
    assert_eq!(world.send(login("cashier", PASSWORD)).await.status, StatusCode::OK);
    world.test.clock.advance(2_000);
    assert_eq!(world.send(login("owner", PASSWORD)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_session_has_an_idle_and_an_absolute_limit() {
    let world = World::new().await;
    let cookie = world.sign_in("owner").await;
    for _ in 0..24 {
        world.test.clock.advance(29 * 60 * 1_000);
        assert_eq!(world.send(get("/api/v1/me", &cookie)).await.status, StatusCode::OK);
    }
    world.test.clock.advance(25 * 60 * 1_000);
    assert_eq!(world.send(get("/api/v1/me", &cookie)).await.status, StatusCode::UNAUTHORIZED);
    let cookie = world.sign_in("owner").await;
    world.test.clock.advance(30 * 60 * 1_000);
    assert_eq!(world.send(get("/api/v1/me", &cookie)).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_changed_role_and_a_dismissal_count_from_the_next_request() {
    let world = World::new().await;
    let cookie = world.sign_in("manager").await;
    let token = world.token("manager").await;
    assert_eq!(world.send(get("/api/v1/staff", &cookie)).await.status, StatusCode::OK);
    world.sql("UPDATE staff SET role = 'cashier' WHERE username = 'manager'").await;
    assert_eq!(world.send(get("/api/v1/staff", &cookie)).await.status, StatusCode::FORBIDDEN);
    world.sql("UPDATE staff SET active = 0 WHERE username = 'manager'").await;
    assert_eq!(world.send(get("/api/v1/me", &cookie)).await.status, StatusCode::UNAUTHORIZED);
    let bearer = with(get("/api/v1/me", ""), &[("authorization", &token)]);
    assert_eq!(world.send(bearer).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_browser_must_mean_it_and_a_program_need_not() {
    let world = World::new().await;
    let cookie = world.sign_in("owner").await;
    let area = json!({"name": "Block A", "branch_id": world.branches[0]});
    let send = |headers: Vec<(&'static str, String)>| {
        let mut request = post("/api/v1/areas", &area);
        for (name, value) in headers {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        world.send(request)
    };
    let cookie = || ("cookie", cookie.clone());
    let ours = || ("x-requested-with", "lastmile".to_owned());
    assert_eq!(send(vec![cookie()]).await.status, StatusCode::FORBIDDEN);
    let foreign = vec![cookie(), ours(), ("origin", "https://evil.example".to_owned())];
    assert_eq!(send(foreign).await.status, StatusCode::FORBIDDEN);
    assert_eq!(send(vec![cookie(), ours(), ("origin", "null".to_owned())]).await.status, StatusCode::FORBIDDEN);
    let own = vec![cookie(), ours(), ("origin", "https://isp.example".to_owned())];
    assert_eq!(send(own).await.status, StatusCode::CREATED);
    let area = json!({"name": "Block B", "branch_id": world.branches[0]});
    let bearer = with(post("/api/v1/areas", &area), &[("authorization", &world.token("owner").await)]);
    assert_eq!(world.send(bearer).await.status, StatusCode::CREATED);
    let from_elsewhere = with(login("owner", PASSWORD), &[("origin", "https://evil.example")]);
    assert_eq!(world.send(from_elsewhere).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn every_route_that_is_not_public_asks_who_is_there() {
    let world = World::new().await;
    for route in server::complete(compose::routes()).registry() {
        if route.policy == crate::web::Policy::Public {
            continue;
        }
        let path = route.path.replace("{id}", "01M8205TN9ZC6HSMWP27DWXN64");
        let request = Request::builder()
            .method(route.method.clone())
            .uri(path)
            .header(header::AUTHORIZATION, "Bearer lmt_0000")
            .body(Body::empty())
            .unwrap();
        assert_eq!(world.send(request).await.status, StatusCode::UNAUTHORIZED, "{} {}", route.method, route.path);
    }
}

#[tokio::test]
async fn the_same_key_acts_once_and_other_content_is_refused() {
    let world = World::new().await;
    let (owner, manager) = (world.token("owner").await, world.token("manager").await);
    let area = |name: &str| json!({"name": name, "branch_id": world.branches[0]});
    let keyed = |token: &str, body: &Value| {
        with(post("/api/v1/areas", body), &[("authorization", token), ("idempotency-key", "k1")])
    };
    let first = world.send(keyed(&owner, &area("A"))).await;
    assert_eq!(first.status, StatusCode::CREATED, "{}", first.text);
    let second = world.send(keyed(&owner, &area("A"))).await;
    assert_eq!((second.status, &second.text), (first.status, &first.text));
    assert_eq!(second.header("idempotency-replayed"), "true");
    let other = world.send(keyed(&owner, &area("B"))).await;
    assert_eq!(other.status, StatusCode::CONFLICT);
    assert_eq!(other.json()["type"], "/problems/idempotency_key_reused");
    assert_eq!(world.send(keyed(&manager, &area("B"))).await.status, StatusCode::CREATED);
    let empty = with(post("/api/v1/areas", &area("C")), &[("authorization", &owner), ("idempotency-key", " ")]);
    assert_eq!(world.send(empty).await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_refusal_is_not_kept() {
    let world = World::new().await;
    let owner = world.token("owner").await;
    let keyed = |name: &str| {
        let body = json!({"name": name, "branch_id": world.branches[0]});
        with(post("/api/v1/areas", &body), &[("authorization", &owner), ("idempotency-key", "k2")])
    };
    assert_eq!(world.send(keyed("")).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(world.send(keyed("A")).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn bad_requests_get_a_problem_that_says_what_is_wrong() {
    let world = World::new().await;
    let owner = world.token("owner").await;
    let send = async |request| world.send(with(request, &[("authorization", &owner)])).await;
    let unknown = send(post("/api/v1/areas", &json!({"name": "A", "colour": "red"}))).await;
    assert_eq!(unknown.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(unknown.header("content-type"), "application/problem+json");
    assert_eq!(unknown.json()["errors"][0]["field"], "colour");
    let large = post("/api/v1/areas", &json!({"name": "x".repeat(2 << 20)}));
    assert_eq!(send(large).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let form = with(post("/api/v1/areas", &json!({})), &[("content-type", "text/plain")]);
    assert_eq!(send(form).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let limit = send(get("/api/v1/events?limit=many", "")).await;
    assert_eq!(limit.json()["errors"][0]["field"], "limit", "{}", limit.text);
    assert_eq!(send(get("/api/v1/events?after=zz", "")).await.json()["errors"][0]["field"], "after");
    let missing = send(get("/api/v1/nothing", "")).await;
    assert_eq!((missing.status, missing.json()["status"].as_u64()), (StatusCode::NOT_FOUND, Some(404)));
    let method = send(post("/api/v1/me", &json!({}))).await;
    assert_eq!((method.status, method.json()["status"].as_u64()), (StatusCode::METHOD_NOT_ALLOWED, Some(405)));
}

#[tokio::test]
async fn answers_carry_careful_headers_and_a_fresh_nonce() {
    let world = World::new().await;
    let first = world.send(get("/healthz", "")).await;
    let second = world.send(get("/api/v1/me", "")).await;
    for answer in [&first, &second] {
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"));
        assert_eq!(answer.header("x-request-id").len(), 16);
    }
    assert_ne!(first.header("content-security-policy"), second.header("content-security-policy"));
    assert_eq!(second.header("www-authenticate"), "Bearer");
}

#[tokio::test]
async fn events_are_paged_and_stay_in_their_branch() {
    let world = World::new().await;
    let owner = world.token("owner").await;
    for (name, branch) in [("A", 0), ("B", 0), ("C", 1)] {
        let body = json!({"name": name, "branch_id": world.branches[branch]});
        let made = world.send(with(post("/api/v1/areas", &body), &[("authorization", &owner)])).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        world.test.clock.advance(1);
    }
    let page = async |token: &str, query: &str| {
        world.send(with(get(&format!("/api/v1/events?{query}"), ""), &[("authorization", token)])).await.json()
    };
    let all = page(&owner, "subject_kind=area").await;
    assert_eq!(all["items"].as_array().unwrap().len(), 3);
    let first = page(&owner, "subject_kind=area&limit=2").await;
    let rest = page(&owner, &format!("subject_kind=area&limit=2&after={}", first["next"].as_str().unwrap())).await;
    assert_eq!(rest["items"][0]["id"], all["items"][2]["id"]);
    assert!(rest["next"].is_null());
    let manager = page(&world.token("manager").await, "subject_kind=area").await;
    assert_eq!(manager["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_live_page_hears_of_its_own_branches_only() {
    let world = World::new().await;
    let token = world.token("manager").await;
    let mut request = with(get("/api/v1/live?watch=S1,S2", ""), &[("authorization", &token)]);
    let peer: SocketAddr = "10.0.0.1:1".parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(peer));
    let response = world.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let mut stream = response.into_body().into_data_stream();
    let mut next = async || String::from_utf8(stream.next().await.unwrap().unwrap().to_vec()).unwrap();

    let owner = world.token("owner").await;
    for (name, branch) in [("foreign", 1), ("own", 0)] {
        let body = json!({"name": name, "branch_id": world.branches[branch]});
        world.send(with(post("/api/v1/areas", &body), &[("authorization", &owner)])).await;
    }
    let heard = next().await;
    assert!(heard.starts_with("event: changed\n") && heard.contains(r#""kind":"area""#), "{heard}");

    assert_eq!(world.app.hub.watched(), ["S1", "S2"]);
    for (topic, branch) in [("S9", 0), ("S1", 1), ("S2", 0)] {
        world.app.hub.publish(crate::events::LiveEvent {
            event: "rate",
            topic: topic.to_owned(),
            branch: world.branches[branch],
            data: format!("{{\"subscription_id\":\"{topic}\"}}").into(),
        });
    }
    assert_eq!(next().await, "event: rate\ndata: {\"subscription_id\":\"S2\"}\n\n");

    // Far more hints than are kept for a slow page: it is told to read again.
    for count in 0..10_000 {
        let nudge = crate::db::Nudge::Changed { kind: "area", id: count.to_string(), branch: world.branches[0] };
        world.app.hub.nudge(nudge);
    }
    assert_eq!(next().await, "event: resync\ndata: {}\n\n");
    drop(stream);
    assert!(world.app.hub.watched().is_empty());
}
