//! Routes of roles and permissions.

use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use crate::access::Caller;
use crate::access::permissions::PERMISSIONS;
use crate::access::roles::{self, Role, RoleInput};
use crate::kernel::Fault;
use crate::kernel::paging::Page;
use crate::web::{App, Body, Id, Json, Method, Policy, Problem, Routes, State, StatusCode};

#[derive(OpenApi)]
#[openapi(paths(list, create, show, change, delete, reset, permissions))]
struct Doc;

/// The routes of this file.
pub(super) fn routes() -> Routes {
    let (read, write) = (Policy::Staff("staff:read"), Policy::Staff("roles:write"));
    Routes::new()
        .route(Method::GET, "/api/v1/roles", read, list)
        .route(Method::POST, "/api/v1/roles", write, create)
        .route(Method::GET, "/api/v1/roles/{name}", read, show)
        .route(Method::PUT, "/api/v1/roles/{name}", write, change)
        .route(Method::DELETE, "/api/v1/roles/{name}", write, delete)
        .route(Method::POST, "/api/v1/roles/{name}/reset", write, reset)
        .route(Method::GET, "/api/v1/permissions", read, permissions)
        .doc(Doc::openapi())
}

/// The roles and what they may do.
#[utoipa::path(get, path = "/api/v1/roles", tag = "roles", responses((status = 200, body = Page<Role>)))]
async fn list(State(app): State<App>, caller: Caller) -> Result<Json<Page<Role>>, Fault> {
    let mut tx = app.db.read(&caller.scope).await?;
    Ok(Json(Page { items: roles::list(&mut tx).await?, next: None }))
}

/// A role to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewRole {
    /// The word: 2 to 40 characters of a-z 0-9 _, a letter first.
    name: String,
    /// What people call it.
    title: String,
    /// What it may do.
    #[schema(value_type = Vec<String>)]
    permissions: std::collections::BTreeSet<String>,
    /// Whose rows it sees.
    scope: roles::RoleScope,
    /// Whether nobody with this role gets in without a second factor.
    #[serde(default)]
    second_factor: bool,
}

/// Make a role. Nobody gives what they do not have.
#[utoipa::path(post, path = "/api/v1/roles", tag = "roles", request_body = NewRole, responses(
    (status = 201, body = Role), (status = 403, body = Problem), (status = 409, body = Problem),
    (status = 422, body = Problem)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(new): Body<NewRole>,
) -> Result<(StatusCode, Json<Role>), Fault> {
    let NewRole { name, title, permissions, scope, second_factor } = new;
    let mut tx = app.db.begin(&caller.scope).await?;
    let role = roles::create(&mut tx, &caller, &name, RoleInput { title, permissions, scope, second_factor }).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(role)))
}

/// One role.
#[utoipa::path(get, path = "/api/v1/roles/{name}", tag = "roles", params(("name" = String, Path)),
    responses((status = 200, body = Role), (status = 404, body = Problem)))]
async fn show(State(app): State<App>, caller: Caller, Id(name): Id<String>) -> Result<Json<Role>, Fault> {
    let mut tx = app.db.read(&caller.scope).await?;
    Ok(Json(roles::load(&mut tx, &name).await?))
}

/// Change a role: all of it. It counts from the next request of everybody who has it; who gets to need a second factor
/// sets it up at the next sign-in, which is at once.
#[utoipa::path(put, path = "/api/v1/roles/{name}", tag = "roles", params(("name" = String, Path)),
    request_body = RoleInput, responses((status = 200, body = Role), (status = 403, body = Problem),
    (status = 404, body = Problem), (status = 409, description = "No owner would remain", body = Problem),
    (status = 422, body = Problem)))]
async fn change(
    State(app): State<App>,
    caller: Caller,
    Id(name): Id<String>,
    Body(input): Body<RoleInput>,
) -> Result<Json<Role>, Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    let role = roles::change(&mut tx, &caller, &name, input).await?;
    tx.commit().await?;
    Ok(Json(role))
}

/// Delete a role that nobody has and that did not come with Lastmile.
#[utoipa::path(delete, path = "/api/v1/roles/{name}", tag = "roles", params(("name" = String, Path)), responses(
    (status = 204), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn delete(State(app): State<App>, caller: Caller, Id(name): Id<String>) -> Result<StatusCode, Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    roles::delete(&mut tx, &caller, &name).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make a role that came with Lastmile what it was.
#[utoipa::path(post, path = "/api/v1/roles/{name}/reset", tag = "roles", params(("name" = String, Path)), responses(
    (status = 200, body = Role), (status = 403, body = Problem), (status = 404, body = Problem),
    (status = 409, body = Problem)))]
async fn reset(State(app): State<App>, caller: Caller, Id(name): Id<String>) -> Result<Json<Role>, Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    let role = roles::reset(&mut tx, &caller, &name).await?;
    tx.commit().await?;
    Ok(Json(role))
}

/// A permission.
#[derive(Debug, Serialize, ToSchema)]
struct PermissionInfo {
    /// The word: `payments:take`.
    name: &'static str,
    /// What it is about: `payments`.
    resource: &'static str,
    /// What it lets do with it: `take`.
    action: &'static str,
}

/// Every permission there is.
#[utoipa::path(get, path = "/api/v1/permissions", tag = "roles",
    responses((status = 200, body = Page<PermissionInfo>)))]
async fn permissions() -> Json<Page<PermissionInfo>> {
    let parts = PERMISSIONS.iter().filter_map(|name| Some((*name, name.split_once(':')?)));
    let items = parts.map(|(name, (resource, action))| PermissionInfo { name, resource, action }).collect();
    Json(Page { items, next: None })
}
