//! Notices: what Lastmile says to people, by e-mail and SMS.
//!
//! [`enqueue`] writes a message into the outbox in the transaction of its cause: there is no moment at which somebody
//! has paid and will not hear of it, nor one at which somebody hears of what was rolled back. A job carries messages
//! out, as fast as the provider allows, again after what certainly did not go out, and never again after what may have.
//! Texts are in English and Bangla and can be rewritten; what stands in them is checked when they are saved.
//!
//! A message that holds a secret (a code, a link) is sealed until it is sent and shown with the secret blotted out.
//!
//! Events: `notice.retried`, `notice.cancelled`, `notice_template.changed`, `notice_channel.changed`.

mod api;
mod catalogue;
mod channels;
mod data;
mod enqueue;
mod jobs;
mod outbox;
mod reports;
pub mod rules;
mod senders;
pub mod store;
mod templates;
#[cfg(test)]
mod tests;

use lastmile_protocol::ids::{BranchId, CustomerId, NoticeId, StaffId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use api::routes;
pub use catalogue::{Template, Variable};
pub use data::Data;
pub use enqueue::enqueue;
pub use jobs::{jobs, purge};
pub use rules::delivery::State;

use crate::kernel::{At, Language};

/// A way by which messages go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = NoticeChannel)]
pub enum Channel {
    /// E-mail.
    Email,
    /// Short messages to a phone.
    Sms,
}

/// A word that names no channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a channel is email or sms")]
pub struct BadChannel;

impl Channel {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Email, Self::Sms];

    /// The word under which it is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
        }
    }
}

impl std::fmt::Display for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Channel {
    type Err = BadChannel;
    fn from_str(text: &str) -> Result<Self, BadChannel> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == text).ok_or(BadChannel)
    }
}

/// Who somebody is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Somebody who works here, or is invited to.
    Staff(StaffId),
    /// A customer.
    Customer(CustomerId),
}

/// Somebody who is to hear something.
#[derive(Debug, Clone)]
pub struct Recipient {
    /// Whose message it is.
    pub branch_id: BranchId,
    /// Who.
    pub who: Who,
    /// Name, as they are addressed.
    pub name: String,
    /// E-mail address, where one is known.
    pub email: Option<String>,
    /// Phone number, where one is known.
    pub phone: Option<String>,
    /// In which language; `None` for the language of the branch.
    pub language: Option<Language>,
}

/// What became of a message to one recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queued {
    /// It is in the outbox.
    Notice {
        /// Its id.
        id: NoticeId,
        /// By which way it goes.
        channel: Channel,
    },
    /// The same message for the same cause was in the outbox already.
    Before,
    /// Nothing is sent.
    Skipped(Skip),
}

/// Why nothing is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skip {
    /// This kind of message is switched off.
    SwitchedOff,
    /// None of the ways that this kind of message may go is set up.
    NoChannel,
    /// The recipient has no address for a way that is set up.
    NoAddress,
}

/// A message in the outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Notice {
    /// Id.
    #[schema(value_type = String)]
    pub id: NoticeId,
    /// Whose it is.
    #[schema(value_type = String)]
    pub branch_id: BranchId,
    /// To which customer.
    #[schema(value_type = Option<String>)]
    pub customer_id: Option<CustomerId>,
    /// To which of the staff.
    #[schema(value_type = Option<String>)]
    pub staff_id: Option<StaffId>,
    /// What kind: `payment_receipt`.
    pub template: String,
    /// In which language.
    pub language: Language,
    /// By which way.
    pub channel: Channel,
    /// Name of the recipient.
    pub recipient_name: String,
    /// E-mail address or phone number.
    pub address: String,
    /// Subject; empty for SMS.
    pub subject: String,
    /// Text, with secrets blotted out.
    pub body: String,
    /// SMS that it is charged as; 1 for an e-mail.
    pub parts: i64,
    /// Where it stands.
    pub state: State,
    /// Why: `refused`, `gave_up`, `expired`, `unclear`, `reported`, `cancelled`; `later` or `down` while it waits for
    /// another try.
    pub reason: Option<String>,
    /// The provider's words.
    pub detail: Option<String>,
    /// Tries so far.
    pub attempts: i64,
    /// When it was caused.
    pub created_at: At,
    /// Not sent before.
    pub due_at: At,
    /// Not sent after.
    pub expires_at: At,
    /// When the provider took it.
    pub sent_at: Option<At>,
    /// When it came to its end.
    pub ended_at: Option<At>,
    /// Who carried it.
    pub provider: Option<String>,
    /// The provider's name for it.
    pub provider_id: Option<String>,
    /// Whether it may be sent again: not after it arrived, and not when it held a secret that is gone.
    pub can_retry: bool,
    /// Whether it may be stopped.
    pub can_cancel: bool,
}
