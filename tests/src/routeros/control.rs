//! The control port: HTTP and JSON over [`Handle`]. It listens for tests and for people, on loopback.

use std::collections::BTreeMap;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::handle::{Edit, Fault, Handle};
use super::router::TrafficMode;
use super::session::{Octets, Rates};

/// Serves the control port until the task ends.
pub(super) async fn serve(handle: Handle, listener: TcpListener) {
    let app = Router::new()
        .route("/status", get(async |State(handle): State<Handle>| Json(handle.status())))
        .route("/true", get(true_octets))
        .route("/reads", get(reads))
        .route("/sessions", get(async |State(handle): State<Handle>| Json(json!({ "items": handle.sessions() }))))
        .route("/secrets", get(secrets))
        .route("/writes", get(async |State(handle): State<Handle>| Json(json!({ "items": handle.writes() }))))
        .route("/traffic", post(traffic))
        .route("/fault", post(fault))
        .route("/edit", post(edit))
        .route("/dial", post(dial))
        .route("/hangup", post(hang_up))
        .with_state(handle);
    if let Err(error) = axum::serve(listener, app).await {
        tracing::error!(%error, "control port stopped");
    }
}

fn refused(status: StatusCode, detail: impl Into<String>) -> Response {
    (status, Json(json!({ "status": status.as_u16(), "detail": detail.into() }))).into_response()
}

fn done() -> Response {
    Json(json!({ "ok": true })).into_response()
}

#[derive(Deserialize)]
struct Named {
    name: Option<String>,
}

async fn true_octets(State(handle): State<Handle>, Query(named): Query<Named>) -> Json<Value> {
    match named.name {
        Some(name) => Json(json!(handle.true_octets(&name))),
        None => Json(json!({ "names": handle.all_true_octets() })),
    }
}

async fn reads(State(handle): State<Handle>, Query(named): Query<Named>) -> Response {
    match named.name {
        Some(name) => Json(json!({ "items": handle.readings(&name) })).into_response(),
        None => refused(StatusCode::BAD_REQUEST, "say whose readings: ?name="),
    }
}

async fn secrets(State(handle): State<Handle>, Query(named): Query<Named>) -> Response {
    match named.name {
        None => Json(json!({ "items": handle.secrets() })).into_response(),
        Some(name) => match handle.secret(&name) {
            Some(secret) => Json(json!(secret)).into_response(),
            None => refused(StatusCode::NOT_FOUND, format!("no secret {name}")),
        },
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Traffic {
    mode: Option<TrafficMode>,
    /// Fixed rates by name; `null` lets the name go.
    #[serde(default)]
    rates: BTreeMap<String, Option<Rates>>,
    /// Octets that pass at once, by name.
    #[serde(default)]
    add: BTreeMap<String, Octets>,
}

async fn traffic(State(handle): State<Handle>, Json(traffic): Json<Traffic>) -> Response {
    if let Some(mode) = traffic.mode {
        handle.set_mode(mode);
    }
    for (name, rates) in traffic.rates {
        handle.fix_rate(&name, rates);
    }
    let offline: Vec<String> =
        traffic.add.into_iter().filter(|(name, octets)| !handle.pass(name, *octets)).map(|(name, _)| name).collect();
    if offline.is_empty() {
        done()
    } else {
        refused(StatusCode::CONFLICT, format!("not online: {}", offline.join(", ")))
    }
}

async fn fault(State(handle): State<Handle>, Json(fault): Json<Fault>) -> Response {
    if handle.fault(fault) { done() } else { refused(StatusCode::CONFLICT, "that name is not online") }
}

async fn edit(State(handle): State<Handle>, Json(edit): Json<Edit>) -> Response {
    match handle.edit(&edit) {
        Ok(id) => Json(json!({ "ok": true, "id": id })).into_response(),
        Err(message) => refused(StatusCode::CONFLICT, message),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dial {
    name: String,
    password: Option<String>,
}

async fn dial(State(handle): State<Handle>, Json(dial): Json<Dial>) -> Response {
    match handle.dial(&dial.name, dial.password.as_deref()) {
        Ok(()) => done(),
        Err(error) => refused(StatusCode::CONFLICT, error.to_string()),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HangUp {
    name: String,
    #[serde(default = "peer_request")]
    reason: String,
}

fn peer_request() -> String {
    "peer-request".into()
}

async fn hang_up(State(handle): State<Handle>, Json(hang_up): Json<HangUp>) -> Json<Value> {
    Json(json!({ "ok": true, "ended": handle.hang_up(&hang_up.name, &hang_up.reason) }))
}
