//! Who may start a handshake: bounds what strangers can make the controller do, without shutting agents out.
//!
//! A first packet with a forged sender costs nothing but a stateless answer as soon as there are many of them; one
//! with a proven sender counts against this sender alone.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// First packets per second that are taken without proof of their sender.
const UNPROVEN_PER_SECOND: u32 = 50;
/// Handshakes per second of one address: a room full of agents behind one address fits in.
const PROVEN_PER_SECOND: u32 = 20;
/// Handshakes per second of everybody.
const ALL_PER_SECOND: u32 = 500;
/// Handshakes that are under way at once, and of one address.
const PENDING: u32 = 256;
const PENDING_OF_ONE: u32 = 64;
/// Addresses that are remembered within one second.
const ADDRESSES: usize = 4_096;

/// What to do with a first packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// Begin the handshake.
    Accept,
    /// Ask the sender to prove its address; keeps no state.
    Retry,
    /// Say nothing.
    Drop,
}

/// Counts of this second, and handshakes that are under way.
#[derive(Debug, Default)]
pub struct Gate {
    second: u64,
    unproven: u32,
    all: u32,
    by_address: BTreeMap<IpAddr, u32>,
    pending: u32,
    pending_of: BTreeMap<IpAddr, u32>,
}

impl Gate {
    /// Judges a first packet; `proven` says that the sender has proved its address. An accepted one is under way
    /// until [`Gate::done`].
    pub fn judge(&mut self, now_ms: u64, from: IpAddr, proven: bool) -> Judgement {
        self.turn(now_ms / 1_000);
        if !proven {
            self.unproven = self.unproven.saturating_add(1);
            if self.unproven > UNPROVEN_PER_SECOND {
                return Judgement::Retry;
            }
        }
        if !self.count(from) || !self.begin(from) {
            return Judgement::Drop;
        }
        Judgement::Accept
    }

    /// A handshake has ended, well or not.
    pub fn done(&mut self, from: IpAddr) {
        self.pending = self.pending.saturating_sub(1);
        if let Some(pending) = self.pending_of.get_mut(&from) {
            *pending -= 1;
            if *pending == 0 {
                self.pending_of.remove(&from);
            }
        }
    }

    fn turn(&mut self, second: u64) {
        if second != self.second {
            self.second = second;
            self.unproven = 0;
            self.all = 0;
            self.by_address.clear();
        }
    }

    fn count(&mut self, from: IpAddr) -> bool {
        self.all = self.all.saturating_add(1);
        if self.all > ALL_PER_SECOND || self.by_address.len() >= ADDRESSES {
            return false;
        }
        let count = self.by_address.entry(from).or_insert(0);
        *count = count.saturating_add(1);
        *count <= PROVEN_PER_SECOND
    }

    fn begin(&mut self, from: IpAddr) -> bool {
        let of_one = self.pending_of.get(&from).copied().unwrap_or(0);
        if self.pending >= PENDING || of_one >= PENDING_OF_ONE {
            return false;
        }
        self.pending += 1;
        self.pending_of.insert(from, of_one + 1);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const B: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    #[test]
    fn a_flood_from_one_address_leaves_room_for_another() {
        let mut gate = Gate::default();
        let taken = (0..1_000).filter(|_| gate.judge(0, A, true) == Judgement::Accept).count();
        assert_eq!(taken, 20);
        // The flood has used up this second; the next one belongs to whoever comes first.
        assert_eq!(gate.judge(1_000, B, true), Judgement::Accept);
    }

    #[test]
    fn forged_senders_are_asked_for_proof() {
        let mut gate = Gate::default();
        let mut forged = 0..1_000u32;
        let judged: Vec<_> = forged.by_ref().map(|n| gate.judge(0, IpAddr::V4(n.into()), false)).collect();
        assert_eq!(judged.iter().filter(|j| **j == Judgement::Accept).count(), 50);
        assert_eq!(judged.iter().filter(|j| **j == Judgement::Retry).count(), 950);
        assert_eq!(gate.judge(0, B, true), Judgement::Accept);
    }

    #[test]
    fn handshakes_under_way_are_bounded_and_given_back() {
        let mut gate = Gate::default();
        let mut taken = 0;
        for second in 0..100 {
            taken += (0..100).filter(|_| gate.judge(second * 1_000, A, true) == Judgement::Accept).count();
        }
        assert_eq!(taken, 64);
        (0..64).for_each(|_| gate.done(A));
        assert_eq!(gate.judge(200_000, A, true), Judgement::Accept);
    }
}
