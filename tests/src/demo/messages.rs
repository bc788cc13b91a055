//! Lets the demonstration's messages end on this machine.

use anyhow::{Context as _, Result};
use reqwest::Method;
use serde_json::{Value, json};

use super::ports::{Ports, local};
use crate::processes::Api;

/// The settings of the provider of SMS that stands on this port.
#[must_use]
pub fn sms_settings(base: &str) -> Value {
    json!({
        "provider": "bulksmsbd", "method": "post", "url": format!("{base}/api/smsapi"), "body": "form",
        "fields": [
            { "name": "api_key", "value": "{api_key}" }, { "name": "type", "value": "text" },
            { "name": "number", "value": "{to}" }, { "name": "senderid", "value": "{sender}" },
            { "name": "message", "value": "{text}" },
        ],
        "sender": "LASTMILE", "number": "digits",
        "answer": {
            "code": "/response_code", "accepted": ["202"], "later": ["1005"], "down": ["1007"],
            "id": "/message_id", "detail": "/error_message",
        },
    })
}

/// The settings of the mail server that stands on this port.
#[must_use]
pub fn email_settings(port: u16) -> Value {
    json!({
        "host": "127.0.0.1", "port": port, "tls": "none", "username": "demo",
        "from_address": "noreply@isp.example", "from_name": "Demonstration ISP",
    })
}

/// Sets up both ways.
///
/// # Errors
/// When the controller refuses.
pub async fn set_up(api: &Api, ports: Ports) -> Result<()> {
    let base = format!("http://{}", local(ports.messages));
    let sms = json!({
        "enabled": true, "settings": sms_settings(&base), "per_minute": 6000,
        "price_per_1000": { "minor": 25_500, "currency": "BDT" }, "secrets": { "api_key": "demo-key" },
    });
    let email = json!({
        "enabled": true, "settings": email_settings(ports.smtp), "per_minute": 600, "password": "demo-password",
    });
    for (way, body) in [("sms", sms), ("email", email)] {
        let path = format!("/notice-channels/{way}");
        api.ask(Method::PUT, &path, Some(&body), &[]).await?.ok().with_context(|| path.clone())?;
    }
    Ok(())
}
