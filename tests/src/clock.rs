//! The testbed's own clock. The simulators stand in for the world, so they live in real time;
//! this is the one place that reads it.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

static START: OnceLock<Instant> = OnceLock::new();

/// Milliseconds since 1970, UTC.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "a simulated router lives in real time")]
pub fn wall_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Nanoseconds since the first call, never going back.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "a simulated router lives in real time")]
pub fn mono_ns() -> u64 {
    let start = *START.get_or_init(Instant::now);
    u64::try_from(Instant::now().duration_since(start).as_nanos()).unwrap_or(u64::MAX)
}

/// Milliseconds since the first call, never going back.
#[must_use]
pub fn mono_ms() -> u64 {
    mono_ns() / 1_000_000
}
