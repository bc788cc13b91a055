//! Stories, a file each, told on real programs and real servers.

mod agent_alone;
mod agent_router;
mod bad_input;
mod brake;
mod demonstration;
mod isp;
mod journey;
mod linux_journey;
mod linux_router;
mod messages;
mod outage;
mod restore;
mod secrets;
mod sign_in;
mod simulator_peer;
mod town;
mod usage_exact;
