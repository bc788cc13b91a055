//! Pure state machines: no socket, no disk, no clock. Whoever calls them executes the effects.

pub mod desired;
pub mod journal;
pub mod meter;
pub mod reconcile;
