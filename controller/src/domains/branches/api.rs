//! Routes of branches.

use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::Branch;
use crate::access::Caller;
use crate::kernel::paging::Page;
use crate::kernel::{Currency, Fault};
use crate::web::{App, Json, Method, Policy, Routes, State};

/// The routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new().route(Method::GET, "/api/v1/branches", Policy::Staff("branches:read"), list).doc(Doc::openapi())
}

#[derive(OpenApi)]
#[openapi(paths(list), components(schemas(BranchView)))]
struct Doc;

/// A branch as the API shows it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Branch)]
struct BranchView {
    /// Id.
    id: String,
    /// Name.
    name: String,
    /// IANA name of its time zone.
    time_zone: String,
    /// What it charges in.
    currency: Currency,
}

impl From<Branch> for BranchView {
    fn from(branch: Branch) -> Self {
        Self { id: branch.id.to_string(), name: branch.name, time_zone: branch.time_zone, currency: branch.currency }
    }
}

/// Branches of the caller, by name.
#[utoipa::path(get, path = "/api/v1/branches", tag = "branches", responses((status = 200, body = Page<BranchView>)))]
async fn list(State(app): State<App>, caller: Caller) -> Result<Json<Page<BranchView>>, Fault> {
    let mut tx = app.db.read(&caller.scope).await?;
    let items = super::list(&mut tx).await?.into_iter().map(BranchView::from).collect();
    Ok(Json(Page { items, next: None }))
}
