//! My own access: profile, password, sessions, API tokens, second factor.
//!
//! What concerns passwords, second factors and tokens is for web sessions alone: a token that leaked must not make
//! another one or lock its owner out.

use axum::Json;
use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use lastmile_protocol::ids::{TokenId, WebSessionId};
use serde_json::json;
use utoipa::OpenApi as _;

use super::app::App;
use super::extract::{Body, Id};
use super::problem::Problem;
use super::route::{Policy, Routes};
use super::sign_in::cookie;
use crate::access::{
    self, Caller, Client, Enrolment, MadeToken, Origin, ProfileChange, SecondFactorInfo, SessionInfo, StaffInfo,
    TokenInfo, TokenInput,
};
use crate::events::{self, Event};
use crate::kernel::paging::Page;
use crate::kernel::{Fault, Scope};
use crate::secrets::Secret;

#[derive(utoipa::OpenApi)]
#[openapi(paths(
    me,
    change,
    password,
    sessions,
    end_session,
    end_sessions,
    tokens,
    create_token,
    revoke_token,
    totp,
    enrol,
    confirm,
    recovery_codes,
    remove
))]
struct Doc;

/// The routes of this file.
pub(super) fn routes() -> Routes {
    let own = Policy::SignedIn;
    Routes::new()
        .route(Method::GET, "/api/v1/me", own, me)
        .route(Method::PATCH, "/api/v1/me", own, change)
        .route(Method::POST, "/api/v1/me/password", own, password)
        .route(Method::GET, "/api/v1/me/sessions", own, sessions)
        .route(Method::DELETE, "/api/v1/me/sessions", own, end_sessions)
        .route(Method::DELETE, "/api/v1/me/sessions/{id}", own, end_session)
        .route(Method::GET, "/api/v1/me/tokens", own, tokens)
        .route(Method::POST, "/api/v1/me/tokens", own, create_token)
        .route(Method::DELETE, "/api/v1/me/tokens/{id}", own, revoke_token)
        .route(Method::GET, "/api/v1/me/totp", own, totp)
        .route(Method::POST, "/api/v1/me/totp/enrol", own, enrol)
        .route(Method::POST, "/api/v1/me/totp/confirm", own, confirm)
        .route(Method::POST, "/api/v1/me/totp/recovery-codes", own, recovery_codes)
        .route(Method::POST, "/api/v1/me/totp/remove", own, remove)
        .doc(Doc::openapi())
}

/// Who is signed in.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
struct Me {
    staff: StaffInfo,
}

/// Who is signed in, and what they may do.
#[utoipa::path(get, path = "/api/v1/me", tag = "me", responses((status = 200, body = Me)))]
async fn me(caller: Caller) -> Json<Me> {
    Json(Me { staff: caller.staff })
}

/// Change my name, language, telephone or e-mail. The last two need `current_password`: there goes a way back in.
#[utoipa::path(patch, path = "/api/v1/me", tag = "me", request_body = ProfileChange,
    responses((status = 200, body = Me), (status = 422, body = Problem), (status = 429, body = Problem)))]
async fn change(
    State(app): State<App>,
    caller: Caller,
    client: Client,
    Body(change): Body<ProfileChange>,
) -> Result<Json<Me>, Fault> {
    if change.moves_messages(&caller.staff) {
        caller.at_a_page()?;
        let Some(password) = change.current_password.clone() else {
            return Err(Fault::field("current_password", "is needed to change where messages go"));
        };
        app.access.must_know(&app.db, &caller, password, &client, "current_password").await?;
    }
    let mut tx = app.db.begin(&Scope::All).await?;
    let staff = access::change_profile(&mut tx, &caller, &client, &change).await?;
    tx.commit().await?;
    Ok(Json(Me { staff }))
}

#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct PasswordChange {
    /// The present one.
    #[schema(value_type = String, format = Password)]
    current_password: Secret<String>,
    /// The next one, at least 8 characters.
    #[schema(value_type = String, format = Password)]
    new_password: Secret<String>,
}

/// Change my password. All my other sessions end; this one goes on with a new cookie.
#[utoipa::path(post, path = "/api/v1/me/password", tag = "me", request_body = PasswordChange, responses(
    (status = 204), (status = 403, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem)))]
async fn password(
    State(app): State<App>,
    caller: Caller,
    client: Client,
    Body(change): Body<PasswordChange>,
) -> Result<Response, Fault> {
    let (present, new) = (change.current_password, change.new_password);
    let secret = app.access.change_password(&app.db, &caller, present, new, &client).await?;
    Ok((StatusCode::NO_CONTENT, cookie(&app, &secret)).into_response())
}

/// My web sessions, the last used first.
#[utoipa::path(get, path = "/api/v1/me/sessions", tag = "me", responses((status = 200, body = Page<SessionInfo>)))]
async fn sessions(State(app): State<App>, caller: Caller) -> Result<Json<Page<SessionInfo>>, Fault> {
    let current = match caller.origin {
        Origin::Session { id, .. } => Some(id),
        Origin::Token | Origin::Command => None,
    };
    let mut tx = app.db.read(&Scope::All).await?;
    let items = app.access.sessions(&mut tx, caller.staff.id, current).await?;
    Ok(Json(Page { items, next: None }))
}

/// End one of my sessions.
#[utoipa::path(delete, path = "/api/v1/me/sessions/{id}", tag = "me", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
async fn end_session(State(app): State<App>, caller: Caller, Id(id): Id<WebSessionId>) -> Result<StatusCode, Fault> {
    let mut tx = app.db.begin(&Scope::All).await?;
    access::end_session(&mut tx, caller.staff.id, id).await?;
    record(&mut tx, &caller, "session.ended", json!({"session": id})).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// End all my sessions but this one.
#[utoipa::path(delete, path = "/api/v1/me/sessions", tag = "me",
    responses((status = 204), (status = 403, body = Problem)))]
async fn end_sessions(State(app): State<App>, caller: Caller) -> Result<StatusCode, Fault> {
    let (_, own) = caller.at_a_page()?;
    let mut tx = app.db.begin(&Scope::All).await?;
    let ended = access::end_sessions(&mut tx, caller.staff.id, Some(own)).await?;
    record(&mut tx, &caller, "session.others_ended", json!({"ended": ended})).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// My API tokens, the newest first, with those that ended within 90 days.
#[utoipa::path(get, path = "/api/v1/me/tokens", tag = "me", responses((status = 200, body = Page<TokenInfo>)))]
async fn tokens(State(app): State<App>, caller: Caller) -> Result<Json<Page<TokenInfo>>, Fault> {
    let mut tx = app.db.read(&Scope::All).await?;
    let items = access::tokens_of(&mut tx, caller.staff.id).await?;
    Ok(Json(Page { items, next: None }))
}

/// Make an API token. Its text is in this answer and nowhere else.
#[utoipa::path(post, path = "/api/v1/me/tokens", tag = "me", request_body = TokenInput, responses(
    (status = 201, body = MadeToken), (status = 403, body = Problem), (status = 409, body = Problem),
    (status = 422, body = Problem)))]
async fn create_token(
    State(app): State<App>,
    caller: Caller,
    Body(input): Body<TokenInput>,
) -> Result<(StatusCode, Json<MadeToken>), Fault> {
    caller.at_a_page()?;
    let mut tx = app.db.begin(&Scope::All).await?;
    let made = access::create_own(&mut tx, &caller, input).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Revoke one of my tokens.
#[utoipa::path(delete, path = "/api/v1/me/tokens/{id}", tag = "me", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
async fn revoke_token(State(app): State<App>, caller: Caller, Id(id): Id<TokenId>) -> Result<StatusCode, Fault> {
    let mut tx = app.db.begin(&Scope::All).await?;
    access::revoke_token(&mut tx, &caller, caller.staff.id, id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How it stands with my second factor.
#[utoipa::path(get, path = "/api/v1/me/totp", tag = "me", responses((status = 200, body = SecondFactorInfo)))]
async fn totp(State(app): State<App>, caller: Caller) -> Result<Json<SecondFactorInfo>, Fault> {
    let mut tx = app.db.read(&Scope::All).await?;
    let required = caller.staff.second_factor_required;
    Ok(Json(app.access.second_factor_of(&mut tx, caller.staff.id, required).await?))
}

/// Begin to set up an authenticator app. Nothing counts until `confirm`.
#[utoipa::path(post, path = "/api/v1/me/totp/enrol", tag = "me", responses((status = 200, body = Enrolment),
    (status = 403, body = Problem), (status = 409, description = "One is set up already", body = Problem)))]
async fn enrol(State(app): State<App>, caller: Caller) -> Result<Json<Enrolment>, Fault> {
    caller.at_a_page()?;
    let mut tx = app.db.begin(&Scope::All).await?;
    let enrolment = app.access.enrol(&mut tx, caller.staff.id, &caller.staff.username).await?;
    tx.commit().await?;
    Ok(Json(enrolment))
}

/// A code of the app.
#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Code {
    /// Six digits, or a recovery code where one is accepted.
    #[schema(value_type = String)]
    code: Secret<String>,
}

/// Recovery codes: each gets in once when the telephone is lost.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
struct RecoveryCodes {
    /// The codes. They are shown once.
    recovery_codes: Vec<String>,
}

/// Prove that the app has the seed: from now on sign-in asks for its code. My other sessions, which got in without it,
/// end.
#[utoipa::path(post, path = "/api/v1/me/totp/confirm", tag = "me", request_body = Code, responses(
    (status = 200, body = RecoveryCodes), (status = 403, body = Problem), (status = 409, body = Problem),
    (status = 422, body = Problem)))]
async fn confirm(
    State(app): State<App>,
    caller: Caller,
    Body(given): Body<Code>,
) -> Result<Json<RecoveryCodes>, Fault> {
    let (_, own) = caller.at_a_page()?;
    let mut tx = app.db.begin(&Scope::All).await?;
    let recovery_codes = app.access.confirm(&mut tx, caller.staff.id, given.code.expose()).await?;
    access::end_sessions(&mut tx, caller.staff.id, Some(own)).await?;
    record(&mut tx, &caller, "staff.second_factor_added", json!({"at": "profile"})).await?;
    tx.commit().await?;
    Ok(Json(RecoveryCodes { recovery_codes }))
}

/// Make new recovery codes; the old ones are void. Needs a code.
#[utoipa::path(post, path = "/api/v1/me/totp/recovery-codes", tag = "me", request_body = Code, responses(
    (status = 200, body = RecoveryCodes), (status = 403, body = Problem), (status = 422, body = Problem),
    (status = 429, body = Problem)))]
async fn recovery_codes(
    State(app): State<App>,
    caller: Caller,
    Body(given): Body<Code>,
) -> Result<Json<RecoveryCodes>, Fault> {
    caller.at_a_page()?;
    let mut tx = app.db.begin(&Scope::All).await?;
    app.access.prove(&mut tx, caller.staff.id, given.code.expose()).await?;
    let recovery_codes = access::recovery_codes(&mut tx, caller.staff.id).await?;
    record(&mut tx, &caller, "staff.recovery_codes_made", json!({})).await?;
    tx.commit().await?;
    Ok(Json(RecoveryCodes { recovery_codes }))
}

/// Remove my second factor. Needs a code, and a role that does not demand one.
#[utoipa::path(post, path = "/api/v1/me/totp/remove", tag = "me", request_body = Code, responses((status = 204),
    (status = 403, body = Problem), (status = 409, description = "My role demands one", body = Problem),
    (status = 422, body = Problem), (status = 429, body = Problem)))]
async fn remove(State(app): State<App>, caller: Caller, Body(given): Body<Code>) -> Result<StatusCode, Fault> {
    caller.at_a_page()?;
    if caller.staff.second_factor_required {
        return Err(Fault::conflict("second_factor_required", "your role demands a second factor"));
    }
    let mut tx = app.db.begin(&Scope::All).await?;
    app.access.prove(&mut tx, caller.staff.id, given.code.expose()).await?;
    access::remove_second_factor(&mut tx, caller.staff.id).await?;
    record(&mut tx, &caller, "staff.second_factor_removed", json!({})).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn record(
    tx: &mut crate::db::Tx,
    caller: &Caller,
    kind: &'static str,
    data: serde_json::Value,
) -> Result<(), Fault> {
    let event = Event {
        kind,
        subject_kind: "staff",
        subject_id: caller.staff.id.to_string(),
        branch_id: caller.staff.branch_id,
        customer_id: None,
        data,
        at_ms: tx.now_ms(),
    };
    events::record(tx, &caller.actor, event).await.map(|_| ())
}
