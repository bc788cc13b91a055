//! What a value of a setting may be. Pure.

use serde_json::Value;

use crate::kernel::{Currency, fault::Check, phone, text};

/// The kinds of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text of one line.
    Line {
        /// Longest, characters.
        most: usize,
    },
    /// A text of several lines.
    Lines {
        /// Longest, characters.
        most: usize,
    },
    /// Nothing, or so many digits.
    Digits {
        /// How many.
        count: usize,
    },
    /// A whole number.
    Integer {
        /// Smallest.
        least: i64,
        /// Largest.
        most: i64,
        /// What is counted.
        unit: &'static str,
    },
    /// One of a few words.
    Choice {
        /// The words.
        of: &'static [&'static str],
    },
    /// `#1f6feb`.
    Color,
    /// Nothing, or a phone number; kept in E.164.
    Phone,
    /// Nothing, or an address such as `billing@example.net`.
    Email,
    /// Nothing, or an address that begins with `https://` or `http://`.
    Url,
    /// A currency by its three letters.
    Currency,
    /// What numbers begin with: up to 8 of A-Z 0-9 / -.
    Prefix,
}

impl Kind {
    /// As the API names it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Line { .. } => "line",
            Self::Lines { .. } => "lines",
            Self::Digits { .. } => "digits",
            Self::Integer { .. } => "integer",
            Self::Choice { .. } => "choice",
            Self::Color => "color",
            Self::Phone => "phone",
            Self::Email => "email",
            Self::Url => "url",
            Self::Currency => "currency",
            Self::Prefix => "prefix",
        }
    }

    /// The value in the form in which it is kept.
    ///
    /// # Errors
    /// A sentence that says what the value must be.
    pub fn checked(self, given: &Value) -> Result<Value, String> {
        if let Self::Integer { least, most, .. } = self {
            return given
                .as_i64()
                .filter(|number| (least..=most).contains(number))
                .map(Value::from)
                .ok_or_else(|| format!("must be a whole number from {least} to {most}"));
        }
        let given = given.as_str().ok_or("must be a text")?;
        self.text(given).map(Value::from)
    }

    fn text(self, given: &str) -> Result<String, String> {
        match self {
            Self::Lines { most } => bounded(given, most, text::lines),
            Self::Line { most } => bounded(given, most, text::line),
            Self::Digits { count } => {
                let digits: String = given.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
                let right = digits.is_empty() || (digits.len() == count && digits.bytes().all(|b| b.is_ascii_digit()));
                right.then_some(digits).ok_or_else(|| format!("must have {count} digits"))
            }
            Self::Choice { of } => {
                of.contains(&given).then(|| given.to_owned()).ok_or_else(|| format!("must be one of {}", of.join(", ")))
            }
            Self::Color => is_color(given)
                .then(|| given.to_ascii_lowercase())
                .ok_or_else(|| "must be a colour such as #1f6feb".to_owned()),
            Self::Phone if given.trim().is_empty() => Ok(String::new()),
            Self::Phone => phone::normalize(given)
                .ok_or_else(|| "must be a phone number such as 01712-345678 or +8801712345678".to_owned()),
            Self::Email => bounded(given, 254, text::line).and_then(|email| {
                let right = email.is_empty() || is_email(&email);
                right.then_some(email).ok_or_else(|| "must be an address such as billing@example.net".to_owned())
            }),
            Self::Url => bounded(given, 200, text::line).and_then(|url| {
                let right = url.is_empty() || is_url(&url);
                right.then_some(url).ok_or_else(|| "must begin with https:// or http://".to_owned())
            }),
            Self::Currency => Currency::new(given).map(|c| c.code().to_owned()).map_err(|error| error.to_string()),
            Self::Prefix => {
                let given = given.trim();
                let right = given.len() <= 8
                    && given.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b"/-".contains(&b));
                right.then(|| given.to_owned()).ok_or_else(|| "must be at most 8 of A-Z 0-9 / -".to_owned())
            }
            Self::Integer { .. } => Err("must be a whole number".to_owned()),
        }
    }
}

type Reader = fn(&mut Check, &str, &str, usize, usize) -> String;

fn bounded(given: &str, most: usize, read: Reader) -> Result<String, String> {
    let mut check = Check::new();
    let text = read(&mut check, "", given, 0, most);
    match check.done() {
        Ok(()) => Ok(text),
        Err(crate::kernel::Fault::Invalid(errors)) => {
            Err(errors.into_iter().next().map_or_else(String::new, |error| error.message))
        }
        Err(other) => Err(other.to_string()),
    }
}

fn is_color(text: &str) -> bool {
    text.strip_prefix('#').is_some_and(|hex| hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Enough to catch a slip; whether it can be reached only a message shows.
fn is_email(text: &str) -> bool {
    let Some((name, place)) = text.rsplit_once('@') else { return false };
    let dotted = place.split_once('.').is_some_and(|(host, rest)| !host.is_empty() && !rest.is_empty());
    !name.is_empty() && dotted && !text.chars().any(char::is_whitespace) && !place.contains('@')
}

fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !text.chars().any(char::is_whitespace))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const KINDS: [Kind; 11] = [
        Kind::Line { most: 10 },
        Kind::Lines { most: 10 },
        Kind::Digits { count: 13 },
        Kind::Integer { least: 0, most: 60, unit: "days" },
        Kind::Choice { of: &["en", "bn"] },
        Kind::Color,
        Kind::Phone,
        Kind::Email,
        Kind::Url,
        Kind::Currency,
        Kind::Prefix,
    ];

    #[test]
    fn what_does_not_fit_is_refused() {
        let wrong = [
            (Kind::Line { most: 3 }, json!("four")),
            (Kind::Line { most: 30 }, json!("two\nlines")),
            (Kind::Digits { count: 13 }, json!("123")),
            (Kind::Integer { least: 0, most: 60, unit: "days" }, json!(61)),
            (Kind::Integer { least: 0, most: 60, unit: "days" }, json!(1.5)),
            (Kind::Integer { least: 0, most: 60, unit: "days" }, json!("3")),
            (Kind::Choice { of: &["en", "bn"] }, json!("de")),
            (Kind::Color, json!("red")),
            (Kind::Phone, json!("call me")),
            (Kind::Email, json!("billing@")),
            (Kind::Url, json!("javascript:alert(1)")),
            (Kind::Currency, json!("taka")),
            (Kind::Prefix, json!("lm ")),
        ];
        for (kind, value) in wrong {
            assert!(kind.checked(&value).is_err(), "{kind:?} {value}");
        }
    }

    #[test]
    fn what_fits_is_kept_in_one_form() {
        assert_eq!(Kind::Digits { count: 13 }.checked(&json!("000 123 456 7890")), Ok(json!("0001234567890")));
        assert_eq!(Kind::Phone.checked(&json!("01712-345678")), Ok(json!("+8801712345678")));
        assert_eq!(Kind::Color.checked(&json!("#1F6FEB")), Ok(json!("#1f6feb")));
        assert_eq!(Kind::Email.checked(&json!(" a@b.cd ")), Ok(json!("a@b.cd")));
    }

    proptest! {
        #[test]
        fn a_kept_value_is_kept_again(text in ".{0,20}", number in any::<i64>()) {
            for kind in KINDS {
                for given in [json!(text), json!(number)] {
                    if let Ok(kept) = kind.checked(&given) {
                        prop_assert_eq!(kind.checked(&kept), Ok(kept.clone()));
                    }
                }
            }
        }
    }
}
