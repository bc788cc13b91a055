//! Routes of branches.

use lastmile_protocol::ids::BranchId;
use utoipa::OpenApi;

use super::office::{AccountInput, BranchAccount, BranchChange, Detail, Holiday, Manager, NewBranch, Office};
use crate::access::Caller;
use crate::kernel::Fault;
use crate::kernel::paging::Page;
use crate::web::{App, Body, Id, Json, Method, Policy, Problem, Routes, State, StatusCode};

/// The routes.
#[must_use]
pub fn routes() -> Routes {
    let (read, write) = (Policy::Staff("branches:read"), Policy::Staff("branches:write"));
    Routes::new()
        .route(Method::GET, "/api/v1/branches", read, list)
        .route(Method::POST, "/api/v1/branches", write, create)
        .route(Method::GET, "/api/v1/branches/{id}", read, show)
        .route(Method::PATCH, "/api/v1/branches/{id}", write, change)
        .route(Method::DELETE, "/api/v1/branches/{id}", write, remove)
        .doc(Doc::openapi())
}

#[derive(OpenApi)]
#[openapi(
    paths(list, create, show, change, remove),
    components(schemas(Office, Detail, NewBranch, BranchChange, Holiday, BranchAccount, AccountInput, Manager))
)]
struct Doc;

/// Branches of the caller, by name, with how much they have.
#[utoipa::path(get, path = "/api/v1/branches", tag = "branches", responses((status = 200, body = Page<Office>)))]
async fn list(State(app): State<App>, caller: Caller) -> Result<Json<Page<Office>>, Fault> {
    let mut tx = app.db.read(&caller.scope).await?;
    Ok(Json(Page { items: super::offices(&mut tx).await?, next: None }))
}

/// Opens a branch.
#[utoipa::path(post, path = "/api/v1/branches", tag = "branches", request_body = NewBranch, responses(
    (status = 201, body = Detail), (status = 403, body = Problem),
    (status = 409, description = "The name or the prefix is taken", body = Problem), (status = 422, body = Problem)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(new): Body<NewBranch>,
) -> Result<(StatusCode, Json<Detail>), Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    let detail = super::create(&mut tx, &caller.actor, new).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(detail)))
}

/// One branch with its holidays and accounts.
#[utoipa::path(get, path = "/api/v1/branches/{id}", tag = "branches", params(("id" = String, Path)), responses(
    (status = 200, body = Detail), (status = 404, body = Problem)))]
async fn show(State(app): State<App>, caller: Caller, Id(id): Id<BranchId>) -> Result<Json<Detail>, Fault> {
    let mut tx = app.db.read(&caller.scope).await?;
    Ok(Json(super::detail(&mut tx, id).await?))
}

/// Changes a branch. Lists of holidays and accounts are given whole.
#[utoipa::path(patch, path = "/api/v1/branches/{id}", tag = "branches", params(("id" = String, Path)),
    request_body = BranchChange, responses((status = 200, body = Detail), (status = 404, body = Problem),
    (status = 409, description = "The name or the prefix is taken", body = Problem), (status = 422, body = Problem)))]
async fn change(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<BranchId>,
    Body(change): Body<BranchChange>,
) -> Result<Json<Detail>, Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    let detail = super::change(&mut tx, &caller.actor, id, change).await?;
    tx.commit().await?;
    Ok(Json(detail))
}

/// Removes a branch in which nothing is left; `branch_in_use` names what is in it, `last_branch` stays.
#[utoipa::path(delete, path = "/api/v1/branches/{id}", tag = "branches", params(("id" = String, Path)), responses(
    (status = 204), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn remove(State(app): State<App>, caller: Caller, Id(id): Id<BranchId>) -> Result<StatusCode, Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    super::remove(&mut tx, &caller.actor, id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
