//! One ISP on one machine: the real controller on SQLite, the real agent, and a simulated router, in one folder.
//! The demonstration and the benchmarks stand on it.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::ports::{Ports, local};
use crate::processes::child::{Child, run};
use crate::processes::{Api, eventually, programs};
use crate::routeros::{Options, Simulator};

/// What the simulated router's uplink carries, bit/s.
const LINE_RATE_BPS: u64 = 10_000_000_000;
/// How long a program may take until it answers.
const READY: Duration = Duration::from_secs(60);

/// How a site is set up.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where everything is kept.
    pub dir: PathBuf,
    /// Ports that are free.
    pub ports: Ports,
    /// The simulated router.
    pub router: Options,
    /// Seconds between two readings of the router.
    pub poll_seconds: u32,
    /// Length of a usage record, seconds.
    pub interval_seconds: u32,
    /// Seconds between two looks at who has not paid.
    pub dunning_seconds: u32,
    /// `error`, `warn`, `info`, `debug`.
    pub log_level: &'static str,
    /// The agent's program, where it is not the one beside ours.
    pub agent_program: Option<PathBuf>,
}

/// A site whose programs run. Dropping it kills them.
#[derive(Debug)]
pub struct Site {
    settings: Settings,
    simulator: Simulator,
    controller: Option<Child>,
    agent: Option<Child>,
}

impl Site {
    /// Writes the configurations and starts router and controller; the agent is started by [`Site::start_agent`].
    ///
    /// # Errors
    /// When a port is taken, a program is missing, or the controller is not ready in time.
    pub async fn start(settings: Settings) -> Result<Self> {
        let logs = settings.dir.join("logs");
        std::fs::create_dir_all(&logs).with_context(|| format!("cannot make {}", logs.display()))?;
        write_configurations(&settings)?;
        let (api, control) = (local(settings.ports.router), local(settings.ports.control));
        let simulator = Simulator::start_on(settings.router.clone(), api, control)
            .await
            .with_context(|| format!("the simulated router cannot listen on {api} and {control}"))?;
        let mut site = Self { settings, simulator, controller: None, agent: None };
        site.start_controller().await?;
        Ok(site)
    }

    /// Starts the controller and waits until it is ready.
    ///
    /// # Errors
    /// When it ends or is not ready in time.
    pub async fn start_controller(&mut self) -> Result<()> {
        let mut command = own_group(programs::controller()?);
        command.arg("serve").arg("--config").arg(self.controller_config());
        let mut child = Child::start("the controller", command, &[], &self.log("controller"))?;
        wait(&mut child, "the controller is ready", &self.base(), "//readyz").await?;
        self.controller = Some(child);
        Ok(())
    }

    /// Starts the agent, which has joined before, and waits for its status page.
    ///
    /// # Errors
    /// When it ends or does not answer in time.
    pub async fn start_agent(&mut self) -> Result<()> {
        let mut command = own_group(self.agent_program()?);
        command.arg("run").arg("--config").arg(self.agent_config());
        let mut child = Child::start("the agent", command, &[], &self.log("agent"))?;
        let page = format!("http://{}", local(self.settings.ports.status));
        wait(&mut child, "the agent answers", &page, "//healthz").await?;
        self.agent = Some(child);
        Ok(())
    }

    /// Runs a command of the controller to its end and returns what it printed.
    ///
    /// # Errors
    /// When it fails.
    pub fn controller_command(&self, words: &[&str], input: &str) -> Result<String> {
        let mut command = Command::new(programs::controller()?);
        command.args(words).arg("--config").arg(self.controller_config());
        run(command, input)?.success()
    }

    /// Makes a member of staff.
    ///
    /// # Errors
    /// When the controller refuses.
    pub fn add_user(&self, name: &str, role: &str, password: &str) -> Result<()> {
        self.controller_command(&["user", "add", "--username", name, "--role", role], &format!("{password}\n"))
            .map(drop)
    }

    /// A client of the API that acts as this member of staff.
    ///
    /// # Errors
    /// When the controller refuses.
    pub fn api_as(&self, name: &str) -> Result<Api> {
        let said = self.controller_command(&["token", "create", "--user", name], "")?;
        Api::new(&self.base(), said.lines().last().unwrap_or_default().trim())
    }

    /// Makes the POP with its router, invites an agent, lets it join and starts it. Returns (POP, router).
    /// Without `enforce` the agent reads the router and writes nothing.
    ///
    /// # Errors
    /// When one of these steps fails.
    pub async fn make_pop(&mut self, api: &Api, name: &str, enforce: bool) -> Result<(String, String)> {
        let pop = id(&api.post("/pops", json!({ "name": name })).await?)?;
        let options = &self.settings.router;
        let router = json!({
            "pop_id": pop,
            "name": options.identity,
            "kind": "routeros",
            "host": "127.0.0.1",
            "port": self.settings.ports.router,
            "username": options.user,
            "password": options.password,
            "line_rate_bps": LINE_RATE_BPS,
            "enforce": enforce,
            "poll_seconds": self.settings.poll_seconds,
        });
        let router = id(&api.post("/routers", router).await?)?;
        let invitation = api.post("/agents/invite", json!({ "pop_id": pop })).await?;
        let token = invitation["token"].as_str().context("the invitation has a token")?;
        let mut command = Command::new(self.agent_program()?);
        command.arg("join").arg(token).arg("--config").arg(self.agent_config());
        run(command, "")?.success()?;
        self.start_agent().await?;
        Ok((pop, router))
    }

    /// Fails when one of the programs has ended.
    ///
    /// # Errors
    /// With the name of the program and the end of its log.
    pub fn check(&mut self) -> Result<()> {
        for (child, name) in [(&mut self.controller, "controller"), (&mut self.agent, "agent")] {
            if let Some(child) = child
                && !child.is_running()
            {
                let output = child.output();
                let lines: Vec<&str> = output.lines().collect();
                let end = lines[lines.len().saturating_sub(15)..].join("\n");
                bail!("the {name} has ended by itself; the end of its log:\n{end}");
            }
        }
        Ok(())
    }

    /// Stops the agent, then the controller: politely, and by force when that takes too long.
    ///
    /// # Errors
    /// When one of them did not end well.
    pub async fn stop(mut self) -> Result<()> {
        let mut result = Ok(());
        for child in [self.agent.take(), self.controller.take()].into_iter().flatten() {
            let mut child = child;
            result = result.and(child.stop().await);
        }
        result
    }

    /// `http://127.0.0.1:port` of the controller.
    #[must_use]
    pub fn base(&self) -> String {
        format!("http://{}", local(self.settings.ports.web))
    }

    /// The simulated router.
    #[must_use]
    pub const fn simulator(&self) -> &Simulator {
        &self.simulator
    }

    /// How it is set up.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The running controller.
    ///
    /// # Errors
    /// When it is not started.
    pub fn controller(&mut self) -> Result<&mut Child> {
        self.controller.as_mut().context("the controller is not started")
    }

    /// The running agent.
    ///
    /// # Errors
    /// When it is not started.
    pub fn agent(&mut self) -> Result<&mut Child> {
        self.agent.as_mut().context("the agent is not started")
    }

    /// Stops the agent alone.
    ///
    /// # Errors
    /// When it does not end well.
    pub async fn stop_agent(&mut self) -> Result<()> {
        self.agent.take().context("the agent is not started")?.stop().await
    }

    /// A client of the agent's status page.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn status_api(&self) -> Result<Api> {
        Api::new(&format!("http://{}", local(self.settings.ports.status)), "")
    }

    /// The agent's data directory.
    #[must_use]
    pub fn agent_data(&self) -> PathBuf {
        self.settings.dir.join("agent")
    }

    fn agent_program(&self) -> Result<PathBuf> {
        self.settings.agent_program.clone().map_or_else(programs::agent, Ok)
    }

    fn controller_config(&self) -> PathBuf {
        self.settings.dir.join("controller.toml")
    }

    fn agent_config(&self) -> PathBuf {
        self.settings.dir.join("agent.toml")
    }

    fn log(&self, name: &str) -> PathBuf {
        self.settings.dir.join("logs").join(format!("{name}.log"))
    }
}

/// The `id` of an answer.
///
/// # Errors
/// When it has none.
pub fn id(answer: &Value) -> Result<String> {
    Ok(answer["id"].as_str().with_context(|| format!("no id in {answer}"))?.to_owned())
}

/// A program in a process group of its own, so that Ctrl-C at the terminal reaches only us and we stop it in order.
fn own_group(program: PathBuf) -> Command {
    let mut command = Command::new(program);
    command.process_group(0);
    command
}

async fn wait(child: &mut Child, what: &str, base: &str, path: &str) -> Result<()> {
    let api = Api::new(base, "")?;
    eventually(what, READY, async || {
        if !child.is_running() {
            return Ok(Err(anyhow::anyhow!("it ended at once:\n{}", child.output())));
        }
        api.get(path).await.map(Ok).map_err(|error| format!("{error:#}"))
    })
    .await??;
    Ok(())
}

fn write_configurations(settings: &Settings) -> Result<()> {
    let Settings { dir, ports, log_level, .. } = settings;
    let controller = format!(
        "[data]\ndir = {data:?}\n\
         [web]\nlisten = \"{web}\"\npublic_url = \"http://{web}\"\n\
         [fleet]\nlisten = \"{fleet}\"\npublic_addresses = [\"{fleet}\"]\n\
         [dunning]\nevery_seconds = {dunning}\ngrace_days = 3\n\
         [usage]\npoll_seconds = {poll}\ninterval_seconds = {interval}\n\
         [log]\nlevel = {log_level:?}\n",
        data = dir.join("controller"),
        web = local(ports.web),
        fleet = local(ports.fleet),
        dunning = settings.dunning_seconds,
        poll = settings.poll_seconds,
        interval = settings.interval_seconds,
    );
    let agent = format!(
        "data_dir = {data:?}\n[status]\nlisten = \"{status}\"\n[log]\nlevel = {log_level:?}\n",
        data = dir.join("agent"),
        status = local(ports.status),
    );
    write(&dir.join("controller.toml"), &controller)?;
    write(&dir.join("agent.toml"), &agent)
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
