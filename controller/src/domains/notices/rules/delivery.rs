//! How a message comes to its end. The one promise: what may have gone out is never sent again by itself, unless the
//! provider tells two tries of one message from two messages.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::gateways::message::Outcome;

/// Tries at most; what never left us is not counted.
pub const TRIES: i64 = 8;
const BACKOFF_MS: i64 = 5_000;
const BACKOFF_MOST_MS: i64 = 15 * 60_000;

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = NoticeState)]
pub enum State {
    /// It waits for its turn.
    Queued,
    /// It is being handed over at this moment.
    Sending,
    /// The provider has taken it. Most providers never say more.
    Sent,
    /// The provider says that it arrived.
    Delivered,
    /// It did not go out, or did not arrive; `reason` says why.
    Failed,
    /// Nobody can tell whether it went out.
    Unknown,
    /// A person has stopped it.
    Cancelled,
}

/// A word that names no state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a state is queued, sending, sent, delivered, failed, unknown or cancelled")]
pub struct BadState;

impl State {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Queued, Self::Sending, Self::Sent, Self::Delivered, Self::Failed, Self::Unknown, Self::Cancelled];

    /// The word under which it is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether a person may have it sent again: it did not go out, or the person takes the risk that it goes out twice.
    #[must_use]
    pub const fn may_retry(self) -> bool {
        matches!(self, Self::Failed | Self::Unknown | Self::Cancelled)
    }

    /// Whether a person may still stop it.
    #[must_use]
    pub const fn may_cancel(self) -> bool {
        matches!(self, Self::Queued)
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for State {
    type Err = BadState;
    fn from_str(text: &str) -> Result<Self, BadState> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or(BadState)
    }
}

/// What follows from a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It is with the provider.
    Sent,
    /// Again, at this moment.
    Retry {
        /// When, milliseconds.
        at_ms: i64,
        /// Whether this try counts: a provider that takes nothing at all is not the message's fault.
        counts: bool,
    },
    /// It is over.
    Failed {
        /// A word: `refused`, `gave_up`, `expired`.
        reason: &'static str,
    },
    /// Nobody can tell.
    Unknown,
}

/// What is known of a message when a try ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tried {
    /// Which try it was, from 1.
    pub attempt: i64,
    /// Not sent after this, milliseconds.
    pub expires_at_ms: i64,
    /// The provider sends once what it hears twice.
    pub deduplicates: bool,
}

/// What follows. `chance` of 0..1000 spreads the next tries of many messages.
#[must_use]
pub fn after(tried: Tried, outcome: &Outcome, now_ms: i64, chance: i64) -> Next {
    match outcome {
        Outcome::Accepted { .. } => Next::Sent,
        Outcome::Refused { .. } => Next::Failed { reason: "refused" },
        Outcome::Down { .. } => again(tried, now_ms, chance, false),
        Outcome::Later { .. } => again(tried, now_ms, chance, true),
        Outcome::Unclear { .. } if tried.deduplicates => again(tried, now_ms, chance, true),
        Outcome::Unclear { .. } => Next::Unknown,
    }
}

fn again(tried: Tried, now_ms: i64, chance: i64, counts: bool) -> Next {
    if counts && tried.attempt >= TRIES {
        return Next::Failed { reason: "gave_up" };
    }
    let at_ms = now_ms.saturating_add(backoff_ms(tried.attempt, chance));
    if at_ms >= tried.expires_at_ms {
        return Next::Failed { reason: "expired" };
    }
    Next::Retry { at_ms, counts }
}

/// Between two tries: doubling, up to a bound, with up to a quarter more by chance.
fn backoff_ms(attempt: i64, chance: i64) -> i64 {
    let doublings = u32::try_from(attempt.clamp(1, 20) - 1).unwrap_or(0);
    let base = BACKOFF_MS.saturating_mul(1 << doublings).min(BACKOFF_MOST_MS);
    base + base * chance.clamp(0, 1_000) / 4_000
}

/// How long a way rests after the provider took nothing: a minute, doubling, a quarter of an hour at most.
#[must_use]
pub fn pause_ms(pauses: i64) -> i64 {
    let doublings = u32::try_from(pauses.clamp(0, 10)).unwrap_or(0);
    60_000_i64.saturating_mul(1 << doublings).min(BACKOFF_MOST_MS)
}

/// What a provider reports later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// It arrived.
    Delivered,
    /// It never will.
    Failed,
}

/// The state after a report; `None` when it changes nothing. Reports come twice, late and in any order: what arrived
/// has arrived.
#[must_use]
pub const fn reported(state: State, report: Report) -> Option<State> {
    match (state, report) {
        (State::Sent | State::Unknown | State::Sending, Report::Delivered) => Some(State::Delivered),
        (State::Sent | State::Unknown, Report::Failed) => Some(State::Failed),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn outcome(kind: u8) -> Outcome {
        let detail = String::new();
        match kind {
            0 => Outcome::Accepted { provider_id: None },
            1 => Outcome::Refused { detail },
            2 => Outcome::Later { detail },
            3 => Outcome::Down { detail },
            _ => Outcome::Unclear { detail },
        }
    }

    #[test]
    fn waiting_grows_and_is_bounded() {
        let all: Vec<_> = (1..30).map(|attempt| backoff_ms(attempt, 0)).collect();
        assert_eq!(all[..3], [5_000, 10_000, 20_000]);
        assert!(all.is_sorted());
        assert_eq!(all.last(), Some(&BACKOFF_MOST_MS));
        assert_eq!((pause_ms(0), pause_ms(1), pause_ms(50)), (60_000, 120_000, BACKOFF_MOST_MS));
    }

    #[test]
    fn a_report_never_takes_back_what_arrived() {
        for state in State::ALL {
            assert_ne!(reported(state, Report::Failed), Some(State::Delivered));
        }
        assert_eq!(reported(State::Delivered, Report::Failed), None);
        assert_eq!(reported(State::Unknown, Report::Delivered), Some(State::Delivered));
        assert_eq!(reported(State::Queued, Report::Delivered), None);
    }

    proptest! {
        #[test]
        fn what_may_have_gone_out_is_not_sent_again(
            outcomes in proptest::collection::vec((0_u8..5, 0_i64..1_000), 1..60),
            deduplicates: bool,
            lives in 1_000_i64..90_000_000,
        ) {
            let (mut now, mut attempt, mut heard) = (0, 1, 0);
            let mut over = false;
            for (kind, chance) in outcomes {
                prop_assert!(attempt <= TRIES && now < lives);
                let outcome = outcome(kind);
                if matches!(outcome, Outcome::Accepted { .. } | Outcome::Unclear { .. }) {
                    heard += 1;
                }
                let tried = Tried { attempt, expires_at_ms: lives, deduplicates };
                match after(tried, &outcome, now, chance) {
                    Next::Retry { at_ms, counts } => {
                        prop_assert!(at_ms > now && at_ms < lives);
                        now = at_ms;
                        attempt += i64::from(counts);
                    }
                    Next::Sent => {
                        let accepted = matches!(outcome, Outcome::Accepted { .. });
                        prop_assert!(accepted);
                        over = true;
                    }
                    Next::Unknown => {
                        prop_assert!(!deduplicates);
                        over = true;
                    }
                    Next::Failed { .. } => over = true,
                }
                prop_assert!(deduplicates || heard <= 1, "heard {heard} times");
                if over {
                    break;
                }
            }
        }

        #[test]
        fn reports_in_any_order_end_alike(reports in proptest::collection::vec(any::<bool>(), 1..8)) {
            let mut state = State::Sent;
            let mut arrived = false;
            for delivered in reports {
                let report = if delivered { Report::Delivered } else { Report::Failed };
                let before = state;
                state = reported(state, report).unwrap_or(state);
                arrived |= state == State::Delivered;
                prop_assert!(!arrived || state == State::Delivered, "{before} became {state}");
            }
        }
    }
}
