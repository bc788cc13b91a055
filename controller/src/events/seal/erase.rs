//! Erasing a person from the record: what told who they are goes, what happened stays, and the chain holds.

use serde_json::json;

use super::store;
use crate::db::Tx;
use crate::events::{Event, record};
use crate::kernel::fault::Check;
use crate::kernel::{Actor, Fault, Scope, text};

/// Kinds of people that can be erased.
pub const PERSONS: &[&str] = &["customer", "staff", "reseller", "lead"];

/// What was erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Erased {
    /// Parts of events in which the person was named.
    pub parts: u64,
}

/// Erases a person's fields from the record of what happened, and records that, with a reason. Events that come later
/// name the person again.
///
/// # Errors
/// A kind that is no person, a reason that is missing, nothing known of that person; `Forbidden` for who does not see
/// all branches, since a person may be named in each.
pub async fn erase(tx: &mut Tx, actor: &Actor, kind: &str, id: &str, reason: &str) -> Result<Erased, Fault> {
    if *tx.scope() != Scope::All {
        return Err(Fault::Forbidden { detail: "a person is erased by who sees all branches".into() });
    }
    let mut check = Check::new();
    let reason = text::lines(&mut check, "reason", reason, 1, 500);
    let kind = PERSONS.iter().find(|known| **known == kind).copied();
    check.that(kind.is_some(), "kind", "must be customer, staff, reseller or lead");
    check.done()?;
    let none = Fault::NotFound { what: "person" };
    let (Some(kind), Some(branch)) = (kind, store::owned(tx, kind.unwrap_or(""), id).await?) else { return Err(none) };
    let branch_id = branch.parse().map_err(Fault::internal)?;
    let parts = store::erase(tx, kind, id).await?;
    let event = Event {
        kind: "person.erased",
        subject_kind: kind,
        subject_id: id.to_owned(),
        branch_id,
        customer_id: None,
        data: json!({ "reason": reason, "parts": parts }),
        at_ms: tx.now_ms(),
    };
    record(tx, actor, event).await?;
    Ok(Erased { parts })
}
