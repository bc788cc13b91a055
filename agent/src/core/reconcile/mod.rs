//! Desired lines against what a router has: which commands are left to give, and what was proved.
//!
//! Level-triggered and without memory of what was sent: a line is right when nothing is left to do for it, and
//! that same question, asked of a read-back, is its proof. Only objects that carry our mark are ever touched; a
//! foreign object that has the name of a line makes that line fail and stays as it is. One bad row never stops
//! the others.

mod actions;
mod brake;
mod proofs;
mod static_lines;
#[cfg(test)]
mod tests;
mod view;

pub use actions::{Action, Limits, Plan, SecretChange, Task, plan};
pub use brake::{Admission, Brake};
pub use proofs::Prover;
pub use static_lines::{StaticAction, StaticPlan, StaticView, static_plan};
pub use view::{Profile, Secret, Session, View};

use lastmile_protocol::ids::LineId;

/// Comment of a secret of ours.
#[must_use]
pub fn mark(id: LineId) -> String {
    format!("lastmile:{id}")
}

/// Comment of a profile of ours: it serves many lines.
pub const PROFILE_MARK: &[u8] = b"lastmile:profile";

/// The line that a comment marks.
#[must_use]
pub fn marked(comment: &[u8]) -> Option<LineId> {
    core::str::from_utf8(comment.strip_prefix(b"lastmile:")?).ok()?.parse().ok()
}
