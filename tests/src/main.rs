//! `lastmile-testbed`: stand-ins for the world, the demonstration ISP and the benchmarks.

use clap::{Parser, Subcommand};
use lastmile_testbed::commands;

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
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    match Cli::parse().command {
        Command::Router(args) => commands::router::run(args).await,
    }
}
