//! The spool: what must reach the controller waits here, on disk, until the controller has it for certain.
//!
//! * [`value`]: keys and values; every one with a checksum.
//! * [`mark`]: a two-slot file outside the store that says how far it had come.
//! * [`ballast`]: room that is let go when the disk is full.
//! * [`recover`]: opening, whatever state the disk is in.
//! * [`store`]: append, acknowledge, read, keep the cap; no threads.
//! * [`worker`]: the one thread that owns the store. Fsync never runs on the async runtime, and entries that
//!   wait together are kept with one fsync.
//!
//! The store is sled 0.34.7, and only these files know it. Keys, identity and desired state never lie in it.

pub mod ballast;
pub mod mark;
pub mod recover;
pub mod store;
pub mod value;
pub mod worker;

#[cfg(test)]
mod tests;

pub use recover::Paths;
pub use store::{Limits, SpoolState, Store, StoreError};
pub use worker::{Spool, start};
