//! Passwords: argon2id with the least that OWASP asks for (19 MiB, 2 passes, 1 lane), a few at once, the others waiting
//! in one queue.
//!
//! Why the least: on a slow core of ours one comparison takes about 40 ms, so that a thousand people who sign in at the
//! same minute (the power came back) are through within a minute on two cores that have other work too; 46 MiB and one
//! pass, the next choice on that list, resists a graphics card no better by its authors' count and costs more memory
//! bandwidth here. Guessing through the front door is held up by `backoff`, not by the hash.
//!
//! Why few at once: each takes a core whole. As many as there are cores, four at most, keep the machine busy; more would
//! only make every one of them and all other requests slower. The queue is first come, first served, so nobody starves,
//! and bounded, so that a flood costs memory for names, not for hashes: whoever does not fit is told to come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash};
use argon2::{Algorithm, Argon2, Params, Version};
use metrics::{counter, gauge};
use tokio::sync::Semaphore;

use super::caller::StaffInfo;
use crate::kernel::{Fault, Rng, rng};
use crate::secrets::Secret;

/// Hashes at once at most: each takes 19 MiB and a core for tens of milliseconds.
const AT_ONCE_MAX: usize = 4;
/// Callers that may wait for their turn.
const WAITING: usize = 2_000;
const MEMORY_KIB: u32 = 19 * 1_024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Longer passwords are refused before they are hashed.
pub const LONGEST: usize = 1_000;
/// Shorter passwords are refused when they are set.
pub const SHORTEST: usize = 8;
/// What guessers try first, in lower case and without the digits at the end.
const COMMON: &[&str] = &[
    "password",
    "passw0rd",
    "qwerty",
    "qwertyuiop",
    "qwerty123",
    "iloveyou",
    "welcome",
    "letmein",
    "admin",
    "administrator",
    "abc",
    "abcdef",
    "abcdefgh",
    "asdfghjkl",
    "bangladesh",
    "dhaka",
    "internet",
    "mikrotik",
    "lastmile",
    "changeme",
    "secret",
    "test",
    "user",
    "pass",
    "football",
    "cricket",
    "monkey",
    "dragon",
    "sunshine",
];

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
            gate: Arc::new(Semaphore::new(at_once())),
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
        counter!("lastmile_password_verifications_total").increment(1);
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
        // First come, first served. Whoever goes away meanwhile leaves the queue without having cost a hash. The permit travels into the worker: a caller that goes away must not let a fifth hash begin.
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
        let before = waiting.fetch_add(1, Ordering::Relaxed);
        show(before.saturating_add(1));
        (before < WAITING).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        show(self.0.fetch_sub(1, Ordering::Relaxed).saturating_sub(1));
    }
}

fn show(waiting: usize) {
    #[expect(clippy::cast_precision_loss, reason = "a few thousand at most")]
    gauge!("lastmile_password_queue").set(waiting as f64);
}

/// As many hashes at once as there are cores, within bounds.
fn at_once() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get).clamp(1, AT_ONCE_MAX)
}

/// Refuses a password that is too short, too long, or among the first that anybody would guess.
///
/// # Errors
/// A field error on `field`.
pub fn check(field: &str, password: &Secret<String>, staff: &StaffInfo) -> Result<(), Fault> {
    check_words(field, password, &[&staff.username, &staff.name, &staff.email])
}

/// As [`check`], for somebody who is not there yet: their own words are those by which they are guessed.
///
/// # Errors
/// A field error on `field`.
pub fn check_words(field: &str, password: &Secret<String>, own: &[&str]) -> Result<(), Fault> {
    match complaint(password.expose(), own) {
        Some(complaint) => Err(Fault::field(field, complaint)),
        None => Ok(()),
    }
}

fn complaint(password: &str, own: &[&str]) -> Option<String> {
    let length = password.chars().count();
    if length < SHORTEST || password.len() > LONGEST {
        return Some(format!("{SHORTEST} to {LONGEST} characters are needed"));
    }
    let lower = password.to_lowercase();
    let bare = lower.trim_end_matches(|c: char| c.is_ascii_digit() || "!@#$%^&*.-_?".contains(c));
    let first = lower.chars().next();
    let steps = lower.chars().zip(lower.chars().skip(1));
    if bare.is_empty() || lower.chars().all(|c| Some(c) == first) || steps.clone().all(|(a, b)| follows(a, b)) {
        return Some("digits alone, one character again and again or a row of keys are guessed at once".to_owned());
    }
    if COMMON.contains(&bare) {
        return Some("this is one of the first passwords that anybody tries".to_owned());
    }
    let is_own = |word: &&str| word.chars().count() >= 3 && word.to_lowercase() == bare;
    if own.iter().any(is_own) {
        return Some("your own name is guessed at once".to_owned());
    }
    None
}

fn follows(a: char, b: char) -> bool {
    u32::from(a).abs_diff(u32::from(b)) == 1
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

    #[test]
    fn passwords_that_everybody_tries_are_refused() {
        let own = ["rahim", "Rahim Uddin", "rahim@isp.example"];
        let bad =
            ["short", "12345678", "password", "Password123!", "aaaaaaaa", "abcdefgh", "rahim2026", "RAHIM UDDIN", ""];
        for password in bad {
            assert!(complaint(password, &own).is_some(), "{password}");
        }
        for password in ["correct horse", "correct horse battery", "k9#vTq2m", "রহিমের গোপন কথা", "rahim likes tea"]
        {
            assert_eq!(complaint(password, &own), None, "{password}");
        }
        assert!(complaint(&"x y".repeat(LONGEST), &own).is_some());
    }

    #[tokio::test]
    async fn the_queue_is_bounded_and_serves_in_order() {
        let passwords = Arc::new(Passwords::new(Arc::new(SeededRng::new(1))));
        let permits = u32::try_from(at_once()).unwrap();
        let held = Arc::clone(&passwords.gate).acquire_many_owned(permits).await.unwrap();
        let (done, mut order) = tokio::sync::mpsc::unbounded_channel();
        let mut tasks = Vec::new();
        for number in 0..8 {
            let (own, done) = (Arc::clone(&passwords), done.clone());
            tasks.push(tokio::spawn(async move {
                let _place = Place::take(&own.waiting).unwrap();
                let _turn = own.gate.acquire().await.unwrap();
                done.send(number).unwrap();
            }));
            while passwords.waiting.load(Ordering::Relaxed) <= number {
                tokio::task::yield_now().await;
            }
        }
        drop(held);
        for number in 0..8 {
            assert_eq!(order.recv().await, Some(number));
        }
        for task in tasks {
            task.await.unwrap();
        }
        let places: Vec<_> = (0..WAITING).map(|_| Place::take(&passwords.waiting).unwrap()).collect();
        let refused = passwords.verify("anything".to_owned().into(), None).await;
        assert!(matches!(refused, Err(PasswordError::Busy)));
        drop(places);
        assert!(!passwords.verify("anything".to_owned().into(), None).await.unwrap());
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
