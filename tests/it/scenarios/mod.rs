//! Stories, a file each, told on real programs and real servers.

mod agent_router;
mod demonstration;
mod simulator_peer;
