//! `GET /api/v1/live`: server-sent events, filtered by the caller's scope.
//!
//! Events are hints (`changed`, `network`) and live values of the topics somebody watches (`rate`). A page that is too
//! slow to take them gets `resync` and reads everything again: nothing is queued without bound for it.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{self, Stream};
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::app::App;
use super::extract::Params;
use super::guard;
use crate::access::Caller;
use crate::db::Nudge;
use crate::events::{LiveEvent, WatchGuard};
use crate::kernel::Fault;

/// Topics one page may watch.
const TOPICS: usize = 50;
/// Between two looks whether the session still holds.
const RECHECK: Duration = Duration::from_secs(30);
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What a page wants to hear.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct LiveParams {
    /// Subscriptions whose live rates are wanted, separated by commas.
    watch: Option<String>,
}

/// Hints and live values, as they happen.
#[utoipa::path(get, path = "/api/v1/live", tag = "live", params(LiveParams),
    responses((status = 200, description = "A stream of server-sent events: changed, network, rate, resync",
        content_type = "text/event-stream", body = String)))]
pub(super) async fn live(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Params(params): Params<LiveParams>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Fault> {
    let topics: BTreeSet<String> = params
        .watch
        .iter()
        .flat_map(|list| list.split(','))
        .map(|topic| topic.trim().to_owned())
        .filter(|topic| !topic.is_empty())
        .collect();
    if topics.len() > TOPICS || topics.iter().any(|topic| topic.len() > 40) {
        return Err(Fault::field("watch", format!("at most {TOPICS} ids can be watched at once")));
    }
    let place = app.streams.clone().try_acquire_owned().map_err(|_| Fault::TooMany { retry_after_seconds: 30 })?;
    let watcher = Watcher {
        nudges: app.hub.nudges(),
        live: app.hub.live(),
        _watch: app.hub.watch(topics.iter().cloned().collect()),
        _place: place,
        topics,
        caller,
        headers,
        app,
    };
    let events = stream::unfold(watcher, |mut watcher| async move {
        let event = watcher.next().await?;
        Some((Ok(event), watcher))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// One page that listens.
struct Watcher {
    nudges: Receiver<Nudge>,
    live: Receiver<LiveEvent>,
    _watch: WatchGuard,
    _place: OwnedSemaphorePermit,
    topics: BTreeSet<String>,
    caller: Caller,
    headers: HeaderMap,
    app: App,
}

impl Watcher {
    /// The next event for this page; `None` ends the stream.
    async fn next(&mut self) -> Option<Event> {
        let app = self.app.clone();
        loop {
            tokio::select! {
                nudge = self.nudges.recv() => match nudge {
                    Ok(nudge) => if let Some(event) = self.hint(&nudge) { return Some(event) },
                    Err(RecvError::Lagged(_)) => return Some(resync()),
                    Err(RecvError::Closed) => return None,
                },
                value = self.live.recv() => match value {
                    Ok(value) => if let Some(event) = self.value(&value) { return Some(event) },
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return None,
                },
                () = tokio::time::sleep(RECHECK) => if !self.still_welcome().await { return None },
                () = app.stopped() => return None,
            }
        }
    }

    fn hint(&self, nudge: &Nudge) -> Option<Event> {
        let (name, data, branch) = match nudge {
            Nudge::Changed { kind, id, branch } => ("changed", json!({"kind": kind, "id": id}), branch),
            Nudge::Network { pop, branch } => ("network", json!({"pop_id": pop}), branch),
            _ => return None,
        };
        self.caller.scope.covers(*branch).then(|| Event::default().event(name).data(data.to_string()))
    }

    fn value(&self, value: &LiveEvent) -> Option<Event> {
        let wanted = self.topics.contains(&value.topic) && self.caller.scope.covers(value.branch);
        wanted.then(|| Event::default().event(value.event).data(&*value.data))
    }

    /// Whether the session or token still holds. A database that does not answer is no reason to send people away.
    async fn still_welcome(&mut self) -> bool {
        match guard::authenticate(&self.app, &self.headers, &self.caller.actor.from).await {
            Ok(Some(caller)) => match guard::switched(&self.app, &self.headers, caller).await {
                Ok(caller) => {
                    self.caller = caller;
                    true
                }
                Err(_) => false,
            },
            Ok(None) => false,
            Err(_) => true,
        }
    }
}

fn resync() -> Event {
    Event::default().event("resync").data("{}")
}
