//! SQL of notices: the outbox, and how messages are set up.

pub mod outbox;
pub mod setup;

/// Every statement, so that a test can prepare them on both databases.
pub const STATEMENTS: &[&[&str]] = &[outbox::STATEMENTS, setup::STATEMENTS];
