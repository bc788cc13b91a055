//! Ways in for who has no password: an invitation, and the help for a forgotten one. For everybody, so they tell little:
//! an answer says nothing about whether somebody exists.

use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::super::send_reset;
use crate::access::{Client, Invited, ResetProof};
use crate::kernel::{Actor, At, Fault, Scope};
use crate::secrets::Secret;
use crate::web::{
    self, App, Body, Id, Json, Method, Policy, Problem, Response, Routes, SignInAnswer, State, StatusCode,
};

#[derive(OpenApi)]
#[openapi(paths(invitation, accept, ask, reset, confirm))]
struct Doc;

/// The routes of this file.
pub(super) fn routes() -> Routes {
    let all = Policy::Public;
    Routes::new()
        .route(Method::GET, "/api/v1/invitations/{token}", all, invitation)
        .route(Method::POST, "/api/v1/invitations/{token}/accept", all, accept)
        .route(Method::POST, "/api/v1/password-reset", all, ask)
        .route(Method::GET, "/api/v1/password-reset/{token}", all, reset)
        .route(Method::POST, "/api/v1/password-reset/confirm", all, confirm)
        .doc(Doc::openapi())
}

/// Whom a link is for.
#[derive(Debug, Serialize, ToSchema)]
struct LinkView {
    /// Name to show.
    name: String,
    /// Sign-in name.
    username: String,
    /// What people call the role.
    role_title: String,
    /// `en` or `bn`.
    language: String,
    /// Whether a second factor is set up on the way.
    second_factor_required: bool,
    /// Until when it works.
    expires_at: At,
}

impl From<Invited> for LinkView {
    fn from(invited: Invited) -> Self {
        let staff = invited.staff;
        Self {
            name: staff.name,
            username: staff.username,
            role_title: staff.role_title,
            language: staff.language,
            second_factor_required: staff.second_factor_required && !staff.second_factor,
            expires_at: invited.expires_at,
        }
    }
}

/// Whom an invitation is for.
#[utoipa::path(get, path = "/api/v1/invitations/{token}", tag = "sign-in", params(("token" = String, Path)),
    responses((status = 200, body = LinkView), (status = 404, description = "Unknown, used or too old", body = Problem)))]
async fn invitation(State(app): State<App>, Id(token): Id<String>) -> Result<Json<LinkView>, Fault> {
    let mut tx = app.db.read(&Scope::All).await?;
    Ok(Json(app.access.invitation(&mut tx, &token).await?.into()))
}

/// A password that is chosen.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Chosen {
    /// At least 8 characters, not one that everybody tries first.
    #[schema(value_type = String, format = Password)]
    password: Secret<String>,
}

/// Take an invitation: choose a password, and be signed in; or set up the second factor that the role demands.
#[utoipa::path(post, path = "/api/v1/invitations/{token}/accept", tag = "sign-in", params(("token" = String, Path)),
    request_body = Chosen, responses((status = 200, body = SignInAnswer), (status = 404, body = Problem),
    (status = 422, body = Problem)))]
async fn accept(
    State(app): State<App>,
    client: Client,
    headers: HeaderMap,
    Id(token): Id<String>,
    Body(chosen): Body<Chosen>,
) -> Result<Response, Fault> {
    let outcome = app.access.accept_invitation(&app.db, &token, chosen.password, &client).await?;
    web::entered(&app, &headers, outcome).await
}

/// Who has forgotten a password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ForgottenPassword)]
struct Forgotten {
    /// Sign-in name or e-mail address.
    username: String,
}

/// Ask for a new password. A link and a code go to the person's e-mail or telephone; the answer is the same when there
/// is no such person.
#[utoipa::path(post, path = "/api/v1/password-reset", tag = "sign-in", request_body = Forgotten,
    responses((status = 202), (status = 422, body = Problem), (status = 429, body = Problem)))]
async fn ask(State(app): State<App>, client: Client, Body(forgotten): Body<Forgotten>) -> Result<StatusCode, Fault> {
    let mut tx = app.db.begin(&Scope::All).await?;
    if let Some(staff) = app.access.asks_for_reset(&mut tx, &forgotten.username, &client).await? {
        let person = super::super::load(&mut tx, staff.id).await?;
        let actor = Actor { from: client.address, ..Actor::system() };
        send_reset(&mut tx, &app.access, &app.keyring, &actor, &person).await?;
        tx.commit().await?;
    }
    Ok(StatusCode::ACCEPTED)
}

/// Whether the link of a password reset still works, and whose it is.
#[utoipa::path(get, path = "/api/v1/password-reset/{token}", tag = "sign-in", params(("token" = String, Path)),
    responses((status = 200, body = LinkView), (status = 404, description = "Unknown, used or too old", body = Problem)))]
async fn reset(State(app): State<App>, Id(token): Id<String>) -> Result<Json<LinkView>, Fault> {
    let mut tx = app.db.read(&Scope::All).await?;
    Ok(Json(app.access.reset(&mut tx, &token).await?.into()))
}

/// A new password for who has a link or a code.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ResetConfirmation {
    /// What stands at the end of the link; or else `username` and `code`.
    #[schema(value_type = Option<String>)]
    token: Option<Secret<String>>,
    /// Sign-in name or e-mail address, with `code`.
    username: Option<String>,
    /// The code that was sent.
    #[schema(value_type = Option<String>)]
    code: Option<Secret<String>>,
    /// At least 8 characters, not one that everybody tries first.
    #[schema(value_type = String, format = Password)]
    password: Secret<String>,
}

/// Choose the new password. All sessions end; sign in with it afterwards.
#[utoipa::path(post, path = "/api/v1/password-reset/confirm", tag = "sign-in", request_body = ResetConfirmation,
    responses((status = 204), (status = 404, description = "The link is unknown, used or too old", body = Problem),
    (status = 422, body = Problem), (status = 429, body = Problem)))]
async fn confirm(
    State(app): State<App>,
    client: Client,
    Body(given): Body<ResetConfirmation>,
) -> Result<StatusCode, Fault> {
    let proof = match (&given.token, &given.username, &given.code) {
        (Some(token), None, None) => ResetProof::Link(token.expose()),
        (None, Some(who), Some(code)) => ResetProof::Code { who, code: code.expose() },
        _ => return Err(Fault::field("token", "either token, or username and code are needed")),
    };
    app.access.reset_password(&app.db, proof, given.password.clone(), &client).await?;
    Ok(StatusCode::NO_CONTENT)
}
