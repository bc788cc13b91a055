//! Routes of payments.

use lastmile_protocol::ids::{CustomerId, PaymentId, SubscriptionId};
use serde::Deserialize;
use utoipa::{IntoParams, OpenApi};

use super::{NewPayment, Payment, Quote};
use crate::access::Caller;
use crate::kernel::Fault;
use crate::kernel::paging::{self, Page};
use crate::web::{App, Body, Id, IdempotencyKey, Json, Method, Params, Policy, Problem, Routes, State, StatusCode};

/// The routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .route(Method::GET, "/api/v1/payments", Policy::Staff("payments:read"), list)
        .route(Method::POST, "/api/v1/payments", Policy::Staff("payments:take"), take)
        .route(Method::GET, "/api/v1/payments/{id}", Policy::Staff("payments:read"), show)
        .route(Method::GET, "/api/v1/subscriptions/{id}/quote", Policy::Staff("payments:read"), quote)
        .doc(Doc::openapi())
}

#[derive(OpenApi)]
#[openapi(paths(list, take, show, quote), components(schemas(Payment, NewPayment, Quote)))]
struct Doc;

/// Which payments.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct ListParams {
    /// Of this customer; all when absent.
    #[param(value_type = Option<String>)]
    customer_id: Option<CustomerId>,
    /// Most rows wanted (1-500, 50 when absent).
    limit: Option<i64>,
    /// Cursor from `next` of the page before.
    after: Option<String>,
}

/// What would be paid.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct QuoteParams {
    /// Minor units of the branch's currency.
    amount_minor: i64,
}

/// Payments, newest first.
#[utoipa::path(get, path = "/api/v1/payments", tag = "payments", params(ListParams),
    responses((status = 200, body = Page<Payment>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(params): Params<ListParams>,
) -> Result<Json<Page<Payment>>, Fault> {
    let limit = paging::limit(params.limit);
    let after: Option<(i64, String)> = params.after.as_deref().map(paging::parse_cursor).transpose()?;
    let mut tx = app.db.read(&caller.scope).await?;
    let rows = super::list(&mut tx, params.customer_id, after, limit + 1).await?;
    Ok(Json(Page::cut(rows, limit, |last| (last.at.0, last.id.to_string()))))
}

/// Takes cash. Posted once for each `Idempotency-Key`, whatever happens to the answer.
#[utoipa::path(post, path = "/api/v1/payments", tag = "payments", request_body = NewPayment,
    params(("Idempotency-Key" = String, Header, description = "Unique for this payment")), responses(
    (status = 201, body = Payment), (status = 404, body = Problem),
    (status = 409, description = "The key was used for another payment, or the subscription has ended", body = Problem),
    (status = 422, body = Problem)))]
async fn take(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Body(new): Body<NewPayment>,
) -> Result<(StatusCode, Json<Payment>), Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    let taken = super::take(&mut tx, &app.keyring, &app.config, &caller.actor, &new, key.key()).await?;
    let payment = taken.payment();
    key.keep(&mut tx, StatusCode::CREATED, &payment).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(payment)))
}

/// One payment.
#[utoipa::path(get, path = "/api/v1/payments/{id}", tag = "payments", params(("id" = String, Path)),
    responses((status = 200, body = Payment), (status = 404, body = Problem)))]
async fn show(State(app): State<App>, caller: Caller, Id(id): Id<PaymentId>) -> Result<Json<Payment>, Fault> {
    let mut tx = app.db.read(&caller.scope).await?;
    Ok(Json(super::load(&mut tx, id).await?))
}

/// What an amount would do for a subscription. Nothing is written.
#[utoipa::path(get, path = "/api/v1/subscriptions/{id}/quote", tag = "payments",
    params(("id" = String, Path), QuoteParams), responses((status = 200, body = Quote), (status = 404, body = Problem),
    (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn quote(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<SubscriptionId>,
    Params(params): Params<QuoteParams>,
) -> Result<Json<Quote>, Fault> {
    let mut tx = app.db.read(&caller.scope).await?;
    Ok(Json(super::quote(&mut tx, &app.config, id, params.amount_minor).await?))
}
