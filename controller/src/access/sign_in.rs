//! Sign-in with name and password.

use std::sync::Arc;

use serde_json::json;

use super::caller::StaffInfo;
use super::password::{self, Passwords};
use super::{Backoff, session, store};
use crate::db::Db;
use crate::events::{self, Event};
use crate::kernel::{Actor, ActorKind, Clock, Fault, Rng, Scope};
use crate::secrets::Secret;

/// What sign-in needs to remember between two tries.
pub struct Access {
    /// Hashing, bounded.
    pub passwords: Passwords,
    backoff: Backoff,
    clock: Arc<dyn Clock>,
}

/// Somebody signed in.
pub struct SignedIn {
    /// The session's secret, for the cookie.
    pub secret: Secret<String>,
    /// Who.
    pub staff: StaffInfo,
}

impl Access {
    /// With this clock and this source of salts.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> Self {
        Self { passwords: Passwords::new(rng), backoff: Backoff::default(), clock }
    }

    /// Opens a session for whoever knows the password. An unknown name takes exactly the way of a known one.
    ///
    /// # Errors
    /// [`Fault::Unauthorized`] for a wrong name or password, [`Fault::TooMany`] after many failures.
    pub async fn sign_in(
        &self,
        db: &Db,
        username: &str,
        password: Secret<String>,
        address: &str,
        user_agent: &str,
    ) -> Result<SignedIn, Fault> {
        let account = username.trim().to_lowercase();
        let wait = self.backoff.wait_ms(&account, address, self.clock.mono_ms());
        if wait > 0 {
            return Err(Fault::TooMany { retry_after_seconds: wait.div_ceil(1_000) });
        }
        if password.expose().len() > password::LONGEST || account.len() > 200 {
            return Err(Fault::Unauthorized);
        }
        let mut tx = db.read(&Scope::All).await?;
        let found = store::staff_by_name(&mut tx, &account).await?.filter(|(staff, _)| staff.active);
        tx.rollback().await?;
        let stored = found.as_ref().map(|(_, hash)| hash.clone());
        let fits = self.passwords.verify(password.clone(), stored.clone()).await?;
        let Some((staff, hash)) = found.filter(|_| fits) else {
            self.backoff.failed(&account, address, self.clock.mono_ms());
            tracing::info!("a sign-in was refused");
            return Err(Fault::Unauthorized);
        };
        self.backoff.succeeded(&account, address);
        let fresh = if Passwords::is_outdated(&hash) { Some(self.passwords.hash(password).await?) } else { None };
        let secret = self.open(db, &staff.info, fresh, address, user_agent).await?;
        Ok(SignedIn { secret, staff: staff.info })
    }

    async fn open(
        &self,
        db: &Db,
        staff: &StaffInfo,
        fresh_hash: Option<String>,
        address: &str,
        user_agent: &str,
    ) -> Result<Secret<String>, Fault> {
        let mut tx = db.begin(&Scope::All).await?;
        let now = tx.now_ms();
        if let Some(hash) = fresh_hash {
            store::rehash(&mut tx, staff.id, &hash).await?;
        }
        store::signed_in(&mut tx, staff.id, now).await?;
        let secret = session::open(&mut tx, staff.id, address, user_agent).await?;
        let actor = Actor { kind: ActorKind::Staff(staff.id), name: staff.name.clone(), from: address.to_owned() };
        let event = Event {
            kind: "staff.signed_in",
            subject_kind: "staff",
            subject_id: staff.id.to_string(),
            branch_id: staff.branch_id,
            customer_id: None,
            data: json!({}),
            at_ms: now,
        };
        events::record(&mut tx, &actor, event).await?;
        tx.commit().await?;
        Ok(Secret::new(secret))
    }
}
