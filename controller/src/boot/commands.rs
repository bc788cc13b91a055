//! Commands that do one thing and end.

use std::io::{IsTerminal as _, Read as _, Write as _};
use std::sync::Arc;

use anyhow::{Context as _, bail};

use super::compose;
use super::prepare::{self, Prepared, prepare};
use crate::access::{self, Passwords};
use crate::config::Config;
use crate::db::Tx;
use crate::domains::branches::{self, Branch};
use crate::domains::network::identity::Identity;
use crate::domains::{network, staff};
use crate::kernel::{Actor, ActorKind, Clock, Fault, Rng, Scope, SystemClock, SystemRng};
use crate::secrets::Secret;
use crate::web::{self, server};

/// A longer password is no password.
const PASSWORD_MAX: u64 = 4_096;

/// Who acts when somebody types a command on the server.
fn command_actor() -> Actor {
    Actor { kind: ActorKind::System, name: "command line".to_owned(), from: "command line".to_owned() }
}

/// One line for a fault: its fields, where there are any.
fn told(fault: Fault) -> anyhow::Error {
    match fault {
        Fault::Invalid(errors) => {
            let all: Vec<_> = errors.into_iter().map(|error| format!("{}: {}", error.field, error.message)).collect();
            anyhow::anyhow!("{}", all.join("; "))
        }
        Fault::Internal(source) => anyhow::Error::from_boxed(source),
        other => anyhow::anyhow!("{other}"),
    }
}

pub(super) fn openapi() -> anyhow::Result<()> {
    let document = web::document(&server::complete(compose::routes()));
    let mut out = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, &document)?;
    writeln!(out)?;
    Ok(())
}

pub(super) async fn migrate(config: Config) -> anyhow::Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let rng: Arc<dyn Rng> = Arc::new(SystemRng::new());
    let db = prepare::open(&config, &clock, &rng).await?;
    let applied = db.migrate().await?;
    db.close().await;
    for file in &applied {
        println!("{file}");
    }
    println!("{} migration(s) applied", applied.len());
    Ok(())
}

/// The password from standard input: its first line.
pub(super) fn password_from_stdin() -> anyhow::Result<Secret<String>> {
    if std::io::stdin().is_terminal() {
        eprint!("password (it will be seen): ");
    }
    let mut text = String::new();
    let mut input = std::io::stdin().lock().take(PASSWORD_MAX);
    if std::io::stdin().is_terminal() {
        std::io::BufRead::read_line(&mut std::io::BufReader::new(input), &mut text)?;
    } else {
        input.read_to_string(&mut text).context("the password on standard input is not readable")?;
    }
    let line = text.lines().next().unwrap_or("").to_owned();
    if line.is_empty() {
        bail!("a password is needed on standard input");
    }
    Ok(Secret::new(line))
}

pub(super) async fn add_user(
    config: Config,
    username: String,
    role: String,
    name: Option<String>,
    branch: Option<String>,
    password: Secret<String>,
) -> anyhow::Result<()> {
    let length = password.expose().chars().count();
    if !(access::PASSWORD_SHORTEST..=access::PASSWORD_LONGEST).contains(&length) {
        bail!("password: {} to {} characters are needed", access::PASSWORD_SHORTEST, access::PASSWORD_LONGEST);
    }
    let Prepared { db, rng, .. } = prepare(config).await?;
    let password_hash = Passwords::new(rng).hash(password).await?;
    let mut tx = db.begin(&Scope::All).await?;
    let branch_id = find_branch(&mut tx, branch).await?.id;
    let new =
        staff::NewStaff { branch_id, name: name.unwrap_or_else(|| username.clone()), username, role, password_hash };
    let username = new.username.clone();
    staff::add(&mut tx, &command_actor(), new).await.map_err(told)?;
    tx.commit().await?;
    db.close().await;
    println!("user {username} added");
    Ok(())
}

async fn find_branch(tx: &mut Tx, name: Option<String>) -> anyhow::Result<Branch> {
    let mut all = branches::list(tx).await.map_err(told)?;
    match name {
        Some(name) => all.into_iter().find(|branch| branch.name == name).context("there is no branch of this name"),
        None if all.len() == 1 => all.pop().context("there is no branch"),
        None => bail!("there are several branches: say which with --branch NAME"),
    }
}

pub(super) async fn create_token(config: Config, user: String, name: String, days: i64) -> anyhow::Result<()> {
    let Prepared { db, .. } = prepare(config).await?;
    let mut tx = db.begin(&Scope::All).await?;
    let token = access::create_token(&mut tx, &user.trim().to_lowercase(), &name, days).await.map_err(told)?;
    tx.commit().await?;
    db.close().await;
    println!("{}", token.expose());
    Ok(())
}

pub(super) async fn invite_agent(config: Config, pop: String) -> anyhow::Result<()> {
    let Prepared { config, db, .. } = prepare(config).await?;
    let identity = Identity::load_or_make(&config.data_dir)?;
    let mut tx = db.begin(&Scope::All).await?;
    let id = network::pop_named(&mut tx, &pop).await.map_err(told)?.id;
    let addresses = &config.fleet.public_addresses;
    let invitation = network::invite(&mut tx, identity.hash, addresses, &command_actor(), id).await.map_err(told)?;
    tx.commit().await?;
    db.close().await;
    println!("{}", invitation.command);
    Ok(())
}
