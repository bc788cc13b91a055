//! Controller → agent.

mod desired;
mod plan;

pub use desired::{Access, DesiredLine, DesiredPush, Generation, Profile, PushHead, digest};
pub use plan::{Ack, Ping, PollPlan, RouterKind, RouterPlan, Watch};
