//! Routes of routers. A password is written, never read.

use lastmile_protocol::downlink::RouterKind;
use lastmile_protocol::ids::{PopId, RouterId};
use serde::{Deserialize, Serialize};

use super::super::routers::{self as ops, RouterInput};
use super::super::store;
use super::super::store::routers::Router;
use crate::access::Caller;
use crate::kernel::Fault;
use crate::kernel::paging::{Page, PageParams};
use crate::secrets::Secret;
use crate::web::{App, Body, Id, Json, Params, Problem, State, StatusCode};

/// TCP port of the RouterOS API.
const ROUTEROS_PORT: u16 = 8728;
/// What a line carries at most, when nobody says otherwise.
const LINE_RATE_BPS: u64 = 1_000_000_000;

/// What a router is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// MikroTik RouterOS over its binary API.
    RouterOs,
    /// The Linux host that the agent runs on.
    Linux,
}

impl From<Kind> for RouterKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::RouterOs => Self::RouterOs,
            Kind::Linux => Self::Linux,
        }
    }
}

impl From<RouterKind> for Kind {
    fn from(kind: RouterKind) -> Self {
        match kind {
            RouterKind::RouterOs => Self::RouterOs,
            RouterKind::Linux => Self::Linux,
        }
    }
}

/// A router as it is written down.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RouterView {
    /// Id.
    #[schema(value_type = String)]
    pub id: RouterId,
    /// Where it stands.
    #[schema(value_type = String)]
    pub pop_id: PopId,
    /// Name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Host or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Log-in name.
    pub username: String,
    /// The most that a line can carry, bit/s.
    pub line_rate_bps: u64,
    /// Whether the agent may write on it.
    pub enforce: bool,
    /// Seconds between polls.
    pub poll_seconds: u16,
}

impl From<Router> for RouterView {
    fn from(router: Router) -> Self {
        Self {
            id: router.id,
            pop_id: router.pop,
            name: router.name,
            kind: router.kind.into(),
            host: router.host,
            port: router.port,
            username: router.username,
            line_rate_bps: router.line_rate_bps,
            enforce: router.enforce,
            poll_seconds: router.poll_seconds,
        }
    }
}

/// A new router.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRouter {
    /// Where it stands.
    #[schema(value_type = String)]
    pub pop_id: PopId,
    /// Name, unique in the POP.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Host or address; empty for `linux`.
    #[serde(default)]
    pub host: String,
    /// TCP port; 8728 when absent.
    pub port: Option<u16>,
    /// Log-in name.
    #[serde(default)]
    pub username: String,
    /// Log-in password.
    #[schema(value_type = Option<String>)]
    pub password: Option<Secret<String>>,
    /// The most that a line can carry, bit/s; 1 Gbit/s when absent.
    pub line_rate_bps: Option<u64>,
    /// Whether the agent may write on it; yes when absent.
    pub enforce: Option<bool>,
    /// Seconds between polls; as configured when absent.
    pub poll_seconds: Option<u16>,
}

/// Changes of a router. What is absent stays.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RouterChange {
    /// Name, unique in the POP.
    pub name: Option<String>,
    /// What it is.
    pub kind: Option<Kind>,
    /// Host or address.
    pub host: Option<String>,
    /// TCP port.
    pub port: Option<u16>,
    /// Log-in name.
    pub username: Option<String>,
    /// Log-in password.
    #[schema(value_type = Option<String>)]
    pub password: Option<Secret<String>>,
    /// The most that a line can carry, bit/s.
    pub line_rate_bps: Option<u64>,
    /// Whether the agent may write on it.
    pub enforce: Option<bool>,
    /// Seconds between polls.
    pub poll_seconds: Option<u16>,
}

/// All routers, oldest first.
#[utoipa::path(get, path = "/api/v1/routers", tag = "network", params(PageParams),
    responses((status = 200, body = Page<RouterView>)))]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(page): Params<PageParams>,
) -> Result<Json<Page<RouterView>>, Fault> {
    let after: String = page.after()?.unwrap_or_default();
    let mut tx = app.db.read(&caller.scope).await?;
    let routers = store::routers::list(&mut tx, None, &after, page.limit() + 1).await?;
    let views = routers.into_iter().map(RouterView::from).collect();
    Ok(Json(Page::cut(views, page.limit(), |router: &RouterView| router.id.to_string())))
}

/// Adds a router to a POP.
#[utoipa::path(post, path = "/api/v1/routers", tag = "network", request_body = NewRouter, responses(
    (status = 201, body = RouterView), (status = 404, body = Problem), (status = 409, body = Problem),
    (status = 422, body = Problem)))]
pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(new): Body<NewRouter>,
) -> Result<(StatusCode, Json<RouterView>), Fault> {
    let configured = u16::try_from(app.config.usage.poll_seconds).unwrap_or(u16::MAX);
    let input = RouterInput {
        name: new.name,
        kind: new.kind.into(),
        host: new.host,
        port: new.port.unwrap_or(ROUTEROS_PORT),
        username: new.username,
        password: new.password.map(Secret::into_inner),
        line_rate_bps: new.line_rate_bps.unwrap_or(LINE_RATE_BPS),
        enforce: new.enforce.unwrap_or(true),
        poll_seconds: new.poll_seconds.unwrap_or(configured),
    };
    let mut tx = app.db.begin(&caller.scope).await?;
    let router = ops::add_router(&mut tx, &app.keyring, &caller.actor, new.pop_id, input).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(router.into())))
}

/// Changes a router.
#[utoipa::path(patch, path = "/api/v1/routers/{id}", tag = "network", params(("id" = String, Path)),
    request_body = RouterChange, responses((status = 200, body = RouterView), (status = 404, body = Problem),
    (status = 409, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn change(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<RouterId>,
    Body(change): Body<RouterChange>,
) -> Result<Json<RouterView>, Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    let now = ops::find_router(&mut tx, id).await?;
    let input = RouterInput {
        name: change.name.unwrap_or(now.name),
        kind: change.kind.map_or(now.kind, RouterKind::from),
        host: change.host.unwrap_or(now.host),
        port: change.port.unwrap_or(now.port),
        username: change.username.unwrap_or(now.username),
        password: change.password.map(Secret::into_inner),
        line_rate_bps: change.line_rate_bps.unwrap_or(now.line_rate_bps),
        enforce: change.enforce.unwrap_or(now.enforce),
        poll_seconds: change.poll_seconds.unwrap_or(now.poll_seconds),
    };
    let router = ops::change_router(&mut tx, &app.keyring, &caller.actor, id, input).await?;
    tx.commit().await?;
    Ok(Json(router.into()))
}

/// Removes a router that serves no line; `router_in_use` otherwise.
#[utoipa::path(delete, path = "/api/v1/routers/{id}", tag = "network", params(("id" = String, Path)), responses(
    (status = 204), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn delete(State(app): State<App>, caller: Caller, Id(id): Id<RouterId>) -> Result<StatusCode, Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    ops::delete_router(&mut tx, &caller.actor, id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
