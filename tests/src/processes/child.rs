//! One running program whose output goes to a log that can be watched.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child as Process, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::waiting::eventually;

/// A running program. Killed when dropped, so that no test leaves one behind.
#[derive(Debug)]
pub struct Child {
    name: String,
    process: Process,
    log: PathBuf,
    /// Where this run's part of the log begins, in bytes.
    from: u64,
}

impl Child {
    /// Starts `command`; both outputs are appended to `log`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(name: &str, mut command: Command, environment: &[(String, String)], log: &Path) -> Result<Self> {
        let file = append(log)?;
        let from = file.metadata().context("length of the log")?.len();
        let also = file.try_clone().context("a second handle of the log")?;
        command.stdin(Stdio::null()).stdout(file).stderr(also);
        // What the machine is set to must not reach the programs.
        command.env_remove("RUST_LOG").env_remove("LASTMILE_CRASH_AT");
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        let process = command.spawn().with_context(|| format!("{name} cannot be started"))?;
        Ok(Self { name: name.to_owned(), process, log: log.to_path_buf(), from })
    }

    /// Process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// What this run has written so far.
    #[must_use]
    pub fn output(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        let from = usize::try_from(self.from).unwrap_or(usize::MAX);
        String::from_utf8_lossy(bytes.get(from..).unwrap_or_default()).into_owned()
    }

    /// Still there?
    pub fn is_running(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }

    /// Waits until a line of this run contains `text`; fails at once when the program has ended without it.
    ///
    /// # Errors
    /// After `bound`, or when the program ended.
    pub async fn wait_for_line(&mut self, text: &str, bound: Duration) -> Result<()> {
        let what = format!("`{text}` in the output of {}", self.name);
        eventually(&what, bound, async || match (self.output().contains(text), self.is_running()) {
            (true, _) => Ok(Ok(())),
            (false, true) => Err("not yet"),
            (false, false) => Ok(Err(format!("{} ended:\n{}", self.name, self.output()))),
        })
        .await?
        .map_err(anyhow::Error::msg)
    }

    /// kill -9: nothing is flushed, nobody is told.
    ///
    /// # Errors
    /// When it has ended by itself before: a test that kills what is dead proves nothing.
    pub fn kill_hard(&mut self) -> Result<()> {
        ensure!(self.is_running(), "{} had ended before it was killed:\n{}", self.name, self.output());
        self.process.kill().with_context(|| format!("kill -9 of {}", self.name))?;
        self.process.wait().with_context(|| format!("end of {}", self.name))?;
        Ok(())
    }

    /// Asks it to stop (SIGTERM) and expects a clean end.
    ///
    /// # Errors
    /// When it does not end within ten seconds, or not with success.
    pub async fn stop(&mut self) -> Result<()> {
        let sent = Command::new("kill").arg(self.id().to_string()).status().context("kill")?;
        ensure!(sent.success(), "{} could not be told to stop", self.name);
        let status = eventually(&format!("end of {}", self.name), Duration::from_secs(10), async || {
            match self.process.try_wait() {
                Ok(Some(status)) => Ok(status),
                other => Err(other),
            }
        })
        .await?;
        ensure!(status.success(), "{} ended with {status}:\n{}", self.name, self.output());
        Ok(())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended already, which is as good.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn append(log: &Path) -> Result<File> {
    OpenOptions::new().create(true).append(true).open(log).with_context(|| format!("{}", log.display()))
}

/// Runs a program to its end, with `input` on its standard input.
///
/// # Errors
/// When it cannot be started. Whether it succeeded is the caller's question.
pub fn run(mut command: Command, input: &str) -> Result<Ended> {
    let what = format!("{command:?}");
    let mut process = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("{what} cannot be started"))?;
    if let Some(mut stdin) = process.stdin.take() {
        // A program that does not read its input may have closed it.
        drop(stdin.write_all(input.as_bytes()));
    }
    let output = process.wait_with_output().with_context(|| format!("end of {what}"))?;
    Ok(Ended {
        what,
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// How a program ended and what it said.
#[derive(Debug)]
pub struct Ended {
    what: String,
    /// Exit code; -1 after a signal.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Ended {
    /// Its trimmed standard output.
    ///
    /// # Errors
    /// When it did not succeed, with what it said.
    pub fn success(self) -> Result<String> {
        if self.code != 0 {
            bail!("{} ended with {}: {}{}", self.what, self.code, self.out, self.err);
        }
        Ok(self.out.trim().to_owned())
    }
}
