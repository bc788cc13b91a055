//! Who did it: what every event carries beside what happened.

use lastmile_protocol::ids::{AgentId, CustomerId, StaffId};

/// Somebody or something that acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// What kind of actor, with its id.
    pub kind: ActorKind,
    /// The name to show in the record of what happened.
    pub name: String,
    /// Where the act came from: an address, or the name of a command. Empty for the system itself.
    pub from: String,
}

/// The kinds of actors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActorKind {
    /// A person who works for the ISP.
    Staff(StaffId),
    /// An agent at a POP.
    Agent(AgentId),
    /// A customer, in the portal.
    Customer(CustomerId),
    /// Lastmile itself: a schedule, a start, a command on the server.
    System,
}

impl Actor {
    /// Lastmile itself.
    #[must_use]
    pub fn system() -> Self {
        Self { kind: ActorKind::System, name: "Lastmile".to_owned(), from: String::new() }
    }

    /// The word and the id under which the actor is stored.
    #[must_use]
    pub fn parts(&self) -> (&'static str, Option<String>) {
        match self.kind {
            ActorKind::Staff(id) => ("staff", Some(id.to_string())),
            ActorKind::Agent(id) => ("agent", Some(id.to_string())),
            ActorKind::Customer(id) => ("customer", Some(id.to_string())),
            ActorKind::System => ("system", None),
        }
    }
}
