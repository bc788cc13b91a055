//! The words of the technician's page, in English and Bangla, and how it writes times, numbers and names.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Language of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// Bangla.
    Bangla,
}

impl Language {
    /// The language of this code; English for every other.
    #[must_use]
    pub fn of(code: &str) -> Self {
        if code == "bn" { Self::Bangla } else { Self::English }
    }

    /// Its code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Bangla => "bn",
        }
    }

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::English => Self::Bangla,
            Self::Bangla => Self::English,
        }
    }

    /// One of two texts.
    #[must_use]
    pub const fn pick(self, english: &'static str, bangla: &'static str) -> &'static str {
        match self {
            Self::English => english,
            Self::Bangla => bangla,
        }
    }

    /// A text with its digits.
    #[must_use]
    pub fn digits(self, text: &str) -> String {
        match self {
            Self::English => text.to_owned(),
            Self::Bangla => text.chars().map(bangla_digit).collect(),
        }
    }

    /// A count with its groups, as 14,212 or in Bangla as ১৪,২১২; lakhs and crores in both.
    #[must_use]
    pub fn count(self, number: u64) -> String {
        let plain = number.to_string();
        let (front, last) = plain.split_at_checked(plain.len().saturating_sub(3)).unwrap_or(("", &plain));
        let mut groups: Vec<String> = Vec::new();
        let mut rest = front;
        while !rest.is_empty() {
            let (more, group) = rest.split_at_checked(rest.len().saturating_sub(2)).unwrap_or(("", rest));
            groups.insert(0, group.to_owned());
            rest = more;
        }
        groups.push(last.to_owned());
        self.digits(&groups.join(","))
    }

    /// A time of day; Bangla says the part of the day.
    #[must_use]
    pub fn time(self, at_ms: i64, zone: &TimeZone, seconds: bool) -> String {
        let Ok(stamp) = Timestamp::from_millisecond(at_ms) else { return "–".into() };
        let at = stamp.to_zoned(zone.clone());
        let tail = if seconds { format!(":{:02}", at.second()) } else { String::new() };
        match self {
            Self::English => format!("{:02}:{:02}{tail}", at.hour(), at.minute()),
            Self::Bangla => {
                let part = match at.hour() {
                    4..=5 => "ভোর",
                    6..=11 => "সকাল",
                    12..=14 => "দুপুর",
                    15..=17 => "বিকাল",
                    18..=19 => "সন্ধ্যা",
                    _ => "রাত",
                };
                let hour = match at.hour() % 12 {
                    0 => 12,
                    hour => hour,
                };
                format!("{part} {}", self.digits(&format!("{hour}:{:02}{tail}", at.minute())))
            }
        }
    }

    /// How long something lasts: the largest unit that says enough.
    #[must_use]
    pub fn lasting(self, ms: i64) -> String {
        let seconds = (ms / 1_000).max(0);
        let (number, english, bangla) = match seconds {
            0..=119 => (seconds, "s", "সেকেন্ড"),
            120..=7_199 => (seconds / 60, "min", "মিনিট"),
            7_200..=172_799 => (seconds / 3_600, "h", "ঘণ্টা"),
            _ => (seconds / 86_400, "days", "দিন"),
        };
        format!("{} {}", self.digits(&number.to_string()), self.pick(english, bangla))
    }

    /// How long ago something was.
    #[must_use]
    pub fn ago(self, ms: i64) -> String {
        format!("{} {}", self.lasting(ms), self.pick("ago", "আগে"))
    }

    /// A rate.
    #[must_use]
    pub fn rate(self, bps: u64) -> String {
        let tenths = |unit: u64| format!("{}.{}", bps / unit, bps % unit * 10 / unit);
        let text = match bps {
            0..1_000_000 => format!("{} kb/s", bps / 1_000),
            1_000_000..1_000_000_000 => format!("{} Mb/s", tenths(1_000_000)),
            _ => format!("{} Gb/s", tenths(1_000_000_000)),
        };
        self.digits(&text)
    }

    /// A part of a whole in percent, with one digit behind the point.
    #[must_use]
    pub fn percent(self, part: u64, whole: u64) -> String {
        let permille = part.saturating_mul(1_000).checked_div(whole).unwrap_or(0);
        self.digits(&format!("{}.{} %", permille / 10, permille % 10))
    }

    /// Bytes.
    #[must_use]
    pub fn bytes(self, bytes: u64) -> String {
        let text = if bytes >= 1 << 30 { format!("{} GiB", bytes >> 30) } else { format!("{} MiB", bytes >> 20) };
        self.digits(&text)
    }
}

fn bangla_digit(symbol: char) -> char {
    symbol.to_digit(10).and_then(|digit| char::from_u32(0x09E6 + digit)).unwrap_or(symbol)
}

/// What a router or a stranger wrote, made harmless to look at: no control characters, nothing that turns the
/// direction of the text, not longer than a line.
#[must_use]
pub fn plain(text: &str) -> String {
    const LONGEST: usize = 120;
    let harmless = |symbol: char| {
        let turns =
            matches!(symbol, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}');
        // Joiners are part of how Bangla is written.
        let joins = matches!(symbol, '\u{200C}' | '\u{200D}');
        if symbol.is_control() || (turns && !joins) { '\u{FFFD}' } else { symbol }
    };
    let mut out: String = text.chars().take(LONGEST).map(harmless).collect();
    if text.chars().nth(LONGEST).is_some() {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_are_written_as_people_read_them() {
        let dhaka = TimeZone::get("Asia/Dhaka").expect("known");
        let at = 1_795_342_360_000;
        assert_eq!(Language::English.time(at, &dhaka, true), "16:12:40");
        assert_eq!(Language::Bangla.time(at, &dhaka, true), "বিকাল ৪:১২:৪০");
        assert_eq!(Language::English.count(14_212), "14,212");
        assert_eq!(Language::Bangla.count(84_126_000), "৮,৪১,২৬,০০০");
        assert_eq!(Language::English.count(7), "7");
        assert_eq!(Language::English.rate(27_400_000), "27.4 Mb/s");
        assert_eq!(Language::English.ago(2_520_000), "42 min ago");
        assert_eq!(Language::Bangla.lasting(2_520_000), "৪২ মিনিট");
        assert_eq!(Language::English.percent(6, 1_000), "0.6 %");
    }

    #[test]
    fn what_strangers_write_is_made_harmless() {
        assert_eq!(plain("a\u{202E}b\nc\0"), "a\u{FFFD}b\u{FFFD}c\u{FFFD}");
        assert_eq!(plain(&"x".repeat(500)).chars().count(), 121);
        assert_eq!(plain("ক্‍ষ"), "ক্‍ষ");
    }
}
