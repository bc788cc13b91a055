//! What may be done to the router from outside its API: traffic, dialling, faults, a technician's edits,
//! and the questions to the oracle.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::menu::Menu;
use super::reply::Trap;
use super::router::{DialError, TrafficMode, TrueOctets, WriteRecord};
use super::sentence::Sentence;
use super::session::{Octets, Rates, Reading};
use super::{Name, Shared};
use crate::clock;

/// Something that goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// Power off and on: connections break, sessions end, ids change; the port is closed for `down_ms`.
    Reboot {
        /// Milliseconds until the port is open again.
        #[serde(default = "default_down_ms")]
        down_ms: u64,
        /// Whether the router's clock stands in 1970 after it.
        #[serde(default)]
        clock_1970: bool,
    },
    /// Takes commands and answers nothing, on all connections, until switched off.
    Hang {
        /// On or off.
        on: bool,
    },
    /// Waits before each piece (about 8 KiB) of an answer.
    Slow {
        /// Milliseconds; 0 switches it off.
        ms: u64,
    },
    /// The next prints that are long enough break off in the middle of a row, with their connection.
    CutMidSentence {
        /// Whole rows before it.
        after_rows: usize,
        /// How many prints.
        #[serde(default = "one")]
        times: u32,
    },
    /// Every log-in is refused.
    WrongPassword {
        /// On or off.
        on: bool,
    },
    /// API connections that are taken at the same time (20 where nothing is said).
    SessionLimit {
        /// The limit; `null` returns to the default.
        n: Option<usize>,
    },
    /// The port is closed: connecting is refused. Open connections stay.
    RefuseConnections {
        /// On or off.
        on: bool,
    },
    /// All API connections break now.
    DropConnections,
    /// Every write is refused with this message.
    RefuseWrites {
        /// The trap's message; `null` switches it off.
        message: Option<String>,
    },
    /// The counters of a name's session are set to something that never passed.
    Counters {
        /// The name.
        name: String,
        /// What the counters show from now on.
        #[serde(flatten)]
        octets: Octets,
    },
    /// Everything is well again.
    Clear,
}

const fn default_down_ms() -> u64 {
    1_500
}

const fn one() -> u32 {
    1
}

/// A change by a technician's hand, past the API.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// `add`, `set`, `unset`, `remove`, `enable` or `disable`.
    pub op: String,
    /// The menu.
    #[serde(default = "secret_menu")]
    pub menu: String,
    /// The row, by name (not for `add`).
    #[serde(default)]
    pub name: Option<String>,
    /// Properties to write. A rename is `set` with another `name`.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
}

fn secret_menu() -> String {
    "/ppp/secret".into()
}

/// A secret as the router keeps it. Bytes that are not UTF-8 are replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SecretView {
    /// The row's id.
    pub id: String,
    /// Properties that the row has.
    pub fields: BTreeMap<String, String>,
    /// Whether it is disabled.
    pub disabled: bool,
    /// Whether a session of that name is up.
    pub online: bool,
}

/// A live session.
#[derive(Debug, Clone, Serialize)]
pub struct SessionView {
    /// The user's name.
    pub name: String,
    /// `session-id` as a number.
    pub session_id: u32,
    /// The interface.
    pub interface: String,
    /// The customer's address.
    pub address: String,
    /// Since when, milliseconds since 1970 UTC.
    pub started_ms: i64,
    /// What its counters show.
    #[serde(flatten)]
    pub shown: Octets,
    /// How fast it moves now.
    #[serde(flatten)]
    pub rate: Rates,
    /// Limits of its queue.
    pub limit: Option<Rates>,
}

/// The router from outside its API. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl Handle {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// What has really passed for a name, with its last sessions.
    #[must_use]
    pub fn true_octets(&self, name: &str) -> TrueOctets {
        let mut router = self.shared.lock();
        router.flow();
        router.true_octets(name.as_bytes(), true)
    }

    /// What has really passed for every name that was ever online, all at the same instant.
    #[must_use]
    pub fn all_true_octets(&self) -> BTreeMap<String, TrueOctets> {
        let mut router = self.shared.lock();
        router.flow();
        let names: Vec<Name> = router.truth.keys().cloned().collect();
        names.iter().map(|name| (lossy(name), router.true_octets(name, false))).collect()
    }

    /// The last counters of a name that were handed out to clients, oldest first (128 are kept).
    #[must_use]
    pub fn readings(&self, name: &str) -> Vec<Reading> {
        let router = self.shared.lock();
        router.truth.get(name.as_bytes()).map(|truth| truth.readings.iter().copied().collect()).unwrap_or_default()
    }

    /// All secrets.
    #[must_use]
    pub fn secrets(&self) -> Vec<SecretView> {
        let router = self.shared.lock();
        let view = |(id, record): (u32, &super::record::Record)| SecretView {
            id: format!("*{id:X}"),
            fields: record.values.iter().map(|(name, value)| ((*name).to_owned(), lossy(value))).collect(),
            disabled: record.disabled(),
            online: !router.sessions_of(record.get("name")).is_empty(),
        };
        router.secrets.iter().map(view).collect()
    }

    /// The secret of that name.
    #[must_use]
    pub fn secret(&self, name: &str) -> Option<SecretView> {
        let router = self.shared.lock();
        let id = router.secrets.find(name.as_bytes())?;
        let record = router.secrets.get(id)?;
        Some(SecretView {
            id: format!("*{id:X}"),
            fields: record.values.iter().map(|(name, value)| ((*name).to_owned(), lossy(value))).collect(),
            disabled: record.disabled(),
            online: !router.sessions_of(name.as_bytes()).is_empty(),
        })
    }

    /// Sessions that are up.
    #[must_use]
    pub fn sessions(&self) -> Vec<SessionView> {
        let mut router = self.shared.lock();
        router.flow();
        let view = |session: &super::session::Session| SessionView {
            name: lossy(&session.user),
            session_id: session.session_id,
            interface: lossy(&session.interface),
            address: session.address.to_string(),
            started_ms: session.started_ms,
            shown: session.shown,
            rate: session.rate,
            limit: session.limit,
        };
        router.sessions.values().map(view).collect()
    }

    /// Whether a session of that name is up.
    #[must_use]
    pub fn online(&self, name: &str) -> bool {
        !self.shared.lock().sessions_of(name.as_bytes()).is_empty()
    }

    /// API connections that are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Writes that clients made, oldest first, without passwords.
    #[must_use]
    pub fn writes(&self) -> Vec<WriteRecord> {
        self.shared.lock().writes.iter().cloned().collect()
    }

    /// Changes how traffic moves.
    pub fn set_mode(&self, mode: TrafficMode) {
        self.shared.lock().set_mode(mode);
    }

    /// Lets a name move at exactly this rate (bounded by its line) in this session and the next ones;
    /// `None` lets it go.
    pub fn fix_rate(&self, name: &str, rates: Option<Rates>) {
        self.shared.lock().fix_rate(name.as_bytes(), rates);
    }

    /// Lets octets pass at once. False where the name has no session: then nothing can pass.
    #[must_use]
    pub fn pass(&self, name: &str, octets: Octets) -> bool {
        let mut router = self.shared.lock();
        let Some(number) = router.sessions_of(name.as_bytes()).last().copied() else { return false };
        router.sessions.get_mut(&number).is_some_and(|session| {
            session.pass(octets);
            true
        })
    }

    /// A modem dials. A password given here is what that modem knows from now on.
    ///
    /// # Errors
    /// Why it is not let in.
    pub fn dial(&self, name: &str, password: Option<&str>) -> Result<(), DialError> {
        let mut router = self.shared.lock();
        if let Some(password) = password {
            router.modem_passwords.insert(name.as_bytes().into(), password.as_bytes().to_vec());
        }
        router.dial(name.as_bytes(), None).map(|_| ())
    }

    /// Ends all sessions of a name. Returns how many there were.
    #[must_use]
    pub fn hang_up(&self, name: &str, reason: &str) -> usize {
        let mut router = self.shared.lock();
        let numbers = router.sessions_of(name.as_bytes());
        numbers.iter().filter(|number| router.hang_up(**number, reason)).count()
    }

    /// A technician's change. Returns the new row's id for `add`.
    ///
    /// # Errors
    /// The router's own message.
    pub fn edit(&self, edit: &Edit) -> Result<Option<String>, String> {
        let word = format!("{}/{}", edit.menu, edit.op);
        let (menu, op) = Menu::of(word.as_bytes()).ok_or_else(|| format!("no menu {}", edit.menu))?;
        let mut sentence = Sentence { command: word.clone().into_bytes(), ..Sentence::default() };
        if let Some(name) = &edit.name {
            sentence.attributes.push((b".id".to_vec(), name.as_bytes().to_vec()));
        }
        for (name, value) in &edit.fields {
            sentence.attributes.push((name.as_bytes().to_vec(), value.as_bytes().to_vec()));
        }
        self.shared.lock().write(menu, op, &sentence).map_err(|Trap { message, .. }| message)
    }

    /// Lets something go wrong. False where a fault names a session that is not up.
    #[must_use]
    pub fn fault(&self, fault: Fault) -> bool {
        match fault {
            Fault::Reboot { down_ms, clock_1970 } => self.reboot(down_ms, clock_1970),
            Fault::Hang { on } => drop(self.shared.hang.send_replace(on)),
            Fault::Slow { ms } => self.shared.lock().faults.slow_ms = ms,
            Fault::CutMidSentence { after_rows, times } => self.shared.lock().faults.cut = Some((after_rows, times)),
            Fault::WrongPassword { on } => self.shared.lock().faults.wrong_password = on,
            Fault::SessionLimit { n } => self.shared.lock().faults.session_limit = n,
            Fault::RefuseConnections { on } => drop(self.shared.open.send_replace(!on)),
            Fault::DropConnections => self.shared.power.send_modify(|power| *power += 1),
            Fault::RefuseWrites { message } => self.shared.lock().faults.refuse_writes = message,
            Fault::Counters { name, octets } => return self.lie(&name, octets),
            Fault::Clear => {
                self.shared.lock().faults = super::router::Faults::default();
                self.shared.hang.send_replace(false);
                self.shared.open.send_replace(true);
            }
        }
        true
    }

    fn lie(&self, name: &str, octets: Octets) -> bool {
        let mut router = self.shared.lock();
        router.flow();
        let Some(number) = router.sessions_of(name.as_bytes()).last().copied() else { return false };
        router.sessions.get_mut(&number).is_some_and(|session| {
            session.shown = octets;
            true
        })
    }

    fn reboot(&self, down_ms: u64, clock_1970: bool) {
        {
            let mut router = self.shared.lock();
            router.reboot(down_ms);
            router.faults.clock_1970 = clock_1970;
        }
        self.shared.open.send_replace(false);
        self.shared.hang.send_replace(false);
        self.shared.power.send_modify(|power| *power += 1);
        let shared = Arc::clone(&self.shared);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(down_ms)).await;
            shared.open.send_replace(true);
        });
    }

    /// What the router is and how busy it is.
    #[must_use]
    pub fn status(&self) -> serde_json::Value {
        let router = self.shared.lock();
        serde_json::json!({
            "now_ms": clock::wall_ms(),
            "version": router.options.version,
            "identity": lossy(&router.identity),
            "uptime_ms": router.uptime_ms(),
            "mode": router.mode,
            "auto_dial": router.options.auto_dial,
            "connections": self.connections(),
            "secrets": router.secrets.len(),
            "profiles": router.profiles.len(),
            "sessions": router.sessions.len(),
        })
    }
}
