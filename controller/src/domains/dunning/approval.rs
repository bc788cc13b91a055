//! Letting a long list through the brake: asked for by one person, allowed by another.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use lastmile_protocol::ids::BrakeId;
use serde_json::{Value, json};

use super::{Brake, load, rules};
use crate::access::approvals::{Act, Approval, Prepared};
use crate::config::Config;
use crate::db::Tx;
use crate::kernel::{Actor, Fault};

/// The act `dunning.brake`, without data: approves the list of a brake.
pub struct ApproveBrake;

impl Act for ApproveBrake {
    fn kind(&self) -> &'static str {
        "dunning.brake"
    }

    fn permission(&self) -> &'static str {
        "dunning:decide"
    }

    fn prepare<'a>(
        &'a self,
        tx: &'a mut Tx,
        subject_id: &'a str,
        data: &'a Value,
    ) -> BoxFuture<'a, Result<Prepared, Fault>> {
        async move {
            if !(data.is_null() || data.as_object().is_some_and(serde_json::Map::is_empty)) {
                return Err(Fault::field("data", "must be empty: the list of the brake says everything"));
            }
            let brake = load(tx, parsed(subject_id)?).await?;
            if brake.state != "asking" {
                let detail = format!("this list is not asked about any more: it is {}", brake.state);
                return Err(Fault::conflict("brake_decided", detail));
            }
            Ok(Prepared {
                branch_id: brake.branch_id,
                customer_id: None,
                subject_kind: "brake",
                data: json!({"listed": brake.listed, "limit": brake.limit, "active_lines": brake.active_lines}),
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
            let id = parsed(&approval.subject_id)?;
            super::approve(tx, actor, id, &approval.reason).await.map(|_| ())
        }
        .boxed()
    }
}

fn parsed(id: &str) -> Result<BrakeId, Fault> {
    id.parse().map_err(|_| Fault::NotFound { what: "brake" })
}

/// Refuses a list that one person may not let through alone.
///
/// # Errors
/// `needs_approval`.
pub(super) fn alone(config: &Config, brake: &Brake) -> Result<(), Fault> {
    let most = rules::alone(brake.active_lines, config.approvals.brake_lines, config.approvals.brake_percent);
    if brake.listed <= most {
        return Ok(());
    }
    let detail = format!(
        "this list closes {} lines; one person may let at most {most} through. Ask for dunning.brake under approvals, \
         and another person decides",
        brake.listed
    );
    Err(Fault::conflict("needs_approval", detail))
}
