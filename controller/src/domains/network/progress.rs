//! How far desired state has come: stored by the agent, applied, verified, failed. Told by proofs, kept as history.

use lastmile_protocol::downlink::Generation;
use lastmile_protocol::ids::{AgentId, BranchId, LineId, PopId};
use lastmile_protocol::uplink::Proof;
use serde::Serialize;

use super::changes::LineNames;
use super::rules;
use super::state::ObservedLine;
use super::store;
use super::store::lines::Step;
use super::store::proofs::NewProof;
use crate::db::{Nudge, Tx};
use crate::kernel::{At, Fault};

/// Lines that are announced one by one; more of them are announced as a change of the POP.
pub const ANNOUNCED_MAX: usize = 50;

/// Where a chunk of proofs comes from: all of it from the agent's row and the chunk's place, nothing from its content.
#[derive(Debug, Clone, Copy)]
pub struct Source {
    /// Who sent it.
    pub agent: AgentId,
    /// The POP that the agent's key opens.
    pub pop: PopId,
    /// Whose it is.
    pub branch: BranchId,
    /// Epoch of the spool.
    pub epoch: u64,
    /// Place in it.
    pub seq: u64,
}

/// Marks lines that changed after `after` and until `until` as stored by the agent.
///
/// # Errors
/// When the database fails.
pub async fn mark_sent(
    tx: &mut Tx,
    pop: PopId,
    branch: BranchId,
    after: u64,
    until: Generation,
) -> Result<usize, Fault> {
    if until.incarnation != store::pops::incarnation(tx).await? {
        return Ok(0);
    }
    let lines = store::lines::sent(tx, pop, after, until.counter).await?;
    for line in lines.iter().take(ANNOUNCED_MAX) {
        tx.nudge(Nudge::Changed { kind: "line", id: line.to_string(), branch });
    }
    if lines.len() > ANNOUNCED_MAX {
        tx.nudge(Nudge::Network { pop, branch });
    }
    Ok(lines.len())
}

/// Keeps proofs and moves their lines on. Returns how many spoke of lines that this POP has never had. Where a batch has
/// many of them, the caller sets `one_by_one` to false: pages then hear of the POP instead of each line.
///
/// # Errors
/// When the database fails.
pub async fn apply_proofs(
    tx: &mut Tx,
    names: &LineNames,
    from: Source,
    proofs: &[Proof],
    one_by_one: bool,
) -> Result<u64, Fault> {
    let incarnation = store::pops::incarnation(tx).await?;
    let mut unknown = 0;
    for (part, proof) in (0i64..).zip(proofs) {
        match names.get(proof.line) {
            Some(line) => {
                let news = apply(tx, from, incarnation, part, line, proof).await?;
                if news && one_by_one {
                    tx.nudge(Nudge::Changed { kind: "line", id: line.to_string(), branch: from.branch });
                }
            }
            None => unknown += 1,
        }
    }
    if !one_by_one {
        tx.nudge(Nudge::Network { pop: from.pop, branch: from.branch });
        tx.nudge(Nudge::Changed { kind: "line.many", id: from.pop.to_string(), branch: from.branch });
    }
    Ok(unknown)
}

async fn apply(
    tx: &mut Tx,
    from: Source,
    incarnation: u32,
    part: i64,
    line: LineId,
    proof: &Proof,
) -> Result<bool, Fault> {
    let (outcome, reason) = rules::outcome(&proof.outcome);
    let observed = match &proof.observed {
        Some(seen) => {
            let json = serde_json::to_string(&ObservedLine::from(seen)).map_err(Fault::internal)?;
            Some((seen.read_ms, json))
        }
        None => None,
    };
    store::proofs::insert(
        tx,
        NewProof {
            agent: from.agent,
            epoch: from.epoch,
            seq: from.seq,
            part,
            line,
            branch: from.branch,
            at_ms: proof.at_ms,
            generation: proof.generation,
            outcome,
            reason: reason.as_deref(),
            observed: observed.as_ref().map(|(_, json)| json.as_str()),
        },
    )
    .await?;
    let seen = observed.is_some();
    let step = Step {
        pop: from.pop,
        no: proof.line,
        counter: (proof.generation.incarnation == incarnation).then_some(proof.generation.counter),
        // An agent whose clock is ahead must not prove something in the future.
        at_ms: proof.at_ms.min(tx.now_ms()),
        outcome,
        failure: reason.as_deref(),
        observed,
    };
    Ok(store::lines::progress(tx, &step).await? || seen)
}

/// A proof, as pages show it.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ProofView {
    /// When, by the agent's clock.
    pub at: At,
    /// When it reached the controller.
    pub received_at: At,
    /// `applied`, `verified`, `failed` or `removed`.
    pub outcome: String,
    /// Why it failed.
    pub reason: Option<String>,
    /// The desired state that it speaks of, as incarnation·counter.
    pub generation: String,
    /// What the router said.
    pub observed: Option<ObservedLine>,
    /// The agent that read it.
    #[schema(value_type = String)]
    pub agent_id: AgentId,
}

/// Newest proofs of a line that were received until a moment, newest first, at most `limit`.
///
/// # Errors
/// When the database fails. A line out of scope has none.
pub async fn proofs(tx: &mut Tx, line: LineId, until_ms: i64, limit: i64) -> Result<Vec<ProofView>, Fault> {
    let kept = store::proofs::list(tx, line, until_ms, limit).await?;
    Ok(kept
        .into_iter()
        .map(|proof| ProofView {
            at: At(proof.at_ms),
            received_at: At(proof.received_ms),
            outcome: proof.outcome,
            reason: proof.reason,
            generation: format!("{}·{}", proof.incarnation, proof.counter),
            observed: proof.observed.as_deref().and_then(|json| serde_json::from_str(json).ok()),
            agent_id: proof.agent,
        })
        .collect())
}
