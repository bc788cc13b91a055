//! Web sessions: 128 random bits in a cookie, their hash in the database, an idle and an absolute limit.

use super::caller::{Caller, Origin};
use super::{store, token_hash};
use crate::db::{Db, Tx};
use crate::kernel::{Actor, ActorKind, Fault, Scope, ids::hex, rng};

/// Without a click for this long, a session is over.
pub const IDLE_MS: i64 = 30 * 60 * 1_000;
/// A session never lasts longer.
pub const ABSOLUTE_MS: i64 = 12 * 60 * 60 * 1_000;
/// Last use is written down no more often than this: not every click is a write.
const SEEN_EVERY_MS: i64 = 60 * 1_000;
/// A user agent is kept for the list of sessions, not for statistics.
const USER_AGENT_MAX: usize = 200;

/// Opens a session and gives its secret, which is not kept.
pub(super) async fn open(
    tx: &mut Tx,
    staff: lastmile_protocol::ids::StaffId,
    address: &str,
    user_agent: &str,
) -> Result<String, Fault> {
    let secret = hex(&rng::bytes::<16>(tx.rng()));
    let user_agent: String = user_agent.chars().take(USER_AGENT_MAX).collect();
    let now = tx.now_ms();
    store::insert_session(tx, &token_hash(&secret), staff, now, address, &user_agent).await?;
    Ok(secret)
}

/// The caller of a session's secret; `None` when there is no such session or it is over.
///
/// # Errors
/// When the database fails.
pub async fn caller_of_session(db: &Db, secret: &str, address: &str) -> Result<Option<Caller>, Fault> {
    let hash = token_hash(secret);
    let mut tx = db.read(&Scope::All).await?;
    let found = store::session(&mut tx, &hash).await?;
    let now = tx.now_ms();
    tx.rollback().await?;
    let Some((staff, created_ms, seen_ms)) = found else { return Ok(None) };
    if !staff.active || now - created_ms >= ABSOLUTE_MS || now - seen_ms >= IDLE_MS {
        return Ok(None);
    }
    if now - seen_ms >= SEEN_EVERY_MS {
        let mut tx = db.begin(&Scope::All).await?;
        store::session_seen(&mut tx, &hash, now).await?;
        tx.commit().await?;
    }
    Ok(Some(caller(staff, address, Origin::Session(hash))))
}

/// Closes a session. The hash is in the caller's [`Origin`].
///
/// # Errors
/// When the database fails.
pub async fn close_session(tx: &mut Tx, hash: &str) -> Result<(), Fault> {
    store::delete_session(tx, hash).await
}

/// Removes sessions that are over.
///
/// # Errors
/// When the database fails.
pub async fn purge_sessions(tx: &mut Tx) -> Result<u64, Fault> {
    let now = tx.now_ms();
    store::purge_sessions(tx, now - ABSOLUTE_MS, now - IDLE_MS).await
}

pub(super) fn caller(staff: store::StaffRow, address: &str, origin: Origin) -> Caller {
    Caller {
        actor: Actor { kind: ActorKind::Staff(staff.info.id), name: staff.info.name.clone(), from: address.to_owned() },
        scope: staff.scope,
        staff: staff.info,
        origin,
    }
}
