//! Routes of the lists that join several domains.

use lastmile_protocol::ids::{AreaId, CustomerId, PackageId, ResellerId};
use serde::Deserialize;
use utoipa::{IntoParams, OpenApi};

use super::{CustomerList, Filter, ListState, Sort, TimelineItem};
use crate::access::Caller;
use crate::domains::customers::search_pattern;
use crate::kernel::Fault;
use crate::kernel::paging::{self, Page, PageParams};
use crate::web::{App, Id, Json, Method, Params, Policy, Problem, Routes, State};

/// Longest search, bytes.
const SEARCH_MAX: usize = 200;

/// The routes.
#[must_use]
pub fn routes() -> Routes {
    let read = Policy::Staff("customers:read");
    Routes::new()
        .route(Method::GET, "/api/v1/customers", read, customers)
        .route(Method::GET, "/api/v1/customers/{id}/timeline", read, timeline)
        .doc(Doc::openapi())
}

#[derive(OpenApi)]
#[openapi(paths(customers, timeline), components(schemas(CustomerList, TimelineItem)))]
struct Doc;

/// Which customers.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct ListParams {
    /// Part of number, name, phone or username.
    q: Option<String>,
    /// `all` (also when absent), `active`, `held`, `expired`, `failed` or `no_line`.
    #[param(value_type = Option<String>)]
    state: Option<ListState>,
    /// Living in this area or within it.
    #[param(value_type = Option<String>)]
    area_id: Option<AreaId>,
    /// With this package.
    #[param(value_type = Option<String>)]
    package_id: Option<PackageId>,
    /// Of this reseller.
    #[param(value_type = Option<String>)]
    reseller_id: Option<ResellerId>,
    /// `number` (when absent), `name`, `paid_until` or `credit`; `-` before it for downwards.
    sort: Option<String>,
    /// Most rows wanted (1-500, 50 when absent).
    limit: Option<i64>,
    /// Cursor from `next` of the page before.
    after: Option<String>,
}

/// Customers, with how many there are in each state.
#[utoipa::path(get, path = "/api/v1/customers", tag = "customers", params(ListParams),
    responses((status = 200, body = CustomerList), (status = 422, body = Problem)))]
async fn customers(
    State(app): State<App>,
    caller: Caller,
    Params(params): Params<ListParams>,
) -> Result<Json<CustomerList>, Fault> {
    let typed = params.q.unwrap_or_default();
    if typed.len() > SEARCH_MAX {
        return Err(Fault::field("q", format!("must be at most {SEARCH_MAX} bytes")));
    }
    let (sort, down) = params.sort.as_deref().map_or(Ok((Sort::default(), false)), Sort::parse)?;
    let filter = Filter {
        pattern: search_pattern(&typed),
        state: params.state.unwrap_or_default(),
        area: params.area_id,
        package: params.package_id,
        reseller: params.reseller_id,
        sort,
        down,
    };
    let limit = paging::limit(params.limit);
    let mut tx = app.db.read(&caller.scope).await?;
    let after = params.after.as_deref();
    Ok(Json(super::customers(&mut tx, &app.config, &app.live, &filter, after, limit).await?))
}

/// What happened to a customer, newest first.
#[utoipa::path(get, path = "/api/v1/customers/{id}/timeline", tag = "customers",
    params(("id" = String, Path), PageParams), responses((status = 200, body = Page<TimelineItem>),
    (status = 404, body = Problem)))]
async fn timeline(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<CustomerId>,
    Params(page): Params<PageParams>,
) -> Result<Json<Page<TimelineItem>>, Fault> {
    let mut tx = app.db.read(&caller.scope).await?;
    Ok(Json(super::timeline(&mut tx, id, page.after()?, page.limit()).await?))
}
