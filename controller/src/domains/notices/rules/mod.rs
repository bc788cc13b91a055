//! Rules of notices, all pure.

pub mod text;
