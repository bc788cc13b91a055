//! Chance as a parameter: the system's for keys and ids, a seeded one for repeatable tests.

use std::sync::atomic::{AtomicU64, Ordering};

use ring::rand::SecureRandom;

/// Where random bytes come from.
pub trait Rng: Send + Sync {
    /// Fills the whole slice.
    fn fill(&self, out: &mut [u8]);
}

/// `N` random bytes.
#[must_use]
pub fn bytes<const N: usize>(rng: &dyn Rng) -> [u8; N] {
    let mut out = [0u8; N];
    rng.fill(&mut out);
    out
}

/// The operating system's generator: good enough for keys.
#[derive(Debug)]
pub struct SystemRng {
    inner: ring::rand::SystemRandom,
}

impl SystemRng {
    /// The generator of this machine.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place where real chance enters")]
    pub fn new() -> Self {
        Self { inner: ring::rand::SystemRandom::new() }
    }
}

impl Default for SystemRng {
    fn default() -> Self {
        Self::new()
    }
}

impl Rng for SystemRng {
    fn fill(&self, out: &mut [u8]) {
        // The kernel's generator fails only before it is seeded, at boot. A key of zeroes would be worse than
        // waiting, so wait.
        while self.inner.fill(out).is_err() {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}

/// A repeatable generator for tests and simulations. Never for keys.
#[derive(Debug)]
pub struct SeededRng {
    state: AtomicU64,
}

impl SeededRng {
    /// The generator that always gives the same bytes for the same seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { state: AtomicU64::new(seed) }
    }

    /// SplitMix64: one add and a mix a step, so that the state is one atomic word.
    fn next(&self) -> u64 {
        const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
        let mut z = self.state.fetch_add(STEP, Ordering::SeqCst).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

impl Rng for SeededRng {
    fn fill(&self, out: &mut [u8]) {
        for part in out.chunks_mut(8) {
            for (slot, byte) in part.iter_mut().zip(self.next().to_le_bytes()) {
                *slot = byte;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        let (a, b) = (SeededRng::new(7), SeededRng::new(7));
        let first: [u8; 33] = bytes(&a);
        assert_eq!(first, bytes::<33>(&b));
        assert_ne!(first, bytes::<33>(&b));
    }

    #[test]
    fn the_system_fills_everything() {
        let rng = SystemRng::new();
        assert_ne!(bytes::<32>(&rng), [0u8; 32]);
    }
}
