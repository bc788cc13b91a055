//! Reads what a provider of SMS answers. Many answer 200 to everything; the code in the body decides.

use serde_json::Value;

use super::settings::AnswerRules;
use crate::gateways::http::Answer;
use crate::gateways::message::{Outcome, bounded};

/// What an answer means.
#[must_use]
pub fn judge(rules: &AnswerRules, answer: &Answer) -> Outcome {
    let json: Option<Value> = serde_json::from_str(&answer.text).ok();
    let code = code(rules, json.as_ref(), &answer.text);
    if let Some(code) = code {
        let detail = || told(rules, json.as_ref(), &code);
        let finer = at(rules.reason.as_ref(), json.as_ref());
        let is = |entry: &String| fits(rules, entry, &code) || finer.as_ref() == Some(entry);
        let listed = |list: &[String]| list.iter().any(is);
        if rules.accepted.iter().any(|entry| fits(rules, entry, &code)) && answer.status < 400 {
            return Outcome::Accepted { provider_id: id(rules, json.as_ref()) };
        }
        if listed(&rules.later) {
            return Outcome::Later { detail: detail() };
        }
        if listed(&rules.down) {
            return Outcome::Down { detail: detail() };
        }
        // In an answer that is a text, what is not listed may be anything.
        if answer.status < 500 && !rules.code.is_empty() {
            return Outcome::Refused { detail: detail() };
        }
    }
    by_status(answer)
}

/// An answer that says nothing we understand.
fn by_status(answer: &Answer) -> Outcome {
    let detail = format!("HTTP {}: {}", answer.status, bounded(&answer.text));
    match answer.status {
        429 | 503 => Outcome::Later { detail },
        401 | 402 | 403 | 404 | 407 => Outcome::Down { detail },
        300..=499 => Outcome::Refused { detail },
        _ => Outcome::Unclear { detail },
    }
}

fn code(rules: &AnswerRules, json: Option<&Value>, text: &str) -> Option<String> {
    if rules.code.is_empty() {
        return Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    }
    spelled(json?.pointer(&rules.code)?)
}

fn fits(rules: &AnswerRules, entry: &str, code: &str) -> bool {
    if rules.code.is_empty() { code.starts_with(entry) } else { code == entry }
}

/// A number, a text or a flag as text: providers write codes either way.
fn spelled(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

fn at(pointer: Option<&String>, json: Option<&Value>) -> Option<String> {
    spelled(json?.pointer(pointer?)?).filter(|text| !text.is_empty()).map(|text| bounded(&text))
}

fn id(rules: &AnswerRules, json: Option<&Value>) -> Option<String> {
    at(rules.id.as_ref(), json)
}

fn told(rules: &AnswerRules, json: Option<&Value>, code: &str) -> String {
    match at(rules.detail.as_ref(), json) {
        Some(words) => format!("{}: {words}", bounded(code)),
        None => bounded(code),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::gateways::message::sms::presets::presets;

    fn judged(preset: &str, status: u16, text: &str) -> Outcome {
        let preset = presets().into_iter().find(|known| known.provider == preset).unwrap();
        judge(&preset.answer, &Answer { status, text: text.to_owned() })
    }

    fn accepted(id: &str) -> Outcome {
        Outcome::Accepted { provider_id: Some(id.to_owned()) }
    }

    #[test]
    fn bulksmsbd() {
        let ok = r#"{"response_code":202,"message_id":59432678,"success_message":"SMS Submitted Successfully","error_message":""}"#;
        assert_eq!(judged("bulksmsbd", 200, ok), accepted("59432678"));
        let no = r#"{"response_code":1007,"success_message":"","error_message":"Balance Insufficient"}"#;
        assert_eq!(judged("bulksmsbd", 200, no), Outcome::Down { detail: "1007: Balance Insufficient".to_owned() });
        let bad = r#"{"response_code":1001,"error_message":"Invalid Number"}"#;
        assert_eq!(judged("bulksmsbd", 200, bad), Outcome::Refused { detail: "1001: Invalid Number".to_owned() });
        let busy = r#"{"response_code":1005,"error_message":"Internal Error"}"#;
        assert!(matches!(judged("bulksmsbd", 200, busy), Outcome::Unclear { .. } | Outcome::Later { .. }));
    }

    #[test]
    fn ssl_wireless_is_judged_by_its_status_not_its_code() {
        let ok = r#"{"status":"SUCCESS","status_code":1000,"error_message":"","smsinfo":[{"sms_status":"SUCCESS","csms_id":"x","reference_id":"ref9"}]}"#;
        assert_eq!(judged("ssl_wireless", 200, ok), accepted("ref9"));
        let no = r#"{"status":"FAILED","status_code":4003,"error_message":"IP Blacklisted","smsinfo":[]}"#;
        assert_eq!(judged("ssl_wireless", 200, no), Outcome::Down { detail: "FAILED: IP Blacklisted".to_owned() });
    }

    #[test]
    fn mim_and_green_web() {
        let ok = r#"{"statusCode":"200","status":"Success","trxnId":"T1","responseResult":"SMS sent"}"#;
        assert_eq!(judged("mim_sms", 200, ok), accepted("T1"));
        let ok = r#"[{"to":"8801712345678","message":"x","status":"SENT","statusmsg":"SMS Sent"}]"#;
        assert_eq!(judged("green_web", 200, ok), Outcome::Accepted { provider_id: None });
        let no = r#"[{"to":"12","status":"FAILED","statusmsg":"Invalid number"}]"#;
        assert_eq!(judged("green_web", 200, no), Outcome::Refused { detail: "FAILED: Invalid number".to_owned() });
    }

    #[test]
    fn what_is_not_understood_is_not_taken_for_sent() {
        for (status, text) in [(200, ""), (200, "<html>ok</html>"), (200, "{}"), (502, "bad gateway"), (500, "{")] {
            assert!(matches!(judged("bulksmsbd", status, text), Outcome::Unclear { .. }), "{status} {text}");
        }
        assert!(matches!(judged("bulksmsbd", 503, ""), Outcome::Later { .. }));
        assert!(matches!(judged("bulksmsbd", 302, ""), Outcome::Refused { .. }));
        // A success inside an error of the server is none.
        assert!(!matches!(judged("bulksmsbd", 500, r#"{"response_code":202}"#), Outcome::Accepted { .. }));
    }

    proptest! {
        #[test]
        fn any_answer_is_judged_and_only_listed_codes_are_success(status in 100_u16..600, text in "\\PC{0,60}") {
            for preset in presets() {
                let outcome = judge(&preset.answer, &Answer { status, text: text.clone() });
                let accepted = matches!(outcome, Outcome::Accepted { .. });
                prop_assert!(!accepted);
            }
        }
    }
}
