//! Waiting to be told to stop.

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

/// Returns at Ctrl-C or SIGTERM.
///
/// # Errors
/// When the signals cannot be watched.
pub async fn asked_to_stop() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot watch SIGTERM")?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result.context("cannot watch Ctrl-C"),
        _ = terminate.recv() => Ok(()),
    }
}
