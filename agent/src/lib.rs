//! Lastmile's agent: the daemon at a POP. It reads the counters of its routers, spools usage until the
//! controller has it for certain, and makes the lines of its routers what the controller wants them to be.

pub mod boot;
pub mod cli;
pub mod clock;
pub mod collect;
pub mod config;
pub mod core;
pub mod crash;
pub mod device;
pub mod enforce;
pub mod files;
pub mod spool;
pub mod status;
pub mod uplink;
