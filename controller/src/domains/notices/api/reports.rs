//! The route by which a provider of SMS reports what became of a message. Its address holds a code that only the
//! provider was told.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::{Path, Query};
use axum::http::{HeaderMap, header};
use utoipa::OpenApi;

use crate::domains::notices::{channels, reports};
use crate::kernel::{Fault, Scope};
use crate::web::{App, Method, Policy, Problem, Routes, State, StatusCode};

pub(super) fn routes() -> Routes {
    Routes::new()
        .route(Method::GET, "/hooks/sms/{code}", Policy::Public, by_query)
        .route(Method::POST, "/hooks/sms/{code}", Policy::Public, by_body)
        .doc(Doc::openapi())
}

#[derive(OpenApi)]
#[openapi(paths(by_query, by_body))]
struct Doc;

type Fields = BTreeMap<String, String>;

/// A provider's report, in the address.
#[utoipa::path(get, path = "/hooks/sms/{code}", tag = "hooks", params(("code" = String, Path)),
    responses((status = 200), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn by_query(
    State(app): State<App>,
    Path(code): Path<String>,
    Query(fields): Query<Fields>,
) -> Result<StatusCode, Fault> {
    take(&app, &code, &fields).await
}

/// A provider's report, as a form or as JSON.
#[utoipa::path(post, path = "/hooks/sms/{code}", tag = "hooks", params(("code" = String, Path)),
    responses((status = 200), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn by_body(
    State(app): State<App>,
    Path(code): Path<String>,
    headers: HeaderMap,
    Query(mut fields): Query<Fields>,
    body: Bytes,
) -> Result<StatusCode, Fault> {
    fields.extend(parse(&headers, &body)?);
    take(&app, &code, &fields).await
}

async fn take(app: &App, code: &str, fields: &Fields) -> Result<StatusCode, Fault> {
    if !channels::is_report_code(&app.keyring, code) {
        return Err(Fault::NotFound { what: "address" });
    }
    let mut tx = app.db.begin(&Scope::All).await?;
    reports::take(&mut tx, fields).await?;
    tx.commit().await?;
    Ok(StatusCode::OK)
}

/// The fields of a body: texts and numbers of a JSON object, or a form.
fn parse(headers: &HeaderMap, body: &[u8]) -> Result<Fields, Fault> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    if !kind.contains("json") {
        let text = std::str::from_utf8(body).map_err(|_| Fault::field("", "is no text"))?;
        let uri = format!("/?{text}").parse().map_err(|_| Fault::field("", "is no form"))?;
        return Query::<Fields>::try_from_uri(&uri)
            .map(|Query(fields)| fields)
            .map_err(|_| Fault::field("", "is no form"));
    }
    let json: BTreeMap<String, serde_json::Value> =
        serde_json::from_slice(body).map_err(|_| Fault::field("", "is no JSON object"))?;
    let text = |value: serde_json::Value| match value {
        serde_json::Value::String(text) => Some(text),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    Ok(json.into_iter().filter_map(|(name, value)| Some((name, text(value)?))).collect())
}
