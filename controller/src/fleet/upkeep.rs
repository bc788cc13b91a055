//! Keeping connections and database in step: hints of this process at once, everything else within seconds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use lastmile_protocol::ids::{LineNo, PopId, SubscriptionId};
use tokio::sync::broadcast::error::RecvError;

use super::Shared;
use super::core::Close;
use super::watched::Target;
use crate::db::Nudge;
use crate::domains::{lines, network};
use crate::kernel::{Fault, Scope};

/// Between two looks at what other processes (a command, a second controller) may have changed. A revoked key is cut
/// within five seconds even when its hint was lost.
const LOOK: Duration = Duration::from_secs(4);
/// Looks between two notes of when connected agents were heard of.
const NOTE_EVERY: u32 = 15;
/// Topics that are looked up.
const TOPICS: usize = 1_000;

/// Passes hints on to the connections.
pub async fn hints(shared: Arc<Shared>) {
    let mut nudges = shared.app.hub.nudges();
    loop {
        match nudges.recv().await {
            Ok(Nudge::Pop(pop)) => shared.registry.nudge(pop),
            Ok(Nudge::AgentRevoked(agent)) => shared.registry.close(agent, Close::Revoked),
            Ok(Nudge::Watched) => rewatch(&shared).await,
            Ok(Nudge::Jobs | Nudge::Changed { .. } | Nudge::Network { .. }) => {}
            Err(RecvError::Lagged(missed)) => {
                tracing::debug!(missed, "hints were missed; every connection looks again");
                for (_, pop, _) in shared.registry.connected() {
                    shared.registry.nudge(pop);
                }
                rewatch(&shared).await;
            }
            Err(RecvError::Closed) => return,
        }
    }
}

/// Looks at the database from time to time.
pub async fn look(shared: Arc<Shared>) {
    let mut known = BTreeMap::new();
    let mut tick = tokio::time::interval(LOOK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for round in 0u32.. {
        tick.tick().await;
        if shared.registry.connected().is_empty() {
            continue;
        }
        if let Err(fault) = look_once(&shared, &mut known).await {
            tracing::warn!(%fault, "the database cannot be looked at for changes of desired lines");
        }
        if round % NOTE_EVERY == NOTE_EVERY - 1
            && let Err(fault) = note(&shared).await
        {
            tracing::warn!(%fault, "the last contact of agents cannot be noted");
        }
    }
}

async fn look_once(shared: &Shared, known: &mut BTreeMap<PopId, network::Mark>) -> Result<(), Fault> {
    let mut tx = shared.app.db.read(&Scope::All).await?;
    for mark in network::marks(&mut tx).await? {
        if known.insert(mark.pop, mark).is_some_and(|before| before != mark) {
            shared.registry.nudge(mark.pop);
        }
    }
    for agent in network::revoked_since(&mut tx, i64::MIN).await? {
        shared.registry.close(agent, Close::Revoked);
    }
    Ok(())
}

async fn note(shared: &Shared) -> Result<(), Fault> {
    let mut tx = shared.app.db.begin(&Scope::All).await?;
    for (agent, _, version) in shared.registry.connected() {
        if let Some(live) = shared.app.live.presence.get(agent) {
            network::touch(&mut tx, agent, live.heard_ms, &version).await?;
        }
    }
    Ok(tx.commit().await?)
}

/// Finds the lines of what pages watch and tells their agents.
async fn rewatch(shared: &Shared) {
    match resolve(shared, shared.app.hub.watched()).await {
        Ok(lines) => shared.registry.watch(&shared.watched.set(lines)),
        Err(fault) => tracing::warn!(%fault, "watched lines cannot be looked up"),
    }
}

async fn resolve(shared: &Shared, topics: Vec<String>) -> Result<BTreeMap<(PopId, LineNo), BTreeSet<Target>>, Fault> {
    let mut found: BTreeMap<_, BTreeSet<Target>> = BTreeMap::new();
    let mut tx = shared.app.db.read(&Scope::All).await?;
    for topic in topics.into_iter().take(TOPICS) {
        let Ok(id) = topic.parse::<SubscriptionId>() else { continue };
        let line = match lines::load(&mut tx, id).await {
            Ok(subscription) => subscription.line_id,
            Err(Fault::NotFound { .. }) => continue,
            Err(fault) => return Err(fault),
        };
        let place = network::place(&mut tx, line).await?;
        found.entry((place.pop, place.no)).or_default().insert(Target { topic, line, branch: place.branch });
    }
    Ok(found)
}
