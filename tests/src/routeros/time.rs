//! RouterOS's ways of writing time.

use std::fmt::Write as _;

/// Writes a duration as `1w2d3h4m5s`, leaving out what is zero.
pub(super) fn duration(ms: u64) -> String {
    let mut rest = ms / 1000;
    let mut out = String::new();
    for (unit, seconds) in [('w', 604_800), ('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)] {
        if rest >= seconds || (unit == 's' && out.is_empty()) {
            // Writing to a String cannot fail.
            let _ = write!(out, "{}{unit}", rest / seconds);
            rest %= seconds;
        }
    }
    out
}

/// Milliseconds of a written duration: `1w2d`, `00:10:00`, `1d00:00:01`, a bare number of seconds.
pub(super) fn parse_duration(text: &str) -> Option<u64> {
    let (mut total, mut digits) = (0u64, String::new());
    if text.is_empty() {
        return None;
    }
    let (days, clock) = match text.find('d') {
        Some(at) if text[at + 1..].contains(':') => (&text[..=at], &text[at + 1..]),
        _ if text.contains(':') => ("", text),
        _ => (text, ""),
    };
    for character in days.chars() {
        if character.is_ascii_digit() {
            digits.push(character);
            continue;
        }
        let unit = match character {
            'w' => 604_800,
            'd' => 86_400,
            'h' => 3_600,
            'm' => 60,
            's' => 1,
            _ => return None,
        };
        total = total.checked_add(digits.parse::<u64>().ok()?.checked_mul(unit)?)?;
        digits.clear();
    }
    if !digits.is_empty() {
        total = total.checked_add(digits.parse().ok()?)?;
    }
    if !clock.is_empty() {
        let mut seconds = 0u64;
        for part in clock.split(':') {
            seconds = seconds.checked_mul(60)?.checked_add(part.parse().ok()?)?;
        }
        total = total.checked_add(seconds)?;
    }
    total.checked_mul(1000)
}

/// A router's local date and time. Written `2026-03-04 18:23:45` since 7.10, `mar/04/2026 18:23:45` before.
pub(super) fn date_time(wall_ms: i64, modern: bool) -> (String, String) {
    let zone = jiff::tz::TimeZone::get("Asia/Dhaka").unwrap_or(jiff::tz::TimeZone::UTC);
    let at = jiff::Timestamp::from_millisecond(wall_ms).unwrap_or_default().to_zoned(zone);
    let date =
        if modern { at.strftime("%Y-%m-%d").to_string() } else { at.strftime("%b/%d/%Y").to_string().to_lowercase() };
    (date, at.strftime("%H:%M:%S").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_return() {
        for (text, seconds) in [("0s", 0), ("7w3s", 7 * 604_800 + 3), ("5w4d3h2m1s", 3_380_521), ("45s", 45)] {
            assert_eq!(duration(seconds * 1000), text);
            assert_eq!(parse_duration(text), Some(seconds * 1000));
        }
        assert_eq!(parse_duration("1d02:03:04"), Some(93_784_000));
        assert_eq!(parse_duration("00:00:45"), Some(45_000));
        assert_eq!(parse_duration("30"), Some(30_000));
        assert_eq!(parse_duration("soon"), None);
    }

    #[test]
    fn dates_follow_the_version() {
        assert_eq!(date_time(1_772_627_025_000, true), ("2026-03-04".into(), "18:23:45".into()));
        assert_eq!(date_time(1_772_627_025_000, false).0, "mar/04/2026");
    }
}
