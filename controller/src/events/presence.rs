//! Which agents are connected and what they said last, in memory: the newest word of each, for pages.
//!
//! What is not known is not here: an agent that has gone silent keeps when it was heard last, but its spool and its
//! routers are unknown, never zero.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use lastmile_protocol::ids::{AgentId, PopId};
use lastmile_protocol::uplink::Health;

/// One agent, as far as this process knows it.
#[derive(Debug, Clone)]
pub struct AgentLive {
    /// The POP it stands at.
    pub pop: PopId,
    /// Whether a connection is up.
    pub connected: bool,
    /// When it was heard last, milliseconds since 1970 UTC.
    pub heard_ms: i64,
    /// Its newest health; None before the first of this connection and after its end.
    pub health: Option<Arc<Health>>,
}

/// All agents that were connected since the start.
#[derive(Debug, Default)]
pub struct Presence {
    agents: RwLock<BTreeMap<AgentId, AgentLive>>,
}

impl Presence {
    /// A connection was admitted.
    pub fn connected(&self, agent: AgentId, pop: PopId, at_ms: i64) {
        let live = AgentLive { pop, connected: true, heard_ms: at_ms, health: None };
        self.agents.write().unwrap_or_else(PoisonError::into_inner).insert(agent, live);
    }

    /// The last connection of an agent has ended.
    pub fn gone(&self, agent: AgentId) {
        self.update(agent, |live| {
            live.connected = false;
            live.health = None;
        });
    }

    /// Something came from the agent.
    pub fn heard(&self, agent: AgentId, at_ms: i64) {
        self.update(agent, |live| live.heard_ms = live.heard_ms.max(at_ms));
    }

    /// The agent said how it is.
    pub fn health(&self, agent: AgentId, at_ms: i64, health: Health) {
        self.update(agent, |live| {
            live.heard_ms = live.heard_ms.max(at_ms);
            live.health = Some(Arc::new(health));
        });
    }

    /// What is known of an agent.
    #[must_use]
    pub fn get(&self, agent: AgentId) -> Option<AgentLive> {
        self.agents.read().unwrap_or_else(PoisonError::into_inner).get(&agent).cloned()
    }

    /// Whether an agent of this POP is connected.
    #[must_use]
    pub fn pop_connected(&self, pop: PopId) -> bool {
        self.agents
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .any(|live| live.pop == pop && live.connected)
    }

    fn update(&self, agent: AgentId, change: impl FnOnce(&mut AgentLive)) {
        if let Some(live) = self.agents.write().unwrap_or_else(PoisonError::into_inner).get_mut(&agent) {
            change(live);
        }
    }
}
