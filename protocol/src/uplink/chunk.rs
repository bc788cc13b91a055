//! Chunks: cutting any number of records, gaps or proofs into payloads that keep their bound, and the
//! checksum that guards a payload from the spool to the database.

use crate::codec::{self, CodecError};
use crate::uplink::{ChunkBody, FailReason, Gap, Outcome, Proof, SpooledChunk, UsageChunk, UsageRecord};

/// The most bytes of a chunk's payload. With the few bytes that the spool adds, a value stays below 4 KiB:
/// larger ones leak files in the store that holds them.
pub const MAX_PAYLOAD: usize = 4_000;

/// A chunk that is not whole.
#[derive(Debug, thiserror::Error)]
pub enum ChunkError {
    /// The payload is not what was written to the spool.
    #[error("chunk {seq} of epoch {epoch} fails its checksum")]
    Checksum {
        /// Epoch of the spool.
        epoch: u64,
        /// Position in it.
        seq: u64,
    },
    /// The payload is longer than a chunk may be.
    #[error("a chunk of {0} bytes is longer than {MAX_PAYLOAD}")]
    TooLong(usize),
    /// The payload is no body.
    #[error(transparent)]
    Codec(#[from] CodecError),
}

/// CRC-32 (IEEE) of a payload.
#[must_use]
pub fn crc(payload: &[u8]) -> u32 {
    crc32fast::hash(payload)
}

/// Where a chunk stands against what was applied of its epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It is the next: apply it, then its `seq` is the mark.
    Next,
    /// Applied before: acknowledge again, apply nothing.
    Duplicate,
    /// Something before it is missing: the sender is wrong, close the connection.
    Hole,
}

impl SpooledChunk {
    /// A chunk around an encoded body.
    #[must_use]
    pub fn seal(epoch: u64, seq: u64, payload: Vec<u8>) -> Self {
        Self { epoch, first: seq, seq, crc: crc(&payload), payload }
    }

    /// Where the chunk stands when everything up to `applied` (0 = nothing) of its epoch was applied. A chunk
    /// that stands for a run of lost ones is the next even if the front of the run had arrived before the loss.
    #[must_use]
    pub fn place(&self, applied: u64) -> Place {
        if self.seq <= applied {
            Place::Duplicate
        } else if self.first <= applied.saturating_add(1) && self.first > 0 && self.first <= self.seq {
            Place::Next
        } else {
            Place::Hole
        }
    }

    /// The body, after its checksum was found right.
    ///
    /// # Errors
    /// Wrong checksum, too long, or not a body.
    pub fn open(&self) -> Result<ChunkBody, ChunkError> {
        if self.payload.len() > MAX_PAYLOAD {
            return Err(ChunkError::TooLong(self.payload.len()));
        }
        if crc(&self.payload) != self.crc {
            return Err(ChunkError::Checksum { epoch: self.epoch, seq: self.seq });
        }
        Ok(codec::decode(&self.payload)?)
    }
}

/// Encoded bodies of at most [`MAX_PAYLOAD`] bytes that carry all `records`, sorted by line.
///
/// # Errors
/// When a body cannot be encoded: no record is that long, so only the compressor can fail.
pub fn usage_payloads(mut records: Vec<UsageRecord>) -> Result<Vec<Vec<u8>>, CodecError> {
    records.sort_unstable_by_key(|r| (r.line, r.start_ms, r.end_ms));
    let mut out = Vec::new();
    let mut rest = records.as_slice();
    let mut guess = UsageChunk::MAX_RECORDS;
    while !rest.is_empty() {
        let (payload, used) = fullest(rest, guess)?;
        out.push(payload);
        rest = rest.get(used..).unwrap_or_default();
        // Neighbouring chunks hold about as much: begin a little above, shrink when it does not fit.
        guess = (used + used / 8 + 1).min(UsageChunk::MAX_RECORDS);
    }
    Ok(out)
}

/// The longest front of `records`, at most `guess`, whose payload fits; found by shrinking in proportion.
fn fullest(records: &[UsageRecord], guess: usize) -> Result<(Vec<u8>, usize), CodecError> {
    let mut take = guess.clamp(1, records.len());
    loop {
        let part = records.get(..take).unwrap_or(records);
        let chunk = UsageChunk::pack(part)
            .ok_or_else(|| CodecError::Encode { what: "UsageChunk", reason: "the compressor failed".into() })?;
        let payload = codec::encode(&ChunkBody::Usage(chunk))?;
        if payload.len() <= MAX_PAYLOAD || take == 1 {
            return Ok((payload, part.len()));
        }
        let fitting = take * MAX_PAYLOAD / payload.len();
        take = fitting.min(take - 1).max(1);
    }
}

/// Encoded bodies of at most [`MAX_PAYLOAD`] bytes that carry all `gaps`, in their order.
///
/// # Errors
/// When a body cannot be encoded.
pub fn gap_payloads(gaps: &[Gap]) -> Result<Vec<Vec<u8>>, CodecError> {
    /// The most bytes of a gap: six numbers of 9, three of chunks, router 17, tags.
    const GAP: usize = 112;
    gaps.chunks(MAX_PAYLOAD / GAP).map(|part| codec::encode(&ChunkBody::Gaps(part.to_vec()))).collect()
}

/// Encoded bodies of at most [`MAX_PAYLOAD`] bytes that carry all `proofs`, in their order. Texts that a
/// router sent are cut to what a person reads.
///
/// # Errors
/// When a body cannot be encoded.
pub fn proof_payloads(proofs: Vec<Proof>) -> Result<Vec<Vec<u8>>, CodecError> {
    let mut out = Vec::new();
    let mut part: Vec<Proof> = Vec::new();
    let mut bytes = 0;
    for mut proof in proofs {
        proof.shorten();
        let size = codec::encode(&proof)?.len();
        if bytes + size > MAX_PAYLOAD - BODY && !part.is_empty() {
            out.push(codec::encode(&ChunkBody::Proofs(core::mem::take(&mut part)))?);
            bytes = 0;
        }
        bytes += size;
        part.push(proof);
    }
    if !part.is_empty() {
        out.push(codec::encode(&ChunkBody::Proofs(part))?);
    }
    Ok(out)
}

/// Bytes around the items of a body.
const BODY: usize = 16;

impl Proof {
    /// Cuts texts and sessions so that one proof always fits into a chunk.
    fn shorten(&mut self) {
        const TEXT: usize = 400;
        const NAME: usize = 128;
        const SESSIONS: usize = 8;
        if let Outcome::Failed(FailReason::Refused(t) | FailReason::Differs(t) | FailReason::Frozen(t)) =
            &mut self.outcome
        {
            shorten(t, TEXT);
        }
        if let Some(observed) = &mut self.observed {
            shorten(&mut observed.profile, NAME);
            shorten(&mut observed.rate, NAME);
            observed.sessions.truncate(SESSIONS);
            for session in &mut observed.sessions {
                shorten(&mut session.address, NAME);
                shorten(&mut session.mac, NAME);
            }
        }
    }
}

/// Cuts a text at a character's edge, at most `most` bytes.
fn shorten(text: &mut String, most: usize) {
    if text.len() > most {
        let edge = (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(edge);
    }
}
