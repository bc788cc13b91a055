//! Rows as `print` shows them.

use std::io::Write as _;

use super::menu::Menu;
use super::record::Record;
use super::router::Router;
use super::session::Session;
use super::time::{date_time, duration};
use crate::clock;

/// A row that can be asked for its properties.
pub(super) trait Row {
    /// Appends the value of a property; false where the row lacks it.
    fn put(&self, property: &str, out: &mut Vec<u8>) -> bool;
    /// The session whose counters the row shows.
    fn session(&self) -> Option<u32> {
        None
    }
}

/// Base of the ids of dynamic rows, by menu.
pub(super) const fn id_base(menu: Menu) -> u32 {
    match menu {
        Menu::Active => 0x8000_0000,
        Menu::Interface | Menu::PppoeServer => 0x00F0_0000,
        Menu::Queue => 0x0100_0000,
        _ => 0,
    }
}

macro_rules! say {
    ($out:expr, $($format:tt)*) => {{
        // Writing to a Vec cannot fail.
        let _ = write!($out, $($format)*);
        true
    }};
}

fn text(out: &mut Vec<u8>, value: impl AsRef<[u8]>) -> bool {
    out.extend_from_slice(value.as_ref());
    true
}

struct Written<'a> {
    id: u32,
    menu: Menu,
    record: &'a Record,
    now_ms: u64,
}

impl Row for Written<'_> {
    fn put(&self, property: &str, out: &mut Vec<u8>) -> bool {
        if let Some(value) = self.record.values.get(property)
            && property != "timeout"
        {
            return text(out, value);
        }
        match (self.menu, property) {
            (_, ".id") => say!(out, "*{:X}", self.id),
            (Menu::AddressList, "timeout") => match self.record.expires_ms {
                Some(at) => text(out, duration(at.saturating_sub(self.now_ms))),
                None => false,
            },
            (Menu::AddressList, "dynamic") => say!(out, "{}", self.record.expires_ms.is_some()),
            (Menu::Queue, "dynamic" | "invalid") => text(out, "false"),
            (
                Menu::Queue,
                "bytes" | "packets" | "rate" | "packet-rate" | "dropped" | "queued-bytes" | "queued-packets",
            ) => text(out, "0/0"),
            (Menu::Queue, "total-bytes" | "total-packets") => text(out, "0"),
            (Menu::Profile, "default") => say!(out, "{}", self.record.get("name").starts_with(b"default")),
            _ => false,
        }
    }
}

struct Live<'a> {
    menu: Menu,
    session: &'a Session,
    now_ms: u64,
}

impl Live<'_> {
    fn active(&self, property: &str, out: &mut Vec<u8>) -> bool {
        let session = self.session;
        match property {
            "name" => text(out, &session.user),
            "caller-id" => text(out, &session.caller),
            "address" => say!(out, "{}", session.address),
            "encoding" => true,
            "session-id" => say!(out, "0x{:x}", session.session_id),
            "limit-bytes-in" | "limit-bytes-out" => text(out, "0"),
            "radius" => text(out, "false"),
            _ => false,
        }
    }

    fn interface(&self, property: &str, out: &mut Vec<u8>) -> bool {
        let session = self.session;
        match property {
            "type" => text(out, "pppoe-in"),
            "mtu" | "actual-mtu" => text(out, "1480"),
            "rx-byte" | "fp-rx-byte" => say!(out, "{}", session.shown.up_octets),
            "tx-byte" | "fp-tx-byte" => say!(out, "{}", session.shown.down_octets),
            "rx-packet" => say!(out, "{}", session.shown.up_octets.div_ceil(200)),
            "tx-packet" => say!(out, "{}", session.shown.down_octets.div_ceil(1100)),
            "rx-drop" | "tx-drop" | "tx-queue-drop" | "rx-error" | "tx-error" | "link-downs" => text(out, "0"),
            "running" | "dynamic" => text(out, "true"),
            "disabled" => text(out, "false"),
            "last-link-up-time" => {
                let (date, time) = date_time(session.started_ms, true);
                say!(out, "{date} {time}")
            }
            _ => false,
        }
    }

    fn pppoe(&self, property: &str, out: &mut Vec<u8>) -> bool {
        match property {
            "user" => text(out, &self.session.user),
            "service" => text(out, "service1"),
            "remote-address" => text(out, &self.session.caller),
            "mru" => text(out, "1480"),
            "encoding" => true,
            "mtu" | "running" | "dynamic" | "disabled" => self.interface(property, out),
            _ => false,
        }
    }

    fn queue(&self, property: &str, out: &mut Vec<u8>) -> bool {
        let session = self.session;
        match property {
            "target" => text(out, &session.interface),
            "parent" => text(out, "none"),
            "packet-marks" => true,
            "priority" => text(out, "8/8"),
            "queue" => text(out, "default-small/default-small"),
            "max-limit" => {
                let limit = session.ceiling();
                say!(out, "{}/{}", limit.up_bps, limit.down_bps)
            }
            "limit-at" | "burst-limit" | "burst-threshold" | "dropped" | "queued-bytes" | "queued-packets" => {
                text(out, "0/0")
            }
            "burst-time" => text(out, "0s/0s"),
            "bytes" => say!(out, "{}/{}", session.shown.up_octets, session.shown.down_octets),
            "packets" => {
                let (up, down) = (session.shown.up_octets.div_ceil(200), session.shown.down_octets.div_ceil(1100));
                say!(out, "{up}/{down}")
            }
            "rate" => say!(out, "{}/{}", session.rate.up_bps, session.rate.down_bps),
            "packet-rate" => say!(out, "{}/{}", session.rate.up_bps / 1_600, session.rate.down_bps / 8_800),
            "total-bytes" | "total-packets" => text(out, "0"),
            "invalid" | "disabled" => text(out, "false"),
            "dynamic" => text(out, "true"),
            _ => false,
        }
    }
}

impl Row for Live<'_> {
    fn put(&self, property: &str, out: &mut Vec<u8>) -> bool {
        match (self.menu, property) {
            (menu, ".id") => say!(out, "*{:X}", id_base(menu).wrapping_add(self.session.number)),
            (Menu::Active | Menu::PppoeServer, "uptime") => {
                text(out, duration(self.now_ms.saturating_sub(self.session.started_mono_ms)))
            }
            (Menu::Active, "service") => text(out, "pppoe"),
            (Menu::Active, _) => self.active(property, out),
            (_, "name") => text(out, &self.session.interface),
            (Menu::Interface, _) => self.interface(property, out),
            (Menu::PppoeServer, _) => self.pppoe(property, out),
            (Menu::Queue, _) => self.queue(property, out),
            _ => false,
        }
    }

    fn session(&self) -> Option<u32> {
        Some(self.session.number)
    }
}

/// A physical port.
struct Port {
    number: u32,
    octets: super::Octets,
}

impl Row for Port {
    fn put(&self, property: &str, out: &mut Vec<u8>) -> bool {
        match property {
            ".id" => say!(out, "*{:X}", self.number),
            "name" | "default-name" => say!(out, "ether{}", self.number),
            "type" => text(out, "ether"),
            "mtu" | "actual-mtu" => text(out, "1500"),
            "mac-address" => say!(out, "D4:CA:6D:00:00:{:02X}", self.number),
            // The uplink is port 1: what goes down to customers comes in there.
            "rx-byte" => say!(out, "{}", self.octets.down_octets),
            "tx-byte" => say!(out, "{}", self.octets.up_octets),
            "rx-drop" | "tx-drop" | "rx-error" | "tx-error" | "link-downs" => text(out, "0"),
            "running" => say!(out, "{}", self.number <= 2),
            "disabled" | "dynamic" => text(out, "false"),
            _ => false,
        }
    }
}

/// `/system/…`: one row without an id.
struct System<'a>(&'a Router, Menu);

impl System<'_> {
    fn resource(&self, property: &str, out: &mut Vec<u8>) -> bool {
        let router = self.0;
        match property {
            "uptime" => text(out, duration(router.uptime_ms())),
            "version" => say!(out, "{} (stable)", router.options.version),
            "build-time" => text(out, "2025-02-24 08:20:53"),
            "free-memory" => text(out, "3704619008"),
            "total-memory" => text(out, "4294967296"),
            "cpu" => text(out, "ARM64"),
            "cpu-count" => text(out, "4"),
            "cpu-frequency" => text(out, "1700"),
            "cpu-load" => say!(out, "{}", 3 + router.sessions.len() / 120 % 60),
            "free-hdd-space" => text(out, "97517568"),
            "total-hdd-space" => text(out, "134217728"),
            "architecture-name" => text(out, "arm64"),
            "board-name" => text(out, "CCR2004-1G-12S+2XS"),
            "platform" => text(out, "MikroTik"),
            _ => false,
        }
    }

    fn clock(&self, property: &str, out: &mut Vec<u8>) -> bool {
        // Without a battery a router wakes in 1970 until it hears the time.
        let wall =
            if self.0.faults.clock_1970 { i64::try_from(self.0.uptime_ms()).unwrap_or(0) } else { clock::wall_ms() };
        let (date, time) = date_time(wall, self.0.options.modern_dates());
        match property {
            "time" => text(out, time),
            "date" => text(out, date),
            "time-zone-autodetect" => text(out, "true"),
            "time-zone-name" => text(out, "Asia/Dhaka"),
            "gmt-offset" => text(out, "+06:00"),
            "dst-active" => text(out, "false"),
            _ => false,
        }
    }
}

impl Row for System<'_> {
    fn put(&self, property: &str, out: &mut Vec<u8>) -> bool {
        match self.1 {
            Menu::Resource => self.resource(property, out),
            Menu::Clock => self.clock(property, out),
            Menu::Identity if property == "name" => text(out, &self.0.identity),
            _ => false,
        }
    }
}

impl Router {
    /// Shows every row of a menu to `visit`, written rows before dynamic ones.
    pub(super) fn visit(&self, menu: Menu, visit: &mut dyn FnMut(&dyn Row)) {
        let now_ms = clock::mono_ms();
        let table = match menu {
            Menu::Secret => Some(&self.secrets),
            Menu::Profile => Some(&self.profiles),
            Menu::Queue => Some(&self.queues),
            Menu::AddressList => Some(&self.addresses),
            Menu::Resource | Menu::Identity | Menu::Clock => return visit(&System(self, menu)),
            Menu::Active | Menu::Interface | Menu::PppoeServer => None,
        };
        for (id, record) in table.into_iter().flat_map(super::record::Table::iter) {
            visit(&Written { id, menu, record, now_ms });
        }
        if menu == Menu::Interface {
            let mut octets = super::Octets::default();
            self.sessions.values().for_each(|session| octets.add(session.passed));
            visit(&Port { number: 1, octets });
            (2..=4).for_each(|number| visit(&Port { number, octets: super::Octets::default() }));
        }
        if matches!(menu, Menu::Active | Menu::Interface | Menu::PppoeServer | Menu::Queue) {
            let shaped = |session: &&Session| menu != Menu::Queue || session.limit.is_some();
            for session in self.sessions.values().filter(shaped) {
                visit(&Live { menu, session, now_ms });
            }
        }
    }

    /// Shows one session's row in `/ppp/active`.
    pub(super) fn visit_session(&self, number: u32, visit: &mut dyn FnMut(&dyn Row)) {
        if let Some(session) = self.sessions.get(&number) {
            visit(&Live { menu: Menu::Active, session, now_ms: clock::mono_ms() });
        }
    }
}
