//! The loop that reads the counters of one router.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use lastmile_protocol::downlink::Access;
use lastmile_protocol::uplink::{LineRate, LiveRates, RouterState};
use tokio::time::{sleep, timeout};

use super::router::Station;
use crate::core::desired::DesiredState;
use crate::core::meter::Moment;
use crate::device::{Counters, DeviceError, Names};

/// Somebody looks at these lines: read so often.
const WATCH: Duration = Duration::from_secs(5);
/// A poll that takes longer is given up, so that the next can begin; a router that says nothing at all is given up
/// much sooner.
const BUDGET: Duration = Duration::from_secs(240);

/// Polls until the device fails.
pub(super) async fn run<D: Counters + Sync>(station: &Station, device: &D, connection: u64) -> DeviceError {
    let mut next = 0;
    loop {
        let now = station.clock.mono_ms();
        if now >= next {
            if let Err(error) = whole(station, device, connection).await
                && failed(station, &error)
            {
                return error;
            }
            next = station.clock.mono_ms().saturating_add(until_next_ms(station));
            continue;
        }
        let watched = watched(station);
        let rest = Duration::from_millis(next - now);
        if watched.iter().next().is_some() {
            sleep(rest.min(WATCH)).await;
            if rest > WATCH {
                match few(station, device, &watched, connection).await {
                    Ok(true) => {}
                    Ok(false) => next = now,
                    Err(error) if failed(station, &error) => return error,
                    Err(_) => {}
                }
            }
        } else {
            let mut feed = station.feeds.watched.clone();
            feed.borrow_and_update();
            tokio::select! {
                () = sleep(rest) => {}
                changed = feed.changed() => if changed.is_err() { sleep(rest).await },
            }
        }
    }
}

/// Says whether the connection is lost with it.
fn failed(station: &Station, error: &DeviceError) -> bool {
    if error.ends_connection() {
        return true;
    }
    tracing::warn!(router = %station.plan.router, %error, "a poll failed");
    station.board.router(station.plan.router, |part| {
        part.status.health.state = RouterState::Failing;
        part.status.health.detail = error.to_string();
    });
    false
}

/// Polls stand on multiples of their period, so that intervals end where they should; a little chance keeps a POP
/// with many routers from asking all of them in one moment.
fn until_next_ms(station: &Station) -> u64 {
    let period = i64::from(station.poll_seconds.max(1)) * 1_000;
    let wait = period - station.clock.wall_ms().rem_euclid(period);
    let spread = u64::try_from(period).unwrap_or(1_000) / 50 + 1;
    u64::try_from(wait).unwrap_or(0) + station.chance() % spread
}

async fn whole<D: Counters + Sync>(station: &Station, device: &D, connection: u64) -> Result<(), DeviceError> {
    let desired = station.desired();
    let names = Arc::new(names(station, &desired));
    let begun = station.now();
    let read = async { tokio::try_join!(device.facts(), device.counts(Arc::clone(&names))) };
    let Ok(read) = timeout(BUDGET, read).await else {
        return Err(crate::device::routeros::ApiError::Timeout(u64::try_from(BUDGET.as_millis()).unwrap_or(0)).into());
    };
    let (facts, counts) = read?;
    let done = station.now();
    let mut metering = station.metering.lock().await;
    let rates = match metering.whole(&desired, &names, &counts, (begun, done), connection).await {
        Ok(rates) => rates,
        Err(error) => {
            tracing::error!(router = %station.plan.router, %error, "usage stays in the router's counters");
            Vec::new()
        }
    };
    drop(metering);
    station.board.router(station.plan.router, |part| {
        let health = &mut part.status.health;
        (health.state, health.detail) = (RouterState::Healthy, String::new());
        health.last_poll_ms = done.wall_ms;
        health.poll_took_ms = u32::try_from(done.mono_ms.saturating_sub(begun.mono_ms)).unwrap_or(u32::MAX);
        (health.online, health.foreign) = (counts.online, counts.foreign);
        (health.down_bps, health.up_bps) = sums(&rates);
        (health.identity, health.board, health.version) = (facts.identity, facts.board, facts.version);
        (health.cpu_percent, health.uptime_seconds) = (facts.cpu_percent, facts.uptime_seconds);
    });
    publish(station, done, rates);
    Ok(())
}

/// Reads what somebody looks at; false when everything has to be read first, so that a new line is counted.
async fn few<D: Counters + Sync>(
    station: &Station,
    device: &D,
    watched: &Names,
    connection: u64,
) -> Result<bool, DeviceError> {
    let begun = station.now();
    let counts = device.few(watched).await?;
    let mut metering = station.metering.lock().await;
    let rates = metering.few(&counts, begun, connection, false).await;
    let counted = metering.counts_all(&counts);
    drop(metering);
    let mut rates = rates.unwrap_or_else(|error| {
        tracing::error!(router = %station.plan.router, %error, "usage stays in the router's counters");
        Vec::new()
    });
    // The router answered and did not have them.
    let up = counts.iter().map(|count| count.line).collect::<BTreeSet<_>>();
    let down = watched.iter().filter(|(_, line)| !up.contains(line));
    rates.extend(down.map(|(_, line)| LineRate { line, down_bps: 0, up_bps: 0, online: false }));
    publish(station, begun, rates);
    Ok(counted)
}

fn sums(rates: &[LineRate]) -> (u64, u64) {
    rates.iter().fold((0, 0), |(down, up): (u64, u64), rate| {
        (down.saturating_add(rate.down_bps), up.saturating_add(rate.up_bps))
    })
}

fn publish(station: &Station, at: Moment, lines: Vec<LineRate>) {
    if !lines.is_empty() {
        // Nobody is connected: rates are only for now.
        let _ = station.live.send(LiveRates { at_ms: at.wall_ms, lines });
    }
}

pub(super) fn names(station: &Station, desired: &DesiredState) -> Names {
    let lines = desired.lines.values().filter(|line| line.router == station.plan.router);
    lines
        .map(|line| match &line.access {
            Access::Pppoe { username, .. } => (username.as_slice().into(), line.no),
            Access::Static { interface, .. } => (interface.as_bytes().into(), line.no),
        })
        .collect()
}

/// The lines of this router that somebody looks at.
fn watched(station: &Station) -> Names {
    let feed = station.feeds.watched.borrow().clone();
    if feed.lines.is_empty() || feed.until_mono_ms <= station.clock.mono_ms() {
        return Names::default();
    }
    let desired = station.desired();
    let all = names(station, &desired);
    let watched = feed.lines.iter().copied().collect::<BTreeSet<_>>();
    all.iter().filter(|(_, line)| watched.contains(line)).map(|(name, line)| (name.into(), line)).collect()
}
