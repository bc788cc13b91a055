//! A new life of the database: after a restore, agents obey again and nobody is cut on old news.

use super::store;
use crate::db::{Nudge, Tx};
use crate::kernel::Fault;

/// Life of this database: agents obey a higher one whatever its counters say.
///
/// # Errors
/// When the database fails.
pub async fn incarnation(tx: &mut Tx) -> Result<u32, Fault> {
    store::pops::incarnation(tx).await
}

/// Begins a new life of the database, and withholds every line that is held: what the routers have stays, because a
/// payment since the backup is not in the books. Gives the new incarnation and how many lines are withheld.
///
/// The incarnation is the number of seconds since 1970: the same backup restored twice, or beside its original, is
/// never of the same life.
///
/// # Errors
/// When the database fails.
pub async fn begin_anew(tx: &mut Tx) -> Result<(u32, u64), Fault> {
    let last = store::pops::incarnation(tx).await?;
    let seconds = u32::try_from(tx.now_ms() / 1_000).unwrap_or(0);
    let next = last.checked_add(1).ok_or_else(|| Fault::internal("there is no incarnation left"))?.max(seconds);
    store::pops::begin_anew(tx, next).await?;
    Ok((next, store::lines::withhold(tx).await?))
}

/// A person says that the books are complete: the agents hear of every line that is still held.
///
/// # Errors
/// When the database fails.
pub async fn release_withheld(tx: &mut Tx) -> Result<u64, Fault> {
    let mut released = 0_u64;
    for (pop, branch) in store::lines::withheld(tx).await? {
        tx.lock(&format!("pop:{pop}")).await?;
        let counter = store::pops::next_counter(tx, pop).await?;
        released += store::lines::release(tx, pop, counter).await?;
        tx.nudge(Nudge::Pop(pop));
        tx.nudge(Nudge::Network { pop, branch });
    }
    Ok(released)
}
