//! Settings of the agent: a small TOML file, and any key by environment as `LASTMILE_SECTION__KEY`.
//!
//! Which routers are read and which lines are held is not set here: that comes from the controller. A key that
//! is not known is refused together with the nearest known one.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use toml::{Table, Value};

use crate::spool::Limits;

/// All settings, with defaults filled in.
#[derive(Debug, Clone)]
pub struct Config {
    /// The folder of everything that must be kept: identity, desired state, spool.
    pub data_dir: PathBuf,
    /// Where the technician's page listens.
    pub status_listen: SocketAddr,
    /// Time zone of the page.
    pub time_zone: TimeZone,
    /// Bounds of the spool.
    pub spool: Limits,
    /// What is logged.
    pub log_level: tracing::Level,
}

/// Settings that cannot be used. One line, for the person who wrote them.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is not TOML.
    #[error("{path}: {reason}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// In words, with the line.
        reason: String,
    },
    /// No such key.
    #[error("{place}: unknown key `{key}`{}", nearest.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default())]
    Unknown {
        /// File or environment.
        place: String,
        /// As it was written.
        key: String,
        /// The known key that it is most like.
        nearest: Option<&'static str>,
    },
    /// A value of the wrong kind, or outside its bounds.
    #[error("{place}: `{key}` must be {wanted}")]
    Value {
        /// File or environment.
        place: String,
        /// The key.
        key: &'static str,
        /// What is accepted.
        wanted: &'static str,
    },
    /// A key without default is missing.
    #[error("{path}: `{key}` is missing")]
    Missing {
        /// The file.
        path: PathBuf,
        /// The key.
        key: &'static str,
    },
}

const KEYS: &[&str] =
    &["data_dir", "status.listen", "status.time_zone", "spool.cap_bytes", "spool.ballast_bytes", "log.level"];
const PREFIX: &str = "LASTMILE_";
/// A smaller spool than this is mostly the store's own overhead.
const LEAST_CAP: u64 = 16 << 20;
const MOST_BALLAST: u64 = 1 << 30;

struct Found {
    place: String,
    value: Value,
}

impl Config {
    /// Reads the file; `environment` is that of the process.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn load(path: &Path, environment: impl Iterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.into(), source })?;
        Self::parse(path, &text, environment)
    }

    fn parse(
        path: &Path,
        text: &str,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let table: Table = text.parse().map_err(|e: toml::de::Error| ConfigError::Syntax {
            path: path.into(),
            reason: e.to_string().lines().collect::<Vec<_>>().join(" "),
        })?;
        let mut found = std::collections::BTreeMap::new();
        collect(&path.display().to_string(), "", &table, &mut found)?;
        for (name, value) in environment {
            if let Some(key) = key_of_variable(&name)? {
                found.insert(key, Found { place: name, value: Value::String(value) });
            }
        }
        let missing = |key| ConfigError::Missing { path: path.into(), key };
        let mut take = |key: &'static str| found.remove(key);
        let data_dir = match take("data_dir") {
            Some(found) => text_of("data_dir", found, "the path of a folder", |text| {
                (!text.is_empty()).then(|| PathBuf::from(text))
            })?,
            None => return Err(missing("data_dir")),
        };
        let listen = "an address of this machine alone, as 127.0.0.1:8470";
        let status_listen = match take("status.listen") {
            // The page has no sign-in: it shows customers' names, so nobody else may reach it.
            Some(found) => text_of("status.listen", found, listen, |text| {
                text.parse().ok().filter(|address: &SocketAddr| address.ip().is_loopback())
            })?,
            None => SocketAddr::from(([127, 0, 0, 1], 8470)),
        };
        let time_zone = match take("status.time_zone") {
            Some(found) => {
                text_of("status.time_zone", found, "a time zone, as Asia/Dhaka", |text| TimeZone::get(text).ok())?
            }
            None => TimeZone::get("Asia/Dhaka").unwrap_or(TimeZone::UTC),
        };
        let cap_bytes = match take("spool.cap_bytes") {
            Some(found) => {
                number("spool.cap_bytes", found, "a number of bytes, at least 16777216", |n| n >= LEAST_CAP)?
            }
            None => 2 << 30,
        };
        let ballast_bytes = match take("spool.ballast_bytes") {
            Some(found) => {
                number("spool.ballast_bytes", found, "a number of bytes, at most 1073741824", |n| n <= MOST_BALLAST)?
            }
            None => 8 << 20,
        };
        let log_level = match take("log.level") {
            Some(found) => text_of("log.level", found, "error, warn, info, debug or trace", |text| text.parse().ok())?,
            None => tracing::Level::INFO,
        };
        Ok(Self { data_dir, status_listen, time_zone, spool: Limits { cap_bytes, ballast_bytes }, log_level })
    }
}

fn collect(
    place: &str,
    prefix: &str,
    table: &Table,
    found: &mut std::collections::BTreeMap<&'static str, Found>,
) -> Result<(), ConfigError> {
    for (name, value) in table {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        let section = KEYS.iter().any(|known| known.starts_with(&format!("{key}.")));
        match (value, KEYS.iter().find(|known| **known == key)) {
            (Value::Table(inner), _) if section => collect(place, &key, inner, found)?,
            (_, Some(known)) => {
                found.insert(known, Found { place: place.to_owned(), value: value.clone() });
            }
            _ => return Err(ConfigError::Unknown { place: place.to_owned(), nearest: nearest(&key), key }),
        }
    }
    Ok(())
}

/// The key that a variable stands for. Those of the controller's sections and of tests are not ours to judge.
fn key_of_variable(name: &str) -> Result<Option<&'static str>, ConfigError> {
    let Some(rest) = name.strip_prefix(PREFIX) else { return Ok(None) };
    let key = rest.to_ascii_lowercase().replace("__", ".");
    if let Some(known) = KEYS.iter().find(|known| **known == key) {
        return Ok(Some(known));
    }
    let section = key.split_once('.').map_or("", |(section, _)| section);
    if ["status", "spool"].contains(&section) {
        return Err(ConfigError::Unknown { place: "environment".into(), nearest: nearest(&key), key: name.to_owned() });
    }
    Ok(None)
}

fn nearest(key: &str) -> Option<&'static str> {
    let likeness = |known: &str| {
        let last = known.rsplit('.').next().unwrap_or(known);
        strsim::jaro_winkler(key, known).max(strsim::jaro_winkler(key.rsplit('.').next().unwrap_or(key), last) - 0.02)
    };
    KEYS.iter().copied().max_by(|a, b| likeness(a).total_cmp(&likeness(b))).filter(|known| likeness(known) > 0.7)
}

fn text_of<T>(
    key: &'static str,
    found: Found,
    wanted: &'static str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<T, ConfigError> {
    let value = found.value.as_str().and_then(read);
    value.ok_or(ConfigError::Value { place: found.place, key, wanted })
}

fn number(
    key: &'static str,
    found: Found,
    wanted: &'static str,
    fits: impl Fn(u64) -> bool,
) -> Result<u64, ConfigError> {
    let value = match &found.value {
        Value::Integer(value) => u64::try_from(*value).ok(),
        Value::String(text) if found.place.starts_with(PREFIX) => text.parse().ok(),
        _ => None,
    };
    value.filter(|value| fits(*value)).ok_or(ConfigError::Value { place: found.place, key, wanted })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, environment: &[(&str, &str)]) -> Result<Config, String> {
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::parse(Path::new("agent.toml"), text, environment).map_err(|e| e.to_string())
    }

    #[test]
    fn defaults_are_filled_in_and_the_environment_wins() {
        let config = parse("data_dir = \"/a\"", &[]).expect("enough");
        assert_eq!(config.status_listen.to_string(), "127.0.0.1:8470");
        assert_eq!(config.spool.ballast_bytes, 8 << 20);
        let text = "data_dir = \"/a\"\n[spool]\ncap_bytes = 20000000\n[log]\nlevel = \"warn\"";
        let config = parse(text, &[("LASTMILE_SPOOL__CAP_BYTES", "30000000"), ("LASTMILE_WEB__LISTEN", "x")]);
        let config = config.expect("the controller's variables are not ours");
        assert_eq!((config.spool.cap_bytes, config.log_level), (30_000_000, tracing::Level::WARN));
    }

    #[test]
    fn what_cannot_be_used_is_said_in_one_line() {
        let cases = [
            ("", "agent.toml: `data_dir` is missing"),
            ("data_dri = \"/a\"", "agent.toml: unknown key `data_dri`; did you mean `data_dir`?"),
            (
                "data_dir = \"/a\"\n[spool]\ncap_byte = 1",
                "agent.toml: unknown key `spool.cap_byte`; did you mean `spool.cap_bytes`?",
            ),
            ("data_dir = \"/a\"\n[zzz]\nq = 1", "agent.toml: unknown key `zzz`"),
            ("data_dir = 5", "agent.toml: `data_dir` must be the path of a folder"),
            ("data_dir = \"/a\"\nspool = 1", "agent.toml: unknown key `spool`; did you mean `spool.cap_bytes`?"),
            (
                "data_dir = \"/a\"\n[spool]\ncap_bytes = \"1\"",
                "agent.toml: `spool.cap_bytes` must be a number of bytes, at least 16777216",
            ),
            (
                "data_dir = \"/a\"\n[spool]\ncap_bytes = 1",
                "agent.toml: `spool.cap_bytes` must be a number of bytes, at least 16777216",
            ),
            (
                "data_dir = \"/a\"\n[status]\nlisten = \"0.0.0.0:80\"",
                "agent.toml: `status.listen` must be an address of this machine alone, as 127.0.0.1:8470",
            ),
        ];
        for (text, wanted) in cases {
            assert_eq!(parse(text, &[]).map(|_| ()), Err(wanted.to_owned()), "{text}");
        }
        assert!(parse("data_dir = ", &[]).expect_err("no TOML").starts_with("agent.toml: "));
        let wrong = parse("data_dir = \"/a\"", &[("LASTMILE_STATUS__LISTN", "x")]).expect_err("unknown");
        assert_eq!(wrong, "environment: unknown key `LASTMILE_STATUS__LISTN`; did you mean `status.listen`?");
    }
}
