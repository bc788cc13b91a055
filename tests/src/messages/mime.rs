//! Just enough of MIME to read a text mail: unfolded headers, encoded words, quoted-printable and base64.

/// A mail that was read.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    /// Subject, decoded.
    pub subject: String,
    /// Message-ID.
    pub message_id: String,
    /// Text, decoded.
    pub text: String,
}

/// Reads a mail of one text part.
pub(super) fn parse(raw: &str) -> Parsed {
    let raw = raw.replace("\r\n", "\n");
    let (head, body) = raw.split_once("\n\n").unwrap_or((raw.as_str(), ""));
    let head = head.replace("\n ", " ").replace("\n\t", " ");
    let header = |name: &str| {
        let found =
            head.lines().filter_map(|line| line.split_once(':')).find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let bytes = match header("Content-Transfer-Encoding").to_ascii_lowercase().as_str() {
        "base64" => base64(body),
        "quoted-printable" => quoted(body),
        _ => body.as_bytes().to_vec(),
    };
    Parsed {
        subject: words(&header("Subject")),
        message_id: header("Message-ID"),
        text: String::from_utf8_lossy(&bytes).replace("\r\n", "\n").trim_end().to_owned(),
    }
}

/// Encoded words of a header; blanks between two of them are not part of the text.
fn words(text: &str) -> String {
    let (mut out, mut rest, mut after_word) = (String::new(), text, false);
    while let Some((before, tail)) = rest.split_once("=?") {
        if !(after_word && before.trim().is_empty()) {
            out.push_str(before);
        }
        let mut parts = tail.splitn(3, '?');
        let (Some(_), Some(kind), Some(end)) = (parts.next(), parts.next(), parts.next()) else { break };
        let Some((encoded, after)) = end.split_once("?=") else { break };
        let bytes = if kind.eq_ignore_ascii_case("b") { base64(encoded) } else { quoted(&encoded.replace('_', " ")) };
        out.push_str(&String::from_utf8_lossy(&bytes));
        (rest, after_word) = (after, true);
    }
    out.push_str(rest);
    out
}

fn quoted(text: &str) -> Vec<u8> {
    let joined = text.replace("=\n", "");
    let (mut out, mut bytes) = (Vec::new(), joined.bytes());
    while let Some(byte) = bytes.next() {
        let hex = |digit: Option<u8>| digit.and_then(|digit| char::from(digit).to_digit(16));
        if byte == b'=' {
            if let (Some(high), Some(low)) = (hex(bytes.next()), hex(bytes.next())) {
                out.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
            }
        } else {
            out.push(byte);
        }
    }
    out
}

/// Base64; what is none of its letters is skipped.
pub(super) fn base64(text: &str) -> Vec<u8> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut out, mut bits, mut held) = (Vec::new(), 0_u32, 0);
    for byte in text.bytes().take_while(|byte| *byte != b'=') {
        let Some(value) = LETTERS.iter().position(|letter| *letter == byte) else { continue };
        bits = (bits << 6) | u32::try_from(value).unwrap_or(0);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push(u8::try_from((bits >> held) & 0xff).unwrap_or(0));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_in_bangla_is_read() {
        let raw = "Subject: =?utf-8?b?4Kao4Kak4KeB4Kao?= =?utf-8?q?_x?=\nMessage-ID: <a@b>\n\
                   Content-Transfer-Encoding: base64\n\n4Kao4Kak4KeB4Kao\n";
        let parsed = parse(raw);
        assert_eq!((parsed.subject.as_str(), parsed.text.as_str()), ("নতুন x", "নতুন"));
        let raw = "Subject: plain\nContent-Transfer-Encoding: quoted-printable\n\n=E0=A6=95 a=3Db so=\nft\n";
        assert_eq!(parse(raw).text, "ক a=b soft");
    }
}
