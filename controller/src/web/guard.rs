//! What stands before every handler: who calls, may they, does the browser mean it, was it said before.

use std::net::SocketAddr;

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ring::digest;

use super::app::App;
use super::forwarded;
use super::idempotency::{IdempotencyKey, KEY_MAX, Turn};
use super::problem::too_large;
use super::route::Policy;
use crate::access::{Caller, Client, Origin, caller_of_token};
use crate::kernel::ids::{BranchId, hex};
use crate::kernel::{Fault, Scope};

/// Name of the session cookie on a plain connection.
pub(super) const COOKIE: &str = "lastmile_session";
/// Its name over TLS: browsers then let no other host and no plain page set it.
pub(super) const HOST_COOKIE: &str = "__Host-lastmile_session";
/// The header by which a reader looks at one branch.
const BRANCH: &str = "lastmile-branch";
pub(super) const THERE: &str = "SELECT 1 FROM branches WHERE id = $1";
/// The largest body of a request.
pub(super) const BODY_MAX: usize = 1024 * 1024;
/// The largest answer that is kept for a key.
const ANSWER_MAX: usize = 4 * 1024 * 1024;

/// A route's policy together with what is needed to enforce it.
#[derive(Clone)]
pub(super) struct Guarded {
    pub(super) app: App,
    pub(super) policy: Policy,
}

/// The middleware of every route.
pub(super) async fn guard(State(guarded): State<Guarded>, request: Request, next: Next) -> Response {
    match check(&guarded, request, next).await {
        Ok(response) => response,
        Err(fault) => fault.into_response(),
    }
}

async fn check(guarded: &Guarded, mut request: Request, next: Next) -> Result<Response, Fault> {
    let app = &guarded.app;
    let client = client(app, &request);
    let address = client.address.clone();
    request.extensions_mut().insert(client);
    let permission = match guarded.policy {
        Policy::Public => {
            // No cookie protects what anybody may do, but a browser can still be made to sign in as somebody else.
            if is_unsafe(request.method()) {
                own_origin(app, request.headers())?;
            }
            return Ok(next.run(request).await);
        }
        Policy::SignedIn => None,
        Policy::Staff(permission) => Some(permission),
    };
    let caller = authenticate(app, request.headers(), &address).await?.ok_or(Fault::Unauthorized)?;
    if matches!(caller.origin, Origin::Session { .. }) && is_unsafe(request.method()) {
        same_site(app, request.headers())?;
    }
    if let Some(permission) = permission {
        caller.must(permission)?;
    }
    let caller = if is_unsafe(request.method()) { caller } else { switched(app, request.headers(), caller).await? };
    let keyed = is_unsafe(request.method()) && request.headers().contains_key("idempotency-key");
    request.extensions_mut().insert(caller.clone());
    if keyed { once(app, &caller, request, next).await } else { Ok(next.run(request).await) }
}

/// Where a request came from: the client's own address where trusted proxies tell it.
fn client(app: &App, request: &Request) -> Client {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let address = peer.map(|ConnectInfo(peer)| {
        forwarded::client(peer.ip(), request.headers(), &app.config.web.trusted_proxies).to_string()
    });
    let user_agent = request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    Client { address: address.unwrap_or_default(), user_agent: user_agent.unwrap_or_default().to_owned() }
}

/// Who calls: by token if there is one, else by cookie.
pub(super) async fn authenticate(app: &App, headers: &HeaderMap, address: &str) -> Result<Option<Caller>, Fault> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let text = value.to_str().unwrap_or("");
        let token = text.strip_prefix("Bearer ").or_else(|| text.strip_prefix("bearer ")).unwrap_or("");
        return caller_of_token(&app.db, token.trim(), address).await;
    }
    match cookie(app, headers) {
        Some(secret) => app.access.caller_of_session(&app.db, secret, address).await,
        None => Ok(None),
    }
}

/// The session's secret among the cookies.
pub(super) fn cookie<'a>(app: &App, headers: &'a HeaderMap) -> Option<&'a str> {
    let own = cookie_name(app);
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == own)
        .map(|(_, value)| value)
}

/// What the cookie is called here.
pub(super) fn cookie_name(app: &App) -> &'static str {
    if app.config.is_public_https() { HOST_COOKIE } else { COOKIE }
}

/// The branch that the reader looks at, where they see several: every list, count and export of this request is of that
/// branch alone, because its scope is.
pub(super) async fn switched(app: &App, headers: &HeaderMap, mut caller: Caller) -> Result<Caller, Fault> {
    let Some(value) = headers.get(BRANCH) else { return Ok(caller) };
    let missing = || Fault::NotFound { what: "branch" };
    let branch: BranchId = value.to_str().ok().and_then(|text| text.parse().ok()).ok_or_else(missing)?;
    if !caller.scope.reads_catalogue(branch) {
        return Err(missing());
    }
    if caller.scope.is_narrow() {
        return Ok(caller);
    }
    let mut tx = app.db.read(&caller.scope).await?;
    let there = sqlx::query(THERE).bind(branch.to_string()).fetch_optional(tx.conn()).await?;
    tx.rollback().await?;
    there.ok_or_else(missing)?;
    caller.scope = Scope::Branches([branch].into());
    Ok(caller)
}

fn is_unsafe(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// A browser sends the cookie whoever made it ask. A header that other sites cannot set, and an Origin that is ours,
/// show that our own page asked.
pub(super) fn same_site(app: &App, headers: &HeaderMap) -> Result<(), Fault> {
    if headers.get("x-requested-with").and_then(|value| value.to_str().ok()) != Some("lastmile") {
        let detail = "a request with a session cookie needs the header X-Requested-With: lastmile".to_owned();
        return Err(Fault::Forbidden { detail });
    }
    own_origin(app, headers)
}

/// Refuses what a browser sends from another site's page. Programs send no Origin.
pub(super) fn own_origin(app: &App, headers: &HeaderMap) -> Result<(), Fault> {
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().unwrap_or("");
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or("");
    let own = origin.split_once("://").is_some_and(|(_, place)| !host.is_empty() && place == host);
    if own || app.config.public_origin().is_some_and(|public| public == origin) {
        return Ok(());
    }
    Err(Fault::Forbidden { detail: "the request comes from another site".to_owned() })
}

/// Answers a request with a key once; says the same again when it is repeated.
async fn once(app: &App, caller: &Caller, request: Request, next: Next) -> Result<Response, Fault> {
    let (mut parts, body) = request.into_parts();
    let name = parts.headers.get("idempotency-key").and_then(|value| value.to_str().ok()).unwrap_or("").trim();
    if name.is_empty() || name.len() > KEY_MAX {
        return Err(Fault::field("Idempotency-Key", format!("1 to {KEY_MAX} visible characters are needed")));
    }
    let Ok(bytes) = to_bytes(body, BODY_MAX).await else { return Ok(too_large(BODY_MAX)) };
    let key = IdempotencyKey {
        caller: format!("staff:{}", caller.staff.id),
        key: name.to_owned(),
        request_hash: request_hash(&parts.method, parts.uri.path(), &bytes),
    };
    let _turn = Turn::take(&app.in_flight, &key)?;
    if let Some((status, body)) = key.kept(&app.db).await? {
        let json = [(header::CONTENT_TYPE, "application/json"), (REPLAYED, "true")];
        return Ok((status, json, body).into_response());
    }
    parts.extensions.insert(key.clone());
    let response = next.run(Request::from_parts(parts, Body::from(bytes))).await;
    if !response.status().is_success() {
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, ANSWER_MAX).await.map_err(Fault::internal)?;
    key.keep_late(&app.db, parts.status, &String::from_utf8_lossy(&bytes)).await?;
    Ok(Response::from_parts(parts, Body::from(bytes)))
}

/// Says that an answer was kept from before.
const REPLAYED: header::HeaderName = header::HeaderName::from_static("idempotency-replayed");

fn request_hash(method: &Method, path: &str, body: &[u8]) -> String {
    let mut hash = digest::Context::new(&digest::SHA256);
    for part in [method.as_str().as_bytes(), path.as_bytes(), body] {
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex(hash.finish().as_ref())
}
