//! Routes of agents and invitations.

use lastmile_protocol::ids::{AgentId, JoinTokenId, PopId};
use serde::{Deserialize, Serialize};

use super::super::identity::Identity;
use super::super::store::agents::Agent;
use super::super::{Invitation, join, store};
use crate::access::Caller;
use crate::events::LiveState;
use crate::kernel::paging::{Page, PageParams};
use crate::kernel::{At, Fault};
use crate::web::{App, Body, Id, Json, Params, Problem, State, StatusCode};

/// An agent.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AgentView {
    /// Id.
    #[schema(value_type = String)]
    pub id: AgentId,
    /// Name.
    pub name: String,
    /// The POP that its key opens.
    #[schema(value_type = String)]
    pub pop_id: PopId,
    /// Name of the POP.
    pub pop_name: String,
    /// Program version it said last.
    pub version: String,
    /// `connected`, `away`, `never` or `revoked`.
    pub state: &'static str,
    /// Whether a connection is up.
    pub connected: bool,
    /// When it joined.
    pub joined_at: At,
    /// When it was last heard of.
    pub last_contact_at: Option<At>,
    /// When its key was revoked.
    pub revoked_at: Option<At>,
}

/// An agent with what is known of it at this moment.
pub(super) fn view(live: &LiveState, agent: Agent) -> AgentView {
    let now = live.presence.get(agent.id);
    let connected = now.as_ref().is_some_and(|live| live.connected);
    let heard = now.map(|live| live.heard_ms).max(agent.last_contact_ms);
    let state = match (agent.revoked_ms, connected, heard) {
        (Some(_), _, _) => "revoked",
        (None, true, _) => "connected",
        (None, false, Some(_)) => "away",
        (None, false, None) => "never",
    };
    AgentView {
        id: agent.id,
        name: agent.name,
        pop_id: agent.pop,
        pop_name: agent.pop_name,
        version: agent.version,
        state,
        connected,
        joined_at: At(agent.joined_ms),
        last_contact_at: heard.map(At),
        revoked_at: agent.revoked_ms.map(At),
    }
}

/// All agents, oldest first.
#[utoipa::path(get, path = "/api/v1/agents", tag = "network", params(PageParams),
    responses((status = 200, body = Page<AgentView>)))]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(page): Params<PageParams>,
) -> Result<Json<Page<AgentView>>, Fault> {
    let after: String = page.after()?.unwrap_or_default();
    let mut tx = app.db.read(&caller.scope).await?;
    let agents = store::agents::list(&mut tx, &after, page.limit() + 1).await?;
    let views = agents.into_iter().map(|agent| view(&app.live, agent)).collect();
    Ok(Json(Page::cut(views, page.limit(), |agent: &AgentView| agent.id.to_string())))
}

/// Revokes an agent's key; a live connection is cut.
#[utoipa::path(delete, path = "/api/v1/agents/{id}", tag = "network", params(("id" = String, Path)), responses(
    (status = 204), (status = 404, body = Problem), (status = 409, description = "Revoked before", body = Problem)))]
pub(super) async fn revoke(State(app): State<App>, caller: Caller, Id(id): Id<AgentId>) -> Result<StatusCode, Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    join::revoke(&mut tx, &caller.actor, id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whom to invite.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInvitation {
    /// The POP that the agent will stand at.
    #[schema(value_type = String)]
    pub pop_id: PopId,
}

/// Invites one agent: a line to type at the POP within 15 minutes. Shown once.
#[utoipa::path(post, path = "/api/v1/agents/invite", tag = "network", request_body = NewInvitation, responses(
    (status = 201, body = Invitation), (status = 404, body = Problem),
    (status = 409, description = "No public address is configured", body = Problem)))]
pub(super) async fn invite(
    State(app): State<App>,
    caller: Caller,
    Body(new): Body<NewInvitation>,
) -> Result<(StatusCode, Json<Invitation>), Fault> {
    let identity = Identity::load_or_make(&app.config.data_dir).map_err(Fault::internal)?;
    let mut tx = app.db.begin(&caller.scope).await?;
    let addresses = &app.config.fleet.public_addresses;
    let invitation = join::invite(&mut tx, identity.hash, addresses, &caller.actor, new.pop_id).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(invitation)))
}

/// Whether somebody has come on an invitation.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct InvitationView {
    /// `waiting`, `joined` or `expired`.
    pub state: &'static str,
    /// Who has come.
    #[schema(value_type = Option<String>)]
    pub agent_id: Option<AgentId>,
}

/// Whether somebody has come on an invitation.
#[utoipa::path(get, path = "/api/v1/agents/invites/{id}", tag = "network", params(("id" = String, Path)), responses(
    (status = 200, body = InvitationView), (status = 404, body = Problem)))]
pub(super) async fn invitation(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<JoinTokenId>,
) -> Result<Json<InvitationView>, Fault> {
    let mut tx = app.db.read(&caller.scope).await?;
    let (state, agent_id) = join::invitation(&mut tx, id).await?;
    Ok(Json(InvitationView { state, agent_id }))
}
