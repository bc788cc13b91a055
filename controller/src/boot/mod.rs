//! The composition root: where the parts are made, put together, started and stopped. The only room that knows all
//! others.

#[cfg(test)]
mod access_tests;
mod backups;
pub mod cli;
mod commands;
mod compose;
mod first_start;
#[cfg(test)]
mod journey_tests;
mod prepare;
mod sealing;
mod serve;
mod setup;
#[cfg(test)]
mod setup_tests;
#[cfg(test)]
mod tests;
mod verify;
#[cfg(test)]
mod web_tests;

pub use cli::main;

/// Every route as it is served, with its policy: for tests that walk them all.
#[must_use]
pub fn registry() -> Vec<crate::web::RouteInfo> {
    crate::web::server::complete(compose::routes()).registry()
}
