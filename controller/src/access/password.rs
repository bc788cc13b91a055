//! Passwords: argon2id with parameters that cost an attacker 19 MiB a guess, at most four at once here.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use crate::kernel::{Fault, Rng, rng};
use crate::secrets::Secret;

/// Hashes at once: each takes 19 MiB and a core for tens of milliseconds.
const AT_ONCE: usize = 4;
/// Callers that may wait for their turn.
const WAITING: usize = 2_000;
const MEMORY_KIB: u32 = 19 * 1_024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Longer passwords are refused before they are hashed.
pub const LONGEST: usize = 1_000;
/// Shorter passwords are refused when they are set.
pub const SHORTEST: usize = 8;

/// What an unknown user's password is compared with: same parameters, same time, never equal.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Why a password could not be hashed or compared.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Too many callers are waiting.
    #[error("too many sign-ins at once")]
    Busy,
    /// The hash function failed, or a stored hash is not readable.
    #[error("argon2 failed: {0}")]
    Hash(String),
    /// The worker was lost.
    #[error("the hashing worker was lost")]
    Worker,
}

impl From<PasswordError> for Fault {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Busy => Self::TooMany { retry_after_seconds: 5 },
            other => Self::internal(other),
        }
    }
}

/// Hashes and compares passwords, away from the threads that serve requests.
pub struct Passwords {
    gate: Arc<Semaphore>,
    waiting: AtomicUsize,
    verifications: AtomicU64,
    rng: Arc<dyn Rng>,
}

impl Passwords {
    /// With salts from this source.
    #[must_use]
    pub fn new(rng: Arc<dyn Rng>) -> Self {
        Self {
            gate: Arc::new(Semaphore::new(AT_ONCE)),
            waiting: AtomicUsize::new(0),
            verifications: AtomicU64::new(0),
            rng,
        }
    }

    /// The hash to store for a password.
    ///
    /// # Errors
    /// When too many wait or hashing fails.
    pub async fn hash(&self, password: Secret<String>) -> Result<String, PasswordError> {
        let salt: [u8; 16] = rng::bytes(&*self.rng);
        self.work(move || {
            let hash: PasswordHash = hasher()?
                .hash_password_with_salt(password.expose().as_bytes(), &salt)
                .map_err(|error| PasswordError::Hash(error.to_string()))?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether the password fits the stored hash. For an unknown user (`None`) the same work is done and the answer is
    /// no.
    ///
    /// # Errors
    /// When too many wait or the stored hash is not readable.
    pub async fn verify(&self, password: Secret<String>, stored: Option<String>) -> Result<bool, PasswordError> {
        self.verifications.fetch_add(1, Ordering::Relaxed);
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| NOBODY.to_owned());
        self.work(move || {
            let hash = PasswordHash::new(&stored).map_err(|error| PasswordError::Hash(error.to_string()))?;
            let fits = hasher()?.verify_password(password.expose().as_bytes(), &hash).is_ok();
            Ok(fits && known)
        })
        .await
    }

    /// Whether a stored hash was made with other parameters than new ones are.
    #[must_use]
    pub fn is_outdated(stored: &str) -> bool {
        !stored.starts_with(&format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}$"))
    }

    /// How many passwords were compared so far.
    #[must_use]
    pub fn verifications(&self) -> u64 {
        self.verifications.load(Ordering::Relaxed)
    }

    async fn work<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let _place = Place::take(&self.waiting).ok_or(PasswordError::Busy)?;
        // The permit travels into the worker: a caller that goes away must not let a fifth hash begin.
        let permit = Arc::clone(&self.gate).acquire_owned().await.map_err(|_| PasswordError::Worker)?;
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            job()
        })
        .await
        .map_err(|_| PasswordError::Worker)?
    }
}

/// A place in the queue of those who wait.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Option<Self> {
        let place = Self(waiting);
        (waiting.fetch_add(1, Ordering::Relaxed) < WAITING).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn hasher() -> Result<Argon2<'static>, PasswordError> {
    let params =
        Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|error| PasswordError::Hash(error.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::SeededRng;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_only() {
        let passwords = Passwords::new(Arc::new(SeededRng::new(1)));
        let hash = passwords.hash(Secret::new("correct horse".to_owned())).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(!Passwords::is_outdated(&hash));
        assert!(Passwords::is_outdated("$argon2id$v=19$m=4096,t=3,p=1$x$y"));
        assert!(passwords.verify("correct horse".to_owned().into(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify("battery staple".to_owned().into(), Some(hash)).await.unwrap());
        assert_eq!(passwords.verifications(), 2);
    }

    #[tokio::test]
    async fn nobody_fits_nothing_but_costs_the_same() {
        let passwords = Passwords::new(Arc::new(SeededRng::new(1)));
        assert!(PasswordHash::new(NOBODY).is_ok());
        assert!(!Passwords::is_outdated(NOBODY));
        assert!(!passwords.verify("anything".to_owned().into(), None).await.unwrap());
        assert_eq!(passwords.verifications(), 1);
    }
}
