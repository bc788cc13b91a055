//! Real programs under test: started, waited for, killed at an exact point, started again.
//!
//! Everything a story starts lives in one temporary folder and on ports of its own, so that stories run beside
//! each other. Waiting is always for something that can be seen and always bounded; what was seen last is part of
//! the failure. When a test panics, the ends of all logs are printed and the folder is kept.

pub mod agent;
pub mod api;
pub mod child;
pub mod controller;
pub mod folder;
pub mod ports;
pub mod programs;
pub mod waiting;

pub use agent::Agent;
pub use api::{Api, Reply};
pub use controller::{Controller, Database, Settings};
pub use folder::Folder;
pub use waiting::{eventually, never};
