//! A pass over the Linux host.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use lastmile_protocol::downlink::Access;
use lastmile_protocol::ids::LineNo;
use lastmile_protocol::uplink::{FailReason, Outcome};

use super::pass::{Enforce, Job, Memory, Pass};
use super::tombstones;
use crate::core::reconcile::{StaticAction, StaticPlan, StaticView, static_plan};
use crate::device::linux::{Host, Scope};
use crate::device::{DeviceError, Lines};

impl Enforce for Host {
    const CLOSING_ENDS_COUNTERS: bool = false;

    async fn pass(&self, job: &Job, memory: &mut Memory) -> Pass {
        let mut pass = Pass::default();
        if let Err(error) = run(self, job, memory, &mut pass).await {
            let lines = job.lines().map(|line| line.no).collect::<Vec<_>>();
            pass.outcomes.extend(lines.into_iter().map(|no| (no, Outcome::Failed(error.reason()), None)));
            pass.error = Some(error);
        }
        pass
    }
}

async fn run(host: &Host, job: &Job, memory: &Memory, pass: &mut Pass) -> Result<(), DeviceError> {
    let mut view = host.observe(&scope(job), job.now()).await?;
    let mut left = compare(job, memory, &view);
    let mut refused = BTreeMap::new();
    if !left.tasks.is_empty() {
        let mut touched = Vec::new();
        for (no, actions) in &left.tasks {
            let mut result = Ok(());
            for action in actions {
                let (StaticAction::Hold(address, _) | StaticAction::Release(address)) = action;
                touched.push(*address);
                result = host.act(action).await;
                if result.is_err() {
                    break;
                }
            }
            match result {
                Ok(()) if job.desired.lines.contains_key(no) => pass.outcomes.push((*no, Outcome::Applied, None)),
                Ok(()) => {}
                Err(error) => drop(refused.insert(*no, error.reason())),
            }
        }
        view = host.observe(&Scope::Few(touched), job.now()).await?;
        left = compare(job, memory, &view);
    }
    conclude(job, left, refused, &view, pass);
    Ok(())
}

fn scope(job: &Job) -> Scope {
    if job.only.is_none() {
        return Scope::All;
    }
    let addresses = job.lines().filter_map(|line| match &line.access {
        Access::Static { address, .. } => address.parse::<Ipv4Addr>().ok(),
        Access::Pppoe { .. } => None,
    });
    Scope::Few(addresses.collect())
}

fn compare(job: &Job, memory: &Memory, view: &StaticView) -> StaticPlan {
    let known = job.known();
    static_plan(job.lines(), &tombstones(job), |id| known.contains(&id), view, job.limits(memory))
}

fn conclude(
    job: &Job,
    left: StaticPlan,
    mut refused: BTreeMap<LineNo, FailReason>,
    view: &StaticView,
    pass: &mut Pass,
) {
    let mut end = |no: LineNo, outcome: Outcome| {
        if let Some(line) = job.desired.lines.get(&no) {
            pass.outcomes.push((no, outcome, Some(view.observed(line))));
        }
    };
    for no in left.right {
        end(no, Outcome::Verified);
    }
    for (no, reason) in left.failed {
        end(no, Outcome::Failed(reason));
    }
    for (no, _) in left.tasks {
        let differs = FailReason::Differs("the held set is not as it was left".into());
        end(no, Outcome::Failed(refused.remove(&no).unwrap_or(differs)));
    }
    pass.removed = left.removed;
    pass.unlisted = left.unlisted;
}
