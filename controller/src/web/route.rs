//! The only way to add a route: with the policy that guards it. The list of routes can be walked by a test.

use std::collections::BTreeMap;

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware;
use axum::routing::{MethodFilter, MethodRouter, on};

use super::app::App;
use super::guard;

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Everybody, signed in or not.
    Public,
    /// Everybody who is signed in.
    SignedIn,
    /// Staff whose role has this permission.
    Staff(&'static str),
}

/// A route as it was declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteInfo {
    /// Its method.
    pub method: Method,
    /// Its path, with `{id}` for parts that vary.
    pub path: &'static str,
    /// Who may use it.
    pub policy: Policy,
}

type Build = Box<dyn FnOnce(&App) -> MethodRouter<App> + Send>;

/// Routes with their policies and the part of the OpenAPI document that describes them.
#[derive(Default)]
pub struct Routes {
    list: Vec<(RouteInfo, Build)>,
    docs: Vec<utoipa::openapi::OpenApi>,
}

impl Routes {
    /// No routes yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a route.
    #[must_use]
    pub fn route<H, T>(mut self, method: Method, path: &'static str, policy: Policy, handler: H) -> Self
    where
        H: Handler<T, App> + Sync,
        T: Send + 'static,
    {
        let filter = filter(&method);
        let info = RouteInfo { method, path, policy };
        let build: Build = Box::new(move |app: &App| {
            let guarded = guard::Guarded { app: app.clone(), policy };
            on(filter, handler).layer(middleware::from_fn_with_state(guarded, guard::guard))
        });
        self.list.push((info, build));
        self
    }

    /// Adds the description of these routes: `.doc(Doc::openapi())` of a `#[derive(OpenApi)] struct Doc` that names the
    /// handlers.
    #[must_use]
    pub fn doc(mut self, doc: utoipa::openapi::OpenApi) -> Self {
        self.docs.push(doc);
        self
    }

    /// Adds the routes of another room.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.list.extend(other.list);
        self.docs.extend(other.docs);
        self
    }

    /// What was declared.
    #[must_use]
    pub fn registry(&self) -> Vec<RouteInfo> {
        self.list.iter().map(|(info, _)| info.clone()).collect()
    }

    /// The descriptions, merged by the caller.
    #[must_use]
    pub fn docs(&self) -> &[utoipa::openapi::OpenApi] {
        &self.docs
    }

    /// The router of all routes. Methods of one path are put together, so that a wrong method is a 405.
    pub(super) fn into_router(self, app: &App) -> Router<App> {
        let mut paths: BTreeMap<&'static str, MethodRouter<App>> = BTreeMap::new();
        for (info, build) in self.list {
            let method_router = build(app);
            let merged = match paths.remove(info.path) {
                Some(other) => other.merge(method_router),
                None => method_router,
            };
            paths.insert(info.path, merged);
        }
        paths.into_iter().fold(Router::new(), |router, (path, methods)| router.route(path, methods))
    }
}

fn filter(method: &Method) -> MethodFilter {
    MethodFilter::try_from(method.clone()).unwrap_or(MethodFilter::GET)
}
