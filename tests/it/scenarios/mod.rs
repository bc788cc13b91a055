//! Stories, a file each, told on real programs and real servers.

mod simulator_peer;
