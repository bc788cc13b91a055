//! The one place that builds the agent from its parts, and takes it down again.
//!
//! Order of the end: nothing new is begun, the poll loops hand over what they have, the link says good-bye, the
//! spool closes last.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinHandle;

use crate::clock::{Clock, Rng, SystemClock, SystemRng};
use crate::collect::{self, Feeds, PopStatus, Sinks, Watched};
use crate::config::Config;
use crate::core::lease::Lease;
use crate::core::link::Link;
use crate::spool::{self, Paths, Spool};
use crate::status::{self, Status, view::Sources};
use crate::uplink::identity::{self, Identity};
use crate::uplink::sealed::SealedFiles;
use crate::uplink::{self, Ledger, LinkState, Uplink};

/// Live rates of so many polls may wait for a connection that is slow.
const LIVE: usize = 64;
/// Tombstones that wait to be forgotten.
const BURIED: usize = 256;
/// How long the parts have to end.
const GRACE: Duration = Duration::from_secs(8);

/// The agent has not joined.
#[derive(Debug, thiserror::Error)]
#[error("this agent has not joined a controller: run the line that the console shows, `lastmile-agent join lm1.…`")]
pub struct NotJoined;

/// Runs the agent until SIGTERM or SIGINT.
///
/// # Errors
/// When it cannot start: not joined, another agent on the same folder, the page's address in use.
pub async fn run(config: Config) -> anyhow::Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let rng: Arc<dyn Rng> = Arc::new(SystemRng::new());
    let identity = identity::load(&config.data_dir)?.ok_or(NotJoined)?;
    let listener = tokio::net::TcpListener::bind(config.status_listen)
        .await
        .with_context(|| format!("cannot listen on {} for the status page", config.status_listen))?;
    let (spool, spool_thread) = spool::start(Paths::new(&config.data_dir), config.spool, Arc::clone(&clock))?;
    let (stop, stopping) = watch::channel(false);
    let parts = Parts::start(&config, identity, spool, listener, &clock, &rng, &stopping)?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), build = env!("LASTMILE_BUILD_ID"), page = %config.status_listen, "the agent runs");
    asked_to_stop().await?;
    tracing::info!("stopping");
    stop.send_replace(true);
    parts.end().await;
    let closed = tokio::task::spawn_blocking(move || spool_thread.join());
    if tokio::time::timeout(GRACE, closed).await.is_err() {
        tracing::warn!("the spool did not close in time; what it was handed is on disk all the same");
    }
    tracing::info!("stopped");
    Ok(())
}

/// What runs.
struct Parts {
    collect: JoinHandle<()>,
    uplink: JoinHandle<()>,
    page: JoinHandle<()>,
    burials: JoinHandle<()>,
}

impl Parts {
    fn start(
        config: &Config,
        identity: Identity,
        spool: Spool,
        listener: tokio::net::TcpListener,
        clock: &Arc<dyn Clock>,
        rng: &Arc<dyn Rng>,
        stopping: &watch::Receiver<bool>,
    ) -> anyhow::Result<Self> {
        let ledger = Arc::new(Ledger::open(SealedFiles::open(&config.data_dir, Arc::clone(rng))?));
        let began =
            LinkState::new(identity.enrolment.pop_name.clone(), identity.enrolment.agent.to_string(), clock.wall_ms());
        let (watched, watched_seen) = watch::channel(Arc::new(Watched::default()));
        let (may_close, lease_seen) = watch::channel(false);
        let (pop, pop_seen) = watch::channel(Arc::new(PopStatus::default()));
        let (state, state_seen) = watch::channel(began);
        let (live, _) = broadcast::channel(LIVE);
        let (buried, graves) = mpsc::channel(BURIED);
        let feeds = Feeds { plan: ledger.plan(), desired: ledger.desired(), watched: watched_seen, lease: lease_seen };
        let sinks = Sinks {
            journal: Arc::new(Mutex::new(spool.clone())),
            status: pop,
            live: live.clone(),
            buried,
            data_dir: config.data_dir.clone(),
            clock: Arc::clone(clock),
            rng: Arc::clone(rng),
        };
        let sources = Sources {
            pop: pop_seen.clone(),
            link: state_seen,
            spool: spool.state(),
            desired: ledger.desired(),
            clock: Arc::clone(clock),
        };
        let page = Status { sources, zone: config.time_zone.clone(), rng: Arc::clone(rng) };
        let link = Uplink {
            identity,
            spool,
            ledger: Arc::clone(&ledger),
            link: Link::new(),
            lease: Arc::new(Mutex::new(Lease::none())),
            may_close,
            watched,
            status: pop_seen,
            live,
            state,
            clock: Arc::clone(clock),
            rng: Arc::clone(rng),
            began_ms: clock.mono_ms(),
        };
        Ok(Self {
            collect: tokio::spawn(collect::run(feeds, sinks, stopping.clone())),
            uplink: tokio::spawn(uplink::run(link, stopping.clone())),
            page: tokio::spawn(serve(listener, page, stopping.clone())),
            burials: tokio::spawn(bury(ledger, graves)),
        })
    }

    /// Waits for the parts, in the order in which they feed each other.
    async fn end(self) {
        for (name, part) in [("poll loops", self.collect), ("link", self.uplink), ("page", self.page)] {
            let stop = part.abort_handle();
            match tokio::time::timeout(GRACE, part).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(part = name, %error, "a part of the agent ended badly"),
                Err(_) => {
                    tracing::warn!(part = name, "a part of the agent did not end in time");
                    stop.abort();
                }
            }
        }
        self.burials.abort();
    }
}

async fn bury(ledger: Arc<Ledger>, mut graves: mpsc::Receiver<lastmile_protocol::ids::LineNo>) {
    while let Some(line) = graves.recv().await {
        let ledger = Arc::clone(&ledger);
        let _ = tokio::task::spawn_blocking(move || ledger.bury(line)).await;
    }
}

async fn serve(listener: tokio::net::TcpListener, page: Status, mut stopping: watch::Receiver<bool>) {
    let stopped = async move {
        let _ = stopping.wait_for(|stop| *stop).await;
    };
    // An open browser tab must not keep the agent from ending.
    let server = axum::serve(listener, status::router(page));
    tokio::select! {
        outcome = server => if let Err(error) = outcome {
            tracing::error!(%error, "the status page ended");
        },
        () = stopped => {}
    }
}

async fn asked_to_stop() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
