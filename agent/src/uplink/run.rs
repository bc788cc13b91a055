//! Connecting, for ever. Nothing that a controller says, or does not say, makes the agent forget where it
//! belongs: an answer that could mean two things must not cost a drive to the POP.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lastmile_protocol::hello::Refusal;
use tokio::sync::{broadcast, watch};

use crate::clock::{Clock, Rng};
use crate::collect::{PopStatus, Watched};
use crate::core::backoff::Backoff;
use crate::core::lease::Lease;
use crate::core::link::Link;
use crate::spool::Spool;
use crate::uplink::dial::{DialError, Dialer, is_restart, of_connection};
use crate::uplink::identity::Identity;
use crate::uplink::join::hello;
use crate::uplink::ledger::Ledger;
use crate::uplink::session::{self, End};
use crate::uplink::state::{LinkState, Phase};

/// First and longest wait before the next try, milliseconds.
const SOON: (u64, u64) = (500, 10_000);
/// The same after a refusal: a person must act first.
const SLOWLY: (u64, u64) = (30_000, 600_000);
/// A connection that lasted so long was a good one.
const LASTED_MS: u64 = 30_000;

/// What the link works with.
pub struct Uplink {
    /// Who the agent is.
    pub identity: Identity,
    /// Where usage waits.
    pub spool: Spool,
    /// Where desired state and plan are kept.
    pub ledger: Arc<Ledger>,
    /// What is sent when.
    pub link: Link,
    /// How long lines may be closed.
    pub lease: Arc<Mutex<Lease>>,
    /// Told to those who close lines.
    pub may_close: watch::Sender<bool>,
    /// Lines that somebody is looking at.
    pub watched: watch::Sender<Arc<Watched>>,
    /// State of the routers.
    pub status: watch::Receiver<Arc<PopStatus>>,
    /// Live rates of the poll loops.
    pub live: broadcast::Sender<lastmile_protocol::uplink::LiveRates>,
    /// State of the link, for the technician's page.
    pub state: watch::Sender<LinkState>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Chance, for jitter.
    pub rng: Arc<dyn Rng>,
    /// Monotonic time at which the program began, milliseconds.
    pub began_ms: u64,
}

impl Uplink {
    /// The controller welcomed the agent and says how long it may go on alone.
    pub(super) fn heard(&mut self, lease_seconds: u32) {
        self.lease.lock().unwrap_or_else(PoisonError::into_inner).set_length(lease_seconds);
        self.heard_again();
    }

    /// The controller was heard.
    pub(super) fn heard_again(&mut self) {
        let now = self.clock.mono_ms();
        self.lease.lock().unwrap_or_else(PoisonError::into_inner).heard(now);
        let wall_ms = self.clock.wall_ms();
        self.state.send_modify(|state| state.last_contact_ms = wall_ms);
        look_at_lease(&self.lease, &self.may_close, &self.state, now);
    }

    /// Shows what the sending side counts.
    pub(super) fn show_link(&self) {
        let counts = (self.link.resends(), self.link.under_way());
        self.state.send_if_modified(|state| {
            let before = (state.resends, state.under_way);
            (state.resends, state.under_way) = counts;
            before != counts
        });
    }

    fn chance(&self) -> u64 {
        let mut bytes = [0; 8];
        // Without chance there is no jitter, but still a connection.
        let _ = self.rng.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn turn(&self, phase: Phase, address: &str, detail: &str) {
        let now_ms = self.clock.wall_ms();
        self.state.send_modify(|state| {
            state.turn(phase, detail, now_ms);
            address.clone_into(&mut state.address);
        });
    }
}

fn look_at_lease(
    lease: &Mutex<Lease>,
    may_close: &watch::Sender<bool>,
    state: &watch::Sender<LinkState>,
    mono_ms: u64,
) {
    let holds = lease.lock().unwrap_or_else(PoisonError::into_inner).holds(mono_ms);
    may_close.send_if_modified(|before| core::mem::replace(before, holds) != holds);
    state.send_if_modified(|state| core::mem::replace(&mut state.lease, holds) != holds);
}

/// Keeps the link until `stop` says so.
pub async fn run(mut uplink: Uplink, mut stop: watch::Receiver<bool>) {
    let watching = {
        let (lease, may_close) = (Arc::clone(&uplink.lease), uplink.may_close.clone());
        let (state, clock) = (uplink.state.clone(), Arc::clone(&uplink.clock));
        tokio::spawn(async move {
            let mut second = tokio::time::interval(Duration::from_secs(1));
            loop {
                second.tick().await;
                look_at_lease(&lease, &may_close, &state, clock.mono_ms());
            }
        })
    };
    let mut soon = Backoff::new(SOON.0, SOON.1);
    let mut slowly = Backoff::new(SLOWLY.0, SLOWLY.1);
    while !*stop.borrow() {
        let (began, progress) = (uplink.clock.mono_ms(), uplink.link.progress());
        let outcome = attempt(&mut uplink, &mut stop).await;
        let lasted = uplink.clock.mono_ms().saturating_sub(began);
        let wait_ms = match outcome {
            Outcome::Stopped => break,
            Outcome::Refused => slowly.next_ms(uplink.chance()),
            Outcome::Ended { welcomed, restarted } => {
                if welcomed {
                    slowly.reset();
                }
                // One that was killed while it worked is back in a moment; whoever waits long for it is at fault.
                let worked = restarted && uplink.link.progress() != progress;
                if welcomed && (worked || lasted > LASTED_MS) {
                    soon.reset();
                }
                soon.next_ms(uplink.chance())
            }
        };
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(wait_ms)) => {}
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
    watching.abort();
}

enum Outcome {
    Stopped,
    Refused,
    /// `restarted`: the other side says that it stops, or that it knows nothing of the connection.
    Ended {
        welcomed: bool,
        restarted: bool,
    },
}

/// Tries every address once; drives the connection of the first that welcomes the agent.
async fn attempt(uplink: &mut Uplink, stop: &mut watch::Receiver<bool>) -> Outcome {
    let addresses = uplink.identity.enrolment.addresses.clone();
    let mut outcome = Outcome::Ended { welcomed: false, restarted: false };
    for address in &addresses {
        let dialer = Dialer { key: &uplink.identity.key, controller: uplink.identity.enrolment.controller };
        let now_ms = uplink.clock.wall_ms();
        let hello = hello(String::new(), now_ms);
        let dialled = tokio::select! {
            dialled = dialer.dial(address, &hello) => dialled,
            _ = stop.wait_for(|stop| *stop) => return Outcome::Stopped,
        };
        match dialled {
            Ok((peer, welcome)) => {
                tracing::info!(address, pop = %welcome.pop, minor = welcome.minor, "connected to the controller");
                let off = now_ms.saturating_sub(welcome.wall_ms);
                uplink.turn(Phase::Connected, address, "");
                uplink.state.send_modify(|state| {
                    state.clock_off_ms = Some(off);
                    state.pop_name.clone_from(&welcome.pop_name);
                });
                let connection = peer.connection.clone();
                let End::Lost(reason) = session::drive(uplink, peer, welcome, stop).await else {
                    return Outcome::Stopped;
                };
                let restarted = connection.close_reason().is_some_and(|error| is_restart(&error));
                let error = connection.close_reason().map(|error| of_connection(address, &error));
                if let Some(DialError::Refused(Refusal::Revoked)) = error {
                    return refused(uplink, address, Refusal::Revoked);
                }
                let detail = match error {
                    Some(DialError::Local(_)) | None => reason,
                    Some(other) => other.to_string(),
                };
                tracing::warn!(address, detail, "the connection to the controller ended");
                uplink.turn(Phase::Away, address, &detail);
                return Outcome::Ended { welcomed: true, restarted };
            }
            Err(DialError::Refused(refusal)) if refusal != Refusal::Busy => {
                outcome = refused(uplink, address, refusal);
            }
            Err(error) => {
                let first = uplink.state.borrow().phase != Phase::Away;
                if first {
                    tracing::warn!(%error, "no way to the controller; trying on");
                } else {
                    tracing::debug!(%error, "still no way to the controller");
                }
                if !matches!(outcome, Outcome::Refused) {
                    uplink.turn(Phase::Away, address, &error.to_string());
                }
            }
        }
    }
    outcome
}

fn refused(uplink: &Uplink, address: &str, refusal: Refusal) -> Outcome {
    let words = crate::uplink::dial::in_words(refusal);
    tracing::error!(?refusal, address, "{words}; nothing is thrown away, tried again slowly");
    uplink.turn(Phase::Refused, address, words);
    Outcome::Refused
}
