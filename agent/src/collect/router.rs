//! One router: its connection, and the two loops that share it. One reads counters, the other makes lines what
//! they have to be, so that a payment does not wait for a slow poll.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use lastmile_protocol::downlink::{RouterKind, RouterPlan};
use lastmile_protocol::ids::LineNo;
use lastmile_protocol::uplink::{LiveRates, Outcome};
use tokio::sync::Mutex;
use tokio::time::sleep;

use super::board::Board;
use super::metering::{Metering, SharedJournal};
use super::{Feeds, LiveSender, poll};
use crate::clock::{Clock, Rng};
use crate::core::backoff::Backoff;
use crate::core::desired::DesiredState;
use crate::core::journal::Entry;
use crate::core::meter::Moment;
use crate::device::linux::Host;
use crate::device::routeros::{Client, Config, Router};
use crate::device::{Counters, DeviceError};
use crate::enforce::{Enforce, Enforcer, Guard, in_words};

/// First wait after a failure, and the longest.
const BACKOFF_MS: (u64, u64) = (500, 30_000);

/// What the loops of one router share.
pub(super) struct Station {
    pub(super) plan: RouterPlan,
    pub(super) poll_seconds: u16,
    pub(super) feeds: Feeds,
    pub(super) live: LiveSender,
    pub(super) board: Arc<Board>,
    pub(super) guard: Arc<Guard>,
    pub(super) journal: SharedJournal,
    pub(super) metering: Mutex<Metering>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) rng: Arc<dyn Rng>,
}

impl Station {
    pub(super) fn now(&self) -> Moment {
        Moment { wall_ms: self.clock.wall_ms(), mono_ms: self.clock.mono_ms() }
    }

    pub(super) fn desired(&self) -> Arc<DesiredState> {
        Arc::clone(&self.feeds.desired.borrow())
    }

    pub(super) fn chance(&self) -> u64 {
        let mut bytes = [0; 8];
        // Without chance routers are asked in step, which only costs evenness.
        let _ = self.rng.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }
}

/// Serves the router until the task is aborted.
pub(super) async fn attend(station: Station) {
    let plan = &station.plan;
    let mut enforcer = Enforcer::new(plan.router, plan.name.clone(), plan.enforce);
    let mut backoff = Backoff::new(BACKOFF_MS.0, BACKOFF_MS.1);
    let mut connection = 0;
    loop {
        connection += 1;
        let began = station.clock.mono_ms();
        let error = match plan.kind {
            RouterKind::RouterOs => match dial(plan).await {
                Ok(client) => serve(&station, &Router::new(client, plan.router), &mut enforcer, connection).await,
                Err(error) => error,
            },
            RouterKind::Linux => serve(&station, &Host::default(), &mut enforcer, connection).await,
        };
        if station.clock.mono_ms().saturating_sub(began) > BACKOFF_MS.1 {
            backoff.reset();
        }
        away(&station, &mut enforcer, &error).await;
        wait(&station, &mut enforcer, &error, Duration::from_millis(backoff.next_ms(station.chance()))).await;
    }
}

async fn dial(plan: &RouterPlan) -> Result<Client, DeviceError> {
    Ok(Client::connect(&plan.host, plan.port, &plan.username, &plan.password, Config::default()).await?)
}

async fn serve<D>(station: &Station, device: &D, enforcer: &mut Enforcer, connection: u64) -> DeviceError
where
    D: Counters + Enforce + Sync,
{
    tokio::select! {
        error = poll::run(station, device, connection) => error,
        error = enforce(station, device, enforcer, connection) => error,
    }
}

/// Waits to try again, but tells at once what a new desired state meets.
async fn wait(station: &Station, enforcer: &mut Enforcer, error: &DeviceError, duration: Duration) {
    let mut desired = station.feeds.desired.clone();
    let rest = sleep(duration);
    tokio::pin!(rest);
    loop {
        tokio::select! {
            () = &mut rest => return,
            changed = desired.changed() => match changed {
                Ok(()) => away(station, enforcer, error).await,
                Err(_) => return rest.await,
            },
        }
    }
}

async fn away(station: &Station, enforcer: &mut Enforcer, error: &DeviceError) {
    let router = station.plan.router;
    tracing::warn!(%router, name = %station.plan.name, %error, "the router cannot be used");
    let desired = station.desired();
    let entry = enforcer.away(&desired, &error.reason(), station.clock.wall_ms());
    keep_proofs(station, enforcer, entry).await;
    let held = enforcer.held(&desired);
    station.board.router(router, |part| {
        part.status.health.state = error.state();
        part.status.health.detail = error.to_string();
        part.held = held;
    });
}

/// Says whether they are kept.
async fn keep_proofs(station: &Station, enforcer: &mut Enforcer, entry: Entry) -> bool {
    if entry.is_empty() {
        return true;
    }
    enforcer.telling(true);
    let kept = station.journal.keep(entry).await;
    if let Err(error) = &kept {
        tracing::error!(router = %station.plan.router, %error, "proofs cannot be kept and will be made again");
        enforcer.forget_proofs();
    }
    enforcer.telling(false);
    kept.is_ok()
}

/// Makes lines what they have to be until the device fails: at once after each change, and with every period.
async fn enforce<D>(station: &Station, device: &D, enforcer: &mut Enforcer, connection: u64) -> DeviceError
where
    D: Counters + Enforce + Sync,
{
    let mut feed = station.feeds.desired.clone();
    let mut lease = station.feeds.lease.clone();
    let mut whole = true;
    loop {
        let desired = Arc::clone(&feed.borrow_and_update());
        let allowed = *lease.borrow_and_update();
        last_reading(station, device, enforcer, &desired, connection).await;
        if let Some(error) = pass(station, device, enforcer, &desired, whole, allowed).await {
            return error;
        }
        let ended = enforcer.take_just_closed();
        if D::CLOSING_ENDS_COUNTERS {
            account(station, ended).await;
        }
        let period = Duration::from_secs(u64::from(station.poll_seconds.max(1)));
        whole = tokio::select! {
            () = sleep(period) => true,
            Ok(()) = lease.changed() => true,
            changed = feed.changed() => {
                if changed.is_err() {
                    sleep(period).await;
                }
                false
            }
        };
    }
}

/// Reads the counters of lines that are about to be closed: with their session they will be gone.
async fn last_reading<D>(station: &Station, device: &D, enforcer: &Enforcer, desired: &DesiredState, connection: u64)
where
    D: Counters + Enforce + Sync,
{
    let closing = if D::CLOSING_ENDS_COUNTERS { enforcer.closing(desired) } else { BTreeSet::new() };
    if closing.is_empty() {
        return;
    }
    let all = poll::names(station, desired);
    let names = all.iter().filter(|(_, no)| closing.contains(no)).map(|(name, no)| (name.into(), no)).collect();
    let begun = station.now();
    // A hold does not wait for its last octets: without this reading they are a gap.
    if let Ok(counts) = device.few(&names).await
        && let Err(error) = station.metering.lock().await.few(&counts, begun, connection, true).await
    {
        tracing::error!(router = %station.plan.router, %error, "usage stays in the router's counters");
    }
}

/// What was read back closed has no session any more: its account and its live rate end here and not with the next
/// poll.
async fn account(station: &Station, ended: BTreeSet<LineNo>) {
    if ended.is_empty() {
        return;
    }
    let at = station.now();
    match station.metering.lock().await.ended(&ended, at).await {
        Ok(lines) => drop(station.live.send(LiveRates { at_ms: at.wall_ms, lines })),
        Err(error) => tracing::error!(router = %station.plan.router, %error, "usage stays in the router's counters"),
    }
}

async fn pass<D: Enforce>(
    station: &Station,
    device: &D,
    enforcer: &mut Enforcer,
    desired: &Arc<DesiredState>,
    whole: bool,
    lease: bool,
) -> Option<DeviceError> {
    enforcer.expect(desired);
    if let Err(error) = station.metering.lock().await.know(desired, station.now()).await {
        // What is not known to the meter must not go live: its first octets would be lost.
        tracing::error!(router = %station.plan.router, %error, "lines wait for the spool");
        return None;
    }
    let (entry, pass) = enforcer.pass(device, desired, whole, &station.guard, lease).await;
    for proof in &entry.proofs {
        if let Outcome::Failed(reason) = &proof.outcome {
            tracing::warn!(router = %station.plan.router, line = proof.line.0, "a line is not as wanted: {}", in_words(reason));
        }
    }
    let removed = entry
        .proofs
        .iter()
        .filter(|proof| proof.outcome == Outcome::Removed)
        .map(|proof| proof.line)
        .collect::<Vec<_>>();
    if keep_proofs(station, enforcer, entry).await {
        removed.into_iter().for_each(|no| station.guard.bury(no));
    }
    let (held, unlisted) = (enforcer.held(desired), enforcer.unlisted);
    station.board.router(station.plan.router, |part| (part.held, part.unlisted) = (held, unlisted));
    let why = if lease { station.guard.why() } else { "the controller was not heard within the lease".into() };
    station.board.frozen(why);
    let error = pass.error?;
    if error.ends_connection() {
        return Some(error);
    }
    tracing::warn!(router = %station.plan.router, %error, "a pass over the lines was broken off");
    let entry = enforcer.away(desired, &error.reason(), station.clock.wall_ms());
    keep_proofs(station, enforcer, entry).await;
    None
}
