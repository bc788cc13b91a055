//! Poll loops: one task a router, so that a dead router delays nobody.
//!
//! This file holds what the other rooms see of them: the status that the technician's page and the health
//! frame are made from, and the live rates.

mod board;
mod metering;
mod poll;
mod router;
mod supervisor;

pub use supervisor::run;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use lastmile_protocol::downlink::PollPlan;
use lastmile_protocol::ids::LineNo;
use lastmile_protocol::uplink::{LiveRates, RouterHealth};
use tokio::sync::watch;

use crate::clock::{Clock, Rng};
use crate::core::desired::DesiredState;
use crate::core::journal::Journal;

/// What the agent knows of its POP at the moment. Published whole behind a watch channel after each poll and
/// after each change of a line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PopStatus {
    /// Routers in the order of the poll plan.
    pub routers: Vec<RouterStatus>,
    /// Lines with our mark on some router, but in no desired state.
    pub unlisted_lines: u32,
    /// Why no line is being closed at the moment, or empty.
    pub frozen: String,
    /// Lines that are closed here, or ought to be.
    pub held: Vec<HeldLine>,
}

/// One router.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouterStatus {
    /// Name, for people.
    pub name: String,
    /// Where it answers, `host:port`; empty for the Linux host itself.
    pub address: String,
    /// What is told to the controller.
    pub health: RouterHealth,
}

/// One line that is not open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldLine {
    /// The line.
    pub line: LineNo,
    /// PPPoE username (lossy UTF-8) or address.
    pub access: String,
    /// Name of its router.
    pub router: String,
    /// Why: what the controller wants and what the router says, in words for a technician.
    pub why: String,
    /// Whether it was read back closed.
    pub verified: bool,
}

/// Live rates of one poll, ready to be sent as datagrams (already split to their cap).
pub type LiveSender = tokio::sync::broadcast::Sender<LiveRates>;

/// Lines that somebody is looking at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watched {
    /// The lines; polled every 5 seconds.
    pub lines: Vec<LineNo>,
    /// Until when, on the monotonic clock.
    pub until_mono_ms: u64,
}

/// What the loops are driven by. Each is the newest value, never a queue.
#[derive(Debug, Clone)]
pub struct Feeds {
    /// The routers and how to reach them.
    pub plan: watch::Receiver<Arc<PollPlan>>,
    /// What the controller wants; already on disk when it arrives here.
    pub desired: watch::Receiver<Arc<DesiredState>>,
    /// Lines that somebody is looking at.
    pub watched: watch::Receiver<Arc<Watched>>,
    /// Whether the controller was heard within the lease: only then may a line be closed.
    pub lease: watch::Receiver<bool>,
}

/// Where what was read goes.
#[derive(Clone)]
pub struct Sinks {
    /// The spool. Locked only for one append, on a blocking thread.
    pub journal: Arc<Mutex<dyn Journal>>,
    /// State for the technician's page and the health frame.
    pub status: watch::Sender<Arc<PopStatus>>,
    /// Live rates, to whoever is connected.
    pub live: LiveSender,
    /// Tombstones that are done on every router: the ledger may forget them.
    pub buried: tokio::sync::mpsc::Sender<LineNo>,
    /// Small files of this room (its brake) are kept here.
    pub data_dir: PathBuf,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Chance, for jitter.
    pub rng: Arc<dyn Rng>,
}
