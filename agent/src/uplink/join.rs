//! Joining: the one hello that carries a token. Afterwards the agent is its key.

use std::path::Path;
use std::time::Duration;

use lastmile_protocol::hello::{Hello, Refusal, capability};
use lastmile_protocol::token::JoinToken;
use lastmile_protocol::version::MINORS;

use crate::clock::Clock;
use crate::uplink::dial::{DialError, Dialer, bye};
use crate::uplink::identity::{self, Enrolment, Identity, IdentityError};

/// Rounds over all addresses before giving up.
const ROUNDS: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);

/// Why the agent did not join.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// It belongs somewhere.
    #[error("this agent has joined already (POP {pop_name}); --replace makes it join anew with a new key")]
    Joined {
        /// Where.
        pop_name: String,
    },
    /// Key or identity cannot be kept.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The controller said no, or nothing.
    #[error(transparent)]
    Dial(#[from] DialError),
}

/// The hello of this program.
#[must_use]
pub fn hello(join_token: String, wall_ms: i64) -> Hello {
    Hello {
        minors: MINORS.iter().rev().copied().collect(),
        capabilities: capability::ROUTEROS | capability::LINUX | capability::ZSTD,
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        join_token,
        wall_ms,
        extensions: Vec::new(),
    }
}

/// Joins with this token and writes down where the agent belongs.
///
/// # Errors
/// See [`JoinError`]. A try whose answer was lost can be repeated with the same token.
pub async fn join(folder: &Path, token: &JoinToken, replace: bool, clock: &dyn Clock) -> Result<Enrolment, JoinError> {
    if let Some(identity) = identity::load(folder)?
        && !replace
    {
        return Err(JoinError::Joined { pop_name: identity.enrolment.pop_name });
    }
    let key = identity::key_to_join(folder)?;
    let dialer = Dialer { key: &key, controller: token.controller };
    let mut last = DialError::Local("the token names no address".into());
    for round in 0..ROUNDS {
        if round > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        for address in &token.addresses {
            match dialer.dial(address, &hello(token.secret_text(), clock.wall_ms())).await {
                Ok((peer, welcome)) => {
                    bye(&peer.endpoint, &peer.connection).await;
                    let enrolment = Enrolment {
                        controller: token.controller,
                        addresses: token.addresses.clone(),
                        agent: welcome.agent,
                        pop: welcome.pop,
                        pop_name: welcome.pop_name,
                    };
                    identity::save(folder, &Identity { key, enrolment: enrolment.clone() })?;
                    return Ok(enrolment);
                }
                Err(DialError::Refused(refusal)) if refusal != Refusal::Busy => {
                    return Err(DialError::Refused(refusal).into());
                }
                Err(DialError::Mismatch(theirs)) => return Err(DialError::Mismatch(theirs).into()),
                Err(error) => {
                    tracing::warn!(%error, address, "joining did not work yet");
                    last = error;
                }
            }
        }
    }
    Err(last.into())
}
