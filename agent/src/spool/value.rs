//! Keys and values of the spool: one value is one chunk, with a checksum over key, head and payload.
//!
//! The head carries running sums since the epoch began. So the depth of the spool is one subtraction, and the
//! size of a chunk that turns out to be lost follows exactly from its neighbours.

use lastmile_protocol::ids::LineNo;
use lastmile_protocol::uplink::{SpooledChunk, crc};

const CHUNK: u8 = b'c';
const BASELINE: u8 = b'b';
const VERSION: u8 = 1;
/// Version, CRC, then the fields of [`Head`].
const HEAD_BYTES: usize = 1 + 4 + 4 + 4 * 8 + 4 + 2 * 8 + 3 * 8;

/// Running sums since the epoch began, up to and with a chunk. What a chunk of gaps stands for counts too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sums {
    /// Usage records.
    pub records: u64,
    /// Octets towards customers.
    pub down: u64,
    /// Octets from customers.
    pub up: u64,
}

impl Sums {
    /// What lies between an earlier point and this one.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            records: self.records.saturating_sub(earlier.records),
            down: self.down.saturating_sub(earlier.down),
            up: self.up.saturating_sub(earlier.up),
        }
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, more: Self) -> Self {
        Self {
            records: self.records.saturating_add(more.records),
            down: self.down.saturating_add(more.down),
            up: self.up.saturating_add(more.up),
        }
    }
}

/// What is known of a chunk without looking into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Head {
    /// CRC of the payload, as it goes on the wire.
    pub payload_crc: u32,
    /// First position that it stands for.
    pub first: u64,
    /// When it was written, milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// From when its usage is, milliseconds since 1970 UTC.
    pub start_ms: i64,
    /// Until when.
    pub end_ms: i64,
    /// What it holds, or stands for; its records fit 32 bits on disk.
    pub own: Sums,
    /// Sums up to and with it.
    pub sums: Sums,
}

impl Head {
    /// Sums up to the chunk before.
    #[must_use]
    pub fn before(&self) -> Sums {
        self.sums.since(self.own)
    }
}

/// A chunk as it lies in the spool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Epoch of the spool.
    pub epoch: u64,
    /// Position.
    pub seq: u64,
    /// What is known of it.
    pub head: Head,
    /// Encoded body.
    pub payload: Vec<u8>,
}

impl Stored {
    /// The chunk as it goes on the wire.
    #[must_use]
    pub fn into_wire(self) -> SpooledChunk {
        SpooledChunk {
            epoch: self.epoch,
            first: self.head.first,
            seq: self.seq,
            crc: self.head.payload_crc,
            payload: self.payload,
        }
    }

    /// The value under its key.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let head = &self.head;
        let mut out = Vec::with_capacity(HEAD_BYTES + self.payload.len());
        out.push(VERSION);
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&head.payload_crc.to_le_bytes());
        out.extend_from_slice(&head.first.to_le_bytes());
        for time in [head.at_ms, head.start_ms, head.end_ms] {
            out.extend_from_slice(&time.to_le_bytes());
        }
        out.extend_from_slice(&u32::try_from(head.own.records).unwrap_or(u32::MAX).to_le_bytes());
        for sum in [head.own.down, head.own.up, head.sums.records, head.sums.down, head.sums.up] {
            out.extend_from_slice(&sum.to_le_bytes());
        }
        out.extend_from_slice(&self.payload);
        let check = checksum(self.epoch, self.seq, out.get(5..).unwrap_or_default());
        if let Some(slot) = out.get_mut(1..5) {
            slot.copy_from_slice(&check.to_le_bytes());
        }
        out
    }

    /// The chunk of this key and value, or `None` when a bit of it is not as it was written.
    #[must_use]
    pub fn decode(epoch: u64, seq: u64, value: &[u8]) -> Option<Self> {
        let mut rest = value;
        let [version] = take::<1>(&mut rest)?;
        let check = u32::from_le_bytes(take(&mut rest)?);
        if version != VERSION || check != checksum(epoch, seq, rest) {
            return None;
        }
        let payload_crc = u32::from_le_bytes(take(&mut rest)?);
        let first = u64::from_le_bytes(take(&mut rest)?);
        let at_ms = i64::from_le_bytes(take(&mut rest)?);
        let start_ms = i64::from_le_bytes(take(&mut rest)?);
        let end_ms = i64::from_le_bytes(take(&mut rest)?);
        let records = u64::from(u32::from_le_bytes(take(&mut rest)?));
        let own = Sums { records, down: number(&mut rest)?, up: number(&mut rest)? };
        let sums = Sums { records: number(&mut rest)?, down: number(&mut rest)?, up: number(&mut rest)? };
        if first == 0 || first > seq {
            return None;
        }
        let head = Head { payload_crc, first, at_ms, start_ms, end_ms, own, sums };
        Some(Self { epoch, seq, head, payload: rest.to_vec() })
    }
}

fn checksum(epoch: u64, seq: u64, rest: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&chunk_key(epoch, seq));
    hasher.update(rest);
    hasher.finalize()
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (front, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*front)
}

fn number(bytes: &mut &[u8]) -> Option<u64> {
    take(bytes).map(u64::from_le_bytes)
}

/// Key of a chunk; keys sort as chunks do.
#[must_use]
pub fn chunk_key(epoch: u64, seq: u64) -> [u8; 17] {
    let mut key = [CHUNK; 17];
    if let Some(slot) = key.get_mut(1..9) {
        slot.copy_from_slice(&epoch.to_be_bytes());
    }
    if let Some(slot) = key.get_mut(9..) {
        slot.copy_from_slice(&seq.to_be_bytes());
    }
    key
}

/// Epoch and position of a key, or `None` when it is no chunk's.
#[must_use]
pub fn chunk_of(key: &[u8]) -> Option<(u64, u64)> {
    let (prefix, rest) = key.split_first()?;
    let (epoch, seq) = rest.split_first_chunk::<8>()?;
    let seq: [u8; 8] = seq.try_into().ok()?;
    (*prefix == CHUNK).then(|| (u64::from_be_bytes(*epoch), u64::from_be_bytes(seq)))
}

/// What all keys of chunks begin with.
pub const CHUNKS: &[u8] = &[CHUNK];

/// What all keys of baselines begin with.
pub const BASELINES: &[u8] = &[BASELINE];

/// Key of a line's baseline.
#[must_use]
pub fn baseline_key(line: LineNo) -> [u8; 5] {
    let [a, b, c, d] = line.0.to_be_bytes();
    [BASELINE, a, b, c, d]
}

/// A baseline with its checksum.
#[must_use]
pub fn encode_baseline(line: LineNo, bytes: &[u8]) -> Vec<u8> {
    let mut out = baseline_crc(line, bytes).to_le_bytes().to_vec();
    out.extend_from_slice(bytes);
    out
}

/// The line and baseline of this key and value, or `None` when it is damaged.
#[must_use]
pub fn decode_baseline(key: &[u8], value: &[u8]) -> Option<(LineNo, Vec<u8>)> {
    let (_, no) = key.split_first()?;
    let line = LineNo(u32::from_be_bytes(no.try_into().ok()?));
    let (check, bytes) = value.split_first_chunk::<4>()?;
    (u32::from_le_bytes(*check) == baseline_crc(line, bytes)).then(|| (line, bytes.to_vec()))
}

fn baseline_crc(line: LineNo, bytes: &[u8]) -> u32 {
    let mut joined = line.0.to_le_bytes().to_vec();
    joined.extend_from_slice(bytes);
    crc(&joined)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lastmile_protocol::uplink::MAX_PAYLOAD;
    use proptest::prelude::*;

    fn sums() -> impl Strategy<Value = Sums> {
        (0..=u64::from(u32::MAX), any::<u64>(), any::<u64>()).prop_map(|(records, down, up)| Sums { records, down, up })
    }

    fn stored() -> impl Strategy<Value = Stored> {
        (any::<u64>(), 1u64.., any::<[i64; 3]>(), sums(), sums(), any::<Vec<u8>>()).prop_map(
            |(epoch, seq, [at_ms, start_ms, end_ms], own, sums, payload)| Stored {
                epoch,
                seq,
                head: Head { payload_crc: crc(&payload), first: seq.div_ceil(2), at_ms, start_ms, end_ms, own, sums },
                payload,
            },
        )
    }

    proptest! {
        #[test]
        fn a_chunk_returns_from_its_value(chunk in stored()) {
            prop_assert_eq!(Stored::decode(chunk.epoch, chunk.seq, &chunk.encode()), Some(chunk.clone()));
            prop_assert_eq!(chunk_of(&chunk_key(chunk.epoch, chunk.seq)), Some((chunk.epoch, chunk.seq)));
        }

        #[test]
        fn a_changed_bit_is_noticed(chunk in stored(), at in any::<prop::sample::Index>(), bit in 0..8) {
            let mut value = chunk.encode();
            let at = at.index(value.len());
            value[at] ^= 1u8 << bit;
            prop_assert_eq!(Stored::decode(chunk.epoch, chunk.seq, &value), None);
            prop_assert_eq!(Stored::decode(chunk.epoch, chunk.seq.wrapping_add(1), &chunk.encode()), None);
        }

        #[test]
        fn a_baseline_returns_and_a_changed_bit_is_noticed(line: u32, bytes: Vec<u8>, at in any::<prop::sample::Index>()) {
            let key = baseline_key(LineNo(line));
            let mut value = encode_baseline(LineNo(line), &bytes);
            prop_assert_eq!(decode_baseline(&key, &value), Some((LineNo(line), bytes)));
            let at = at.index(value.len());
            value[at] ^= 1;
            prop_assert_eq!(decode_baseline(&key, &value), None);
        }
    }

    #[test]
    fn a_value_stays_below_what_the_store_keeps_in_line() {
        const { assert!(HEAD_BYTES + MAX_PAYLOAD <= 4_096) };
        let chunk =
            Stored { epoch: 1, seq: 1, head: Head { first: 1, ..Head::default() }, payload: vec![0; MAX_PAYLOAD] };
        assert_eq!(chunk.encode().len(), HEAD_BYTES + MAX_PAYLOAD);
    }
}
