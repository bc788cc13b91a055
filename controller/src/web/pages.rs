//! The console: files that npm built, carried by the program.
//!
//! Names under `/assets/` hold a hash of their content, so browsers keep them for ever. Every other path that is no
//! route is a page of the console and gets `index.html`, with the nonce of this answer in it.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use rust_embed::RustEmbed;

use super::headers::CspNonce;
use super::problem::Problem;

#[derive(RustEmbed)]
#[folder = "ui/dist"]
#[allow_missing = true]
struct Dist;

/// Paths that belong to programs: a mistake there is told as a problem, not as a page.
const NOT_PAGES: &[&str] = &["/api/", "/hooks/", "/assets/"];
/// Stands in the page where the nonce goes.
const NONCE: &str = "__CSP_NONCE__";

/// Whatever no route has taken.
pub(super) async fn fallback(request: Request) -> Response {
    let path = request.uri().path();
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    if is_read && let Some(response) = file(path.trim_start_matches('/'), request.headers()) {
        return response;
    }
    if !is_read || NOT_PAGES.iter().any(|prefix| path.starts_with(prefix)) {
        return Problem::new(StatusCode::NOT_FOUND, "not_found", "Not found", "there is nothing at this address")
            .into_response();
    }
    index(request.extensions().get::<CspNonce>())
}

/// A path that exists, but not for this method.
pub(super) async fn wrong_method() -> Response {
    let detail = "this address does not take this method; Allow says which it takes";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "wrong_method", "Wrong method", detail).into_response()
}

/// The console's page.
fn index(nonce: Option<&CspNonce>) -> Response {
    let Some(page) = Dist::get("index.html") else { return not_built() };
    let nonce = nonce.map_or("", |nonce| &*nonce.0);
    let text = String::from_utf8_lossy(&page.data).replace(NONCE, nonce);
    ([(header::CACHE_CONTROL, "no-cache")], Html(text)).into_response()
}

fn not_built() -> Response {
    Html(
        "<!doctype html><html lang=en><meta charset=utf-8><title>Lastmile</title>\
         <h1>Lastmile is running</h1><p>This program was built without the console. \
         Run <code>make build</code>, or use the <a href=/api/docs>API</a>.",
    )
    .into_response()
}

/// A file of the console, in the smallest form that the browser understands.
fn file(path: &str, headers: &HeaderMap) -> Option<Response> {
    if path.is_empty() || path == "index.html" || path.ends_with(".br") || path.ends_with(".gz") || path.contains("..")
    {
        return None;
    }
    let plain = Dist::get(path)?;
    let tag = format!("\"{}\"", crate::kernel::ids::hex(&plain.metadata.sha256_hash()));
    let cache = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "public, max-age=300" };
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == tag.as_bytes());
    let (content, encoding) = if known { (None, None) } else { smallest(path, plain.data.into_owned(), headers) };
    let status = if known { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let mut response = (status, content.unwrap_or_default()).into_response();
    let out = response.headers_mut();
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        out.insert(header::ETAG, tag);
    }
    if let Ok(kind) = HeaderValue::from_str(plain.metadata.mimetype()) {
        out.insert(header::CONTENT_TYPE, kind);
    }
    if let Some(encoding) = encoding {
        out.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    out.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    Some(response)
}

fn smallest(path: &str, plain: Vec<u8>, headers: &HeaderMap) -> (Option<Vec<u8>>, Option<&'static str>) {
    for (encoding, ending) in [("br", ".br"), ("gzip", ".gz")] {
        if accepts(headers, encoding)
            && let Some(packed) = Dist::get(&format!("{path}{ending}"))
        {
            return (Some(packed.data.into_owned()), Some(encoding));
        }
    }
    (Some(plain), None)
}

/// Whether the browser takes this encoding (`q=0` says that it does not).
fn accepts(headers: &HeaderMap, encoding: &str) -> bool {
    headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(','))
        .any(|part| {
            let mut words = part.split(';').map(str::trim);
            words.next() == Some(encoding) && !words.any(|word| word == "q=0" || word == "q=0.0")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_is_used_only_where_it_is_accepted() {
        let mut headers = HeaderMap::new();
        assert!(!accepts(&headers, "br"));
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip, br;q=0"));
        assert!(accepts(&headers, "gzip"));
        assert!(!accepts(&headers, "br"));
    }
}
