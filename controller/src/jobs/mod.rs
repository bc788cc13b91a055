//! Work that must happen although nobody waits for it: a durable queue in the same database and transaction as its
//! cause.
//!
//! A job is leased by a conditional update, so that several controllers may share a queue; it is repeated with
//! back-off until it is done or says that it never will be. Jobs are idempotent: one whose worker was killed after its
//! commit runs again. This room knows no domain: `boot` registers the handlers.

mod driver;
mod registry;
pub mod store;
#[cfg(test)]
mod tests;

pub use driver::{Driver, run_until_idle};
pub use registry::{Job, JobError, Registry};
pub use store::{ScheduleState, enqueue, purge, schedules};
