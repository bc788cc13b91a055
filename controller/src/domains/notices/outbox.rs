//! The outbox as people work it: look, send again, stop.

use lastmile_protocol::ids::NoticeId;
use serde_json::json;

use super::rules::delivery::State;
use super::store::outbox::{self, Filter};
use super::{Notice, Template, jobs};
use crate::db::Tx;
use crate::events::{self, Event};
use crate::kernel::{Actor, Fault};

const DAY_MS: i64 = 86_400_000;
/// Over how many days messages are counted.
pub const COUNTED_DAYS: i64 = 7;

/// One message.
///
/// # Errors
/// `NotFound` if it does not exist for this caller.
pub async fn load(tx: &mut Tx, id: NoticeId) -> Result<Notice, Fault> {
    outbox::load(tx, id).await?.ok_or(Fault::NotFound { what: "message" })
}

/// Messages of the caller, newest first.
///
/// # Errors
/// When the database fails.
pub async fn list(tx: &mut Tx, filter: &Filter, most: i64) -> Result<Vec<Notice>, Fault> {
    outbox::list(tx, filter, most).await
}

/// State, messages and parts of the last [`COUNTED_DAYS`] days.
///
/// # Errors
/// When the database fails.
pub async fn counts(tx: &mut Tx) -> Result<Vec<(State, i64, i64)>, Fault> {
    let since = tx.now_ms().saturating_sub(COUNTED_DAYS * DAY_MS);
    outbox::counts(tx, since).await
}

/// Sends a message again that failed, was stopped, or of which nobody can tell: then the person takes the risk that it
/// arrives twice.
///
/// # Errors
/// `not_over` while it is under way or has arrived, `secret_gone` where what it held is gone.
pub async fn retry(tx: &mut Tx, actor: &Actor, id: NoticeId) -> Result<Notice, Fault> {
    let before = load(tx, id).await?;
    if !before.state.may_retry() {
        return Err(Fault::conflict("not_over", format!("it is {}", before.state)));
    }
    if !before.can_retry {
        return Err(Fault::conflict("secret_gone", "it held a code or a link that is gone; ask for a new one"));
    }
    let now = tx.now_ms();
    let lives = before.template.parse::<Template>().map_or(DAY_MS, |template| template.spec().lives_ms);
    if !outbox::retry(tx, id, before.state, now.saturating_add(lives)).await? {
        return Err(Fault::conflict("not_over", "it has just changed"));
    }
    jobs::wake(tx, before.channel, now).await?;
    record(tx, actor, "notice.retried", &before).await?;
    load(tx, id).await
}

/// Stops a message that waits.
///
/// # Errors
/// `not_waiting` when it is on its way or over.
pub async fn cancel(tx: &mut Tx, actor: &Actor, id: NoticeId) -> Result<Notice, Fault> {
    let before = load(tx, id).await?;
    if !outbox::cancel(tx, id).await? {
        return Err(Fault::conflict("not_waiting", format!("it is {}", before.state)));
    }
    record(tx, actor, "notice.cancelled", &before).await?;
    load(tx, id).await
}

async fn record(tx: &mut Tx, actor: &Actor, kind: &'static str, notice: &Notice) -> Result<(), Fault> {
    let event = Event {
        kind,
        subject_kind: "notice",
        subject_id: notice.id.to_string(),
        branch_id: notice.branch_id,
        customer_id: notice.customer_id,
        data: json!({
            "template": notice.template, "channel": notice.channel,
            "before": { "state": notice.state, "reason": notice.reason },
        }),
        at_ms: tx.now_ms(),
    };
    events::record(tx, actor, event).await.map(|_| ())
}
