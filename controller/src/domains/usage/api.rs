//! Routes of usage: by day, and at this moment.

use lastmile_protocol::ids::SubscriptionId;
use serde::Deserialize;
use utoipa::OpenApi;

use super::{RatesView, UsageView, rates as line_rates, report};
use crate::access::Caller;
use crate::domains::lines;
use crate::kernel::Fault;
use crate::kernel::time::parse_day;
use crate::web::{App, Id, Json, Method, Params, Policy, Problem, Routes, State};

/// The routes.
#[must_use]
pub fn routes() -> Routes {
    let read = Policy::Staff("usage:read");
    Routes::new()
        .route(Method::GET, "/api/v1/subscriptions/{id}/usage", read, usage)
        .route(Method::GET, "/api/v1/subscriptions/{id}/rates", read, rates)
        .doc(Doc::openapi())
}

#[derive(OpenApi)]
#[openapi(paths(usage, rates), components(schemas(UsageView, RatesView)))]
struct Doc;

/// Which days.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
struct DayParams {
    /// First day, `YYYY-MM-DD` in the time zone of the branch; 30 days before the last one when absent.
    from: Option<String>,
    /// Last day; today when absent.
    to: Option<String>,
}

/// Usage by day, with what is not known.
#[utoipa::path(get, path = "/api/v1/subscriptions/{id}/usage", tag = "usage", params(("id" = String, Path), DayParams),
    responses((status = 200, body = UsageView), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn usage(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<SubscriptionId>,
    Params(days): Params<DayParams>,
) -> Result<Json<UsageView>, Fault> {
    let day = |text: Option<String>, field: &str| match text {
        None => Ok(None),
        Some(text) => {
            parse_day(&text).map(Some).ok_or_else(|| Fault::field(field, "a day such as 2026-11-22 is needed"))
        }
    };
    let (from, to) = (day(days.from, "from")?, day(days.to, "to")?);
    let mut tx = app.db.read(&caller.scope).await?;
    let subscription = lines::load(&mut tx, id).await?;
    // Usage lies packed by POP, so a narrow scope sees none of it; the subscription was the caller's.
    tx.widen(subscription.branch_id).await?;
    Ok(Json(report(&mut tx, subscription.line_id, from, to).await?))
}

/// Rates of the last 15 minutes, as far as they are known.
#[utoipa::path(get, path = "/api/v1/subscriptions/{id}/rates", tag = "usage", params(("id" = String, Path)),
    responses((status = 200, body = RatesView), (status = 404, body = Problem)))]
async fn rates(State(app): State<App>, caller: Caller, Id(id): Id<SubscriptionId>) -> Result<Json<RatesView>, Fault> {
    let mut tx = app.db.read(&caller.scope).await?;
    let subscription = lines::load(&mut tx, id).await?;
    Ok(Json(line_rates(&app.live, subscription.line_id)))
}
