//! Routes of notices.

mod channels;
mod outbox;
mod reports;
mod templates;

use crate::web::Routes;

/// The routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new().merge(outbox::routes()).merge(templates::routes()).merge(channels::routes()).merge(reports::routes())
}
