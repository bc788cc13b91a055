//! Lines with a fixed address behind a Linux router: closed when the address stands in the held set.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use lastmile_protocol::downlink::{Access, DesiredLine, Generation};
use lastmile_protocol::ids::{LineId, LineNo};
use lastmile_protocol::uplink::{FailReason, Observed, SessionSeen};

use super::actions::Limits;

/// What the router has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StaticView {
    /// When it was read, milliseconds since 1970 UTC.
    pub read_ms: i64,
    /// The held set: address and the line that its comment marks.
    pub held: BTreeMap<Ipv4Addr, Option<LineId>>,
    /// Interfaces that are there, and whether they are up.
    pub interfaces: BTreeMap<String, bool>,
}

impl StaticView {
    /// What is seen of a line, for its proof.
    #[must_use]
    pub fn observed(&self, line: &DesiredLine) -> Observed {
        let Access::Static { address, interface } = &line.access else {
            return Observed { read_ms: self.read_ms, ..nothing() };
        };
        let up = self.interfaces.get(interface).copied();
        let session = SessionSeen { address: address.clone(), mac: String::new(), uptime_seconds: 0 };
        Observed {
            read_ms: self.read_ms,
            present: up.is_some(),
            closed: address.parse().is_ok_and(|address: Ipv4Addr| self.held.contains_key(&address)),
            sessions: if up == Some(true) { vec![session] } else { Vec::new() },
            ..nothing()
        }
    }
}

fn nothing() -> Observed {
    let (profile, rate) = (String::new(), String::new());
    Observed { read_ms: 0, present: false, closed: false, profile, rate, sessions: Vec::new() }
}

/// A change of the held set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StaticAction {
    /// Close this address for this line.
    Hold(Ipv4Addr, LineId),
    /// Open it.
    Release(Ipv4Addr),
}

/// What a pass comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StaticPlan {
    /// (line, changes).
    pub tasks: Vec<(LineNo, Vec<StaticAction>)>,
    /// Lines that are as wanted.
    pub right: Vec<LineNo>,
    /// Removed lines that are gone.
    pub removed: Vec<LineNo>,
    /// Lines that cannot be made so.
    pub failed: BTreeMap<LineNo, FailReason>,
    /// Marked addresses that are in no desired state; they are left alone.
    pub unlisted: u32,
}

/// Compares the lines of the Linux router with its set. The set is ours alone: every address in it that a line
/// has under another address, or that lost its line by a tombstone, goes.
pub fn static_plan<'a>(
    lines: impl Iterator<Item = &'a DesiredLine>,
    tombstones: &BTreeMap<LineNo, (LineId, Generation)>,
    known: impl Fn(LineId) -> bool,
    view: &StaticView,
    limits: Limits<'_>,
) -> StaticPlan {
    let mut plan = StaticPlan::default();
    let mut by_line: BTreeMap<LineId, Vec<Ipv4Addr>> = BTreeMap::new();
    for (address, id) in &view.held {
        if let Some(id) = id {
            by_line.entry(*id).or_default().push(*address);
        }
    }
    for (no, (id, _)) in tombstones {
        match by_line.get(id) {
            Some(addresses) if limits.enforce => {
                plan.tasks.push((*no, addresses.iter().copied().map(StaticAction::Release).collect()));
            }
            _ => plan.removed.push(*no),
        }
    }
    for line in lines {
        let others = by_line.get(&line.id).map(Vec::as_slice).unwrap_or_default();
        match one(line, others, view, limits) {
            Ok(actions) if actions.is_empty() => plan.right.push(line.no),
            Ok(actions) => plan.tasks.push((line.no, actions)),
            Err(reason) => {
                plan.failed.insert(line.no, reason);
            }
        }
    }
    let buried = tombstones.values().map(|(id, _)| *id).collect::<BTreeSet<_>>();
    let unlisted = by_line.keys().filter(|id| !known(**id) && !buried.contains(id)).count();
    plan.unlisted = u32::try_from(unlisted).unwrap_or(u32::MAX);
    plan
}

fn one(
    line: &DesiredLine,
    others: &[Ipv4Addr],
    view: &StaticView,
    limits: Limits<'_>,
) -> Result<Vec<StaticAction>, FailReason> {
    let Access::Static { address, .. } = &line.access else { return Err(FailReason::NoRouter) };
    let address: Ipv4Addr =
        address.parse().map_err(|_| FailReason::Refused(format!("\"{address}\" is no IPv4 address")))?;
    let mut actions =
        others.iter().filter(|other| **other != address).copied().map(StaticAction::Release).collect::<Vec<_>>();
    match (line.open, view.held.get(&address)) {
        (true, Some(_)) => actions.push(StaticAction::Release(address)),
        (false, None) => actions.push(StaticAction::Hold(address, line.id)),
        (true, None) | (false, Some(_)) => {}
    }
    let closes = actions.iter().any(|action| matches!(action, StaticAction::Hold(..)));
    match limits.may_not(line.no, closes, !actions.is_empty()) {
        Some(reason) => Err(reason),
        None => Ok(actions),
    }
}
