//! Short messages: how long they are, and who carries them.

pub mod segments;
