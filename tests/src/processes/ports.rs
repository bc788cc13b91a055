//! Ports that no other test has: below the range the kernel hands out, each held by a lock on a file of its number.

use std::fs::{File, OpenOptions};
use std::net::{TcpListener, UdpSocket};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

/// A port that is ours, for TCP and UDP, as long as this value lives.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _held: File,
}

impl Port {
    /// Takes a free port.
    ///
    /// # Errors
    /// When none of 8,000 is free, or the folder of locks cannot be written.
    pub fn take() -> Result<Self> {
        let locks = std::env::temp_dir().join("lastmile-test-ports");
        std::fs::create_dir_all(&locks).with_context(|| format!("{}", locks.display()))?;
        // Processes begin in different places, so that they seldom ask for the same lock.
        let begin = u16::try_from(std::process::id() % 8_000).unwrap_or(0);
        for step in 0..8_000u16 {
            let number = 20_000 + (begin + step) % 8_000;
            if let Some(held) = lock(locks.join(number.to_string()))?
                && is_free(number)
            {
                return Ok(Self { number, _held: held });
            }
        }
        bail!("no port between 20000 and 28000 is free")
    }

    /// Its number.
    #[must_use]
    pub const fn number(&self) -> u16 {
        self.number
    }

    /// `127.0.0.1:number`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.number)
    }
}

fn lock(path: PathBuf) -> Result<Option<File>> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = file.with_context(|| format!("{}", path.display()))?;
    Ok(file.try_lock().is_ok().then_some(file))
}

fn is_free(number: u16) -> bool {
    TcpListener::bind(("127.0.0.1", number)).is_ok() && UdpSocket::bind(("127.0.0.1", number)).is_ok()
}
