//! `lastmile-testbed bench` and the sides that it starts.

use std::path::PathBuf;

use clap::Args;

use crate::bench;

/// Options of the command line.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Runs one benchmark alone.
    #[arg(long)]
    only: Option<String>,
    /// Where the figures are written as JSON.
    #[arg(long, default_value = "bench.json")]
    out: PathBuf,
}

/// Runs the benchmarks.
///
/// # Errors
/// When one of them fails.
pub async fn run(args: BenchArgs) -> anyhow::Result<()> {
    bench::run(args.only.as_deref(), &args.out).await
}
