//! Acts that one person asks for and another allows: one mechanism for back-dating, refunds, write-offs and whatever is
//! dangerous above a limit.
//!
//! The domain that owns an act says so with an [`Act`]; `boot` puts all of them together. Asking checks the act and
//! describes it; nothing happens. Approving runs it in the same transaction, with what was asked for and nothing else,
//! after checking it again: the world may have moved in between.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use lastmile_protocol::ids::{ApprovalId, BranchId, CustomerId, StaffId};
use serde_json::{Value, json};

use super::Caller;
use super::store::approvals as store;
use crate::db::Tx;
use crate::events::{self, Event};
use crate::kernel::fault::Check;
use crate::kernel::{Actor, At, Fault, text};

/// What nobody has decided after this time is over: it was asked about another state of things.
const OPEN_MS: i64 = 7 * 24 * 60 * 60 * 1_000;
/// Longest reason, in characters.
const REASON_MAX: usize = 500;
/// Longest description of an act, in bytes.
const DATA_MAX: usize = 10_000;
/// What the approver of an act needs beside the permission of the act itself.
pub const DECIDE: &str = "approvals:decide";

/// An act that needs two persons.
pub trait Act: Send + Sync {
    /// Its word: `subscription.paid_until`.
    fn kind(&self) -> &'static str;

    /// What whoever asks and whoever approves must be permitted, both.
    fn permission(&self) -> &'static str;

    /// Checks that the act could happen, and says what an approver must know. Changes nothing.
    fn prepare<'a>(
        &'a self,
        tx: &'a mut Tx,
        subject_id: &'a str,
        data: &'a Value,
    ) -> BoxFuture<'a, Result<Prepared, Fault>>;

    /// Does it, in the transaction of the approval. `actor` is who approves.
    fn execute<'a>(
        &'a self,
        tx: &'a mut Tx,
        actor: &'a Actor,
        approval: &'a Approval,
    ) -> BoxFuture<'a, Result<(), Fault>>;
}

/// What an act would be.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// Whose it is: people of this branch decide.
    pub branch_id: BranchId,
    /// On whose timeline it shows.
    pub customer_id: Option<CustomerId>,
    /// The kind of thing it would happen to: `subscription`.
    pub subject_kind: &'static str,
    /// What is shown to whoever decides, and what is executed: the checked data, with the state before.
    pub data: Value,
}

/// All acts, by kind.
#[derive(Clone, Default)]
pub struct Acts(Arc<BTreeMap<&'static str, Arc<dyn Act>>>);

impl Acts {
    /// These acts.
    #[must_use]
    pub fn new(acts: Vec<Arc<dyn Act>>) -> Self {
        Self(Arc::new(acts.into_iter().map(|act| (act.kind(), act)).collect()))
    }

    fn of(&self, kind: &str) -> Result<&dyn Act, Fault> {
        self.0.get(kind).map(|act| &**act).ok_or_else(|| Fault::field("kind", "there is no such act"))
    }

    /// The permission of every act.
    pub fn permissions(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.0.values().map(|act| act.permission())
    }
}

/// Somebody who asked or decided.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[schema(as = ApprovalPerson)]
pub struct Person {
    /// Id.
    #[schema(value_type = String)]
    pub id: StaffId,
    /// Name; empty for somebody of a branch that the caller does not see.
    pub name: String,
}

/// An act that was asked for.
#[derive(Debug, Clone, PartialEq, serde::Serialize, utoipa::ToSchema)]
pub struct Approval {
    /// Id.
    #[schema(value_type = String)]
    pub id: ApprovalId,
    /// The act: `subscription.paid_until`.
    pub kind: String,
    /// Whose it is.
    #[schema(value_type = String)]
    pub branch_id: BranchId,
    /// The customer it is about.
    #[schema(value_type = Option<String>)]
    pub customer_id: Option<CustomerId>,
    /// The kind of thing it would happen to.
    pub subject_kind: String,
    /// Its id.
    pub subject_id: String,
    /// What would happen, and what is so now.
    #[schema(value_type = Object)]
    pub data: Value,
    /// Why it was asked for.
    pub reason: String,
    /// `pending`, `approved`, `rejected`, `withdrawn` or `expired`.
    pub state: String,
    /// Who asked.
    pub requested_by: Person,
    /// When.
    pub requested_at: At,
    /// Until when it can be decided.
    pub expires_at: At,
    /// Who decided.
    pub decided_by: Option<Person>,
    /// When.
    pub decided_at: Option<At>,
    /// What they said.
    pub decision: Option<String>,
}

/// A question for a second person.
#[derive(Debug, Clone, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApproval {
    /// The act: `subscription.paid_until`, `dunning.brake`.
    pub kind: String,
    /// What it would happen to: the id of the subscription, of the brake.
    pub subject_id: String,
    /// What the act needs to know, `{"paid_until": "2027-01-31T00:00:00Z"}`; the act says which fields.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub data: Value,
    /// Why, for whoever decides.
    pub reason: String,
}

/// Asks for an act.
///
/// # Errors
/// An unknown kind, a missing permission or reason, whatever the act refuses, `already_asked`.
pub async fn request(tx: &mut Tx, acts: &Acts, caller: &Caller, new: NewApproval) -> Result<Approval, Fault> {
    let act = acts.of(&new.kind)?;
    caller.must(act.permission())?;
    let reason = reason(&new.reason)?;
    if new.data.to_string().len() > DATA_MAX {
        return Err(Fault::field("data", "is too long"));
    }
    let prepared = act.prepare(tx, &new.subject_id, &new.data).await?;
    let now = tx.now_ms();
    // What has run out stands no longer in the way of a new question.
    store::expire(tx).await?;
    let approval = Approval {
        id: tx.new_id(),
        kind: act.kind().to_owned(),
        branch_id: prepared.branch_id,
        customer_id: prepared.customer_id,
        subject_kind: prepared.subject_kind.to_owned(),
        subject_id: new.subject_id,
        data: prepared.data,
        reason,
        state: "pending".to_owned(),
        requested_by: Person { id: caller.staff.id, name: caller.staff.name.clone() },
        requested_at: At(now),
        expires_at: At(now + OPEN_MS),
        decided_by: None,
        decided_at: None,
        decision: None,
    };
    store::insert(tx, &approval).await?;
    record(tx, &caller.actor, "approval.requested", &approval).await?;
    Ok(approval)
}

/// What a person says to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Do it.
    Approve,
    /// Do not.
    Reject,
    /// Whoever asked takes it back.
    Withdraw,
}

impl Verdict {
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Approve => ("approved", "approval.approved"),
            Self::Reject => ("rejected", "approval.rejected"),
            Self::Withdraw => ("withdrawn", "approval.withdrawn"),
        }
    }
}

/// Decides. Approving executes the act in this transaction: when the act refuses, nothing is decided either.
///
/// # Errors
/// Not found, `same_person` when the requester approves or rejects, [`Fault::Forbidden`] when another withdraws or a
/// permission is missing, `already_decided`, and whatever the act refuses.
pub async fn decide(
    tx: &mut Tx,
    acts: &Acts,
    caller: &Caller,
    id: ApprovalId,
    verdict: Verdict,
    words: &str,
) -> Result<Approval, Fault> {
    let before = load(tx, id).await?;
    let act = acts.of(&before.kind)?;
    let own = before.requested_by.id == caller.staff.id;
    match verdict {
        Verdict::Withdraw if !own => {
            return Err(Fault::Forbidden { detail: "only who asked may take it back".to_owned() });
        }
        Verdict::Withdraw => {}
        Verdict::Approve | Verdict::Reject => {
            if own {
                let detail = "who asks does not decide: another person has to; you may withdraw it";
                return Err(Fault::conflict("same_person", detail));
            }
            caller.must(DECIDE)?;
            caller.must(act.permission())?;
        }
    }
    let words = if verdict == Verdict::Reject { reason(words)? } else { optional(words)? };
    let (state, kind) = verdict.words();
    if !store::decide(tx, id, state, caller.staff.id, &words).await? {
        let detail = format!("this is not waiting any more: it is {}", before.state_at(tx.now_ms()));
        return Err(Fault::conflict("already_decided", detail));
    }
    let after = load(tx, id).await?;
    record(tx, &caller.actor, kind, &after).await?;
    if verdict == Verdict::Approve {
        act.execute(tx, &caller.actor, &after).await?;
    }
    Ok(after)
}

impl Approval {
    fn state_at(&self, now_ms: i64) -> &str {
        if self.state == "pending" && self.expires_at.0 <= now_ms { "expired" } else { &self.state }
    }
}

/// What was asked for, newest first.
///
/// # Errors
/// When the database fails.
pub async fn list(
    tx: &mut Tx,
    state: Option<&str>,
    after: Option<&(i64, String)>,
    limit: i64,
) -> Result<Vec<Approval>, Fault> {
    store::list(tx, state, after, limit).await
}

/// One of them.
///
/// # Errors
/// Not found.
pub async fn load(tx: &mut Tx, id: ApprovalId) -> Result<Approval, Fault> {
    store::find(tx, id).await?.ok_or(Fault::NotFound { what: "approval" })
}

/// Closes what nobody has decided in time.
///
/// # Errors
/// When the database fails.
pub async fn expire(tx: &mut Tx) -> Result<u64, Fault> {
    store::expire(tx).await
}

fn reason(given: &str) -> Result<String, Fault> {
    let mut check = Check::new();
    let reason = text::lines(&mut check, "reason", given, 3, REASON_MAX);
    check.done()?;
    Ok(reason)
}

fn optional(given: &str) -> Result<String, Fault> {
    let mut check = Check::new();
    let words = text::lines(&mut check, "reason", given, 0, REASON_MAX);
    check.done()?;
    Ok(words)
}

async fn record(tx: &mut Tx, actor: &Actor, kind: &'static str, approval: &Approval) -> Result<(), Fault> {
    let event = Event {
        kind,
        subject_kind: "approval",
        subject_id: approval.id.to_string(),
        branch_id: approval.branch_id,
        customer_id: approval.customer_id,
        data: json!({
            "kind": approval.kind, "subject_kind": approval.subject_kind, "subject_id": approval.subject_id,
            "data": approval.data, "reason": approval.reason, "requested_by": approval.requested_by.id,
            "decision": approval.decision,
        }),
        at_ms: tx.now_ms(),
    };
    events::record(tx, actor, event).await.map(|_| ())
}
