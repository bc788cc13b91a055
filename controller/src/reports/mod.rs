//! Views over several domains. They read the tables of others and write nothing.

pub mod api;
mod audit;
mod audit_api;
mod customers;
pub mod store;
#[cfg(test)]
mod tests;
mod timeline;

pub use audit::{AuditEntry, AuditParams, Change};
pub use customers::{Counts, CustomerList, CustomerRow, Filter, ListState, Sort, SubscriptionRow, customers};
pub use timeline::{TimelineItem, timeline};

/// The routes of all lists.
#[must_use]
pub fn routes() -> crate::web::Routes {
    api::routes().merge(audit_api::routes())
}
