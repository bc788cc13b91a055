//! The encrypted envelope: AES-256-GCM in chunks, so that memory is bounded and every byte is checked before it is used.
//!
//! Each file has its own key (derived from the seal key and a salt), so chunk numbers are nonces that never repeat.
//! Whether a chunk is the last one is part of its nonce, and the header is bound into every chunk: chunks that are
//! taken out, put in, reordered or cut off, and headers that are edited, are all refused.

use std::io::{self, Read, Write};

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

/// Clear bytes of a chunk.
const CHUNK: usize = 64 * 1024;
/// Bytes that encryption adds to a chunk.
const TAG: usize = 16;

struct Sealer {
    key: LessSafeKey,
    header: Vec<u8>,
    next: u64,
}

impl Sealer {
    fn new(key: &[u8; 32], header: &[u8]) -> io::Result<Self> {
        let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| io::Error::other("the key is not usable"))?;
        Ok(Self { key: LessSafeKey::new(key), header: header.to_vec(), next: 0 })
    }

    fn nonce(&mut self, last: bool) -> Nonce {
        let mut bytes = [0; NONCE_LEN];
        bytes[0] = u8::from(last);
        bytes[4..].copy_from_slice(&self.next.to_be_bytes());
        self.next = self.next.wrapping_add(1);
        Nonce::assume_unique_for_key(bytes)
    }
}

/// Encrypts what is written to it. Ends only with [`Writer::finish`].
pub(super) struct Writer<W: Write> {
    sealer: Sealer,
    buffer: Vec<u8>,
    out: W,
}

impl<W: Write> Writer<W> {
    pub(super) fn new(key: &[u8; 32], header: &[u8], out: W) -> io::Result<Self> {
        Ok(Self { sealer: Sealer::new(key, header)?, buffer: Vec::with_capacity(CHUNK + TAG), out })
    }

    fn flush_chunk(&mut self, last: bool) -> io::Result<()> {
        let nonce = self.sealer.nonce(last);
        let aad = Aad::from(&self.sealer.header);
        self.sealer
            .key
            .seal_in_place_append_tag(nonce, aad, &mut self.buffer)
            .map_err(|_| io::Error::other("encryption failed"))?;
        let length = u32::try_from(self.buffer.len()).map_err(io::Error::other)?;
        self.out.write_all(&length.to_be_bytes())?;
        self.out.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    /// Writes the last chunk, which says that it is the last.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.flush_chunk(true)?;
        self.out.flush()?;
        Ok(self.out)
    }
}

impl<W: Write> Write for Writer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() >= CHUNK {
            self.flush_chunk(false)?;
        }
        let (now, _) = bytes.split_at(bytes.len().min(CHUNK - self.buffer.len()));
        self.buffer.extend_from_slice(now);
        Ok(now.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Decrypts. Gives no byte of a chunk that is not as it was written.
pub(super) struct Reader<R: Read> {
    sealer: Sealer,
    chunk: Vec<u8>,
    at: usize,
    ended: bool,
    input: R,
}

impl<R: Read> Reader<R> {
    pub(super) fn new(key: &[u8; 32], header: &[u8], input: R) -> io::Result<Self> {
        Ok(Self { sealer: Sealer::new(key, header)?, chunk: Vec::new(), at: 0, ended: false, input })
    }

    /// Whether everything was read up to the chunk that is the last, and nothing stands behind it.
    pub(super) fn ended(&mut self) -> io::Result<()> {
        if self.at < self.chunk.len() || !self.ended {
            return Err(damaged("there is more than there should be"));
        }
        let mut one = [0];
        if self.input.read(&mut one)? != 0 { Err(damaged("something stands behind its end")) } else { Ok(()) }
    }

    fn next_chunk(&mut self) -> io::Result<()> {
        let mut length = [0; 4];
        self.input.read_exact(&mut length).map_err(cut_off)?;
        let length = usize::try_from(u32::from_be_bytes(length)).map_err(io::Error::other)?;
        if !(TAG..=CHUNK + TAG).contains(&length) {
            return Err(damaged("a chunk has an impossible length"));
        }
        let mut sealed = vec![0; length];
        self.input.read_exact(&mut sealed).map_err(cut_off)?;
        // Full chunks are seldom the last; a short one always is.
        let guesses = if length == CHUNK + TAG { [false, true] } else { [true, false] };
        let number = self.sealer.next;
        for last in guesses {
            self.sealer.next = number;
            let nonce = self.sealer.nonce(last);
            let mut clear = sealed.clone();
            if let Ok(open) = self.sealer.key.open_in_place(nonce, Aad::from(&self.sealer.header), &mut clear) {
                let length = open.len();
                clear.truncate(length);
                (self.chunk, self.at, self.ended) = (clear, 0, last);
                return Ok(());
            }
        }
        Err(damaged("a chunk is not as it was written"))
    }
}

impl<R: Read> Read for Reader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at >= self.chunk.len() {
            if self.ended {
                return Ok(0);
            }
            self.next_chunk()?;
        }
        let rest = self.chunk.get(self.at..).unwrap_or_default();
        let count = rest.len().min(out.len());
        out.iter_mut().zip(rest).for_each(|(out, byte)| *out = *byte);
        self.at += count;
        Ok(count)
    }
}

fn cut_off(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::UnexpectedEof { damaged("it is cut off") } else { error }
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: [u8; 32] = [7; 32];

    fn sealed(clear: &[u8]) -> Vec<u8> {
        let mut writer = Writer::new(&KEY, b"head", Vec::new()).unwrap();
        writer.write_all(clear).unwrap();
        writer.finish().unwrap()
    }

    fn opened(sealed: &[u8], header: &[u8]) -> io::Result<Vec<u8>> {
        let mut reader = Reader::new(&KEY, header, sealed)?;
        let mut out = Vec::new();
        reader.read_to_end(&mut out)?;
        reader.ended()?;
        Ok(out)
    }

    #[test]
    fn any_length_comes_back() {
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK] {
            let clear: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
            assert_eq!(opened(&sealed(&clear), b"head").unwrap(), clear, "{length}");
        }
    }

    #[test]
    fn another_header_another_order_and_a_cut_end_are_refused() {
        let one = CHUNK + TAG + 4;
        let whole = sealed(&vec![1; 3 * CHUNK + 5]);
        assert!(opened(&whole, b"Head").is_err());
        assert!(opened(&whole[..2 * one], b"head").is_err(), "cut at a chunk's edge");
        let mut swapped = whole[one..2 * one].to_vec();
        swapped.extend_from_slice(&whole[..one]);
        swapped.extend_from_slice(&whole[2 * one..]);
        assert!(opened(&swapped, b"head").is_err());
        let longer = [whole.as_slice(), b"x"].concat();
        assert!(opened(&longer, b"head").is_err());
    }

    proptest! {
        #[test]
        fn any_flipped_bit_is_noticed(at in 0_usize..70_000, bit in 0_u8..8) {
            let mut broken = sealed(&vec![9; 69_000]);
            let at = at % broken.len();
            broken[at] ^= 1 << bit;
            prop_assert!(opened(&broken, b"head").is_err());
        }
    }
}
