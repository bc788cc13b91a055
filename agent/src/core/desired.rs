//! The whole desired state as the agent holds it in memory; on disk it is the ledger's.

use std::collections::BTreeMap;
use std::sync::Arc;

use lastmile_protocol::downlink::{DesiredLine, Generation};
use lastmile_protocol::ids::{LineId, LineNo};

/// What the controller wants of this POP, as of its last complete push.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DesiredState {
    /// Up to where the pushes came.
    pub generation: Generation,
    /// Every line. Shared with the state before, so that a push of one line to a POP of thousands copies one line:
    /// whole copies were made on several threads, and the heap of each stayed as large as the state.
    pub lines: BTreeMap<LineNo, Arc<DesiredLine>>,
    /// Removed lines that were not yet seen absent on every router of the plan, with the generation that removed them.
    pub tombstones: BTreeMap<LineNo, (LineId, Generation)>,
    /// Approvals of new holds: (when the push came, milliseconds since 1970 UTC; how many lines).
    pub approvals: Vec<(i64, u32)>,
}
