//! What each router's task knows, put together for the technician's page and the health frame.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use lastmile_protocol::downlink::RouterPlan;
use lastmile_protocol::ids::RouterId;
use lastmile_protocol::uplink::{RouterHealth, RouterState};
use tokio::sync::watch;

use super::{HeldLine, PopStatus, RouterStatus};

/// Shared by the tasks of all routers.
pub(super) struct Board {
    parts: Mutex<Parts>,
    publish: watch::Sender<Arc<PopStatus>>,
}

#[derive(Default)]
struct Parts {
    order: Vec<RouterId>,
    routers: BTreeMap<RouterId, Part>,
    frozen: String,
}

/// One router's share.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) status: RouterStatus,
    pub(super) held: Vec<HeldLine>,
    pub(super) unlisted: u32,
}

impl Part {
    /// A router that was not tried yet.
    fn new(plan: &RouterPlan) -> Self {
        let address = if plan.host.is_empty() { String::new() } else { format!("{}:{}", plan.host, plan.port) };
        let health = RouterHealth {
            router: plan.router,
            state: RouterState::Unknown,
            detail: String::new(),
            last_poll_ms: 0,
            poll_took_ms: 0,
            online: 0,
            foreign: 0,
            down_bps: 0,
            up_bps: 0,
            identity: String::new(),
            board: String::new(),
            version: String::new(),
            cpu_percent: 0,
            uptime_seconds: 0,
        };
        Self { status: RouterStatus { name: plan.name.clone(), address, health }, held: Vec::new(), unlisted: 0 }
    }
}

impl Board {
    pub(super) fn new(publish: watch::Sender<Arc<PopStatus>>) -> Self {
        Self { parts: Mutex::default(), publish }
    }

    /// The routers of the plan, in its order. What is known of those that stay is kept.
    pub(super) fn plan(&self, routers: &[RouterPlan]) {
        self.change(|parts| {
            parts.order = routers.iter().map(|plan| plan.router).collect();
            let mut old = core::mem::take(&mut parts.routers);
            for plan in routers {
                let fresh = Part::new(plan);
                let part = match old.remove(&plan.router) {
                    Some(mut part) => {
                        (part.status.name, part.status.address) = (fresh.status.name, fresh.status.address);
                        part
                    }
                    None => fresh,
                };
                parts.routers.insert(plan.router, part);
            }
        });
    }

    /// Changes one router's share and publishes the whole.
    pub(super) fn router(&self, router: RouterId, change: impl FnOnce(&mut Part)) {
        self.change(|parts| {
            if let Some(part) = parts.routers.get_mut(&router) {
                change(part);
            }
        });
    }

    /// Why nothing is closed at the moment.
    pub(super) fn frozen(&self, why: String) {
        self.change(|parts| parts.frozen = why);
    }

    fn change(&self, change: impl FnOnce(&mut Parts)) {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut parts);
        let routers = parts.order.iter().filter_map(|id| parts.routers.get(id));
        let status = PopStatus {
            routers: routers.clone().map(|part| part.status.clone()).collect(),
            unlisted_lines: routers.clone().map(|part| part.unlisted).sum(),
            frozen: parts.frozen.clone(),
            held: routers.flat_map(|part| part.held.iter().cloned()).collect(),
        };
        self.publish.send_if_modified(|now| {
            let differs = **now != status;
            if differs {
                *now = Arc::new(status);
            }
            differs
        });
    }
}
