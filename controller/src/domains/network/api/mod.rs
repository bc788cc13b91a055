//! Routes of the network: POPs, routers, agents and invitations.

mod agents;
mod pops;
mod routers;

use utoipa::OpenApi;

use crate::web::{Method, Policy, Routes};

/// The routes.
#[must_use]
pub fn routes() -> Routes {
    let (read, write) = (Policy::Staff("network:read"), Policy::Staff("network:write"));
    Routes::new()
        .route(Method::GET, "/api/v1/pops", read, pops::list)
        .route(Method::POST, "/api/v1/pops", write, pops::create)
        .route(Method::PATCH, "/api/v1/pops/{id}", write, pops::rename)
        .route(Method::DELETE, "/api/v1/pops/{id}", write, pops::delete)
        .route(Method::GET, "/api/v1/routers", read, routers::list)
        .route(Method::POST, "/api/v1/routers", write, routers::create)
        .route(Method::PATCH, "/api/v1/routers/{id}", write, routers::change)
        .route(Method::DELETE, "/api/v1/routers/{id}", write, routers::delete)
        .route(Method::GET, "/api/v1/agents", read, agents::list)
        .route(Method::DELETE, "/api/v1/agents/{id}", Policy::Staff("agents:revoke"), agents::revoke)
        .route(Method::POST, "/api/v1/agents/invite", Policy::Staff("agents:invite"), agents::invite)
        .route(Method::GET, "/api/v1/agents/invites/{id}", Policy::Staff("agents:invite"), agents::invitation)
        .doc(Doc::openapi())
}

#[derive(OpenApi)]
#[openapi(
    paths(
        pops::list,
        pops::create,
        pops::rename,
        pops::delete,
        routers::list,
        routers::create,
        routers::change,
        routers::delete,
        agents::list,
        agents::revoke,
        agents::invite,
        agents::invitation
    ),
    components(schemas(super::LineState, super::ProofView))
)]
struct Doc;
