//! Routes of dunning: the brake and the freeze of the clock.

use lastmile_protocol::ids::BrakeId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};

use super::approval::alone;
use super::{Brake, BrakeLine, Decision, Freeze, rules};
use crate::access::Caller;
use crate::kernel::paging::{self, Page, PageParams};
use crate::kernel::{At, Fault};
use crate::web::{App, Body, Id, Json, Method, Params, Policy, Problem, Routes, State, StatusCode};

/// The routes.
#[must_use]
pub fn routes() -> Routes {
    let (read, decide) = (Policy::Staff("dunning:read"), Policy::Staff("dunning:decide"));
    Routes::new()
        .route(Method::GET, "/api/v1/dunning/brakes", read, list)
        .route(Method::GET, "/api/v1/dunning/brakes/{id}", read, show)
        .route(Method::GET, "/api/v1/dunning/brakes/{id}/lines", read, lines)
        .route(Method::POST, "/api/v1/dunning/brakes/{id}/approve", decide, approve)
        .route(Method::POST, "/api/v1/dunning/brakes/{id}/dismiss", decide, dismiss)
        .route(Method::GET, "/api/v1/dunning/freeze", read, freeze)
        .route(Method::POST, "/api/v1/dunning/freeze/clear", decide, clear)
        .doc(Doc::openapi())
}

#[derive(OpenApi)]
#[openapi(
    paths(list, show, lines, approve, dismiss, freeze, clear),
    components(schemas(Brake, BrakeLine, Decision, FreezeView))
)]
struct Doc;

/// Whether suspensions are frozen, and why.
#[derive(Debug, Serialize, ToSchema)]
struct FreezeView {
    /// Nobody is held until a person clears it.
    frozen: bool,
    /// `jumped`, `behind_last_tick` or `far_after_last_tick`.
    cause: Option<String>,
    /// How far the clock was from where it was expected, milliseconds; negative = behind.
    off_by_ms: Option<i64>,
    /// Why, in a sentence.
    detail: Option<String>,
    /// Since when, by the clock that is doubted.
    since: Option<At>,
}

impl From<Option<Freeze>> for FreezeView {
    fn from(freeze: Option<Freeze>) -> Self {
        Self {
            frozen: freeze.is_some(),
            detail: freeze.as_ref().map(|freeze| rules::sentence(&freeze.cause, freeze.off_by_ms)),
            off_by_ms: freeze.as_ref().map(|freeze| freeze.off_by_ms),
            since: freeze.as_ref().map(|freeze| freeze.since),
            cause: freeze.map(|freeze| freeze.cause),
        }
    }
}

/// Which brakes.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct ListParams {
    /// `asking` when absent; `all` for every state.
    state: Option<String>,
    /// Most rows wanted (1-500, 50 when absent).
    limit: Option<i64>,
}

/// Brakes, newest first: those about which a person is asked, unless another state is wanted.
#[utoipa::path(get, path = "/api/v1/dunning/brakes", tag = "dunning", params(ListParams),
    responses((status = 200, body = Page<Brake>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(params): Params<ListParams>,
) -> Result<Json<Page<Brake>>, Fault> {
    let state = params.state.as_deref().unwrap_or("asking");
    let mut tx = app.db.read(&caller.scope).await?;
    let items = super::brakes(&mut tx, state, paging::limit(params.limit)).await?;
    Ok(Json(Page { items, next: None }))
}

/// One brake.
#[utoipa::path(get, path = "/api/v1/dunning/brakes/{id}", tag = "dunning", params(("id" = String, Path)),
    responses((status = 200, body = Brake), (status = 404, body = Problem)))]
async fn show(State(app): State<App>, caller: Caller, Id(id): Id<BrakeId>) -> Result<Json<Brake>, Fault> {
    let mut tx = app.db.read(&caller.scope).await?;
    Ok(Json(super::load(&mut tx, id).await?))
}

/// The lines on the list of a brake.
#[utoipa::path(get, path = "/api/v1/dunning/brakes/{id}/lines", tag = "dunning",
    params(("id" = String, Path), PageParams), responses((status = 200, body = Page<BrakeLine>),
    (status = 404, body = Problem)))]
async fn lines(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<BrakeId>,
    Params(page): Params<PageParams>,
) -> Result<Json<Page<BrakeLine>>, Fault> {
    let after: String = page.after()?.unwrap_or_default();
    let mut tx = app.db.read(&caller.scope).await?;
    super::load(&mut tx, id).await?;
    let rows = super::lines_of(&mut tx, id, &after, page.limit() + 1).await?;
    Ok(Json(Page::cut(rows, page.limit(), |last| last.subscription_id.to_string())))
}

/// Approves the list: exactly its lines are held, those that have paid meanwhile left out. A longer list than one person
/// may let through needs an approval (`needs_approval`).
#[utoipa::path(post, path = "/api/v1/dunning/brakes/{id}/approve", tag = "dunning", params(("id" = String, Path)),
    request_body = Decision, responses((status = 200, body = Brake), (status = 404, body = Problem),
    (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn approve(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<BrakeId>,
    Body(decision): Body<Decision>,
) -> Result<Json<Brake>, Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    alone(&app.config, &super::load(&mut tx, id).await?)?;
    let brake = super::approve(&mut tx, &caller.actor, id, &decision.reason).await?;
    tx.commit().await?;
    Ok(Json(brake))
}

/// Says no: the lines on the list are left alone for 24 hours.
#[utoipa::path(post, path = "/api/v1/dunning/brakes/{id}/dismiss", tag = "dunning", params(("id" = String, Path)),
    request_body = Decision, responses((status = 200, body = Brake), (status = 404, body = Problem),
    (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn dismiss(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<BrakeId>,
    Body(decision): Body<Decision>,
) -> Result<Json<Brake>, Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    let brake = super::dismiss(&mut tx, &caller.actor, id, &decision.reason).await?;
    tx.commit().await?;
    Ok(Json(brake))
}

/// Whether suspensions are frozen because the clock is doubted.
#[utoipa::path(get, path = "/api/v1/dunning/freeze", tag = "dunning", responses((status = 200, body = FreezeView)))]
async fn freeze(State(app): State<App>, caller: Caller) -> Result<Json<FreezeView>, Fault> {
    let mut tx = app.db.read(&caller.scope).await?;
    Ok(Json(super::frozen(&mut tx).await?.into()))
}

/// A person says that the clock is right.
#[utoipa::path(post, path = "/api/v1/dunning/freeze/clear", tag = "dunning", request_body = Decision, responses(
    (status = 204), (status = 403, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn clear(State(app): State<App>, caller: Caller, Body(decision): Body<Decision>) -> Result<StatusCode, Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    super::clear(&mut tx, &caller.actor, &decision.reason).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
