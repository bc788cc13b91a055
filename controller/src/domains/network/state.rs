//! How far lines have come, as pages show it: what is wanted beside what the router said.

use std::collections::BTreeMap;

use lastmile_protocol::ids::LineId;
use lastmile_protocol::uplink::Observed;
use serde::{Deserialize, Serialize};

use super::rules::{self, Reached};
use super::store;
use super::store::lines::Line;
use crate::db::Tx;
use crate::events::LiveState;
use crate::kernel::{At, Fault};

/// How far a line has come.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct LineState {
    /// Id of the line.
    #[schema(value_type = String)]
    pub line_id: LineId,
    /// `queued`, `sent`, `applied`, `verified` or `failed`.
    pub state: &'static str,
    /// Open, or held.
    pub open: bool,
    /// Why it failed.
    pub reason: Option<String>,
    /// Generation of the desired state, as incarnation·counter.
    pub generation: String,
    /// When each step was reached.
    pub steps: Steps,
    /// What the router should say.
    pub wanted: Wanted,
    /// What the router said last; null before the first reading.
    pub observed: Option<ObservedLine>,
    /// No agent of the POP is connected.
    pub agent_away: bool,
    /// The agent is not told to hold it: the database was restored from a backup, and nobody has said yet that the
    /// books are complete.
    pub withheld: bool,
}

/// When each step was reached; null where it was not.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Steps {
    /// Written by the controller.
    pub queued_at: Option<At>,
    /// Stored by the agent.
    pub sent_at: Option<At>,
    /// Taken by the router.
    pub applied_at: Option<At>,
    /// Read back as wanted.
    pub verified_at: Option<At>,
    /// Found not as wanted.
    pub failed_at: Option<At>,
}

/// What the router should say of a line.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Wanted {
    /// `enabled` or `disabled`.
    pub secret: &'static str,
    /// Name of the profile.
    pub profile: String,
    /// Its rate limit, as RouterOS writes it: up/down.
    pub rate: String,
    /// `allowed` or `none`.
    pub session: &'static str,
}

/// What the router said of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ObservedLine {
    /// The secret (or the static line) is there.
    pub present: bool,
    /// It is closed.
    pub closed: bool,
    /// Profile, as the router has it.
    pub profile: String,
    /// Rate limit of that profile, as the router writes it.
    pub rate: String,
    /// PPPoE sessions of this name, or the interface.
    pub sessions: Vec<ObservedSession>,
    /// When it was read.
    pub read_at: At,
}

/// A session that the router has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ObservedSession {
    /// Address of the customer.
    pub address: String,
    /// Its MAC address.
    pub mac: String,
    /// How long it is up, seconds.
    pub uptime_seconds: u64,
}

impl From<&Observed> for ObservedLine {
    fn from(seen: &Observed) -> Self {
        let session = |s: &lastmile_protocol::uplink::SessionSeen| ObservedSession {
            address: rules::clean(&s.address),
            mac: rules::clean(&s.mac),
            uptime_seconds: s.uptime_seconds,
        };
        Self {
            present: seen.present,
            closed: seen.closed,
            profile: rules::clean(&seen.profile),
            rate: rules::shown_rate(&seen.rate),
            sessions: seen.sessions.iter().map(session).collect(),
            read_at: At(seen.read_ms),
        }
    }
}

/// States of these lines; those that are unknown in the scope are left out.
///
/// # Errors
/// When the database fails.
pub async fn line_states(
    tx: &mut Tx,
    live: &LiveState,
    lines: &[LineId],
) -> Result<BTreeMap<LineId, LineState>, Fault> {
    let incarnation = store::pops::incarnation(tx).await?;
    let lines = store::lines::many(tx, lines).await?;
    Ok(lines.into_iter().map(|line| (line.id, state(line, incarnation, live))).collect())
}

fn state(line: Line, incarnation: u32, live: &LiveState) -> LineState {
    let reached = Reached {
        sent: line.sent_ms.is_some(),
        applied: line.applied_ms.is_some(),
        verified: line.verified_ms.is_some(),
        failed: line.failed_ms.is_some(),
    };
    let (secret, session) = if line.open { ("enabled", "allowed") } else { ("disabled", "none") };
    LineState {
        line_id: line.id,
        state: rules::step(reached),
        open: line.open,
        reason: line.failure,
        generation: format!("{incarnation}·{}", line.counter),
        steps: Steps {
            queued_at: Some(At(line.queued_ms)),
            sent_at: line.sent_ms.map(At),
            applied_at: line.applied_ms.map(At),
            verified_at: line.verified_ms.map(At),
            failed_at: line.failed_ms.map(At),
        },
        wanted: Wanted { secret, rate: rules::rate(line.down_bps, line.up_bps), profile: line.profile, session },
        observed: line.observed.as_deref().and_then(|json| serde_json::from_str(json).ok()),
        agent_away: !live.presence.pop_connected(line.pop),
        withheld: line.withheld,
    }
}
