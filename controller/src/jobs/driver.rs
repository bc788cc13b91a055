//! Runs due jobs: leases one, renews the lease while it runs, writes down how it ended.

use std::time::Duration;

use lastmile_protocol::ids::JobId;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::registry::{Job, JobError, Registry};
use super::store;
use crate::db::{Db, Nudge};
use crate::events::Hub;
use crate::kernel::{Fault, Rng, Scope, ids::hex, rng};

/// Jobs at once in this controller.
const AT_ONCE: usize = 4;
/// A worker that was lost is noticed after this long.
const LEASE_MS: i64 = 120_000;
const RENEW: Duration = Duration::from_secs(30);
/// Nudges say when to look; this is for those that are missed and for jobs that become due.
const LOOK: Duration = Duration::from_secs(1);
/// A job that failed so often is given up and shown.
const TRIES: i64 = 12;
const BACKOFF_MS: i64 = 2_000;
const BACKOFF_MAX_MS: i64 = 60 * 60 * 1_000;
/// Jobs that are still running at the end get this long.
const GRACE: Duration = Duration::from_secs(10);

/// The worker of this controller.
#[derive(Clone)]
pub struct Driver {
    db: Db,
    registry: Registry,
    owner: String,
}

impl Driver {
    /// A worker with these handlers.
    #[must_use]
    pub fn new(db: Db, registry: Registry, rng: &dyn Rng) -> Self {
        Self { db, registry, owner: hex(&rng::bytes::<8>(rng)) }
    }

    /// Runs jobs until `stopping` turns true, then waits a little for those that run.
    pub async fn run(self, hub: Hub, mut stopping: watch::Receiver<bool>) {
        let mut nudges = hub.nudges();
        let mut running = JoinSet::new();
        if let Err(fault) = self.announce_schedules().await {
            tracing::error!(error = %fault, "the schedule could not be written");
        }
        while !*stopping.borrow() {
            if let Err(fault) = self.start_due(&mut running).await {
                tracing::warn!(error = %fault, "the job queue could not be read");
            }
            tokio::select! {
                _ = stopping.changed() => {}
                _ = running.join_next(), if !running.is_empty() => {}
                () = tokio::time::sleep(LOOK) => {}
                () = heard(&mut nudges) => {}
            }
        }
        let _ = tokio::time::timeout(GRACE, async { while running.join_next().await.is_some() {} }).await;
    }

    async fn announce_schedules(&self) -> Result<(), Fault> {
        let mut tx = self.db.begin(&Scope::All).await?;
        for (kind, every_ms) in self.registry.periodic() {
            store::put_schedule(&mut tx, kind, every_ms).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Queues what the clock says, then starts as many jobs as there is room for.
    async fn start_due(&self, running: &mut JoinSet<()>) -> Result<(), Fault> {
        self.queue_periodic().await?;
        while running.try_join_next().is_some() {}
        while running.len() < AT_ONCE {
            let Some(job) = self.claim().await? else { break };
            let driver = self.clone();
            running.spawn(async move { driver.work(job).await });
        }
        Ok(())
    }

    async fn queue_periodic(&self) -> Result<(), Fault> {
        let mut read = self.db.read(&Scope::All).await?;
        let (now, states) = (read.now_ms(), store::schedules(&mut read).await?);
        read.rollback().await?;
        let due: Vec<_> = states
            .into_iter()
            .filter(|state| state.next_at.0 <= now || state.next_at.0 > now.saturating_add(state.every_ms))
            .filter(|state| self.registry.periodic().any(|(kind, _)| kind == state.kind))
            .collect();
        if due.is_empty() {
            return Ok(());
        }
        let mut tx = self.db.begin(&Scope::All).await?;
        for state in due {
            if store::take_turn(&mut tx, &state.kind).await? {
                let now = tx.now_ms();
                store::enqueue(&mut tx, &state.kind, "schedule", &json!({}), now).await?;
            }
        }
        Ok(tx.commit().await?)
    }

    async fn claim(&self) -> Result<Option<Job>, Fault> {
        // A look first: taking the write lock every second for nothing would keep others from it.
        let mut read = self.db.read(&Scope::All).await?;
        let due = store::due(&mut read).await?;
        read.rollback().await?;
        if due == 0 {
            return Ok(None);
        }
        let mut tx = self.db.begin(&Scope::All).await?;
        let until = tx.now_ms().saturating_add(LEASE_MS);
        let job = store::claim(&mut tx, &self.owner, until).await?;
        if let Some(job) = &job {
            store::schedule_started(&mut tx, &job.kind).await?;
        }
        tx.commit().await?;
        Ok(job)
    }

    async fn work(&self, job: Job) {
        let outcome = self.attempt(&job).await;
        if let Err(error) = &outcome {
            tracing::warn!(job_id = %job.id, kind = %job.kind, attempt = job.attempt, error = %error, "a job failed");
        }
        if let Err(fault) = self.finish(&job, outcome).await {
            // The lease runs out and the job is repeated; it is idempotent.
            tracing::error!(job_id = %job.id, kind = %job.kind, error = %fault, "a job's end could not be written");
        }
    }

    /// Runs the handler in a task of its own, so that a panic is its own, and renews the lease meanwhile.
    async fn attempt(&self, job: &Job) -> Result<(), JobError> {
        let Some(handler) = self.registry.handler(&job.kind) else {
            return Err(JobError::Fail("this program has no handler for it".to_owned()));
        };
        let mut task = JoinSet::new();
        task.spawn(handler(job.clone()));
        loop {
            tokio::select! {
                ended = task.join_next() => {
                    return match ended {
                        Some(Ok(outcome)) => outcome,
                        _ => Err(JobError::Retry("the handler panicked".to_owned())),
                    };
                }
                () = tokio::time::sleep(RENEW) => {
                    if !self.renew(job.id).await.unwrap_or(true) {
                        return Err(JobError::Retry("the lease was lost".to_owned()));
                    }
                }
            }
        }
    }

    async fn renew(&self, id: JobId) -> Result<bool, Fault> {
        let mut tx = self.db.begin(&Scope::All).await?;
        let until = tx.now_ms().saturating_add(LEASE_MS);
        let ours = store::renew(&mut tx, id, &self.owner, until).await?;
        tx.commit().await?;
        Ok(ours)
    }

    async fn finish(&self, job: &Job, outcome: Result<(), JobError>) -> Result<(), Fault> {
        let mut tx = self.db.begin(&Scope::All).await?;
        let told = outcome.as_ref().err().map(ToString::to_string);
        match outcome {
            Ok(()) => store::done(&mut tx, job.id, &self.owner).await?,
            Err(JobError::Retry(error)) if job.attempt < TRIES => {
                let at = tx.now_ms().saturating_add(backoff_ms(job.attempt));
                store::retry(&mut tx, job.id, &self.owner, at, &error).await?;
            }
            Err(JobError::Retry(error) | JobError::Fail(error)) => {
                store::failed(&mut tx, job.id, &self.owner, &error).await?;
            }
        }
        store::schedule_finished(&mut tx, &job.kind, told.as_deref()).await?;
        Ok(tx.commit().await?)
    }
}

/// Runs everything that is due at this moment, one after the other, and what that queues. For tests and commands.
///
/// # Errors
/// When the queue cannot be read.
pub async fn run_until_idle(driver: &Driver) -> Result<usize, Fault> {
    driver.announce_schedules().await?;
    driver.queue_periodic().await?;
    let mut count = 0;
    while let Some(job) = driver.claim().await? {
        driver.work(job).await;
        count += 1;
    }
    Ok(count)
}

fn backoff_ms(attempt: i64) -> i64 {
    let doublings = u32::try_from(attempt.clamp(1, 20) - 1).unwrap_or(0);
    BACKOFF_MS.saturating_mul(1 << doublings).min(BACKOFF_MAX_MS)
}

/// Returns at a hint that there are jobs, and at any doubt.
async fn heard(nudges: &mut tokio::sync::broadcast::Receiver<Nudge>) {
    loop {
        match nudges.recv().await {
            Ok(Nudge::Jobs) | Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => return,
            Ok(_) => {}
            Err(tokio::sync::broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}
