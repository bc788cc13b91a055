//! The command line. Exit codes: 0 done · 1 failed, with one line that says why · 2 wrong usage · 3 not joined.

mod ask;
mod doctor;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use lastmile_protocol::token::JoinToken;

use crate::boot::{self, NotJoined};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::spool::{Limits, Paths, Store};
use crate::uplink::join;

const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (build ", env!("LASTMILE_BUILD_ID"), ")");

/// The daemon at a POP: reads its routers, keeps usage until the controller has it, holds and opens lines.
#[derive(Parser)]
#[command(name = "lastmile-agent", version = VERSION, after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not joined.")]
struct Cli {
    /// Settings.
    #[arg(long, global = true, default_value = "/etc/lastmile/agent.toml")]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Joins a controller with the line that its console shows, once.
    Join {
        /// The join token: lm1.…
        token: String,
        /// Join anew although this agent has joined before; it gets a new key.
        #[arg(long)]
        replace: bool,
    },
    /// Runs the agent.
    Run,
    /// Says how the running agent is.
    Status {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Looks into the spool.
    Spool {
        #[command(subcommand)]
        command: SpoolCommand,
    },
    /// Checks what the agent needs and says what is missing.
    Doctor,
}

#[derive(Subcommand)]
enum SpoolCommand {
    /// What waits in it: epoch, positions, records, octets, bytes.
    Inspect {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lastmile-agent: {error:#}");
            if error.is::<NotJoined>() { ExitCode::from(3) } else { ExitCode::FAILURE }
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    let config = Config::load(&cli.config, std::env::vars())?;
    log_to_stderr(config.log_level);
    match cli.command {
        Command::Join { token, replace } => {
            let token: JoinToken = token.parse()?;
            std::fs::create_dir_all(&config.data_dir)
                .with_context(|| format!("cannot make {}", config.data_dir.display()))?;
            let clock = SystemClock::new();
            let enrolment = runtime()?.block_on(join::join(&config.data_dir, &token, replace, &clock))?;
            say(&format!("Joined POP {} as agent {}.", enrolment.pop_name, enrolment.agent))
        }
        Command::Run => {
            let runtime = runtime()?;
            let outcome = runtime.block_on(boot::run(config));
            runtime.shutdown_timeout(std::time::Duration::from_secs(2));
            outcome
        }
        Command::Status { json } => ask::status(&config, json),
        Command::Spool { command: SpoolCommand::Inspect { json } } => inspect(&config, json),
        Command::Doctor => runtime()?.block_on(doctor::doctor(&config)),
    }
}

/// Writes a line for people or programs. One who has stopped reading (`| head`) is not an error.
///
/// # Errors
/// When the output cannot be written for another reason.
fn say(line: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    match writeln!(std::io::stdout(), "{line}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Small: one thread that works, a few that may wait for the disk or a name server. The allocator keeps a heap for
/// each thread, and each stays as large as the most it ever held: with two threads at work and 5,000 lines there
/// were six heaps of 3 to 8 MiB. One thread has enough to do nothing else: 5,000 rows are read in milliseconds.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(8)
        .enable_all()
        .build()
        .context("cannot start the runtime")
}

fn log_to_stderr(level: tracing::Level) {
    use std::io::IsTerminal as _;
    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::layer::SubscriberExt as _;
    use tracing_subscriber::util::SubscriberInitExt as _;

    let filter = Targets::new().with_target("lastmile", level).with_default(LevelFilter::WARN);
    let lines =
        tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    // A second subscriber (a test's own) may be there already: its is as good.
    let _ = tracing_subscriber::registry().with(lines).with(filter).try_init();
}

/// Asks the running agent, or opens the spool when none runs.
fn inspect(config: &Config, json: bool) -> anyhow::Result<()> {
    let state: serde_json::Value = match ask::get(config, "/api/spool") {
        Ok(text) => serde_json::from_str(&text).context("the running agent answered with something else")?,
        Err(ask::AskError::NotRunning { .. }) => {
            let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
            let limits = Limits { ballast_bytes: 0, ..config.spool };
            let store = Store::open(Paths::new(&config.data_dir), limits, clock.wall_ms())?;
            serde_json::to_value(store.state())?
        }
        Err(error) => return Err(error.into()),
    };
    if json {
        return say(&state.to_string());
    }
    if let Some(fields) = state.as_object() {
        for (name, value) in fields {
            say(&format!("{name:>14}  {value}"))?;
        }
    }
    Ok(())
}
