//! Words and sentences of the RouterOS API, as bytes.
//!
//! A word is a length and that many bytes; a sentence is words up to one of length zero. Names and comments on
//! a router hold whatever code page an operator's PC had, so nothing here is text. Sentences are read in place,
//! out of the receive buffer: no word is ever copied, because a router with 10,000 sessions answers a poll with
//! a hundred thousand of them. Lengths are checked against caps before anything grows.

/// What is accepted from a router.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Longest word, bytes.
    pub word: usize,
    /// Longest sentence, bytes with its lengths.
    pub sentence: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { word: 64 << 10, sentence: 256 << 10 }
    }
}

/// Bytes that are no sentence. The connection cannot be used any more: nobody knows where the next one begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// A first byte of 0xF1 or more, which no length begins with.
    #[error("byte {0:#04x} begins no word")]
    Reserved(u8),
    /// A word above its cap.
    #[error("a word of {0} bytes is longer than is accepted")]
    WordTooLong(usize),
    /// A sentence above its cap.
    #[error("a sentence is longer than the {0} bytes that are accepted")]
    SentenceTooLong(usize),
}

/// Appends a length as the API writes it.
pub fn put_length(out: &mut Vec<u8>, length: u32) {
    let [a, b, c, d] = length.to_be_bytes();
    match length {
        0..=0x7F => out.push(d),
        0x80..=0x3FFF => out.extend([c | 0x80, d]),
        0x4000..=0x1F_FFFF => out.extend([b | 0xC0, c, d]),
        0x20_0000..=0x0FFF_FFFF => out.extend([a | 0xE0, b, c, d]),
        _ => out.extend([0xF0, a, b, c, d]),
    }
}

/// Appends a word. Words longer than a length can say do not exist on any machine that this runs on.
pub fn put_word(out: &mut Vec<u8>, parts: &[&[u8]]) {
    let length = parts.iter().map(|part| part.len()).sum::<usize>();
    put_length(out, u32::try_from(length).unwrap_or(u32::MAX));
    for part in parts {
        out.extend_from_slice(part);
    }
}

/// Reads a length: (length, bytes that it takes), or `None` while bytes are missing.
///
/// # Errors
/// When the first byte is reserved.
pub fn length(bytes: &[u8]) -> Result<Option<(usize, usize)>, CodecError> {
    let Some(&first) = bytes.first() else { return Ok(None) };
    let (mask, more) = match first {
        0..0x80 => return Ok(Some((usize::from(first), 1))),
        0x80..0xC0 => (0x3F, 1),
        0xC0..0xE0 => (0x1F, 2),
        0xE0..0xF0 => (0x0F, 3),
        0xF0 => (0x00, 4),
        _ => return Err(CodecError::Reserved(first)),
    };
    let Some(rest) = bytes.get(1..=more) else { return Ok(None) };
    let value = rest.iter().fold(usize::from(first & mask), |value, byte| (value << 8) | usize::from(*byte));
    Ok(Some((value, more + 1)))
}

/// Finds where the sentence at the start of a buffer ends, and goes on where it stopped when more bytes came.
#[derive(Debug)]
pub struct Scanner {
    limits: Limits,
    at: usize,
    tag: Option<(usize, usize)>,
}

/// A whole sentence at the start of a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Bytes of its words.
    pub words: usize,
    /// Bytes to the start of the next sentence.
    pub total: usize,
    /// Where the value of its `.tag` stands.
    pub tag: Option<(usize, usize)>,
}

impl Scanner {
    /// A scanner at the start of a sentence.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self { limits, at: 0, tag: None }
    }

    /// Looks for the end of the sentence that begins `buffer`; `None` while bytes are missing. `buffer` must
    /// begin with the same bytes as in the call before, until a sentence was found.
    ///
    /// # Errors
    /// When the bytes are no sentence, or one above the caps.
    pub fn scan(&mut self, buffer: &[u8]) -> Result<Option<Found>, CodecError> {
        loop {
            let rest = buffer.get(self.at..).unwrap_or_default();
            let Some((length, head)) = length(rest)? else { return Ok(None) };
            let begin = self.at + head;
            if length == 0 {
                let found = Found { words: self.at, total: begin, tag: self.tag };
                (self.at, self.tag) = (0, None);
                return Ok(Some(found));
            }
            if length > self.limits.word {
                return Err(CodecError::WordTooLong(length));
            }
            let end = begin + length;
            if end > self.limits.sentence {
                return Err(CodecError::SentenceTooLong(self.limits.sentence));
            }
            let Some(word) = buffer.get(begin..end) else { return Ok(None) };
            if word.starts_with(b".tag=") {
                self.tag = Some((begin + 5, end));
            }
            self.at = end;
        }
    }
}

/// The words of one sentence, in the buffer they came in.
#[derive(Clone, Copy)]
pub struct Sentence<'a> {
    bytes: &'a [u8],
}

impl<'a> Sentence<'a> {
    /// The sentence of these bytes: lengths and words, without the closing zero.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Its words in order.
    #[must_use]
    pub const fn words(self) -> Words<'a> {
        Words { rest: self.bytes }
    }

    /// Its first word: `!re`, `!done`, …
    #[must_use]
    pub fn kind(self) -> &'a [u8] {
        self.words().next().unwrap_or_default()
    }

    /// Its attributes `=name=value`, in the order the router wrote them (which means nothing). A value may be
    /// empty and may hold `=`.
    pub fn attributes(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        self.words().filter_map(attribute)
    }

    /// The value of one attribute.
    #[must_use]
    pub fn get(self, name: &[u8]) -> Option<&'a [u8]> {
        self.attributes().find(|(key, _)| *key == name).map(|(_, value)| value)
    }
}

impl core::fmt::Debug for Sentence<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Sentence({}, {} bytes)", String::from_utf8_lossy(self.kind()), self.bytes.len())
    }
}

fn attribute(word: &[u8]) -> Option<(&[u8], &[u8])> {
    let pair = word.strip_prefix(b"=")?;
    let middle = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
    let (name, value) = pair.split_at_checked(middle)?;
    Some((name, value.get(1..).unwrap_or_default()))
}

/// Words of a sentence.
#[derive(Debug, Clone)]
pub struct Words<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, head) = length(self.rest).ok()??;
        let (word, rest) = self.rest.get(head..)?.split_at_checked(length)?;
        self.rest = rest;
        Some(word)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths_at_every_boundary_return_both_ways() {
        let cases: [(u32, &[u8]); 9] = [
            (0, &[0]),
            (0x7F, &[0x7F]),
            (0x80, &[0x80, 0x80]),
            (0x3FFF, &[0xBF, 0xFF]),
            (0x4000, &[0xC0, 0x40, 0x00]),
            (0x1F_FFFF, &[0xDF, 0xFF, 0xFF]),
            (0x20_0000, &[0xE0, 0x20, 0x00, 0x00]),
            (0x0FFF_FFFF, &[0xEF, 0xFF, 0xFF, 0xFF]),
            (0x1000_0000, &[0xF0, 0x10, 0x00, 0x00, 0x00]),
        ];
        for (value, bytes) in cases {
            let mut out = Vec::new();
            put_length(&mut out, value);
            assert_eq!(out, bytes);
            assert_eq!(length(bytes), Ok(Some((value as usize, bytes.len()))));
            assert_eq!(length(&bytes[..bytes.len() - 1]), Ok(None));
        }
    }

    #[test]
    fn reserved_first_bytes_are_refused() {
        for first in 0xF1..=0xFF {
            assert_eq!(length(&[first, 0, 0, 0, 0]), Err(CodecError::Reserved(first)));
        }
    }

    fn sentence(words: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        for word in words {
            put_word(&mut out, &[word]);
        }
        out.push(0);
        out
    }

    #[test]
    fn values_may_hold_equal_signs_and_may_be_empty() {
        let bytes = sentence(&[b"!re", b"=comment=a=b=", b"=empty=", b"=flag", b".tag=7", b"=name=\xff\xfe"]);
        let found = Scanner::new(Limits::default()).scan(&bytes).unwrap().unwrap();
        assert_eq!(found.total, bytes.len());
        let (from, to) = found.tag.unwrap();
        assert_eq!(&bytes[from..to], b"7");
        let row = Sentence::new(&bytes[..found.words]);
        assert_eq!(row.kind(), b"!re");
        assert_eq!(row.get(b"comment"), Some(&b"a=b="[..]));
        assert_eq!(row.get(b"empty"), Some(&b""[..]));
        assert_eq!(row.get(b"flag"), Some(&b""[..]));
        assert_eq!(row.get(b"name"), Some(&b"\xff\xfe"[..]));
        assert_eq!(row.get(b"absent"), None);
    }

    #[test]
    fn a_word_or_sentence_above_its_cap_is_refused_before_it_has_come() {
        let mut big = Vec::new();
        put_length(&mut big, 70_000);
        assert_eq!(Scanner::new(Limits::default()).scan(&big), Err(CodecError::WordTooLong(70_000)));
        let limits = Limits { word: 100, sentence: 150 };
        let bytes = sentence(&[&[b'x'; 100], &[b'y'; 100]]);
        assert_eq!(Scanner::new(limits).scan(&bytes), Err(CodecError::SentenceTooLong(150)));
    }

    proptest! {
        #[test]
        fn any_words_return_however_they_are_cut(words in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 0..20), cut in 1usize..40) {
            let refs = words.iter().map(Vec::as_slice).collect::<Vec<_>>();
            let bytes = sentence(&refs);
            let mut scanner = Scanner::new(Limits::default());
            let mut found = None;
            let mut have = 0;
            while found.is_none() {
                have = (have + cut).min(bytes.len());
                found = scanner.scan(&bytes[..have]).unwrap();
            }
            let found = found.unwrap();
            prop_assert_eq!(found.total, bytes.len());
            let back = Sentence::new(&bytes[..found.words]).words().map(<[u8]>::to_vec).collect::<Vec<_>>();
            prop_assert_eq!(back, words);
        }

        #[test]
        fn no_bytes_panic_or_loop(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let mut scanner = Scanner::new(Limits { word: 64, sentence: 256 });
            let mut rest = &bytes[..];
            while let Ok(Some(found)) = scanner.scan(rest) {
                let row = Sentence::new(&rest[..found.words]);
                let _ = (row.kind(), row.get(b"name"), row.attributes().count());
                rest = &rest[found.total..];
            }
        }
    }
}
