//! base64url without padding (RFC 4648 §5): how a join token is written on a command line.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The text of `bytes`.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let word = group.iter().fold(0u32, |word, byte| (word << 8) | u32::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..=group.len() {
            let digit = (word >> (18 - 6 * place)) & 63;
            let symbol = usize::try_from(digit).ok().and_then(|digit| ALPHABET.get(digit)).copied();
            out.push(char::from(symbol.unwrap_or(b'A')));
        }
    }
    out
}

/// The bytes of a text, or `None` when it is not base64url without padding, or not in its one canonical form.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for group in text.as_bytes().chunks(4) {
        if group.len() == 1 {
            return None;
        }
        let mut word = 0u32;
        for symbol in group {
            let digit = ALPHABET.iter().position(|known| known == symbol)?;
            word = (word << 6) | u32::try_from(digit).ok()?;
        }
        word <<= 6 * (4 - group.len());
        let [_, bytes @ ..] = word.to_be_bytes();
        let (kept, spare) = bytes.split_at_checked(group.len() - 1)?;
        if spare.iter().any(|byte| *byte != 0) {
            return None;
        }
        out.extend_from_slice(kept);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_the_rfc() {
        for (bytes, text) in [(&b""[..], ""), (b"f", "Zg"), (b"fo", "Zm8"), (b"foo", "Zm9v"), (b"foobar", "Zm9vYmFy")] {
            assert_eq!(encode(bytes), text);
            assert_eq!(decode(text).as_deref(), Some(bytes));
        }
        assert_eq!(encode(&[0xfb, 0xff]), "-_8");
    }

    #[test]
    fn what_is_no_base64_is_refused() {
        for text in ["Z", "Zg==", "Zh", "Zm9", "Zm 9v", "Zm9v+", "ক"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
