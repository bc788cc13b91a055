//! Routes of the outbox.

use lastmile_protocol::ids::{CustomerId, NoticeId, StaffId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};

use crate::access::Caller;
use crate::domains::notices::store::outbox::Filter;
use crate::domains::notices::{Channel, Notice, State as NoticeState, outbox};
use crate::kernel::Fault;
use crate::kernel::paging::{Page, PageParams};
use crate::web::{App, Id, Json, Method, Params, Policy, Problem, Routes, State};

/// Longest text to look for, characters.
const SEARCH_MOST: usize = 100;

pub(super) fn routes() -> Routes {
    let (read, write) = (Policy::Staff("notices:read"), Policy::Staff("notices:write"));
    Routes::new()
        .route(Method::GET, "/api/v1/notices", read, list)
        .route(Method::GET, "/api/v1/notices/{id}", read, show)
        .route(Method::POST, "/api/v1/notices/{id}/retry", write, retry)
        .route(Method::POST, "/api/v1/notices/{id}/cancel", write, cancel)
        .doc(Doc::openapi())
}

#[derive(OpenApi)]
#[openapi(paths(list, show, retry, cancel), components(schemas(Notice, NoticePage, StateCount)))]
struct Doc;

/// Which messages.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct ListParams {
    /// In this state.
    state: Option<NoticeState>,
    /// By this way.
    channel: Option<Channel>,
    /// Of this kind, such as `payment_receipt`.
    template: Option<String>,
    /// To this customer.
    customer_id: Option<String>,
    /// To this person.
    staff_id: Option<String>,
    /// Part of a name or an address.
    search: Option<String>,
    /// Most rows wanted (1-500, 50 when absent).
    limit: Option<i64>,
    /// Cursor from `next` of the page before.
    after: Option<String>,
}

/// How many messages are in a state.
#[derive(Debug, Serialize, ToSchema)]
struct StateCount {
    /// The state.
    state: NoticeState,
    /// Messages.
    messages: i64,
    /// SMS and e-mails that they are charged as.
    parts: i64,
}

/// A page of messages.
#[derive(Debug, Serialize, ToSchema)]
struct NoticePage {
    /// The rows.
    items: Vec<Notice>,
    /// Cursor of the next page; null at the end.
    next: Option<String>,
    /// Messages of the last 7 days by state, whatever is filtered.
    counts: Vec<StateCount>,
}

/// Messages, newest first.
#[utoipa::path(get, path = "/api/v1/notices", tag = "notices", params(ListParams),
    responses((status = 200, body = NoticePage), (status = 422, body = Problem)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(params): Params<ListParams>,
) -> Result<Json<NoticePage>, Fault> {
    let page = PageParams { limit: params.limit, after: params.after };
    let wrong = |field: &str| Fault::field(field, "there is none of this name");
    let customer: Option<CustomerId> =
        params.customer_id.map(|id| id.parse()).transpose().map_err(|_| wrong("customer_id"))?;
    let staff: Option<StaffId> = params.staff_id.map(|id| id.parse()).transpose().map_err(|_| wrong("staff_id"))?;
    let filter = Filter {
        state: params.state,
        channel: params.channel,
        template: params.template.map(|word| word.parse()).transpose().map_err(|_| wrong("template"))?,
        customer,
        staff,
        search: params
            .search
            .map(|text| text.trim().chars().take(SEARCH_MOST).collect::<String>())
            .filter(|text| !text.is_empty()),
        after: page.after()?,
    };
    let limit = page.limit();
    let mut tx = app.db.read(&caller.scope).await?;
    let rows = outbox::list(&mut tx, &filter, limit + 1).await?;
    let counts = outbox::counts(&mut tx).await?;
    tx.rollback().await?;
    let Page { items, next } = Page::cut(rows, limit, |row| (row.created_at.0, row.id.to_string()));
    let counts = counts.into_iter().map(|(state, messages, parts)| StateCount { state, messages, parts }).collect();
    Ok(Json(NoticePage { items, next, counts }))
}

/// One message.
#[utoipa::path(get, path = "/api/v1/notices/{id}", tag = "notices", params(("id" = String, Path)),
    responses((status = 200, body = Notice), (status = 404, body = Problem)))]
async fn show(State(app): State<App>, caller: Caller, Id(id): Id<NoticeId>) -> Result<Json<Notice>, Fault> {
    let mut tx = app.db.read(&caller.scope).await?;
    Ok(Json(outbox::load(&mut tx, id).await?))
}

/// Sends a message again that failed, was stopped, or of which nobody can tell.
#[utoipa::path(post, path = "/api/v1/notices/{id}/retry", tag = "notices", params(("id" = String, Path)),
    responses((status = 200, body = Notice), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn retry(State(app): State<App>, caller: Caller, Id(id): Id<NoticeId>) -> Result<Json<Notice>, Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    let notice = outbox::retry(&mut tx, &caller.actor, id).await?;
    tx.commit().await?;
    Ok(Json(notice))
}

/// Stops a message that waits.
#[utoipa::path(post, path = "/api/v1/notices/{id}/cancel", tag = "notices", params(("id" = String, Path)),
    responses((status = 200, body = Notice), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn cancel(State(app): State<App>, caller: Caller, Id(id): Id<NoticeId>) -> Result<Json<Notice>, Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    let notice = outbox::cancel(&mut tx, &caller.actor, id).await?;
    tx.commit().await?;
    Ok(Json(notice))
}
