//! PostgreSQL for tests: a private cluster that lives as long as one command, and fresh databases in it.
//!
//! `lastmile-testbed postgres -- COMMAND` starts Debian's server in a temporary folder, as user `postgres` when we are
//! root, hands its URL to the command as `LASTMILE_TEST_POSTGRES`, and takes everything away afterwards.
//! The server dies with its parent, even when that one is killed. It does not fsync: what is tested with it
//! is our SQL, not its disk.

use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

use crate::processes::ports::Port;

/// The environment variable with the URL of a cluster in which we may create databases.
pub const VARIABLE: &str = "LASTMILE_TEST_POSTGRES";

/// A private cluster.
#[derive(Debug)]
pub struct Cluster {
    server: Child,
    tools: PathBuf,
    account: Option<Account>,
    folder: TempDir,
    port: Port,
}

/// The user the server runs as when we are root, because it refuses to run as root.
#[derive(Debug, Clone, Copy)]
struct Account {
    user: u32,
    group: u32,
}

impl Cluster {
    /// Creates and starts one, and waits until it answers.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not start; with its log.
    pub fn start() -> Result<Self> {
        let tools = tools()?;
        let account = account()?;
        let port = Port::take()?;
        let folder = tempfile::Builder::new().prefix("lastmile-postgres-").tempdir().context("a temporary folder")?;
        if let Some(Account { user, group }) = account {
            chown(folder.path(), Some(user), Some(group)).context("handing the folder to postgres")?;
        }
        let data = folder.path().join("data");
        let mut initdb = as_account(&tools.join("initdb"), account);
        initdb.arg("-D").arg(&data).args([
            "-U",
            "lastmile",
            "--auth=trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ]);
        quietly(initdb, folder.path())?;
        let server = serve(&tools, account, folder.path(), &port)?;
        let mut cluster = Self { server, tools, account, folder, port };
        cluster.wait()?;
        Ok(cluster)
    }

    /// `postgres://lastmile@127.0.0.1:port/postgres`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://lastmile@{}/postgres", self.port.address())
    }

    fn wait(&mut self) -> Result<()> {
        for _ in 0..200 {
            let mut ask = Command::new(self.tools.join("pg_isready"));
            ask.args(["-q", "-h", "127.0.0.1", "-p"]).arg(self.port.number().to_string());
            if ask.status().context("pg_isready")?.success() {
                return Ok(());
            }
            ensure!(matches!(self.server.try_wait(), Ok(None)), "PostgreSQL ended:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(100));
        }
        bail!("PostgreSQL does not answer:\n{}", self.log())
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let mut stop = as_account(&self.tools.join("pg_ctl"), self.account);
        stop.args(["stop", "-s", "-m", "immediate", "-D"]).arg(self.folder.path().join("data"));
        drop(stop.stdin(Stdio::null()).status());
        drop(self.server.wait());
    }
}

fn serve(tools: &Path, account: Option<Account>, folder: &Path, port: &Port) -> Result<Child> {
    let log = std::fs::File::create(folder.join("log")).context("log of PostgreSQL")?;
    let mut server = as_account(&tools.join("postgres"), account);
    server.arg("-D").arg(folder.join("data")).arg("-k").arg(folder).arg("-p").arg(port.number().to_string());
    for setting in [
        "listen_addresses=127.0.0.1",
        "fsync=off",
        "synchronous_commit=off",
        "full_page_writes=off",
        "max_connections=300",
        "shared_buffers=64MB",
        "autovacuum=off",
    ] {
        server.args(["-c", setting]);
    }
    let also = log.try_clone().context("log of PostgreSQL")?;
    server.stdin(Stdio::null()).stdout(log).stderr(also).spawn().context("PostgreSQL cannot be started")
}

/// The newest installed version's programs.
fn tools() -> Result<PathBuf> {
    let versions =
        std::fs::read_dir("/usr/lib/postgresql").context("PostgreSQL is not installed: deploy/dev-setup.sh")?;
    versions
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .filter(|bin| bin.join("initdb").exists())
        .max_by_key(|bin| bin.parent().and_then(|v| v.file_name()?.to_str()?.parse::<u32>().ok()))
        .context("PostgreSQL's server is not installed: deploy/dev-setup.sh")
}

fn account() -> Result<Option<Account>> {
    let id = Command::new("id").arg("-u").output().context("id -u")?;
    if String::from_utf8_lossy(&id.stdout).trim() != "0" {
        return Ok(None);
    }
    let accounts = std::fs::read_to_string("/etc/passwd").context("/etc/passwd")?;
    let line = accounts.lines().find(|line| line.starts_with("postgres:")).context("there is no user postgres")?;
    let number = |at| line.split(':').nth(at).and_then(|n| n.parse().ok());
    let account = number(2).zip(number(3)).map(|(user, group)| Account { user, group });
    Ok(Some(account.context("the line of user postgres cannot be read")?))
}

/// The program as the server's user, ended by the kernel when its parent ends.
fn as_account(program: &Path, account: Option<Account>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "QUIT"]);
    if let Some(Account { user, group }) = account {
        command.args([format!("--reuid={user}"), format!("--regid={group}"), "--clear-groups".to_owned()]);
    }
    command.arg("--").arg(program).current_dir("/");
    command
}

fn quietly(mut command: Command, folder: &Path) -> Result<()> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("{command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} in {}: {said}", folder.display());
    Ok(())
}

/// Runs a command with a private cluster beside it; uses the one that is named by the environment already, if any.
///
/// # Errors
/// When the cluster or the command cannot be started.
pub fn run_beside(command: &[String]) -> Result<ExitStatus> {
    let (program, words) = command.split_first().context("no command is given")?;
    let cluster = if std::env::var_os(VARIABLE).is_some() { None } else { Some(Cluster::start()?) };
    let mut child = Command::new(program);
    child.args(words).envs(cluster.iter().map(|cluster| (VARIABLE, cluster.url())));
    child.status().with_context(|| format!("{program} cannot be started"))
}

/// A fresh, empty database: in the cluster of [`VARIABLE`], or in a private one that lives as long as this value.
#[derive(Debug)]
pub struct Fresh {
    url: String,
    owner_url: String,
    superuser_url: String,
    _private: Option<Cluster>,
}

impl Fresh {
    /// Creates it.
    ///
    /// # Errors
    /// When there is no PostgreSQL.
    pub async fn create() -> Result<Self> {
        let (server, private) = match std::env::var(VARIABLE) {
            Ok(url) => (url, None),
            Err(_) => {
                // Here and not in a helper thread: the server dies with the thread that started it.
                let cluster = Cluster::start()?;
                (cluster.url(), Some(cluster))
            }
        };
        let mut admin = PgConnection::connect(&server).await.with_context(|| format!("connecting to {server}"))?;
        // Databases of a killed test are left to the end of the cluster; the process id keeps names apart.
        let name = format!("story_{}", std::process::id());
        let (owner, application) = (format!("{name}_owner"), format!("{name}_app"));
        for statement in [
            format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
            format!("DROP ROLE IF EXISTS {owner}"),
            format!("DROP ROLE IF EXISTS {application}"),
            format!("CREATE ROLE {owner} LOGIN PASSWORD 'story'"),
            format!("CREATE ROLE {application} LOGIN PASSWORD 'story'"),
            format!("CREATE DATABASE {name} OWNER {owner}"),
        ] {
            sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut admin).await.context("creating a database")?;
        }
        let (_, rest) = server.split_once("://").context("the URL names a server")?;
        let authority = rest.split(['/', '?']).next().unwrap_or(rest);
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let url = |role: &str| format!("postgres://{role}:story@{host}/{name}");
        let (base, _) = server.rsplit_once('/').context("the URL names a database")?;
        let superuser_url = format!("{base}/{name}");
        Ok(Self { url: url(&application), owner_url: url(&owner), superuser_url, _private: private })
    }

    /// Its URL as the tables' owner, who migrates it.
    #[must_use]
    pub fn owner_url(&self) -> &str {
        &self.owner_url
    }

    /// Its URL as the superuser of the cluster.
    #[must_use]
    pub fn superuser_url(&self) -> &str {
        &self.superuser_url
    }

    /// Its URL as the application, which owns nothing.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_private_cluster_answers_and_goes_away() {
        let cluster = Cluster::start().unwrap();
        let mut connection = PgConnection::connect(&cluster.url()).await.unwrap();
        let answer: i32 = sqlx::query_scalar("SELECT 41 + 1").fetch_one(&mut connection).await.unwrap();
        assert_eq!(answer, 42);
        let (folder, url) = (cluster.folder.path().to_path_buf(), cluster.url());
        drop(cluster);
        assert!(!folder.exists());
        assert!(PgConnection::connect(&url).await.is_err());
    }
}
