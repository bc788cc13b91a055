//! What an agent sends beside the control stream: chunks in order, and live rates that may be lost.

use std::sync::Arc;

use lastmile_protocol::codec;
use lastmile_protocol::frame::{FrameKind, read_payload};
use lastmile_protocol::ids::{LineId, LineNo, PopId};
use lastmile_protocol::uplink::{LineRate, LiveRates, SpooledChunk};
use quinn::Connection;
use tokio::sync::mpsc::Sender;

use super::Shared;
use super::core::{Close, Input};
use super::ingest::{Item, Lane};
use super::wire::{self, WireError};
use crate::domains::network::LineNames;
use crate::events::Sample;
use crate::kernel::Scope;

/// A clock of an agent that is further off is not believed: the time of arrival is taken, in milliseconds.
const SKEW_MS: u64 = 60_000;
/// Between two looks for lines that were added, in milliseconds.
const REFRESH_MS: u64 = 2_000;

/// Reads chunks and hands them to the worker, no faster than it takes them.
pub async fn chunks(connection: Connection, lane: Arc<Lane>, to: Sender<Item>) {
    let Ok(mut stream) = connection.accept_uni().await else { return };
    loop {
        match next_chunk(&mut stream, &lane).await {
            Ok(Some(item)) => {
                if to.send(item).await.is_err() {
                    return;
                }
            }
            Ok(None) | Err(WireError::Gone(_)) => return,
            Err(error) => {
                metrics::counter!("lastmile_fleet_bad_frames_total").increment(1);
                tracing::warn!(agent = %lane.agent, %error, "an agent sent what is no chunk");
                let _ = lane.inbox.send(Input::Close(Close::Protocol)).await;
                return;
            }
        }
    }
}

async fn next_chunk(stream: &mut quinn::RecvStream, lane: &Arc<Lane>) -> Result<Option<Item>, WireError> {
    let Some((kind, payload)) = wire::read(stream).await? else { return Ok(None) };
    if kind != FrameKind::Chunk {
        return Err(WireError::Misplaced(kind));
    }
    let chunk: SpooledChunk = read_payload(kind, &payload)?;
    Item::open(lane, chunk).map(Some).map_err(WireError::Chunk)
}

/// Reads live rates into memory and publishes those that somebody looks at.
pub async fn rates(connection: Connection, shared: Arc<Shared>, pop: PopId) {
    let mut names = LineNames::default();
    let mut refreshed_ms = None;
    while let Ok(datagram) = connection.read_datagram().await {
        if datagram.len() > FrameKind::LiveRates.cap() {
            continue;
        }
        let Ok(rates) = codec::decode::<LiveRates>(&datagram) else {
            metrics::counter!("lastmile_fleet_bad_datagrams_total").increment(1);
            continue;
        };
        let now = shared.app.clock.mono_ms();
        let newer = rates.lines.iter().any(|rate| rate.line.0 >= names.end());
        if newer && refreshed_ms.is_none_or(|at| now >= at + REFRESH_MS) {
            refreshed_ms = Some(now);
            refresh(&shared, &mut names, pop).await;
        }
        let wall = shared.app.clock.wall_ms();
        let at_ms = if rates.at_ms.abs_diff(wall) > SKEW_MS { wall } else { rates.at_ms };
        for rate in &rates.lines {
            take(&shared, &names, pop, at_ms, rate);
        }
    }
}

async fn refresh(shared: &Shared, names: &mut LineNames, pop: PopId) {
    let read = async {
        let mut tx = shared.app.db.read(&Scope::All).await?;
        names.refresh(&mut tx, pop).await
    };
    if let Err(fault) = read.await {
        tracing::warn!(%pop, %fault, "lines cannot be read; live rates of new ones are left out");
    }
}

fn take(shared: &Shared, names: &LineNames, pop: PopId, at_ms: i64, rate: &LineRate) {
    let Some(line) = names.get(rate.line) else { return };
    let sample = Sample { at_ms, down_bps: rate.down_bps, up_bps: rate.up_bps, online: rate.online };
    shared.app.live.record(line, sample);
    publish(shared, pop, rate.line, line, sample);
}

fn publish(shared: &Shared, pop: PopId, no: LineNo, line: LineId, sample: Sample) {
    for event in shared.watched.events(pop, no, line, sample) {
        shared.app.hub.publish(event);
    }
}
