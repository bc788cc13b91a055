//! SQL of notices: the outbox as people see it, the outbox as the sender works it, how messages and ways are set up.

pub mod channels;
pub mod outbox;
pub mod sending;
pub mod setup;

/// Every statement, so that a test can prepare them on both databases.
pub const STATEMENTS: &[&[&str]] = &[channels::STATEMENTS, outbox::STATEMENTS, sending::STATEMENTS, setup::STATEMENTS];
