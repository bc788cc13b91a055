//! Carries out what is in the outbox: one job a way, a few messages at a time, each marked before it is handed over.

use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::json;

use super::enqueue::SEND;
use super::rules::delivery::{self, Next, State, Tried};
use super::rules::pace::Pace;
use super::senders::{BrokenWay, RealWays, Way, Ways};
use super::store::channels::{self, ChannelRow, Remembered};
use super::store::sending::{self, Claimed, Recorded};
use super::{Channel, store};
use crate::db::{Db, Nudge, Tx};
use crate::gateways::message::{Message, Outcome};
use crate::jobs::{self, JobError, Registry};
use crate::kernel::ids::hex;
use crate::kernel::{Fault, Rng, Scope, crash_point, rng};
use crate::secrets::Keyring;
use crate::web::App;

/// Messages in hand at once.
const AT_ONCE: i64 = 8;
/// Rounds of one job; then another takes its place, so that others have their turn.
const ROUNDS: usize = 50;
/// A sender that is gone this long will not come back. Longer than any try may take.
const LEASE_MS: i64 = 5 * 60_000;
/// Rows that are tidied up in one transaction.
const TIDY: i64 = 200;
/// Between two looks whether something was left lying, in seconds.
const LOOK_SECONDS: u32 = 60;
/// How long messages are kept, in milliseconds.
const KEPT_MS: i64 = 400 * 86_400_000;

/// The jobs of this domain.
#[must_use]
pub fn jobs(app: &App) -> Registry {
    let ways: Arc<dyn Ways> = Arc::new(RealWays::new(Arc::clone(&app.http), Arc::clone(&app.keyring)));
    let carrier = Carrier::new(app.db.clone(), Arc::clone(&app.keyring), Arc::clone(&app.rng), ways);
    registry(carrier)
}

/// The jobs of this domain with this carrier.
pub(super) fn registry(carrier: Carrier) -> Registry {
    let look = carrier.clone();
    Registry::new()
        .handle(SEND, move |job| {
            let carrier = carrier.clone();
            async move {
                let channel = job.payload.get("channel").and_then(serde_json::Value::as_str).unwrap_or("");
                let channel = channel.parse().map_err(|_| JobError::Fail("the payload names no way".to_owned()))?;
                carrier.work(channel).await.map_err(|fault| JobError::Retry(fault.to_string()))
            }
        })
        .every("notices.look", LOOK_SECONDS, move |_| {
            let carrier = look.clone();
            async move { carrier.look().await.map_err(JobError::from) }
        })
}

/// Queues the sender of a way, at this moment.
pub(super) async fn wake(tx: &mut Tx, channel: Channel, at_ms: i64) -> Result<(), Fault> {
    jobs::enqueue(tx, SEND, channel.as_str(), &json!({ "channel": channel }), at_ms).await.map(|_| ())
}

/// Removes messages that have been over for long.
///
/// # Errors
/// When the database fails.
pub async fn purge(tx: &mut Tx) -> Result<u64, Fault> {
    let before = tx.now_ms().saturating_sub(KEPT_MS);
    store::outbox::purge(tx, before).await
}

/// What is in hand after a round was prepared.
struct Round {
    way: Way,
    claimed: Vec<Claimed>,
}

/// What carries messages out.
#[derive(Clone)]
pub(super) struct Carrier {
    db: Db,
    keyring: Arc<Keyring>,
    rng: Arc<dyn Rng>,
    ways: Arc<dyn Ways>,
}

impl Carrier {
    pub(super) fn new(db: Db, keyring: Arc<Keyring>, rng: Arc<dyn Rng>, ways: Arc<dyn Ways>) -> Self {
        Self { db, keyring, rng, ways }
    }

    /// Wakes the senders of ways on which something lies.
    async fn look(&self) -> Result<(), Fault> {
        let mut tx = self.db.begin(&Scope::All).await?;
        let now = tx.now_ms();
        for channel in Channel::ALL {
            let waits = sending::next_due(&mut tx, channel).await?.is_some();
            if waits || !sending::lost(&mut tx, channel, 1).await?.is_empty() {
                wake(&mut tx, channel, now).await?;
            }
        }
        Ok(tx.commit().await?)
    }

    /// Sends until nothing is due or it is another's turn.
    async fn work(&self, channel: Channel) -> Result<(), Fault> {
        for _ in 0..ROUNDS {
            let owner = hex(&rng::bytes::<8>(&*self.rng));
            let Some(round) = self.prepare(channel, &owner).await? else { return Ok(()) };
            crash_point("notices.claimed");
            let outcomes = join_all(round.claimed.iter().map(|claimed| self.send(&round.way, claimed))).await;
            crash_point("notices.sent");
            if self.settle(channel, &owner, &round, &outcomes).await? {
                return Ok(());
            }
        }
        let mut tx = self.db.begin(&Scope::All).await?;
        let now = tx.now_ms();
        wake(&mut tx, channel, now).await?;
        Ok(tx.commit().await?)
    }

    /// Takes the next messages; nothing when there is none, or the way rests: then the next turn is queued.
    async fn prepare(&self, channel: Channel, owner: &str) -> Result<Option<Round>, Fault> {
        let mut tx = self.db.begin(&Scope::All).await?;
        let now = tx.now_ms();
        for (id, branch) in sending::expire(&mut tx, channel, TIDY).await? {
            count(channel, "expired");
            tx.nudge(Nudge::Changed { kind: "notice", id: id.to_string(), branch });
        }
        let Some(row) = channels::load(&mut tx, channel).await? else { return done(tx).await };
        let way = self.way(channel, &row);
        self.end_lost(&mut tx, channel, &way).await?;
        if !row.enabled {
            return done(tx).await;
        }
        let known = remembered(&mut tx, channel, &row).await?;
        if let Some(until) = known.paused_until_ms.filter(|until| *until > now) {
            wake(&mut tx, channel, until).await?;
            return done(tx).await;
        }
        let pace = known.pace.at(row.per_minute, now);
        let most = pace.allows(AT_ONCE);
        let claimed = match most {
            0 => Vec::new(),
            most => sending::claim(&mut tx, channel, (owner, now + LEASE_MS), &way.provider, most).await?,
        };
        let taken = i64::try_from(claimed.len()).unwrap_or(0);
        channels::remember(&mut tx, channel, &Remembered { pace: pace.less(taken), ..known }).await?;
        if claimed.is_empty() {
            if let Some(due) = sending::next_due(&mut tx, channel).await? {
                let next = if most == 0 { pace.next_at_ms(row.per_minute) } else { now };
                wake(&mut tx, channel, due.max(next)).await?;
            }
            return done(tx).await;
        }
        tx.commit().await?;
        Ok(Some(Round { way, claimed }))
    }

    /// The sender of the way; one that takes nothing where the settings cannot be used.
    fn way(&self, channel: Channel, row: &ChannelRow) -> Way {
        self.ways.way(channel, row).unwrap_or_else(|fault| {
            tracing::error!(%channel, error = %fault, "a way out of messages cannot be used");
            let broken = BrokenWay("its settings cannot be read; see the log".to_owned());
            Way { provider: String::new(), sender: Arc::new(broken) }
        })
    }

    /// Ends tries whose sender was killed: nobody knows how far it came.
    async fn end_lost(&self, tx: &mut Tx, channel: Channel, way: &Way) -> Result<(), Fault> {
        for (claimed, owner) in sending::lost(tx, channel, TIDY).await? {
            let outcome = Outcome::Unclear { detail: "the program was stopped while it was being sent".to_owned() };
            self.end(tx, channel, &owner, way, &claimed, &outcome).await?;
        }
        Ok(())
    }

    async fn send(&self, way: &Way, claimed: &Claimed) -> Outcome {
        let text = match self.text(claimed) {
            Ok(text) => text,
            Err(detail) => return Outcome::Refused { detail },
        };
        let message = Message {
            id: claimed.id.to_string(),
            to: claimed.address.clone(),
            name: claimed.name.clone(),
            subject: claimed.subject.clone(),
            text,
            at_ms: claimed.created_at_ms,
        };
        way.sender.send(&message).await
    }

    fn text(&self, claimed: &Claimed) -> Result<String, String> {
        let Some(sealed) = &claimed.sealed_body else { return Ok(claimed.body.clone()) };
        let id = claimed.id.to_string();
        let clear = self.keyring.open("notices", &id, "sealed_body", sealed).map_err(|error| error.to_string())?;
        String::from_utf8(clear).map_err(|_| "the sealed text is no text".to_owned())
    }

    /// Writes down what came of a round; true when the way has to rest.
    async fn settle(&self, channel: Channel, owner: &str, round: &Round, outcomes: &[Outcome]) -> Result<bool, Fault> {
        let mut tx = self.db.begin(&Scope::All).await?;
        let now = tx.now_ms();
        // Where one is taken the way is open: whatever the provider says of another is about that one.
        let open = outcomes.iter().any(|outcome| matches!(outcome, Outcome::Accepted { .. } | Outcome::Refused { .. }));
        let mut trouble = None;
        for (claimed, outcome) in round.claimed.iter().zip(outcomes) {
            let outcome = match outcome {
                Outcome::Down { detail } if open => Outcome::Later { detail: detail.clone() },
                other => other.clone(),
            };
            if let Outcome::Down { detail } = &outcome {
                trouble = Some(detail.clone());
            }
            self.end(&mut tx, channel, owner, &round.way, claimed, &outcome).await?;
        }
        let rests = trouble.is_some();
        if let Some(known) = channels::remembered(&mut tx, channel).await? {
            let known = after_round(known, open, trouble, now);
            if let Some(until) = known.paused_until_ms {
                tracing::warn!(%channel, detail = known.trouble.as_deref().unwrap_or(""), "a way out of messages rests");
                wake(&mut tx, channel, until).await?;
            }
            channels::remember(&mut tx, channel, &known).await?;
        }
        tx.commit().await?;
        Ok(rests)
    }

    async fn end(
        &self,
        tx: &mut Tx,
        channel: Channel,
        owner: &str,
        way: &Way,
        claimed: &Claimed,
        outcome: &Outcome,
    ) -> Result<(), Fault> {
        let tried = Tried {
            attempt: claimed.attempt,
            expires_at_ms: claimed.expires_at_ms,
            deduplicates: way.sender.deduplicates(),
        };
        let chance = i64::from(u16::from_be_bytes(rng::bytes::<2>(&*self.rng)) % 1_000);
        let next = delivery::after(tried, outcome, tx.now_ms(), chance);
        let (state, reason, due_at_ms, counts) = match next {
            Next::Sent => (State::Sent, None, None, true),
            Next::Retry { at_ms, counts } => (State::Queued, Some(outcome.as_str()), Some(at_ms), counts),
            Next::Failed { reason } => (State::Failed, Some(reason), None, true),
            Next::Unknown => (State::Unknown, Some("unclear"), None, true),
        };
        let provider_id = match outcome {
            Outcome::Accepted { provider_id } => provider_id.as_deref(),
            _ => None,
        };
        let attempts = claimed.attempt - i64::from(!counts);
        let end = Recorded { state, attempts, due_at_ms, provider_id, reason, detail: outcome.detail() };
        if sending::record(tx, claimed.id, owner, &end).await? {
            count(channel, outcome.as_str());
            tx.nudge(Nudge::Changed { kind: "notice", id: claimed.id.to_string(), branch: claimed.branch_id });
        }
        Ok(())
    }
}

/// What the sender remembers after a round.
fn after_round(known: Remembered, open: bool, trouble: Option<String>, now: i64) -> Remembered {
    match trouble {
        Some(trouble) => Remembered {
            pauses: known.pauses.saturating_add(1),
            paused_until_ms: Some(now.saturating_add(delivery::pause_ms(known.pauses))),
            trouble: Some(trouble),
            trouble_at_ms: known.trouble_at_ms.or(Some(now)),
            ..known
        },
        None if open => Remembered { pauses: 0, paused_until_ms: None, trouble: None, trouble_at_ms: None, ..known },
        None => Remembered { paused_until_ms: None, ..known },
    }
}

async fn remembered(tx: &mut Tx, channel: Channel, row: &ChannelRow) -> Result<Remembered, Fault> {
    let now = tx.now_ms();
    Ok(channels::remembered(tx, channel).await?.unwrap_or(Remembered {
        pace: Pace::full(row.per_minute, now),
        pauses: 0,
        paused_until_ms: None,
        trouble: None,
        trouble_at_ms: None,
    }))
}

async fn done(tx: Tx) -> Result<Option<Round>, Fault> {
    tx.commit().await?;
    Ok(None)
}

fn count(channel: Channel, outcome: &'static str) {
    metrics::counter!("lastmile_notices_total", "channel" => channel.as_str(), "outcome" => outcome).increment(1);
}
