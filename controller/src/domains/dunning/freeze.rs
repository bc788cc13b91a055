//! Whether the clock is believed: looked at before anything is held, remembered until a person clears it.

use std::sync::{Mutex, PoisonError};

use serde_json::json;

use super::rules::{self, Doubt, Tick, judge_run, judge_start};
use super::store;
use crate::db::{Db, Tx};
use crate::domains::{branches, network};
use crate::events::{self, Event};
use crate::kernel::fault::Check;
use crate::kernel::{Actor, Clock, Fault, Scope, text};

/// What this process remembers of its clocks: the reading against which the next ones are judged.
#[derive(Debug, Default)]
pub struct ClockWatch {
    anchor: Mutex<Option<Tick>>,
}

impl ClockWatch {
    /// Nothing remembered: the process has just started.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn anchor(&self) -> Option<Tick> {
        *self.anchor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, tick: Tick) {
        *self.anchor.lock().unwrap_or_else(PoisonError::into_inner) = Some(tick);
    }

    /// Whether the clock has moved since it was last looked at; between two batches, without the database.
    #[must_use]
    pub fn doubts(&self, clock: &dyn Clock) -> bool {
        self.anchor().is_none_or(|anchor| judge_run(anchor, read(clock)).is_some())
    }
}

fn read(clock: &dyn Clock) -> Tick {
    Tick { wall_ms: clock.wall_ms(), mono_ms: clock.mono_ms() }
}

/// Looks at the clock, remembers what is wrong with it, and says whether suspensions are frozen.
pub(super) async fn look(db: &Db, clock: &dyn Clock, watch: &ClockWatch) -> Result<bool, Fault> {
    let now = read(clock);
    let anchor = watch.anchor();
    let mut tx = db.begin(&Scope::All).await?;
    let doubt = match anchor {
        Some(anchor) => judge_run(anchor, now),
        None => judge_start(store::tick(&mut tx).await?, now),
    };
    if let Some(doubt) = doubt {
        raise(&mut tx, doubt).await?;
    }
    let frozen = store::open_freeze(&mut tx).await?.is_some();
    store::save_tick(&mut tx, now.wall_ms).await?;
    tx.commit().await?;
    // After the commit: a doubt that was not written is found again. A new anchor, because the doubt is written now,
    // and what comes after a person has cleared it is judged from here.
    if anchor.is_none() || doubt.is_some() {
        watch.set(now);
    }
    Ok(frozen)
}

async fn raise(tx: &mut Tx, doubt: Doubt) -> Result<(), Fault> {
    if !store::freeze(tx, doubt).await? {
        return Ok(());
    }
    tracing::error!(
        cause = doubt.cause(),
        off_by_ms = doubt.off_by_ms(),
        "the clock or the book is doubted: no line is held until a person clears the freeze"
    );
    let data = json!({ "cause": doubt.cause(), "off_by_ms": doubt.off_by_ms() });
    record(tx, &Actor::system(), "dunning.frozen", &data).await
}

/// A person says that the clock is right.
///
/// # Errors
/// A reason that is missing; `not_frozen`; `Forbidden` for who does not see all branches.
pub async fn clear(tx: &mut Tx, actor: &Actor, reason: &str) -> Result<(), Fault> {
    if *tx.scope() != Scope::All {
        return Err(Fault::Forbidden {
            detail: "the clock is every branch's: it is cleared by who sees them all".into(),
        });
    }
    let reason = checked_reason(reason)?;
    let restored = store::open_freeze(tx).await?.is_some_and(|freeze| freeze.cause == rules::RESTORED);
    if !store::clear_freeze(tx, &actor.name, &reason).await? {
        return Err(Fault::conflict("not_frozen", "suspensions are not frozen"));
    }
    let released = if restored { network::release_withheld(tx).await? } else { 0 };
    record(tx, actor, "dunning.freeze_cleared", &json!({ "reason": reason, "released": released })).await
}

/// The database was restored from a backup of that moment: no line is held, and none that is held is told to the
/// agents, until a person clears it. A freeze that the backup brought along is replaced.
///
/// # Errors
/// When the database fails.
pub async fn freeze_after_restore(tx: &mut Tx, made_at_ms: i64) -> Result<(), Fault> {
    store::clear_freeze(tx, &Actor::system().name, "the database was restored").await?;
    let age = tx.now_ms().saturating_sub(made_at_ms);
    raise(tx, Doubt::Restored(age)).await
}

pub(super) fn checked_reason(reason: &str) -> Result<String, Fault> {
    let mut check = Check::new();
    let reason = text::lines(&mut check, "reason", reason, 1, 500);
    check.done()?;
    Ok(reason)
}

/// It is every branch's business, so each has it in its record.
async fn record(tx: &mut Tx, actor: &Actor, kind: &'static str, data: &serde_json::Value) -> Result<(), Fault> {
    for branch in branches::list(tx).await? {
        let event = Event {
            kind,
            subject_kind: "freeze",
            subject_id: "clock".to_owned(),
            branch_id: branch.id,
            customer_id: None,
            data: data.clone(),
            at_ms: tx.now_ms(),
        };
        events::record(tx, actor, event).await?;
    }
    Ok(())
}
