//! Stories, a file each, told on real programs and real servers.

mod agent_alone;
mod agent_router;
mod demonstration;
mod linux_router;
mod simulator_peer;
