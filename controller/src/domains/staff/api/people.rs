//! Routes of people: list, invite, change, dismiss, take back.

use lastmile_protocol::ids::StaffId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};

use super::super::{Filter, NewInvitation, Staff, StaffChange, Status, invite};
use crate::access::{Caller, Link, open_invitation_of};
use crate::domains::staff;
use crate::kernel::paging::{Page, PageParams};
use crate::kernel::{At, Fault};
use crate::web::{App, Body, Id, Json, Method, Params, Policy, Problem, Routes, State, StatusCode};

#[derive(OpenApi)]
#[openapi(paths(list, add, show, change, invite_again, deactivate, reactivate, password_reset, reset_second_factor))]
struct Doc;

/// The routes of this file.
pub(super) fn routes() -> Routes {
    let (read, write) = (Policy::Staff("staff:read"), Policy::Staff("staff:write"));
    Routes::new()
        .route(Method::GET, "/api/v1/staff", read, list)
        .route(Method::POST, "/api/v1/staff", write, add)
        .route(Method::GET, "/api/v1/staff/{id}", read, show)
        .route(Method::PATCH, "/api/v1/staff/{id}", write, change)
        .route(Method::POST, "/api/v1/staff/{id}/invite", write, invite_again)
        .route(Method::POST, "/api/v1/staff/{id}/deactivate", write, deactivate)
        .route(Method::POST, "/api/v1/staff/{id}/reactivate", write, reactivate)
        .route(Method::POST, "/api/v1/staff/{id}/password-reset", write, password_reset)
        .route(Method::POST, "/api/v1/staff/{id}/second-factor/reset", write, reset_second_factor)
        .doc(Doc::openapi())
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct ListParams {
    /// Part of name, sign-in name, telephone or e-mail.
    search: Option<String>,
    /// With this role.
    role: Option<String>,
    /// `invited`, `active` or `inactive`.
    status: Option<Status>,
    /// Most rows wanted (1-500, 50 when absent).
    limit: Option<i64>,
    /// Cursor from `next` of the page before.
    after: Option<String>,
}

/// A link that was made for somebody. It is sent to their e-mail or telephone as well, where a way is set up.
#[derive(Debug, Serialize, ToSchema)]
struct InvitationLink {
    /// Where a password is chosen; for handing over by hand. Shown once, works once.
    link: String,
    /// Until when it works.
    expires_at: At,
}

impl From<Link> for InvitationLink {
    fn from(link: Link) -> Self {
        Self { link: link.url.into_inner(), expires_at: link.expires_at }
    }
}

/// Somebody who was invited.
#[derive(Debug, Serialize, ToSchema)]
struct InvitedStaff {
    /// The person.
    staff: Staff,
    /// The link.
    invitation: InvitationLink,
}

/// One person.
#[derive(Debug, Serialize, ToSchema)]
struct StaffDetail {
    /// The person.
    #[serde(flatten)]
    staff: Staff,
    /// Until when an open invitation works.
    invitation_expires_at: Option<At>,
}

/// Staff of the caller's branches, by name.
#[utoipa::path(get, path = "/api/v1/staff", tag = "staff", params(ListParams),
    responses((status = 200, body = Page<Staff>), (status = 422, body = Problem)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(params): Params<ListParams>,
) -> Result<Json<Page<Staff>>, Fault> {
    let page = PageParams { limit: params.limit, after: params.after };
    let (limit, after) = (page.limit(), page.after()?);
    let search = params.search.filter(|search| !search.trim().is_empty());
    if search.as_ref().is_some_and(|search| search.len() > 200) {
        return Err(Fault::field("search", "must be at most 200 bytes"));
    }
    let filter = Filter { search, role: params.role, status: params.status };
    let mut tx = app.db.read(&caller.scope).await?;
    let rows = staff::list(&mut tx, &filter, after.as_ref(), limit + 1).await?;
    Ok(Json(Page::cut(rows, limit, |row| (row.name.clone(), row.id.to_string()))))
}

/// Invite somebody: they get a link by which they choose a password. Nobody gives a role that may do more than they.
#[utoipa::path(post, path = "/api/v1/staff", tag = "staff", request_body = NewInvitation, responses(
    (status = 201, body = InvitedStaff), (status = 403, body = Problem), (status = 404, body = Problem),
    (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn add(
    State(app): State<App>,
    caller: Caller,
    Body(new): Body<NewInvitation>,
) -> Result<(StatusCode, Json<InvitedStaff>), Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    let (staff, link) = staff::invite(&mut tx, &app.access, &app.keyring, &caller, new).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(InvitedStaff { staff, invitation: link.into() })))
}

/// One person.
#[utoipa::path(get, path = "/api/v1/staff/{id}", tag = "staff", params(("id" = String, Path)),
    responses((status = 200, body = StaffDetail), (status = 404, body = Problem)))]
async fn show(State(app): State<App>, caller: Caller, Id(id): Id<StaffId>) -> Result<Json<StaffDetail>, Fault> {
    let mut tx = app.db.read(&caller.scope).await?;
    let staff = staff::load(&mut tx, id).await?;
    let invitation_expires_at = open_invitation_of(&mut tx, id).await?;
    Ok(Json(StaffDetail { staff, invitation_expires_at }))
}

/// Change a person: name, how they are reached, role, branches, reseller.
#[utoipa::path(patch, path = "/api/v1/staff/{id}", tag = "staff", params(("id" = String, Path)),
    request_body = StaffChange, responses((status = 200, body = Staff), (status = 403, body = Problem),
    (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn change(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<StaffId>,
    Body(change): Body<StaffChange>,
) -> Result<Json<Staff>, Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    let staff = staff::change(&mut tx, &caller, id, change).await?;
    tx.commit().await?;
    Ok(Json(staff))
}

/// Invite somebody again who has not answered. The older link works no more.
#[utoipa::path(post, path = "/api/v1/staff/{id}/invite", tag = "staff", params(("id" = String, Path)), responses(
    (status = 200, body = InvitedStaff), (status = 403, body = Problem), (status = 404, body = Problem),
    (status = 409, body = Problem)))]
async fn invite_again(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<StaffId>,
) -> Result<Json<InvitedStaff>, Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    let (staff, link) = invite::invite_again(&mut tx, &app.access, &app.keyring, &caller, id).await?;
    tx.commit().await?;
    Ok(Json(InvitedStaff { staff, invitation: link.into() }))
}

/// Who takes over, and why somebody goes.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Deactivation {
    /// Who takes over what is open.
    #[schema(value_type = Option<String>)]
    heir_id: Option<StaffId>,
    /// In words.
    #[serde(default)]
    reason: String,
}

/// Dismiss somebody: their sessions, tokens and links end at once.
#[utoipa::path(post, path = "/api/v1/staff/{id}/deactivate", tag = "staff", params(("id" = String, Path)),
    request_body = Deactivation, responses((status = 200, body = Staff), (status = 403, body = Problem),
    (status = 404, body = Problem), (status = 409, description = "The last owner, or oneself", body = Problem),
    (status = 422, body = Problem)))]
async fn deactivate(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<StaffId>,
    Body(given): Body<Deactivation>,
) -> Result<Json<Staff>, Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    let staff = staff::deactivate(&mut tx, &caller, id, given.heir_id, &given.reason).await?;
    tx.commit().await?;
    Ok(Json(staff))
}

/// Take somebody back, by a new invitation.
#[utoipa::path(post, path = "/api/v1/staff/{id}/reactivate", tag = "staff", params(("id" = String, Path)), responses(
    (status = 200, body = InvitedStaff), (status = 403, body = Problem), (status = 404, body = Problem),
    (status = 409, body = Problem)))]
async fn reactivate(State(app): State<App>, caller: Caller, Id(id): Id<StaffId>) -> Result<Json<InvitedStaff>, Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    let (staff, link) = staff::reactivate(&mut tx, &app.access, &app.keyring, &caller, id).await?;
    tx.commit().await?;
    Ok(Json(InvitedStaff { staff, invitation: link.into() }))
}

/// Send somebody a link and a code for a new password. The sender sees neither.
#[utoipa::path(post, path = "/api/v1/staff/{id}/password-reset", tag = "staff", params(("id" = String, Path)),
    responses((status = 202), (status = 403, body = Problem), (status = 404, body = Problem),
    (status = 409, body = Problem)))]
async fn password_reset(State(app): State<App>, caller: Caller, Id(id): Id<StaffId>) -> Result<StatusCode, Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    let person = staff::load(&mut tx, id).await?;
    crate::access::roles::may_touch(&caller, &crate::access::roles::load(&mut tx, &person.role).await?)?;
    if person.status != Status::Active {
        return Err(Fault::conflict("not_active", "only somebody who has a password can get a new one"));
    }
    if person.email.is_empty() && person.phone.is_empty() {
        return Err(Fault::conflict("not_reachable", "this person has neither e-mail nor telephone"));
    }
    staff::send_reset(&mut tx, &app.access, &app.keyring, &caller.actor, &person).await?;
    tx.commit().await?;
    Ok(StatusCode::ACCEPTED)
}

/// Remove the second factor of somebody who has lost telephone and recovery codes. Their sessions end.
#[utoipa::path(post, path = "/api/v1/staff/{id}/second-factor/reset", tag = "staff", params(("id" = String, Path)),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem),
    (status = 409, body = Problem)))]
async fn reset_second_factor(State(app): State<App>, caller: Caller, Id(id): Id<StaffId>) -> Result<StatusCode, Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    staff::reset_second_factor(&mut tx, &caller, id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
