//! MikroTik RouterOS over its binary API.

mod client;
pub mod codec;
mod command;
mod connection;
mod error;
mod menus;
pub mod values;

pub use client::{Client, Config, Done, SharedClient};
pub use command::Command;
pub use error::{ApiError, Trap};
pub use menus::{Router, Scope};

#[cfg(test)]
mod tests;
