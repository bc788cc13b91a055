//! Routes of backups: the list, one more, and the file to be carried elsewhere.

use axum::body::Body as Content;
use axum::http::{HeaderValue, header};
use futures_util::stream;
use lastmile_protocol::ids::JobId;
use serde::Serialize;
use serde_json::json;
use tokio::io::AsyncReadExt as _;
use utoipa::{OpenApi, ToSchema};

use super::store::{self, Backup};
use super::{jobs, rules};
use crate::access::Caller;
use crate::events::{self, Event};
use crate::kernel::paging::{Page, PageParams};
use crate::kernel::{At, Fault, Scope};
use crate::web::{
    App, Id, IntoResponse as _, Json, Method, Params, Policy, Problem, Response, Routes, State, StatusCode,
};

/// Bytes sent at a time.
const PIECE: usize = 256 * 1024;

/// The routes.
#[must_use]
pub fn routes() -> Routes {
    let (read, write) = (Policy::Staff("backups:read"), Policy::Staff("backups:write"));
    Routes::new()
        .route(Method::GET, "/api/v1/backups", read, list)
        .route(Method::POST, "/api/v1/backups", write, make)
        .route(Method::GET, "/api/v1/backups/{id}", read, one)
        .route(Method::GET, "/api/v1/backups/{id}/file", write, file)
        .doc(Doc::openapi())
}

#[derive(OpenApi)]
#[openapi(paths(list, make, one, file), components(schemas(Backup, Backups, Plan)))]
struct Doc;

/// When backups are made and how long they are kept.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BackupPlan)]
struct Plan {
    /// Hours between two; 0 = never by the clock.
    every_hours: u32,
    /// So many of the newest are kept.
    keep: u32,
    /// And the newest of each of so many months.
    keep_months: u32,
    /// The folder on the controller's machine.
    folder: String,
    /// The key under which they are encrypted. It is in none of them: keep it elsewhere.
    key_id: String,
    /// When the next one is due.
    next_at: Option<At>,
}

/// Backups, newest first, and the plan.
#[derive(Debug, Serialize, ToSchema)]
struct Backups {
    /// The rows.
    items: Vec<Backup>,
    /// Cursor of the next page; null at the end.
    next: Option<String>,
    /// When they are made and how long they are kept.
    plan: Plan,
}

/// A backup holds every branch: it is for who sees them all.
fn sees_all(caller: &Caller) -> Result<(), Fault> {
    if caller.scope == Scope::All {
        return Ok(());
    }
    Err(Fault::Forbidden { detail: "a backup holds all branches: it is for who sees them all".into() })
}

/// Backups, newest first.
#[utoipa::path(get, path = "/api/v1/backups", tag = "backups", params(PageParams),
    responses((status = 200, body = Backups), (status = 403, body = Problem)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(page): Params<PageParams>,
) -> Result<Json<Backups>, Fault> {
    sees_all(&caller)?;
    let limit = page.limit();
    let mut tx = app.db.read(&Scope::All).await?;
    let rows = store::list(&mut tx, page.after()?, limit + 1).await?;
    let (last, now) = (store::last(&mut tx).await?, tx.now_ms());
    tx.rollback().await?;
    let page = Page::cut(rows, limit, |row| (row.queued_at.0, row.id.clone()));
    let plan = &app.config.backup;
    let every_ms = i64::from(plan.every_hours) * 3_600_000;
    let due = |made: i64| if rules::is_due(plan.every_hours, Some(made), now) { now } else { made + every_ms };
    let plan = Plan {
        every_hours: plan.every_hours,
        keep: plan.keep,
        keep_months: plan.keep_months,
        folder: plan.dir.display().to_string(),
        key_id: app.keyring.id(),
        next_at: (plan.every_hours > 0).then(|| At(last.made_ms.map_or(now, due))),
    };
    Ok(Json(Backups { items: page.items, next: page.next, plan }))
}

/// Make one now. It is ready when its state is `done`: written and read back.
#[utoipa::path(post, path = "/api/v1/backups", tag = "backups",
    responses((status = 202, body = Backup), (status = 403, body = Problem), (status = 409, body = Problem)))]
async fn make(State(app): State<App>, caller: Caller) -> Result<Response, Fault> {
    sees_all(&caller)?;
    let mut tx = app.db.begin(&Scope::All).await?;
    tx.lock("backups").await?;
    let id = jobs::ask(&mut tx, Some(caller.staff.id)).await?;
    record(&mut tx, &caller, "backup.asked", &id).await?;
    let backup = store::get(&mut tx, &id).await?.ok_or(Fault::NotFound { what: "backup" })?;
    tx.commit().await?;
    Ok((StatusCode::ACCEPTED, Json(backup)).into_response())
}

/// One backup.
#[utoipa::path(get, path = "/api/v1/backups/{id}", tag = "backups", params(("id" = String, Path)),
    responses((status = 200, body = Backup), (status = 404, body = Problem)))]
async fn one(State(app): State<App>, caller: Caller, Id(id): Id<JobId>) -> Result<Json<Backup>, Fault> {
    sees_all(&caller)?;
    let mut tx = app.db.read(&Scope::All).await?;
    Ok(Json(store::get(&mut tx, &id.to_string()).await?.ok_or(Fault::NotFound { what: "backup" })?))
}

/// The file, to be carried to another machine. It is encrypted; that it was fetched is recorded.
#[utoipa::path(get, path = "/api/v1/backups/{id}/file", tag = "backups", params(("id" = String, Path)),
    responses((status = 200, content_type = "application/octet-stream", body = Vec<u8>), (status = 404, body = Problem)))]
async fn file(State(app): State<App>, caller: Caller, Id(id): Id<JobId>) -> Result<Response, Fault> {
    sees_all(&caller)?;
    let none = || Fault::NotFound { what: "backup" };
    let mut tx = app.db.begin(&Scope::All).await?;
    let id = id.to_string();
    let backup = store::get(&mut tx, &id).await?.filter(|backup| backup.state == "done").ok_or_else(none)?;
    let name = backup.file.ok_or_else(none)?;
    let open = tokio::fs::File::open(jobs::folder(&app).join(&name)).await.map_err(|_| none())?;
    let size = open.metadata().await.map_err(Fault::internal)?.len();
    record(&mut tx, &caller, "backup.fetched", &id).await?;
    tx.commit().await?;
    let pieces = stream::try_unfold(open, |mut open| async move {
        let mut piece = vec![0; PIECE];
        let count = open.read(&mut piece).await?;
        piece.truncate(count);
        Ok::<_, std::io::Error>((count > 0).then_some((piece, open)))
    });
    let named = format!("attachment; filename=\"{name}\"");
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_str(&named).map_err(Fault::internal)?),
        (header::CONTENT_LENGTH, HeaderValue::from(size)),
    ];
    Ok((headers, Content::from_stream(pieces)).into_response())
}

async fn record(tx: &mut crate::db::Tx, caller: &Caller, kind: &'static str, id: &str) -> Result<(), Fault> {
    let event = Event {
        kind,
        subject_kind: "backup",
        subject_id: id.to_owned(),
        branch_id: caller.staff.branch_id,
        customer_id: None,
        data: json!({}),
        at_ms: tx.now_ms(),
    };
    events::record(tx, &caller.actor, event).await.map(|_| ())
}
