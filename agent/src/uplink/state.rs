//! What is known of the link, for the technician's page.

use serde::Serialize;

/// How the link stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// First try since the program started.
    Connecting,
    /// The controller talks with us.
    Connected,
    /// No way to the controller; tried again.
    Away,
    /// The controller does not let us in; tried again slowly, nothing is thrown away.
    Refused,
}

/// State of the link to the controller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LinkState {
    /// How it stands.
    pub phase: Phase,
    /// Since when, milliseconds since 1970 UTC.
    pub since_ms: i64,
    /// When the controller was heard last, milliseconds since 1970 UTC; 0 = not since the program started.
    pub last_contact_ms: i64,
    /// Address that is connected, or was tried last.
    pub address: String,
    /// What is wrong, in words; empty when nothing.
    pub detail: String,
    /// Our wall clock minus the controller's at the last hello, milliseconds; unknown before the first.
    pub clock_off_ms: Option<i64>,
    /// Whether lines may be closed (see the lease).
    pub lease: bool,
    /// Chunks sent again since the program started.
    pub resends: u64,
    /// Chunks sent on this connection and not acknowledged.
    pub under_way: usize,
    /// Name of the POP.
    pub pop_name: String,
    /// Id of the agent.
    pub agent: String,
}

impl LinkState {
    /// Before the first try.
    #[must_use]
    pub fn new(pop_name: String, agent: String, now_ms: i64) -> Self {
        Self {
            phase: Phase::Connecting,
            since_ms: now_ms,
            last_contact_ms: 0,
            address: String::new(),
            detail: String::new(),
            clock_off_ms: None,
            lease: false,
            resends: 0,
            under_way: 0,
            pop_name,
            agent,
        }
    }

    /// Goes over to `phase`; `since_ms` moves only when it is another one.
    pub fn turn(&mut self, phase: Phase, detail: &str, now_ms: i64) {
        if self.phase != phase {
            self.since_ms = now_ms;
        }
        self.phase = phase;
        detail.clone_into(&mut self.detail);
    }
}
