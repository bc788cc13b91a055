//! How an agent comes in: by the row of its key, or by a join token that makes this row.

use lastmile_protocol::hello::Refusal;
use lastmile_protocol::identity::{KeyHash, sha256};
use lastmile_protocol::ids::{AgentId, JoinTokenId, PopId};
use lastmile_protocol::token::JoinToken;
use serde::Serialize;
use serde_json::json;

use super::rules;
use super::store;
use super::store::agents::{Agent, NewAgent, NewToken};
use crate::db::{Nudge, Tx};
use crate::events::{self, Event};
use crate::kernel::ids::hex;
use crate::kernel::{Actor, ActorKind, At, Fault, rng};

/// How long a join token is good, in milliseconds.
pub const TOKEN_MS: i64 = 15 * 60 * 1_000;

/// An invitation for one agent.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Invitation {
    /// Id of the invitation, to see whether somebody came.
    #[schema(value_type = String)]
    pub id: JoinTokenId,
    /// What to type at the POP.
    pub command: String,
    /// The token alone. Shown once.
    pub token: String,
    /// Until when.
    pub expires_at: At,
}

impl std::fmt::Debug for Invitation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Invitation({}, until {})", self.id, self.expires_at)
    }
}

/// Makes a single-use token that lets one agent join a POP within 15 minutes.
///
/// # Errors
/// Unknown POP, or no address under which agents could reach the controller.
pub async fn invite(
    tx: &mut Tx,
    controller: KeyHash,
    addresses: &[String],
    actor: &Actor,
    pop: PopId,
) -> Result<Invitation, Fault> {
    let pop = store::pops::get(tx, pop).await?.ok_or(Fault::NotFound { what: "pop" })?;
    if addresses.is_empty() {
        return Err(Fault::conflict(
            "no_public_address",
            "fleet.public_addresses is empty in the configuration: agents would not know where to connect",
        ));
    }
    let token = JoinToken { secret: rng::bytes(tx.rng()), controller, addresses: addresses.to_vec() };
    let id = tx.new_id::<JoinTokenId>();
    let expires_ms = tx.now_ms() + TOKEN_MS;
    let secret_hash = hex(&sha256(&token.secret));
    let new = NewToken { id, pop: pop.id, branch: pop.branch, secret_hash: &secret_hash, expires_ms };
    store::agents::insert_token(tx, new).await?;
    let event = Event {
        kind: "agent.invited",
        subject_kind: "pop",
        subject_id: pop.id.to_string(),
        branch_id: pop.branch,
        customer_id: None,
        data: json!({ "pop": pop.name, "invitation": id.to_string() }),
        at_ms: tx.now_ms(),
    };
    events::record(tx, actor, event).await?;
    let token = token.to_string();
    Ok(Invitation { id, command: format!("lastmile-agent join {token}"), token, expires_at: At(expires_ms) })
}

/// Whether somebody has come on an invitation: `joined`, `expired` or `waiting`, and who.
///
/// # Errors
/// Unknown invitation.
pub async fn invitation(tx: &mut Tx, id: JoinTokenId) -> Result<(&'static str, Option<AgentId>), Fault> {
    let (expires_ms, agent) = store::agents::token(tx, id).await?.ok_or(Fault::NotFound { what: "invitation" })?;
    let state = match agent {
        Some(_) => "joined",
        None if expires_ms <= tx.now_ms() => "expired",
        None => "waiting",
    };
    Ok((state, agent))
}

/// Looks up the agent of a key. `None` where a token might still let it in.
///
/// # Errors
/// When the database fails.
pub async fn known(tx: &mut Tx, key: KeyHash) -> Result<Option<Result<Agent, Refusal>>, Fault> {
    let agent = store::agents::by_key(tx, &key.to_string()).await?;
    Ok(agent.map(|agent| if agent.revoked_ms.is_some() { Err(Refusal::Revoked) } else { Ok(agent) }))
}

/// Lets a key in by a token: uses the token up and writes the agent's row, in this transaction. A key that has a row
/// already is let in by it, and the token stays unused: the answer to the first try may have been lost.
///
/// # Errors
/// When the database fails. A refusal is no error.
pub async fn join(
    tx: &mut Tx,
    key: KeyHash,
    secret: &str,
    version: &str,
    from: &str,
) -> Result<Result<Agent, Refusal>, Fault> {
    if let Some(known) = known(tx, key).await? {
        return Ok(known);
    }
    let Some(secret_hash) = JoinToken::secret_hash(secret).map(|hash| hex(&hash)) else {
        return Ok(Err(if secret.is_empty() { Refusal::UnknownKey } else { Refusal::TokenUnknown }));
    };
    let id = tx.new_id::<AgentId>();
    let Some((pop, branch)) = store::agents::use_token(tx, &secret_hash, id).await? else {
        return Ok(Err(match store::agents::token_used(tx, &secret_hash).await? {
            None => Refusal::TokenUnknown,
            Some(true) => Refusal::TokenUsed,
            Some(false) => Refusal::TokenExpired,
        }));
    };
    let pop_name = store::pops::get(tx, pop).await?.ok_or(Fault::NotFound { what: "pop" })?.name;
    let name = format!("{pop_name} {}", store::agents::count(tx, pop).await? + 1);
    let (key_hash, version) = (key.to_string(), rules::clean(version));
    let new = NewAgent { id, pop, branch, name: &name, key_hash: &key_hash, version: &version };
    store::agents::insert(tx, new).await?;
    let actor = Actor { kind: ActorKind::Agent(id), name: name.clone(), from: from.to_owned() };
    let event = Event {
        kind: "agent.joined",
        subject_kind: "agent",
        subject_id: id.to_string(),
        branch_id: branch,
        customer_id: None,
        data: json!({ "pop": pop_name, "name": name, "key": key_hash, "version": version }),
        at_ms: tx.now_ms(),
    };
    events::record(tx, &actor, event).await?;
    tx.nudge(Nudge::Network { pop, branch });
    let agent = store::agents::get(tx, id).await?;
    Ok(Ok(agent.ok_or_else(|| Fault::internal("an agent that has just joined is not there"))?))
}

/// Revokes an agent's key: its live connection is cut, and it is not let in again.
///
/// # Errors
/// Unknown agent, or already revoked.
pub async fn revoke(tx: &mut Tx, actor: &Actor, id: AgentId) -> Result<(), Fault> {
    let agent = store::agents::get(tx, id).await?.ok_or(Fault::NotFound { what: "agent" })?;
    if !store::agents::revoke(tx, id, &actor.name).await? {
        return Err(Fault::conflict("already_revoked", "this agent was revoked before"));
    }
    let event = Event {
        kind: "agent.revoked",
        subject_kind: "agent",
        subject_id: id.to_string(),
        branch_id: agent.branch,
        customer_id: None,
        data: json!({ "pop": agent.pop_name, "name": agent.name }),
        at_ms: tx.now_ms(),
    };
    events::record(tx, actor, event).await?;
    tx.nudge(Nudge::AgentRevoked(id));
    tx.nudge(Nudge::Network { pop: agent.pop, branch: agent.branch });
    Ok(())
}

/// Keeps when an agent was heard of and which program it runs.
///
/// # Errors
/// When the database fails.
pub async fn touch(tx: &mut Tx, id: AgentId, at_ms: i64, version: &str) -> Result<(), Fault> {
    Ok(store::agents::touch(tx, id, at_ms, &rules::clean(version)).await?)
}
