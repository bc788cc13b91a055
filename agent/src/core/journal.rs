//! Where the pure parts leave what must not be lost: the seam between meter, enforcement and spool.
//!
//! A usage record and the baseline from which the next one is counted are *one* write. If they were two, a
//! kill between them would count the same octets twice or never.

use lastmile_protocol::ids::LineNo;
use lastmile_protocol::uplink::{Gap, Proof, UsageRecord};

/// Everything that one step wants kept, in one atomic, fsynced write. The spool packs it into as many chunks
/// as its size limit needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// Usage to report.
    pub usage: Vec<UsageRecord>,
    /// What is known to be unknown.
    pub gaps: Vec<Gap>,
    /// What was done to lines and read back.
    pub proofs: Vec<Proof>,
    /// Baselines that replace the ones before; `None` deletes one. Opaque to the spool, at most 128 bytes each.
    pub baselines: Vec<(LineNo, Option<Vec<u8>>)>,
}

impl Entry {
    /// Whether there is nothing to keep.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.usage.is_empty() && self.gaps.is_empty() && self.proofs.is_empty() && self.baselines.is_empty()
    }
}

/// The entry could not be kept. Nothing of it was: the caller keeps it and tries again.
#[derive(Debug, thiserror::Error)]
#[error("the spool cannot keep an entry: {reason}")]
pub struct JournalError {
    /// In words.
    pub reason: String,
}

/// A durable place for entries. Calls block until the bytes are on disk.
pub trait Journal: Send {
    /// Keeps the entry: all of it or nothing.
    ///
    /// # Errors
    /// When it is not on disk.
    fn append(&mut self, entry: Entry) -> Result<(), JournalError>;

    /// Every baseline that was kept.
    ///
    /// # Errors
    /// When they cannot be read.
    fn load_baselines(&self) -> Result<Vec<(LineNo, Vec<u8>)>, JournalError>;
}
