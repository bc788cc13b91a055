//! Versions. The ALPN carries the major version; the hello carries the minor one.

/// ALPN of the agent's connection. A peer that speaks another major version is refused by TLS itself.
pub const ALPN: &[u8] = b"lastmile/1";

/// Major version, the number in [`ALPN`].
pub const MAJOR: u16 = 1;

/// Minor versions, oldest first. Append only; each line says what changed.
///
/// * 0 — first version: usage, gaps, proofs, health, desired lines, poll plan, watch, acks, live rates.
pub const MINORS: &[u16] = &[0];

/// The newest minor version that this build speaks.
pub const NEWEST_MINOR: u16 = 0;
