//! The demonstration ISP that `make run` starts: a real controller and agent, a simulated POP with live traffic,
//! sixty customers, and one package whose minute runs out while somebody looks.

mod isp;
pub mod messages;
mod people;
pub mod ports;
pub mod site;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::messages::Messages;
use crate::routeros::{Options, TrafficMode};
use crate::signals;
use ports::{Ports, local};
use site::{Settings, Site};

/// Who signs in. The demonstration listens on loopback alone and guards nothing.
const USERS: [(&str, &str, &str); 3] =
    [("owner", "owner", "demo-lastmile"), ("cashier", "cashier", "demo-lastmile"), ("noc", "noc", "demo-lastmile")];
/// Subscribers of the router that are not ours: a POP that was there before us.
const FOREIGN: u32 = 940;
/// How often is looked whether the programs live.
const LOOK: Duration = Duration::from_millis(250);

/// What is remembered beside the data of the programs.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    ports: Ports,
    router: String,
}

/// The folder: kept, or gone at the end.
enum Home {
    Kept(PathBuf),
    Temporary(tempfile::TempDir),
}

impl Home {
    fn open(data: Option<&Path>) -> Result<Self> {
        let Some(path) = data else {
            let dir = tempfile::Builder::new().prefix("lastmile-demo-").tempdir().context("a temporary folder")?;
            return Ok(Self::Temporary(dir));
        };
        std::fs::create_dir_all(path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self::Kept(path.canonicalize().with_context(|| format!("{}", path.display()))?))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(dir) => dir.path(),
        }
    }
}

fn read_kept(dir: &Path) -> Result<Option<Kept>> {
    let file = dir.join("demo.json");
    match std::fs::read_to_string(&file) {
        Ok(text) => Ok(Some(serde_json::from_str(&text).with_context(|| format!("{}", file.display()))?)),
        Err(_) => {
            ensure!(
                !dir.join("controller").exists(),
                "{} holds a demonstration that was not finished when it was made: remove it and start again",
                dir.display()
            );
            Ok(None)
        }
    }
}

fn settings(dir: &Path, ports: Ports) -> Settings {
    let router = Options {
        subscribers: FOREIGN,
        auto_dial: true,
        mode: TrafficMode::Live,
        identity: "demo-ccr2004".into(),
        ..Options::default()
    };
    Settings {
        dir: dir.to_path_buf(),
        ports,
        router,
        poll_seconds: 5,
        interval_seconds: 60,
        dunning_seconds: 5,
        log_level: "info",
        agent_program: None,
    }
}

/// Makes the ISP in a fresh site.
async fn furnish(site: &mut Site) -> Result<()> {
    for (name, role, password) in USERS {
        site.add_user(name, role, password)?;
    }
    let api = site.api_as("owner")?;
    let (_, router) = site.make_pop(&api, "Demo POP", true).await?;
    messages::set_up(&api, site.settings().ports).await?;
    isp::make(&api, &router, 2026).await?;
    let kept = Kept { ports: site.settings().ports, router };
    let file = site.settings().dir.join("demo.json");
    std::fs::write(&file, serde_json::to_string_pretty(&kept)?).with_context(|| format!("{}", file.display()))
}

/// Tells the controller where the router listens now, where that has changed.
async fn move_router(site: &Site, kept: &Kept) -> Result<()> {
    messages::set_up(&site.api_as("owner")?, site.settings().ports).await?;
    let port = site.settings().ports.router;
    if port != kept.ports.router {
        let path = format!("/routers/{}", kept.router);
        site.api_as("owner")?.patch(&path, serde_json::json!({ "port": port })).await?;
    }
    Ok(())
}

fn greet(site: &Site, temporary: bool) {
    let Settings { ports, dir, router, .. } = site.settings();
    let (owner, _, password) = USERS[0];
    let others: Vec<&str> = USERS[1..].iter().map(|(name, _, _)| *name).collect();
    println!("\nThe demonstration ISP runs. Ctrl-C stops it.\n");
    println!("  console          {}   sign in: {owner} / {password}  (also {})", site.base(), others.join(", "));
    println!("  API              {}/api/docs", site.base());
    println!("  agent's page     http://{}", local(ports.status));
    println!("  router           {}   RouterOS API, {} / {}", local(ports.router), router.user, router.password);
    println!("  router's control http://{}/status", local(ports.control));
    println!("  messages sent    http://{}/   SMS and e-mail end here and nowhere else", local(ports.messages));
    let kept = if temporary { "gone at the end; DATA=dir keeps it" } else { "kept" };
    println!("  data and logs    {} ({kept})\n", dir.display());
    println!("Try it: make a customer with the package \"Minute 20\", see the line go live, let its minute run out,");
    println!("see it held on the router, take a cash payment of ৳20, see it open again.\n");
}

/// Starts the demonstration and keeps it until Ctrl-C.
///
/// # Errors
/// When a program is missing, a port that is needed is taken, or a program ends by itself.
pub async fn run(data: Option<&Path>) -> Result<()> {
    let home = Home::open(data)?;
    let kept = read_kept(home.path())?;
    let wanted = kept.as_ref().map_or(Ports::USUAL, |kept| kept.ports);
    if kept.is_some() {
        wanted.insist_on_fleet()?;
    }
    let ports = wanted.settle(|line| println!("{line}"))?;
    println!("starting the demonstration ISP …");
    let carried = Messages::start(local(ports.messages), local(ports.smtp)).await?;
    let mut site = Site::start(settings(home.path(), ports)).await?;
    let result = keep(&mut site, kept.as_ref(), matches!(home, Home::Temporary(_))).await;
    println!("stopping …");
    let stopped = site.stop().await;
    drop(carried);
    result.and(stopped)
}

/// Gets everything going and returns when it is to stop, or has stopped by itself.
async fn keep(site: &mut Site, kept: Option<&Kept>, temporary: bool) -> Result<()> {
    let start = async {
        match kept {
            Some(kept) => {
                move_router(site, kept).await?;
                site.start_agent().await
            }
            None => furnish(site).await,
        }
    };
    tokio::select! {
        started = start => started?,
        stop = signals::asked_to_stop() => return stop,
    }
    greet(site, temporary);
    tokio::select! {
        stop = signals::asked_to_stop() => stop,
        ended = watch(site) => ended,
    }
}

/// Returns when a program has ended by itself.
async fn watch(site: &mut Site) -> Result<()> {
    loop {
        tokio::time::sleep(LOOK).await;
        site.check()?;
    }
}
