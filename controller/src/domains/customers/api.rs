//! Routes of customers, except their list (`reports`).

use lastmile_protocol::ids::CustomerId;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::{Customer, CustomerChange, NewCustomer};
use crate::access::Caller;
use crate::db::Tx;
use crate::domains::{branches, ledger};
use crate::kernel::{Fault, Money};
use crate::web::{App, Body, Id, Json, Method, Policy, Problem, Routes, State, StatusCode};

/// The routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .route(Method::POST, "/api/v1/customers", Policy::Staff("customers:write"), create)
        .route(Method::GET, "/api/v1/customers/{id}", Policy::Staff("customers:read"), show)
        .route(Method::PATCH, "/api/v1/customers/{id}", Policy::Staff("customers:write"), change)
        .doc(Doc::openapi())
}

#[derive(OpenApi)]
#[openapi(paths(create, show, change), components(schemas(CustomerView, NewCustomer, CustomerChange)))]
struct Doc;

/// A customer with the credit that there is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Customer)]
struct CustomerView {
    #[serde(flatten)]
    customer: Customer,
    /// Paid ahead and not spent.
    credit: Money,
}

async fn view(tx: &mut Tx, customer: Customer) -> Result<CustomerView, Fault> {
    let branch = branches::load(tx, customer.branch_id).await?;
    let credit = ledger::credit(tx, branch.id, customer.id, branch.currency).await?;
    Ok(CustomerView { customer, credit })
}

/// Makes a customer; the number is given.
#[utoipa::path(post, path = "/api/v1/customers", tag = "customers", request_body = NewCustomer, responses(
    (status = 201, body = CustomerView), (status = 422, body = Problem)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(mut new): Body<NewCustomer>,
) -> Result<(StatusCode, Json<CustomerView>), Fault> {
    if new.area_id.is_none() {
        new.branch_id = Some(caller.branch(new.branch_id)?);
    }
    let mut tx = app.db.begin(&caller.scope).await?;
    let customer = super::create(&mut tx, &caller.actor, new).await?;
    let view = view(&mut tx, customer).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(view)))
}

/// One customer.
#[utoipa::path(get, path = "/api/v1/customers/{id}", tag = "customers", params(("id" = String, Path)), responses(
    (status = 200, body = CustomerView), (status = 404, body = Problem)))]
async fn show(State(app): State<App>, caller: Caller, Id(id): Id<CustomerId>) -> Result<Json<CustomerView>, Fault> {
    let mut tx = app.db.read(&caller.scope).await?;
    let customer = super::load(&mut tx, id).await?;
    Ok(Json(view(&mut tx, customer).await?))
}

/// Changes a customer.
#[utoipa::path(patch, path = "/api/v1/customers/{id}", tag = "customers", params(("id" = String, Path)),
    request_body = CustomerChange, responses((status = 200, body = CustomerView), (status = 404, body = Problem),
    (status = 422, body = Problem)))]
async fn change(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<CustomerId>,
    Body(change): Body<CustomerChange>,
) -> Result<Json<CustomerView>, Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    let customer = super::change(&mut tx, &caller.actor, id, change).await?;
    let view = view(&mut tx, customer).await?;
    tx.commit().await?;
    Ok(Json(view))
}
