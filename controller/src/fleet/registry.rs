//! Connections that are up, by agent, and how they are reached.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use lastmile_protocol::ids::{AgentId, LineNo, PopId};
use tokio::sync::mpsc::Sender;

use super::core::{Close, Input};

/// One connection.
#[derive(Debug, Clone)]
pub struct Handle {
    /// Tells two connections of one agent apart.
    pub serial: u64,
    /// The POP that the agent's key opens.
    pub pop: PopId,
    /// Program version of the agent.
    pub version: String,
    /// Inbox of the connection's task.
    pub inbox: Sender<Input>,
}

impl Handle {
    /// Sends without waiting. A connection whose inbox is full is stuck; it is dropped by its own time-outs and
    /// reads everything again afterwards.
    fn send(&self, input: Input) {
        if self.inbox.try_send(input).is_err() {
            tracing::debug!(pop = %self.pop, "an agent's connection does not take what it is told");
        }
    }
}

/// All of them.
#[derive(Debug, Default)]
pub struct Registry {
    sessions: Mutex<BTreeMap<AgentId, Handle>>,
}

impl Registry {
    /// Adds a connection; an older one of the same agent is told to end. Returns whether there was one.
    pub fn add(&self, agent: AgentId, handle: Handle) -> bool {
        let older = self.lock().insert(agent, handle);
        older.map(|older| older.send(Input::Close(Close::Displaced))).is_some()
    }

    /// Removes a connection, unless a newer one has taken its place. Returns whether it was the current one.
    pub fn remove(&self, agent: AgentId, serial: u64) -> bool {
        let mut sessions = self.lock();
        let current = sessions.get(&agent).is_some_and(|handle| handle.serial == serial);
        if current {
            sessions.remove(&agent);
        }
        current
    }

    /// Tells the agents of a POP that their desired lines or routers may have changed.
    pub fn nudge(&self, pop: PopId) {
        self.lock().values().filter(|handle| handle.pop == pop).for_each(|handle| handle.send(Input::Nudged));
    }

    /// Cuts an agent's connection.
    pub fn close(&self, agent: AgentId, why: Close) {
        if let Some(handle) = self.lock().get(&agent) {
            handle.send(Input::Close(why));
        }
    }

    /// Tells the agents of each POP which lines are looked at; POPs that are not named have none.
    pub fn watch(&self, lines: &BTreeMap<PopId, BTreeSet<LineNo>>) {
        for handle in self.lock().values() {
            let list = lines.get(&handle.pop).map(|set| set.iter().copied().collect()).unwrap_or_default();
            handle.send(Input::Watch(list));
        }
    }

    /// Program version of an agent that is connected.
    #[must_use]
    pub fn version(&self, agent: AgentId) -> Option<String> {
        self.lock().get(&agent).map(|handle| handle.version.clone())
    }

    /// Agents that are connected, with their POP and version.
    #[must_use]
    pub fn connected(&self) -> Vec<(AgentId, PopId, String)> {
        self.lock().iter().map(|(agent, handle)| (*agent, handle.pop, handle.version.clone())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<AgentId, Handle>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
