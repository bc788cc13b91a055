//! `routeros_rows`: CPU-seconds to read 5,000 sessions and their 5,000 queues from a router, by our client and by
//! librouteros, both asking for the same properties, the simulator left out.

use std::process::Stdio;

use anyhow::{Context as _, Result, bail, ensure};
use tokio::process::Command;

use super::child::{ACTIVE_COLUMNS, QUEUE_COLUMNS, Round};
use super::{Measure, median};
use crate::routeros::{Octets, Options, Simulator};

const SUBSCRIBERS: u32 = 5_000;
/// How often the sides take turns.
const TURNS: u32 = 3;
const OUR_ROUNDS: u32 = 30;
const PEER_ROUNDS: u32 = 3;

/// Python of the environment with the peers, made where it is missing.
///
/// # Errors
/// When it cannot be made.
pub(super) async fn peers_python() -> Result<String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/venv.sh");
    let made = Command::new(script).stderr(Stdio::inherit()).output().await.context("tests/peers/venv.sh")?;
    ensure!(made.status.success(), "the Python environment of the peers cannot be made");
    Ok(String::from_utf8(made.stdout).context("the path of its python")?.trim().to_owned())
}

/// The rounds that a side prints, without its first one, which warms up.
async fn rounds(mut command: Command) -> Result<Vec<Round>> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true).output().await?;
    if !output.status.success() {
        bail!("{:?} ended with {}", command.as_std().get_program(), output.status);
    }
    let text = String::from_utf8(output.stdout).context("its output")?;
    let all: Result<Vec<Round>, _> = text.lines().map(serde_json::from_str).collect();
    Ok(all.context("a round")?.split_off(1))
}

async fn ours(port: u16) -> Result<Vec<Round>> {
    let mut command = Command::new(std::env::current_exe().context("own path")?);
    command.args(["bench-child", "routeros", "--port", &port.to_string(), "--rounds", &OUR_ROUNDS.to_string()]);
    rounds(command).await.context("our client")
}

async fn librouteros(port: u16) -> Result<Vec<Round>> {
    let mut command = Command::new(peers_python().await?);
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/peers/librouteros_rows.py"));
    command.args(["--port", &port.to_string(), "--rounds", &PEER_ROUNDS.to_string()]);
    command.args(["--active", ACTIVE_COLUMNS, "--queue", QUEUE_COLUMNS]);
    rounds(command).await.context("librouteros")
}

#[expect(clippy::cast_precision_loss, reason = "nanoseconds of one round are far below 2^52")]
fn cpu_seconds(rounds: &[Round]) -> f64 {
    median(rounds.iter().map(|round| round.cpu_ns as f64 / 1e9).collect())
}

pub(super) async fn run() -> Result<Vec<Measure>> {
    let options = Options { subscribers: SUBSCRIBERS, ..Options::default() };
    let simulator = Simulator::start(options).await.context("the simulator")?;
    let port = simulator.api_addr().port();
    for (number, session) in (1u64..).zip(simulator.handle().sessions()) {
        let octets = Octets { down_octets: 3_000_000_000 + number * 977, up_octets: 200_000_000 + number * 31 };
        ensure!(simulator.handle().pass(&session.name, octets), "{} is not online", session.name);
    }
    let (mut own, mut peer) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        own.extend(ours(port).await?);
        peer.extend(librouteros(port).await?);
    }
    let rows = u64::from(SUBSCRIBERS) * 2;
    let first = own.first().map(|round| (round.rows, round.octets));
    for round in own.iter().chain(&peer) {
        ensure!(round.rows == rows, "{} rows were read, not {rows}", round.rows);
        ensure!(Some((round.rows, round.octets)) == first, "the two sides read different octets");
    }
    let (ours, theirs) = (cpu_seconds(&own), cpu_seconds(&peer));
    let peer = Some((theirs, "librouteros 4.2.2".to_owned()));
    let unit = "CPU-s for 5,000 + 5,000 rows";
    Ok(vec![Measure::less_is_better("routeros_rows", unit, ours, peer, "50 x, then 200 x")])
}
