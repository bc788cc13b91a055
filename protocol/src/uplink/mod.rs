//! Agent → controller.

mod chunk;
mod health;
mod live;
mod pack;
mod proof;
mod usage;

pub use chunk::{ChunkError, MAX_PAYLOAD, Place, crc, gap_payloads, proof_payloads, usage_payloads};
pub use health::{DesiredStatus, Health, RouterHealth, RouterState};
pub use live::{LineRate, LiveRates};
pub use pack::UnpackError;
pub use proof::{FailReason, Observed, Outcome, Proof, SessionSeen};
pub use usage::{Gap, GapCause, UsageChunk, UsageRecord};

use serde::{Deserialize, Serialize};

/// One entry of the agent's spool, sent until acknowledged. `(agent, epoch, seq)` is applied at most once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpooledChunk {
    /// Which life of the spool: rises when a spool was moved aside and a new one begun.
    pub epoch: u64,
    /// First position that this chunk stands for. Equal to `seq`, except where chunks were lost or dropped: then
    /// one chunk of gaps stands for all of `first..=seq`.
    pub first: u64,
    /// Position in this epoch, from 1; no position is left out.
    pub seq: u64,
    /// CRC-32 (IEEE) of `payload`, computed when it was written to the spool.
    pub crc: u32,
    /// An encoded [`ChunkBody`], at most [`MAX_PAYLOAD`] bytes.
    #[serde(with = "crate::codec::bytes")]
    pub payload: Vec<u8>,
}

/// What a chunk carries. Append only: the order of variants is the wire format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChunkBody {
    /// Usage records of many lines.
    Usage(UsageChunk),
    /// What is known to be unknown.
    Gaps(Vec<Gap>),
    /// What was done to lines and read back.
    Proofs(Vec<Proof>),
}
