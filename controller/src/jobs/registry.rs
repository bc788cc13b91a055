//! Which handler does which kind of job, and what runs by the clock.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use lastmile_protocol::ids::JobId;

use crate::kernel::Fault;

/// A job as its handler gets it.
#[derive(Debug, Clone)]
pub struct Job {
    /// Id.
    pub id: JobId,
    /// Which handler.
    pub kind: String,
    /// What it is about; the handler reads the state again rather than believe details in here.
    pub payload: serde_json::Value,
    /// 1 for the first try.
    pub attempt: i64,
}

/// Why a job was not done, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// Try again later.
    #[error("{0}")]
    Retry(String),
    /// Trying again is of no use.
    #[error("{0}")]
    Fail(String),
}

impl From<Fault> for JobError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Internal(source) => Self::Retry(source.to_string()),
            Fault::Unavailable { .. } | Fault::TooMany { .. } | Fault::Conflict { .. } => {
                Self::Retry(fault.to_string())
            }
            other => Self::Fail(other.to_string()),
        }
    }
}

impl From<sqlx::Error> for JobError {
    fn from(error: sqlx::Error) -> Self {
        Self::Retry(error.to_string())
    }
}

type Handler = Arc<dyn Fn(Job) -> BoxFuture<'static, Result<(), JobError>> + Send + Sync>;

/// The handlers and the schedule. A handler is a closure that owns what it needs: `move |job| run(app.clone(), job)`.
#[derive(Clone, Default)]
pub struct Registry {
    handlers: BTreeMap<&'static str, Handler>,
    periodic: BTreeMap<&'static str, i64>,
}

impl Registry {
    /// Nothing registered.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers the handler of a kind of job.
    #[must_use]
    pub fn handle<F, Fut>(mut self, kind: &'static str, handler: F) -> Self
    where
        F: Fn(Job) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), JobError>> + Send + 'static,
    {
        self.handlers.insert(kind, Arc::new(move |job| handler(job).boxed()));
        self
    }

    /// Lets a kind of job, with this handler, also run by itself every so many seconds.
    #[must_use]
    pub fn every<F, Fut>(mut self, kind: &'static str, seconds: u32, handler: F) -> Self
    where
        F: Fn(Job) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), JobError>> + Send + 'static,
    {
        self.periodic.insert(kind, i64::from(seconds.max(1)) * 1_000);
        self.handle(kind, handler)
    }

    /// Adds what another room registered.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.handlers.extend(other.handlers);
        self.periodic.extend(other.periodic);
        self
    }

    pub(super) fn handler(&self, kind: &str) -> Option<Handler> {
        self.handlers.get(kind).cloned()
    }

    /// What runs by the clock, and how often in milliseconds.
    pub(super) fn periodic(&self) -> impl Iterator<Item = (&'static str, i64)> + '_ {
        self.periodic.iter().map(|(kind, every)| (*kind, *every))
    }
}
