//! Routes of POPs: what is written down of each, beside what its agents say at this moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use lastmile_protocol::ids::{BranchId, PopId, RouterId};
use lastmile_protocol::uplink::{Health, RouterHealth};
use serde::{Deserialize, Serialize};

use super::super::routers as ops;
use super::super::store::agents::Agent;
use super::super::store::pops::{Pop, Totals};
use super::super::store::routers::Router;
use super::super::{rules, store};
use super::agents::{AgentView, view as agent_view};
use super::routers::Kind;
use crate::access::Caller;
use crate::kernel::{At, Fault};
use crate::web::{App, Body, Id, Json, Params, Problem, State, StatusCode};

/// The most POPs, routers and agents of one answer.
const MAX: i64 = 5_000;

/// A POP.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PopView {
    /// Id.
    #[schema(value_type = String)]
    pub id: PopId,
    /// Name.
    pub name: String,
    /// Whose it is.
    #[schema(value_type = String)]
    pub branch_id: BranchId,
    /// `healthy`, `catching_up`, `trouble`, `no_contact` or `never`.
    pub state: &'static str,
    /// When one of its agents was last heard of.
    pub last_contact_at: Option<At>,
    /// Its agents.
    pub agents: Vec<AgentView>,
    /// What waits at the POP; null while no agent says it.
    pub spool: Option<SpoolView>,
    /// Sessions that are up; null while no agent says it.
    pub online: Option<u64>,
    /// Lines that are held.
    pub held: i64,
    /// Lines.
    pub lines: i64,
    /// Lines that were read back as wanted.
    pub verified: i64,
    /// bit/s towards customers; null while no agent says it.
    pub down_bps: Option<u64>,
    /// bit/s from customers; null while no agent says it.
    pub up_bps: Option<u64>,
    /// Why no line is being closed at the moment; null when nothing stands in the way.
    pub frozen: Option<String>,
    /// Its routers.
    pub routers: Vec<PopRouterView>,
}

/// What waits at a POP.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
pub struct SpoolView {
    /// Chunks that are not acknowledged.
    pub chunks: u64,
    /// Usage records in them.
    pub records: u64,
    /// Time of the oldest.
    pub oldest_at: Option<At>,
    /// Bytes on disk.
    pub bytes: u64,
    /// The most bytes on disk.
    pub cap_bytes: u64,
    /// Chunks dropped since the agent started.
    pub dropped: u64,
}

/// A router as its agent sees it; null where no agent says it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PopRouterView {
    /// Id.
    #[schema(value_type = String)]
    pub id: RouterId,
    /// Name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Host or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// `unknown`, `healthy`, `unreachable`, `auth_refused`, `failing` or `session_limit`.
    pub state: &'static str,
    /// In words, when it is not well.
    pub detail: String,
    /// Identity, as the router says it.
    pub identity: Option<String>,
    /// Board, as the router says it.
    pub board: Option<String>,
    /// Software version.
    pub version: Option<String>,
    /// CPU load in percent.
    pub cpu_percent: Option<u8>,
    /// Uptime.
    pub uptime_seconds: Option<u64>,
    /// Time of the last complete poll.
    pub last_poll_at: Option<At>,
    /// How long that poll took.
    pub poll_took_ms: Option<u32>,
    /// Sessions that are up.
    pub online: Option<u32>,
    /// Sessions whose name is no line of ours.
    pub foreign: Option<u32>,
    /// bit/s towards customers.
    pub down_bps: Option<u64>,
    /// bit/s from customers.
    pub up_bps: Option<u64>,
}

/// All POPs.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PopList {
    /// By name.
    pub items: Vec<PopView>,
    /// Cursor of the next page; always null.
    pub next: Option<String>,
    /// How many.
    pub total: usize,
}

/// Which POPs.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub struct PopParams {
    /// Of this branch alone.
    #[param(value_type = Option<String>)]
    pub branch_id: Option<BranchId>,
}

/// All POPs by name, with what their agents say at this moment.
#[utoipa::path(get, path = "/api/v1/pops", tag = "network", params(PopParams),
    responses((status = 200, body = PopList)))]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(params): Params<PopParams>,
) -> Result<Json<PopList>, Fault> {
    let mut tx = app.db.read(&caller.scope).await?;
    let mut pops = store::pops::list(&mut tx, "", MAX).await?;
    pops.retain(|pop| params.branch_id.is_none_or(|branch| branch == pop.branch));
    let mut agents: BTreeMap<PopId, Vec<Agent>> = BTreeMap::new();
    for agent in store::agents::list(&mut tx, "", MAX).await? {
        agents.entry(agent.pop).or_default().push(agent);
    }
    let mut routers: BTreeMap<PopId, Vec<Router>> = BTreeMap::new();
    for router in store::routers::list(&mut tx, None, "", MAX).await? {
        routers.entry(router.pop).or_default().push(router);
    }
    let totals = store::pops::totals(&mut tx).await?;
    let items: Vec<PopView> = pops
        .into_iter()
        .map(|pop| {
            let (id, total) = (pop.id, totals.get(&pop.id).copied().unwrap_or_default());
            let (agents, routers) = (agents.remove(&id).unwrap_or_default(), routers.remove(&id).unwrap_or_default());
            view(&app, pop, agents, routers, total)
        })
        .collect();
    Ok(Json(PopList { total: items.len(), items, next: None }))
}

fn view(app: &App, pop: Pop, agents: Vec<Agent>, routers: Vec<Router>, totals: Totals) -> PopView {
    let current: Vec<AgentView> = agents.into_iter().map(|agent| agent_view(&app.live, agent)).collect();
    let here: Vec<&AgentView> = current.iter().filter(|agent| agent.revoked_at.is_none()).collect();
    let connected = here.iter().any(|agent| agent.connected);
    let healths: Vec<Arc<Health>> = here.iter().filter_map(|agent| app.live.presence.get(agent.id)?.health).collect();
    let known: Vec<&Health> = healths.iter().map(AsRef::as_ref).collect();
    let sum = |part: fn(&RouterHealth) -> u64| {
        (!known.is_empty()).then(|| known.iter().flat_map(|h| &h.routers).map(part).fold(0, u64::saturating_add))
    };
    PopView {
        id: pop.id,
        name: pop.name,
        branch_id: pop.branch,
        state: rules::pop_state(here.len(), connected, &known, app.clock.wall_ms()),
        last_contact_at: here.iter().filter_map(|agent| agent.last_contact_at).max(),
        spool: spool(&known),
        online: sum(|router| u64::from(router.online)),
        held: totals.held,
        lines: totals.lines,
        verified: totals.verified,
        down_bps: sum(|router| router.down_bps),
        up_bps: sum(|router| router.up_bps),
        frozen: known.iter().find(|h| !h.frozen.is_empty()).map(|h| rules::clean(&h.frozen)),
        routers: routers.into_iter().map(|router| router_view(router, &known)).collect(),
        agents: current,
    }
}

fn spool(known: &[&Health]) -> Option<SpoolView> {
    if known.is_empty() {
        return None;
    }
    let oldest = known.iter().map(|h| h.spool_oldest_ms).filter(|ms| *ms > 0).min();
    let start = SpoolView { oldest_at: oldest.map(At), ..SpoolView::default() };
    Some(known.iter().fold(start, |mut spool, health| {
        spool.chunks = spool.chunks.saturating_add(health.spool_chunks);
        spool.records = spool.records.saturating_add(health.spool_records);
        spool.bytes = spool.bytes.saturating_add(health.spool_bytes);
        spool.cap_bytes = spool.cap_bytes.saturating_add(health.spool_cap_bytes);
        spool.dropped = spool.dropped.saturating_add(health.spool_dropped);
        spool
    }))
}

fn router_view(router: Router, known: &[&Health]) -> PopRouterView {
    let seen = known.iter().flat_map(|h| &h.routers).find(|seen| seen.router == router.id);
    let text = |part: fn(&RouterHealth) -> &str| seen.map(part).filter(|t| !t.is_empty()).map(rules::clean);
    PopRouterView {
        id: router.id,
        name: router.name,
        kind: router.kind.into(),
        host: router.host,
        port: router.port,
        state: seen.map_or("unknown", |s| rules::router_state(s.state)),
        detail: text(|s| &s.detail).unwrap_or_default(),
        identity: text(|s| &s.identity),
        board: text(|s| &s.board),
        version: text(|s| &s.version),
        cpu_percent: seen.map(|s| s.cpu_percent),
        uptime_seconds: seen.map(|s| s.uptime_seconds),
        last_poll_at: seen.filter(|s| s.last_poll_ms > 0).map(|s| At(s.last_poll_ms)),
        poll_took_ms: seen.filter(|s| s.last_poll_ms > 0).map(|s| s.poll_took_ms),
        online: seen.map(|s| s.online),
        foreign: seen.map(|s| s.foreign),
        down_bps: seen.map(|s| s.down_bps),
        up_bps: seen.map(|s| s.up_bps),
    }
}

/// A new POP.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPop {
    /// Name, unique in the branch.
    pub name: String,
    /// Whose it is; the caller's own branch when absent.
    #[schema(value_type = Option<String>)]
    pub branch_id: Option<BranchId>,
}

/// Makes a POP.
#[utoipa::path(post, path = "/api/v1/pops", tag = "network", request_body = NewPop, responses(
    (status = 201, body = PopView), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(new): Body<NewPop>,
) -> Result<(StatusCode, Json<PopView>), Fault> {
    let branch = caller.branch(new.branch_id)?;
    let mut tx = app.db.begin(&caller.scope).await?;
    let id = ops::add_pop(&mut tx, &caller.actor, branch, &new.name).await?;
    let pop = ops::find_pop(&mut tx, id).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(view(&app, pop, Vec::new(), Vec::new(), Totals::default()))))
}

/// Another name for a POP.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PopChange {
    /// Name, unique in the branch.
    pub name: String,
}

/// Gives a POP another name.
#[utoipa::path(patch, path = "/api/v1/pops/{id}", tag = "network", params(("id" = String, Path)),
    request_body = PopChange, responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem),
    (status = 422, body = Problem)))]
pub(super) async fn rename(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<PopId>,
    Body(change): Body<PopChange>,
) -> Result<StatusCode, Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    ops::rename_pop(&mut tx, &caller.actor, id, &change.name).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes a POP that has no routers, agents or lines; `pop_in_use` otherwise.
#[utoipa::path(delete, path = "/api/v1/pops/{id}", tag = "network", params(("id" = String, Path)), responses(
    (status = 204), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn delete(State(app): State<App>, caller: Caller, Id(id): Id<PopId>) -> Result<StatusCode, Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    ops::delete_pop(&mut tx, &caller.actor, id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
