//! `lastmile-testbed router`: the RouterOS simulator alone.

use std::net::SocketAddr;

use anyhow::Context as _;
use clap::Args;

use crate::routeros::{Options, Simulator, TrafficMode};
use crate::signals;

/// Options of the command line.
#[derive(Debug, Args)]
pub struct RouterArgs {
    /// Where the RouterOS API listens.
    #[arg(long, default_value = "127.0.0.1:8728")]
    listen: SocketAddr,
    /// Where the control port (HTTP, JSON) listens.
    #[arg(long, default_value = "127.0.0.1:8729")]
    control: SocketAddr,
    /// Foreign subscribers that are there from the start, each with a session.
    #[arg(long, default_value_t = 0)]
    subscribers: u32,
    /// RouterOS version to behave like.
    #[arg(long, default_value = "7.18")]
    version: String,
    /// Lets a customer's modem dial in for every enabled secret.
    #[arg(long)]
    auto_dial: bool,
    /// Lets traffic move by itself; without it only by the control port.
    #[arg(long)]
    live: bool,
    /// Seed of everything that is drawn.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The API user.
    #[arg(long, default_value = "lastmile")]
    user: String,
    /// The API user's password (this router guards nothing).
    #[arg(long, default_value = "testbed")]
    password: String,
    /// Asks for the log-in challenge of RouterOS before 6.43.
    #[arg(long)]
    legacy_login: bool,
    /// Hides the passwords of secrets, as from a user without the `sensitive` policy.
    #[arg(long)]
    no_sensitive: bool,
}

/// Runs the simulator until Ctrl-C.
///
/// # Errors
/// When a port cannot be opened.
pub async fn run(args: RouterArgs) -> anyhow::Result<()> {
    let options = Options {
        version: args.version,
        subscribers: args.subscribers,
        auto_dial: args.auto_dial,
        mode: if args.live { TrafficMode::Live } else { TrafficMode::Manual },
        seed: args.seed,
        user: args.user,
        password: args.password,
        sensitive: !args.no_sensitive,
        legacy_login: args.legacy_login,
        ..Options::default()
    };
    let simulator = Simulator::start_on(options, args.listen, args.control)
        .await
        .with_context(|| format!("cannot listen on {} or {}", args.listen, args.control))?;
    println!("RouterOS API  {}", simulator.api_addr());
    println!("control port  http://{}", simulator.control_addr());
    signals::asked_to_stop().await
}
