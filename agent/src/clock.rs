//! Time and chance, handed in wherever they are needed, so that every rule can be tested at any hour.
//!
//! Two clocks: the wall clock may jump, the monotonic one never does. Whoever measures how long something
//! took uses the monotonic one; whoever writes down when something happened uses the wall clock.

use std::sync::Mutex;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use ring::rand::{SecureRandom, SystemRandom};

/// What time it is.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970 UTC. May jump either way.
    fn wall_ms(&self) -> i64;
    /// Milliseconds since some fixed moment of this process. Never goes back.
    fn mono_ms(&self) -> u64;
}

/// Where random bytes come from.
pub trait Rng: Send + Sync {
    /// Fills the buffer.
    ///
    /// # Errors
    /// When the system gives none.
    fn fill(&self, out: &mut [u8]) -> Result<(), NoRandom>;
}

/// The system gives no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random bytes")]
pub struct NoRandom;

/// The clocks of this machine.
#[derive(Debug)]
pub struct SystemClock {
    began: Instant,
}

impl SystemClock {
    /// A clock whose monotonic time starts now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock of the machine")]
    pub fn new() -> Self {
        Self { began: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock of the machine")]
    fn wall_ms(&self) -> i64 {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
        }
    }

    fn mono_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Random bytes of the operating system.
#[derive(Debug)]
pub struct SystemRng {
    inner: SystemRandom,
}

impl SystemRng {
    /// The operating system's generator.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine for chance")]
    pub fn new() -> Self {
        Self { inner: SystemRandom::new() }
    }
}

impl Default for SystemRng {
    fn default() -> Self {
        Self::new()
    }
}

impl Rng for SystemRng {
    fn fill(&self, out: &mut [u8]) -> Result<(), NoRandom> {
        self.inner.fill(out).map_err(|_| NoRandom)
    }
}

/// A clock that stands still until it is moved: for tests.
#[derive(Debug, Default)]
pub struct ManualClock {
    now: Mutex<(i64, u64)>,
}

impl ManualClock {
    /// A clock that stands at `wall_ms`.
    #[must_use]
    pub fn at(wall_ms: i64) -> Self {
        Self { now: Mutex::new((wall_ms, 0)) }
    }

    /// Lets `ms` milliseconds pass on both clocks.
    pub fn advance(&self, ms: u32) {
        let mut now = self.now.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *now = (now.0.saturating_add(i64::from(ms)), now.1.saturating_add(u64::from(ms)));
    }

    /// Makes the wall clock jump; the monotonic one does not notice.
    pub fn set_wall(&self, wall_ms: i64) {
        self.now.lock().unwrap_or_else(std::sync::PoisonError::into_inner).0 = wall_ms;
    }
}

impl Clock for ManualClock {
    fn wall_ms(&self) -> i64 {
        self.now.lock().unwrap_or_else(std::sync::PoisonError::into_inner).0
    }

    fn mono_ms(&self) -> u64 {
        self.now.lock().unwrap_or_else(std::sync::PoisonError::into_inner).1
    }
}
