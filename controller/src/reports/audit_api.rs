//! Routes of the record of what happened: reading, exporting, its seal, erasing a person.

use axum::body::Body as Content;
use axum::http::{HeaderValue, header};
use futures_util::stream;
use serde::Deserialize;
use serde_json::json;
use utoipa::{OpenApi, ToSchema};

use super::audit::{self, AuditEntry, AuditParams};
use crate::access::Caller;
use crate::events::seal::{self, Erased, Head, State as SealState};
use crate::events::{self, Event};
use crate::kernel::paging::{self, Page, parse_cursor};
use crate::kernel::{Fault, Scope};
use crate::web::{App, Body, IntoResponse as _, Json, Method, Params, Policy, Problem, Response, Routes, State, csv};

/// Rows read at a time for an export.
const EXPORT_PAGE: i64 = 500;

/// The routes.
#[must_use]
pub fn routes() -> Routes {
    let read = Policy::Staff("events:read");
    Routes::new()
        .route(Method::GET, "/api/v1/audit", read, list)
        .route(Method::GET, "/api/v1/audit/export", Policy::Staff("events:export"), export)
        .route(Method::GET, "/api/v1/audit/seal", read, sealed)
        .route(Method::POST, "/api/v1/audit/erasures", Policy::Staff("events:erase"), erase)
        .doc(Doc::openapi())
}

#[derive(OpenApi)]
#[openapi(
    paths(list, export, sealed, erase),
    components(schemas(AuditEntry, audit::Change, Head, SealState, Erased, Erasure))
)]
struct Doc;

/// Who did what, when and from where, newest first.
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", params(AuditParams),
    responses((status = 200, body = Page<AuditEntry>), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(params): Params<AuditParams>,
) -> Result<Json<Page<AuditEntry>>, Fault> {
    let after = params.after.as_deref().map(parse_cursor).transpose()?;
    let filter = params.filter(after)?;
    let mut tx = app.db.read(&caller.scope).await?;
    params.known(&mut tx, &caller).await?;
    Ok(Json(audit::page(&mut tx, &filter, paging::limit(params.limit)).await?))
}

/// The same as a file, however long it is. That it was exported is recorded.
#[utoipa::path(get, path = "/api/v1/audit/export", tag = "audit", params(AuditParams),
    responses((status = 200, content_type = "text/csv", body = String), (status = 404, body = Problem),
    (status = 422, body = Problem)))]
async fn export(
    State(app): State<App>,
    caller: Caller,
    Params(params): Params<AuditParams>,
) -> Result<Response, Fault> {
    params.filter(None)?;
    let mut tx = app.db.begin(&caller.scope).await?;
    params.known(&mut tx, &caller).await?;
    let asked = [
        ("kind", params.kind.clone()),
        ("actor_kind", params.actor_kind.clone()),
        ("actor_id", params.actor_id.clone()),
        ("subject_kind", params.subject_kind.clone()),
        ("subject_id", params.subject_id.clone()),
        ("customer_id", params.customer_id.map(|id| id.to_string())),
        ("branch_id", params.branch_id.map(|id| id.to_string())),
        ("from", params.from.map(|at| at.to_string())),
        ("until", params.until.map(|at| at.to_string())),
    ];
    let asked: serde_json::Map<_, _> =
        asked.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value?)))).collect();
    let event = Event {
        kind: "audit.exported",
        subject_kind: "audit",
        subject_id: caller.staff.id.to_string(),
        branch_id: caller.staff.branch_id,
        customer_id: None,
        data: json!({ "filter": asked }),
        at_ms: tx.now_ms(),
    };
    events::record(&mut tx, &caller.actor, event).await?;
    tx.commit().await?;
    let head = format!("{}{}", csv::MARK, csv::line(audit::COLUMNS));
    let pages = stream::try_unfold(Some(None), move |at| {
        let (app, scope, params) = (app.clone(), caller.scope.clone(), params.clone());
        async move {
            let Some(after) = at else { return Ok(None) };
            next_page(&app, &scope, &params, after).await.map(Some).map_err(|fault| {
                tracing::error!(error = %fault, "an export of the record was cut off");
                std::io::Error::other("the export was cut off")
            })
        }
    });
    let body = stream::StreamExt::chain(stream::once(async move { Ok::<_, std::io::Error>(head) }), pages);
    let name = HeaderValue::from_static("attachment; filename=\"audit.csv\"");
    let kind = HeaderValue::from_static(csv::CONTENT_TYPE);
    Ok(([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)], Content::from_stream(body))
        .into_response())
}

type Cursor = Option<(i64, String)>;

/// The next lines, and where to go on; `None` at the end.
async fn next_page(
    app: &App,
    scope: &Scope,
    params: &AuditParams,
    after: Cursor,
) -> Result<(String, Option<Cursor>), Fault> {
    let filter = params.filter(after)?;
    let mut tx = app.db.read(scope).await?;
    let page = audit::page(&mut tx, &filter, EXPORT_PAGE).await?;
    tx.rollback().await?;
    let lines: String = page.items.iter().map(audit::csv_line).collect();
    let next = page.next.as_deref().map(parse_cursor).transpose()?;
    Ok((lines, next.map(Some)))
}

/// How far the record is sealed. Keep the head elsewhere: it shows when the end is cut off.
#[utoipa::path(get, path = "/api/v1/audit/seal", tag = "audit",
    responses((status = 200, body = SealState), (status = 403, body = Problem)))]
async fn sealed(State(app): State<App>, caller: Caller) -> Result<Json<SealState>, Fault> {
    if caller.scope != Scope::All {
        return Err(Fault::Forbidden {
            detail: "the seal covers all branches: it is read by who sees them all".into(),
        });
    }
    let mut tx = app.db.read(&Scope::All).await?;
    Ok(Json(seal::state(&mut tx).await?))
}

/// Whom to erase from the record.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Erasure {
    /// `customer`, `staff`, `reseller` or `lead`.
    kind: String,
    /// The person's id.
    id: String,
    /// Why: it stays in the record.
    reason: String,
}

/// Erase what tells who a person is from the record of what happened; what happened stays. It cannot be undone.
#[utoipa::path(post, path = "/api/v1/audit/erasures", tag = "audit", request_body = Erasure,
    responses((status = 200, body = Erased), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn erase(State(app): State<App>, caller: Caller, Body(asked): Body<Erasure>) -> Result<Json<Erased>, Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    let erased = seal::erase(&mut tx, &caller.actor, &asked.kind, &asked.id, &asked.reason).await?;
    tx.commit().await?;
    Ok(Json(erased))
}
