//! The commands of `lastmile-testbed`, a file each.

pub mod bench;
pub mod router;
