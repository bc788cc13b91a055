//! Pure state machines: no socket, no disk, no clock. Whoever calls them executes the effects.

pub mod backoff;
pub mod desired;
pub mod journal;
pub mod lease;
pub mod link;
pub mod meter;
pub mod push;
pub mod reconcile;
