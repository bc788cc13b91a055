//! Whether the program lives, is ready, and what it counts.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, http::Method};
use serde_json::{Map, Value, json};

use super::app::App;
use super::route::{Policy, Routes};

/// `/healthz`, `/readyz`, `/metrics`.
pub(super) fn routes() -> Routes {
    Routes::new()
        .route(Method::GET, "/healthz", Policy::Public, healthz)
        .route(Method::GET, "/readyz", Policy::Public, readyz)
        .route(Method::GET, "/metrics", Policy::Public, metrics_page)
}

/// The process answers. Looks at nothing else, so that a slow database does not get it restarted.
async fn healthz() -> Json<Value> {
    Json(json!({"status": "ok", "build_id": env!("LASTMILE_BUILD_ID"), "version": env!("CARGO_PKG_VERSION")}))
}

/// Every part that is needed to work.
async fn readyz(State(app): State<App>) -> Response {
    let mut parts = Map::new();
    let mut ready = true;
    let mut note = |name: &str, outcome: Result<(), String>| {
        ready &= outcome.is_ok();
        parts.insert(name.to_owned(), json!(outcome.err().unwrap_or_else(|| "ok".to_owned())));
    };
    note("database", app.db.ping().await.map_err(|_| "does not answer".to_owned()));
    for check in app.checks.iter() {
        note(check.name, (check.look)().await);
    }
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({"ready": ready, "parts": parts}))).into_response()
}

/// Counters for Prometheus.
async fn metrics_page(State(app): State<App>) -> Response {
    let text = app.metrics.as_ref().map(metrics_exporter_prometheus::PrometheusHandle::render).unwrap_or_default();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}
