//! Rules of notices, all pure.

pub mod channel;
pub mod delivery;
pub mod pace;
pub mod text;
