//! One-time codes of an authenticator app: RFC 6238 with SHA-1, 6 digits, 30 seconds, as every app knows it.
//!
//! Pure: a seed and a time go in, a code or a step comes out. That a code counts once is the store's business.

use ring::hmac;

/// Length of a step, in seconds.
pub const STEP_SECONDS: i64 = 30;
/// Digits of a code.
pub const DIGITS: usize = 6;
/// Bytes of a seed: what RFC 4226 recommends, the length of an HMAC-SHA-1.
pub const SEED_LEN: usize = 20;
/// Steps by which a telephone's clock may be wrong, each way.
const SKEW: i64 = 1;
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The step of a moment, in milliseconds since 1970 UTC.
#[must_use]
pub const fn step_of(at_ms: i64) -> i64 {
    at_ms.div_euclid(1_000 * STEP_SECONDS)
}

/// The code of this step.
#[must_use]
pub fn code(seed: &[u8], step: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, seed);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let bytes = tag.as_ref();
    let offset = usize::from(bytes.last().copied().unwrap_or(0) & 0x0F);
    let word = bytes.get(offset..offset + 4).and_then(|four| <[u8; 4]>::try_from(four).ok()).unwrap_or([0; 4]);
    let number = u32::from_be_bytes(word) & 0x7FFF_FFFF;
    format!("{:0width$}", number % 10u32.pow(6), width = DIGITS)
}

/// The step whose code this is, among those that are near enough to now and later than `used`, the last one that
/// counted. Every candidate is computed and compared whole, whichever fits.
#[must_use]
pub fn matching_step(seed: &[u8], given: &str, now_ms: i64, used: i64) -> Option<i64> {
    let now = step_of(now_ms);
    let mut found = None;
    for step in (now - SKEW)..=(now + SKEW) {
        if same(code(seed, step).as_bytes(), given.as_bytes()) && step > used {
            found = Some(step);
        }
    }
    found
}

fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differs, (x, y)| differs | (x ^ y)) == 0
}

/// The seed as apps want it typed: base 32 of RFC 4648 without padding.
#[must_use]
pub fn base32(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    let (mut held, mut bits) = (0u32, 0u32);
    let mut push = |five: u32| {
        let place = usize::try_from(five & 31).unwrap_or(0);
        text.push(char::from(BASE32.get(place).copied().unwrap_or(b'A')));
    };
    for byte in bytes {
        held = (held << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            push(held >> bits);
        }
        held &= (1 << bits) - 1;
    }
    if bits > 0 {
        push(held << (5 - bits));
    }
    text
}

/// What an app reads from a picture: `otpauth://totp/…`.
#[must_use]
pub fn uri(issuer: &str, account: &str, seed: &[u8]) -> String {
    let (issuer, account) = (escape(issuer), escape(account));
    format!("otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}", base32(seed))
}

fn escape(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        use std::fmt::Write as _;
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The seed of RFC 6238, appendix B.
    const SEED: &[u8] = b"12345678901234567890";

    #[test]
    fn the_vectors_of_rfc_6238() {
        // The RFC prints 8 digits; 6 digits are the last 6 of them.
        for (seconds, eight) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            assert_eq!(code(SEED, step_of(seconds * 1_000)), eight[2..], "{seconds}");
        }
    }

    #[test]
    fn the_vectors_of_rfc_4226() {
        let codes =
            ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];
        for (step, expected) in (0..).zip(codes) {
            assert_eq!(code(SEED, step), expected);
        }
    }

    #[test]
    fn the_vectors_of_rfc_4648() {
        for (clear, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(clear.as_bytes()), text);
        }
    }

    #[test]
    fn one_step_each_way_fits_and_no_more() {
        let now_ms = 1_795_359_600_000;
        let now = step_of(now_ms);
        for (offset, fits) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
            let found = matching_step(SEED, &code(SEED, now + offset), now_ms, 0);
            assert_eq!(found, fits.then_some(now + offset), "{offset}");
        }
    }

    #[test]
    fn the_picture_says_who_and_what() {
        let uri = uri("Dhaka Net", "rahim@isp", SEED);
        assert_eq!(
            uri,
            "otpauth://totp/Dhaka%20Net:rahim%40isp?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Dhaka%20Net"
        );
    }

    proptest! {
        #[test]
        fn a_code_that_was_used_never_fits_again(seed: [u8; 20], now_ms in 0i64..4_000_000_000_000, skew in -1i64..=1) {
            let step = step_of(now_ms) + skew;
            let given = code(&seed, step);
            let found = matching_step(&seed, &given, now_ms, step - 1).expect("it fits once");
            prop_assert!(found >= step);
            prop_assert!(matching_step(&seed, &given, now_ms, step).is_none_or(|other| other > step));
            prop_assert_eq!(matching_step(&seed, &given, now_ms, step_of(now_ms) + SKEW), None);
        }

        #[test]
        fn texts_that_are_no_codes_fit_nothing(given in "[^0-9]{0,12}|[0-9]{0,5}|[0-9]{7,9}") {
            prop_assert_eq!(matching_step(SEED, &given, 1_795_359_600_000, 0), None);
        }
    }
}
