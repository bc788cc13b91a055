//! SQL of usage.

pub mod chunks;
pub mod days;
pub mod gaps;
pub mod marks;

/// Statements that are the same on both databases, so that a test can prepare them.
pub const STATEMENTS: &[&[&str]] = &[chunks::STATEMENTS, days::STATEMENTS, gaps::STATEMENTS, marks::STATEMENTS];

/// A number for the database; what is beyond its range is cut to it.
pub(super) fn clip(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A number of the database that is never negative.
pub(super) fn count(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
