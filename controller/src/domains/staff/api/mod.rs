//! Routes of staff, roles, invitations and forgotten passwords.

mod entry;
mod people;
mod roles;
mod sessions;

use crate::web::Routes;

/// The routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new().merge(people::routes()).merge(sessions::routes()).merge(roles::routes()).merge(entry::routes())
}
