//! Routes of staff and roles.

use utoipa::OpenApi;

use super::{Role, Staff};
use crate::access::Caller;
use crate::kernel::Fault;
use crate::kernel::paging::{Page, PageParams};
use crate::web::{App, Json, Method, Params, Policy, Routes, State};

#[derive(OpenApi)]
#[openapi(paths(list, roles))]
struct Doc;

/// The routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .route(Method::GET, "/api/v1/staff", Policy::Staff("staff:read"), list)
        .route(Method::GET, "/api/v1/roles", Policy::Staff("staff:read"), roles)
        .doc(Doc::openapi())
}

/// Staff of the caller's branches, by name.
#[utoipa::path(get, path = "/api/v1/staff", tag = "staff", params(PageParams),
    responses((status = 200, body = Page<Staff>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(page): Params<PageParams>,
) -> Result<Json<Page<Staff>>, Fault> {
    let limit = page.limit();
    let after = page.after()?;
    let mut tx = app.db.read(&caller.scope).await?;
    let rows = super::list(&mut tx, after.as_ref(), limit + 1).await?;
    Ok(Json(Page::cut(rows, limit, |row| (row.name.clone(), row.id.to_string()))))
}

/// The roles and what they may do.
#[utoipa::path(get, path = "/api/v1/roles", tag = "staff", responses((status = 200, body = Page<Role>)))]
async fn roles(State(app): State<App>, caller: Caller) -> Result<Json<Page<Role>>, Fault> {
    let mut tx = app.db.read(&caller.scope).await?;
    Ok(Json(Page { items: super::roles(&mut tx).await?, next: None }))
}
