//! Routes of customers, except their list (`reports`).

use lastmile_protocol::ids::{CustomerId, ResellerId, StaffId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};

use super::{Customer, CustomerChange, NewCustomer, Viewer, Viewers};
use crate::access::Caller;
use crate::db::Tx;
use crate::domains::{branches, ledger};
use crate::kernel::{Fault, Money};
use crate::web::{App, Body, Id, Json, Method, Params, Policy, Problem, Routes, State, StatusCode};

/// The routes.
#[must_use]
pub fn routes() -> Routes {
    let (assigns, resells) = (Policy::Staff("customers:assign"), Policy::Staff("resellers:write"));
    Routes::new()
        .route(Method::POST, "/api/v1/customers", Policy::Staff("customers:write"), create)
        .route(Method::GET, "/api/v1/customers/{id}", Policy::Staff("customers:read"), show)
        .route(Method::PATCH, "/api/v1/customers/{id}", Policy::Staff("customers:write"), change)
        .route(Method::POST, "/api/v1/customers/{id}/assignments", assigns, assign)
        .route(Method::DELETE, "/api/v1/customers/{id}/assignments", assigns, unassign)
        .route(Method::PUT, "/api/v1/customers/{id}/reseller", resells, give)
        .route(Method::DELETE, "/api/v1/customers/{id}/reseller", resells, take_back)
        .doc(Doc::openapi())
}

#[derive(OpenApi)]
#[openapi(
    paths(create, show, change, assign, unassign, give, take_back),
    components(schemas(CustomerView, NewCustomer, CustomerChange, Viewer, Viewers, Assignment, ResellerOf))
)]
struct Doc;

/// To whom a customer is assigned.
#[derive(Debug, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields)]
struct Assignment {
    /// The person.
    #[schema(value_type = String)]
    #[param(value_type = String)]
    staff_id: StaffId,
}

/// Whose customer it becomes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ResellerOf {
    /// The reseller.
    #[schema(value_type = String)]
    reseller_id: ResellerId,
}

/// A customer with the credit that there is, and who looks after it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Customer)]
struct CustomerView {
    #[serde(flatten)]
    customer: Customer,
    /// Paid ahead and not spent.
    credit: Money,
    #[serde(flatten)]
    viewers: Viewers,
}

async fn view(tx: &mut Tx, customer: Customer) -> Result<CustomerView, Fault> {
    let branch = branches::load(tx, customer.branch_id).await?;
    let credit = ledger::credit(tx, branch.id, customer.id, branch.currency).await?;
    let viewers = super::viewers(tx, customer.id).await?;
    Ok(CustomerView { customer, credit, viewers })
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

/// Assigns a customer to a person, who then sees it where they see assigned customers only. Twice is once.
#[utoipa::path(post, path = "/api/v1/customers/{id}/assignments", tag = "customers", params(("id" = String, Path)),
    request_body = Assignment, responses((status = 200, body = CustomerView), (status = 403, body = Problem),
    (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn assign(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<CustomerId>,
    Body(to): Body<Assignment>,
) -> Result<Json<CustomerView>, Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    let customer = super::assign(&mut tx, &caller.actor, id, to.staff_id).await?;
    let view = view(&mut tx, customer).await?;
    tx.commit().await?;
    Ok(Json(view))
}

/// Takes a customer from a person.
#[utoipa::path(delete, path = "/api/v1/customers/{id}/assignments", tag = "customers",
    params(("id" = String, Path), Assignment), responses((status = 200, body = CustomerView),
    (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn unassign(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<CustomerId>,
    Params(from): Params<Assignment>,
) -> Result<Json<CustomerView>, Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    let customer = super::unassign(&mut tx, &caller.actor, id, from.staff_id).await?;
    let view = view(&mut tx, customer).await?;
    tx.commit().await?;
    Ok(Json(view))
}

/// Gives a customer to a reseller of its branch.
#[utoipa::path(put, path = "/api/v1/customers/{id}/reseller", tag = "customers", params(("id" = String, Path)),
    request_body = ResellerOf, responses((status = 200, body = CustomerView), (status = 403, body = Problem),
    (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn give(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<CustomerId>,
    Body(to): Body<ResellerOf>,
) -> Result<Json<CustomerView>, Fault> {
    give_to(&app, &caller, id, Some(to.reseller_id)).await
}

/// Gives a customer back to its branch.
#[utoipa::path(delete, path = "/api/v1/customers/{id}/reseller", tag = "customers", params(("id" = String, Path)),
    responses((status = 200, body = CustomerView), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn take_back(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<CustomerId>,
) -> Result<Json<CustomerView>, Fault> {
    give_to(&app, &caller, id, None).await
}

async fn give_to(
    app: &App,
    caller: &Caller,
    id: CustomerId,
    to: Option<ResellerId>,
) -> Result<Json<CustomerView>, Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    let customer = super::give_to_reseller(&mut tx, &caller.actor, id, to).await?;
    let view = view(&mut tx, customer).await?;
    tx.commit().await?;
    Ok(Json(view))
}
