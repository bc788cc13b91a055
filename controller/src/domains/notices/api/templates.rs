//! Routes of texts.

use utoipa::OpenApi;

use crate::access::Caller;
use crate::domains::notices::Template;
use crate::domains::notices::templates::{self, NewText, TemplateChange, TemplateReset, TemplateView, TextPreview};
use crate::kernel::Fault;
use crate::kernel::paging::Page;
use crate::web::{App, Body, Id, Json, Method, Policy, Problem, Routes, State};

pub(super) fn routes() -> Routes {
    let (read, write) = (Policy::Staff("notices:read"), Policy::Staff("settings:write"));
    Routes::new()
        .route(Method::GET, "/api/v1/notice-templates", read, list)
        .route(Method::GET, "/api/v1/notice-templates/{template}", read, show)
        .route(Method::PUT, "/api/v1/notice-templates/{template}", write, change)
        .route(Method::POST, "/api/v1/notice-templates/{template}/preview", read, preview)
        .route(Method::POST, "/api/v1/notice-templates/{template}/reset", write, reset)
        .doc(Doc::openapi())
}

#[derive(OpenApi)]
#[openapi(
    paths(list, show, change, preview, reset),
    components(schemas(TemplateView, TemplateChange, NewText, TextPreview, TemplateReset))
)]
struct Doc;

/// Every kind of message, with its texts.
#[utoipa::path(get, path = "/api/v1/notice-templates", tag = "notices",
    responses((status = 200, body = Page<TemplateView>)))]
async fn list(State(app): State<App>, caller: Caller) -> Result<Json<Page<TemplateView>>, Fault> {
    let mut tx = app.db.read(&caller.scope).await?;
    Ok(Json(Page { items: templates::list(&mut tx).await?, next: None }))
}

/// One kind of message.
#[utoipa::path(get, path = "/api/v1/notice-templates/{template}", tag = "notices",
    params(("template" = String, Path)), responses((status = 200, body = TemplateView), (status = 404, body = Problem)))]
async fn show(State(app): State<App>, caller: Caller, Id(template): Id<Template>) -> Result<Json<TemplateView>, Fault> {
    let mut tx = app.db.read(&caller.scope).await?;
    Ok(Json(templates::load(&mut tx, template).await?))
}

/// Changes a kind of message: whether it is sent, by which ways, in which words. What may stand in it is checked.
#[utoipa::path(put, path = "/api/v1/notice-templates/{template}", tag = "notices", params(("template" = String, Path)),
    request_body = TemplateChange, responses((status = 200, body = TemplateView), (status = 403, body = Problem),
    (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn change(
    State(app): State<App>,
    caller: Caller,
    Id(template): Id<Template>,
    Body(change): Body<TemplateChange>,
) -> Result<Json<TemplateView>, Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    let view = templates::change(&mut tx, &caller.actor, caller.staff.branch_id, template, change).await?;
    tx.commit().await?;
    Ok(Json(view))
}

/// Shows a text with example values, what is wrong with it, and what it costs. Saves nothing.
#[utoipa::path(post, path = "/api/v1/notice-templates/{template}/preview", tag = "notices",
    params(("template" = String, Path)), request_body = NewText,
    responses((status = 200, body = TextPreview), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn preview(
    State(app): State<App>,
    caller: Caller,
    Id(template): Id<Template>,
    Body(text): Body<NewText>,
) -> Result<Json<TextPreview>, Fault> {
    let mut tx = app.db.read(&caller.scope).await?;
    Ok(Json(templates::preview(&mut tx, template, &text).await?))
}

/// Puts texts back to how they come with Lastmile.
#[utoipa::path(post, path = "/api/v1/notice-templates/{template}/reset", tag = "notices",
    params(("template" = String, Path)), request_body = TemplateReset, responses((status = 200, body = TemplateView),
    (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn reset(
    State(app): State<App>,
    caller: Caller,
    Id(template): Id<Template>,
    Body(reset): Body<TemplateReset>,
) -> Result<Json<TemplateView>, Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    let view = templates::reset(&mut tx, &caller.actor, caller.staff.branch_id, template, &reset).await?;
    tx.commit().await?;
    Ok(Json(view))
}
