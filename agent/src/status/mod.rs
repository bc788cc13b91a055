//! The technician's page and what programs read of the agent, on a loopback address.
//!
//! Requests that name another host than this machine are refused, so that a page of the Internet cannot read
//! this one through a name that it points here. Nothing can be changed here.

pub mod metrics;
pub mod page;
pub mod view;
pub mod words;

#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jiff::tz::TimeZone;
use lastmile_protocol::base64;
use serde::Deserialize;

use crate::clock::Rng;
use page::{Asked, page};
use view::Sources;
use words::Language;

/// What the page works with.
#[derive(Clone)]
pub struct Status {
    /// Where it looks.
    pub sources: Sources,
    /// Time zone of the POP.
    pub zone: TimeZone,
    /// Chance, for the style sheet's nonce.
    pub rng: Arc<dyn Rng>,
}

/// The routes.
pub fn router(status: Status) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/healthz", get(async || "ok\n"))
        .route("/metrics", get(metrics_text))
        .route("/api/status", get(status_json))
        .route("/api/spool", get(spool_json))
        .with_state(status)
        .layer(from_fn(guard))
}

#[derive(Deserialize)]
struct Asking {
    #[serde(default)]
    lang: String,
    #[serde(default)]
    find: String,
}

async fn home(State(status): State<Status>, headers: HeaderMap, Query(query): Query<Asking>) -> Response {
    let wanted = if query.lang.is_empty() { preferred(&headers) } else { Language::of(&query.lang) };
    let find: String = query.find.chars().take(64).collect();
    let mut bytes = [0; 16];
    if status.rng.fill(&mut bytes).is_err() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let nonce = base64::encode(&bytes);
    let found = status.sources.find(&find);
    let asked = Asked { language: wanted, find: &find, found: &found, zone: &status.zone, nonce: &nonce };
    let body = page(&status.sources.view(), &asked).into_string();
    let policy = format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    let kind = (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned());
    ([kind, (header::CONTENT_SECURITY_POLICY, policy)], body).into_response()
}

fn preferred(headers: &HeaderMap) -> Language {
    let languages = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or("");
    Language::of(languages.get(..2).unwrap_or(""))
}

async fn metrics_text(State(status): State<Status>) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (kind, metrics::text(&status.sources.view())).into_response()
}

async fn status_json(State(status): State<Status>) -> Response {
    axum::Json(status.sources.view()).into_response()
}

async fn spool_json(State(status): State<Status>) -> Response {
    axum::Json(status.sources.view().spool).into_response()
}

/// Refuses foreign hosts and everything but reading; says what browsers may do with the answer.
async fn guard(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("");
    let mut response = if is_this_machine(host) {
        next.run(request).await
    } else {
        (StatusCode::MISDIRECTED_REQUEST, "this page answers to the address of this machine only\n").into_response()
    };
    let headers = response.headers_mut();
    let fixed: [(HeaderName, &str); 3] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Whether a `Host` is an address of this machine, and not a name that somebody points here.
fn is_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
