//! The OpenAPI document, made from the handlers and the route registry, and a plain page to read it.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Json;
use axum::http::Method;
use axum::response::Html;
use serde_json::{Value, json};
use utoipa::OpenApi as _;
use utoipa::openapi::{InfoBuilder, OpenApiBuilder};

use super::problem::Problem;
use super::route::{Policy, RouteInfo, Routes};

#[derive(utoipa::OpenApi)]
#[openapi(components(schemas(Problem)))]
struct Shared;

/// The document of these routes. What the guard adds to every route (who may call it, what a refusal looks like) is
/// added here from the registry, so that no handler can forget it.
#[must_use]
pub fn document(routes: &Routes) -> Value {
    let info = InfoBuilder::new().title("Lastmile").version(env!("CARGO_PKG_VERSION")).description(Some(
        "Everything the console does. Errors are application/problem+json (RFC 9457). \
             Reads take the header Lastmile-Branch with the id of one branch: they answer for that branch alone.",
    ));
    let mut all = OpenApiBuilder::new().info(info.build()).build();
    all.merge(Shared::openapi());
    for doc in routes.docs() {
        all.merge(doc.clone());
    }
    let mut document = serde_json::to_value(&all).unwrap_or_default();
    document["components"]["securitySchemes"] = json!({
        "session": {"type": "apiKey", "in": "cookie", "name": super::guard::COOKIE},
        "token": {"type": "http", "scheme": "bearer"},
    });
    for route in routes.registry() {
        describe(&mut document, &route);
    }
    document
}

fn describe(document: &mut Value, route: &RouteInfo) {
    let method = route.method.as_str().to_ascii_lowercase();
    let Some(operation) = document["paths"].get_mut(route.path).and_then(|path| path.get_mut(method)) else { return };
    let security = match route.policy {
        Policy::Public => json!([]),
        Policy::SignedIn | Policy::Staff(_) => json!([{"session": []}, {"token": []}]),
    };
    operation["security"] = security;
    if let Policy::Staff(permission) = route.policy {
        operation["x-permission"] = json!(permission);
    }
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    let refusal = json!({
        "description": "A refusal",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    });
    // A handler names what it refuses with; that a refusal is a problem, and is sent as one, is the same everywhere.
    for (_, response) in responses.iter_mut().filter(|(status, _)| status.starts_with(['4', '5'])) {
        if let Some(content) = response.get_mut("content").and_then(Value::as_object_mut)
            && let Some(json) = content.remove("application/json")
        {
            content.insert("application/problem+json".to_owned(), json);
        }
    }
    for status in ["4XX", "5XX"] {
        responses.entry(status).or_insert_with(|| refusal.clone());
    }
}

/// The routes of the document and of its page.
pub(super) fn routes(document: &Arc<Value>) -> Routes {
    let (json, page) = (Arc::clone(document), page(document));
    Routes::new()
        .route(Method::GET, "/api/v1/openapi.json", Policy::Public, move || {
            let json = Arc::clone(&json);
            async move { Json((*json).clone()) }
        })
        .route(Method::GET, "/api/docs", Policy::Public, move || {
            let page = page.clone();
            async move { Html(page) }
        })
}

/// A page without scripts: one section for each tag, one line for each operation.
fn page(document: &Value) -> String {
    let mut rows: Vec<(String, String)> = Vec::new();
    for (path, methods) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let tag = operation["tags"][0].as_str().unwrap_or("other").to_owned();
            let needs = operation["x-permission"].as_str().unwrap_or("");
            let text = operation["summary"].as_str().or_else(|| operation["description"].as_str()).unwrap_or("");
            let row = format!(
                "<tr><td><code>{}</code></td><td><code>{}</code></td><td>{}</td><td><code>{}</code></td></tr>",
                escape(&method.to_uppercase()),
                escape(path),
                escape(text),
                escape(needs)
            );
            rows.push((tag, row));
        }
    }
    rows.sort();
    let mut html = String::from(
        "<!doctype html><html lang=en><head><meta charset=utf-8><title>Lastmile API</title></head><body>\
         <h1>Lastmile API</h1><p>The whole description, for programs: <a href=/api/v1/openapi.json>openapi.json</a>. \
         Programs send <code>Authorization: Bearer TOKEN</code>.</p>",
    );
    let mut current = None;
    for (tag, row) in rows {
        if current.as_ref() != Some(&tag) {
            let end = if current.is_some() { "</table>" } else { "" };
            let _ = write!(html, "{end}<h2>{}</h2><table cellpadding=4>", escape(&tag));
            current = Some(tag);
        }
        html.push_str(&row);
    }
    html.push_str("</table></body></html>");
    html
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
