//! `serve`: starts everything, waits for the word to stop, stops everything in order.

use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use futures_util::FutureExt as _;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::prepare::{Prepared, prepare};
use super::{compose, setup};
use crate::config::Config;
use crate::fleet::Fleet;
use crate::jobs::Driver;
use crate::web::{App, Check, server};

/// Requests that are being answered get this long at the end.
const GRACE: Duration = Duration::from_secs(10);
/// Upper bounds of the histogram of request times, in seconds.
const BUCKETS: &[f64] = &[0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// Runs until SIGTERM or SIGINT.
pub(super) async fn serve(config: Config) -> anyhow::Result<()> {
    start_log(&config.log.level);
    std::fs::create_dir_all(&config.data_dir)?;
    let _lock = lock(&config)?;
    let metrics = start_metrics()?;
    let Prepared { config, db, clock, rng, keyring } = prepare(config).await?;
    let listener = TcpListener::bind(config.web.listen)
        .await
        .with_context(|| format!("cannot listen on {} (web.listen)", config.web.listen))?;
    let address = listener.local_addr()?;
    let (stop, stopping) = watch::channel(false);
    let app = App::new(db, clock, rng, keyring, config, stopping).with_metrics(metrics);
    let acts = compose::acts(&app);
    let app = app.with_acts(acts);
    let driver = Driver::new(app.db.clone(), compose::jobs(&app), &*app.rng);
    let jobs = tokio::spawn(driver.run(app.hub.clone(), app.stopping.clone()));
    let fleet = Fleet::start(app.clone())?;
    let parts = std::iter::once(("jobs", jobs.abort_handle())).chain(fleet.parts());
    let app = app.with_checks(parts.map(|(name, task)| alive(name, task)).collect());
    let router = server::router(&app, server::complete(compose::routes()));
    let web = tokio::spawn(server::serve(listener, app.clone(), router));
    tracing::info!(%address, build_id = env!("LASTMILE_BUILD_ID"), "the controller is ready");
    if let Some(code) = setup::code_while_new(&app.db, &app.keyring).await? {
        tracing::warn!(%code, "nobody works here yet: open /setup in a browser and enter this code");
    }

    let failed = until_stopped(web, &stop).await;
    tracing::info!("the controller is stopping");
    fleet.stop().await;
    let _ = tokio::time::timeout(GRACE, jobs).await;
    app.db.close().await;
    failed
}

/// A part of the program that must not have ended.
fn alive(name: &'static str, task: AbortHandle) -> Check {
    let look = move || {
        let ended = task.is_finished();
        async move { if ended { Err("has ended".to_owned()) } else { Ok(()) } }.boxed()
    };
    Check { name, look: Arc::new(look) }
}

/// Waits for a signal, then for the web to finish. An error is the web's.
async fn until_stopped(
    mut web: tokio::task::JoinHandle<std::io::Result<()>>,
    stop: &watch::Sender<bool>,
) -> anyhow::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let early = tokio::select! {
        ended = &mut web => Some(ended),
        _ = terminate.recv() => None,
        _ = interrupt.recv() => None,
    };
    stop.send_replace(true);
    if let Some(ended) = early {
        ended??;
        bail!("the web server ended by itself");
    }
    let _ = tokio::time::timeout(GRACE, web).await;
    Ok(())
}

/// Our own lines at the level asked for; those of libraries only when something is wrong, since at lower levels some
/// of them print what they carry.
fn start_log(level: &str) {
    let level: LevelFilter = level.parse().unwrap_or(LevelFilter::INFO);
    let targets = Targets::new().with_default(level.min(LevelFilter::WARN)).with_target("lastmile_controller", level);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    // A second start in one process (tests) keeps the first.
    let _ = tracing_subscriber::registry().with(targets).with(lines).try_init();
}

fn start_metrics() -> anyhow::Result<PrometheusHandle> {
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), BUCKETS)?
        .build_recorder();
    let handle = recorder.handle();
    let _ = metrics::set_global_recorder(recorder);
    Ok(handle)
}

/// Two controllers on one data directory would both be the only writer.
fn lock(config: &Config) -> anyhow::Result<File> {
    let path = config.data_dir.join("lock");
    let file = File::create(&path).with_context(|| format!("cannot make {}", path.display()))?;
    if file.try_lock().is_err() {
        bail!("another controller is running on {}", config.data_dir.display());
    }
    Ok(file)
}
