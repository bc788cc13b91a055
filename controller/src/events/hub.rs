//! The hub: hints and live values for whoever looks at the moment. Bounded; a listener that is too slow is told so and
//! reads everything again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use lastmile_protocol::ids::BranchId;
use tokio::sync::broadcast;

use crate::db::{Db, Nudge};

/// Live values that a slow listener may be behind.
const LIVE_KEPT: usize = 4_096;

/// A value of this moment, for pages that watch its topic.
#[derive(Debug, Clone)]
pub struct LiveEvent {
    /// Name of the event: `rate`.
    pub event: &'static str,
    /// What is watched: a subscription's id.
    pub topic: String,
    /// Whose it is.
    pub branch: BranchId,
    /// JSON as it goes to the page.
    pub data: Arc<str>,
}

/// Where commits announce what changed and domains put live values. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Hub {
    nudges: broadcast::Sender<Nudge>,
    live: broadcast::Sender<LiveEvent>,
    watched: Arc<Mutex<BTreeMap<String, usize>>>,
}

impl Hub {
    /// The hub that hears the commits of this database.
    #[must_use]
    pub fn new(db: &Db) -> Self {
        let (live, _) = broadcast::channel(LIVE_KEPT);
        Self { nudges: db.nudges(), live, watched: Arc::default() }
    }

    /// Hears every hint from now on.
    #[must_use]
    pub fn nudges(&self) -> broadcast::Receiver<Nudge> {
        self.nudges.subscribe()
    }

    /// Gives a hint that no transaction stands behind, such as a change of an agent's connection.
    pub fn nudge(&self, nudge: Nudge) {
        let _ = self.nudges.send(nudge);
    }

    /// Hears every live value from now on.
    #[must_use]
    pub fn live(&self) -> broadcast::Receiver<LiveEvent> {
        self.live.subscribe()
    }

    /// Publishes a live value. Costs nothing when nobody watches its topic.
    pub fn publish(&self, event: LiveEvent) {
        if self.is_watched(&event.topic) {
            let _ = self.live.send(event);
        }
    }

    /// Says that somebody watches these topics, until the guard is dropped.
    #[must_use]
    pub fn watch(&self, topics: Vec<String>) -> WatchGuard {
        {
            let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
            for topic in &topics {
                *watched.entry(topic.clone()).or_insert(0) += 1;
            }
        }
        self.nudge(Nudge::Watched);
        WatchGuard { hub: self.clone(), topics }
    }

    /// The topics that somebody watches.
    #[must_use]
    pub fn watched(&self) -> Vec<String> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    fn is_watched(&self, topic: &str) -> bool {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner).contains_key(topic)
    }

    fn unwatch(&self, topics: &[String]) {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        for topic in topics {
            let gone = watched.get_mut(topic).is_some_and(|count| {
                *count -= 1;
                *count == 0
            });
            if gone {
                watched.remove(topic);
            }
        }
    }
}

/// Somebody watches some topics while this lives.
#[derive(Debug)]
pub struct WatchGuard {
    hub: Hub,
    topics: Vec<String>,
}

impl Drop for WatchGuard {
    fn drop(&mut self) {
        self.hub.unwatch(&self.topics);
        self.hub.nudge(Nudge::Watched);
    }
}
