//! Usage is exact to the byte, per line and interval, whoever is killed wherever it hurts.
//!
//! Each story kills one program at one crash point, ten times, while traffic moves, the spool holds chunks that the
//! controller has not acknowledged, and some of them are under way. Afterwards every record that the controller has
//! must be the difference of two readings that the router really handed out, they must follow each other without a
//! hole, and their sum must be what the customer really moved.
//!
//! Where a kill leaves something applied that the agent does not know to be, it must come a second time and be
//! refused: both sides count that, and the counters of programs that die are read before they do.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lastmile_testbed::processes::{Api, Settings, eventually};
use serde_json::Value;

use super::isp::{Isp, SOON, tell};
use super::town::{Town, all_arrives, compare};

/// How often each program is killed at each point.
const KILLS: u32 = 10;

/// Chunks that wait at least when a program is killed.
const WAITING: u64 = 2;

/// Until a crash point is reached: some intervals, a reconnection.
const REACHED: Duration = Duration::from_secs(40);

/// The agent's own numbers.
fn agent_page(isp: &Isp) -> Result<Api> {
    Api::new(&isp.agent.base(), "")
}

/// Waits until both sides see the connection.
async fn linked(isp: &Isp) -> Result<()> {
    isp.connected().await?;
    let page = agent_page(isp)?;
    eventually("the agent has heard its welcome", SOON, async || match page.metric("lastmile_agent_connected").await {
        Ok(1) => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await
}

/// What waits in the spool of a running agent, and what of it is under way.
async fn burden(isp: &Isp) -> Result<(u64, u64)> {
    let page = agent_page(isp)?;
    let chunks = page.metric("lastmile_agent_spool_chunks").await?;
    Ok((chunks, page.metric("lastmile_agent_chunks_under_way").await?))
}

/// Lets the spool grow: the road is cut until chunks wait and are under way.
async fn pile_up(isp: &Isp) -> Result<()> {
    isp.road().cut();
    eventually("chunks wait and are under way", SOON, async || match burden(isp).await {
        Ok((chunks, under_way)) if chunks >= WAITING && under_way > 0 => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await
}

/// The agent's count of chunks that it sent again.
async fn resends(isp: &Isp) -> Result<u64> {
    agent_page(isp)?.metric("lastmile_agent_resends_total").await
}

/// The controller's count of chunks that it had already.
async fn duplicates(isp: &Isp) -> Result<u64> {
    isp.api.metric("lastmile_ingest_duplicates_total").await
}

/// A crash point of the next start of a program: passes count from [`Trap::arm`] on.
struct Trap {
    point: &'static str,
    file: PathBuf,
}

impl Trap {
    fn new(isp: &Isp, point: &'static str) -> Self {
        Self { point, file: isp.folder.path().join("armed") }
    }

    /// Environment of the program; each round another pass.
    fn environment(&self, round: u32) -> [(&'static str, String); 2] {
        let at = format!("{}:{}", self.point, 1 + round % 3);
        [("LASTMILE_CRASH_AT", at), ("LASTMILE_CRASH_WHEN", self.file.display().to_string())]
    }

    fn arm(&self) -> Result<()> {
        std::fs::write(&self.file, "").context("arming the trap")
    }

    fn disarm(&self) -> Result<()> {
        std::fs::remove_file(&self.file).context("disarming the trap")
    }

    /// The line that the program writes when it stands there.
    fn line(&self) -> String {
        format!("crash-point {}", self.point)
    }
}

fn settings() -> Settings {
    Settings { interval_seconds: 1, ..Settings::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exact_when_the_agent_is_killed_after_fsync() {
    tell(settings(), async |isp: &mut Isp| {
        // The road stays cut: what was sent before the kill is under way and never arrives.
        kill_agent(isp, "agent.spool.after_fsync", false).await.map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exact_when_the_agent_is_killed_before_it_records_an_ack() {
    tell(settings(), async |isp: &mut Isp| {
        let (resends, duplicates) = kill_agent(isp, "agent.ack.before_record", true).await?;
        // Every kill forgets an acknowledgement: a new agent does not know that it was given.
        let kills = u64::from(KILLS);
        ensure!(resends >= kills && duplicates >= kills, "{resends} sent again, {duplicates} refused");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exact_when_the_controller_is_killed_after_commit_before_the_ack() {
    tell(settings(), async |isp: &mut Isp| kill_controller(isp, "controller.ingest.after_commit").await).await;
}

/// Kills one agent after the other at this point; `mend` gives it the road back first. How many chunks were sent again
/// and how many of them refused.
async fn kill_agent(isp: &mut Isp, point: &'static str, mend: bool) -> Result<(u64, u64)> {
    let mut town = Town::settle(isp).await?;
    let (trap, mut again) = (Trap::new(isp, point), 0);
    isp.agent.stop().await?;
    for round in 0..KILLS {
        trap.environment(round).iter().for_each(|(name, value)| isp.agent.set_env(name, value));
        isp.agent.start().await?;
        linked(isp).await?;
        pile_up(isp).await?;
        trap.arm()?;
        if mend {
            isp.road().mend();
        }
        isp.agent.child()?.wait_for_line(&trap.line(), REACHED).await?;
        let (chunks, under_way) = burden(isp).await?;
        ensure!(chunks > 0 && (mend || under_way > 0), "kill {round}: {chunks} in the spool, {under_way} under way");
        again += resends(isp).await?;
        isp.agent.kill()?;
        ensure!(waits_on_disk(isp)? > 0, "kill {round}: nothing waits on the disk");
        trap.disarm()?;
        isp.road().mend();
    }
    trap.environment(0).iter().for_each(|(name, _)| isp.agent.set_env(name, ""));
    isp.agent.start().await?;
    linked(isp).await?;
    all_arrives(isp, &mut town).await?;
    let counts = (again + resends(isp).await?, duplicates(isp).await?);
    println!("{KILLS} kills at {point}: {} chunks sent again, {} refused", counts.0, counts.1);
    compare(isp, town).await?;
    Ok(counts)
}

async fn kill_controller(isp: &mut Isp, point: &'static str) -> Result<()> {
    let mut town = Town::settle(isp).await?;
    let (trap, mut refused) = (Trap::new(isp, point), 0);
    isp.controller.stop().await?;
    for round in 0..KILLS {
        trap.environment(round).iter().for_each(|(name, value)| isp.controller.set_env(name, value));
        isp.controller.start().await?;
        if round > 0 {
            refused += comes_again(isp).await?;
        }
        linked(isp).await?;
        pile_up(isp).await?;
        trap.arm()?;
        isp.road().mend();
        isp.controller.child()?.wait_for_line(&trap.line(), REACHED).await?;
        let (chunks, under_way) = burden(isp).await?;
        ensure!(chunks > 0 && under_way > 0, "kill {round}: {chunks} in the spool, {under_way} under way");
        isp.controller.kill()?;
        trap.disarm()?;
    }
    trap.environment(0).iter().for_each(|(name, _)| isp.controller.set_env(name, ""));
    isp.controller.start().await?;
    refused += comes_again(isp).await?;
    linked(isp).await?;
    all_arrives(isp, &mut town).await?;
    let again = resends(isp).await?;
    println!("{KILLS} kills at {point}: {again} chunks sent again, {refused} refused");
    ensure!(again >= refused && refused >= u64::from(KILLS), "{again} sent again, {refused} refused");
    compare(isp, town).await
}

/// What the last controller had committed and not acknowledged comes again; how much of it was refused.
async fn comes_again(isp: &Isp) -> Result<u64> {
    eventually("what was applied comes again and is refused", SOON, async || match duplicates(isp).await {
        Ok(count) if count > 0 => Ok(count),
        other => Err(format!("{other:?}")),
    })
    .await
}

/// Chunks in the spool of an agent that is not running.
fn waits_on_disk(isp: &Isp) -> Result<u64> {
    let said = isp.agent.command(&["spool", "inspect", "--json"])?.success()?;
    let state: Value = serde_json::from_str(&said).with_context(|| said.clone())?;
    let number = |name: &str| state[name].as_u64().with_context(|| said.clone());
    Ok(number("last")?.saturating_sub(number("acked")?))
}
