//! What several benchmarks stand on: a whole site in a temporary folder, with lines on its simulated router.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::json;
use tempfile::TempDir;

use crate::demo::ports::Ports;
use crate::demo::site::{Settings, Site, id};
use crate::processes::{Api, eventually};
use crate::routeros::{Options, TrafficMode};

/// Requests that are under way together while lines are made.
const TOGETHER: usize = 8;

/// A site with a POP and an agent, and the owner's client.
pub(super) struct Rig {
    pub(super) site: Site,
    pub(super) api: Api,
    pub(super) router: String,
    _dir: TempDir,
}

/// How the site is set up.
pub(super) struct Pace {
    pub(super) poll_seconds: u32,
    pub(super) interval_seconds: u32,
    pub(super) mode: TrafficMode,
    pub(super) agent_program: Option<PathBuf>,
    /// Whether the agent makes the router what the controller wants; else it only reads.
    pub(super) enforce: bool,
}

/// A subscription and the name of its secret.
pub(super) struct Line {
    pub(super) subscription: String,
    pub(super) username: String,
}

impl Rig {
    /// Starts everything.
    pub(super) async fn start(pace: Pace) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("lastmile-bench-").tempdir().context("a temporary folder")?;
        let settings = Settings {
            dir: dir.path().to_path_buf(),
            ports: Ports::ANY.settle(drop)?,
            router: Options { auto_dial: true, mode: pace.mode, ..Options::default() },
            poll_seconds: pace.poll_seconds,
            interval_seconds: pace.interval_seconds,
            dunning_seconds: 1,
            log_level: "warn",
            agent_program: pace.agent_program,
        };
        let mut site = Site::start(settings).await?;
        site.add_user("owner", "owner", "correct horse battery")?;
        let api = site.api_as("owner")?;
        let (_, router) = site.make_pop(&api, "Bench POP", pace.enforce).await?;
        Ok(Self { site, api, router, _dir: dir })
    }

    /// A package of 20/10 Mbit/s for 800 taka a month, without grace.
    pub(super) async fn package(&self) -> Result<String> {
        let package = json!({
            "name": "Bench 20",
            "price": { "minor": 80_000, "currency": "BDT" },
            "down_bps": 20_000_000,
            "up_bps": 10_000_000,
            "validity_value": 1,
            "validity_unit": "month",
            "grace_days": 0,
        });
        id(&self.api.post("/packages", package).await?)
    }

    /// One customer with one line.
    pub(super) async fn line(&self, package: &str, number: u32, paid_until_ms: i64) -> Result<Line> {
        let customer =
            json!({ "name": format!("Customer {number}"), "phone": format!("017{:08}", 10_000_000 + number) });
        let customer = id(&self.api.post("/customers", customer).await?)?;
        let username = format!("bench{number:05}");
        let until = jiff::Timestamp::from_millisecond(paid_until_ms).unwrap_or_default().to_string();
        let subscription = json!({
            "customer_id": customer,
            "package_id": package,
            "router_id": self.router,
            "access": { "kind": "pppoe", "username": username, "password": format!("secret-{number}") },
            "paid_until": until,
        });
        let subscription = id(&self.api.post("/subscriptions", subscription).await?)?;
        Ok(Line { subscription, username })
    }

    /// As many lines, each of a customer of its own.
    pub(super) async fn lines(&self, package: &str, count: u32, paid_until_ms: i64) -> Result<Vec<Line>> {
        stream::iter(0..count)
            .map(|number| self.line(package, number, paid_until_ms))
            .buffered(TOGETHER)
            .try_collect()
            .await
    }

    /// Waits until that many sessions are up on the router.
    pub(super) async fn online(&self, count: usize, bound: Duration) -> Result<()> {
        let handle = self.site.simulator().handle();
        eventually(&format!("{count} sessions"), bound, async || {
            let up = handle.sessions().len();
            if up >= count { Ok(()) } else { Err(up) }
        })
        .await
    }
}
