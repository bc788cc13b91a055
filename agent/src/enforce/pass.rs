//! What a pass is given and what comes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lastmile_protocol::downlink::DesiredLine;
use lastmile_protocol::ids::{LineId, LineNo, RouterId};
use lastmile_protocol::uplink::{Observed, Outcome};

use crate::clock::Clock;
use crate::core::desired::DesiredState;
use crate::core::meter::Moment;
use crate::core::reconcile::Limits;
use crate::device::DeviceError;

/// One pass.
pub struct Job {
    /// What is wanted.
    pub desired: Arc<DesiredState>,
    /// Of which router.
    pub router: RouterId,
    /// Only these lines; everything where there is none.
    pub only: Option<BTreeSet<LineNo>>,
    /// Closing is allowed by the lease.
    pub lease: bool,
    /// Writing is allowed on this router.
    pub may_write: bool,
    /// Lines that the brake does not let close.
    pub frozen: BTreeSet<LineNo>,
    /// Why.
    pub frozen_why: String,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

/// What passes of one router remember.
#[derive(Debug, Default)]
pub struct Memory {
    /// Lines whose session has to begin anew.
    pub renew: BTreeSet<LineNo>,
    /// Counter of each line whose hidden password was written.
    pub written: BTreeMap<LineNo, u64>,
}

/// What came of a pass.
#[derive(Debug, Default)]
pub struct Pass {
    /// In the order in which it happened; a line may be applied and verified.
    pub outcomes: Vec<(LineNo, Outcome, Option<Observed>)>,
    /// Removed lines that this router does not have (any more).
    pub removed: Vec<LineNo>,
    /// Marked lines in no desired state.
    pub unlisted: u32,
    /// What broke it off.
    pub error: Option<DeviceError>,
}

/// A device on which lines can be enforced.
pub trait Enforce {
    /// Closing a line ends what its counters belong to: they are read just before, or their last part is lost.
    const CLOSING_ENDS_COUNTERS: bool;

    /// Looks, does what is left to do, looks again.
    fn pass(&self, job: &Job, memory: &mut Memory) -> impl Future<Output = Pass> + Send;
}

impl Job {
    /// The lines of this pass.
    pub fn lines(&self) -> impl Iterator<Item = &DesiredLine> {
        let wanted = |no: &LineNo| self.only.as_ref().is_none_or(|only| only.contains(no));
        self.desired.lines.values().map(Arc::as_ref).filter(move |line| line.router == self.router && wanted(&line.no))
    }

    /// Every line id that is wanted anywhere at this POP.
    #[must_use]
    pub fn known(&self) -> BTreeSet<LineId> {
        self.desired.lines.values().map(|line| line.id).collect()
    }

    /// What may be done.
    #[must_use]
    pub fn limits<'a>(&'a self, memory: &'a Memory) -> Limits<'a> {
        Limits {
            lease: self.lease,
            enforce: self.may_write,
            frozen: &self.frozen,
            frozen_why: &self.frozen_why,
            renew: &memory.renew,
            written: &memory.written,
        }
    }

    /// Now, on both clocks.
    #[must_use]
    pub fn now(&self) -> Moment {
        Moment { wall_ms: self.clock.wall_ms(), mono_ms: self.clock.mono_ms() }
    }
}
