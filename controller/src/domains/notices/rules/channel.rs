//! What is wrong with how a way out is set up, field by field.

use crate::gateways::http::check_url;
use crate::gateways::message::email::{EmailSettings, Tls};
use crate::gateways::message::sms::{Field, SmsSettings};
use crate::gateways::places;
use crate::kernel::fault::Check;
use crate::kernel::{Fault, email, text};

/// Fastest pace, messages a minute.
const FASTEST: i64 = 60_000;
/// Fields and codes at most.
const ENTRIES: usize = 40;
/// Longest name, value, code, bytes.
const WORD: usize = 500;
/// Longest certificates, bytes.
const PEM: usize = 64 * 1_024;

/// Checks how e-mail is sent.
///
/// # Errors
/// Every field that is wrong.
pub fn check_email(settings: &EmailSettings, per_minute: i64) -> Result<(), Fault> {
    let mut check = Check::new();
    pace(&mut check, per_minute);
    if let Err(error) = places::check_host(&settings.host) {
        check.that(false, "settings.host", error.to_string());
    }
    check.that(settings.port > 0, "settings.port", "must be 1 to 65535").that(
        !settings.is_too_open(),
        "settings.tls",
        "must be starttls or tls: the server is not this machine",
    );
    let good = |address: &str| email::normalize(address).is_some();
    let wrong = "is not an e-mail address";
    check.that(good(&settings.from_address), "settings.from_address", wrong);
    check.that(settings.reply_to.as_deref().is_none_or(good), "settings.reply_to", wrong);
    let _ = text::line(&mut check, "settings.from_name", &settings.from_name, 0, 100);
    if let Some(username) = &settings.username {
        let _ = text::line(&mut check, "settings.username", username, 1, 200);
        check.that(
            settings.tls != Tls::None || places::is_loopback(&settings.host),
            "settings.username",
            "a password is not sent in the open",
        );
    }
    let length = settings.ca_pem.as_ref().map_or(0, String::len);
    check.that(length <= PEM, "settings.ca_pem", "is too long");
    if length <= PEM
        && let Some(error) = settings.certificate_error()
    {
        check.that(false, "settings.ca_pem", error);
    }
    check.done()
}

/// Checks how SMS are sent.
///
/// # Errors
/// Every field that is wrong.
pub fn check_sms(settings: &SmsSettings, per_minute: i64) -> Result<(), Fault> {
    let mut check = Check::new();
    pace(&mut check, per_minute);
    let _ = text::line(&mut check, "settings.provider", &settings.provider, 1, 40);
    let _ = text::line(&mut check, "settings.sender", &settings.sender, 0, 40);
    if let Err(error) = check_url(&settings.url, settings.allow_http) {
        check.that(false, "settings.url", error.to_string());
    }
    fields(&mut check, "settings.fields", &settings.fields);
    fields(&mut check, "settings.headers", &settings.headers);
    let all = || settings.fields.iter().chain(&settings.headers);
    for word in ["{to}", "{text}"] {
        check.that(
            all().any(|field| field.value.contains(word)),
            "settings.fields",
            format!("{word} must stand in one"),
        );
    }
    let named = settings.headers.iter().all(|header| is_header_name(&header.name));
    check.that(named, "settings.headers", "a name is not that of a header");
    answer(&mut check, settings);
    check.done()
}

fn answer(check: &mut Check, settings: &SmsSettings) {
    let rules = &settings.answer;
    let pointer = |text: &str| text.is_empty() || text.starts_with('/');
    let wrong = "is not a JSON pointer such as /status";
    check
        .that(pointer(&rules.code), "settings.answer.code", wrong)
        .that(rules.reason.as_deref().is_none_or(pointer), "settings.answer.reason", wrong)
        .that(rules.id.as_deref().is_none_or(pointer), "settings.answer.id", wrong)
        .that(rules.detail.as_deref().is_none_or(pointer), "settings.answer.detail", wrong)
        .that(!rules.accepted.is_empty(), "settings.answer.accepted", "needs a code: nothing would count as sent");
    for (name, list) in [("accepted", &rules.accepted), ("later", &rules.later), ("down", &rules.down)] {
        words(check, &format!("settings.answer.{name}"), list);
    }
    if let Some(reports) = &settings.reports {
        for (name, list) in [("delivered", &reports.delivered), ("failed", &reports.failed)] {
            words(check, &format!("settings.reports.{name}"), list);
        }
        let _ = text::line(check, "settings.reports.id", &reports.id, 1, 100);
        let _ = text::line(check, "settings.reports.state", &reports.state, 1, 100);
        check.that(
            settings.answer.id.is_some() || settings.fields.iter().any(|field| field.value.contains("{id}")),
            "settings.reports",
            "needs a name to know the message by: answer.id, or {id} in a field",
        );
    }
}

fn pace(check: &mut Check, per_minute: i64) {
    check.that((1..=FASTEST).contains(&per_minute), "per_minute", format!("must be 1 to {FASTEST}"));
}

fn fields(check: &mut Check, place: &str, fields: &[Field]) {
    let good = |text: &str| text.len() <= WORD && !text.chars().any(char::is_control);
    check
        .that(fields.len() <= ENTRIES, place, format!("must be at most {ENTRIES}"))
        .that(fields.iter().all(|field| !field.name.trim().is_empty()), place, "every one needs a name")
        .that(
            fields.iter().all(|field| good(&field.name) && good(&field.value)),
            place,
            "one is too long or unreadable",
        );
}

/// A token of HTTP.
fn is_header_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c))
}

fn words(check: &mut Check, place: &str, list: &[String]) {
    let good = |word: &String| !word.is_empty() && word.len() <= WORD;
    check.that(list.len() <= ENTRIES && list.iter().all(good), place, "must be a short list of words");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateways::message::sms::presets::presets;

    fn errors(result: Result<(), Fault>) -> Vec<String> {
        match result {
            Ok(()) => Vec::new(),
            Err(Fault::Invalid(errors)) => errors.into_iter().map(|error| error.field).collect(),
            Err(other) => panic!("{other}"),
        }
    }

    fn email() -> EmailSettings {
        EmailSettings {
            host: "smtp.isp.example".to_owned(),
            port: 587,
            tls: Tls::Starttls,
            allow_open: false,
            ca_pem: None,
            username: None,
            from_address: "noreply@isp.example".to_owned(),
            from_name: "ISP".to_owned(),
            reply_to: None,
        }
    }

    #[test]
    fn presets_pass() {
        for preset in presets() {
            assert_eq!(errors(check_sms(&preset, 60)), Vec::<String>::new(), "{}", preset.provider);
        }
        assert_eq!(errors(check_email(&email(), 60)), Vec::<String>::new());
    }

    #[test]
    fn sms_fields_are_named() {
        let mut settings = presets().remove(0);
        settings.url = "http://sms.example/".to_owned();
        settings.fields.retain(|field| field.name != "message");
        settings.answer.accepted.clear();
        settings.answer.code = "response_code".to_owned();
        assert_eq!(
            errors(check_sms(&settings, 0)),
            ["per_minute", "settings.url", "settings.fields", "settings.answer.code", "settings.answer.accepted"]
        );
        settings = presets().remove(0);
        settings.url = "https://169.254.169.254/latest/meta-data".to_owned();
        assert_eq!(errors(check_sms(&settings, 60)), ["settings.url"]);
    }

    #[test]
    fn email_fields_are_named() {
        let open = EmailSettings { tls: Tls::None, username: Some("u".to_owned()), ..email() };
        assert_eq!(errors(check_email(&open, 60)), ["settings.tls", "settings.username"]);
        let local = EmailSettings { host: "127.0.0.1".to_owned(), ..open };
        assert_eq!(errors(check_email(&local, 60)), Vec::<String>::new());
        let wrong = EmailSettings {
            host: "169.254.169.254".to_owned(),
            from_address: "me".to_owned(),
            reply_to: Some("you".to_owned()),
            ca_pem: Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----".to_owned()),
            ..email()
        };
        let found = errors(check_email(&wrong, 60));
        for field in ["settings.host", "settings.from_address", "settings.reply_to", "settings.ca_pem"] {
            assert!(found.iter().any(|known| known == field), "{field} in {found:?}");
        }
    }
}
