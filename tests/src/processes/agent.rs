//! The real agent: joined once, killed and started again on the same data directory.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::api::Api;
use super::child::{Child, Ended, run};
use super::folder::Folder;
use super::ports::Port;
use super::programs;
use super::waiting::eventually;

/// How long a debug build on a busy machine may need to answer.
const READY: Duration = Duration::from_secs(30);

/// An agent with its own data directory and status page.
#[derive(Debug)]
pub struct Agent {
    program: PathBuf,
    config: PathBuf,
    data: PathBuf,
    log: PathBuf,
    status: Port,
    environment: Vec<(String, String)>,
    /// Network namespace it lives in; empty for this one.
    space: String,
    child: Option<Child>,
}

impl Agent {
    /// Writes the configuration of an agent called `name`; neither joins nor starts it. `more` is TOML that is
    /// appended as it is.
    ///
    /// # Errors
    /// When the program is missing or stale.
    pub fn prepare(folder: &Folder, name: &str, more: &str) -> Result<Self> {
        let program = programs::agent()?;
        let status = Port::take()?;
        let data = folder.path().join(name);
        let config = folder.path().join(format!("{name}.toml"));
        let listen = status.address();
        let text = format!("data_dir = {data:?}\n[status]\nlisten = {listen:?}\n[log]\nlevel = \"debug\"\n{more}");
        std::fs::write(&config, text).context("agent.toml")?;
        Ok(Self {
            program,
            config,
            data,
            log: folder.log(name),
            status,
            environment: Vec::new(),
            space: String::new(),
            child: None,
        })
    }

    /// Its data directory.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Its status page, `http://127.0.0.1:port`.
    #[must_use]
    pub fn base(&self) -> String {
        format!("http://{}", self.status.address())
    }

    /// Lets it live in a network namespace.
    pub fn live_in(&mut self, space: &str) {
        space.clone_into(&mut self.space);
    }

    fn invocation(&self, words: &[&str]) -> Command {
        let mut command = if self.space.is_empty() {
            Command::new(&self.program)
        } else {
            let mut inside = Command::new("ip");
            inside.args(["netns", "exec", &self.space]).arg(&self.program);
            inside
        };
        command.args(words).arg("--config").arg(&self.config);
        command
    }

    /// Sets an environment variable of the next start; an empty value removes it.
    pub fn set_env(&mut self, name: &str, value: &str) {
        self.environment.retain(|(known, _)| known != name);
        if !value.is_empty() {
            self.environment.push((name.to_owned(), value.to_owned()));
        }
    }

    /// Runs one of its commands to the end: `["spool", "inspect", "--json"]`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn command(&self, words: &[&str]) -> Result<Ended> {
        run(self.invocation(words), "")
    }

    /// Joins with a token, as the technician does.
    ///
    /// # Errors
    /// When it is refused.
    pub fn join(&self, token: &str) -> Result<String> {
        self.command(&["join", token])?.success()
    }

    /// Starts it and waits for its status page, where that can be seen from here.
    ///
    /// # Errors
    /// When it ends, or does not answer in time.
    pub async fn start(&mut self) -> Result<()> {
        self.spawn()?;
        if !self.space.is_empty() {
            // Its page listens on the loopback of its own namespace; the controller sees soon enough whether it lives.
            return Ok(());
        }
        let page = Api::new(&self.base(), "")?;
        let child = self.child()?;
        eventually("the agent answers", READY, async || {
            if !child.is_running() {
                return Ok(Err(anyhow::anyhow!("the agent ended:\n{}", child.output())));
            }
            match page.get("//healthz").await {
                Ok(_) => Ok(Ok(())),
                Err(why) => Err(format!("{why:#}")),
            }
        })
        .await?
    }

    /// Starts it without waiting.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(&mut self) -> Result<()> {
        self.child = Some(Child::start("agent", self.invocation(&["run"]), &self.environment, &self.log)?);
        Ok(())
    }

    /// The running program.
    ///
    /// # Errors
    /// When it is not started.
    pub fn child(&mut self) -> Result<&mut Child> {
        self.child.as_mut().context("the agent is not started")
    }

    /// kill -9.
    ///
    /// # Errors
    /// When it was not running.
    pub fn kill(&mut self) -> Result<()> {
        self.child.take().context("the agent is not started")?.kill_hard()
    }

    /// SIGTERM and a clean end.
    ///
    /// # Errors
    /// When it does not end well.
    pub async fn stop(&mut self) -> Result<()> {
        self.child.take().context("the agent is not started")?.stop().await
    }
}
