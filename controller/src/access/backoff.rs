//! Slows down guessing: failures of one account from one address, and of one address over all accounts, make the next
//! try wait longer. Nobody is locked out for good, and a stranger who guesses does not lock out the person themself,
//! who comes from another address.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Failures of one account from one address that cost nothing.
const FREE: u32 = 5;
/// Failures of one address over all accounts that cost nothing.
const FREE_ADDRESS: u32 = 50;
/// The longest wait.
const LONGEST_MS: u64 = 15 * 60 * 1_000;
/// Failures are forgotten after this time without another one.
const FORGET_MS: u64 = 60 * 60 * 1_000;
/// Entries kept; the oldest go first.
const KEPT: usize = 20_000;

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last_ms: u64,
}

/// Failures by what failed. Times are monotonic milliseconds.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: Mutex<BTreeMap<(String, String), Failures>>,
}

impl Backoff {
    /// How long this account from this address must still wait, in milliseconds; 0 when it may try.
    #[must_use]
    pub fn wait_ms(&self, account: &str, address: &str, now_ms: u64) -> u64 {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = |account: &str, free| {
            failures.get(&(address.to_owned(), account.to_owned())).map_or(0, |f| remaining(*f, free, now_ms))
        };
        wait(account, FREE).max(wait("", FREE_ADDRESS))
    }

    /// Counts a failure.
    pub fn failed(&self, account: &str, address: &str, now_ms: u64) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        for account in [account, ""] {
            let entry = failures
                .entry((address.to_owned(), account.to_owned()))
                .or_insert(Failures { count: 0, last_ms: now_ms });
            if now_ms.saturating_sub(entry.last_ms) > FORGET_MS {
                entry.count = 0;
            }
            entry.count = entry.count.saturating_add(1);
            entry.last_ms = now_ms;
        }
        if failures.len() > KEPT {
            failures.retain(|_, f| now_ms.saturating_sub(f.last_ms) <= FORGET_MS);
        }
        while failures.len() > KEPT {
            let oldest = failures.iter().min_by_key(|(_, f)| f.last_ms).map(|(key, _)| key.clone());
            let Some(oldest) = oldest else { break };
            failures.remove(&oldest);
        }
    }

    /// Forgets the failures of this account from this address: the person is there.
    pub fn succeeded(&self, account: &str, address: &str) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.remove(&(address.to_owned(), account.to_owned()));
    }
}

fn remaining(failures: Failures, free: u32, now_ms: u64) -> u64 {
    let Some(beyond) = failures.count.checked_sub(free).filter(|beyond| *beyond > 0) else { return 0 };
    let wait = 1_000u64.saturating_mul(1 << beyond.min(20)).min(LONGEST_MS);
    (failures.last_ms + wait).saturating_sub(now_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_failures_cost_nothing_and_more_cost_more() {
        let backoff = Backoff::default();
        for _ in 0..FREE {
            backoff.failed("rahim", "10.0.0.1", 0);
        }
        assert_eq!(backoff.wait_ms("rahim", "10.0.0.1", 0), 0);
        backoff.failed("rahim", "10.0.0.1", 0);
        assert_eq!(backoff.wait_ms("rahim", "10.0.0.1", 0), 2_000);
        assert_eq!(backoff.wait_ms("rahim", "10.0.0.1", 1_500), 500);
        assert_eq!(backoff.wait_ms("rahim", "10.0.0.1", 2_000), 0);
        assert_eq!(backoff.wait_ms("rahim", "10.0.0.2", 0), 0);
        for _ in 0..100 {
            backoff.failed("rahim", "10.0.0.1", 0);
        }
        assert_eq!(backoff.wait_ms("rahim", "10.0.0.1", 0), LONGEST_MS);
    }

    #[test]
    fn success_and_time_forget() {
        let backoff = Backoff::default();
        for _ in 0..10 {
            backoff.failed("rahim", "a", 0);
        }
        backoff.succeeded("rahim", "a");
        assert_eq!(backoff.wait_ms("rahim", "a", 0), 0);
        for _ in 0..10 {
            backoff.failed("karim", "a", 0);
        }
        backoff.failed("karim", "a", FORGET_MS + 1);
        assert_eq!(backoff.wait_ms("karim", "a", FORGET_MS + 1), 0);
    }

    #[test]
    fn many_accounts_from_one_address_are_slowed() {
        let backoff = Backoff::default();
        for guess in 0..=FREE_ADDRESS {
            backoff.failed(&format!("user{guess}"), "a", 0);
        }
        assert!(backoff.wait_ms("another", "a", 0) > 0);
    }
}
