//! The web: an API with a face. Routes exist only with a policy, extractors stand for permissions, every refusal is
//! `application/problem+json`.
//!
//! A domain gives [`Routes`]; `boot` puts them together with [`server::router`]. A handler gets [`App`] as state and
//! takes [`Caller`](crate::access::Caller), [`Body`], [`Params`], [`Id`] and [`IdempotencyKey`] as it needs them.

mod api;
mod app;
mod approvals;
pub mod csv;
mod docs;
mod extract;
mod forwarded;
mod guard;
mod headers;
mod health;
mod idempotency;
mod live;
mod me;
mod pages;
mod problem;
mod route;
pub mod server;
mod sign_in;

pub use app::{App, Check};
pub use axum::extract::State;
pub use axum::http::{Method, StatusCode};
pub use axum::response::{IntoResponse, Response};
pub use docs::document;
pub use extract::{Body, Id, Ids, Params};
pub use idempotency::{IdempotencyKey, STATEMENTS, purge as purge_answers};
pub use problem::Problem;
pub use route::{Policy, RouteInfo, Routes};
pub use sign_in::{SignInAnswer, entered};

/// An answer as JSON.
pub use axum::Json;
