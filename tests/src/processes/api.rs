//! The controller's REST interface as a program outside uses it: JSON, a bearer token, problem answers.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::Method;
use serde_json::Value;

/// A client with a token.
#[derive(Debug, Clone)]
pub struct Api {
    http: reqwest::Client,
    base: String,
    token: String,
}

/// An answer, whatever its status.
#[derive(Debug, Clone)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// JSON, or the text as a JSON string.
    pub body: Value,
    asked: String,
}

impl Reply {
    /// The body of a 2xx answer.
    ///
    /// # Errors
    /// On any other status, with the question and the answer.
    pub fn ok(self) -> Result<Value> {
        match self.status {
            200..=299 => Ok(self.body),
            status => bail!("{}: {status} {}", self.asked, self.body),
        }
    }

    /// The problem of an answer with just this status.
    ///
    /// # Errors
    /// On any other status.
    pub fn refused(self, status: u16) -> Result<Value> {
        if self.status != status {
            bail!("{}: expected {status}, got {} {}", self.asked, self.status, self.body);
        }
        Ok(self.body)
    }
}

impl Api {
    /// A client of the controller at `base` (`http://127.0.0.1:8080`).
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(base: &str, token: &str) -> Result<Self> {
        let http =
            reqwest::Client::builder().timeout(Duration::from_secs(20)).no_proxy().build().context("HTTP client")?;
        Ok(Self { http, base: base.to_owned(), token: token.to_owned() })
    }

    /// The token it asks with.
    #[must_use]
    pub fn bearer(&self) -> &str {
        &self.token
    }

    /// The same controller, asked with another token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: token.to_owned(), ..self.clone() }
    }

    /// Any request below `/api/v1`, or at the root with a path that begins with `//`.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Result<Reply> {
        let url = match path.strip_prefix("//") {
            Some(root) => format!("{}/{root}", self.base),
            None => format!("{}/api/v1{path}", self.base),
        };
        let asked = format!("{method} {url}");
        let mut request = self.http.request(method, &url);
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.with_context(|| asked.clone())?;
        let status = answer.status().as_u16();
        let text = answer.text().await.with_context(|| asked.clone())?;
        let body = match serde_json::from_str(&text) {
            Ok(json) => json,
            Err(_) => Value::String(text),
        };
        Ok(Reply { status, body, asked })
    }

    /// The status of an answer whose body is not waited for: an event stream never ends.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn status(&self, method: Method, root_path: &str, body: Option<&Value>) -> Result<u16> {
        let mut request = self.http.request(method, format!("{}{root_path}", self.base));
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.with_context(|| root_path.to_owned())?;
        Ok(answer.status().as_u16())
    }

    /// GET; the body of a 2xx answer.
    ///
    /// # Errors
    /// When there is no answer or not a good one.
    pub async fn get(&self, path: &str) -> Result<Value> {
        self.ask(Method::GET, path, None, &[]).await?.ok()
    }

    /// A number of `/metrics`, summed over its labels; one that was never counted is not there and reads 0.
    ///
    /// # Errors
    /// When there is no answer, or it is no number.
    pub async fn metric(&self, name: &str) -> Result<u64> {
        let page = self.get("//metrics").await?;
        let mut sum = 0;
        for line in page.as_str().context("/metrics is not text")?.lines() {
            let rest = line.strip_prefix(name).filter(|rest| rest.starts_with([' ', '{']));
            if let Some(value) = rest.and_then(|rest| rest.rsplit(' ').next()) {
                sum += value.parse::<u64>().with_context(|| line.to_owned())?;
            }
        }
        Ok(sum)
    }

    /// POST; the body of a 2xx answer.
    ///
    /// # Errors
    /// When there is no answer or not a good one.
    pub async fn post(&self, path: &str, body: Value) -> Result<Value> {
        self.try_post(path, body).await?.ok()
    }

    /// POST; the answer, whatever it is.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn try_post(&self, path: &str, body: Value) -> Result<Reply> {
        self.ask(Method::POST, path, Some(&body), &[]).await
    }

    /// PATCH; the body of a 2xx answer.
    ///
    /// # Errors
    /// When there is no answer or not a good one.
    pub async fn patch(&self, path: &str, body: Value) -> Result<Value> {
        self.ask(Method::PATCH, path, Some(&body), &[]).await?.ok()
    }

    /// DELETE; the answer, whatever it is.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn delete(&self, path: &str) -> Result<Reply> {
        self.ask(Method::DELETE, path, None, &[]).await
    }

    /// Takes a payment under an idempotency key; the answer, whatever it is.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn try_pay(&self, key: &str, payment: &Value) -> Result<Reply> {
        self.ask(Method::POST, "/payments", Some(payment), &[("Idempotency-Key", key)]).await
    }

    /// Takes a payment under an idempotency key.
    ///
    /// # Errors
    /// When there is no answer or not a good one.
    pub async fn pay(&self, key: &str, payment: &Value) -> Result<Value> {
        self.try_pay(key, payment).await?.ok()
    }
}
