//! A pass over a RouterOS router.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::StreamExt;
use lastmile_protocol::downlink::Access;
use lastmile_protocol::ids::LineNo;
use lastmile_protocol::uplink::{FailReason, Outcome};

use super::pass::{Enforce, Job, Memory, Pass};
use super::tombstones;
use crate::core::reconcile::{Action, Plan, Task, View, plan};
use crate::device::routeros::{Router, Scope};
use crate::device::{DeviceError, Lines};

/// Names may have to move through each other; nothing needs more rounds.
const ROUNDS: usize = 5;
/// Lines that are written at the same time.
const ABREAST: usize = 8;

impl Enforce for Router {
    const CLOSING_ENDS_COUNTERS: bool = true;

    async fn pass(&self, job: &Job, memory: &mut Memory) -> Pass {
        let mut work = Work { router: self, job, memory, refused: BTreeMap::new(), pass: Pass::default() };
        if let Err(error) = work.run().await {
            work.pass.error = Some(error);
        }
        work.pass
    }
}

struct Work<'a> {
    router: &'a Router,
    job: &'a Job,
    memory: &'a mut Memory,
    refused: BTreeMap<LineNo, FailReason>,
    pass: Pass,
}

impl Work<'_> {
    async fn run(&mut self) -> Result<(), DeviceError> {
        let mut view = self.router.observe(&self.scope(), self.job.now()).await?;
        let mut left = self.compare(&view);
        for _ in 0..ROUNDS {
            left.tasks.retain(|task| !self.refused.contains_key(&task.line));
            if left.profiles.is_empty() && left.tasks.iter().all(|task| task.actions.is_empty()) {
                break;
            }
            self.profiles(&left).await?;
            self.tasks(core::mem::take(&mut left.tasks)).await?;
            view = self.router.observe(&self.scope(), self.job.now()).await?;
            left = self.compare(&view);
        }
        self.conclude(left, &view);
        Ok(())
    }

    fn scope(&self) -> Scope {
        let names = |line: &lastmile_protocol::downlink::DesiredLine| match &line.access {
            Access::Pppoe { username, .. } => Some(username.clone()),
            Access::Static { .. } => None,
        };
        if self.job.only.is_none() {
            let all = self.job.lines().filter_map(|line| Some((names(line)?.into(), line.no)));
            return Scope::All(Arc::new(all.collect()));
        }
        let lines = self.job.lines().filter_map(|line| Some((line.id, names(line)?)));
        let removed = tombstones(self.job).into_values().map(|(id, _)| (id, Vec::new()));
        Scope::Few(lines.chain(removed).collect())
    }

    fn compare(&self, view: &View) -> Plan {
        let known = self.job.known();
        let limits = self.job.limits(self.memory);
        plan(self.job.lines(), &tombstones(self.job), |id| known.contains(&id), view, limits)
    }

    async fn profiles(&mut self, left: &Plan) -> Result<(), DeviceError> {
        for (name, action) in &left.profiles {
            let Err(error) = self.router.act(action).await else { continue };
            if error.ends_connection() {
                return Err(error);
            }
            let users = self.job.lines().filter(|line| line.profile.name.as_bytes() == name).map(|line| line.no);
            self.refused.extend(users.map(|no| (no, error.reason())));
        }
        Ok(())
    }

    /// One line after the other would make a new POP wait for as many round trips as it has lines.
    async fn tasks(&mut self, tasks: Vec<Task>) -> Result<(), DeviceError> {
        let router = self.router;
        let tasks = tasks.into_iter().filter(|task| !self.refused.contains_key(&task.line));
        let done = futures_util::stream::iter(tasks.map(|task| async move {
            for action in &task.actions {
                if let Err(error) = router.act(action).await {
                    return (task, Err(error));
                }
            }
            (task, Ok(()))
        }));
        let done = done.buffer_unordered(ABREAST).collect::<Vec<_>>().await;
        let mut broken = None;
        for (task, result) in done {
            match result {
                Ok(()) => self.applied(&task),
                Err(error) => {
                    self.remember(&task, true);
                    self.refused.insert(task.line, error.reason());
                    broken = broken.or(error.ends_connection().then_some(error));
                }
            }
        }
        broken.map_or(Ok(()), Err)
    }

    fn applied(&mut self, task: &Task) {
        self.remember(task, false);
        if !task.removal && !task.actions.is_empty() {
            self.pass.outcomes.push((task.line, Outcome::Applied, None));
        }
    }

    /// A change of profile is in force only when the session has begun anew. When the kick did not come
    /// through it is tried again with the next pass.
    fn remember(&mut self, task: &Task, failed: bool) {
        let kicks = task.actions.iter().any(|action| matches!(action, Action::Kick { .. }));
        if failed && kicks {
            self.memory.renew.insert(task.line);
        } else {
            self.memory.renew.remove(&task.line);
        }
        let password = task.actions.iter().any(|action| match action {
            Action::SetSecret { change, .. } => change.password.is_some(),
            Action::AddSecret { .. } => true,
            _ => false,
        });
        if password
            && !failed
            && let Some(line) = self.job.desired.lines.get(&task.line)
        {
            self.memory.written.insert(task.line, line.counter);
        }
    }

    fn conclude(&mut self, left: Plan, view: &View) {
        let mut end = |no: LineNo, outcome: Outcome| {
            let line = self.job.desired.lines.get(&no);
            let observed = line.and_then(|line| match &line.access {
                Access::Pppoe { username, .. } => Some(view.observed(line.id, username)),
                Access::Static { .. } => None,
            });
            self.pass.outcomes.push((no, outcome, observed));
        };
        for no in left.right {
            end(no, Outcome::Verified);
        }
        for (no, reason) in left.failed {
            end(no, Outcome::Failed(reason));
        }
        for task in left.tasks {
            let reason = self.refused.remove(&task.line).unwrap_or(FailReason::Differs(task.differs));
            end(task.line, Outcome::Failed(reason));
        }
        // Refused in the last look and not planned again: a task that was held back keeps its reason.
        for (no, reason) in core::mem::take(&mut self.refused) {
            if !self.pass.outcomes.iter().any(|(line, outcome, _)| *line == no && *outcome != Outcome::Applied) {
                self.pass.outcomes.push((no, Outcome::Failed(reason), None));
            }
        }
        self.pass.removed = left.removed;
        self.pass.unlisted = left.unlisted;
    }
}
