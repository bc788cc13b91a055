//! Who is there and what they may do: sign-in, second factors, web sessions, API tokens, roles, approvals.
//!
//! Roles name what may be done (`payments:take`), the scope names to which rows. Both are read again for every request,
//! so that a changed role or a dismissed person counts from the next click on.

pub mod approvals;
mod backoff;
mod caller;
pub mod defaults;
mod links;
mod password;
pub mod permissions;
mod profile;
pub mod roles;
mod second_factor;
mod session;
mod sign_in;
mod store;
mod token;
pub mod totp;

use std::sync::Arc;

pub use backoff::Backoff;
pub use caller::{Caller, Client, Origin, StaffInfo};
pub use links::{Link, end_links, open_invitation_of};
pub use password::{
    LONGEST as PASSWORD_LONGEST, PasswordError, Passwords, SHORTEST as PASSWORD_SHORTEST, check_words as check_password,
};
pub use profile::{ProfileChange, Reachable, change_profile};
pub use second_factor::{Enrolment, Proof, Qr, SecondFactorInfo, recovery_codes, remove_second_factor};
pub use session::{SessionInfo, close_session, end_session, end_sessions};
pub use sign_in::{Challenge, ChallengeKind, Invited, Outcome, ResetProof, SignedIn};
pub use store::STATEMENTS;
pub use token::{
    DEFAULT_DAYS as TOKEN_DAYS, MadeToken, TokenInfo, TokenInput, caller_of_token, create_own, create_token,
    revoke_token, revoke_tokens, tokens_of,
};

use crate::config::Config;
use crate::kernel::{Clock, Rng};
use crate::secrets::Keyring;

/// How long things last, and what links begin with.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Without a click for this long, a session is over; milliseconds.
    pub idle_ms: i64,
    /// A session never lasts longer; milliseconds.
    pub session_ms: i64,
    /// How long an invitation works; milliseconds.
    pub invitation_ms: i64,
    /// How long a password reset works; milliseconds.
    pub reset_ms: i64,
    /// What links begin with: `https://isp.example`.
    pub base_url: String,
    /// Under which name an authenticator app lists us.
    pub issuer: String,
}

impl Limits {
    /// As the configuration says.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let base_url = config.public_origin().unwrap_or_else(|| format!("http://{}", config.web.listen));
        let host = base_url.split_once("://").map_or("", |(_, place)| place).to_owned();
        Self {
            idle_ms: i64::from(config.access.session_idle_minutes) * 60_000,
            session_ms: i64::from(config.access.session_hours) * 3_600_000,
            invitation_ms: i64::from(config.access.invitation_hours) * 3_600_000,
            reset_ms: i64::from(config.access.reset_minutes) * 60_000,
            issuer: format!("Lastmile {host}").trim().to_owned(),
            base_url,
        }
    }
}

/// What access needs to remember between two requests.
pub struct Access {
    /// Hashing, bounded.
    pub passwords: Passwords,
    /// How long things last.
    pub limits: Limits,
    backoff: Backoff,
    asked: Backoff,
    clock: Arc<dyn Clock>,
    keyring: Arc<Keyring>,
}

impl Access {
    /// With this clock, this source of salts, and the keys that seal seeds.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, rng: Arc<dyn Rng>, keyring: Arc<Keyring>, limits: Limits) -> Self {
        Self {
            passwords: Passwords::new(rng),
            limits,
            backoff: Backoff::default(),
            asked: Backoff::default(),
            clock,
            keyring,
        }
    }
}

/// A secret text that is given to a caller once, as its hash in the database: SHA-256 is enough for 80 random bits and
/// more.
#[must_use]
pub fn token_hash(text: &str) -> String {
    crate::kernel::ids::hex(ring::digest::digest(&ring::digest::SHA256, text.as_bytes()).as_ref())
}
