//! Routes of settings.

use std::collections::BTreeMap;

use lastmile_protocol::ids::BranchId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, OpenApi, ToSchema};

use super::{Defaults, SectionView, SettingView};
use crate::access::Caller;
use crate::kernel::{Fault, Scope};
use crate::web::{App, Body, Json, Method, Params, Policy, Problem, Routes, State};

/// The routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .route(Method::GET, "/api/v1/settings", Policy::Staff("settings:read"), list)
        .route(Method::PATCH, "/api/v1/settings", Policy::Staff("settings:write"), change)
        .route(Method::GET, "/api/v1/branding", Policy::Public, branding)
        .doc(Doc::openapi())
}

#[derive(OpenApi)]
#[openapi(
    paths(list, change, branding),
    components(schemas(Settings, SectionView, SettingView, SettingsChange, Branding))
)]
struct Doc;

/// All settings.
#[derive(Debug, Serialize, ToSchema)]
struct Settings {
    /// By section, in the order of the page.
    sections: Vec<SectionView>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct SettingsParams {
    /// The settings of this branch; those for all when absent.
    #[param(value_type = Option<String>)]
    branch_id: Option<BranchId>,
}

/// New values.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SettingsChange {
    /// The branch they are for; all when absent.
    #[schema(value_type = Option<String>)]
    branch_id: Option<BranchId>,
    /// Values by key; null takes the own value away, so that the inherited one counts.
    #[schema(value_type = Object)]
    values: BTreeMap<String, Value>,
}

/// What the sign-in page shows.
#[derive(Debug, Serialize, ToSchema)]
struct Branding {
    /// Name of the ISP; empty until it is set.
    company_name: String,
    /// Colour of buttons and links.
    color: String,
    /// Language of who has chosen none.
    language: String,
}

fn defaults(app: &App) -> Defaults {
    Defaults { grace_days: app.config.dunning.grace_days }
}

/// The settings, with their values and what they may be.
#[utoipa::path(get, path = "/api/v1/settings", tag = "settings", params(SettingsParams),
    responses((status = 200, body = Settings), (status = 404, body = Problem)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(params): Params<SettingsParams>,
) -> Result<Json<Settings>, Fault> {
    let mut tx = app.db.read(&caller.scope).await?;
    Ok(Json(Settings { sections: super::list(&mut tx, params.branch_id, &defaults(&app)).await? }))
}

/// Sets values: all of them or none.
#[utoipa::path(patch, path = "/api/v1/settings", tag = "settings", request_body = SettingsChange, responses(
    (status = 200, body = Settings), (status = 403, body = Problem), (status = 404, body = Problem),
    (status = 422, body = Problem)))]
async fn change(
    State(app): State<App>,
    caller: Caller,
    Body(change): Body<SettingsChange>,
) -> Result<Json<Settings>, Fault> {
    let mut tx = app.db.begin(&caller.scope).await?;
    super::change(&mut tx, &caller.actor, caller.staff.branch_id, change.branch_id, &change.values).await?;
    let sections = super::list(&mut tx, change.branch_id, &defaults(&app)).await?;
    tx.commit().await?;
    Ok(Json(Settings { sections }))
}

/// Name and colour of the ISP, for pages before sign-in.
#[utoipa::path(get, path = "/api/v1/branding", tag = "settings", responses((status = 200, body = Branding)))]
async fn branding(State(app): State<App>) -> Result<Json<Branding>, Fault> {
    // Nobody has signed in: what is read here is what the ISP shows to everybody.
    let mut tx = app.db.read(&Scope::All).await?;
    Ok(Json(Branding {
        company_name: super::text(&mut tx, None, super::COMPANY_NAME).await?,
        color: super::text(&mut tx, None, super::registry::BRANDING_COLOR).await?,
        language: super::text(&mut tx, None, super::LANGUAGE).await?,
    }))
}
