//! Join tokens: one line that a technician copies, `lm1.` and base64url.
//!
//! It carries a single-use secret, the controller's key hash (so that the first contact is already pinned)
//! and the addresses where the controller listens. The controller stores only the hash of the secret.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::base64;
use crate::codec;
use crate::identity::{KeyHash, sha256};

/// What starts every token; the number rises when its content changes.
const PREFIX: &str = "lm1.";

/// The most addresses of one token.
const MAX_ADDRESSES: usize = 8;

/// The longest text of a token.
const MAX_TEXT: usize = 2_048;

/// A text that is no join token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadToken {
    /// It does not begin as one.
    #[error("a join token begins with {PREFIX}")]
    Prefix,
    /// It was cut off or changed on the way.
    #[error("the join token is damaged: copy the whole line again")]
    Damaged,
    /// It names no address.
    #[error("the join token names no address of the controller")]
    NoAddress,
}

/// An invitation for one agent.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinToken {
    /// Single-use secret.
    pub secret: [u8; 16],
    /// Key hash of the controller.
    pub controller: KeyHash,
    /// Where it listens, as `host:port`, best first. 1 to 8.
    pub addresses: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Body {
    secret: [u8; 16],
    controller: [u8; 32],
    addresses: Vec<String>,
    check: u32,
}

impl JoinToken {
    /// The secret as the hello carries it.
    #[must_use]
    pub fn secret_text(&self) -> String {
        base64::encode(&self.secret)
    }

    /// What the database holds of a secret, from the text in a hello; `None` when that is no secret.
    #[must_use]
    pub fn secret_hash(text: &str) -> Option<[u8; 32]> {
        let bytes = base64::decode(text).filter(|bytes| bytes.len() == 16)?;
        Some(sha256(&bytes))
    }
}

/// Finds a letter that was lost or changed in copying; keeps no attacker out.
fn check(secret: &[u8; 16], controller: &[u8; 32], addresses: &[String]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(secret);
    hasher.update(controller);
    for address in addresses {
        hasher.update(address.as_bytes());
        hasher.update(&[0]);
    }
    hasher.finalize()
}

impl fmt::Display for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = Body {
            secret: self.secret,
            controller: self.controller.0,
            addresses: self.addresses.clone(),
            check: check(&self.secret, &self.controller.0, &self.addresses),
        };
        let bytes = codec::encode(&body).map_err(|_| fmt::Error)?;
        write!(f, "{PREFIX}{}", base64::encode(&bytes))
    }
}

impl fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinToken({}, {:?})", self.controller, self.addresses)
    }
}

impl FromStr for JoinToken {
    type Err = BadToken;

    fn from_str(text: &str) -> Result<Self, BadToken> {
        let text = text.trim();
        let body = text.strip_prefix(PREFIX).ok_or(BadToken::Prefix)?;
        if text.len() > MAX_TEXT {
            return Err(BadToken::Damaged);
        }
        let bytes = base64::decode(body).ok_or(BadToken::Damaged)?;
        let body: Body = codec::decode(&bytes).map_err(|_| BadToken::Damaged)?;
        if body.addresses.len() > MAX_ADDRESSES || body.check != check(&body.secret, &body.controller, &body.addresses)
        {
            return Err(BadToken::Damaged);
        }
        if body.addresses.is_empty() {
            return Err(BadToken::NoAddress);
        }
        Ok(Self { secret: body.secret, controller: KeyHash(body.controller), addresses: body.addresses })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> JoinToken {
        JoinToken {
            secret: [7; 16],
            controller: KeyHash([9; 32]),
            addresses: vec!["controller.example:8443".into(), "203.0.113.7:8443".into()],
        }
    }

    #[test]
    fn a_token_returns_from_its_text() {
        let text = token().to_string();
        assert!(text.starts_with("lm1."));
        assert_eq!(format!(" {text}\n").parse(), Ok(token()));
    }

    #[test]
    fn the_secret_never_shows_and_is_hashed_alike_on_both_ends() {
        assert!(!format!("{:?}", token()).contains(&token().secret_text()));
        assert_eq!(JoinToken::secret_hash(&token().secret_text()), Some(sha256(&[7; 16])));
        assert_eq!(JoinToken::secret_hash("BwcH"), None);
    }

    #[test]
    fn every_lost_or_changed_letter_is_found() {
        let text = token().to_string();
        for at in 4..text.len() {
            let mut lost = text.clone();
            lost.remove(at);
            assert_ne!(lost.parse(), Ok(token()));
            let mut changed = text.clone().into_bytes();
            if let Some(byte) = changed.get_mut(at) {
                *byte = if *byte == b'A' { b'B' } else { b'A' };
            }
            let changed = String::from_utf8_lossy(&changed).into_owned();
            assert!(changed.parse::<JoinToken>().is_err(), "{at}");
        }
        assert_eq!("hello".parse::<JoinToken>(), Err(BadToken::Prefix));
    }
}
