//! Sealing what happened: one job chains committed events in batches, under a key that is not in the database.
//!
//! Whoever edits, takes out, puts in or reorders sealed rows with the database's own shell breaks the chain, and
//! [`verify`] says where. Whoever cuts its end off leaves a shorter chain that is whole in itself: that is found with a
//! [`Head`] that was kept elsewhere. Rows since the last seal are protected by nothing yet; the report tells how many
//! there are and since when.

mod erase;
mod rules;
pub mod store;
#[cfg(test)]
mod tests;
mod verify;

use serde::{Deserialize, Serialize};

pub use erase::{Erased, PERSONS, erase};
pub use verify::{Problem, Report, verify};

use self::rules::PartDigests;
use self::store::{Covered, Seal, Whole};
use crate::db::Tx;
use crate::kernel::ids::hex;
use crate::kernel::{At, Fault};

/// Events of one seal at most.
const MOST: i64 = 500;

/// A code over a message with a key that is not in the database.
pub trait Stamp: Send + Sync {
    /// The code of a message.
    fn stamp(&self, message: &[u8]) -> Vec<u8>;
    /// Whether a code is this message's, under this key or an older one.
    fn fits(&self, message: &[u8], code: &[u8]) -> bool;
}

/// The end of the chain: kept elsewhere, it shows when the chain is cut off behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = AuditHead)]
pub struct Head {
    /// Number of the last seal.
    pub seal: i64,
    /// Its code, in hexadecimal.
    pub mac: String,
    /// When it was made.
    pub sealed_at: At,
}

/// How far the record is sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = AuditState)]
pub struct State {
    /// The end of the chain; null before the first seal.
    pub head: Option<Head>,
    /// Events that wait for their seal.
    pub unsealed: i64,
    /// Since when the oldest of them waits.
    pub unsealed_since: Option<At>,
}

/// Seals the oldest events that wait for it, at most one batch, and says how many.
///
/// # Errors
/// When the database fails.
pub async fn seal(tx: &mut Tx, stamp: &dyn Stamp) -> Result<usize, Fault> {
    tx.lock("events.seal").await?;
    let waiting = store::unsealed(tx, MOST).await?;
    if waiting.is_empty() {
        return Ok(0);
    }
    let (last, previous) = store::last(tx).await?.map_or((0, Vec::new()), |seal| (seal.no, seal.mac));
    let (no, sealed_at_ms) = (last.saturating_add(1), tx.now_ms());
    let events: Vec<Covered> = (1_i64..).zip(waiting).filter_map(|(position, whole)| cover(position, whole)).collect();
    let bytes = rules::seal_bytes(no, &previous, sealed_at_ms, events.iter().map(|event| event.digest.as_slice()));
    let entries = i64::try_from(events.len()).unwrap_or(i64::MAX);
    store::insert(tx, &Seal { no, entries, sealed_at_ms, mac: stamp.stamp(&bytes) }, &events).await?;
    Ok(events.len())
}

fn cover(position: i64, whole: Whole) -> Option<Covered> {
    let parts: PartDigests =
        (whole.actor.as_ref().map(rules::part_digest), whole.data.as_ref().map(rules::part_digest));
    let digest = rules::row_digest(whole.row.as_ref()?, &parts);
    Some(Covered { whole, position, digest, parts })
}

/// How far the record is sealed.
///
/// # Errors
/// When the database fails.
pub async fn state(tx: &mut Tx) -> Result<State, Fault> {
    let head = store::last(tx).await?.map(|seal| Head {
        seal: seal.no,
        mac: hex(&seal.mac),
        sealed_at: At(seal.sealed_at_ms),
    });
    let (unsealed, oldest) = store::tail(tx).await?;
    Ok(State { head, unsealed, unsealed_since: oldest.map(At) })
}
