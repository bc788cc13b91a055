//! Messages to people: SMS and e-mail.

pub mod email;
pub mod sms;

use futures_util::future::BoxFuture;

/// Longest sentence of a provider that is kept, characters.
const DETAIL_MOST: usize = 300;

/// A message that is ready to go.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Ours: the same in every try, so that a provider who can tells two tries from two messages.
    pub id: String,
    /// E-mail address, or phone number with `+`.
    pub to: String,
    /// Name of the recipient.
    pub name: String,
    /// Subject; empty for SMS.
    pub subject: String,
    /// Text.
    pub text: String,
    /// When it was written, milliseconds since 1970 UTC.
    pub at_ms: i64,
}

impl std::fmt::Debug for Message {
    /// Without what it says and to whom.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What came of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The provider has taken it.
    Accepted {
        /// The provider's name for it, by which its reports name it.
        provider_id: Option<String>,
    },
    /// The provider refuses this message; another try is of no use.
    Refused {
        /// The provider's words.
        detail: String,
    },
    /// It was certainly not taken; another try makes sense.
    Later {
        /// Why.
        detail: String,
    },
    /// It was certainly not taken, and neither will any other be: no balance, wrong key, no connection.
    Down {
        /// Why.
        detail: String,
    },
    /// Nobody can tell whether it was taken.
    Unclear {
        /// Why.
        detail: String,
    },
}

impl Outcome {
    /// The word for counters and the API.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Accepted { .. } => "accepted",
            Self::Refused { .. } => "refused",
            Self::Later { .. } => "later",
            Self::Down { .. } => "down",
            Self::Unclear { .. } => "unclear",
        }
    }

    /// The provider's words, or why.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::Accepted { .. } => None,
            Self::Refused { detail } | Self::Later { detail } | Self::Down { detail } | Self::Unclear { detail } => {
                Some(detail)
            }
        }
    }
}

/// Who carries messages.
pub trait Sender: Send + Sync {
    /// Whether the provider sends a message once although it hears it twice, by its id.
    fn deduplicates(&self) -> bool;

    /// Tries once. Ends within a bounded time.
    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Outcome>;
}

/// A provider's words, bounded and in one line.
fn bounded(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(DETAIL_MOST).collect::<String>().trim().to_owned()
}
