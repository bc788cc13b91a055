//! `lastmile-testbed demo`: the demonstration ISP.

use std::path::PathBuf;

use clap::Args;

use crate::demo;

/// Options of the command line.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Keeps everything in this folder; without it all is gone at the end.
    #[arg(long)]
    data: Option<PathBuf>,
}

/// Runs the demonstration until Ctrl-C.
///
/// # Errors
/// See [`demo::run`].
pub async fn run(args: DemoArgs) -> anyhow::Result<()> {
    demo::run(args.data.as_deref()).await
}
