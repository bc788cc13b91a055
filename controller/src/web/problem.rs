//! Refusals as RFC 9457 `application/problem+json`. What went wrong inside stays inside: it goes to the log once.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::kernel::{Fault, FieldError};

/// A refusal, as the API says it.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// A stable name of the kind of problem, `/problems/area_in_use`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What kind of problem it is, in words.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// This very problem, in a sentence for people.
    pub detail: String,
    /// The fields that are wrong, where there are any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

impl Problem {
    /// A problem without field errors.
    #[must_use]
    pub fn new(status: StatusCode, code: &str, title: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("/problems/{code}"),
            title,
            status: status.as_u16(),
            detail: detail.into(),
            errors: Vec::new(),
        }
    }

    fn with(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors;
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let json = HeaderValue::from_static("application/problem+json");
        (status, [(header::CONTENT_TYPE, json)], body).into_response()
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let retry = match &self {
            Self::TooMany { retry_after_seconds } => Some(*retry_after_seconds),
            Self::Unavailable { .. } => Some(1),
            _ => None,
        };
        let unauthorized = matches!(self, Self::Unauthorized);
        let mut response = problem(self).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = retry {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if unauthorized {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

fn problem(fault: Fault) -> Problem {
    match fault {
        Fault::NotFound { what } => {
            Problem::new(StatusCode::NOT_FOUND, "not_found", "Not found", format!("there is no such {what}"))
        }
        Fault::Invalid(errors) => {
            let detail = errors.first().map_or_else(String::new, |first| format!("{}: {}", first.field, first.message));
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "The request has wrong fields", detail)
                .with(errors)
        }
        Fault::Conflict { code, detail } => {
            Problem::new(StatusCode::CONFLICT, code, "The state of things does not allow it", detail)
        }
        Fault::Taken { code, field, message } => {
            Problem::new(StatusCode::CONFLICT, code, "The value is taken", message.clone())
                .with(vec![FieldError { field: field.to_owned(), message }])
        }
        Fault::Forbidden { detail } => Problem::new(StatusCode::FORBIDDEN, "forbidden", "Not allowed", detail),
        Fault::Unauthorized => Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "Not signed in", "sign in first"),
        Fault::TooMany { retry_after_seconds } => Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many",
            "Too many tries",
            format!("try again in {retry_after_seconds} s"),
        ),
        Fault::Unavailable { detail } => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not available at the moment", detail)
        }
        Fault::Internal(source) => {
            tracing::error!(error = %chain(&*source), "a request failed inside");
            Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "Internal error",
                "something is wrong on our side; the log has it under this request's id",
            )
        }
    }
}

/// The refusal of a body of more than `max` bytes.
pub(super) fn too_large(max: usize) -> Response {
    let detail = format!("a request may have {max} bytes at most");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The body is too large", detail).into_response()
}

/// An error with its causes, in one line.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
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
    use super::*;

    #[test]
    fn the_inside_stays_inside() {
        let told = problem(Fault::internal("password of the database is hunter2"));
        assert!(!serde_json::to_string(&told).unwrap().contains("hunter2"));
        assert_eq!(told.status, 500);
    }

    #[test]
    fn fields_are_named() {
        let told = serde_json::to_value(problem(Fault::taken("username_taken", "access.username", "taken"))).unwrap();
        assert_eq!(told["status"], 409);
        assert_eq!(told["errors"][0]["field"], "access.username");
        assert_eq!(told["type"], "/problems/username_taken");
    }
}
