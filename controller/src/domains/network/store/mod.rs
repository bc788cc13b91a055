//! SQL of the network: POPs, routers, agents, desired lines and proofs.

pub mod agents;
pub mod lines;
pub mod pops;
pub mod proofs;
pub mod routers;

use crate::kernel::Fault;

/// Statements that are the same on both databases, so that a test can prepare them.
pub const STATEMENTS: &[&[&str]] =
    &[agents::STATEMENTS, lines::STATEMENTS, pops::STATEMENTS, proofs::STATEMENTS, routers::STATEMENTS];

/// A text of the database as the type it stands for; anything else is a broken row.
pub(super) fn parse<T: std::str::FromStr>(text: &str, what: &'static str) -> Result<T, Fault> {
    text.parse().map_err(|_| Fault::internal(format!("{what} in the database is not one: {text:?}")))
}

/// An unsigned value of the database; negative ones are broken rows.
pub(super) fn unsigned(value: i64, what: &'static str) -> Result<u64, Fault> {
    u64::try_from(value).map_err(|_| Fault::internal(format!("{what} in the database is negative: {value}")))
}

/// An unsigned value for the database.
pub(super) fn signed(value: u64, what: &'static str) -> Result<i64, Fault> {
    i64::try_from(value).map_err(|_| Fault::internal(format!("{what} is too large for the database: {value}")))
}
