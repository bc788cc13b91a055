//! Routes of approvals: asking for an act, and deciding about one that somebody else has asked for.

use axum::Json;
use axum::extract::State;
use axum::http::{Method, StatusCode};
use lastmile_protocol::ids::ApprovalId;
use utoipa::OpenApi as _;

use super::app::App;
use super::extract::{Body, Id, Params};
use super::problem::Problem;
use super::route::{Policy, Routes};
use crate::access::Caller;
use crate::access::approvals::{self, Approval, NewApproval, Verdict};
use crate::kernel::Fault;
use crate::kernel::paging::{Page, PageParams};

const STATES: &[&str] = &["pending", "approved", "rejected", "withdrawn", "expired"];

#[derive(utoipa::OpenApi)]
#[openapi(paths(list, request, show, approve, reject, withdraw))]
struct Doc;

/// The routes of this file. Asking needs the permission of the act itself, so any signed-in caller may try.
pub(super) fn routes() -> Routes {
    let (read, decide) = (Policy::Staff("approvals:read"), Policy::Staff(approvals::DECIDE));
    Routes::new()
        .route(Method::GET, "/api/v1/approvals", read, list)
        .route(Method::POST, "/api/v1/approvals", Policy::SignedIn, request)
        .route(Method::GET, "/api/v1/approvals/{id}", read, show)
        .route(Method::POST, "/api/v1/approvals/{id}/approve", decide, approve)
        .route(Method::POST, "/api/v1/approvals/{id}/reject", decide, reject)
        .route(Method::POST, "/api/v1/approvals/{id}/withdraw", Policy::SignedIn, withdraw)
        .doc(Doc::openapi())
}

#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
struct ListParams {
    /// `pending` when absent; `approved`, `rejected`, `withdrawn`, `expired`, or `all`.
    state: Option<String>,
    /// Most rows wanted (1-500, 50 when absent).
    limit: Option<i64>,
    /// Cursor from `next` of the page before.
    after: Option<String>,
}

/// What waits for a second person, newest first, or what was decided.
#[utoipa::path(get, path = "/api/v1/approvals", tag = "approvals", params(ListParams),
    responses((status = 200, body = Page<Approval>), (status = 422, body = Problem)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(params): Params<ListParams>,
) -> Result<Json<Page<Approval>>, Fault> {
    let state = match params.state.as_deref().unwrap_or("pending") {
        "all" => None,
        state if STATES.contains(&state) => Some(state),
        _ => return Err(Fault::field("state", "must be pending, approved, rejected, withdrawn, expired or all")),
    };
    let page = PageParams { limit: params.limit, after: params.after.clone() };
    let (limit, after) = (page.limit(), page.after()?);
    let mut tx = app.db.read(&caller.scope).await?;
    let rows = approvals::list(&mut tx, state, after.as_ref(), limit + 1).await?;
    Ok(Json(Page::cut(rows, limit, |row| (row.requested_at.0, row.id.to_string()))))
}

/// Ask for an act that needs a second person.
#[utoipa::path(post, path = "/api/v1/approvals", tag = "approvals", request_body = NewApproval, responses(
    (status = 201, body = Approval), (status = 403, body = Problem), (status = 404, body = Problem),
    (status = 409, description = "It is asked for already, or would do nothing now", body = Problem),
    (status = 422, body = Problem)))]
async fn request(
    State(app): State<App>,
    caller: Caller,
    Body(new): Body<NewApproval>,
) -> Result<(StatusCode, Json<Approval>), Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    let approval = approvals::request(&mut tx, &app.acts, &caller, new).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(approval)))
}

/// One of them.
#[utoipa::path(get, path = "/api/v1/approvals/{id}", tag = "approvals", params(("id" = String, Path)),
    responses((status = 200, body = Approval), (status = 404, body = Problem)))]
async fn show(State(app): State<App>, caller: Caller, Id(id): Id<ApprovalId>) -> Result<Json<Approval>, Fault> {
    let mut tx = app.db.read(&caller.scope).await?;
    Ok(Json(approvals::load(&mut tx, id).await?))
}

/// What is said to a question.
#[derive(Debug, Default, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ApprovalWords)]
struct Words {
    /// In words; needed to reject.
    #[serde(default)]
    reason: String,
}

async fn decide(
    app: &App,
    caller: &Caller,
    id: ApprovalId,
    verdict: Verdict,
    words: &Words,
) -> Result<Json<Approval>, Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    let approval = approvals::decide(&mut tx, &app.acts, caller, id, verdict, &words.reason).await?;
    tx.commit().await?;
    Ok(Json(approval))
}

/// Allow it: the act happens now. Not for who asked.
#[utoipa::path(post, path = "/api/v1/approvals/{id}/approve", tag = "approvals", params(("id" = String, Path)),
    request_body = Words, responses((status = 200, body = Approval), (status = 403, body = Problem),
    (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn approve(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ApprovalId>,
    Body(words): Body<Words>,
) -> Result<Json<Approval>, Fault> {
    decide(&app, &caller, id, Verdict::Approve, &words).await
}

/// Say no, with a reason. Not for who asked.
#[utoipa::path(post, path = "/api/v1/approvals/{id}/reject", tag = "approvals", params(("id" = String, Path)),
    request_body = Words, responses((status = 200, body = Approval), (status = 403, body = Problem),
    (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn reject(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ApprovalId>,
    Body(words): Body<Words>,
) -> Result<Json<Approval>, Fault> {
    decide(&app, &caller, id, Verdict::Reject, &words).await
}

/// Take back what I asked for.
#[utoipa::path(post, path = "/api/v1/approvals/{id}/withdraw", tag = "approvals", params(("id" = String, Path)),
    request_body = Words, responses((status = 200, body = Approval), (status = 403, body = Problem),
    (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn withdraw(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ApprovalId>,
    Body(words): Body<Words>,
) -> Result<Json<Approval>, Fault> {
    decide(&app, &caller, id, Verdict::Withdraw, &words).await
}
