//! What every handler and every job is handed: the parts of the running program.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::{Semaphore, watch};

use crate::access::approvals::Acts;
use crate::access::{Access, Limits};
use crate::config::Config;
use crate::db::Db;
use crate::events::{Hub, LiveState};
use crate::gateways::http::Http;
use crate::kernel::{Clock, Rng};
use crate::secrets::Keyring;

/// Live streams at once, over all browsers.
const STREAMS: usize = 1_000;

/// Whether a part of the program is ready, for `/readyz`: its name, and what is wrong with it.
#[derive(Clone)]
pub struct Check {
    /// The part: `database`.
    pub name: &'static str,
    /// Looks; `Err` says in one line what is wrong.
    pub look: Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>,
}

/// The running program. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// The database.
    pub db: Db,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub rng: Arc<dyn Rng>,
    /// Hints and live values.
    pub hub: Hub,
    /// The keys that seal columns.
    pub keyring: Arc<Keyring>,
    /// Settings.
    pub config: Arc<Config>,
    /// Live rates of lines.
    pub live: Arc<LiveState>,
    /// Sign-in.
    pub access: Arc<Access>,
    /// Calls to providers.
    pub http: Arc<Http>,
    /// Acts that need two persons.
    pub acts: Acts,
    /// Turns true once, when the program is about to stop.
    pub stopping: watch::Receiver<bool>,
    /// What `/readyz` looks at.
    pub checks: Arc<Vec<Check>>,
    /// The counters behind `/metrics`, where they are collected.
    pub(super) metrics: Option<PrometheusHandle>,
    /// Requests with an Idempotency-Key that are being answered.
    pub(super) in_flight: Arc<Mutex<BTreeSet<(String, String)>>>,
    /// Places for live streams.
    pub(super) streams: Arc<Semaphore>,
}

impl App {
    /// Puts the parts together.
    #[must_use]
    pub fn new(
        db: Db,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
        keyring: Arc<Keyring>,
        config: Arc<Config>,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self {
            hub: Hub::new(&db),
            live: Arc::new(LiveState::new()),
            access: Arc::new(Access::new(
                Arc::clone(&clock),
                Arc::clone(&rng),
                Arc::clone(&keyring),
                Limits::of(&config),
            )),
            http: Arc::default(),
            acts: Acts::default(),
            checks: Arc::default(),
            metrics: None,
            in_flight: Arc::default(),
            streams: Arc::new(Semaphore::new(STREAMS)),
            db,
            clock,
            rng,
            keyring,
            config,
            stopping,
        }
    }

    /// With these checks behind `/readyz`.
    #[must_use]
    pub fn with_checks(mut self, checks: Vec<Check>) -> Self {
        self.checks = Arc::new(checks);
        self
    }

    /// With these acts behind approvals.
    #[must_use]
    pub fn with_acts(mut self, acts: Acts) -> Self {
        self.acts = acts;
        self
    }

    /// With these counters behind `/metrics`.
    #[must_use]
    pub fn with_metrics(mut self, metrics: PrometheusHandle) -> Self {
        self.metrics = Some(metrics);
        self
    }

    /// Returns once the program is about to stop.
    pub async fn stopped(&self) {
        let mut stopping = self.stopping.clone();
        // The sender is gone: the program is past stopping.
        let _ = stopping.wait_for(|stop| *stop).await;
    }
}
