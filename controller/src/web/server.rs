//! Puts routes, guards and pages together and serves them.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use tokio::net::TcpListener;

use super::app::App;
use super::route::Routes;
use super::{api, approvals, docs, guard, headers, health, me, pages, sign_in};

/// All routes: these and those that belong to no domain.
#[must_use]
pub fn complete(domains: Routes) -> Routes {
    let own = api::routes().merge(sign_in::routes()).merge(me::routes()).merge(approvals::routes());
    let all = own.merge(domains);
    let document = Arc::new(docs::document(&all));
    all.merge(health::routes()).merge(docs::routes(&document))
}

/// The service of these routes (see [`complete`]).
pub fn router(app: &App, routes: Routes) -> Router {
    routes
        .into_router(app)
        .fallback(pages::fallback)
        .method_not_allowed_fallback(pages::wrong_method)
        .layer(DefaultBodyLimit::max(guard::BODY_MAX))
        .layer(middleware::from_fn_with_state(app.clone(), headers::around))
        .with_state(app.clone())
}

/// Serves until the program stops; requests that are being answered are answered.
///
/// # Errors
/// When the listener fails.
pub async fn serve(listener: TcpListener, app: App, router: Router) -> std::io::Result<()> {
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(async move { app.stopped().await }).await
}
