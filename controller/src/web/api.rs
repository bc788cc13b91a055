//! Routes that belong to no domain: the record of what happened, live events.

use axum::Json;
use axum::extract::State;
use axum::http::Method;
use utoipa::OpenApi as _;

use super::app::App;
use super::extract::Params;
use super::live;
use super::route::{Policy, Routes};
use crate::access::Caller;
use crate::events::store::{Filter, Recorded};
use crate::kernel::Fault;
use crate::kernel::paging::{Page, PageParams};

#[derive(utoipa::OpenApi)]
#[openapi(paths(events, live::live))]
struct Doc;

/// The routes of this file.
pub(super) fn routes() -> Routes {
    Routes::new()
        .route(Method::GET, "/api/v1/events", Policy::Staff("events:read"), events)
        .route(Method::GET, "/api/v1/live", Policy::SignedIn, live::live)
        .doc(Doc::openapi())
}

#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
struct EventParams {
    /// Only events of this kind of thing.
    subject_kind: Option<String>,
    /// Only events of this thing.
    subject_id: Option<String>,
    /// Only events of this kind.
    kind: Option<String>,
    /// Most rows wanted (1-500, 50 when absent).
    limit: Option<i64>,
    /// Cursor from `next` of the page before.
    after: Option<String>,
}

/// What happened, newest first.
#[utoipa::path(get, path = "/api/v1/events", tag = "events", params(EventParams),
    responses((status = 200, body = Page<Recorded>)))]
async fn events(
    State(app): State<App>,
    caller: Caller,
    Params(params): Params<EventParams>,
) -> Result<Json<Page<Recorded>>, Fault> {
    let page = PageParams { limit: params.limit, after: params.after };
    let filter = Filter {
        subject_kind: params.subject_kind,
        subject_id: params.subject_id,
        kind: params.kind,
        after: page.after()?,
        ..Filter::default()
    };
    let limit = page.limit();
    let mut tx = app.db.read(&caller.scope).await?;
    let rows = crate::events::store::list(&mut tx, &filter, limit + 1).await?;
    tx.rollback().await?;
    Ok(Json(Page::cut(rows, limit, |row| (row.at.0, row.id.clone()))))
}
