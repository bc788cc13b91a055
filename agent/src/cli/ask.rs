//! Asking the running agent through its page: plain HTTP on a loopback address.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::cli::say;
use crate::config::Config;

/// The longest answer, bytes.
const LONGEST: u64 = 16 << 20;
const PATIENCE: Duration = Duration::from_secs(5);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nothing listens there.
    #[error("no agent runs here: nothing listens on {address}")]
    NotRunning {
        /// Where it should.
        address: std::net::SocketAddr,
    },
    /// Something else went wrong.
    #[error("the agent does not answer: {0}")]
    Failed(#[from] std::io::Error),
    /// Not what was asked for.
    #[error("what listens there is not the agent: {0}")]
    Foreign(String),
}

/// The body of a path.
///
/// # Errors
/// See [`AskError`].
pub fn get(config: &Config, path: &str) -> Result<String, AskError> {
    let address = config.status_listen;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(|_| AskError::NotRunning { address })?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(LONGEST).read_to_string(&mut answer)?;
    let first = answer.lines().next().unwrap_or("").to_owned();
    match answer.split_once("\r\n\r\n") {
        Some((_, body)) if first.contains(" 200 ") => Ok(body.to_owned()),
        _ => Err(AskError::Foreign(first)),
    }
}

/// Says how the running agent is.
///
/// # Errors
/// When none runs.
pub fn status(config: &Config, json: bool) -> anyhow::Result<()> {
    let text = get(config, "/api/status")?;
    if json {
        return say(&text);
    }
    let value: serde_json::Value = serde_json::from_str(&text)?;
    let word = |pointer: &str| {
        value.pointer(pointer).map_or_else(String::new, |v| v.as_str().map_or_else(|| v.to_string(), str::to_owned))
    };
    say(&format!("verdict     {}", word("/verdict")))?;
    say(&format!("POP         {}", word("/link/pop_name")))?;
    say(&format!("controller  {} {} {}", word("/link/phase"), word("/link/address"), word("/link/detail")))?;
    let (chunks, records, trouble) = (word("/spool_chunks"), word("/spool/records"), word("/spool/trouble"));
    say(&format!("spool       {chunks} chunks, {records} records wait {trouble}"))?;
    say(&format!("lines       {}, of them {} to be held {}", word("/lines"), word("/lines_held"), word("/frozen")))?;
    for router in value.pointer("/routers").and_then(|v| v.as_array()).into_iter().flatten() {
        let field = |name: &str| {
            router.get(name).map_or_else(String::new, |v| v.as_str().map_or_else(|| v.to_string(), str::to_owned))
        };
        say(&format!(
            "router      {}  {}  {} online  {}",
            field("name"),
            field("state"),
            field("online"),
            field("detail")
        ))?;
    }
    Ok(())
}
