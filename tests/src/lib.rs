//! Lastmile's test world: real servers that stand in for routers and gateways, and the harnesses that drive the real programs.

pub mod bench;
pub mod chaos;
pub mod clock;
pub mod commands;
pub mod demo;
pub mod link;
pub mod messages;
pub mod netns;
pub mod postgres;
pub mod processes;
pub mod rng;
pub mod routeros;
pub mod signals;
