//! Routes of resellers.

use lastmile_protocol::ids::ResellerId;
use utoipa::OpenApi;

use super::{NewReseller, Reseller, ResellerChange};
use crate::access::Caller;
use crate::kernel::Fault;
use crate::kernel::paging::Page;
use crate::web::{App, Body, Id, Json, Method, Policy, Problem, Routes, State, StatusCode};

/// The routes.
#[must_use]
pub fn routes() -> Routes {
    let (read, write) = (Policy::Staff("resellers:read"), Policy::Staff("resellers:write"));
    Routes::new()
        .route(Method::GET, "/api/v1/resellers", read, list)
        .route(Method::POST, "/api/v1/resellers", write, create)
        .route(Method::GET, "/api/v1/resellers/{id}", read, show)
        .route(Method::PATCH, "/api/v1/resellers/{id}", write, change)
        .doc(Doc::openapi())
}

#[derive(OpenApi)]
#[openapi(paths(list, create, show, change), components(schemas(Reseller, NewReseller, ResellerChange)))]
struct Doc;

/// Resellers of the caller, those in use first, by name.
#[utoipa::path(get, path = "/api/v1/resellers", tag = "resellers", responses((status = 200, body = Page<Reseller>)))]
async fn list(State(app): State<App>, caller: Caller) -> Result<Json<Page<Reseller>>, Fault> {
    let mut tx = app.db.read(&caller.scope).await?;
    Ok(Json(Page { items: super::list(&mut tx).await?, next: None }))
}

/// Makes a reseller.
#[utoipa::path(post, path = "/api/v1/resellers", tag = "resellers", request_body = NewReseller, responses(
    (status = 201, body = Reseller), (status = 409, description = "The name is taken", body = Problem),
    (status = 422, body = Problem)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(mut new): Body<NewReseller>,
) -> Result<(StatusCode, Json<Reseller>), Fault> {
    new.branch_id = Some(caller.branch(new.branch_id)?);
    let mut tx = app.db.begin(&caller.scope).await?;
    let made = super::create(&mut tx, &caller.actor, &new).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// One reseller.
#[utoipa::path(get, path = "/api/v1/resellers/{id}", tag = "resellers", params(("id" = String, Path)), responses(
    (status = 200, body = Reseller), (status = 404, body = Problem)))]
async fn show(State(app): State<App>, caller: Caller, Id(id): Id<ResellerId>) -> Result<Json<Reseller>, Fault> {
    let mut tx = app.db.read(&caller.scope).await?;
    Ok(Json(super::load(&mut tx, id).await?))
}

/// Changes a reseller.
#[utoipa::path(patch, path = "/api/v1/resellers/{id}", tag = "resellers", params(("id" = String, Path)),
    request_body = ResellerChange, responses((status = 200, body = Reseller), (status = 404, body = Problem),
    (status = 409, description = "The name is taken", body = Problem), (status = 422, body = Problem)))]
async fn change(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ResellerId>,
    Body(change): Body<ResellerChange>,
) -> Result<Json<Reseller>, Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    let after = super::change(&mut tx, &caller.actor, id, &change).await?;
    tx.commit().await?;
    Ok(Json(after))
}
