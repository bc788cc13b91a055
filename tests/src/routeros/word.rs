//! Words and sentences of the RouterOS API, written apart from the agent's client so that one cannot
//! hide the other's mistake.

use tokio::io::{AsyncRead, AsyncReadExt};

/// Longest word taken from a client, octets.
pub(super) const MAX_WORD: usize = 1 << 20;
/// Longest sentence taken from a client, octets.
pub(super) const MAX_SENTENCE: usize = 4 << 20;
/// Longest sentence taken before log-in, octets.
pub(super) const MAX_SENTENCE_BEFORE_LOGIN: usize = 16 << 10;

/// Why a connection cannot be read on.
#[derive(Debug, thiserror::Error)]
pub(super) enum WordError {
    /// The client went away.
    #[error("connection ended")]
    Ended(#[from] std::io::Error),
    /// A control byte: there is no way to find the next word.
    #[error("control byte {0:#04x} in place of a length")]
    Control(u8),
    /// More than is taken.
    #[error("sentence above {0} octets")]
    TooLong(usize),
}

async fn read_length<R: AsyncRead + Unpin>(reader: &mut R) -> Result<usize, WordError> {
    let first = reader.read_u8().await?;
    let (high, more) = match first {
        0x00..=0x7F => (first, 0),
        0x80..=0xBF => (first & 0x3F, 1),
        0xC0..=0xDF => (first & 0x1F, 2),
        0xE0..=0xEF => (first & 0x0F, 3),
        0xF0 => (0, 4),
        other => return Err(WordError::Control(other)),
    };
    let mut length = usize::from(high);
    for _ in 0..more {
        length = (length << 8) | usize::from(reader.read_u8().await?);
    }
    Ok(length)
}

/// Reads the next sentence that has words, at most `cap` octets of them.
pub(super) async fn read_sentence<R: AsyncRead + Unpin>(reader: &mut R, cap: usize) -> Result<Vec<Vec<u8>>, WordError> {
    let mut words = Vec::new();
    let mut total = 0usize;
    loop {
        let length = read_length(reader).await?;
        if length == 0 {
            if words.is_empty() {
                continue;
            }
            return Ok(words);
        }
        total = total.saturating_add(length).saturating_add(1);
        if length > MAX_WORD || total > cap {
            return Err(WordError::TooLong(cap));
        }
        let mut word = vec![0; length];
        reader.read_exact(&mut word).await?;
        words.push(word);
    }
}

/// Appends the length prefix of a word of `length` octets.
#[expect(clippy::cast_possible_truncation, reason = "each branch bounds what is cut to bytes")]
pub(super) fn put_length(out: &mut Vec<u8>, length: usize) {
    let n = length as u32;
    match length {
        0..=0x7F => out.push(n as u8),
        0x80..=0x3FFF => out.extend_from_slice(&(n | 0x8000).to_be_bytes()[2..]),
        0x4000..=0x1F_FFFF => out.extend_from_slice(&(n | 0xC0_0000).to_be_bytes()[1..]),
        0x20_0000..=0x0FFF_FFFF => out.extend_from_slice(&(n | 0xE000_0000).to_be_bytes()),
        _ => {
            out.push(0xF0);
            out.extend_from_slice(&n.to_be_bytes());
        }
    }
}

/// Appends a word.
pub(super) fn put_word(out: &mut Vec<u8>, word: &[u8]) {
    put_length(out, word.len());
    out.extend_from_slice(word);
}

/// Appends an attribute word, `=name=value`.
pub(super) fn put_attribute(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    put_length(out, name.len() + value.len() + 2);
    out.push(b'=');
    out.extend_from_slice(name.as_bytes());
    out.push(b'=');
    out.extend_from_slice(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lengths_at_every_boundary_return() {
        let cases: [(usize, &[u8]); 9] = [
            (0, &[0]),
            (0x7F, &[0x7F]),
            (0x80, &[0x80, 0x80]),
            (0x3FFF, &[0xBF, 0xFF]),
            (0x4000, &[0xC0, 0x40, 0x00]),
            (0x1F_FFFF, &[0xDF, 0xFF, 0xFF]),
            (0x20_0000, &[0xE0, 0x20, 0, 0]),
            (0x0FFF_FFFF, &[0xEF, 0xFF, 0xFF, 0xFF]),
            (0x1000_0000, &[0xF0, 0x10, 0, 0, 0]),
        ];
        for (length, bytes) in cases {
            let mut out = Vec::new();
            put_length(&mut out, length);
            assert_eq!(out, bytes);
            assert_eq!(read_length(&mut &out[..]).await.ok(), Some(length));
        }
    }

    #[tokio::test]
    async fn a_sentence_skips_empty_ones_and_refuses_excess() {
        let mut bytes = vec![0, 0];
        put_word(&mut bytes, b"/login");
        put_attribute(&mut bytes, "name", b"a=b");
        bytes.push(0);
        let words = read_sentence(&mut &bytes[..], 100).await.expect("a sentence");
        assert_eq!(words, vec![b"/login".to_vec(), b"=name=a=b".to_vec()]);
        assert!(matches!(read_sentence(&mut &bytes[..], 10).await, Err(WordError::TooLong(10))));
        assert!(matches!(read_sentence(&mut &[0xF8u8][..], 10).await, Err(WordError::Control(0xF8))));
    }
}
