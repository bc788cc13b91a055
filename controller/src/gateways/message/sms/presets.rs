//! Providers of SMS that are known. What they document changes; every line can be changed in the console.

use super::settings::{AnswerRules, BodyKind, Field, NumberForm, SmsSettings, Verb};

fn fields(pairs: &[(&str, &str)]) -> Vec<Field> {
    pairs.iter().map(|(name, value)| Field { name: (*name).to_owned(), value: (*value).to_owned() }).collect()
}

fn words(all: &[&str]) -> Vec<String> {
    all.iter().map(|word| (*word).to_owned()).collect()
}

/// The providers that are known, for the form to begin with.
#[must_use]
pub fn presets() -> Vec<SmsSettings> {
    vec![bulk_sms_bd(), ssl_wireless(), mim_sms(), green_web(), kannel()]
}

fn bulk_sms_bd() -> SmsSettings {
    SmsSettings {
        provider: "bulksmsbd".to_owned(),
        method: Verb::Post,
        url: "https://bulksmsbd.net/api/smsapi".to_owned(),
        allow_http: false,
        body: BodyKind::Form,
        fields: fields(&[
            ("api_key", "{api_key}"),
            ("type", "text"),
            ("number", "{to}"),
            ("senderid", "{sender}"),
            ("message", "{text}"),
        ]),
        headers: Vec::new(),
        sender: String::new(),
        number: NumberForm::Digits,
        answer: AnswerRules {
            code: "/response_code".to_owned(),
            reason: None,
            accepted: words(&["202"]),
            later: words(&["1005"]),
            // Sender, validity, balance, user, account, address: nothing of this message.
            down: words(&["1002", "1006", "1007", "1011", "1031", "1032"]),
            id: Some("/message_id".to_owned()),
            detail: Some("/error_message".to_owned()),
        },
        deduplicates: false,
        reports: None,
    }
}

fn ssl_wireless() -> SmsSettings {
    SmsSettings {
        provider: "ssl_wireless".to_owned(),
        method: Verb::Post,
        url: "https://smsplus.sslwireless.com/api/v3/send-sms".to_owned(),
        allow_http: false,
        body: BodyKind::Json,
        fields: fields(&[
            ("api_token", "{api_token}"),
            ("sid", "{sender}"),
            ("msisdn", "{to}"),
            ("sms", "{text}"),
            ("csms_id", "{id}"),
        ]),
        headers: Vec::new(),
        sender: String::new(),
        number: NumberForm::Digits,
        answer: AnswerRules {
            // By the word, not by the code, of which there are several for success.
            code: "/status".to_owned(),
            reason: Some("/status_code".to_owned()),
            accepted: words(&["SUCCESS"]),
            later: Vec::new(),
            // Not allowed, and an address that is not on the provider's list.
            down: words(&["4001", "4003"]),
            id: Some("/smsinfo/0/reference_id".to_owned()),
            detail: Some("/error_message".to_owned()),
        },
        // csms_id must be unique for a day; whether a second one is refused is not documented, so it is not relied on.
        deduplicates: false,
        reports: None,
    }
}

fn mim_sms() -> SmsSettings {
    SmsSettings {
        provider: "mim_sms".to_owned(),
        method: Verb::Post,
        url: "https://api.mimsms.com/api/SmsSending/SMS".to_owned(),
        allow_http: false,
        body: BodyKind::Json,
        fields: fields(&[
            ("ApiKey", "{api_key}"),
            ("UserName", "{username}"),
            ("SenderName", "{sender}"),
            ("TransactionType", "T"),
            ("CampaignId", "null"),
            ("MobileNumber", "{to}"),
            ("Message", "{text}"),
        ]),
        headers: Vec::new(),
        sender: String::new(),
        number: NumberForm::Digits,
        answer: AnswerRules {
            code: "/statusCode".to_owned(),
            reason: None,
            accepted: words(&["200"]),
            later: Vec::new(),
            down: words(&["401", "403"]),
            id: Some("/trxnId".to_owned()),
            detail: Some("/responseResult".to_owned()),
        },
        deduplicates: false,
        reports: None,
    }
}

fn green_web() -> SmsSettings {
    SmsSettings {
        provider: "green_web".to_owned(),
        method: Verb::Post,
        url: "https://api.greenweb.com.bd/api.php?json".to_owned(),
        allow_http: false,
        body: BodyKind::Form,
        fields: fields(&[("token", "{token}"), ("to", "{to}"), ("message", "{text}")]),
        headers: Vec::new(),
        sender: String::new(),
        number: NumberForm::Digits,
        answer: AnswerRules {
            code: "/0/status".to_owned(),
            reason: None,
            accepted: words(&["SENT"]),
            later: Vec::new(),
            down: Vec::new(),
            id: None,
            detail: Some("/0/statusmsg".to_owned()),
        },
        deduplicates: false,
        reports: None,
    }
}

/// The HTTP side of Kannel, which many operators and home-made gateways speak.
fn kannel() -> SmsSettings {
    SmsSettings {
        provider: "kannel".to_owned(),
        method: Verb::Get,
        url: "http://127.0.0.1:13013/cgi-bin/sendsms".to_owned(),
        allow_http: false,
        body: BodyKind::Query,
        fields: fields(&[
            ("username", "{username}"),
            ("password", "{password}"),
            ("from", "{sender}"),
            ("to", "{to}"),
            ("text", "{text}"),
            ("charset", "UTF-8"),
            ("coding", "2"),
        ]),
        headers: Vec::new(),
        sender: String::new(),
        number: NumberForm::Digits,
        answer: AnswerRules {
            code: String::new(),
            reason: None,
            accepted: words(&["0: Accepted", "3: Queued"]),
            later: words(&["Temporal failure"]),
            down: words(&["Authorization failed"]),
            id: None,
            detail: None,
        },
        deduplicates: false,
        reports: None,
    }
}
