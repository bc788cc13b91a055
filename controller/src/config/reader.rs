//! Takes typed values out of a TOML table and the environment, and complains about what nobody asked for.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use toml::{Table, Value};

/// What is wrong with the settings. One line for the person who wrote them.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("cannot read {file}: {source}", file = .file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not TOML.
    #[error("the configuration is not TOML: {0}")]
    Syntax(String),
    /// A key that nothing reads.
    #[error("unknown key {key}; did you mean {nearest}?")]
    Unknown {
        /// The key as written, with its section.
        key: String,
        /// The nearest key that exists.
        nearest: String,
    },
    /// A value of the wrong type or out of range.
    #[error("{key}: {detail}")]
    Value {
        /// `section.key`
        key: String,
        /// What is wrong.
        detail: String,
    },
}

/// A value that was given, and by whom.
enum Given {
    File(Value),
    Env(String),
}

/// Values by `section.key`, and the keys that were asked for.
pub(super) struct Reader {
    given: BTreeMap<String, Given>,
    known: Vec<String>,
}

impl Reader {
    pub(super) fn new(text: &str, env: impl Iterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let table: Table = text
            .parse()
            .map_err(|error: toml::de::Error| ConfigError::Syntax(error.to_string().trim_end().replace('\n', " ")))?;
        let mut given = BTreeMap::new();
        for (section, value) in table {
            match value {
                Value::Table(keys) => {
                    given.extend(keys.into_iter().map(|(key, value)| (format!("{section}.{key}"), Given::File(value))));
                }
                other => {
                    given.insert(section, Given::File(other));
                }
            }
        }
        for (name, value) in env {
            if let Some((section, key)) = name.strip_prefix("LASTMILE_").and_then(|rest| rest.split_once("__")) {
                given.insert(format!("{}.{}", section.to_lowercase(), key.to_lowercase()), Given::Env(value));
            }
        }
        Ok(Self { given, known: Vec::new() })
    }

    /// The value, if it was given.
    pub(super) fn optional<T: DeserializeOwned>(&mut self, section: &str, key: &str) -> Result<Option<T>, ConfigError> {
        let key = format!("{section}.{key}");
        let value = self.given.remove(&key);
        self.known.push(key.clone());
        let read = match value {
            None => return Ok(None),
            Some(Given::File(value)) => value.try_into(),
            Some(Given::Env(text)) => from_env(&text),
        };
        read.map(Some).map_err(|error: toml::de::Error| ConfigError::Value { key, detail: error.message().to_owned() })
    }

    /// The value, or this default.
    pub(super) fn or<T: DeserializeOwned>(&mut self, section: &str, key: &str, or: T) -> Result<T, ConfigError> {
        Ok(self.optional(section, key)?.unwrap_or(or))
    }

    /// Refuses what nobody asked for.
    pub(super) fn finish(self) -> Result<(), ConfigError> {
        let Some((key, value)) = self.given.into_iter().next() else { return Ok(()) };
        let bare = !key.contains('.');
        let likeness = |known: &String| {
            let other = if bare { known.split_once('.').map_or(known.as_str(), |(_, name)| name) } else { known };
            strsim::jaro_winkler(other, &key)
        };
        let nearest = self.known.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b))).cloned().unwrap_or_default();
        let key = match value {
            Given::File(_) => key,
            Given::Env(_) => format!("{key} (from LASTMILE_{})", key.to_uppercase().replacen('.', "__", 1)),
        };
        Err(ConfigError::Unknown { key, nearest })
    }
}

/// An environment variable has no type: the text itself, else what it says as TOML, else a list by commas.
fn from_env<T: DeserializeOwned>(text: &str) -> Result<T, toml::de::Error> {
    let as_text: Result<T, toml::de::Error> = Value::String(text.to_owned()).try_into();
    if as_text.is_ok() {
        return as_text;
    }
    let as_toml = format!("value = {text}").parse::<Table>().ok().and_then(|mut table| table.remove("value"));
    if let Some(value) = as_toml {
        return value.try_into();
    }
    let list = text.split(',').map(|part| Value::String(part.trim().to_owned())).collect();
    Value::Array(list).try_into().or(as_text)
}
