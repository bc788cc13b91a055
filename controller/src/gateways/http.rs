//! The client for what providers offer over HTTP: TLS by rustls on ring, no redirects, bounded in time and size.
//!
//! What matters to whoever pays for a call is whether it may have been heard: [`HttpError::NotSent`] certainly was not,
//! [`HttpError::Unclear`] may have been. Every call has a connection of its own: one that was kept open and is closed by
//! the other side at the wrong moment would turn a sure failure into a doubt.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioExecutor;

use axum::http::{Method, Request, Uri, header};

use super::places::{self, BadPlace};

/// Until the other side has taken the connection.
const CONNECT: Duration = Duration::from_secs(10);
/// Longest answer that is read, bytes.
const ANSWER_MOST: usize = 64 * 1_024;
/// Longest address, bytes.
const URL_MOST: usize = 2_000;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The call certainly did not reach the other side.
    #[error("{0}")]
    NotSent(String),
    /// The call may have reached the other side.
    #[error("{0}")]
    Unclear(String),
}

/// A call.
#[derive(Debug, Clone)]
pub struct Call {
    /// Its method.
    pub method: Method,
    /// Where to.
    pub url: Uri,
    /// Headers beside those that every call has.
    pub headers: Vec<(header::HeaderName, header::HeaderValue)>,
    /// Body.
    pub body: Vec<u8>,
    /// For all of it together.
    pub timeout: Duration,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Body, as text.
    pub text: String,
}

type Connector = HttpsConnector<HttpConnector<Guarded>>;

/// The client. Made at the first call: the roots of trust are read from the system then.
#[derive(Default)]
pub struct Http {
    client: OnceLock<Result<Client<Connector, Full<Bytes>>, String>>,
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Http").finish_non_exhaustive()
    }
}

impl Http {
    /// Calls and reads the whole answer.
    ///
    /// # Errors
    /// When there is no answer; says whether the call may have been heard.
    pub async fn call(&self, call: Call) -> Result<Answer, HttpError> {
        let client = self.client.get_or_init(client).as_ref().map_err(|error| HttpError::NotSent(error.clone()))?;
        let timeout = call.timeout;
        match tokio::time::timeout(timeout, exchange(client, call)).await {
            Ok(answer) => answer,
            Err(_) => Err(HttpError::Unclear(format!("no answer within {} s", timeout.as_secs()))),
        }
    }
}

async fn exchange(client: &Client<Connector, Full<Bytes>>, call: Call) -> Result<Answer, HttpError> {
    let mut request = Request::builder().method(call.method).uri(call.url);
    for (name, value) in call.headers {
        request = request.header(name, value);
    }
    let request = request
        .header(header::USER_AGENT, concat!("lastmile/", env!("CARGO_PKG_VERSION")))
        .body(Full::new(Bytes::from(call.body)))
        .map_err(|error| HttpError::NotSent(error.to_string()))?;
    let answer = client.request(request).await.map_err(|error| {
        let told = chain(&error);
        if error.is_connect() { HttpError::NotSent(told) } else { HttpError::Unclear(told) }
    })?;
    let status = answer.status().as_u16();
    let body = Limited::new(answer.into_body(), ANSWER_MOST).collect().await;
    let body = body.map_err(|error| HttpError::Unclear(format!("the answer could not be read: {error}")))?;
    Ok(Answer { status, text: String::from_utf8_lossy(&body.to_bytes()).into_owned() })
}

fn client() -> Result<Client<Connector, Full<Bytes>>, String> {
    let mut http = HttpConnector::new_with_resolver(Guarded);
    http.set_connect_timeout(Some(CONNECT));
    http.enforce_http(false);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = HttpsConnectorBuilder::new()
        .with_provider_and_native_roots(provider)
        .map_err(|error| format!("the roots of trust of this machine cannot be read: {error}"))?;
    let connector = tls.https_or_http().enable_http1().wrap_connector(http);
    let mut builder = Client::builder(TokioExecutor::new());
    Ok(builder.pool_max_idle_per_host(0).retry_canceled_requests(false).build(connector))
}

/// Resolves names, and forgets addresses that are forbidden: a name that changes after it was checked gains nothing.
#[derive(Debug, Clone, Copy)]
struct Guarded;

impl tower::Service<Name> for Guarded {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = BadPlace;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BadPlace>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BadPlace>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        Box::pin(async move { Ok(places::resolve(name.as_str(), 0).await?.into_iter()) })
    }
}

/// Checks an address that an operator typed.
///
/// # Errors
/// What is wrong with it.
pub fn check_url(url: &str, allow_http: bool) -> Result<Uri, BadPlace> {
    let uri: Uri = url.parse().map_err(|_| BadPlace::NotAnAddress)?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(BadPlace::NotAnAddress);
    };
    if authority.as_str().contains('@') {
        return Err(BadPlace::Credentials);
    }
    if url.len() > URL_MOST || authority.host().is_empty() {
        return Err(BadPlace::NotAnAddress);
    }
    places::check_host(authority.host())?;
    match scheme {
        "https" => Ok(uri),
        "http" if allow_http || places::is_loopback(authority.host()) => Ok(uri),
        "http" => Err(BadPlace::Open),
        _ => Err(BadPlace::NotAnAddress),
    }
}

/// An error with its causes, in one line.
pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    fn call(url: String, timeout: Duration) -> Call {
        Call { method: Method::POST, url: url.parse().unwrap(), headers: Vec::new(), body: b"x".to_vec(), timeout }
    }

    /// A server that hears one request, says this, and closes.
    async fn server(answer: String) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut heard = [0; 2_048];
            let _ = stream.read(&mut heard).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        });
        url
    }

    const SECOND: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn what_was_not_heard_differs_from_what_may_have_been() {
        let http = Http::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let closed = format!("http://{}/", listener.local_addr().unwrap());
        drop(listener);
        assert!(matches!(http.call(call(closed, SECOND)).await, Err(HttpError::NotSent(_))));
        // Hears it and hangs up without a word.
        let mute = server(String::new()).await;
        assert!(matches!(http.call(call(mute, SECOND)).await, Err(HttpError::Unclear(_))));
        // Takes the connection and says nothing.
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let slow = format!("http://{}/", listener.local_addr().unwrap());
        assert!(matches!(http.call(call(slow, Duration::from_millis(50))).await, Err(HttpError::Unclear(_))));
    }

    #[tokio::test]
    async fn a_redirect_is_an_answer_and_nothing_more() {
        let http = Http::default();
        let target = server("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nno".to_owned()).await;
        let url = server(format!("HTTP/1.1 302 Found\r\nlocation: {target}\r\ncontent-length: 0\r\n\r\n")).await;
        let answer = http.call(call(url, SECOND)).await.unwrap();
        assert_eq!((answer.status, answer.text.as_str()), (302, ""));
    }

    #[tokio::test]
    async fn a_long_answer_is_not_read_to_its_end() {
        let http = Http::default();
        let body = "a".repeat(ANSWER_MOST + 1);
        let url = server(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())).await;
        assert!(matches!(http.call(call(url, SECOND)).await, Err(HttpError::Unclear(_))));
    }

    #[test]
    fn addresses_are_checked() {
        assert!(check_url("https://sms.example/api?x=1", false).is_ok());
        assert!(check_url("http://127.0.0.1:9000/api", false).is_ok());
        assert!(check_url("http://10.1.1.1/api", true).is_ok());
        assert_eq!(check_url("http://10.1.1.1/api", false), Err(BadPlace::Open));
        assert_eq!(check_url("https://user:pw@sms.example/", false), Err(BadPlace::Credentials));
        assert!(matches!(check_url("https://169.254.169.254/latest", true), Err(BadPlace::Forbidden(_))));
        for text in ["", "sms.example", "/api", "ftp://sms.example/", "file:///etc/passwd", "https://"] {
            assert_eq!(check_url(text, true), Err(BadPlace::NotAnAddress), "{text}");
        }
    }
}
