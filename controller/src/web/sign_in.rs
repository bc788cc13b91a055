//! Signing in and out: the password, the second factor, the cookie.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use utoipa::OpenApi as _;

use super::app::App;
use super::extract::Body;
use super::guard;
use super::problem::Problem;
use super::route::{Policy, Routes};
use crate::access::{self, Caller, ChallengeKind, Client, Enrolment, Origin, Outcome, SignedIn, StaffInfo};
use crate::kernel::{Fault, Scope};
use crate::secrets::Secret;

#[derive(utoipa::OpenApi)]
#[openapi(paths(login, second_factor, logout), components(schemas(SignInAnswer)))]
struct Doc;

/// The routes of this file.
pub(super) fn routes() -> Routes {
    Routes::new()
        .route(Method::POST, "/api/v1/login", Policy::Public, login)
        .route(Method::POST, "/api/v1/login/second-factor", Policy::Public, second_factor)
        .route(Method::POST, "/api/v1/logout", Policy::SignedIn, logout)
        .doc(Doc::openapi())
}

#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Login {
    /// Sign-in name.
    username: String,
    /// Password.
    #[schema(value_type = String, format = Password)]
    password: Secret<String>,
}

#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct SecondFactor {
    /// `challenge` of the answer before.
    #[schema(value_type = String)]
    challenge: Secret<String>,
    /// The six digits of the app, or a recovery code.
    #[schema(value_type = String)]
    code: Secret<String>,
}

/// How far a sign-in got: either `staff` is there and the session's cookie is set, or `second_factor` says what is owed.
#[derive(Debug, Default, serde::Serialize, utoipa::ToSchema)]
pub struct SignInAnswer {
    /// Who is signed in now.
    #[serde(skip_serializing_if = "Option::is_none")]
    staff: Option<StaffInfo>,
    /// What is owed: `totp` (a code of the app or a recovery code) or `enrol` (the role demands a second factor; it is
    /// set up now and proved with its first code).
    #[serde(skip_serializing_if = "Option::is_none")]
    second_factor: Option<ChallengeKind>,
    /// To be sent with the code, to `/login/second-factor`, within ten minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    challenge: Option<String>,
    /// What the app needs, with `enrol`.
    #[serde(skip_serializing_if = "Option::is_none")]
    enrolment: Option<Enrolment>,
    /// Recovery codes, once, after a second factor was set up.
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery_codes: Option<Vec<String>>,
}

/// Sign in with name and password: opens a session and sets its cookie, or asks for the second factor.
#[utoipa::path(post, path = "/api/v1/login", tag = "sign-in", security(()), request_body = Login, responses(
    (status = 200, body = SignInAnswer), (status = 401, body = Problem), (status = 429, body = Problem)))]
async fn login(
    State(app): State<App>,
    client: Client,
    headers: HeaderMap,
    Body(login): Body<Login>,
) -> Result<Response, Response> {
    let outcome = app.access.sign_in(&app.db, &login.username, login.password, &client).await;
    let outcome = outcome.map_err(|fault| match fault {
        // The same words for a wrong name and a wrong password.
        Fault::Unauthorized => refused("wrong_password", "the name or the password is wrong"),
        other => other.into_response(),
    })?;
    entered(&app, &headers, outcome).await.map_err(IntoResponse::into_response)
}

/// The second step of a sign-in: a code of the authenticator app, or a recovery code. Five tries, then sign in again.
#[utoipa::path(post, path = "/api/v1/login/second-factor", tag = "sign-in", security(()), request_body = SecondFactor,
    responses((status = 200, body = SignInAnswer),
    (status = 401, description = "The challenge is over: sign in again", body = Problem),
    (status = 422, description = "The code is wrong or was used", body = Problem), (status = 429, body = Problem)))]
async fn second_factor(
    State(app): State<App>,
    client: Client,
    headers: HeaderMap,
    Body(given): Body<SecondFactor>,
) -> Result<Response, Response> {
    let (challenge, code) = (given.challenge.expose(), given.code.expose());
    let signed_in = app.access.second_factor(&app.db, challenge, code, &client).await.map_err(|fault| match fault {
        Fault::Unauthorized => refused("challenge_over", "this took too long or too many tries; sign in again"),
        other => other.into_response(),
    })?;
    entered(&app, &headers, Outcome::Open(Box::new(signed_in))).await.map_err(IntoResponse::into_response)
}

fn refused(code: &str, detail: &str) -> Response {
    Problem::new(StatusCode::UNAUTHORIZED, code, "Not signed in", detail).into_response()
}

/// The answer to whoever got in or half way; the session that the browser had before is over.
///
/// # Errors
/// When the database fails.
pub async fn entered(app: &App, headers: &HeaderMap, outcome: Outcome) -> Result<Response, Fault> {
    match outcome {
        Outcome::Challenge(challenge) => Ok(Json(SignInAnswer {
            second_factor: Some(challenge.kind),
            challenge: Some(challenge.secret.into_inner()),
            enrolment: challenge.enrolment,
            ..SignInAnswer::default()
        })
        .into_response()),
        Outcome::Open(signed_in) => {
            let SignedIn { secret, staff, recovery_codes } = *signed_in;
            if let Some(old) = guard::cookie(app, headers) {
                end(app, &access::token_hash(old)).await?;
            }
            let answer = SignInAnswer {
                staff: Some(staff),
                recovery_codes: Some(recovery_codes).filter(|codes| !codes.is_empty()),
                ..SignInAnswer::default()
            };
            Ok((cookie(app, &secret), Json(answer)).into_response())
        }
    }
}

async fn end(app: &App, session_hash: &str) -> Result<(), Fault> {
    let mut tx = app.db.begin(&Scope::All).await?;
    access::close_session(&mut tx, session_hash).await?;
    Ok(tx.commit().await?)
}

/// The header that gives a browser its session.
pub(super) fn cookie(app: &App, secret: &Secret<String>) -> [(header::HeaderName, HeaderValue); 1] {
    // The browser forgets it with the session's longest life; the session itself may end sooner.
    set_cookie(app, secret.expose(), app.access.limits.session_ms / 1_000)
}

fn set_cookie(app: &App, value: &str, seconds: i64) -> [(header::HeaderName, HeaderValue); 1] {
    let secure = if app.config.is_public_https() { "; Secure" } else { "" };
    let name = guard::cookie_name(app);
    let text = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    [(header::SET_COOKIE, HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("")))]
}

/// Sign out: ends the session of this cookie.
#[utoipa::path(post, path = "/api/v1/logout", tag = "sign-in", responses((status = 204)))]
async fn logout(State(app): State<App>, caller: Caller) -> Result<Response, Fault> {
    if let Origin::Session { hash, .. } = &caller.origin {
        end(&app, hash).await?;
    }
    Ok((StatusCode::NO_CONTENT, set_cookie(&app, "", 0)).into_response())
}
