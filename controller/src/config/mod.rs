//! Settings of the program: a TOML file, and any key by environment as `LASTMILE_SECTION__KEY`.
//!
//! A key that is not known is refused together with the nearest known one: a misspelt setting that is silently ignored
//! is found only on the worst day.

mod reader;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

pub use reader::ConfigError;
use reader::Reader;

use crate::kernel::Subnet;

/// All settings, with defaults filled in.
#[derive(Debug, Clone)]
pub struct Config {
    /// The directory of everything that must be backed up.
    pub data_dir: PathBuf,
    /// `[database]`
    pub database: Database,
    /// `[web]`
    pub web: Web,
    /// `[fleet]`
    pub fleet: Fleet,
    /// `[secrets]`
    pub secrets: Secrets,
    /// `[dunning]`
    pub dunning: Dunning,
    /// `[access]`
    pub access: Access,
    /// `[approvals]`
    pub approvals: Approvals,
    /// `[usage]`
    pub usage: Usage,
    /// `[retention]`
    pub retention: Retention,
    /// `[audit]`
    pub audit: Audit,
    /// `[backup]`
    pub backup: Backup,
    /// `[log]`
    pub log: Log,
}

/// Where rows are kept.
#[derive(Clone)]
pub struct Database {
    /// `sqlite:///…` or `postgres://…`.
    pub url: String,
    /// The role that owns the tables, for migrations (PostgreSQL).
    pub owner_url: Option<String>,
    /// Connections at most.
    pub max_connections: u32,
    /// Whether `serve` may migrate a PostgreSQL database by itself.
    pub migrate: bool,
}

impl std::fmt::Debug for Database {
    /// Without the URLs, which may hold passwords.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("max_connections", &self.max_connections).finish_non_exhaustive()
    }
}

/// The console and the API.
#[derive(Debug, Clone)]
pub struct Web {
    /// Where to listen.
    pub listen: SocketAddr,
    /// How browsers reach it, where that differs from `listen` (behind a proxy): `https://isp.example`.
    pub public_url: Option<String>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Subnet>,
}

/// The side of the agents.
#[derive(Debug, Clone)]
pub struct Fleet {
    /// Where to listen (QUIC).
    pub listen: SocketAddr,
    /// `host:port` list under which agents reach it; goes into join lines.
    pub public_addresses: Vec<String>,
    /// How long an agent may stay without the controller before it corrects drift only towards open, in seconds.
    pub lease_seconds: u32,
    /// Between signs of life, in seconds.
    pub ping_seconds: u32,
}

/// The key that seals secret columns.
#[derive(Clone)]
pub struct Secrets {
    /// The file of the key.
    pub key_file: PathBuf,
    /// The key itself as 64 hexadecimal digits, from the environment; then the file is not read.
    pub key: Option<String>,
}

impl std::fmt::Debug for Secrets {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secrets").field("key_file", &self.key_file).finish_non_exhaustive()
    }
}

/// Holding lines for nonpayment.
#[derive(Debug, Clone)]
pub struct Dunning {
    /// Whether lines are held at all.
    pub enabled: bool,
    /// Between two looks, in seconds.
    pub every_seconds: u32,
    /// Days after the end of validity before a line is held, where the package does not say.
    pub grace_days: u32,
}

/// How long people stay signed in, and how long their links work.
#[derive(Debug, Clone)]
pub struct Access {
    /// Without a click for this long a session is over, in minutes.
    pub session_idle_minutes: u32,
    /// A session never lasts longer, in hours.
    pub session_hours: u32,
    /// How long an invitation works, in hours.
    pub invitation_hours: u32,
    /// How long a password reset works, in minutes.
    pub reset_minutes: u32,
}

/// How much one person may do alone. Beyond it a second one has to approve.
#[derive(Debug, Clone)]
pub struct Approvals {
    /// Days by which one person may move the end of what is paid later than it is and later than today.
    pub free_days: u32,
    /// Lines of one list that one person may let through the brake, however many there are.
    pub brake_lines: u32,
    /// Percent of a branch's lines that one person may let through the brake, where that is more.
    pub brake_percent: u32,
}

/// What agents measure.
#[derive(Debug, Clone)]
pub struct Usage {
    /// Between two readings of a router, in seconds.
    pub poll_seconds: u32,
    /// Length of a usage record, in seconds.
    pub interval_seconds: u32,
}

/// How long history is kept. 0 keeps it for ever.
#[derive(Debug, Clone)]
pub struct Retention {
    /// Proofs of what a router had, in days; the newest ones of each line are always kept.
    pub proofs_days: u32,
    /// Usage records, in months of 31 days; totals by day and gaps are not touched.
    pub usage_months: u32,
}

/// The record of what happened.
#[derive(Debug, Clone)]
pub struct Audit {
    /// File to which the head of the record's chain is added every hour, best on another machine: with it
    /// `verify-audit --head` finds an end that was cut off.
    pub heads_file: Option<PathBuf>,
}

/// Backups by the clock.
#[derive(Debug, Clone)]
pub struct Backup {
    /// Where they lie. Another disk or machine is better than the one of the data.
    pub dir: PathBuf,
    /// Hours between two; 0 = never.
    pub every_hours: u32,
    /// So many of the newest are kept.
    pub keep: u32,
    /// And the newest of each of so many months.
    pub keep_months: u32,
}

/// The log.
#[derive(Debug, Clone)]
pub struct Log {
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: String,
}

impl Config {
    /// The settings of a file (none: defaults alone) and of these environment variables.
    ///
    /// # Errors
    /// When the file cannot be read or says something that is not understood; the message names the key.
    pub fn load(file: Option<&Path>, env: impl Iterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let text = match file {
            Some(path) => std::fs::read_to_string(path)
                .map_err(|source| ConfigError::Read { file: path.to_path_buf(), source })?,
            None => String::new(),
        };
        Self::parse(&text, env)
    }

    /// The settings of this TOML text and of these environment variables.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(text: &str, env: impl Iterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let mut read = Reader::new(text, env)?;
        let data_dir: PathBuf = read.or("data", "dir", PathBuf::from("lastmile-data"))?;
        let config = Self {
            database: Database {
                url: read.or("database", "url", format!("sqlite://{}", data_dir.join("lastmile.db").display()))?,
                owner_url: read.optional("database", "owner_url")?,
                max_connections: read.or("database", "max_connections", 8)?,
                migrate: read.or("database", "migrate", false)?,
            },
            web: Web {
                listen: read.or("web", "listen", SocketAddr::from(([127, 0, 0, 1], 8080)))?,
                public_url: read.optional("web", "public_url")?,
                trusted_proxies: read.or("web", "trusted_proxies", Vec::new())?,
            },
            fleet: Fleet {
                listen: read.or("fleet", "listen", SocketAddr::from(([0, 0, 0, 0], 8443)))?,
                public_addresses: read.or("fleet", "public_addresses", Vec::new())?,
                lease_seconds: read.or("fleet", "lease_seconds", 900)?,
                ping_seconds: read.or("fleet", "ping_seconds", 10)?,
            },
            secrets: Secrets {
                key_file: read.or("secrets", "key_file", data_dir.join("secret.key"))?,
                key: read.optional("secrets", "key")?,
            },
            dunning: Dunning {
                enabled: read.or("dunning", "enabled", true)?,
                every_seconds: read.or("dunning", "every_seconds", 60)?,
                grace_days: read.or("dunning", "grace_days", 3)?,
            },
            access: Access {
                session_idle_minutes: read.or("access", "session_idle_minutes", 30)?,
                session_hours: read.or("access", "session_hours", 12)?,
                invitation_hours: read.or("access", "invitation_hours", 72)?,
                reset_minutes: read.or("access", "reset_minutes", 30)?,
            },
            approvals: Approvals {
                free_days: read.or("approvals", "free_days", 31)?,
                brake_lines: read.or("approvals", "brake_lines", 100)?,
                brake_percent: read.or("approvals", "brake_percent", 25)?,
            },
            usage: Usage {
                poll_seconds: read.or("usage", "poll_seconds", 60)?,
                interval_seconds: read.or("usage", "interval_seconds", 300)?,
            },
            retention: Retention {
                proofs_days: read.or("retention", "proofs_days", 400)?,
                usage_months: read.or("retention", "usage_months", 24)?,
            },
            audit: Audit { heads_file: read.optional("audit", "heads_file")? },
            backup: Backup {
                dir: read.or("backup", "dir", data_dir.join("backups"))?,
                every_hours: read.or("backup", "every_hours", 24)?,
                keep: read.or("backup", "keep", 14)?,
                keep_months: read.or("backup", "keep_months", 6)?,
            },
            log: Log { level: read.or("log", "level", "info".to_owned())? },
            data_dir,
        };
        read.finish()?;
        config.check()?;
        Ok(config)
    }

    /// Values that have the right type and still make no sense.
    fn check(&self) -> Result<(), ConfigError> {
        let wrong = |key: &str, detail: &str| ConfigError::Value { key: key.to_owned(), detail: detail.to_owned() };
        let positive = [
            ("fleet.lease_seconds", self.fleet.lease_seconds),
            ("fleet.ping_seconds", self.fleet.ping_seconds),
            ("dunning.every_seconds", self.dunning.every_seconds),
            ("access.session_idle_minutes", self.access.session_idle_minutes),
            ("access.session_hours", self.access.session_hours),
            ("access.invitation_hours", self.access.invitation_hours),
            ("access.reset_minutes", self.access.reset_minutes),
            ("usage.poll_seconds", self.usage.poll_seconds),
            ("usage.interval_seconds", self.usage.interval_seconds),
            ("database.max_connections", self.database.max_connections),
            ("backup.keep", self.backup.keep),
        ];
        if let Some((key, _)) = positive.iter().find(|(_, value)| *value == 0) {
            return Err(wrong(key, "must be at least 1"));
        }
        if !["error", "warn", "info", "debug", "trace"].contains(&self.log.level.as_str()) {
            return Err(wrong("log.level", "must be error, warn, info, debug or trace"));
        }
        if self.web.public_url.as_ref().is_some_and(|url| !url.starts_with("http://") && !url.starts_with("https://")) {
            return Err(wrong("web.public_url", "must begin with http:// or https://"));
        }
        let addresses = &self.fleet.public_addresses;
        if addresses.iter().any(|place| place.rsplit_once(':').is_none_or(|(_, port)| port.parse::<u16>().is_err())) {
            return Err(wrong("fleet.public_addresses", "every entry must be host:port"));
        }
        Ok(())
    }

    /// Whether browsers reach the console over TLS, so that cookies may say so.
    #[must_use]
    pub fn is_public_https(&self) -> bool {
        self.web.public_url.as_ref().is_some_and(|url| url.starts_with("https://"))
    }

    /// The origins from which a browser's unsafe request is accepted, beside the one that its Host header names.
    #[must_use]
    pub fn public_origin(&self) -> Option<String> {
        let url = self.web.public_url.as_ref()?;
        let (scheme, rest) = url.split_once("://")?;
        Some(format!("{scheme}://{}", rest.split('/').next().unwrap_or(rest)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(text, std::iter::empty())
    }

    fn error(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn nothing_is_needed() {
        let config = parse("").unwrap();
        assert_eq!(config.database.url, "sqlite://lastmile-data/lastmile.db");
        assert_eq!(config.web.listen.port(), 8080);
        assert_eq!(config.secrets.key_file, Path::new("lastmile-data/secret.key"));
    }

    #[test]
    fn an_unknown_key_names_the_nearest() {
        assert_eq!(error("[web]\nlistn = 'x'"), "unknown key web.listn; did you mean web.listen?");
        assert_eq!(error("[dunnin]\nenabled = true"), "unknown key dunnin.enabled; did you mean dunning.enabled?");
        assert_eq!(error("public_ur = 'x'"), "unknown key public_ur; did you mean web.public_url?");
    }

    #[test]
    fn a_wrong_type_names_the_key() {
        assert!(error("[usage]\npoll_seconds = 'often'").starts_with("usage.poll_seconds: "));
        assert!(error("[web]\nlisten = 8080").starts_with("web.listen: "));
        assert!(error("[usage]\npoll_seconds = 0").starts_with("usage.poll_seconds: must be at least 1"));
        assert!(error("[fleet]\npublic_addresses = ['isp.example']").starts_with("fleet.public_addresses: "));
        assert!(error("[log]\nlevel = 'loud'").starts_with("log.level: "));
        assert!(
            error("[web]\ntrusted_proxies = ['proxy']").starts_with("web.trusted_proxies: \"proxy\" is no address")
        );
    }

    #[test]
    fn proxies_are_networks_and_nobody_is_trusted_by_default() {
        assert!(parse("").unwrap().web.trusted_proxies.is_empty());
        let config = parse("[web]\ntrusted_proxies = ['127.0.0.1', '10.0.0.0/8', '::1']").unwrap();
        assert_eq!(config.web.trusted_proxies.len(), 3);
        let env = [("LASTMILE_WEB__TRUSTED_PROXIES".to_owned(), "127.0.0.1, 10.0.0.0/8".to_owned())];
        assert_eq!(Config::parse("", env.into_iter()).unwrap().web.trusted_proxies.len(), 2);
    }

    #[test]
    fn the_environment_wins() {
        let env = [
            ("LASTMILE_WEB__LISTEN", "127.0.0.1:9000"),
            ("LASTMILE_DUNNING__ENABLED", "false"),
            ("LASTMILE_FLEET__PUBLIC_ADDRESSES", "a.example:1, b.example:2"),
            ("LASTMILE_CRASH_AT", "not a setting"),
            ("PATH", "/bin"),
        ];
        let env = env.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned()));
        let config = Config::parse("[web]\nlisten = '127.0.0.1:1'", env).unwrap();
        assert_eq!(config.web.listen.port(), 9000);
        assert!(!config.dunning.enabled);
        assert_eq!(config.fleet.public_addresses, ["a.example:1", "b.example:2"]);
        let env = [("LASTMILE_WEB__LISTN".to_owned(), String::new())];
        let error = Config::parse("", env.into_iter()).unwrap_err().to_string();
        assert_eq!(error, "unknown key web.listn (from LASTMILE_WEB__LISTN); did you mean web.listen?");
    }

    #[test]
    fn secrets_are_not_shown() {
        let config = parse("[secrets]\nkey = 'abc'\n[database]\nurl = 'postgres://u:hunter2@h/d'").unwrap();
        let shown = format!("{config:?}");
        assert!(!shown.contains("abc") && !shown.contains("hunter2"));
    }
}
