//! Who is there and what they may do: sign-in, web sessions, API tokens, roles.
//!
//! Roles name what may be done (`payments:take`), the scope names to which rows. Both are read again for every request,
//! so that a changed role or a dismissed person counts from the next click on.

mod backoff;
mod caller;
mod password;
pub mod roles;
mod session;
mod sign_in;
mod store;
mod token;

pub use backoff::Backoff;
pub use caller::{Caller, Origin, StaffInfo};
pub use password::{LONGEST as PASSWORD_LONGEST, PasswordError, Passwords, SHORTEST as PASSWORD_SHORTEST};
pub use session::{caller_of_session, close_session, purge_sessions};
pub use sign_in::{Access, SignedIn};
pub use store::STATEMENTS;
pub use token::{DEFAULT_DAYS as TOKEN_DAYS, caller_of_token, create_token};

/// A secret text that is given to a caller once, as its hash in the database: SHA-256 is enough for 128 random bits.
#[must_use]
pub fn token_hash(text: &str) -> String {
    crate::kernel::ids::hex(ring::digest::digest(&ring::digest::SHA256, text.as_bytes()).as_ref())
}
