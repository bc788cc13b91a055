//! Routes of packages.

use lastmile_protocol::ids::PackageId;
use utoipa::OpenApi;

use super::{NewPackage, Package, PackageChange};
use crate::access::Caller;
use crate::kernel::Fault;
use crate::kernel::paging::Page;
use crate::web::{App, Body, Id, Json, Method, Policy, Problem, Routes, State, StatusCode};

/// The routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .route(Method::GET, "/api/v1/packages", Policy::Staff("packages:read"), list)
        .route(Method::POST, "/api/v1/packages", Policy::Staff("packages:write"), create)
        .route(Method::PATCH, "/api/v1/packages/{id}", Policy::Staff("packages:write"), change)
        .route(Method::DELETE, "/api/v1/packages/{id}", Policy::Staff("packages:write"), delete)
        .doc(Doc::openapi())
}

#[derive(OpenApi)]
#[openapi(paths(list, create, change, delete), components(schemas(Package, NewPackage, PackageChange)))]
struct Doc;

/// All packages of the caller, those that are sold first, by price.
#[utoipa::path(get, path = "/api/v1/packages", tag = "packages", responses((status = 200, body = Page<Package>)))]
async fn list(State(app): State<App>, caller: Caller) -> Result<Json<Page<Package>>, Fault> {
    let mut tx = app.db.read(&caller.scope).await?;
    Ok(Json(Page { items: super::list(&mut tx).await?, next: None }))
}

/// Makes a package.
#[utoipa::path(post, path = "/api/v1/packages", tag = "packages", request_body = NewPackage, responses(
    (status = 201, body = Package), (status = 409, description = "The name is taken", body = Problem),
    (status = 422, body = Problem)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(mut new): Body<NewPackage>,
) -> Result<(StatusCode, Json<Package>), Fault> {
    new.branch_id = Some(caller.branch(new.branch_id)?);
    let mut tx = app.db.begin(&caller.scope).await?;
    let package = super::create(&mut tx, &caller.actor, new).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(package)))
}

/// Changes a package.
#[utoipa::path(patch, path = "/api/v1/packages/{id}", tag = "packages", params(("id" = String, Path)),
    request_body = PackageChange, responses((status = 200, body = Package), (status = 404, body = Problem),
    (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn change(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<PackageId>,
    Body(change): Body<PackageChange>,
) -> Result<Json<Package>, Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    let package = super::change(&mut tx, &caller.actor, id, change).await?;
    tx.commit().await?;
    Ok(Json(package))
}

/// Deletes a package that nobody has or had; `package_in_use` otherwise.
#[utoipa::path(delete, path = "/api/v1/packages/{id}", tag = "packages", params(("id" = String, Path)), responses(
    (status = 204), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn delete(State(app): State<App>, caller: Caller, Id(id): Id<PackageId>) -> Result<StatusCode, Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    super::delete(&mut tx, &caller.actor, id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
