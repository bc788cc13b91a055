//! Usage: octets per line and time, exactly once. Behind [`append`] (or an [`Intake`] of many chunks), [`range`] and
//! [`totals`] the layout on disk is hidden: today packed chunks as they came, and totals by line and day.

mod api;
mod intake;
mod jobs;
mod read;
pub mod rules;
pub mod store;
#[cfg(test)]
mod tests;

pub use api::routes;
pub use intake::{Intake, Source, Taken, append, marks, move_mark, quarantine};
pub use jobs::{forget_records, jobs};
pub use read::{DayView, GapView, RateView, RatesView, UsageView, range, rates, report, totals};
