//! `agent_memory`: what an agent with 5,000 lines takes of a POP's small machine, and how large its program is.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::Measure;
use super::rig::{Pace, Rig};
use crate::clock;
use crate::routeros::TrafficMode;

const LINES: u32 = 5_000;
const DAY_MS: i64 = 86_400_000;
/// How long the agent is watched once everybody is online: several polls.
const WATCHED: Duration = Duration::from_secs(30);

/// The stripped agent, built by itself: features of other packages must not leak into it.
fn dist_agent() -> Result<PathBuf> {
    let own = std::env::current_exe().context("own path")?;
    let target = own.parent().and_then(|folder| folder.parent()).context("the target folder")?;
    let program = target.join("dist").join("lastmile-agent");
    ensure!(program.exists(), "{} is missing: cargo build --profile dist -p lastmile-agent", program.display());
    Ok(program)
}

/// A line of `/proc/PID/status`, MiB.
fn status_mib(pid: u32, key: &str) -> Result<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).context("status of the agent")?;
    let kib = text.lines().find_map(|line| line.strip_prefix(key)?.strip_suffix("kB")?.trim().parse::<f64>().ok());
    Ok(kib.with_context(|| format!("no {key}"))? / 1024.0)
}

pub(super) async fn run() -> Result<Vec<Measure>> {
    let program = dist_agent()?;
    #[expect(clippy::cast_precision_loss, reason = "a program is far below 2^52 bytes")]
    let binary_mib = std::fs::metadata(&program).context("size of the agent")?.len() as f64 / (1024.0 * 1024.0);
    let pace = Pace {
        poll_seconds: 5,
        interval_seconds: 60,
        mode: TrafficMode::Live,
        agent_program: Some(program),
        enforce: true,
    };
    let mut rig = Rig::start(pace).await?;
    let package = rig.package().await?;
    rig.lines(&package, LINES, clock::wall_ms() + 20 * DAY_MS).await?;
    rig.online(usize::try_from(LINES)?, Duration::from_secs(600)).await?;
    let pid = rig.site.agent()?.id();
    let (mut rss_mib, until) = (0.0f64, clock::mono_ms() + u64::try_from(WATCHED.as_millis())?);
    while clock::mono_ms() < until {
        rss_mib = rss_mib.max(status_mib(pid, "VmRSS:")?);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    eprintln!("bench: agent_memory: peak since start {:.1} MiB", status_mib(pid, "VmHWM:")?);
    rig.site.check()?;
    rig.site.stop().await?;
    Ok(vec![
        Measure::less_is_better("agent_memory", "MiB RSS with 5,000 lines", rss_mib, None, "25"),
        Measure::less_is_better("agent_binary", "MiB, stripped", binary_mib, None, "12"),
    ])
}
