//! Slows down guessing. Only failures count: of one account from one address, of one account from all addresses, and of
//! one address over all accounts. Each makes the next try wait longer; nobody is locked out for good.
//!
//! An account that has signed in from an address before is known there. What strangers do elsewhere, and what colleagues
//! behind the same address do, does not keep such a person waiting: only their own failures do.
//!
//! Kept in memory: a restart forgets it, and costs a guesser more than it gives. Several controllers count each for
//! itself.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

/// Failures of one account from one address that cost nothing.
const FREE: u32 = 5;
/// Failures of one account from all addresses that cost nothing.
const FREE_ACCOUNT: u32 = 100;
/// Failures of one address over all accounts that cost nothing: a whole office comes from one address.
const FREE_ADDRESS: u32 = 1_000;
/// The longest wait.
const LONGEST_MS: u64 = 15 * 60 * 1_000;
/// The longest wait for what strangers did to an account.
const LONGEST_ACCOUNT_MS: u64 = 60 * 1_000;
/// Failures are forgotten after this time without another one.
const FORGET_MS: u64 = 60 * 60 * 1_000;
/// How long an account is known at an address.
const KNOWN_MS: u64 = 30 * 24 * 60 * 60 * 1_000;
/// Entries kept; the oldest go first.
const KEPT: usize = 20_000;

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last_ms: u64,
}

/// Account and network; one of them is empty where all are meant.
type Key = (String, String);

#[derive(Debug, Default)]
struct Memory {
    failures: BTreeMap<Key, Failures>,
    known: BTreeMap<Key, u64>,
}

/// Failures by what failed. Times are monotonic milliseconds.
#[derive(Debug, Default)]
pub struct Backoff {
    memory: Mutex<Memory>,
}

impl Backoff {
    /// How long this account from this address must still wait, in milliseconds; 0 when it may try.
    #[must_use]
    pub fn wait_ms(&self, account: &str, address: &str, now_ms: u64) -> u64 {
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let network = network(address);
        let wait = |account: &str, network: &str, free, longest| {
            let key = (account.to_owned(), network.to_owned());
            memory.failures.get(&key).map_or(0, |failures| remaining(*failures, free, longest, now_ms))
        };
        let own = wait(account, &network, FREE, LONGEST_MS);
        let key = (account.to_owned(), network.clone());
        let is_known = memory.known.get(&key).is_some_and(|since| now_ms.saturating_sub(*since) < KNOWN_MS);
        if is_known {
            return own;
        }
        own.max(wait(account, "*", FREE_ACCOUNT, LONGEST_ACCOUNT_MS)).max(wait("*", &network, FREE_ADDRESS, LONGEST_MS))
    }

    /// Counts a failure.
    pub fn failed(&self, account: &str, address: &str, now_ms: u64) {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let network = network(address);
        for (account, network) in [(account, network.as_str()), (account, "*"), ("*", network.as_str())] {
            let entry = memory
                .failures
                .entry((account.to_owned(), network.to_owned()))
                .or_insert(Failures { count: 0, last_ms: now_ms });
            if now_ms.saturating_sub(entry.last_ms) > FORGET_MS {
                entry.count = 0;
            }
            entry.count = entry.count.saturating_add(1);
            entry.last_ms = now_ms;
        }
        if memory.failures.len() > KEPT {
            memory.failures.retain(|_, failures| now_ms.saturating_sub(failures.last_ms) <= FORGET_MS);
        }
        drop_oldest(&mut memory.failures, |failures| failures.last_ms);
    }

    /// Forgets the failures of this account from this address, and knows it there: the person is there.
    pub fn succeeded(&self, account: &str, address: &str, now_ms: u64) {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (account.to_owned(), network(address));
        memory.failures.remove(&key);
        memory.known.insert(key, now_ms);
        drop_oldest(&mut memory.known, |since| *since);
    }
}

/// Drops an eighth of the entries, the oldest, when there are too many: one walk for thousands of entries.
fn drop_oldest<T>(entries: &mut BTreeMap<Key, T>, at: impl Fn(&T) -> u64) {
    if entries.len() <= KEPT {
        return;
    }
    let mut times: Vec<u64> = entries.values().map(&at).collect();
    let (_, eighth, _) = times.select_nth_unstable(KEPT / 8);
    let eighth = *eighth;
    entries.retain(|_, entry| at(entry) > eighth);
}

/// The network of an address: somebody with IPv6 has a whole /64 to come from.
fn network(address: &str) -> String {
    match address.parse::<IpAddr>() {
        Ok(IpAddr::V6(v6)) => match v6.to_ipv4_mapped() {
            Some(v4) => v4.to_string(),
            None => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).to_string(),
        },
        _ => address.to_owned(),
    }
}

fn remaining(failures: Failures, free: u32, longest_ms: u64, now_ms: u64) -> u64 {
    let Some(beyond) = failures.count.checked_sub(free).filter(|beyond| *beyond > 0) else { return 0 };
    let wait = 1_000u64.saturating_mul(1 << beyond.min(20)).min(longest_ms);
    failures.last_ms.saturating_add(wait).saturating_sub(now_ms)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
        for _ in 0..50 {
            backoff.failed("rahim", "10.0.0.1", 0);
        }
        assert_eq!(backoff.wait_ms("rahim", "10.0.0.1", 0), LONGEST_MS);
    }

    #[test]
    fn success_and_time_forget() {
        let backoff = Backoff::default();
        for _ in 0..10 {
            backoff.failed("rahim", "10.0.0.1", 0);
        }
        backoff.succeeded("rahim", "10.0.0.1", 0);
        assert_eq!(backoff.wait_ms("rahim", "10.0.0.1", 0), 0);
        for _ in 0..10 {
            backoff.failed("karim", "10.0.0.1", 0);
        }
        backoff.failed("karim", "10.0.0.1", FORGET_MS + 1);
        assert_eq!(backoff.wait_ms("karim", "10.0.0.1", FORGET_MS + 1), 0);
    }

    #[test]
    fn many_accounts_from_one_address_are_slowed_and_who_is_known_there_is_not() {
        let backoff = Backoff::default();
        backoff.succeeded("karim", "10.0.0.1", 0);
        for guess in 0..=FREE_ADDRESS {
            backoff.failed(&format!("user{guess}"), "10.0.0.1", 0);
        }
        assert!(backoff.wait_ms("another", "10.0.0.1", 0) > 0);
        assert_eq!(backoff.wait_ms("karim", "10.0.0.1", 0), 0);
        assert_eq!(backoff.wait_ms("another", "10.0.0.2", 0), 0);
    }

    #[test]
    fn one_account_from_many_addresses_is_slowed_and_the_person_at_the_usual_place_is_not() {
        let backoff = Backoff::default();
        backoff.succeeded("rahim", "10.0.0.1", 0);
        for guess in 0..FREE_ACCOUNT + 20 {
            backoff.failed("rahim", &format!("10.9.{}.{}", guess / 250, guess % 250), 0);
        }
        assert_eq!(backoff.wait_ms("rahim", "10.8.0.1", 0), LONGEST_ACCOUNT_MS);
        assert_eq!(backoff.wait_ms("rahim", "10.0.0.1", 0), 0);
    }

    #[test]
    fn a_network_of_ipv6_is_one_place() {
        let backoff = Backoff::default();
        for host in 0..=FREE {
            backoff.failed("rahim", &format!("2001:db8:0:1::{host:x}"), 0);
        }
        assert!(backoff.wait_ms("rahim", "2001:db8:0:1:ffff::1", 0) > 0);
        assert_eq!(backoff.wait_ms("rahim", "2001:db8:0:2::1", 0), 0);
        assert_eq!(network("::ffff:10.0.0.1"), "10.0.0.1");
    }

    #[test]
    fn memory_is_bounded() {
        let backoff = Backoff::default();
        for guess in 0..40_000u64 {
            backoff.failed(&format!("user{guess}"), &format!("address{guess}"), guess);
            backoff.succeeded(&format!("user{guess}"), "a", guess);
        }
        let memory = backoff.memory.lock().unwrap();
        assert!(memory.failures.len() <= KEPT && memory.known.len() <= KEPT);
        assert!(memory.known.contains_key(&("user39999".to_owned(), "a".to_owned())));
    }

    proptest! {
        #[test]
        fn nobody_waits_for_ever(tries in 0usize..300, step in 0u64..10_000) {
            let backoff = Backoff::default();
            let mut now = 0;
            for _ in 0..tries {
                now += step;
                backoff.failed("rahim", "10.0.0.1", now);
            }
            prop_assert!(backoff.wait_ms("rahim", "10.0.0.1", now) <= LONGEST_MS);
            prop_assert_eq!(backoff.wait_ms("rahim", "10.0.0.1", now + LONGEST_MS), 0);
        }
    }
}
