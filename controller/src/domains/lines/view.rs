//! A subscription as pages and programs see it: package, router, POP, holds, how far its line has come, live rate.

use lastmile_protocol::ids::{BranchId, CustomerId, PopId, RouterId, SubscriptionId};
use serde::Serialize;
use utoipa::ToSchema;

use super::rules::{Facts, State, grace_until, state};
use super::{Hold, Subscription, grace_days, holds_of};
use crate::config::Config;
use crate::db::Tx;
use crate::domains::branches;
use crate::domains::network::{self, AccessInput, LineState};
use crate::domains::packages::{self, Package};
use crate::events::LiveState;
use crate::kernel::{At, Fault};

/// A subscription with everything that its page shows.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Subscription)]
pub struct SubscriptionView {
    /// Id.
    #[schema(value_type = String)]
    pub id: SubscriptionId,
    /// Whose it is.
    #[schema(value_type = String)]
    pub branch_id: BranchId,
    /// `LM-000123-1`.
    pub number: String,
    /// Who has it.
    #[schema(value_type = String)]
    pub customer_id: CustomerId,
    /// What was bought.
    pub package: Package,
    /// The router that serves it; null when it has ended and the router is gone.
    pub router: Option<RouterName>,
    /// Where that stands.
    pub pop: PopName,
    /// How the customer comes in; never the password.
    pub access: AccessView,
    /// Paid until; null = unknown.
    pub paid_until: Option<At>,
    /// Stays open until, unpaid.
    pub grace_until: Option<At>,
    /// Derived from all of this.
    pub state: State,
    /// Why it is closed; empty = open.
    pub holds: Vec<Hold>,
    /// How far its line has come.
    pub line: Option<LineState>,
    /// What it does now; null = nothing known.
    pub live: Option<LiveRate>,
    /// Since when.
    pub created_at: At,
    /// When it ended.
    pub ended_at: Option<At>,
}

/// A router beside something else.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RouterName {
    /// Id.
    #[schema(value_type = String)]
    pub id: RouterId,
    /// Name.
    pub name: String,
    /// `routeros` or `linux`.
    pub kind: String,
}

/// A POP beside something else.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PopName {
    /// Id.
    #[schema(value_type = String)]
    pub id: PopId,
    /// Name.
    pub name: String,
}

/// How the customer comes in.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AccessView {
    /// PPPoE on a RouterOS router.
    Pppoe {
        /// Name of the secret.
        username: String,
    },
    /// A fixed address behind an interface of a Linux router.
    Static {
        /// IPv4 address.
        address: String,
        /// Interface.
        interface: String,
    },
}

/// What a line does at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct LiveRate {
    /// A session is up.
    pub online: bool,
    /// bit/s towards the customer.
    pub down_bps: u64,
    /// bit/s from the customer.
    pub up_bps: u64,
    /// When it was measured.
    pub at: At,
}

impl LiveRate {
    /// The newest sample of a line, if there is one.
    #[must_use]
    pub fn of(live: &LiveState, line: lastmile_protocol::ids::LineId) -> Option<Self> {
        let last = live.last(line)?;
        Some(Self { online: last.online, down_bps: last.down_bps, up_bps: last.up_bps, at: At(last.at_ms) })
    }
}

/// Views of these subscriptions, in their order.
///
/// # Errors
/// When the database fails.
pub async fn views(
    tx: &mut Tx,
    config: &Config,
    live: &LiveState,
    subscriptions: &[Subscription],
) -> Result<Vec<SubscriptionView>, Fault> {
    let mut list = Vec::with_capacity(subscriptions.len());
    for subscription in subscriptions {
        list.push(view(tx, config, live, subscription).await?);
    }
    Ok(list)
}

/// The view of one subscription.
///
/// # Errors
/// When the database fails.
pub async fn view(
    tx: &mut Tx,
    config: &Config,
    live: &LiveState,
    of: &Subscription,
) -> Result<SubscriptionView, Fault> {
    let branch = branches::load(tx, of.branch_id).await?;
    let package = packages::load(tx, of.package_id).await?;
    let line = network::line(tx, of.line_id).await?;
    let place = network::place(tx, of.line_id).await?;
    let holds = holds_of(tx, of.id).await?;
    let line_state = network::line_states(tx, live, &[of.line_id]).await?.remove(&of.line_id);
    let grace = grace_days(tx, config, &package).await?;
    let facts = Facts {
        paid_until_ms: of.paid.until_ms,
        grace_days: grace,
        ended: of.ended_at_ms.is_some(),
        held: !holds.is_empty(),
    };
    Ok(SubscriptionView {
        id: of.id,
        branch_id: of.branch_id,
        number: of.number.clone(),
        customer_id: of.customer_id,
        package,
        router: place.router.map(|router| RouterName { id: router.id, name: router.name, kind: router.kind }),
        pop: PopName { id: place.pop, name: place.pop_name },
        access: match line.access {
            AccessInput::Pppoe { username, .. } => AccessView::Pppoe { username },
            AccessInput::Static { address, interface } => AccessView::Static { address, interface },
        },
        paid_until: of.paid.until_ms.map(At),
        grace_until: of.paid.until_ms.map(|until| At(grace_until(until, grace, &branch.zone))),
        state: state(&facts, tx.now_ms(), &branch.zone),
        holds,
        line: line_state,
        live: LiveRate::of(live, of.line_id),
        created_at: At(of.created_at_ms),
        ended_at: of.ended_at_ms.map(At),
    })
}
