//! Routes of other people's sessions and tokens: seeing and ending them.

use lastmile_protocol::ids::{StaffId, TokenId, WebSessionId};
use serde_json::json;
use utoipa::OpenApi;

use super::super::{Staff, load, record};
use crate::access::{self, Caller, SessionInfo, TokenInfo, roles};
use crate::db::Tx;
use crate::kernel::Fault;
use crate::kernel::paging::Page;
use crate::web::{App, Id, Ids, Json, Method, Policy, Problem, Routes, State, StatusCode};

#[derive(OpenApi)]
#[openapi(paths(sessions, end_sessions, end_session, tokens, revoke_token))]
struct Doc;

/// The routes of this file.
pub(super) fn routes() -> Routes {
    let (read, write) = (Policy::Staff("staff:read"), Policy::Staff("staff:write"));
    Routes::new()
        .route(Method::GET, "/api/v1/staff/{id}/sessions", read, sessions)
        .route(Method::DELETE, "/api/v1/staff/{id}/sessions", write, end_sessions)
        .route(Method::DELETE, "/api/v1/staff/{id}/sessions/{session}", write, end_session)
        .route(Method::GET, "/api/v1/staff/{id}/tokens", read, tokens)
        .route(Method::DELETE, "/api/v1/staff/{id}/tokens/{token}", write, revoke_token)
        .doc(Doc::openapi())
}

/// Web sessions of a person, the last used first.
#[utoipa::path(get, path = "/api/v1/staff/{id}/sessions", tag = "staff", params(("id" = String, Path)),
    responses((status = 200, body = Page<SessionInfo>), (status = 404, body = Problem)))]
async fn sessions(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<StaffId>,
) -> Result<Json<Page<SessionInfo>>, Fault> {
    let mut tx = app.db.read(&caller.scope).await?;
    load(&mut tx, id).await?;
    let items = app.access.sessions(&mut tx, id, None).await?;
    Ok(Json(Page { items, next: None }))
}

/// End all sessions of a person.
#[utoipa::path(delete, path = "/api/v1/staff/{id}/sessions", tag = "staff", params(("id" = String, Path)),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn end_sessions(State(app): State<App>, caller: Caller, Id(id): Id<StaffId>) -> Result<StatusCode, Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    let person = touched(&mut tx, &caller, id).await?;
    let ended = access::end_sessions(&mut tx, id, None).await?;
    record(&mut tx, &caller.actor, "session.all_ended", &person, json!({"ended": ended})).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// End one session of a person: they are out on their next click.
#[utoipa::path(delete, path = "/api/v1/staff/{id}/sessions/{session}", tag = "staff",
    params(("id" = String, Path), ("session" = String, Path)),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn end_session(
    State(app): State<App>,
    caller: Caller,
    Ids(id, session): Ids<StaffId, WebSessionId>,
) -> Result<StatusCode, Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    let person = touched(&mut tx, &caller, id).await?;
    access::end_session(&mut tx, id, session).await?;
    record(&mut tx, &caller.actor, "session.ended", &person, json!({"session": session})).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// API tokens of a person, the newest first.
#[utoipa::path(get, path = "/api/v1/staff/{id}/tokens", tag = "staff", params(("id" = String, Path)),
    responses((status = 200, body = Page<TokenInfo>), (status = 404, body = Problem)))]
async fn tokens(State(app): State<App>, caller: Caller, Id(id): Id<StaffId>) -> Result<Json<Page<TokenInfo>>, Fault> {
    let mut tx = app.db.read(&caller.scope).await?;
    load(&mut tx, id).await?;
    Ok(Json(Page { items: access::tokens_of(&mut tx, id).await?, next: None }))
}

/// Revoke a token of a person.
#[utoipa::path(delete, path = "/api/v1/staff/{id}/tokens/{token}", tag = "staff",
    params(("id" = String, Path), ("token" = String, Path)),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn revoke_token(
    State(app): State<App>,
    caller: Caller,
    Ids(id, token): Ids<StaffId, TokenId>,
) -> Result<StatusCode, Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    touched(&mut tx, &caller, id).await?;
    access::revoke_token(&mut tx, &caller, id, token).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A person whom the caller may touch.
async fn touched(tx: &mut Tx, caller: &Caller, id: StaffId) -> Result<Staff, Fault> {
    let person = load(tx, id).await?;
    roles::may_touch(caller, &roles::load(tx, &person.role).await?)?;
    Ok(person)
}
