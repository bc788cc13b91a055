//! What every answer carries: a request id, and headers that tell browsers to be careful.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use metrics::{counter, histogram};
use tracing::Instrument as _;

use super::app::App;
use crate::kernel::{ids::hex, rng};

/// The nonce of this answer's scripts and styles, for the page that is sent.
#[derive(Debug, Clone)]
pub(super) struct CspNonce(pub(super) Arc<str>);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Wraps every request: names it, times it, guards its answer.
pub(super) async fn around(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let id = hex(&rng::bytes::<8>(&*app.rng));
    let nonce: Arc<str> = hex(&rng::bytes::<16>(&*app.rng)).into();
    request.extensions_mut().insert(CspNonce(Arc::clone(&nonce)));
    let method = request.method().clone();
    // The declared path, never the one with ids and queries in it.
    let route = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    let is_api = request.uri().path().starts_with("/api/");
    let started = app.clock.mono_ms();
    let span = tracing::info_span!("request", request_id = %id, method = %method, route = %route);
    let mut response = next.run(request).instrument(span.clone()).await;
    let took_ms = app.clock.mono_ms().saturating_sub(started);
    let status = response.status().as_u16();
    span.in_scope(|| tracing::debug!(status, took_ms, "a request was answered"));
    measure(method.as_str(), &route, status, took_ms);
    decorate(&app, &mut response, &id, &nonce, is_api);
    response
}

fn measure(method: &str, route: &str, status: u16, took_ms: u64) {
    let labels = [("method", method.to_owned()), ("route", route.to_owned()), ("status", status.to_string())];
    counter!("lastmile_http_requests_total", &labels).increment(1);
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of one request are far below 2^52")]
    let seconds = took_ms as f64 / 1_000.0;
    histogram!("lastmile_http_request_seconds", "method" => method.to_owned(), "route" => route.to_owned())
        .record(seconds);
}

fn decorate(app: &App, response: &mut Response, id: &str, nonce: &str, is_api: bool) {
    let headers = response.headers_mut();
    let policy = format!(
        "default-src 'self'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; \
         img-src 'self' data:; font-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; \
         form-action 'self'; frame-ancestors 'none'"
    );
    for (name, value) in [(REQUEST_ID, id), (header::CONTENT_SECURITY_POLICY, policy.as_str())] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=()"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if app.config.is_public_https() {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    if is_api || !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}
