//! The real controller: its configuration, its commands, its life and death.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::api::Api;
use super::child::{Child, Ended, run};
use super::folder::Folder;
use super::ports::Port;
use super::programs;
use super::waiting::eventually;
use crate::link::Link;
use crate::postgres;

/// How long a debug build on a busy machine may need to answer.
const READY: Duration = Duration::from_secs(30);

/// Which database a story stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    /// In the data directory.
    Sqlite,
    /// A fresh database of the test cluster.
    Postgres,
}

/// What stories set; everything else is as shipped.
#[derive(Debug, Clone)]
pub struct Settings {
    /// SQLite or PostgreSQL.
    pub database: Database,
    /// How often the dunning job runs, in seconds.
    pub dunning_seconds: u32,
    /// Grace after expiry, in days.
    pub grace_days: u32,
    /// Length of a usage interval, in seconds.
    pub interval_seconds: u32,
    /// The address of this machine at which agents in another network namespace reach it; empty: by the road.
    pub agents_at: String,
    /// Lines of TOML that are appended as they are.
    pub more: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            database: Database::Sqlite,
            dunning_seconds: 1,
            grace_days: 0,
            interval_seconds: 2,
            agents_at: String::new(),
            more: String::new(),
        }
    }
}

/// A controller that can be killed and started again on the same data and ports.
#[derive(Debug)]
pub struct Controller {
    program: PathBuf,
    config: PathBuf,
    log: PathBuf,
    web: Port,
    quic: Port,
    link: Link,
    environment: Vec<(String, String)>,
    child: Option<Child>,
    database: Option<postgres::Fresh>,
}

impl Controller {
    /// Writes the configuration and creates the database; does not start.
    ///
    /// # Errors
    /// When the program is missing or stale, or the database refuses.
    pub async fn prepare(folder: &Folder, settings: &Settings) -> Result<Self> {
        let program = programs::controller()?;
        let (web, quic) = (Port::take()?, Port::take()?);
        let link = Link::open(&quic.address()).await?;
        let database = match settings.database {
            Database::Sqlite => None,
            Database::Postgres => Some(postgres::Fresh::create().await?),
        };
        let (listen, public) = match settings.agents_at.as_str() {
            "" => (quic.address(), link.address()),
            host => (format!("{host}:{}", quic.number()), format!("{host}:{}", quic.number())),
        };
        let data = folder.path().join("controller");
        let url = database
            .as_ref()
            .map(|fresh| format!("[database]\nurl = {:?}\nowner_url = {:?}\n", fresh.url(), fresh.owner_url()))
            .unwrap_or_default();
        let text = format!(
            "[data]\ndir = {data:?}\n{url}\
             [web]\nlisten = {web:?}\npublic_url = {url_of_web:?}\n\
             [fleet]\nlisten = {listen:?}\npublic_addresses = [{public:?}]\nping_seconds = 1\n\
             [dunning]\nevery_seconds = {every}\ngrace_days = {grace}\n\
             [usage]\npoll_seconds = 1\ninterval_seconds = {interval}\n\
             [log]\nlevel = \"debug\"\n{more}",
            web = web.address(),
            url_of_web = format!("http://{}", web.address()),
            every = settings.dunning_seconds,
            grace = settings.grace_days,
            interval = settings.interval_seconds,
            more = settings.more,
        );
        let config = folder.path().join("controller.toml");
        std::fs::write(&config, text).context("controller.toml")?;
        let log = folder.log("controller");
        Ok(Self { program, config, log, web, quic, link, environment: Vec::new(), child: None, database })
    }

    /// `http://127.0.0.1:port`.
    #[must_use]
    pub fn base(&self) -> String {
        format!("http://{}", self.web.address())
    }

    /// The road on which its agents reach it.
    #[must_use]
    pub const fn link(&self) -> &Link {
        &self.link
    }

    /// Where it listens for agents, UDP.
    #[must_use]
    pub fn quic_address(&self) -> String {
        self.quic.address()
    }

    /// Its configuration file.
    #[must_use]
    pub fn config(&self) -> &std::path::Path {
        &self.config
    }

    /// URL of its PostgreSQL database, if it stands on one.
    #[must_use]
    pub fn postgres_url(&self) -> Option<&str> {
        self.database.as_ref().map(postgres::Fresh::url)
    }

    /// Another machine takes its place: an empty data directory and database, at the same addresses. Returns the new
    /// data directory.
    ///
    /// # Errors
    /// When the disk or the database refuses.
    pub async fn move_elsewhere(&mut self, folder: &Folder) -> Result<PathBuf> {
        let (old, new) = (folder.path().join("controller"), folder.path().join("elsewhere"));
        std::fs::create_dir(&new).context("the other machine's data directory")?;
        let mut text = std::fs::read_to_string(&self.config).context("controller.toml")?;
        text = text.replacen(&format!("dir = {old:?}"), &format!("dir = {new:?}"), 1);
        if let Some(database) = &self.database {
            let fresh = postgres::Fresh::create().await?;
            text = text.replace(database.owner_url(), fresh.owner_url()).replace(database.url(), fresh.url());
            self.database = Some(fresh);
        }
        std::fs::write(&self.config, text).context("controller.toml")?;
        Ok(new)
    }

    /// URL of its database for the superuser of the test cluster.
    #[must_use]
    pub fn superuser_url(&self) -> Option<&str> {
        self.database.as_ref().map(postgres::Fresh::superuser_url)
    }

    /// Sets an environment variable of the next start; an empty value removes it.
    pub fn set_env(&mut self, name: &str, value: &str) {
        self.environment.retain(|(known, _)| known != name);
        if !value.is_empty() {
            self.environment.push((name.to_owned(), value.to_owned()));
        }
    }

    /// Runs one of its commands to the end: `["user", "add", …]`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn command(&self, words: &[&str], input: &str) -> Result<Ended> {
        let mut command = Command::new(&self.program);
        command.args(words).arg("--config").arg(&self.config);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        run(command, input)
    }

    /// Starts it and waits until it is ready.
    ///
    /// # Errors
    /// When it is not ready in time; its log says why.
    pub async fn start(&mut self) -> Result<()> {
        self.spawn()?;
        self.ready().await
    }

    /// Starts it without waiting.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(&mut self) -> Result<()> {
        let mut command = Command::new(&self.program);
        command.arg("serve").arg("--config").arg(&self.config);
        self.child = Some(Child::start("controller", command, &self.environment, &self.log)?);
        Ok(())
    }

    /// Waits for `/readyz`.
    ///
    /// # Errors
    /// When it ends, or does not answer in time.
    pub async fn ready(&mut self) -> Result<()> {
        let api = Api::new(&self.base(), "")?;
        let child = self.child.as_mut().context("the controller is not started")?;
        eventually("the controller is ready", READY, async || {
            if !child.is_running() {
                return Ok(Err(anyhow::anyhow!("the controller ended:\n{}", child.output())));
            }
            match api.get("//readyz").await {
                Ok(_) => Ok(Ok(())),
                Err(why) => Err(format!("{why:#}")),
            }
        })
        .await?
    }

    /// The running program.
    ///
    /// # Errors
    /// When it is not started.
    pub fn child(&mut self) -> Result<&mut Child> {
        self.child.as_mut().context("the controller is not started")
    }

    /// kill -9.
    ///
    /// # Errors
    /// When it was not running.
    pub fn kill(&mut self) -> Result<()> {
        self.child.take().context("the controller is not started")?.kill_hard()
    }

    /// SIGTERM and a clean end.
    ///
    /// # Errors
    /// When it does not end well.
    pub async fn stop(&mut self) -> Result<()> {
        self.child.take().context("the controller is not started")?.stop().await
    }

    /// Makes an owner with the command line and returns a client with its token.
    ///
    /// # Errors
    /// When a command fails.
    pub fn owner(&self) -> Result<Api> {
        self.command(&["user", "add", "--username", "owner", "--role", "owner"], "correct horse battery\n")?
            .success()?;
        self.token("owner")
    }

    /// A client with a new token of that user.
    ///
    /// # Errors
    /// When the command fails.
    pub fn token(&self, user: &str) -> Result<Api> {
        let token = self.command(&["token", "create", "--user", user], "")?.success()?;
        Api::new(&self.base(), token.lines().last().unwrap_or_default())
    }
}
