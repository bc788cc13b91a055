//! `usage_end_to_end`: usage records per CPU-second from a full spool of a real agent to committed rows with totals
//! in the controller's SQLite (synchronous = FULL), agent and controller counted together. The peer writes the same
//! rows into SQLite with nothing before it and nothing after it: no spool, no network, no acknowledgement, no totals.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lastmile_agent::core::journal::Entry;
use lastmile_agent::spool::{Limits, Paths, Store};
use lastmile_protocol::ids::LineNo;
use lastmile_protocol::uplink::UsageRecord;
use serde::Deserialize;
use tokio::process::Command;

use super::Measure;
use super::rig::{Line, Pace, Rig};
use super::routeros_rows::peers_python;
use crate::clock;
use crate::processes::eventually;
use crate::rng::Seeded;
use crate::routeros::{Octets, TrafficMode};

const LINES: u32 = 1_000;
const INTERVAL_MS: i64 = 300_000;
/// A week of intervals.
const INTERVALS: u32 = 7 * 288;
/// Intervals that are appended with one fsync.
const AT_ONCE: u32 = 32;
/// Rows of the peer: its speed does not rise with more.
const PEER_ROWS: u32 = 500_000;
const DAY_MS: i64 = 86_400_000;

/// CPU time of a process, user and system, seconds. Read in ticks of 10 ms: enough for runs of seconds.
fn cpu_seconds(pid: u32) -> Result<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).context("stat of a program")?;
    let (_, after) = text.rsplit_once(')').context("the end of its name")?;
    let ticks: Vec<f64> = after.split_whitespace().skip(11).take(2).filter_map(|word| word.parse().ok()).collect();
    ensure!(ticks.len() == 2, "no CPU time in {text}");
    Ok(ticks.iter().sum::<f64>() / 100.0)
}

/// One interval of all lines, with octets as households make them.
fn interval(at_ms: i64, rng: &mut Seeded) -> Entry {
    let usage = (1..=LINES).map(|number| {
        let (down_bits, up_bits) = (12 + rng.below(16), 10 + rng.below(14));
        UsageRecord {
            line: LineNo(number),
            start_ms: at_ms,
            end_ms: at_ms + INTERVAL_MS,
            down_octets: rng.below(1 << down_bits),
            up_octets: rng.below(1 << up_bits),
        }
    });
    Entry { usage: usage.collect(), ..Entry::default() }
}

/// Fills the spool as the agent would have, had the controller been away for a week. Returns what is in it.
fn fill(data: &std::path::Path, first_ms: i64) -> Result<Octets> {
    let limits = Limits { cap_bytes: 2 << 30, ballast_bytes: 8 << 20 };
    let mut store = Store::open(Paths::new(data), limits, clock::wall_ms())?;
    let (mut rng, mut total, mut at_ms) = (Seeded::new(5), Octets::default(), first_ms);
    for _ in 0..INTERVALS / AT_ONCE {
        let mut entries = Vec::new();
        for _ in 0..AT_ONCE {
            entries.push(interval(at_ms, &mut rng));
            at_ms += INTERVAL_MS;
        }
        for record in entries.iter().flat_map(|entry| &entry.usage) {
            total.add(Octets { down_octets: record.down_octets, up_octets: record.up_octets });
        }
        let entries: Vec<&Entry> = entries.iter().collect();
        store.append(&entries, clock::wall_ms())?;
    }
    let records = u64::from(LINES) * u64::from(INTERVALS);
    ensure!(store.state().records >= records, "the spool holds {} records", store.state().records);
    Ok(total)
}

/// Octets of all lines as the API tells them.
async fn told(rig: &Rig, lines: &[Line], from_ms: i64) -> Result<Octets> {
    let day = |ms| jiff::Timestamp::from_millisecond(ms).map(|at| at.strftime("%Y-%m-%d").to_string());
    let (from, to) = (day(from_ms - DAY_MS)?, day(clock::wall_ms() + DAY_MS)?);
    let mut total = Octets::default();
    for line in lines {
        let usage = rig.api.get(&format!("/subscriptions/{}/usage?from={from}&to={to}", line.subscription)).await?;
        let octets = Octets::deserialize(&usage).with_context(|| format!("octets in {usage}"))?;
        total.add(octets);
    }
    Ok(total)
}

/// Rows that SQLite alone takes per CPU-second, with a key by line or without any.
async fn plain_sql(dir: &std::path::Path, key: &str) -> Result<f64> {
    #[derive(Deserialize)]
    struct Rate {
        rows_per_cpu_s: f64,
    }
    let mut command = Command::new(peers_python().await?);
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/peers/sqlite_rows.py"));
    command.arg(dir.join(format!("peer-{key}.db"))).args(["--key", key, "--rows", &PEER_ROWS.to_string()]);
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().await.context("sqlite_rows.py")?;
    ensure!(output.status.success(), "sqlite_rows.py ended with {}", output.status);
    let rate: Rate = serde_json::from_slice(&output.stdout).context("its figures")?;
    Ok(rate.rows_per_cpu_s)
}

pub(super) async fn run() -> Result<Vec<Measure>> {
    // Nothing but the backlog is to move: the router is read seldom, and nothing is written to it.
    let pace = Pace {
        poll_seconds: 300,
        interval_seconds: 300,
        mode: TrafficMode::Manual,
        agent_program: None,
        enforce: false,
    };
    let mut rig = Rig::start(pace).await?;
    let package = rig.package().await?;
    let lines = rig.lines(&package, LINES, clock::wall_ms() + 20 * DAY_MS).await?;
    rig.site.stop_agent().await?;
    let first_ms = (clock::wall_ms() - 8 * DAY_MS) / INTERVAL_MS * INTERVAL_MS;
    let data = rig.site.agent_data();
    let total = tokio::task::spawn_blocking(move || fill(&data, first_ms)).await.context("filling the spool")??;

    let controller = rig.site.controller()?.id();
    let before = cpu_seconds(controller)?;
    let begun = clock::mono_ms();
    rig.site.start_agent().await?;
    let agent = rig.site.agent()?.id();
    let spool = rig.site.status_api()?;
    eventually("the spool is empty", Duration::from_secs(900), async || {
        let status = spool.get("//api/status").await.map_err(|error| format!("{error:#}"))?;
        let waiting = status["spool"]["records"].as_u64();
        if waiting == Some(0) { Ok(()) } else { Err(status["spool"].to_string()) }
    })
    .await?;
    let wall_s = Duration::from_millis(clock::mono_ms() - begun).as_secs_f64();
    let (ours, theirs) = (cpu_seconds(controller)? - before, cpu_seconds(agent)?);
    let records = f64::from(LINES * INTERVALS);
    eprintln!(
        "bench: usage_end_to_end: {records} records in {wall_s:.1} s; CPU: controller {ours:.2} s, agent {theirs:.2} s"
    );
    let have = told(&rig, &lines, first_ms).await?;
    ensure!(have == total, "the usage API tells {have:?}, the spool held {total:?}");
    let dir = rig.site.settings().dir.clone();
    rig.site.stop().await?;
    let (keyless, keyed) = (plain_sql(&dir, "none").await?, plain_sql(&dir, "line").await?);
    eprintln!("bench: usage_end_to_end: plain SQL {keyless:.0}/CPU-s without a key, {keyed:.0}/CPU-s with one by line");
    let peer = Some((keyless.max(keyed), "plain SQL into SQLite, 1,000 rows a transaction, no key".to_owned()));
    let unit = "records per CPU-s";
    Ok(vec![Measure::more_is_better("usage_end_to_end", unit, records / (ours + theirs), peer, "300000")])
}
