//! Values as RouterOS writes them: numbers, truths, durations, pairs, rates. Nothing here fails loudly: a value
//! that cannot be read is `None`, and its reader decides what an unknown value means.

/// A decimal number of octets, packets, …
#[must_use]
pub fn number(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() {
        return None;
    }
    bytes.iter().try_fold(0u64, |value, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// `true`, `yes`, `false` or `no`.
#[must_use]
pub fn truth(bytes: &[u8]) -> Option<bool> {
    match bytes {
        b"true" | b"yes" => Some(true),
        b"false" | b"no" => Some(false),
        _ => None,
    }
}

/// An internal id: `*1F`.
#[must_use]
pub fn id(bytes: &[u8]) -> Option<u64> {
    let digits = bytes.strip_prefix(b"*")?;
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |value, byte| {
        let digit = char::from(*byte).to_digit(16)?;
        value.checked_mul(16)?.checked_add(u64::from(digit))
    })
}

/// A duration in milliseconds: `5w4d3h2m1s`, `250ms`, `1d02:03:04`, `00:00:45`. `never` and the empty value are `None`.
#[must_use]
pub fn duration_ms(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() {
        return None;
    }
    let mut total = 0u64;
    let mut rest = bytes;
    while !rest.is_empty() {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (value, after) = rest.split_at_checked(digits)?;
        if after.first() == Some(&b':') {
            return total.checked_add(clock_ms(rest)?);
        }
        let unit = after.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let (unit, after) = after.split_at_checked(unit)?;
        let value = number(value)?;
        let part = match unit {
            b"w" => value.checked_mul(604_800_000)?,
            b"d" => value.checked_mul(86_400_000)?,
            b"h" => value.checked_mul(3_600_000)?,
            b"m" => value.checked_mul(60_000)?,
            b"s" => value.checked_mul(1000)?,
            b"ms" => value,
            b"us" => value / 1000,
            _ => return None,
        };
        total = total.checked_add(part)?;
        rest = after;
    }
    Some(total)
}

/// `02:03:04`, seconds perhaps with a fraction that is left away.
fn clock_ms(bytes: &[u8]) -> Option<u64> {
    let mut parts = bytes.split(|byte| *byte == b':');
    let hours = number(parts.next()?)?;
    let minutes = number(parts.next()?)?;
    let seconds = number(parts.next()?.split(|byte| *byte == b'.').next()?)?;
    if parts.next().is_some() || minutes > 59 || seconds > 59 {
        return None;
    }
    hours.checked_mul(3600)?.checked_add(minutes * 60 + seconds)?.checked_mul(1000)
}

/// Two numbers, `UPLOAD/DOWNLOAD`.
#[must_use]
pub fn pair(bytes: &[u8]) -> Option<(u64, u64)> {
    let middle = bytes.iter().position(|byte| *byte == b'/')?;
    let (first, second) = bytes.split_at_checked(middle)?;
    Some((number(first)?, number(second.get(1..)?)?))
}

/// bit/s with an optional suffix: `10M`, `512k`, `10000000`.
#[must_use]
pub fn rate(bytes: &[u8]) -> Option<u64> {
    let (digits, unit) = match bytes.split_last()? {
        (b'k' | b'K', digits) => (digits, 1_000),
        (b'm' | b'M', digits) => (digits, 1_000_000),
        (b'g' | b'G', digits) => (digits, 1_000_000_000),
        _ => (bytes, 1),
    };
    number(digits)?.checked_mul(unit)
}

/// A plain `rate-limit` of a PPP profile as (rx, tx) of the router, which is (up, down) of the customer. Empty is
/// (0, 0), no limit. With bursts or priorities behind it the value is not plain: `None`.
#[must_use]
pub fn rate_limit(bytes: &[u8]) -> Option<(u64, u64)> {
    if bytes.is_empty() {
        return Some((0, 0));
    }
    match bytes.iter().position(|byte| *byte == b'/') {
        None => rate(bytes).map(|both| (both, both)),
        Some(middle) => {
            let (rx, tx) = bytes.split_at_checked(middle)?;
            Some((rate(rx)?, rate(tx.get(1..)?)?))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_in_every_way_that_routers_write_them() {
        let cases: [(&str, Option<u64>); 14] = [
            ("5w4d3h2m1s", Some(((5 * 7 + 4) * 86_400 + 3 * 3600 + 2 * 60 + 1) * 1000)),
            ("7w3s", Some((7 * 604_800 + 3) * 1000)),
            ("1d02:03:04", Some((86_400 + 2 * 3600 + 3 * 60 + 4) * 1000)),
            ("00:00:45", Some(45_000)),
            ("0s", Some(0)),
            ("250ms", Some(250)),
            ("1s20ms", Some(1020)),
            ("40us", Some(0)),
            ("never", None),
            ("", None),
            ("12", None),
            ("1d02:03", None),
            ("1d02:61:00", None),
            ("99999999999999999999w", None),
        ];
        for (text, want) in cases {
            assert_eq!(duration_ms(text.as_bytes()), want, "{text}");
        }
    }

    #[test]
    fn rates_are_compared_as_numbers() {
        assert_eq!(rate_limit(b"10M/20M"), Some((10_000_000, 20_000_000)));
        assert_eq!(rate_limit(b"10000000/20000000"), Some((10_000_000, 20_000_000)));
        assert_eq!(rate_limit(b"512k"), Some((512_000, 512_000)));
        assert_eq!(rate_limit(b""), Some((0, 0)));
        assert_eq!(rate_limit(b"10M/20M 30M/30M"), None);
        assert_eq!(rate_limit(b"fast"), None);
    }

    #[test]
    fn ids_and_truths() {
        assert_eq!((id(b"*1F"), id(b"*"), id(b"1F"), id(b"*XY")), (Some(31), None, None, None));
        assert_eq!((truth(b"yes"), truth(b"false"), truth(b"")), (Some(true), Some(false), None));
        assert_eq!((pair(b"12/34"), pair(b"12"), pair(b"/")), (Some((12, 34)), None, None));
        assert_eq!((number(b"18446744073709551615"), number(b"18446744073709551616")), (Some(u64::MAX), None));
    }

    proptest! {
        #[test]
        fn no_value_panics(bytes in prop::collection::vec(any::<u8>(), 0..40), text in "[0-9wdhmsuk:/M ]{0,24}") {
            for value in [&bytes[..], text.as_bytes()] {
                let _ = (number(value), truth(value), id(value), duration_ms(value), pair(value), rate(value), rate_limit(value));
            }
        }
    }
}
