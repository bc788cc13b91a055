//! Typed ids (from the protocol, so that both programs mean the same) and how a new one is made.

pub use lastmile_protocol::ids::*;

use crate::kernel::{Clock, Rng, rng};

/// An id that can be made from a time and chance.
pub trait NewId: Sized {
    /// The id of this moment (milliseconds since 1970) and these random bytes.
    fn make(at_ms: u64, random: [u8; 10]) -> Self;
}

macro_rules! new_ids {
    ($($name:ident),+ $(,)?) => {$(
        impl NewId for $name {
            fn make(at_ms: u64, random: [u8; 10]) -> Self {
                Self::new(at_ms, random)
            }
        }
    )+};
}

new_ids! {
    AgentId, PopId, RouterId, LineId, BranchId, AreaId, PackageId, CustomerId, SubscriptionId, HoldId, PaymentId,
    JournalId, AccountId, StaffId, WebSessionId, TokenId, JoinTokenId, EventId, JobId, BrakeId,
    ApprovalId, BranchAccountId, NoticeId, ResellerId,
}

/// A fresh id: `new_id::<LineId>(clock, rng)`.
pub fn new_id<T: NewId>(clock: &dyn Clock, rng: &dyn Rng) -> T {
    T::make(u64::try_from(clock.wall_ms()).unwrap_or(0), rng::bytes(rng))
}

/// Bytes as lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
