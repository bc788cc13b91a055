//! Calls a provider of SMS over HTTP.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, Uri, header};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::answer::judge;
use super::settings::{BodyKind, Field, SmsSettings, Verb, fill, number};
use crate::gateways::http::{Call, Http, HttpError, check_url};
use crate::gateways::message::{Message, Outcome, Sender, bounded};
use crate::secrets::Secret;

/// For a call with its answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Sends through one provider.
pub struct HttpSender {
    http: Arc<Http>,
    settings: SmsSettings,
    secrets: BTreeMap<String, Secret<String>>,
}

impl HttpSender {
    /// A sender with these settings.
    #[must_use]
    pub const fn new(http: Arc<Http>, settings: SmsSettings, secrets: BTreeMap<String, Secret<String>>) -> Self {
        Self { http, settings, secrets }
    }

    async fn carry(&self, message: &Message) -> Outcome {
        let call = match self.call(message) {
            Ok(call) => call,
            Err(detail) => return Outcome::Down { detail },
        };
        match self.http.call(call).await {
            Ok(answer) => judge(&self.settings.answer, &answer),
            Err(HttpError::NotSent(detail)) => Outcome::Down { detail: self.without_secrets(&detail) },
            Err(HttpError::Unclear(detail)) => Outcome::Unclear { detail: self.without_secrets(&detail) },
        }
    }

    /// The call as this provider wants it.
    fn call(&self, message: &Message) -> Result<Call, String> {
        let settings = &self.settings;
        let url = check_url(&settings.url, settings.allow_http).map_err(|error| error.to_string())?;
        let value = |name: &str| match name {
            "to" => Some(number(&message.to, settings.number)),
            "text" => Some(message.text.clone()),
            "id" => Some(message.id.clone()),
            "sender" => Some(settings.sender.clone()),
            other => self.secrets.get(other).map(|secret| secret.expose().clone()),
        };
        let filled = |fields: &[Field]| -> Vec<(String, String)> {
            fields.iter().map(|field| (field.name.clone(), fill(&field.value, value))).collect()
        };
        let (fields, mut headers) = (filled(&settings.fields), Vec::new());
        for (name, value) in filled(&settings.headers) {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| "a header has no good name".to_owned())?;
            let mut value = HeaderValue::from_str(&value).map_err(|_| "a header has no good value".to_owned())?;
            value.set_sensitive(true);
            headers.push((name, value));
        }
        let (url, kind, body) = match settings.body {
            BodyKind::Query => (with_query(&url, &fields)?, None, Vec::new()),
            BodyKind::Form => (url, Some("application/x-www-form-urlencoded"), encoded(&fields).into_bytes()),
            BodyKind::Json => {
                let object: BTreeMap<_, _> = fields.into_iter().collect();
                (url, Some("application/json"), serde_json::to_vec(&object).map_err(|error| error.to_string())?)
            }
        };
        if let Some(kind) = kind {
            headers.push((header::CONTENT_TYPE, HeaderValue::from_static(kind)));
        }
        headers.push((header::ACCEPT, HeaderValue::from_static("application/json, text/plain")));
        let method = match settings.method {
            Verb::Get => Method::GET,
            Verb::Post => Method::POST,
        };
        Ok(Call { method, url, headers, body, timeout: TIMEOUT })
    }

    /// An error may quote the address, and the address may hold a key.
    fn without_secrets(&self, text: &str) -> String {
        let plain = self.secrets.values().map(Secret::expose).filter(|secret| !secret.is_empty());
        bounded(&plain.fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "[secret]")))
    }
}

impl Sender for HttpSender {
    fn deduplicates(&self) -> bool {
        self.settings.deduplicates
    }

    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Outcome> {
        self.carry(message).boxed()
    }
}

/// The address with the fields behind those that it has.
fn with_query(url: &Uri, fields: &[(String, String)]) -> Result<Uri, String> {
    let text = url.to_string();
    let join = if url.query().is_some() { '&' } else { '?' };
    format!("{text}{join}{}", encoded(fields)).parse().map_err(|_| "the fields make no address".to_owned())
}

/// Fields as forms and queries carry them.
fn encoded(fields: &[(String, String)]) -> String {
    let pair = |(name, value): &(String, String)| format!("{}={}", percent(name), percent(value));
    fields.iter().map(pair).collect::<Vec<_>>().join("&")
}

/// Everything but letters, digits and `-._~` by its bytes: read alike as a form and as a query.
fn percent(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
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
    use super::*;
    use crate::gateways::message::sms::presets::presets;

    fn message() -> Message {
        Message {
            id: "01K".to_owned(),
            to: "+8801712345678".to_owned(),
            name: String::new(),
            subject: String::new(),
            text: "A&B {api_key} ৳".to_owned(),
            at_ms: 0,
        }
    }

    fn call(preset: &str) -> Call {
        let settings = presets().into_iter().find(|known| known.provider == preset).unwrap();
        let secret = |name: &str| (name.to_owned(), Secret::new(format!("{name} value")));
        let secrets = settings.secret_names().iter().map(|name| secret(name)).collect();
        HttpSender::new(Arc::default(), settings, secrets).call(&message()).unwrap()
    }

    #[test]
    fn a_form_a_json_body_and_a_query() {
        let form = String::from_utf8(call("bulksmsbd").body).unwrap();
        let text = "A%26B%20%7Bapi_key%7D%20%E0%A7%B3";
        assert_eq!(form, format!("api_key=api_key%20value&type=text&number=8801712345678&senderid=&message={text}"));
        let json: serde_json::Value = serde_json::from_slice(&call("ssl_wireless").body).unwrap();
        assert_eq!(json["csms_id"], "01K");
        assert_eq!(json["sms"], "A&B {api_key} ৳");
        assert_eq!(json["api_token"], "api_token value");
        let query = call("kannel");
        assert_eq!(query.method, Method::GET);
        assert!(query.body.is_empty());
        assert!(query.url.query().unwrap().ends_with(&format!("text={text}&charset=UTF-8&coding=2")));
        assert!(call("green_web").url.to_string().ends_with("api.php?json"));
    }

    #[test]
    fn an_error_does_not_quote_a_key() {
        let secrets = BTreeMap::from([("api_key".to_owned(), Secret::new("k3y".to_owned()))]);
        let settings = presets().remove(0);
        let sender = HttpSender::new(Arc::default(), settings, secrets);
        assert_eq!(sender.without_secrets("no route to ?api_key=k3y"), "no route to ?api_key=[secret]");
    }
}
