//! What the agent knows at one moment, gathered for the page, for programs and for Prometheus.

use std::sync::Arc;

use lastmile_protocol::downlink::{Access, DesiredLine};
use lastmile_protocol::uplink::RouterState;
use serde::Serialize;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::collect::{HeldLine, PopStatus};
use crate::core::desired::DesiredState;
use crate::spool::SpoolState;
use crate::uplink::{LinkState, Phase};

/// Lines that a search shows at most.
const FOUND: usize = 10;

/// Where the page looks.
#[derive(Clone)]
pub struct Sources {
    /// Routers and held lines.
    pub pop: watch::Receiver<Arc<PopStatus>>,
    /// The link to the controller.
    pub link: watch::Receiver<LinkState>,
    /// The spool.
    pub spool: watch::Receiver<Arc<SpoolState>>,
    /// What the controller wants.
    pub desired: watch::Receiver<Arc<DesiredState>>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

/// What the agent knows at one moment.
#[derive(Debug, Clone, Serialize)]
pub struct View {
    /// When, milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// Version of the program.
    pub version: &'static str,
    /// Build of the program.
    pub build: &'static str,
    /// Whether a person has to do something.
    pub verdict: Verdict,
    /// The link to the controller.
    pub link: LinkState,
    /// The spool.
    pub spool: SpoolState,
    /// Chunks that wait.
    pub spool_chunks: u64,
    /// Generation of the desired state: incarnation and counter.
    pub generation: (u32, u64),
    /// Lines in it.
    pub lines: usize,
    /// Lines that it wants held.
    pub lines_held: usize,
    /// Lines on a router with our mark, but in no desired state.
    pub unlisted_lines: u32,
    /// Why no line is being closed at the moment, or empty.
    pub frozen: String,
    /// Routers.
    pub routers: Vec<RouterView>,
    /// Lines that are closed here, or ought to be.
    pub held: Vec<HeldView>,
}

/// The one thing to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing to do.
    Well,
    /// The first contact has not been made yet.
    Starting,
    /// A router does not answer as it should.
    Router,
    /// A line is not as it ought to be.
    Line,
    /// The spool is in trouble.
    Spool,
    /// No way to the controller.
    Away,
    /// The controller does not let the agent in.
    Refused,
}

/// A router.
#[derive(Debug, Clone, Serialize)]
pub struct RouterView {
    /// Name.
    pub name: String,
    /// `host:port`.
    pub address: String,
    /// Whether it answers.
    pub state: &'static str,
    /// In words of the router or the system.
    pub detail: String,
    /// Time of the last complete poll, milliseconds since 1970 UTC; 0 before the first.
    pub last_poll_ms: i64,
    /// How long it took, milliseconds.
    pub poll_took_ms: u32,
    /// PPPoE sessions.
    pub online: u32,
    /// Sessions that are no line of ours.
    pub foreign: u32,
    /// bit/s towards customers.
    pub down_bps: u64,
    /// bit/s from customers.
    pub up_bps: u64,
    /// Board, as the router says it.
    pub board: String,
    /// Version, as the router says it.
    pub version: String,
    /// CPU load in percent.
    pub cpu_percent: u8,
}

/// A line that is not open.
#[derive(Debug, Clone, Serialize)]
pub struct HeldView {
    /// PPPoE username or address.
    pub access: String,
    /// Name of its router.
    pub router: String,
    /// Why, and what the router says.
    pub why: String,
    /// Whether it was read back closed.
    pub verified: bool,
}

/// A line that was searched for.
#[derive(Debug, Clone, Serialize)]
pub struct FoundLine {
    /// PPPoE username or address.
    pub access: String,
    /// Whether the controller wants it open.
    pub open: bool,
    /// Name of its speed profile.
    pub profile: String,
    /// Set when it is not open, or not as wanted.
    pub held: Option<HeldView>,
}

impl Sources {
    /// Gathers everything.
    #[must_use]
    pub fn view(&self) -> View {
        let pop = Arc::clone(&self.pop.borrow());
        let link = self.link.borrow().clone();
        let spool = Arc::clone(&self.spool.borrow());
        let desired = Arc::clone(&self.desired.borrow());
        View {
            at_ms: self.clock.wall_ms(),
            version: env!("CARGO_PKG_VERSION"),
            build: env!("LASTMILE_BUILD_ID"),
            verdict: verdict(&pop, &link, &spool),
            spool_chunks: spool.chunks(),
            generation: (desired.generation.incarnation, desired.generation.counter),
            lines: desired.lines.len(),
            lines_held: desired.lines.values().filter(|line| !line.open).count(),
            unlisted_lines: pop.unlisted_lines,
            frozen: pop.frozen.clone(),
            routers: pop.routers.iter().map(router).collect(),
            held: pop.held.iter().map(held).collect(),
            spool: SpoolState::clone(&spool),
            link,
        }
    }

    /// Lines whose username or address is, or begins with, this text.
    #[must_use]
    pub fn find(&self, text: &str) -> Vec<FoundLine> {
        let wanted = text.trim().to_lowercase();
        if wanted.is_empty() {
            return Vec::new();
        }
        let desired = Arc::clone(&self.desired.borrow());
        let pop = Arc::clone(&self.pop.borrow());
        let mut found: Vec<(bool, FoundLine)> = desired
            .lines
            .values()
            .filter_map(|line| {
                let access = access(line);
                let name = access.to_lowercase();
                let held = pop.held.iter().find(|held| held.line == line.no).map(held);
                name.starts_with(&wanted).then(|| {
                    let found = FoundLine { access, open: line.open, profile: line.profile.name.clone(), held };
                    (name != wanted, found)
                })
            })
            .collect();
        found.sort_by(|a, b| (a.0, &a.1.access).cmp(&(b.0, &b.1.access)));
        found.into_iter().take(FOUND).map(|(_, line)| line).collect()
    }
}

fn access(line: &DesiredLine) -> String {
    match &line.access {
        Access::Pppoe { username, .. } => String::from_utf8_lossy(username).into_owned(),
        Access::Static { address, .. } => address.clone(),
    }
}

fn verdict(pop: &PopStatus, link: &LinkState, spool: &SpoolState) -> Verdict {
    let silent = |state| !matches!(state, RouterState::Healthy | RouterState::Unknown);
    match link.phase {
        Phase::Refused => Verdict::Refused,
        _ if !spool.trouble.is_empty() => Verdict::Spool,
        Phase::Away => Verdict::Away,
        _ if pop.routers.iter().any(|router| silent(router.health.state)) => Verdict::Router,
        _ if !pop.frozen.is_empty() || pop.held.iter().any(|held| !held.verified) => Verdict::Line,
        Phase::Connecting => Verdict::Starting,
        Phase::Connected => Verdict::Well,
    }
}

fn held(line: &HeldLine) -> HeldView {
    HeldView {
        access: line.access.clone(),
        router: line.router.clone(),
        why: line.why.clone(),
        verified: line.verified,
    }
}

fn router(router: &crate::collect::RouterStatus) -> RouterView {
    let health = &router.health;
    RouterView {
        name: router.name.clone(),
        address: router.address.clone(),
        state: state_name(health.state),
        detail: health.detail.clone(),
        last_poll_ms: health.last_poll_ms,
        poll_took_ms: health.poll_took_ms,
        online: health.online,
        foreign: health.foreign,
        down_bps: health.down_bps,
        up_bps: health.up_bps,
        board: health.board.clone(),
        version: health.version.clone(),
        cpu_percent: health.cpu_percent,
    }
}

fn state_name(state: RouterState) -> &'static str {
    match state {
        RouterState::Unknown => "unknown",
        RouterState::Healthy => "healthy",
        RouterState::Unreachable => "unreachable",
        RouterState::AuthRefused => "auth_refused",
        RouterState::Failing => "failing",
        RouterState::SessionLimit => "session_limit",
    }
}
