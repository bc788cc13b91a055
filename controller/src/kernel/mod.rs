//! The smallest common ground: values and seams that two rooms or more need, all pure.
//!
//! Nothing here knows a database, a socket or a business domain. Time and chance are traits, so that a rule
//! can be tested at midnight and a whole run can be repeated from a seed.

pub mod actor;
pub mod clock;
pub mod crash;
pub mod email;
pub mod fault;
pub mod ids;
pub mod language;
pub mod money;
pub mod paging;
pub mod patch;
pub mod phone;
pub mod rng;
pub mod scope;
pub mod subnet;
pub mod text;
pub mod time;

pub use actor::{Actor, ActorKind};
pub use clock::{Clock, ManualClock, SystemClock};
pub use crash::crash_point;
pub use fault::{Fault, FieldError};
pub use ids::new_id;
pub use language::Language;
pub use money::{Currency, Money};
pub use rng::{Rng, SeededRng, SystemRng};
pub use scope::Scope;
pub use subnet::Subnet;
pub use time::{At, Zone};
