//! What the stand-ins have heard, and the faults that wait for the next messages.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// Messages that are kept; the oldest go first.
const KEPT: usize = 2_000;
/// Faults that may wait.
const FAULTS: usize = 10_000;

/// A message as it arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Received {
    /// From 1.
    pub no: u64,
    /// `sms` or `email`.
    pub channel: &'static str,
    /// Phone number or address.
    pub to: String,
    /// Sender's mask or address.
    pub from: String,
    /// Subject of an e-mail.
    pub subject: String,
    /// The text, decoded.
    pub text: String,
    /// The sender's own name for it: Message-ID, `csms_id`.
    pub id: String,
    /// As it came over the wire.
    pub raw: String,
}

/// What goes wrong with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// It is not taken; later it would be.
    Busy,
    /// It is refused for good: a number or an address that does not exist.
    Refused,
    /// Nothing is taken: no balance, not allowed.
    Down,
    /// It is taken, and the connection ends before the answer.
    TakenAndCut,
    /// It is taken, and no answer ever comes.
    TakenAndSilent,
    /// It is not taken, and the answer means nothing.
    Garbage,
}

impl Fault {
    /// Whether the message is taken all the same.
    pub(super) const fn takes(self) -> bool {
        matches!(self, Self::TakenAndCut | Self::TakenAndSilent)
    }
}

#[derive(Debug, Default)]
struct State {
    heard: u64,
    received: VecDeque<Received>,
    faults: VecDeque<Fault>,
}

/// The inbox. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Inbox(Arc<Mutex<State>>);

impl Inbox {
    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Everything that is kept, oldest first.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.with(|state| state.received.iter().cloned().collect())
    }

    /// Lets the next `times` messages meet this fault.
    pub fn next(&self, fault: Fault, times: usize) {
        self.with(|state| {
            let room = FAULTS.saturating_sub(state.faults.len());
            state.faults.extend(std::iter::repeat_n(fault, times.min(room)));
        });
    }

    /// Forgets the faults that wait.
    pub fn heal(&self) {
        self.with(|state| state.faults.clear());
    }

    /// The fault that the next message meets.
    pub(super) fn fault(&self) -> Option<Fault> {
        self.with(|state| state.faults.pop_front())
    }

    /// Keeps a message and says which it is.
    pub(super) fn keep(&self, message: Received) -> u64 {
        self.with(|state| {
            state.heard += 1;
            while state.received.len() >= KEPT {
                state.received.pop_front();
            }
            state.received.push_back(Received { no: state.heard, ..message });
            state.heard
        })
    }
}
