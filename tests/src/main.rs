//! `lastmile-testbed`: stand-ins for the world, the demonstration ISP and the benchmarks.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use lastmile_testbed::{bench, commands, postgres};

/// Stand-ins for the world around Lastmile: simulators, the demonstration ISP, benchmarks.
#[derive(Debug, Parser)]
#[command(name = "lastmile-testbed", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// A simulated MikroTik router: the RouterOS API, and a control port over HTTP.
    Router(commands::router::RouterArgs),
    /// A provider of SMS over HTTP that shows what it was given.
    Sms(commands::messages::SmsArgs),
    /// A mail server that shows what it was given.
    Smtp(commands::messages::SmtpArgs),
    /// The demonstration ISP on 127.0.0.1: controller, agent, a simulated POP, customers.
    Demo(commands::demo::DemoArgs),
    /// The benchmarks, beside their peers: prints one table and writes it as JSON.
    Bench(commands::bench::BenchArgs),
    /// One side of a benchmark; started by `bench`.
    #[command(hide = true, subcommand)]
    BenchChild(bench::child::Side),
    /// Runs a command with a private PostgreSQL beside it.
    Postgres {
        /// The command and its arguments.
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
}

fn wait_for<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Runtime::new().context("the runtime cannot be started")?.block_on(work)
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Router(args) => wait_for(commands::router::run(args))?,
        Command::Sms(args) => wait_for(commands::messages::sms(args))?,
        Command::Smtp(args) => wait_for(commands::messages::smtp(args))?,
        Command::Demo(args) => wait_for(commands::demo::run(args))?,
        Command::Bench(args) => wait_for(commands::bench::run(args))?,
        Command::BenchChild(side) => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.context("the runtime cannot be started")?.block_on(bench::child::run(side))?;
        }
        Command::Postgres { command } => {
            let status = postgres::run_beside(&command)?;
            let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
            return Ok(ExitCode::from(code));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn main() -> ExitCode {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    run(Cli::parse().command).unwrap_or_else(|error| {
        eprintln!("lastmile-testbed: {error:#}");
        ExitCode::FAILURE
    })
}
