//! One side of a benchmark in a process of its own. It prints a line of JSON for each round.

use anyhow::{Context as _, Result};
use clap::Subcommand;
use lastmile_agent::device::routeros::{Client, Command, Config, values};
use serde::{Deserialize, Serialize};

/// The properties that both sides ask for: what a poll needs to know of a session and of its queue.
pub const ACTIVE_COLUMNS: &str = ".id,name,service,caller-id,address,uptime,session-id,radius";
/// As [`ACTIVE_COLUMNS`], of `/queue/simple`.
pub const QUEUE_COLUMNS: &str = ".id,name,bytes,rate,max-limit,dynamic,disabled";

/// Which side to be.
#[derive(Debug, Subcommand)]
pub enum Side {
    /// Our RouterOS client, reading active sessions and queues.
    Routeros {
        /// The simulator's port on 127.0.0.1.
        #[arg(long)]
        port: u16,
        /// How often to read everything.
        #[arg(long)]
        rounds: u32,
    },
}

/// One round.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Round {
    /// Rows read.
    pub rows: u64,
    /// CPU time of the process in this round, user and system, nanoseconds.
    pub cpu_ns: u64,
    /// Sum of the octets read, so that nobody skips the work.
    pub octets: u64,
    /// Sum of the uptimes, seconds.
    pub uptime_s: u64,
}

/// CPU time of this process so far, nanoseconds.
fn cpu_ns() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let (seconds, nanos) = (u64::try_from(time.tv_sec).unwrap_or(0), u64::try_from(time.tv_nsec).unwrap_or(0));
    seconds * 1_000_000_000 + nanos
}

/// Sums over the rows of one menu.
#[derive(Debug, Default)]
struct Sums {
    rows: u64,
    octets: u64,
    uptime_s: u64,
    names: u64,
}

async fn read_once(client: &Client) -> Result<Sums> {
    let active = Command::new("/ppp/active/print").columns(ACTIVE_COLUMNS);
    let sums = client.fold(active, Sums::default(), |sums, row| {
        sums.rows += 1;
        for (name, value) in row.attributes() {
            match name {
                b"name" => sums.names += value.len() as u64,
                b"uptime" => sums.uptime_s += values::duration_ms(value).unwrap_or(0) / 1_000,
                b".id" => sums.names += values::id(value).unwrap_or(0) & 1,
                b"radius" => sums.names += u64::from(values::truth(value).unwrap_or(false)),
                _ => {}
            }
        }
    });
    let sums = sums.await.context("active sessions")?;
    let queues = Command::new("/queue/simple/print").columns(QUEUE_COLUMNS);
    let sums = client.fold(queues, sums, |sums, row| {
        sums.rows += 1;
        for (name, value) in row.attributes() {
            match name {
                b"name" => sums.names += value.len() as u64,
                b"bytes" => {
                    let (up, down) = values::pair(value).unwrap_or_default();
                    sums.octets += up + down;
                }
                b"rate" | b"max-limit" => sums.names += values::pair(value).unwrap_or_default().1 & 1,
                b"dynamic" | b"disabled" => sums.names += u64::from(values::truth(value).unwrap_or(false)),
                _ => {}
            }
        }
    });
    sums.await.context("queues")
}

async fn routeros(port: u16, rounds: u32) -> Result<()> {
    let client = Client::connect("127.0.0.1", port, b"lastmile", b"testbed", Config::default()).await?;
    for _ in 0..=rounds {
        let before = cpu_ns();
        let sums = std::hint::black_box(read_once(&client).await?);
        let round = Round { rows: sums.rows, cpu_ns: cpu_ns() - before, octets: sums.octets, uptime_s: sums.uptime_s };
        println!("{}", serde_json::to_string(&round)?);
    }
    Ok(())
}

/// Runs one side to its end.
///
/// # Errors
/// When the other end fails it.
pub async fn run(side: Side) -> Result<()> {
    match side {
        Side::Routeros { port, rounds } => routeros(port, rounds).await,
    }
}
