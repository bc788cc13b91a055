//! Routes of the ways out.

use std::sync::Arc;

use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use crate::access::Caller;
use crate::domains::notices::Channel;
use crate::domains::notices::channels::{
    self, ChannelTest, ChannelTestResult, EmailChannel, PutEmail, PutSms, SmsChannel,
};
use crate::domains::notices::senders::RealWays;
use crate::gateways::message::sms::{SmsSettings, presets::presets};
use crate::kernel::Fault;
use crate::web::{App, Body, Id, Json, Method, Policy, Problem, Routes, State};

pub(super) fn routes() -> Routes {
    let (read, write) = (Policy::Staff("settings:read"), Policy::Staff("settings:write"));
    Routes::new()
        .route(Method::GET, "/api/v1/notice-channels", read, show)
        .route(Method::PUT, "/api/v1/notice-channels/email", write, put_email)
        .route(Method::PUT, "/api/v1/notice-channels/sms", write, put_sms)
        .route(Method::POST, "/api/v1/notice-channels/{channel}/test", write, test)
        .doc(Doc::openapi())
}

#[derive(OpenApi)]
#[openapi(
    paths(show, put_email, put_sms, test),
    components(schemas(NoticeChannels, EmailChannel, SmsChannel, PutEmail, PutSms, ChannelTest, ChannelTestResult))
)]
struct Doc;

/// How messages leave.
#[derive(Debug, Serialize, ToSchema)]
struct NoticeChannels {
    /// E-mail.
    email: EmailChannel,
    /// SMS.
    sms: SmsChannel,
    /// Providers of SMS that are known, to begin with.
    sms_presets: Vec<SmsSettings>,
}

/// How messages leave.
#[utoipa::path(get, path = "/api/v1/notice-channels", tag = "notices",
    responses((status = 200, body = NoticeChannels)))]
async fn show(State(app): State<App>, caller: Caller) -> Result<Json<NoticeChannels>, Fault> {
    let mut tx = app.db.read(&caller.scope).await?;
    let email = channels::email_channel(&mut tx, &app.keyring).await?;
    let sms = channels::sms_channel(&mut tx, &app.keyring).await?;
    Ok(Json(NoticeChannels { email, sms, sms_presets: presets() }))
}

/// Sets up how e-mail leaves. The password stays as it is where none is given, unless the server is another.
#[utoipa::path(put, path = "/api/v1/notice-channels/email", tag = "notices", request_body = PutEmail,
    responses((status = 200, body = EmailChannel), (status = 403, body = Problem), (status = 422, body = Problem)))]
async fn put_email(
    State(app): State<App>,
    caller: Caller,
    Body(put): Body<PutEmail>,
) -> Result<Json<EmailChannel>, Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    let view = channels::put_email(&mut tx, &app.keyring, &caller.actor, caller.staff.branch_id, put).await?;
    tx.commit().await?;
    Ok(Json(view))
}

/// Sets up how SMS leave. Secrets stay as they are where none are given, unless the provider is another.
#[utoipa::path(put, path = "/api/v1/notice-channels/sms", tag = "notices", request_body = PutSms,
    responses((status = 200, body = SmsChannel), (status = 403, body = Problem), (status = 422, body = Problem)))]
async fn put_sms(State(app): State<App>, caller: Caller, Body(put): Body<PutSms>) -> Result<Json<SmsChannel>, Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    let view = channels::put_sms(&mut tx, &app.keyring, &caller.actor, caller.staff.branch_id, put).await?;
    tx.commit().await?;
    Ok(Json(view))
}

/// Sends a message now, by the way as it is saved, and says what came of it.
#[utoipa::path(post, path = "/api/v1/notice-channels/{channel}/test", tag = "notices",
    params(("channel" = Channel, Path)), request_body = ChannelTest, responses((status = 200, body = ChannelTestResult),
    (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn test(
    State(app): State<App>,
    caller: Caller,
    Id(channel): Id<Channel>,
    Body(test): Body<ChannelTest>,
) -> Result<Json<ChannelTestResult>, Fault> {
    let ways = RealWays::new(Arc::clone(&app.http), Arc::clone(&app.keyring));
    let mut tx = app.db.read(&caller.scope).await?;
    let ready = channels::prepare_test(&mut tx, &ways, channel, &test).await?;
    // The provider may take long; no connection waits for it.
    tx.rollback().await?;
    Ok(Json(channels::run_test(&ready).await))
}
