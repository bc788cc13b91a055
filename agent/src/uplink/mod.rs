//! The way to the controller: join once, stay connected, send what waits, take what is wanted.
//!
//! * [`identity`]: the agent's key and whom it trusts; one file.
//! * [`dial`]: a connection and its hello.
//! * [`join`]: the first hello, with a token.
//! * [`sealed`]: files that hold passwords, encrypted.
//! * [`ledger`]: desired state and poll plan, on disk before they are obeyed.
//! * [`session`]: one connection, from the hello to its end.
//! * [`run`]: connecting for ever.
//!
//! What is decided here is small: the rules are in [`crate::core`] (`link`, `push`, `lease`, `backoff`).

pub mod dial;
pub mod identity;
pub mod join;
pub mod ledger;
pub mod run;
pub mod sealed;
pub mod session;
pub mod state;

#[cfg(test)]
mod tests;

pub use ledger::Ledger;
pub use run::{Uplink, run};
pub use state::{LinkState, Phase};
