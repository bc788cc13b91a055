//! Secrets at rest: columns sealed with a key from outside the database, and a type that cannot be shown.
//!
//! A sealed value is bound to its table, row and column, so that swapping two rows is noticed. It says which key
//! sealed it, so that a wrong key is named and keys can be changed while everything runs.

mod keyring;
mod redact;

pub use keyring::{Keyring, KeyringError};
pub use redact::Secret;
