//! The command line: what can be asked of the program, and what its exit codes mean.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use super::{backups, commands, serve, setup, verify};
use crate::config::{Config, ConfigError};

const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (build ", env!("LASTMILE_BUILD_ID"), ")");

/// The controller of Lastmile.
#[derive(Debug, Parser)]
#[command(name = "lastmile-controller", version = VERSION, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 failed, 2 wrong arguments or configuration.\n\
     Any setting can come from the environment as LASTMILE_SECTION__KEY.";

#[derive(Debug, Args)]
struct Settings {
    /// The configuration; without it defaults and the environment count, and data lies in ./lastmile-data
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the controller until it is told to stop
    Serve(Settings),
    /// Bring the database up to date
    Migrate(Settings),
    /// Read the configuration and say what is wrong with it
    CheckConfig(Settings),
    /// People who work here
    #[command(subcommand)]
    User(UserCommand),
    /// API tokens for programs
    #[command(subcommand)]
    Token(TokenCommand),
    /// Agents at POPs
    #[command(subcommand)]
    Agent(AgentCommand),
    /// Print the code that the first run in the browser asks for
    SetupCode(Settings),
    /// Keys that seal secrets
    #[command(subcommand)]
    Key(KeyCommand),
    /// Print the OpenAPI document
    Openapi,
    /// Read the whole ledger and say what is wrong with it
    VerifyLedger {
        /// Print the report as JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        settings: Settings,
    },
    /// Read the whole record of what happened and say what was done to it since it was sealed
    VerifyAudit {
        /// Print the report as JSON
        #[arg(long)]
        json: bool,
        /// Heads printed earlier by audit-head and kept elsewhere: show when the end was cut off
        #[arg(long, value_name = "FILE")]
        head: Option<PathBuf>,
        #[command(flatten)]
        settings: Settings,
    },
    /// Seal what happened until now and print the head of the chain, to be kept on another machine
    AuditHead(Settings),
    /// Write the whole database into an encrypted file and read it back; the controller may be running
    Backup {
        /// The file to make
        file: PathBuf,
        #[command(flatten)]
        settings: Settings,
    },
    /// Read a backup back completely, without a database
    VerifyBackup {
        /// The backup
        file: PathBuf,
        #[command(flatten)]
        settings: Settings,
    },
    /// Restore a backup into an empty database and data directory; needs the key under which it was made
    Restore {
        /// The backup
        file: PathBuf,
        #[command(flatten)]
        settings: Settings,
    },
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Put a new key first in the key file; after the next start everything is sealed anew under it, while it runs
    Add(Settings),
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    /// Add a person; the password is read from standard input
    Add {
        /// Sign-in name
        #[arg(long)]
        username: String,
        /// owner, branch_manager, accountant, cashier, noc, support, technician or auditor
        #[arg(long)]
        role: String,
        /// Name to show; the sign-in name when absent
        #[arg(long)]
        name: Option<String>,
        /// Home branch; the only one when absent
        #[arg(long)]
        branch: Option<String>,
        #[command(flatten)]
        settings: Settings,
    },
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Make a token of a person and print it; it is not shown again
    Create {
        /// Sign-in name of the person
        #[arg(long)]
        user: String,
        /// What the token is for
        #[arg(long, default_value = "command line")]
        name: String,
        /// How long it is good for
        #[arg(long, default_value_t = crate::access::TOKEN_DAYS)]
        days: i64,
        #[command(flatten)]
        settings: Settings,
    },
}

#[derive(Debug, Subcommand)]
enum AgentCommand {
    /// Invite an agent to a POP and print the line that joins it; good once, for 15 minutes
    Invite {
        /// Name of the POP
        #[arg(long)]
        pop: String,
        #[command(flatten)]
        settings: Settings,
    },
}

/// Runs the command line.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS };
        }
    };
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lastmile-controller: {}", one_line(&error));
            if error.is::<ConfigError>() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Openapi => commands::openapi(),
        Command::VerifyLedger { json, settings } => block_on(verify::ledger(load(&settings)?, json)),
        Command::VerifyAudit { json, head, settings } => block_on(verify::audit(load(&settings)?, json, head)),
        Command::AuditHead(settings) => block_on(verify::audit_head(load(&settings)?)),
        Command::Key(KeyCommand::Add(settings)) => backups::add_key(&load(&settings)?),
        Command::Backup { file, settings } => block_on(backups::make(load(&settings)?, file)),
        Command::VerifyBackup { file, settings } => block_on(backups::check(load(&settings)?, file)),
        Command::Restore { file, settings } => block_on(backups::restore(load(&settings)?, file)),
        Command::CheckConfig(settings) => {
            let config = load(&settings)?;
            println!("the configuration is good; data lies in {}", config.data_dir.display());
            Ok(())
        }
        Command::Serve(settings) => block_on(serve::serve(load(&settings)?)),
        Command::SetupCode(settings) => block_on(setup::print_code(load(&settings)?)),
        Command::Migrate(settings) => block_on(commands::migrate(load(&settings)?)),
        Command::User(UserCommand::Add { username, role, name, branch, settings }) => {
            let password = commands::password_from_stdin()?;
            block_on(commands::add_user(load(&settings)?, username, role, name, branch, password))
        }
        Command::Token(TokenCommand::Create { user, name, days, settings }) => {
            block_on(commands::create_token(load(&settings)?, user, name, days))
        }
        Command::Agent(AgentCommand::Invite { pop, settings }) => {
            block_on(commands::invite_agent(load(&settings)?, pop))
        }
    }
}

fn load(settings: &Settings) -> Result<Config, ConfigError> {
    Config::load(settings.config.as_deref().map(Path::new), std::env::vars())
}

fn block_on(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}

/// The error with its causes, in one line.
fn one_line(error: &anyhow::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in error.chain() {
        let text = cause.to_string().replace('\n', " ");
        if !parts.last().is_some_and(|last| last.contains(&text)) {
            parts.push(text);
        }
    }
    parts.join(": ")
}
