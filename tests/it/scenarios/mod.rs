//! Stories, a file each, told on real programs and real servers.

mod agent_router;
mod simulator_peer;
