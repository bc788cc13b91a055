//! The values of a message, before its language is known.

use std::collections::BTreeMap;

use super::rules::text::Value;
use crate::kernel::{At, Currency, Language, Money, Zone};
use crate::secrets::{Keyring, Secret};

enum Raw {
    Text(String),
    Number(i64),
    Money(Money),
    Moment(i64, Zone),
    Secret(Secret<String>),
}

/// What stands in a message, by the names that its template knows. `name` and `company` are added by themselves.
///
/// `Data::new().text("role", "Cashier").moment("valid_until", at, &zone).secret("link", link, &keyring)`
#[derive(Default)]
pub struct Data<'a> {
    values: BTreeMap<&'static str, Raw>,
    once: Option<String>,
    keyring: Option<&'a Keyring>,
}

impl<'a> Data<'a> {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A text.
    #[must_use]
    pub fn text(mut self, name: &'static str, text: impl Into<String>) -> Self {
        self.values.insert(name, Raw::Text(text.into()));
        self
    }

    /// A number, in the digits of the language.
    #[must_use]
    pub fn number(mut self, name: &'static str, number: i64) -> Self {
        self.values.insert(name, Raw::Number(number));
        self
    }

    /// An amount.
    #[must_use]
    pub fn money(mut self, name: &'static str, amount: Money) -> Self {
        self.values.insert(name, Raw::Money(amount));
        self
    }

    /// A moment, as the clock of this zone shows it.
    #[must_use]
    pub fn moment(mut self, name: &'static str, at: At, zone: &Zone) -> Self {
        self.values.insert(name, Raw::Moment(at.0, zone.clone()));
        self
    }

    /// As [`Data::moment`], where there may be none: the line that needs it is left out then.
    #[must_use]
    pub fn moment_if(self, name: &'static str, at: Option<At>, zone: &Zone) -> Self {
        match at {
            Some(at) => self.moment(name, at, zone),
            None => self,
        }
    }

    /// A value that only the recipient may see: the message is sealed with these keys until it is sent.
    #[must_use]
    pub fn secret(mut self, name: &'static str, value: Secret<String>, keyring: &'a Keyring) -> Self {
        self.values.insert(name, Raw::Secret(value));
        self.keyring = Some(keyring);
        self
    }

    /// Says what the cause is, so that the same message is not sent twice for it, however often this is called.
    #[must_use]
    pub fn once(mut self, cause: impl Into<String>) -> Self {
        self.once = Some(cause.into());
        self
    }

    pub(super) fn cause(&self) -> Option<&str> {
        self.once.as_deref()
    }

    pub(super) const fn keyring(&self) -> Option<&'a Keyring> {
        self.keyring
    }

    /// The values in a language.
    pub(super) fn values(&self, language: Language) -> BTreeMap<&'static str, Value> {
        self.values.iter().map(|(name, raw)| (*name, raw.value(language))).collect()
    }
}

impl Raw {
    fn value(&self, language: Language) -> Value {
        let secret = matches!(self, Self::Secret(_));
        let text = match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => language.digits(&number.to_string()),
            Self::Money(amount) => money(*amount, language),
            Self::Moment(at, zone) => moment(*at, zone, language),
            Self::Secret(text) => text.expose().clone(),
        };
        Value { text, secret }
    }
}

/// An amount as people write it. `Tk`, since `৳` would double the price of an English SMS.
fn money(amount: Money, language: Language) -> String {
    let (minor, currency) = (amount.minor(), amount.currency());
    let (whole, rest) = (minor.unsigned_abs() / 100, minor.unsigned_abs() % 100);
    let sign = if minor < 0 { "-" } else { "" };
    let number =
        if rest == 0 { format!("{sign}{}", grouped(whole)) } else { format!("{sign}{}.{rest:02}", grouped(whole)) };
    match (language, currency == Currency::BDT) {
        (Language::En, true) => format!("Tk {number}"),
        (Language::Bn, true) => format!("{} টাকা", language.digits(&number)),
        (_, false) => format!("{currency} {}", language.digits(&number)),
    }
}

/// Digits in groups as they are read in Bangladesh: 12,34,567.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let (head, tail) = digits.split_at(digits.len().saturating_sub(3));
    if head.is_empty() {
        return tail.to_owned();
    }
    let mut out = String::new();
    for (at, digit) in head.chars().enumerate() {
        if at > 0 && (head.len() - at).is_multiple_of(2) {
            out.push(',');
        }
        out.push(digit);
    }
    format!("{out},{tail}")
}

const MONTHS: [(&str, &str); 12] = [
    ("Jan", "জানুয়ারি"),
    ("Feb", "ফেব্রুয়ারি"),
    ("Mar", "মার্চ"),
    ("Apr", "এপ্রিল"),
    ("May", "মে"),
    ("Jun", "জুন"),
    ("Jul", "জুলাই"),
    ("Aug", "আগস্ট"),
    ("Sep", "সেপ্টেম্বর"),
    ("Oct", "অক্টোবর"),
    ("Nov", "নভেম্বর"),
    ("Dec", "ডিসেম্বর"),
];

/// `22 Nov 2026, 21:00`, or `২২ নভেম্বর ২০২৬, ২১:০০`.
fn moment(at_ms: i64, zone: &Zone, language: Language) -> String {
    let at = zone.civil(at_ms);
    let month = usize::try_from(at.month() - 1).ok().and_then(|month| MONTHS.get(month)).copied().unwrap_or(("", ""));
    let month = match language {
        Language::En => month.0,
        Language::Bn => month.1,
    };
    language.digits(&format!("{} {month} {}, {:02}:{:02}", at.day(), at.year(), at.hour(), at.minute()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_people_do() {
        let zone = Zone::named("Asia/Dhaka").unwrap();
        let at: At = "2026-11-22T15:05:00Z".parse().unwrap();
        let data = Data::new()
            .money("amount", Money::new(12_345_650, Currency::BDT))
            .money("price", Money::new(80_000, Currency::BDT))
            .number("minutes", 10)
            .moment("until", at, &zone);
        let english = data.values(Language::En);
        assert_eq!(english["amount"].text, "Tk 1,23,456.50");
        assert_eq!(english["price"].text, "Tk 800");
        assert_eq!(english["until"].text, "22 Nov 2026, 21:05");
        let bangla = data.values(Language::Bn);
        assert_eq!(bangla["amount"].text, "১,২৩,৪৫৬.৫০ টাকা");
        assert_eq!(bangla["minutes"].text, "১০");
        assert_eq!(bangla["until"].text, "২২ নভেম্বর ২০২৬, ২১:০৫");
        let dollars = money(Money::new(-105, Currency::new("USD").unwrap()), Language::En);
        assert_eq!(dollars, "USD -1.05");
    }

    #[test]
    fn digits_are_grouped() {
        for (number, text) in
            [(0, "0"), (999, "999"), (1_000, "1,000"), (100_000, "1,00,000"), (12_345_678, "1,23,45,678")]
        {
            assert_eq!(grouped(number), text);
        }
    }
}
