//! Routes that belong to no domain: sign-in, who am I, the record of what happened, live events.

use axum::Extension;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use utoipa::OpenApi as _;

use super::app::App;
use super::extract::{Body, Params};
use super::guard::{self, ClientAddress};
use super::live;
use super::problem::Problem;
use super::route::{Policy, Routes};
use crate::access::{self, Caller, Origin, StaffInfo};
use crate::events::store::{Filter, Recorded};
use crate::kernel::paging::{Page, PageParams};
use crate::kernel::{Fault, Scope};
use crate::secrets::Secret;

/// How long a browser keeps the cookie, in seconds; the session itself may end sooner.
const COOKIE_SECONDS: u32 = 12 * 60 * 60;

#[derive(utoipa::OpenApi)]
#[openapi(paths(login, logout, me, events, live::live))]
struct Doc;

/// The routes of this file.
pub(super) fn routes() -> Routes {
    Routes::new()
        .route(Method::POST, "/api/v1/login", Policy::Public, login)
        .route(Method::POST, "/api/v1/logout", Policy::SignedIn, logout)
        .route(Method::GET, "/api/v1/me", Policy::SignedIn, me)
        .route(Method::GET, "/api/v1/events", Policy::Staff("events:read"), events)
        .route(Method::GET, "/api/v1/live", Policy::SignedIn, live::live)
        .doc(Doc::openapi())
}

#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Login {
    /// Sign-in name.
    username: String,
    /// Password.
    #[schema(value_type = String, format = Password)]
    password: Secret<String>,
}

/// Who is signed in.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
struct Me {
    staff: StaffInfo,
}

/// Sign in: opens a session and sets its cookie.
#[utoipa::path(post, path = "/api/v1/login", tag = "sign-in", request_body = Login,
    responses((status = 200, body = Me)))]
async fn login(
    State(app): State<App>,
    Extension(ClientAddress(address)): Extension<ClientAddress>,
    headers: HeaderMap,
    Body(login): Body<Login>,
) -> Result<Response, Response> {
    guard::own_origin(&app, &headers).map_err(IntoResponse::into_response)?;
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or("");
    let signed_in =
        app.access.sign_in(&app.db, &login.username, login.password, &address, agent).await.map_err(|fault| {
            if matches!(fault, Fault::Unauthorized) { wrong_password() } else { fault.into_response() }
        })?;
    if let Some(old) = guard::cookie(&headers) {
        end(&app, &access::token_hash(old)).await.map_err(IntoResponse::into_response)?;
    }
    let cookie = set_cookie(&app, signed_in.secret.expose(), COOKIE_SECONDS);
    Ok(([(header::SET_COOKIE, cookie)], Json(Me { staff: signed_in.staff })).into_response())
}

/// The same words for a wrong name and a wrong password.
fn wrong_password() -> Response {
    Problem::new(StatusCode::UNAUTHORIZED, "wrong_password", "Not signed in", "the name or the password is wrong")
        .into_response()
}

async fn end(app: &App, session_hash: &str) -> Result<(), Fault> {
    let mut tx = app.db.begin(&Scope::All).await?;
    access::close_session(&mut tx, session_hash).await?;
    Ok(tx.commit().await?)
}

fn set_cookie(app: &App, value: &str, seconds: u32) -> HeaderValue {
    let secure = if app.config.is_public_https() { "; Secure" } else { "" };
    let name = guard::COOKIE;
    HeaderValue::from_str(&format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"))
        .unwrap_or(HeaderValue::from_static(""))
}

/// Sign out: ends the session of this cookie.
#[utoipa::path(post, path = "/api/v1/logout", tag = "sign-in", responses((status = 204)))]
async fn logout(State(app): State<App>, caller: Caller) -> Result<Response, Fault> {
    if let Origin::Session(hash) = &caller.origin {
        end(&app, hash).await?;
    }
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, set_cookie(&app, "", 0))]).into_response())
}

/// Who is signed in, and what they may do.
#[utoipa::path(get, path = "/api/v1/me", tag = "sign-in", responses((status = 200, body = Me)))]
async fn me(caller: Caller) -> Json<Me> {
    Json(Me { staff: caller.staff })
}

#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
struct EventParams {
    /// Only events of this kind of thing.
    subject_kind: Option<String>,
    /// Only events of this thing.
    subject_id: Option<String>,
    /// Only events of this kind.
    kind: Option<String>,
    /// Most rows wanted (1-500, 50 when absent).
    limit: Option<i64>,
    /// Cursor from `next` of the page before.
    after: Option<String>,
}

/// What happened, newest first.
#[utoipa::path(get, path = "/api/v1/events", tag = "events", params(EventParams),
    responses((status = 200, body = Page<Recorded>)))]
async fn events(
    State(app): State<App>,
    caller: Caller,
    Params(params): Params<EventParams>,
) -> Result<Json<Page<Recorded>>, Fault> {
    let page = PageParams { limit: params.limit, after: params.after };
    let filter = Filter {
        subject_kind: params.subject_kind,
        subject_id: params.subject_id,
        kind: params.kind,
        after: page.after()?,
        ..Filter::default()
    };
    let limit = page.limit();
    let mut tx = app.db.read(&caller.scope).await?;
    let rows = crate::events::store::list(&mut tx, &filter, limit + 1).await?;
    tx.rollback().await?;
    Ok(Json(Page::cut(rows, limit, |row| (row.at.0, row.id.clone()))))
}
