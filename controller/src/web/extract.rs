//! What handlers take from a request: bodies, queries and ids that were checked before the handler runs.

use std::str::FromStr;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;

use super::app::App;
use super::problem::Problem;
use super::{guard, problem};
use crate::access::{Caller, Client};
use crate::kernel::Fault;

/// A JSON body. What does not fit is refused with the field's name.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        if !is_json(request.headers()) {
            let detail = "send JSON, with Content-Type: application/json";
            return Err(
                Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json", "Not JSON", detail).into_response()
            );
        }
        let bytes = Bytes::from_request(request, app).await.map_err(|error| {
            if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
                problem::too_large(guard::BODY_MAX)
            } else {
                Fault::field("", "the body was cut off").into_response()
            }
        })?;
        json(&bytes).map(Self).map_err(IntoResponse::into_response)
    }
}

/// A form on another site can send a body without being asked, but not as JSON.
fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// Reads JSON and names the field that does not fit.
pub(super) fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        field_fault(if path == "." { "" } else { &path }, &error.into_inner().to_string())
    })?;
    reader.end().map_err(|_| Fault::field("", "there is something after the end of the JSON"))?;
    Ok(value)
}

/// Turns serde's sentence into a field and a message.
fn field_fault(path: &str, sentence: &str) -> Fault {
    let sentence = sentence.split(" at line ").next().unwrap_or(sentence);
    let join = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    let quoted = |rest: &str| rest.split('`').next().unwrap_or("").to_owned();
    if let Some(rest) = sentence.strip_prefix("missing field `") {
        return Fault::field(join(&quoted(rest)), "this field is needed");
    }
    if let Some(rest) = sentence.strip_prefix("unknown field `") {
        let name = quoted(rest);
        let own = if path == name || path.ends_with(&format!(".{name}")) { path.to_owned() } else { join(&name) };
        return Fault::field(own, "this field is not known or may not be set");
    }
    Fault::field(path, sentence)
}

/// The query of a URL.
#[derive(Debug)]
pub struct Params<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<App> for Params<T> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Fault> {
        Query::<T>::try_from_uri(&parts.uri).map(|Query(value)| Self(value)).map_err(|error| {
            // axum says "Failed to deserialize query string: limit: invalid digit found in string".
            let text = error.body_text();
            let rest = text.split_once(": ").map_or(text.as_str(), |(_, rest)| rest);
            match rest.split_once(": ") {
                Some((field, message)) => field_fault(field, message),
                None => field_fault("", rest),
            }
        })
    }
}

/// The one id in the path. A text that is no id is a thing that does not exist.
#[derive(Debug)]
pub struct Id<T>(pub T);

impl<T: FromStr> FromRequestParts<App> for Id<T> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Fault> {
        let missing = || Fault::NotFound { what: "thing" };
        let Path(text) = Path::<String>::from_request_parts(parts, app).await.map_err(|_| missing())?;
        text.parse().map(Self).map_err(|_| missing())
    }
}

/// The two ids in the path.
#[derive(Debug)]
pub struct Ids<A, B>(pub A, pub B);

impl<A: FromStr, B: FromStr> FromRequestParts<App> for Ids<A, B> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Fault> {
        let missing = || Fault::NotFound { what: "thing" };
        let Path((a, b)) = Path::<(String, String)>::from_request_parts(parts, app).await.map_err(|_| missing())?;
        Ok(Self(a.parse().map_err(|_| missing())?, b.parse().map_err(|_| missing())?))
    }
}

impl FromRequestParts<App> for Client {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Fault> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Fault> {
        parts.extensions.get::<Self>().cloned().ok_or(Fault::Unauthorized)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[expect(dead_code, reason = "only its parsing matters")]
        inner: Inner,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[expect(dead_code, reason = "only its parsing matters")]
        count: u32,
    }

    fn error(text: &str) -> (String, String) {
        match json::<Outer>(text.as_bytes()) {
            Err(Fault::Invalid(errors)) => (errors[0].field.clone(), errors[0].message.clone()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_field_is_named() {
        assert_eq!(error(r#"{"inner":{}}"#), ("inner.count".into(), "this field is needed".into()));
        assert_eq!(error(r#"{"inner":{"count":1,"x":2}}"#).0, "inner.x");
        assert_eq!(error(r#"{"inner":{"count":"one"}}"#).0, "inner.count");
        assert_eq!(error(r#"{}"#).0, "inner");
        assert!(error(r#"{"inner":{"count":1}} x"#).1.contains("after the end"));
        assert_eq!(error("").0, "");
    }
}
