//! How a provider of SMS is called over HTTP, and how its answer is read.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What may stand in fields beside the names of secrets.
pub const WORDS: &[&str] = &["to", "text", "id", "sender"];

/// The method of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = SmsVerb)]
pub enum Verb {
    /// GET.
    Get,
    /// POST.
    Post,
}

/// Where the fields stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = SmsBodyKind)]
pub enum BodyKind {
    /// In the address.
    Query,
    /// As a form.
    Form,
    /// As a JSON object of texts.
    Json,
}

/// How the provider wants phone numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = SmsNumberForm)]
pub enum NumberForm {
    /// `8801712345678`
    Digits,
    /// `+8801712345678`
    Plus,
    /// `01712345678`; numbers abroad as digits.
    National,
}

/// A field of the call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SmsField)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its value; `{to}`, `{text}`, `{id}`, `{sender}` and the names of secrets are replaced.
    #[schema(example = "{to}")]
    pub value: String,
}

/// How an answer is read. A code that stands in no list is a refusal of this message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SmsAnswerRules)]
pub struct AnswerRules {
    /// Where the code stands in a JSON answer, as a JSON pointer; empty: the answer is a text and codes are how it begins.
    #[schema(example = "/response_code")]
    pub code: String,
    /// Where a finer code stands; it is looked for in `later` and `down` too.
    #[serde(default)]
    pub reason: Option<String>,
    /// Codes of a message that was taken.
    pub accepted: Vec<String>,
    /// Codes after which another try makes sense: the message was not taken.
    #[serde(default)]
    pub later: Vec<String>,
    /// Codes after which no message will be taken: no balance, wrong key, address not allowed.
    #[serde(default)]
    pub down: Vec<String>,
    /// Where the provider's name for the message stands.
    #[serde(default)]
    pub id: Option<String>,
    /// Where its words for people stand.
    #[serde(default)]
    pub detail: Option<String>,
}

/// How a provider reports what became of a message, by calling us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SmsReportRules)]
pub struct ReportRules {
    /// Name of the field with the provider's name for the message, or with our `{id}`.
    pub id: String,
    /// Name of the field with the state.
    pub state: String,
    /// States that mean that it arrived.
    pub delivered: Vec<String>,
    /// States that mean that it never will.
    pub failed: Vec<String>,
}

/// How SMS are sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SmsSettings {
    /// Name of the preset that this began as, or a name of your own.
    pub provider: String,
    /// Method.
    pub method: Verb,
    /// Address.
    pub url: String,
    /// Allows an address in the open (`http://`) that is not this machine.
    #[serde(default)]
    pub allow_http: bool,
    /// Where the fields stand.
    pub body: BodyKind,
    /// The fields.
    pub fields: Vec<Field>,
    /// Headers.
    #[serde(default)]
    pub headers: Vec<Field>,
    /// Who the message is from: the mask or number that the provider has approved.
    pub sender: String,
    /// How the provider wants phone numbers.
    pub number: NumberForm,
    /// How its answer is read.
    pub answer: AnswerRules,
    /// The provider sends a message once although it hears the same `{id}` twice.
    #[serde(default)]
    pub deduplicates: bool,
    /// How it reports what became of a message; none for a provider that does not.
    #[serde(default)]
    pub reports: Option<ReportRules>,
}

impl SmsSettings {
    /// The names in braces in fields and headers that are none of [`WORDS`]: secrets that the provider needs.
    #[must_use]
    pub fn secret_names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for field in self.fields.iter().chain(&self.headers) {
            for name in braces(&field.value) {
                if !WORDS.contains(&name) && !names.iter().any(|known| known == name) {
                    names.push(name.to_owned());
                }
            }
        }
        names
    }
}

/// The names in braces. A brace that does not hold a name is a brace.
fn braces(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('{') {
        match after.split_once('}') {
            Some((name, tail)) if is_name(name) => {
                found.push(name);
                rest = tail;
            }
            _ => rest = after,
        }
    }
    found
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 40
        && text.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit())
}

/// Puts values in for names in braces; what `value` does not know stays as it is. Values are not looked at again, so
/// that a text with braces in it stays what it is.
#[must_use]
pub fn fill(text: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let known = after.split_once('}').filter(|(name, _)| is_name(name));
        match known.and_then(|(name, tail)| value(name).map(|value| (value, tail))) {
            Some((value, tail)) => {
                out.push_str(&value);
                rest = tail;
            }
            None => {
                out.push('{');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// A number with `+` as the provider wants it.
#[must_use]
pub fn number(plus: &str, form: NumberForm) -> String {
    let digits = plus.trim_start_matches('+');
    match form {
        NumberForm::Plus => format!("+{digits}"),
        NumberForm::Digits => digits.to_owned(),
        NumberForm::National => digits.strip_prefix("880").map_or_else(|| digits.to_owned(), |rest| format!("0{rest}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_braces_are_replaced_once() {
        let value = |name: &str| match name {
            "text" => Some("use {api_key} {to}".to_owned()),
            "to" => Some("880".to_owned()),
            _ => None,
        };
        assert_eq!(fill("{to}: {text} {other} { {}", value), "880: use {api_key} {to} {other} { {}");
    }

    #[test]
    fn numbers_take_the_form_that_is_wanted() {
        assert_eq!(number("+8801712345678", NumberForm::Digits), "8801712345678");
        assert_eq!(number("+8801712345678", NumberForm::National), "01712345678");
        assert_eq!(number("+8801712345678", NumberForm::Plus), "+8801712345678");
        assert_eq!(number("+4930123456", NumberForm::National), "4930123456");
    }
}
