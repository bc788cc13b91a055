//! Web sessions: 128 random bits in a cookie, their hash in the database, an idle and an absolute limit.
//!
//! The secret is made anew whenever somebody becomes more than they were: at sign-in, after the second factor, when the
//! password changes. So a secret that somebody saw or planted before is worth nothing afterwards.

use lastmile_protocol::ids::{StaffId, WebSessionId};

use super::caller::{Caller, Client, Origin};
use super::store::people::Person;
use super::store::sessions::{self as store, NewSession};
use super::{Access, Limits, token_hash};
use crate::db::{Db, Tx};
use crate::kernel::{Actor, ActorKind, At, Fault, Scope, ids::hex, rng};

/// Last use is written down no more often than this: not every click is a write.
const SEEN_EVERY_MS: i64 = 60 * 1_000;
/// A user agent is kept for the list of sessions, not for statistics.
const USER_AGENT_MAX: usize = 200;
/// Sessions of one person that are listed.
const LISTED_MAX: i64 = 100;

/// A web session, as its person sees it.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
pub struct SessionInfo {
    /// Id.
    #[schema(value_type = String)]
    pub id: WebSessionId,
    /// Whether it is the one that asks.
    pub current: bool,
    /// When it began.
    pub created_at: At,
    /// When it was last used, to the minute.
    pub last_seen_at: At,
    /// When it ends at the latest.
    pub expires_at: At,
    /// Where it was opened from.
    pub address: String,
    /// What the browser called itself.
    pub user_agent: String,
}

/// Opens a session and gives its secret, which is not kept.
pub(super) async fn open(tx: &mut Tx, staff: StaffId, client: &Client) -> Result<String, Fault> {
    let secret = hex(&rng::bytes::<16>(tx.rng()));
    let user_agent: String = client.user_agent.chars().take(USER_AGENT_MAX).collect();
    let (id, hash) = (tx.new_id(), token_hash(&secret));
    let new = NewSession { id, hash: &hash, staff, address: &client.address, user_agent: &user_agent };
    store::insert(tx, &new).await?;
    Ok(secret)
}

impl Access {
    /// The caller of a session's secret; `None` when there is no such session or it is over.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn caller_of_session(&self, db: &Db, secret: &str, address: &str) -> Result<Option<Caller>, Fault> {
        let hash = token_hash(secret);
        let mut tx = db.read(&Scope::All).await?;
        let found = store::find(&mut tx, &hash).await?;
        let now = tx.now_ms();
        tx.rollback().await?;
        let Some(row) = found else { return Ok(None) };
        // A role that demands a second factor from now on sends its people to set one up.
        let owes = row.person.info.second_factor_required && !row.person.info.second_factor;
        if !row.person.active || owes || is_over(&self.limits, row.created_ms, row.seen_ms, now) {
            return Ok(None);
        }
        if now - row.seen_ms >= SEEN_EVERY_MS {
            let mut tx = db.begin(&Scope::All).await?;
            store::seen(&mut tx, &hash, now).await?;
            tx.commit().await?;
        }
        Ok(Some(caller(row.person, address, Origin::Session { hash, id: row.id })))
    }

    /// The sessions of a person that are not over, the last used first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sessions(
        &self,
        tx: &mut Tx,
        staff: StaffId,
        current: Option<WebSessionId>,
    ) -> Result<Vec<SessionInfo>, Fault> {
        let (now, limits) = (tx.now_ms(), &self.limits);
        let (created, seen) = (now - limits.session_ms, now - limits.idle_ms);
        let rows = store::list(tx, staff, created, seen, LISTED_MAX).await?;
        let shown = rows.into_iter().map(|row| SessionInfo {
            current: current == Some(row.id),
            id: row.id,
            created_at: row.created_at,
            last_seen_at: row.last_seen_at,
            expires_at: At(row.created_at.0 + limits.session_ms),
            address: row.address,
            user_agent: row.user_agent,
        });
        Ok(shown.collect())
    }

    /// Removes sessions, half-finished sign-ins, links and tokens that have been over for long enough.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn purge(&self, tx: &mut Tx) -> Result<u64, Fault> {
        super::second_factor::purge(tx).await?;
        super::links::purge(tx).await?;
        super::token::purge(tx).await?;
        super::approvals::expire(tx).await?;
        let now = tx.now_ms();
        store::purge(tx, now - self.limits.session_ms, now - self.limits.idle_ms).await
    }
}

const fn is_over(limits: &Limits, created_ms: i64, seen_ms: i64, now: i64) -> bool {
    now - created_ms >= limits.session_ms || now - seen_ms >= limits.idle_ms
}

/// Closes the session of this secret's hash.
///
/// # Errors
/// When the database fails.
pub async fn close_session(tx: &mut Tx, hash: &str) -> Result<(), Fault> {
    store::delete(tx, hash).await
}

/// Ends one session of a person.
///
/// # Errors
/// Not found.
pub async fn end_session(tx: &mut Tx, staff: StaffId, id: WebSessionId) -> Result<(), Fault> {
    if store::end(tx, staff, id).await? { Ok(()) } else { Err(Fault::NotFound { what: "session" }) }
}

/// Ends all sessions of a person, but for one; says how many.
///
/// # Errors
/// When the database fails.
pub async fn end_sessions(tx: &mut Tx, staff: StaffId, but: Option<WebSessionId>) -> Result<u64, Fault> {
    store::end_all(tx, staff, but).await
}

pub(super) fn caller(person: Person, address: &str, origin: Origin) -> Caller {
    Caller {
        actor: Actor {
            kind: ActorKind::Staff(person.info.id),
            name: person.info.name.clone(),
            from: address.to_owned(),
        },
        scope: person.scope,
        staff: person.info,
        origin,
    }
}
