//! A transaction: the unit of work, with the caller's scope and what it will announce once it is committed.

use std::sync::Arc;

use lastmile_protocol::ids::BranchId;
use sqlx::{Any, AnyConnection, Transaction};
use tokio::sync::broadcast;

use super::{Db, Dialect, Nudge};
use crate::kernel::ids::{NewId, new_id};
use crate::kernel::{Clock, Rng, Scope};

/// A transaction. Dropped without [`Tx::commit`], it leaves nothing behind and announces nothing.
pub struct Tx {
    inner: Transaction<'static, Any>,
    scope: Scope,
    branches: String,
    catalogue: String,
    dialect: Dialect,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    pending: Vec<Nudge>,
    nudges: broadcast::Sender<Nudge>,
}

impl Tx {
    pub(super) fn new(db: &Db, inner: Transaction<'static, Any>, scope: &Scope) -> Self {
        Self {
            inner,
            scope: scope.clone(),
            branches: scope.branches_text(),
            catalogue: scope.catalogue_text(),
            dialect: db.dialect,
            clock: Arc::clone(&db.clock),
            rng: Arc::clone(&db.rng),
            pending: Vec::new(),
            nudges: db.nudges.clone(),
        }
    }

    /// The connection, for `sqlx::query(SQL).execute(tx.conn())`.
    pub fn conn(&mut self) -> &mut AnyConnection {
        &mut self.inner
    }

    /// Whose rows may be seen and touched.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The scope as a bind value for [`of_branch!`](super::of_branch) and its like: `*` for all, `,ID1,ID2,` for
    /// branches, the viewer's word (`reseller:ID`) for a narrow scope, which matches no branch.
    #[must_use]
    pub fn branches(&self) -> &str {
        &self.branches
    }

    /// As [`Tx::branches`] for what is sold (branches, areas, packages), where a narrow scope may read its own branch's.
    #[must_use]
    pub fn catalogue(&self) -> &str {
        &self.catalogue
    }

    /// Lets the rest of this transaction work in this branch as a whole, where the scope is narrower.
    ///
    /// For what stands behind a row that the caller was shown to see: a reseller who takes a payment for a customer moves
    /// accounts of the branch and the state of its POP, and may see neither. Call it once the row was found in the
    /// caller's scope, never before.
    ///
    /// # Errors
    /// When the database is gone.
    pub async fn widen(&mut self, branch: BranchId) -> Result<(), sqlx::Error> {
        if !self.scope.is_narrow() {
            return Ok(());
        }
        let wide = Scope::Branches([branch].into());
        if self.dialect == Dialect::Postgres {
            let text = wide.branches_text();
            sqlx::query(WIDEN_POSTGRES).bind(text).execute(self.conn()).await?;
        }
        (self.branches, self.catalogue) = (wide.branches_text(), wide.catalogue_text());
        self.scope = wide;
        Ok(())
    }

    /// Which database this is.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Now, in milliseconds since 1970 UTC.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.clock.wall_ms()
    }

    /// A fresh id.
    #[must_use]
    pub fn new_id<T: NewId>(&self) -> T {
        new_id(&*self.clock, &*self.rng)
    }

    /// The source of chance.
    #[must_use]
    pub fn rng(&self) -> &dyn Rng {
        &*self.rng
    }

    /// Announces something once the transaction is committed. The same hint twice is one.
    pub fn nudge(&mut self, nudge: Nudge) {
        if !self.pending.contains(&nudge) {
            self.pending.push(nudge);
        }
    }

    /// Lets nobody else pass the same name until this transaction ends. SQLite has one writer anyway; PostgreSQL takes
    /// an advisory lock. Take locks in one order everywhere: customer, then POP.
    ///
    /// # Errors
    /// When the lock does not come in time or the database is gone.
    pub async fn lock(&mut self, name: &str) -> Result<(), sqlx::Error> {
        if self.dialect == Dialect::Postgres {
            sqlx::query(LOCK_POSTGRES).bind(name).execute(self.conn()).await?;
        }
        Ok(())
    }

    /// Commits, then announces.
    ///
    /// # Errors
    /// When the database refuses; nothing is announced then.
    pub async fn commit(self) -> Result<(), sqlx::Error> {
        self.inner.commit().await?;
        for nudge in self.pending {
            // Nobody listens: nobody needs to hear.
            let _ = self.nudges.send(nudge);
        }
        Ok(())
    }

    /// Ends the transaction without leaving anything behind.
    ///
    /// # Errors
    /// When the database is gone.
    pub async fn rollback(self) -> Result<(), sqlx::Error> {
        self.inner.rollback().await
    }
}

const WIDEN_POSTGRES: &str =
    "SELECT set_config('lastmile.scope', $1, true), set_config('lastmile.catalogue', $1, true)";
const LOCK_POSTGRES: &str = "SELECT 1 WHERE pg_advisory_xact_lock(hashtextextended($1, 0)) IS NOT NULL";
