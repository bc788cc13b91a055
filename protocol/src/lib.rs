//! The contract between agent and controller: ids, versions, frames and every message on the wire.
//!
//! Both programs import this crate and nothing of each other. It holds no clock, no socket and no SQL,
//! so that what is on the wire can be read, frozen (see `tests/golden`) and fuzzed by itself.
//! Only [`codec`] names bincode; only [`identity`] names rustls.

pub mod base64;
pub mod close;
pub mod codec;
pub mod downlink;
pub mod frame;
pub mod hello;
pub mod identity;
pub mod ids;
pub mod token;
pub mod uplink;
mod varint;
pub mod version;
