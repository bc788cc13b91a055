//! Short messages: how long they are, and who carries them.
//!
//! There are dozens of providers, each with its own HTTP call. [`SmsSettings`] says how a provider is called and how
//! its answer is read; [`presets`] are those that are known. A provider that is not among them is set up by hand.

mod answer;
pub mod http_sender;
pub mod presets;
pub mod segments;
pub mod settings;

pub use answer::judge;
pub use http_sender::HttpSender;
pub use settings::{AnswerRules, BodyKind, Field, NumberForm, ReportRules, SmsSettings, Verb};
