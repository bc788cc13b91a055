//! The router's state: what is configured, who is online, what has passed. All of it under one lock;
//! nothing here waits.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::Ipv4Addr;

use serde::Serialize;
use tokio::sync::broadcast;

use super::menu::{Menu, rate_pair};
use super::record::{Record, Table};
use super::session::{Octets, Rates, Reading, Session};
use super::{Name, Options};
use crate::clock;
use crate::rng::Seeded;

/// Readings and past sessions kept per name.
const KEPT: usize = 128;
/// Writes kept in the log.
const KEPT_WRITES: usize = 20_000;
/// First number of `session-id` after a boot.
const FIRST_SESSION: u32 = 0x8100_0000;

/// How traffic moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrafficMode {
    /// Every line moves like a household, below its limit.
    Live,
    /// Nothing moves but what the control port orders.
    Manual,
}

/// A session that has ended, or the state of a live one.
#[derive(Debug, Clone, Serialize)]
pub struct SessionRecord {
    /// `session-id` as a number.
    pub session_id: u32,
    /// Dialled in, milliseconds since 1970 UTC.
    pub started_ms: i64,
    /// Ended, milliseconds since 1970 UTC; `None` while it lives.
    pub ended_ms: Option<i64>,
    /// Octets that really passed.
    #[serde(flatten)]
    pub octets: Octets,
    /// The first reading that was handed out.
    pub first_reading: Option<Reading>,
    /// The last reading that was handed out.
    pub last_reading: Option<Reading>,
}

impl SessionRecord {
    fn of(session: &Session, ended_ms: Option<i64>) -> Self {
        Self {
            session_id: session.session_id,
            started_ms: session.started_ms,
            ended_ms,
            octets: session.passed,
            first_reading: session.first_reading,
            last_reading: session.last_reading,
        }
    }
}

/// What is known of a name across its sessions: the oracle.
#[derive(Debug, Default)]
pub(super) struct Truth {
    ended: Octets,
    ended_read: Octets,
    sessions: u64,
    pub(super) readings: VecDeque<Reading>,
    history: VecDeque<SessionRecord>,
    /// A rate given by the control port.
    pub(super) fixed: Option<Rates>,
}

/// The oracle's answer for one name.
#[derive(Debug, Clone, Default, Serialize)]
pub struct TrueOctets {
    /// Octets that really passed since the simulator started.
    #[serde(flatten)]
    pub octets: Octets,
    /// Of these: what a client could know, the last readings of all sessions together.
    pub read_down_octets: u64,
    /// As `read_down_octets`, from the customer.
    pub read_up_octets: u64,
    /// Sessions so far.
    pub sessions: u64,
    /// Whether a session is up now.
    pub online: bool,
    /// The last sessions, oldest first; the live ones stand at the end.
    pub history: Vec<SessionRecord>,
}

/// A change of `/ppp/active`, for `listen`.
#[derive(Debug, Clone, Copy)]
pub(super) enum Change {
    Up(u32),
    Down(u32),
}

/// A write that a client made, without passwords.
#[derive(Debug, Clone, Serialize)]
pub struct WriteRecord {
    /// When, milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// The command word.
    pub command: String,
    /// The attributes; bytes that are not UTF-8 are replaced, passwords left out.
    pub attributes: BTreeMap<String, String>,
    /// The error that it met.
    pub trap: Option<String>,
}

/// What is wrong with the router just now.
#[derive(Debug, Clone, Default)]
pub(super) struct Faults {
    pub(super) slow_ms: u64,
    /// Rows after which a print breaks off, and how many prints do.
    pub(super) cut: Option<(usize, u32)>,
    pub(super) wrong_password: bool,
    pub(super) session_limit: Option<usize>,
    pub(super) refuse_writes: Option<String>,
    pub(super) clock_1970: bool,
}

/// Why a modem is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DialError {
    /// No secret of that name for PPPoE.
    #[error("no secret of that name")]
    NoSecret,
    /// The secret is disabled.
    #[error("the secret is disabled")]
    Disabled,
    /// The password differs.
    #[error("the password is wrong")]
    WrongPassword,
    /// The profile allows one session and it is there.
    #[error("the profile allows one session, which is up")]
    OnlyOne,
}

/// The whole router.
#[derive(Debug)]
pub(super) struct Router {
    pub(super) options: Options,
    pub(super) rng: Seeded,
    pub(super) secrets: Table,
    pub(super) profiles: Table,
    pub(super) queues: Table,
    pub(super) addresses: Table,
    pub(super) identity: Vec<u8>,
    pub(super) sessions: BTreeMap<u32, Session>,
    online: BTreeMap<Name, BTreeSet<u32>>,
    pub(super) truth: BTreeMap<Name, Truth>,
    /// Passwords of modems that were told another one than the secret has.
    pub(super) modem_passwords: BTreeMap<Name, Vec<u8>>,
    /// Modems that will dial: (when, name).
    dials: BTreeSet<(u64, Name)>,
    pub(super) mode: TrafficMode,
    pub(super) faults: Faults,
    pub(super) writes: VecDeque<WriteRecord>,
    pub(super) changes: broadcast::Sender<Change>,
    pub(super) booted_mono_ms: u64,
    last_session: u32,
    next_address: u32,
    flowed_mono_ms: u64,
}

impl Router {
    /// A router as it leaves the box, with the foreign subscribers of the options.
    pub(super) fn new(options: Options) -> Self {
        let now = clock::mono_ms();
        let mut router = Self {
            rng: Seeded::new(options.seed),
            secrets: Table::default(),
            profiles: Table::default(),
            queues: Table::default(),
            addresses: Table::default(),
            identity: options.identity.clone().into_bytes(),
            sessions: BTreeMap::new(),
            online: BTreeMap::new(),
            truth: BTreeMap::new(),
            modem_passwords: BTreeMap::new(),
            dials: BTreeSet::new(),
            mode: options.mode,
            faults: Faults::default(),
            writes: VecDeque::new(),
            changes: broadcast::channel(4096).0,
            booted_mono_ms: now,
            last_session: 0,
            next_address: 0,
            flowed_mono_ms: now,
            options,
        };
        router.furnish();
        router
    }

    fn furnish(&mut self) {
        for (name, values) in [
            (&b"default"[..], &[][..]),
            (b"default-encryption", &[]),
            (b"foreign-10M", &[("rate-limit", &b"10M/10M"[..])]),
            (b"foreign-25M", &[("rate-limit", b"12M/25M")]),
        ] {
            let mut record = Record::with(Menu::Profile, values);
            record.values.insert("name", name.to_vec());
            self.profiles.add(record);
        }
        for number in 1..=self.options.subscribers {
            let name = format!("sub{number:05}");
            let password = format!("{:012x}", self.rng.bits() >> 16);
            let profile: &[u8] = if number % 3 == 0 { b"foreign-25M" } else { b"foreign-10M" };
            // Operators write what their editor writes: UTF-8, or a Windows code page.
            let comment: &[u8] = match number % 50 {
                1 => "টাওয়ার ৩, বাড়ি ১২".as_bytes(),
                2 => b"caf\xe9 \x96 roof",
                _ => b"moved from the old server",
            };
            self.secrets.add(Record::with(
                Menu::Secret,
                &[
                    ("name", name.as_bytes()),
                    ("password", password.as_bytes()),
                    ("service", b"pppoe"),
                    ("profile", profile),
                    ("comment", comment),
                ],
            ));
            let _ = self.dial(name.as_bytes(), None);
        }
    }

    /// Milliseconds since the last boot.
    pub(super) fn uptime_ms(&self) -> u64 {
        clock::mono_ms().saturating_sub(self.booted_mono_ms)
    }

    /// Sessions of a name, oldest first.
    pub(super) fn sessions_of(&self, name: &[u8]) -> Vec<u32> {
        self.online.get(name).map(|numbers| numbers.iter().copied().collect()).unwrap_or_default()
    }

    /// A modem dials. Without a password it knows the right one, or the one that it was told.
    pub(super) fn dial(&mut self, name: &[u8], password: Option<&[u8]>) -> Result<u32, DialError> {
        let secret = self.secrets.named(name).ok_or(DialError::NoSecret)?;
        if !matches!(secret.get("service"), b"any" | b"pppoe") {
            return Err(DialError::NoSecret);
        }
        if secret.disabled() {
            return Err(DialError::Disabled);
        }
        let known = password.or_else(|| self.modem_passwords.get(name).map(Vec::as_slice));
        if known.is_some_and(|known| known != secret.get("password")) {
            return Err(DialError::WrongPassword);
        }
        let profile = self.profiles.named(secret.get("profile"));
        let value = |property| profile.map_or(&[][..], |profile| profile.get(property));
        let up = self.sessions_of(name).len();
        if value("only-one") == b"yes" && up > 0 {
            return Err(DialError::OnlyOne);
        }
        let limit = core::str::from_utf8(value("rate-limit")).ok().and_then(rate_pair);
        let limit = limit.map(|(up_bps, down_bps)| Rates { down_bps, up_bps });
        let fixed_address = core::str::from_utf8(secret.get("remote-address")).ok().and_then(|text| text.parse().ok());
        Ok(self.bring_up(name, limit, fixed_address, up))
    }

    fn bring_up(&mut self, name: &[u8], limit: Option<Rates>, address: Option<Ipv4Addr>, already: usize) -> u32 {
        self.last_session += 1;
        let number = self.last_session;
        let session_id = FIRST_SESSION.wrapping_add(number);
        let user: Name = name.into();
        let now = (clock::wall_ms(), clock::mono_ms());
        let mut session = Session::new(number, session_id, user.clone(), limit, now);
        if already > 0 {
            session.interface = [b"<pppoe-", name, b"-", already.to_string().as_bytes(), b">"].concat();
        }
        session.address = address.unwrap_or_else(|| self.pool_address());
        session.caller = caller_of(name);
        let truth = self.truth.entry(user.clone()).or_default();
        truth.sessions += 1;
        if let Some(rates) = truth.fixed {
            session.fix_rate(rates);
        } else if self.mode == TrafficMode::Live {
            session.wander(&mut self.rng);
        }
        self.online.entry(user).or_default().insert(number);
        self.sessions.insert(number, session);
        // Nobody listens: nothing to tell.
        let _ = self.changes.send(Change::Up(number));
        number
    }

    fn pool_address(&mut self) -> Ipv4Addr {
        // 100.64.0.0/10, the range for customers behind a carrier's address translation.
        self.next_address = (self.next_address + 1) % (1 << 22);
        Ipv4Addr::from(u32::from(Ipv4Addr::new(100, 64, 0, 0)) | self.next_address.max(1))
    }

    /// Ends a session.
    pub(super) fn hang_up(&mut self, number: u32, reason: &str) -> bool {
        self.flow();
        let Some(session) = self.sessions.remove(&number) else { return false };
        if let Some(numbers) = self.online.get_mut(&session.user) {
            numbers.remove(&number);
            if numbers.is_empty() {
                self.online.remove(&session.user);
            }
        }
        let ended = clock::wall_ms();
        let truth = self.truth.entry(session.user.clone()).or_default();
        truth.ended.add(session.passed);
        truth.ended_read.add(session.last_reading.map(|reading| reading.octets).unwrap_or_default());
        bounded(&mut truth.history, SessionRecord::of(&session, Some(ended)), KEPT);
        if let Some(id) = self.secrets.find(&session.user) {
            let (date, time) = super::time::date_time(ended, self.options.modern_dates());
            self.secrets.set(id, "last-logged-out", format!("{date} {time}").into_bytes());
            self.secrets.set(id, "last-caller-id", session.caller.clone().into_bytes());
            self.secrets.set(id, "last-disconnect-reason", reason.as_bytes().to_vec());
        }
        let _ = self.changes.send(Change::Down(number));
        self.modem_wakes(&session.user, 700, 1_500);
        true
    }

    /// Lets the customer's modem of that name dial soon, where modems dial by themselves.
    pub(super) fn modem_wakes(&mut self, name: &[u8], soonest_ms: u64, spread_ms: u64) {
        if self.options.auto_dial && self.secrets.find(name).is_some() {
            let at = clock::mono_ms() + soonest_ms + self.rng.below(spread_ms);
            self.dials.insert((at, name.into()));
        }
    }

    /// Lets the modems dial whose time has come; who is refused tries again later.
    pub(super) fn dial_due(&mut self) {
        let now = clock::mono_ms();
        while self.dials.first().is_some_and(|(at, _)| *at <= now) {
            let Some((_, name)) = self.dials.pop_first() else { return };
            if self.online.contains_key(&name) {
                continue;
            }
            match self.dial(&name, None) {
                // A disabled secret wakes its modem when it is enabled.
                Ok(_) | Err(DialError::NoSecret | DialError::OnlyOne | DialError::Disabled) => {}
                Err(DialError::WrongPassword) => self.modem_wakes(&name, 3_000, 2_000),
            }
        }
    }

    /// Lets traffic flow up to now, so that what is printed is exact at this instant.
    pub(super) fn flow(&mut self) {
        let now = clock::mono_ms();
        let ms = now.saturating_sub(self.flowed_mono_ms);
        if ms == 0 {
            return;
        }
        self.flowed_mono_ms = now;
        for session in self.sessions.values_mut() {
            let lived = now.saturating_sub(session.started_mono_ms);
            session.flow(ms.min(lived));
        }
    }

    /// One tick of the world: traffic, modems, timed address-list entries.
    pub(super) fn tick(&mut self) {
        self.flow();
        if self.mode == TrafficMode::Live {
            for session in self.sessions.values_mut() {
                match self.truth.get(&session.user).and_then(|truth| truth.fixed) {
                    Some(rates) => session.fix_rate(rates),
                    None => session.wander(&mut self.rng),
                }
            }
        }
        self.dial_due();
        let now = clock::mono_ms();
        self.addresses.retain(|record| record.expires_ms.is_none_or(|at| at > now));
    }

    /// Power off and on: sessions and timed entries go, ids change, uptime begins anew.
    pub(super) fn reboot(&mut self, down_ms: u64) {
        let numbers: Vec<u32> = self.sessions.keys().copied().collect();
        for number in numbers {
            self.hang_up(number, "reboot");
        }
        self.addresses.retain(|record| record.expires_ms.is_none());
        let shift = u32::try_from(self.rng.below(1 << 20)).unwrap_or(1);
        for table in [&mut self.secrets, &mut self.profiles, &mut self.queues, &mut self.addresses] {
            table.renumber(shift | 1);
        }
        self.last_session = 0;
        self.booted_mono_ms = clock::mono_ms() + down_ms;
        self.dials.clear();
        let names: Vec<Name> = self.secrets.iter().map(|(_, record)| record.get("name").into()).collect();
        for name in names {
            self.modem_wakes(&name, down_ms + 500, 1_500);
        }
    }

    /// Changes the mode; in manual mode everything stops but fixed rates.
    pub(super) fn set_mode(&mut self, mode: TrafficMode) {
        self.flow();
        self.mode = mode;
        if mode == TrafficMode::Manual {
            for session in self.sessions.values_mut() {
                session.rate = Rates::default();
                if let Some(rates) = self.truth.get(&session.user).and_then(|truth| truth.fixed) {
                    session.fix_rate(rates);
                }
            }
        }
    }

    /// Fixes the rate of a name, for this session and those to come.
    pub(super) fn fix_rate(&mut self, name: &[u8], rates: Option<Rates>) {
        self.flow();
        self.truth.entry(name.into()).or_default().fixed = rates;
        for number in self.sessions_of(name) {
            if let Some(session) = self.sessions.get_mut(&number) {
                session.fix_rate(rates.unwrap_or_default());
            }
        }
    }

    /// Notes that the counters of these sessions were handed out.
    pub(super) fn note_readings(&mut self, numbers: &[u32]) {
        let at_ms = clock::wall_ms();
        for number in numbers {
            if let Some(session) = self.sessions.get_mut(number) {
                let reading = session.read(at_ms);
                if let Some(truth) = self.truth.get_mut(&session.user) {
                    bounded(&mut truth.readings, reading, KEPT);
                }
            }
        }
    }

    /// What has really passed for a name.
    pub(super) fn true_octets(&self, name: &[u8], with_history: bool) -> TrueOctets {
        let Some(truth) = self.truth.get(name) else { return TrueOctets::default() };
        let live = self.sessions_of(name);
        let live = || live.iter().filter_map(|number| self.sessions.get(number));
        let (mut octets, mut read) = (truth.ended, truth.ended_read);
        for session in live() {
            octets.add(session.passed);
            read.add(session.last_reading.map(|reading| reading.octets).unwrap_or_default());
        }
        let mut history = Vec::new();
        if with_history {
            history.extend(truth.history.iter().cloned());
            history.extend(live().map(|session| SessionRecord::of(session, None)));
        }
        TrueOctets {
            octets,
            read_down_octets: read.down_octets,
            read_up_octets: read.up_octets,
            sessions: truth.sessions,
            online: self.online.contains_key(name),
            history,
        }
    }

    /// Puts a write on the log.
    pub(super) fn note_write(&mut self, write: WriteRecord) {
        bounded(&mut self.writes, write, KEPT_WRITES);
    }
}

/// Appends, dropping the oldest above `most`.
fn bounded<T>(queue: &mut VecDeque<T>, item: T, most: usize) {
    if queue.len() >= most {
        queue.pop_front();
    }
    queue.push_back(item);
}

/// The modem's MAC address: always the same for the same name.
fn caller_of(name: &[u8]) -> String {
    let seed = name
        .iter()
        .fold(0xCBF2_9CE4_8422_2325u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3));
    let b = seed.to_be_bytes();
    format!("D4:CA:6D:{:02X}:{:02X}:{:02X}", b[5], b[6], b[7])
}
