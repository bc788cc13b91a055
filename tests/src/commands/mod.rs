//! The commands of `lastmile-testbed`, a file each.

pub mod bench;
pub mod demo;
pub mod messages;
pub mod router;
