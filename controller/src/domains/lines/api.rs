//! Routes of subscriptions and holds.

use lastmile_protocol::ids::{BranchId, CustomerId, HoldId, SubscriptionId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};

use super::approval::{BACKDATE, alone, alone_at_start};
use super::{
    Hold, Move, MoveNeeds, MovePreview, MoveSubscription, NamedBranch, NewHold, NewSubscription, Subscription,
    SubscriptionChange, SubscriptionView,
};
use crate::access::Caller;
use crate::db::Tx;
use crate::domains::network::{self, ProofView};
use crate::kernel::Fault;
use crate::kernel::paging::{Page, PageParams};
use crate::web::{App, Body, Id, Json, Method, Params, Policy, Problem, Routes, State, StatusCode};

/// The routes.
#[must_use]
pub fn routes() -> Routes {
    let (read, write) = (Policy::Staff("subscriptions:read"), Policy::Staff("subscriptions:write"));
    Routes::new()
        .route(Method::GET, "/api/v1/subscriptions", read, list)
        .route(Method::POST, "/api/v1/subscriptions", write, create)
        .route(Method::GET, "/api/v1/subscriptions/{id}", read, show)
        .route(Method::PATCH, "/api/v1/subscriptions/{id}", write, change)
        .route(Method::DELETE, "/api/v1/subscriptions/{id}", write, end)
        .route(Method::GET, "/api/v1/subscriptions/{id}/password", Policy::Staff("subscriptions:password"), password)
        .route(Method::GET, "/api/v1/subscriptions/{id}/proofs", read, proofs)
        .route(Method::POST, "/api/v1/subscriptions/{id}/holds", Policy::Staff("holds:place"), place_hold)
        .route(Method::POST, "/api/v1/holds/{id}/release", Policy::Staff("holds:release"), release)
        .route(Method::GET, "/api/v1/customers/{id}/move", Policy::Staff("customers:move"), preview_move)
        .route(Method::POST, "/api/v1/customers/{id}/move", Policy::Staff("customers:move"), move_customer)
        .doc(Doc::openapi())
}

#[derive(OpenApi)]
#[openapi(
    paths(list, create, show, change, end, password, proofs, place_hold, release, preview_move, move_customer),
    components(schemas(
        SubscriptionView,
        NewSubscription,
        SubscriptionChange,
        NewHold,
        Hold,
        Release,
        PasswordView,
        Move,
        MoveSubscription,
        MovePreview,
        MoveNeeds,
        NamedBranch
    ))
)]
struct Doc;

/// Which subscriptions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct ListParams {
    /// Of this customer.
    #[param(value_type = String)]
    customer_id: CustomerId,
}

/// Why a hold is released.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Release {
    /// In words.
    #[serde(default)]
    note: String,
}

/// A password that a person asked for.
#[derive(Debug, Serialize, ToSchema)]
struct PasswordView {
    /// In clear.
    password: String,
}

async fn view(tx: &mut Tx, app: &App, subscription: &Subscription) -> Result<SubscriptionView, Fault> {
    super::view(tx, &app.config, &app.live, subscription).await
}

/// Subscriptions of a customer, oldest first, ended ones too.
#[utoipa::path(get, path = "/api/v1/subscriptions", tag = "subscriptions", params(ListParams),
    responses((status = 200, body = Page<SubscriptionView>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(params): Params<ListParams>,
) -> Result<Json<Page<SubscriptionView>>, Fault> {
    let mut tx = app.db.read(&caller.scope).await?;
    let all = super::of_customer(&mut tx, params.customer_id).await?;
    let items = super::views(&mut tx, &app.config, &app.live, &all).await?;
    Ok(Json(Page { items, next: None }))
}

/// Makes a subscription and its line. A date of its own needs `subscriptions:backdate`, and lies within the days that one
/// person may give (`needs_approval`).
#[utoipa::path(post, path = "/api/v1/subscriptions", tag = "subscriptions", request_body = NewSubscription, responses(
    (status = 201, body = SubscriptionView),
    (status = 409, description = "The username or address is taken at this POP", body = Problem),
    (status = 422, body = Problem)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(new): Body<NewSubscription>,
) -> Result<(StatusCode, Json<SubscriptionView>), Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    if let Some(wanted) = new.paid_until {
        caller.must(BACKDATE)?;
        alone_at_start(&tx, &app.config, wanted)?;
    }
    let subscription = super::create(&mut tx, &app.keyring, &caller.actor, new).await?;
    let view = view(&mut tx, &app, &subscription).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(view)))
}

/// One subscription.
#[utoipa::path(get, path = "/api/v1/subscriptions/{id}", tag = "subscriptions", params(("id" = String, Path)),
    responses((status = 200, body = SubscriptionView), (status = 404, body = Problem)))]
async fn show(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<SubscriptionId>,
) -> Result<Json<SubscriptionView>, Fault> {
    let mut tx = app.db.read(&caller.scope).await?;
    let subscription = super::load(&mut tx, id).await?;
    Ok(Json(view(&mut tx, &app, &subscription).await?))
}

/// Changes package, router, access or (with `subscriptions:backdate`) the date. A date that pays the line clears its
/// nonpayment hold. More days than one person may give need an approval (`needs_approval`).
#[utoipa::path(patch, path = "/api/v1/subscriptions/{id}", tag = "subscriptions", params(("id" = String, Path)),
    request_body = SubscriptionChange, responses((status = 200, body = SubscriptionView),
    (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem),
    (status = 422, body = Problem)))]
async fn change(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<SubscriptionId>,
    Body(change): Body<SubscriptionChange>,
) -> Result<Json<SubscriptionView>, Fault> {
    let dated = change.paid_until.is_some();
    if dated {
        caller.must(BACKDATE)?;
    }
    let mut tx = app.db.begin(&caller.scope).await?;
    if let Some(wanted) = change.paid_until {
        alone(&mut tx, &app.config, id, wanted).await?;
    }
    let subscription = super::change(&mut tx, &app.keyring, &caller.actor, id, change).await?;
    if dated {
        super::release_if_paid(&mut tx, &app.config, &caller.actor, id).await?;
    }
    let view = view(&mut tx, &app, &subscription).await?;
    tx.commit().await?;
    Ok(Json(view))
}

/// Ends a subscription: its line is removed from the router.
#[utoipa::path(delete, path = "/api/v1/subscriptions/{id}", tag = "subscriptions", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn end(State(app): State<App>, caller: Caller, Id(id): Id<SubscriptionId>) -> Result<StatusCode, Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    super::end(&mut tx, &caller.actor, id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The PPPoE password in clear. That it was shown, and to whom, stands in the record.
#[utoipa::path(get, path = "/api/v1/subscriptions/{id}/password", tag = "subscriptions",
    params(("id" = String, Path)), responses((status = 200, body = PasswordView), (status = 404, body = Problem),
    (status = 409, description = "A static line has none", body = Problem)))]
async fn password(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<SubscriptionId>,
) -> Result<Json<PasswordView>, Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    let password = super::show_password(&mut tx, &app.keyring, &caller.actor, id).await?;
    tx.commit().await?;
    Ok(Json(PasswordView { password: password.into_inner() }))
}

/// What agents proved of the line, newest first.
#[utoipa::path(get, path = "/api/v1/subscriptions/{id}/proofs", tag = "subscriptions",
    params(("id" = String, Path), PageParams), responses((status = 200, body = Page<ProofView>),
    (status = 404, body = Problem)))]
async fn proofs(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<SubscriptionId>,
    Params(page): Params<PageParams>,
) -> Result<Json<Page<ProofView>>, Fault> {
    let until: i64 = page.after()?.unwrap_or(i64::MAX);
    let mut tx = app.db.read(&caller.scope).await?;
    let subscription = super::load(&mut tx, id).await?;
    let rows = network::proofs(&mut tx, subscription.line_id, until, page.limit() + 1).await?;
    Ok(Json(Page::cut(rows, page.limit(), |last| last.received_at.0 - 1)))
}

/// Places a hold: the line is closed.
#[utoipa::path(post, path = "/api/v1/subscriptions/{id}/holds", tag = "subscriptions", params(("id" = String, Path)),
    request_body = NewHold, responses((status = 201, body = Hold), (status = 404, body = Problem),
    (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn place_hold(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<SubscriptionId>,
    Body(new): Body<NewHold>,
) -> Result<(StatusCode, Json<Hold>), Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    let subscription = super::load(&mut tx, id).await?;
    let hold = super::place_hold(&mut tx, &caller.actor, &subscription, new).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(hold)))
}

/// Clears a hold; the line opens if it was the last one.
#[utoipa::path(post, path = "/api/v1/holds/{id}/release", tag = "subscriptions", params(("id" = String, Path)),
    request_body = Release, responses((status = 204), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn release(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<HoldId>,
    Body(release): Body<Release>,
) -> Result<StatusCode, Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    super::clear_hold(&mut tx, &caller.actor, id, &release.note).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Where a customer would move to.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct MoveParams {
    /// The other branch.
    #[param(value_type = String)]
    branch_id: BranchId,
}

/// What moving a customer to a branch would need and do. Changes nothing.
#[utoipa::path(get, path = "/api/v1/customers/{id}/move", tag = "customers", params(("id" = String, Path), MoveParams),
    responses((status = 200, body = MovePreview), (status = 403, body = Problem), (status = 404, body = Problem),
    (status = 422, body = Problem)))]
async fn preview_move(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<CustomerId>,
    Params(params): Params<MoveParams>,
) -> Result<Json<MovePreview>, Fault> {
    let mut tx = app.db.read(&caller.scope).await?;
    Ok(Json(super::preview_move(&mut tx, id, params.branch_id).await?))
}

/// Moves a customer to another branch, with running subscriptions, lines, open holds and credit. What was stays in the
/// figures of the old branch.
#[utoipa::path(post, path = "/api/v1/customers/{id}/move", tag = "customers", params(("id" = String, Path)),
    request_body = Move, responses((status = 204), (status = 403, body = Problem),
    (status = 404, body = Problem), (status = 409, description = "The currencies differ", body = Problem),
    (status = 422, body = Problem)))]
async fn move_customer(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<CustomerId>,
    Body(wanted): Body<Move>,
) -> Result<StatusCode, Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    super::move_customer(&mut tx, &app.keyring, &caller.actor, id, wanted).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
