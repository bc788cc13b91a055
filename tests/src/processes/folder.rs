//! The temporary folder of a story: data, configurations and logs of everything it starts.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;

/// How much of the end of a log is printed when a test fails, in lines.
const TAIL: usize = 60;

/// A folder that goes away after a good test; after a bad one it stays, and the ends of its logs are printed.
#[derive(Debug)]
pub struct Folder(Option<TempDir>);

impl Folder {
    /// A new one.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn new() -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("lastmile-story-").tempdir().context("a temporary folder")?;
        std::fs::create_dir(dir.path().join("logs")).context("a folder for logs")?;
        Ok(Self(Some(dir)))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.as_ref().map_or_else(|| Path::new("."), |dir| dir.path())
    }

    /// A log file of it.
    #[must_use]
    pub fn log(&self, name: &str) -> PathBuf {
        self.path().join("logs").join(format!("{name}.log"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let Some(dir) = self.0.take() else { return };
        let kept = dir.keep();
        let mut logs: Vec<PathBuf> =
            std::fs::read_dir(kept.join("logs")).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        logs.sort();
        for log in logs {
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            eprintln!("── end of {} ({} lines)", log.display(), lines.len());
            eprintln!("{}", lines[lines.len().saturating_sub(TAIL)..].join("\n"));
        }
        eprintln!("── kept: {}", kept.display());
    }
}
