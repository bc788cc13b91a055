//! Moving the end of what is paid further than one person may: asked for by one, allowed by another.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use lastmile_protocol::ids::SubscriptionId;
use serde::Deserialize;
use serde_json::{Value, json};

use super::holds::ended;
use super::{SubscriptionChange, change, load, release_if_paid, rules};
use crate::access::approvals::{Act, Approval, Prepared};
use crate::config::Config;
use crate::db::Tx;
use crate::kernel::{Actor, At, Fault};
use crate::secrets::Keyring;

/// Setting a date by hand gives away what nobody paid for.
pub(super) const BACKDATE: &str = "subscriptions:backdate";

/// The act `subscription.paid_until`, with `{"paid_until": …}`.
pub struct PaidUntil {
    keyring: Arc<Keyring>,
    config: Arc<Config>,
}

impl PaidUntil {
    /// With these keys and settings.
    #[must_use]
    pub const fn new(keyring: Arc<Keyring>, config: Arc<Config>) -> Self {
        Self { keyring, config }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(default, deserialize_with = "crate::kernel::patch::given")]
    paid_until: Option<Option<At>>,
}

#[derive(Deserialize)]
struct Kept {
    paid_until: Option<At>,
    before: Option<At>,
}

impl Act for PaidUntil {
    fn kind(&self) -> &'static str {
        "subscription.paid_until"
    }

    fn permission(&self) -> &'static str {
        BACKDATE
    }

    fn prepare<'a>(
        &'a self,
        tx: &'a mut Tx,
        subject_id: &'a str,
        data: &'a Value,
    ) -> BoxFuture<'a, Result<Prepared, Fault>> {
        async move {
            let wrong = |_| Fault::field("data", "{\"paid_until\": a time, or null for unknown} is needed");
            let asked = Asked::deserialize(data).map_err(wrong)?;
            let wanted = asked.paid_until.ok_or_else(|| Fault::field("data.paid_until", "this field is needed"))?;
            let subscription = load(tx, parsed(subject_id)?).await?;
            if subscription.ended_at_ms.is_some() {
                return Err(ended());
            }
            change::check_date(wanted)?;
            Ok(Prepared {
                branch_id: subscription.branch_id,
                customer_id: Some(subscription.customer_id),
                subject_kind: "subscription",
                data: json!({
                    "paid_until": wanted, "before": subscription.paid.until_ms.map(At), "number": subscription.number,
                }),
            })
        }
        .boxed()
    }

    fn execute<'a>(
        &'a self,
        tx: &'a mut Tx,
        actor: &'a Actor,
        approval: &'a Approval,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        async move {
            let kept = Kept::deserialize(&approval.data).map_err(Fault::internal)?;
            let id: SubscriptionId = parsed(&approval.subject_id)?;
            let now = super::lock(tx, id).await?;
            if now.paid.until_ms.map(At) != kept.before {
                let detail = "the date has changed since this was asked for, by a payment or by hand; ask anew";
                return Err(Fault::conflict("changed_since", detail));
            }
            let wanted = SubscriptionChange { paid_until: Some(kept.paid_until), ..SubscriptionChange::default() };
            change::change(tx, &self.keyring, actor, id, wanted).await?;
            release_if_paid(tx, &self.config, actor, id).await.map(|_| ())
        }
        .boxed()
    }
}

fn parsed(id: &str) -> Result<SubscriptionId, Fault> {
    id.parse().map_err(|_| Fault::NotFound { what: "subscription" })
}

/// Refuses a date that one person may not set alone.
///
/// # Errors
/// Not found, `needs_approval`.
pub(super) async fn alone(tx: &mut Tx, config: &Config, id: SubscriptionId, wanted: Option<At>) -> Result<(), Fault> {
    let before = load(tx, id).await?.paid.until_ms;
    let days = config.approvals.free_days;
    if rules::may_alone(before, wanted.map(|At(ms)| ms), tx.now_ms(), days) {
        return Ok(());
    }
    Err(needs_approval(days))
}

/// The same for a subscription that is being made: nothing is paid yet.
///
/// # Errors
/// `needs_approval`.
pub(super) fn alone_at_start(tx: &Tx, config: &Config, wanted: Option<At>) -> Result<(), Fault> {
    let (now, days) = (tx.now_ms(), config.approvals.free_days);
    if rules::may_alone(Some(now), wanted.map(|At(ms)| ms), now, days) {
        return Ok(());
    }
    Err(needs_approval(days))
}

fn needs_approval(days: u32) -> Fault {
    let detail = format!(
        "one person may give at most {days} days; ask for subscription.paid_until under approvals, and another person \
         decides"
    );
    Fault::conflict("needs_approval", detail)
}
