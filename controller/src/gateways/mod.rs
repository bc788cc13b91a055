//! The outside world behind traits: what sends messages today, what takes payments later. Knows no domain and no
//! database; whoever calls hands in settings and secrets.

pub mod http;
pub mod message;
pub mod places;
