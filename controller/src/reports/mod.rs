//! Views over several domains. They read the tables of others and write nothing.

pub mod api;
mod customers;
pub mod store;
#[cfg(test)]
mod tests;
mod timeline;

pub use api::routes;
pub use customers::{Counts, CustomerList, CustomerRow, Filter, ListState, Sort, SubscriptionRow, customers};
pub use timeline::{TimelineItem, timeline};
