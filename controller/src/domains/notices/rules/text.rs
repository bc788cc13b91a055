//! The language of texts: `{name}` stands for a value, `{{` and `}}` for braces. A line that names a value which is
//! not there is left out, so that one text serves with and without it.

use std::collections::BTreeMap;

use crate::domains::notices::Channel;
use crate::domains::notices::catalogue::{Template, Variable};
use crate::gateways::message::sms::segments;
use crate::kernel::Language;

/// Longest text of an e-mail, characters.
pub const EMAIL_MOST: usize = 5_000;
/// Longest subject, characters.
pub const SUBJECT_MOST: usize = 150;
/// Most parts of an SMS with the values of the example.
pub const PARTS_MOST: usize = 6;
/// Longest value, characters: names and reasons come from people.
const VALUE_MOST: usize = 300;
/// What stands where a secret is not shown.
pub const BLOT: &str = "••••••";

/// What is wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadText {
    /// A brace without its other half.
    #[error("a brace is open or closed alone near \"{0}\"; write {{{{ or }}}} for a brace itself")]
    Brace(String),
    /// A name that means nothing in this message.
    #[error("{{{name}}} means nothing here{nearest}")]
    Unknown {
        /// The name.
        name: String,
        /// A hint, or nothing.
        nearest: String,
    },
    /// What makes the message useful is missing.
    #[error("{0} must stand in it")]
    Missing(String),
    /// A secret in a subject, which mail servers write into their logs.
    #[error("{{{0}}} is a secret and may not stand in the subject")]
    SecretInSubject(String),
    /// Nothing in it.
    #[error("is required")]
    Empty,
    /// Too long.
    #[error("{0}")]
    TooLong(String),
    /// A line break or another control character where there may be none.
    #[error("must not have control characters")]
    Control,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece<'a> {
    Words(&'a str),
    Brace(char),
    Value(&'a str),
}

fn pieces(text: &str) -> Result<Vec<Piece<'_>>, BadText> {
    let near = |rest: &str| BadText::Brace(rest.chars().take(20).collect());
    let (mut all, mut rest) = (Vec::new(), text);
    while let Some(at) = rest.find(['{', '}']) {
        let (words, found) = rest.split_at(at);
        if !words.is_empty() {
            all.push(Piece::Words(words));
        }
        if let Some(after) = found.strip_prefix("{{") {
            all.push(Piece::Brace('{'));
            rest = after;
        } else if let Some(after) = found.strip_prefix("}}") {
            all.push(Piece::Brace('}'));
            rest = after;
        } else {
            let inside = found.strip_prefix('{').ok_or_else(|| near(found))?;
            let (name, after) = inside.split_once('}').ok_or_else(|| near(found))?;
            let good = |c: char| c.is_ascii_lowercase() || c == '_';
            if name.is_empty() || !name.chars().all(good) {
                return Err(near(found));
            }
            all.push(Piece::Value(name));
            rest = after;
        }
    }
    if !rest.is_empty() {
        all.push(Piece::Words(rest));
    }
    Ok(all)
}

/// A value for a variable: what is sent, and what may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// What is sent.
    pub text: String,
    /// Whether only the recipient may see it.
    pub secret: bool,
}

/// A text with its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filled {
    /// What is sent.
    pub clear: String,
    /// What may be shown; the same unless there is a secret in it.
    pub shown: String,
}

impl Filled {
    /// Whether it holds a secret.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.clear != self.shown
    }
}

/// Puts the values in. Lines whose value is missing are left out.
///
/// # Errors
/// [`BadText::Brace`], which a text that was checked does not have.
pub fn fill(text: &str, values: &BTreeMap<&str, Value>) -> Result<Filled, BadText> {
    let (mut clear, mut shown) = (Vec::new(), Vec::new());
    for line in text.split('\n') {
        if let Some(filled) = fill_line(line, values)? {
            clear.push(filled.clear);
            shown.push(filled.shown);
        }
    }
    Ok(Filled { clear: tidy(&clear), shown: tidy(&shown) })
}

fn fill_line(line: &str, values: &BTreeMap<&str, Value>) -> Result<Option<Filled>, BadText> {
    let mut filled = Filled { clear: String::new(), shown: String::new() };
    for piece in pieces(line)? {
        match piece {
            Piece::Words(words) => {
                filled.clear.push_str(words);
                filled.shown.push_str(words);
            }
            Piece::Brace(brace) => {
                filled.clear.push(brace);
                filled.shown.push(brace);
            }
            Piece::Value(name) => {
                let Some(value) = values.get(name) else { return Ok(None) };
                let text = one_line(&value.text);
                filled.shown.push_str(if value.secret { BLOT } else { &text });
                filled.clear.push_str(&text);
            }
        }
    }
    Ok(Some(filled))
}

/// Lines put together, without the empty ones that a left out line leaves at the ends.
fn tidy(lines: &[String]) -> String {
    lines.join("\n").trim().to_owned()
}

/// A value cannot break a line, whoever typed it.
fn one_line(text: &str) -> String {
    let flat = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    flat.take(VALUE_MOST).collect::<String>().trim().to_owned()
}

/// The example values of a message in a language.
#[must_use]
pub fn samples(template: Template, language: Language) -> BTreeMap<&'static str, Value> {
    let sample = |variable: &Variable| match language {
        Language::En => variable.sample.0,
        Language::Bn => variable.sample.1,
    };
    let all = template.spec().variables;
    all.iter().map(|variable| (variable.name, Value { text: sample(variable).to_owned(), secret: false })).collect()
}

/// Checks the subject of a message.
///
/// # Errors
/// What is wrong with it.
pub fn check_subject(template: Template, channel: Channel, subject: &str) -> Result<(), BadText> {
    if channel == Channel::Sms {
        return if subject.is_empty() { Ok(()) } else { Err(BadText::TooLong("an SMS has no subject".to_owned())) };
    }
    if subject.trim().is_empty() {
        return Err(BadText::Empty);
    }
    if subject.chars().count() > SUBJECT_MOST {
        return Err(BadText::TooLong(format!("must be at most {SUBJECT_MOST} characters")));
    }
    if subject.chars().any(char::is_control) {
        return Err(BadText::Control);
    }
    for name in names(subject)? {
        if known(template, name)?.secret {
            return Err(BadText::SecretInSubject(name.to_owned()));
        }
    }
    Ok(())
}

/// Checks the text of a message.
///
/// # Errors
/// What is wrong with it.
pub fn check_body(template: Template, language: Language, channel: Channel, body: &str) -> Result<(), BadText> {
    if body.trim().is_empty() {
        return Err(BadText::Empty);
    }
    // Bytes first: a text of megabytes need not be looked at.
    if body.len() > EMAIL_MOST * 4 || body.chars().count() > EMAIL_MOST {
        return Err(BadText::TooLong(format!("must be at most {EMAIL_MOST} characters")));
    }
    if body.chars().any(|c| c.is_control() && c != '\n') {
        return Err(BadText::Control);
    }
    let used = names(body)?;
    for name in &used {
        known(template, name)?;
    }
    let needs = template.spec().needs;
    if !needs.is_empty() && !needs.iter().any(|need| used.contains(need)) {
        let all: Vec<_> = needs.iter().map(|need| format!("{{{need}}}")).collect();
        return Err(BadText::Missing(all.join(" or ")));
    }
    if channel == Channel::Sms {
        let parts = segments::measure(&fill(body, &samples(template, language))?.clear).parts;
        if parts > PARTS_MOST {
            return Err(BadText::TooLong(format!("is {parts} SMS long; {PARTS_MOST} are the most")));
        }
    }
    Ok(())
}

/// The names in a text.
fn names(text: &str) -> Result<Vec<&str>, BadText> {
    let value = |piece| if let Piece::Value(name) = piece { Some(name) } else { None };
    Ok(pieces(text)?.into_iter().filter_map(value).collect())
}

fn known(template: Template, name: &str) -> Result<&'static Variable, BadText> {
    template.variable(name).ok_or_else(|| {
        let all = template.spec().variables.iter().map(|variable| variable.name);
        let near = all.map(|known| (strsim::damerau_levenshtein(known, name), known)).min();
        let nearest = match near {
            Some((distance, known)) if distance <= 3 => format!("; did you mean {{{known}}}?"),
            _ => String::new(),
        };
        BadText::Unknown { name: name.to_owned(), nearest }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value(text: &str) -> Value {
        Value { text: text.to_owned(), secret: false }
    }

    #[test]
    fn what_comes_with_lastmile_passes_its_own_check() {
        for template in Template::ALL {
            for language in Language::ALL {
                for channel in Channel::ALL {
                    let words = template.words(language, channel);
                    let place = format!("{template} {language} {channel}");
                    assert_eq!(check_subject(template, channel, words.subject), Ok(()), "{place}");
                    assert_eq!(check_body(template, language, channel, words.body), Ok(()), "{place}");
                }
                let sms = template.words(language, Channel::Sms).body;
                let measure = segments::measure(&fill(sms, &samples(template, language)).unwrap().clear);
                assert!(measure.parts <= 3, "{template} {language}: {measure:?}");
                if language == Language::En {
                    assert_eq!(measure.alphabet, segments::Alphabet::Gsm7, "{template}");
                }
            }
        }
    }

    #[test]
    fn a_line_without_its_value_is_left_out() {
        let text = "{company}: code {code}\nLink: {link}\nBye";
        let mut values = BTreeMap::from([("company", value("ISP")), ("code", value("123456"))]);
        assert_eq!(fill(text, &values).unwrap().clear, "ISP: code 123456\nBye");
        values.insert("link", value("https://x"));
        assert_eq!(fill(text, &values).unwrap().clear, "ISP: code 123456\nLink: https://x\nBye");
    }

    #[test]
    fn a_secret_is_not_shown() {
        let secret = Value { text: "482913".to_owned(), secret: true };
        let filled = fill("code {code}", &BTreeMap::from([("code", secret)])).unwrap();
        assert_eq!((filled.clear.as_str(), filled.shown.as_str()), ("code 482913", "code ••••••"));
        assert!(filled.is_secret());
    }

    #[test]
    fn texts_are_checked() {
        let body = |text: &str| check_body(Template::SignInCode, Language::En, Channel::Sms, text).unwrap_err();
        assert_eq!(body("{cod} {code}").to_string(), "{cod} means nothing here; did you mean {code}?");
        assert_eq!(body("{elephant} {code}").to_string(), "{elephant} means nothing here");
        assert_eq!(body("hello").to_string(), "{code} must stand in it");
        assert!(matches!(body("{code"), BadText::Brace(_)));
        assert!(matches!(body("code}"), BadText::Brace(_)));
        assert!(matches!(body("{Code}"), BadText::Brace(_)));
        assert_eq!(body(" \n "), BadText::Empty);
        assert_eq!(body("{code}\u{7}"), BadText::Control);
        assert!(body(&format!("{{code}}{}", "a".repeat(1_000))).to_string().starts_with("is 7 SMS long"));
        let subject = |text: &str| check_subject(Template::SignInCode, Channel::Email, text).unwrap_err();
        assert_eq!(subject("{code}"), BadText::SecretInSubject("code".to_owned()));
        assert_eq!(subject("a\r\nBcc: x@y.z"), BadText::Control);
        assert_eq!(subject(""), BadText::Empty);
        assert_eq!(check_subject(Template::SignInCode, Channel::Email, "{{{company}}}"), Ok(()));
    }

    proptest! {
        #[test]
        fn values_say_nothing_to_the_engine(text in "[a-z {}\\n\\r\\t৳]{0,60}") {
            let filled = fill("a {name} b", &BTreeMap::from([("name", value(&text))])).unwrap();
            prop_assert!(!filled.clear.contains(['\n', '\r']));
            prop_assert!(filled.clear.starts_with("a ") && filled.clear.ends_with(" b"));
            prop_assert!(!filled.is_secret());
        }

        #[test]
        fn any_text_is_checked_without_a_panic(text in "\\PC{0,80}") {
            let _ = check_body(Template::PaymentReceipt, Language::Bn, Channel::Sms, &text);
            let _ = check_subject(Template::PaymentReceipt, Channel::Email, &text);
        }

        #[test]
        fn what_is_accepted_can_be_filled(words in "[a-z\\n]{0,20}", tail in "[{}a-z]{0,6}") {
            let text = format!("{{amount}} {words} {tail}");
            if check_body(Template::PaymentReceipt, Language::En, Channel::Sms, &text).is_ok() {
                prop_assert!(fill(&text, &samples(Template::PaymentReceipt, Language::En)).is_ok());
            }
        }
    }
}
