//! What a router has, as far as it concerns us: our secrets, whatever has the name of a line, the profiles and
//! the live sessions.

use lastmile_protocol::ids::LineId;
use lastmile_protocol::uplink::{Observed, SessionSeen};

use super::{PROFILE_MARK, marked};

/// A PPP secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// Internal id, good until the router reboots.
    pub id: Box<[u8]>,
    /// Name.
    pub name: Box<[u8]>,
    /// Password, where the agent's user may see it.
    pub password: Option<Box<[u8]>>,
    /// `pppoe`, `any`, …
    pub service: Box<[u8]>,
    /// Name of its profile.
    pub profile: Box<[u8]>,
    /// Whether it is closed.
    pub disabled: bool,
    /// Comment, which holds the mark.
    pub comment: Box<[u8]>,
}

/// A PPP profile.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Profile {
    /// Internal id.
    pub id: Box<[u8]>,
    /// Name.
    pub name: Box<[u8]>,
    /// `rate-limit` as the router writes it.
    pub rate_limit: Box<[u8]>,
    /// Comment, which holds the mark.
    pub comment: Box<[u8]>,
    /// Address that the router takes in a session.
    pub local_address: Box<[u8]>,
    /// Pool or address that customers get.
    pub remote_address: Box<[u8]>,
    /// Name servers that customers get.
    pub dns_server: Box<[u8]>,
}

impl Profile {
    /// Whether it is one that we made.
    #[must_use]
    pub fn ours(&self) -> bool {
        *self.comment == *PROFILE_MARK
    }
}

/// A live PPPoE session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Internal id.
    pub id: Box<[u8]>,
    /// Name of its secret.
    pub name: Box<[u8]>,
    /// Address of the customer.
    pub address: String,
    /// MAC address of the customer.
    pub mac: String,
    /// How long it is up, seconds.
    pub uptime_seconds: u64,
}

/// One complete reading.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// When, milliseconds since 1970 UTC.
    pub read_ms: i64,
    secrets: Vec<Secret>,
    marks: Vec<(LineId, usize)>,
    profiles: Vec<Profile>,
    sessions: Vec<Session>,
}

impl View {
    /// Puts what was read in order.
    #[must_use]
    pub fn new(read_ms: i64, mut secrets: Vec<Secret>, mut profiles: Vec<Profile>, mut sessions: Vec<Session>) -> Self {
        secrets.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        profiles.sort_by(|a, b| a.name.cmp(&b.name));
        sessions.sort_by(|a, b| a.name.cmp(&b.name));
        let mut marks = secrets
            .iter()
            .enumerate()
            .filter_map(|(index, secret)| marked(&secret.comment).map(|id| (id, index)))
            .collect::<Vec<_>>();
        marks.sort_unstable();
        Self { read_ms, secrets, marks, profiles, sessions }
    }

    /// The secret that carries the mark of a line. When an operator copied one there are several: the one that
    /// has the wanted name is it, or else the first.
    #[must_use]
    pub fn marked(&self, id: LineId, name: &[u8]) -> Option<&Secret> {
        let begin = self.marks.partition_point(|(mark, _)| *mark < id);
        let of_line = self.marks.get(begin..).unwrap_or_default().iter().take_while(|(mark, _)| *mark == id);
        let secrets = of_line.filter_map(|(_, index)| self.secrets.get(*index));
        let mut first = None;
        for secret in secrets {
            if *secret.name == *name {
                return Some(secret);
            }
            first = first.or(Some(secret));
        }
        first
    }

    /// The secret of a name.
    #[must_use]
    pub fn named(&self, name: &[u8]) -> Option<&Secret> {
        let index = self.secrets.partition_point(|secret| *secret.name < *name);
        self.secrets.get(index).filter(|secret| *secret.name == *name)
    }

    /// The profile of a name.
    #[must_use]
    pub fn profile(&self, name: &[u8]) -> Option<&Profile> {
        let index = self.profiles.partition_point(|profile| *profile.name < *name);
        self.profiles.get(index).filter(|profile| *profile.name == *name)
    }

    /// The live sessions of a name.
    pub fn sessions(&self, name: &[u8]) -> impl Iterator<Item = &Session> {
        let begin = self.sessions.partition_point(|session| *session.name < *name);
        self.sessions.get(begin..).unwrap_or_default().iter().take_while(move |session| *session.name == *name)
    }

    /// Every marked secret's line.
    pub fn marks(&self) -> impl Iterator<Item = LineId> {
        self.marks.iter().map(|(id, _)| *id)
    }

    /// What is seen of a line, for its proof. Names are bytes on the router and text in a proof.
    #[must_use]
    pub fn observed(&self, id: LineId, name: &[u8]) -> Observed {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let secret = self.marked(id, name);
        let profile = secret.map(|secret| &*secret.profile).unwrap_or_default();
        let mut sessions = self.sessions(name).take(4).map(seen).collect::<Vec<_>>();
        // Thousands of these live at once at the end of a pass, and a new vector has room for four.
        sessions.shrink_to_fit();
        Observed {
            read_ms: self.read_ms,
            present: secret.is_some(),
            closed: secret.is_some_and(|secret| secret.disabled),
            profile: text(profile),
            rate: text(self.profile(profile).map(|profile| &*profile.rate_limit).unwrap_or_default()),
            sessions,
        }
    }
}

fn seen(session: &Session) -> SessionSeen {
    SessionSeen { address: session.address.clone(), mac: session.mac.clone(), uptime_seconds: session.uptime_seconds }
}
