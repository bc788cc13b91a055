//! Lastmile's controller: what the ISP's people work with and what the agents at the POPs obey.
//!
//! The rooms, in the order in which they may import each other:
//! `kernel < db < events < jobs < secrets < access < gateways < web < domains < reports < fleet < backup < boot`.

pub mod access;
pub mod backup;
pub mod boot;
pub mod config;
pub mod db;
pub mod domains;
pub mod events;
pub mod fleet;
pub mod gateways;
pub mod jobs;
pub mod kernel;
pub mod reports;
pub mod secrets;
pub mod web;
