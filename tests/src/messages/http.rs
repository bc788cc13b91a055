//! The provider of SMS: the calls of BulkSMSBD and SSL Wireless, as both document them; the page of what was sent;
//! the control of faults.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::inbox::{Fault, Inbox, Received};

type Fields = BTreeMap<String, String>;

/// Serves until the task ends.
pub(super) async fn serve(inbox: Inbox, listener: TcpListener) {
    let app = Router::new()
        .route("/", get(page))
        .route("/messages", get(async |State(inbox): State<Inbox>| Json(json!({ "items": inbox.received() }))))
        .route("/fault", post(fault))
        .route("/api/smsapi", get(bulk_query).post(bulk_form))
        .route("/api/v3/send-sms", post(ssl))
        .with_state(inbox);
    if let Err(error) = axum::serve(listener, app).await {
        tracing::error!(%error, "the provider of SMS stopped");
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    /// `null` heals.
    fault: Option<Fault>,
    #[serde(default = "one")]
    times: usize,
}

const fn one() -> usize {
    1
}

async fn fault(State(inbox): State<Inbox>, Json(order): Json<Order>) -> Json<Value> {
    match order.fault {
        Some(fault) => inbox.next(fault, order.times),
        None => inbox.heal(),
    }
    Json(json!({ "ok": true }))
}

async fn bulk_query(State(inbox): State<Inbox>, Query(fields): Query<Fields>) -> Response {
    bulk(&inbox, &fields).await
}

async fn bulk_form(State(inbox): State<Inbox>, headers: HeaderMap, body: String) -> Response {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    if !kind.starts_with("application/x-www-form-urlencoded") {
        return said(1003, "", "Please required all fields");
    }
    let Ok(uri) = format!("/?{body}").parse() else { return said(1003, "", "Please required all fields") };
    match Query::<Fields>::try_from_uri(&uri) {
        Ok(Query(fields)) => bulk(&inbox, &fields).await,
        Err(_) => said(1003, "", "Please required all fields"),
    }
}

/// HTTP 200 whatever happens: the code in the body is the answer.
async fn bulk(inbox: &Inbox, fields: &Fields) -> Response {
    let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
    if field("api_key").is_empty() || field("message").is_empty() {
        return said(1003, "", "Please required all fields");
    }
    if !is_number(&field("number")) {
        return said(1001, "", "Invalid Number");
    }
    let message = received(&field("number"), &field("senderid"), &field("message"), "");
    match meet(inbox, message).await {
        Met::Taken(no) => said(202, &no.to_string(), ""),
        Met::Fault(Fault::Busy) => said(1005, "", "Internal Error"),
        Met::Fault(Fault::Refused) => said(1001, "", "Invalid Number"),
        Met::Fault(Fault::Down) => said(1007, "", "Balance Insufficient"),
        Met::Fault(_) => (StatusCode::OK, "<html>We will be back soon</html>").into_response(),
        Met::Cut => cut(),
    }
}

fn said(code: u32, id: &str, error: &str) -> Response {
    let success = if code == 202 { "SMS Submitted Successfully" } else { "" };
    Json(json!({
        "response_code": code,
        "message_id": id.parse::<u64>().unwrap_or(0),
        "success_message": success,
        "error_message": error,
    }))
    .into_response()
}

#[derive(Deserialize)]
struct SslCall {
    #[serde(default)]
    api_token: String,
    #[serde(default)]
    sid: String,
    #[serde(default)]
    msisdn: String,
    #[serde(default)]
    sms: String,
    #[serde(default)]
    csms_id: String,
}

async fn ssl(State(inbox): State<Inbox>, Json(call): Json<SslCall>) -> Response {
    let failed = |code: u32, error: &str| {
        Json(json!({ "status": "FAILED", "status_code": code, "error_message": error, "smsinfo": [] })).into_response()
    };
    if call.api_token.is_empty() {
        return failed(4001, "Unauthorized");
    }
    if !is_number(&call.msisdn) || call.sms.is_empty() {
        return failed(4024, "Invalid MSISDN or text");
    }
    let message = received(&call.msisdn, &call.sid, &call.sms, &call.csms_id);
    match meet(&inbox, message).await {
        Met::Taken(no) => Json(json!({
            "status": "SUCCESS", "status_code": 200, "error_message": "",
            "smsinfo": [{
                "sms_status": "SUCCESS", "status_message": "Success", "msisdn": call.msisdn,
                "sms_type": if call.sms.is_ascii() { "EN" } else { "BN" }, "sms_body": call.sms,
                "csms_id": call.csms_id, "reference_id": format!("ref{no}"),
            }],
        }))
        .into_response(),
        Met::Fault(Fault::Busy) => (StatusCode::SERVICE_UNAVAILABLE, "busy").into_response(),
        Met::Fault(Fault::Refused) => failed(4024, "Invalid MSISDN"),
        Met::Fault(Fault::Down) => failed(4003, "IP Blacklisted"),
        Met::Fault(_) => (StatusCode::OK, "<html>").into_response(),
        Met::Cut => cut(),
    }
}

enum Met {
    Taken(u64),
    Fault(Fault),
    Cut,
}

async fn meet(inbox: &Inbox, message: Received) -> Met {
    match inbox.fault() {
        None => Met::Taken(inbox.keep(message)),
        Some(fault) => {
            if fault.takes() {
                inbox.keep(message);
            }
            match fault {
                Fault::TakenAndSilent => std::future::pending().await,
                Fault::TakenAndCut => Met::Cut,
                other => Met::Fault(other),
            }
        }
    }
}

/// An answer that ends before its end.
fn cut() -> Response {
    let broken = futures_util::stream::iter([Err::<axum::body::Bytes, _>(std::io::Error::other("cut"))]);
    let mut response = axum::body::Body::from_stream(broken).into_response();
    response.headers_mut().insert(header::CONTENT_LENGTH, header::HeaderValue::from_static("64"));
    response
}

fn received(to: &str, from: &str, text: &str, id: &str) -> Received {
    Received {
        no: 0,
        channel: "sms",
        to: to.to_owned(),
        from: from.to_owned(),
        subject: String::new(),
        text: text.to_owned(),
        id: id.to_owned(),
        raw: String::new(),
    }
}

/// `8801` and nine digits.
fn is_number(text: &str) -> bool {
    text.len() == 13 && text.starts_with("8801") && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What was sent, newest first.
async fn page(State(inbox): State<Inbox>) -> Html<String> {
    let mut html = String::from(
        "<!doctype html><meta charset=utf-8><meta http-equiv=refresh content=3><title>Messages that were sent</title>\
         <style>body{font:15px system-ui;max-width:60rem;margin:2rem auto;padding:0 1rem}article{border:1px solid #ccc;\
         border-radius:8px;padding:.8rem 1rem;margin:.8rem 0}pre{white-space:pre-wrap;font:inherit;margin:.4rem 0 0}\
         small{color:#666}</style><h1>Messages that were sent</h1><p>Nothing of this leaves the machine.</p>",
    );
    for message in inbox.received().iter().rev().take(200) {
        let _ = write!(
            html,
            "<article><small>{} no. {} to {}</small> <b>{}</b><pre>{}</pre></article>",
            message.channel,
            message.no,
            escaped(&message.to),
            escaped(&message.subject),
            escaped(&message.text)
        );
    }
    Html(html)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
