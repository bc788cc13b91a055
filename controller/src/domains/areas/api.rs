//! Routes of areas.

use lastmile_protocol::ids::AreaId;
use utoipa::OpenApi;

use super::{Area, AreaChange, NewArea};
use crate::access::Caller;
use crate::kernel::Fault;
use crate::kernel::paging::Page;
use crate::web::{App, Body, Id, Json, Method, Policy, Problem, Routes, State, StatusCode};

/// The routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .route(Method::GET, "/api/v1/areas", Policy::Staff("areas:read"), list)
        .route(Method::POST, "/api/v1/areas", Policy::Staff("areas:write"), create)
        .route(Method::PATCH, "/api/v1/areas/{id}", Policy::Staff("areas:write"), change)
        .route(Method::DELETE, "/api/v1/areas/{id}", Policy::Staff("areas:write"), delete)
        .doc(Doc::openapi())
}

#[derive(OpenApi)]
#[openapi(paths(list, create, change, delete), components(schemas(Area, NewArea, AreaChange)))]
struct Doc;

/// All areas of the caller, by name.
#[utoipa::path(get, path = "/api/v1/areas", tag = "areas", responses((status = 200, body = Page<Area>)))]
async fn list(State(app): State<App>, caller: Caller) -> Result<Json<Page<Area>>, Fault> {
    let mut tx = app.db.read(&caller.scope).await?;
    Ok(Json(Page { items: super::list(&mut tx).await?, next: None }))
}

/// Makes an area.
#[utoipa::path(post, path = "/api/v1/areas", tag = "areas", request_body = NewArea, responses(
    (status = 201, body = Area), (status = 409, description = "The name is taken", body = Problem),
    (status = 422, body = Problem)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(mut new): Body<NewArea>,
) -> Result<(StatusCode, Json<Area>), Fault> {
    if new.parent_id.is_none() {
        new.branch_id = Some(caller.branch(new.branch_id)?);
    }
    let mut tx = app.db.begin(&caller.scope).await?;
    let area = super::create(&mut tx, &caller.actor, &new).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(area)))
}

/// Renames or moves an area.
#[utoipa::path(patch, path = "/api/v1/areas/{id}", tag = "areas", params(("id" = String, Path)),
    request_body = AreaChange, responses((status = 200, body = Area), (status = 404, body = Problem),
    (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn change(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<AreaId>,
    Body(change): Body<AreaChange>,
) -> Result<Json<Area>, Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    let area = super::change(&mut tx, &caller.actor, id, &change).await?;
    tx.commit().await?;
    Ok(Json(area))
}

/// Deletes an area in which nobody lives; `area_in_use` otherwise.
#[utoipa::path(delete, path = "/api/v1/areas/{id}", tag = "areas", params(("id" = String, Path)), responses(
    (status = 204), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn delete(State(app): State<App>, caller: Caller, Id(id): Id<AreaId>) -> Result<StatusCode, Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    super::delete(&mut tx, &caller.actor, id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
