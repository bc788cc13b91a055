//! The menus: their paths, what their rows show and which properties may be written.

use super::time::parse_duration;

/// A menu of the router.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Menu {
    Secret,
    Profile,
    Active,
    Interface,
    PppoeServer,
    Queue,
    AddressList,
    Resource,
    Identity,
    Clock,
}

/// What a written value must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Any bytes.
    Text,
    /// yes/no, true/false.
    Flag,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A decimal number.
    Number,
    /// `up/down` in bit/s with k, M, G; read back in plain bit/s.
    Rates,
    /// `up/down[ burst…]`, kept as it was written.
    RateLimit,
    /// The name of a PPP profile.
    Profile,
    /// An IPv4 address.
    Address,
    /// An address, prefix or range.
    Addresses,
    /// A duration.
    Duration,
}

/// One writable property.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// The value of a new row, and what an empty write returns to. `None`: the row then lacks the property.
    pub(super) default: Option<&'static str>,
}

const fn field(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, default: None }
}

const fn with(name: &'static str, kind: Kind, default: &'static str) -> Field {
    Field { name, kind, default: Some(default) }
}

const SERVICES: Kind = Kind::Word(&["any", "async", "pptp", "pppoe", "l2tp", "ovpn", "sstp"]);
const ONLY_ONE: Kind = Kind::Word(&["default", "yes", "no"]);

const SECRET: &[Field] = &[
    with("name", Kind::Text, ""),
    with("service", SERVICES, "any"),
    with("caller-id", Kind::Text, ""),
    with("password", Kind::Text, ""),
    with("profile", Kind::Profile, "default"),
    field("local-address", Kind::Address),
    field("remote-address", Kind::Address),
    with("routes", Kind::Text, ""),
    with("ipv6-routes", Kind::Text, ""),
    with("limit-bytes-in", Kind::Number, "0"),
    with("limit-bytes-out", Kind::Number, "0"),
    with("disabled", Kind::Flag, "false"),
    field("comment", Kind::Text),
];

const PROFILE: &[Field] = &[
    with("name", Kind::Text, ""),
    field("local-address", Kind::Text),
    field("remote-address", Kind::Text),
    field("rate-limit", Kind::RateLimit),
    with("only-one", ONLY_ONE, "default"),
    field("session-timeout", Kind::Duration),
    field("idle-timeout", Kind::Duration),
    with("address-list", Kind::Text, ""),
    with("dns-server", Kind::Text, ""),
    field("parent-queue", Kind::Text),
    field("queue-type", Kind::Text),
    with("on-up", Kind::Text, ""),
    with("on-down", Kind::Text, ""),
    field("comment", Kind::Text),
];

const QUEUE: &[Field] = &[
    with("name", Kind::Text, ""),
    with("target", Kind::Text, ""),
    with("parent", Kind::Text, "none"),
    with("packet-marks", Kind::Text, ""),
    with("priority", Kind::Text, "8/8"),
    with("queue", Kind::Text, "default-small/default-small"),
    with("limit-at", Kind::Rates, "0/0"),
    with("max-limit", Kind::Rates, "0/0"),
    with("burst-limit", Kind::Rates, "0/0"),
    with("burst-threshold", Kind::Rates, "0/0"),
    with("burst-time", Kind::Text, "0s/0s"),
    with("disabled", Kind::Flag, "false"),
    field("comment", Kind::Text),
];

const ADDRESS_LIST: &[Field] = &[
    with("list", Kind::Text, ""),
    with("address", Kind::Addresses, ""),
    field("timeout", Kind::Duration),
    with("disabled", Kind::Flag, "false"),
    field("comment", Kind::Text),
];

const IDENTITY: &[Field] = &[with("name", Kind::Text, "MikroTik")];

const SECRET_ROW: &[&str] = &[
    ".id",
    "name",
    "service",
    "caller-id",
    "password",
    "profile",
    "local-address",
    "remote-address",
    "routes",
    "ipv6-routes",
    "limit-bytes-in",
    "limit-bytes-out",
    "last-logged-out",
    "last-caller-id",
    "last-disconnect-reason",
    "disabled",
    "comment",
];
const PROFILE_ROW: &[&str] = &[
    ".id",
    "name",
    "local-address",
    "remote-address",
    "rate-limit",
    "only-one",
    "session-timeout",
    "idle-timeout",
    "address-list",
    "dns-server",
    "parent-queue",
    "queue-type",
    "on-up",
    "on-down",
    "default",
    "comment",
];
const ACTIVE_ROW: &[&str] = &[
    ".id",
    "name",
    "service",
    "caller-id",
    "address",
    "uptime",
    "encoding",
    "session-id",
    "limit-bytes-in",
    "limit-bytes-out",
    "radius",
];
const INTERFACE_ROW: &[&str] = &[
    ".id",
    "name",
    "default-name",
    "type",
    "mtu",
    "actual-mtu",
    "mac-address",
    "last-link-up-time",
    "link-downs",
    "rx-byte",
    "tx-byte",
    "rx-packet",
    "tx-packet",
    "rx-drop",
    "tx-drop",
    "tx-queue-drop",
    "rx-error",
    "tx-error",
    "fp-rx-byte",
    "fp-tx-byte",
    "running",
    "disabled",
    "dynamic",
    "comment",
];
const PPPOE_SERVER_ROW: &[&str] = &[
    ".id",
    "name",
    "user",
    "service",
    "uptime",
    "remote-address",
    "encoding",
    "mtu",
    "mru",
    "running",
    "dynamic",
    "disabled",
];
const QUEUE_ROW: &[&str] = &[
    ".id",
    "name",
    "target",
    "parent",
    "packet-marks",
    "priority",
    "queue",
    "limit-at",
    "max-limit",
    "burst-limit",
    "burst-threshold",
    "burst-time",
    "bytes",
    "packets",
    "rate",
    "packet-rate",
    "dropped",
    "queued-bytes",
    "queued-packets",
    "total-bytes",
    "total-packets",
    "invalid",
    "dynamic",
    "disabled",
    "comment",
];
const ADDRESS_LIST_ROW: &[&str] =
    &[".id", "list", "address", "timeout", "creation-time", "dynamic", "disabled", "comment"];
const RESOURCE_ROW: &[&str] = &[
    "uptime",
    "version",
    "build-time",
    "free-memory",
    "total-memory",
    "cpu",
    "cpu-count",
    "cpu-frequency",
    "cpu-load",
    "free-hdd-space",
    "total-hdd-space",
    "architecture-name",
    "board-name",
    "platform",
];
const CLOCK_ROW: &[&str] = &["time", "date", "time-zone-autodetect", "time-zone-name", "gmt-offset", "dst-active"];

impl Menu {
    /// The menu and the command of a command word.
    pub(super) fn of(word: &[u8]) -> Option<(Self, &str)> {
        let (path, command) = core::str::from_utf8(word).ok()?.rsplit_once('/')?;
        let menu = match path {
            "/ppp/secret" => Self::Secret,
            "/ppp/profile" => Self::Profile,
            "/ppp/active" => Self::Active,
            "/interface" => Self::Interface,
            "/interface/pppoe-server" => Self::PppoeServer,
            "/queue/simple" => Self::Queue,
            "/ip/firewall/address-list" => Self::AddressList,
            "/system/resource" => Self::Resource,
            "/system/identity" => Self::Identity,
            "/system/clock" => Self::Clock,
            _ => return None,
        };
        Some((menu, command))
    }

    /// Properties of a row, in the order in which they are printed.
    pub(super) const fn row(self) -> &'static [&'static str] {
        match self {
            Self::Secret => SECRET_ROW,
            Self::Profile => PROFILE_ROW,
            Self::Active => ACTIVE_ROW,
            Self::Interface => INTERFACE_ROW,
            Self::PppoeServer => PPPOE_SERVER_ROW,
            Self::Queue => QUEUE_ROW,
            Self::AddressList => ADDRESS_LIST_ROW,
            Self::Resource => RESOURCE_ROW,
            Self::Identity => &["name"],
            Self::Clock => CLOCK_ROW,
        }
    }

    /// Properties that may be written; none where the menu is read-only.
    pub(super) const fn fields(self) -> &'static [Field] {
        match self {
            Self::Secret => SECRET,
            Self::Profile => PROFILE,
            Self::Queue => QUEUE,
            Self::AddressList => ADDRESS_LIST,
            Self::Identity => IDENTITY,
            _ => &[],
        }
    }

    /// The writable property of that name.
    pub(super) fn field(self, name: &[u8]) -> Option<&'static Field> {
        self.fields().iter().find(|field| field.name.as_bytes() == name)
    }

    /// Whether rows carry octet counters of sessions under one of these properties.
    pub(super) fn counts(self, selected: &[&str]) -> bool {
        let counters: &[&str] = match self {
            Self::Interface => &["rx-byte", "tx-byte"],
            Self::Queue => &["bytes"],
            _ => return false,
        };
        counters.iter().all(|counter| selected.contains(counter))
    }
}

/// Bit/s of `512k`, `10M`, `1G`, `64000`.
pub(super) fn rate(text: &str) -> Option<u64> {
    let (digits, factor) = match text.as_bytes().last()? {
        b'k' => (text.get(..text.len() - 1)?, 1_000),
        b'M' => (text.get(..text.len() - 1)?, 1_000_000),
        b'G' => (text.get(..text.len() - 1)?, 1_000_000_000),
        _ => (text, 1),
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

/// (up, down) bit/s of `up/down` or of one number for both; what follows a space (bursts) is left out.
pub(super) fn rate_pair(text: &str) -> Option<(u64, u64)> {
    let first = text.split(' ').next()?;
    match first.split_once('/') {
        Some((up, down)) => Some((rate(up)?, rate(down)?)),
        None => rate(first).map(|both| (both, both)),
    }
}

fn addresses(text: &str) -> bool {
    let plain = |text: &str| text.parse::<std::net::IpAddr>().is_ok();
    match (text.split_once('/'), text.split_once('-')) {
        (Some((address, bits)), _) => plain(address) && bits.parse::<u8>().is_ok_and(|bits| bits <= 128),
        (None, Some((from, to))) if plain(from) => plain(to),
        _ => plain(text) || (text.contains('.') && text.chars().any(char::is_alphabetic)),
    }
}

impl Kind {
    /// The value as the router keeps it, or `None` where it refuses it. Whether a profile exists is for the caller.
    pub(super) fn keep(self, value: &[u8]) -> Option<Vec<u8>> {
        let text = core::str::from_utf8(value).ok();
        let as_it_is = |good: bool| good.then(|| value.to_vec());
        match self {
            Self::Text | Self::Profile => Some(value.to_vec()),
            Self::Flag => match text? {
                "yes" | "true" => Some(b"true".to_vec()),
                "no" | "false" => Some(b"false".to_vec()),
                _ => None,
            },
            Self::Word(words) => as_it_is(words.contains(&text?)),
            Self::Number => text?.parse::<u64>().ok().map(|number| number.to_string().into_bytes()),
            Self::Rates => rate_pair(text?).map(|(up, down)| format!("{up}/{down}").into_bytes()),
            Self::RateLimit => as_it_is(rate_pair(text?).is_some()),
            Self::Address => as_it_is(text?.parse::<std::net::Ipv4Addr>().is_ok()),
            Self::Addresses => as_it_is(addresses(text?)),
            Self::Duration => as_it_is(parse_duration(text?).is_some()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_in_every_spelling() {
        assert_eq!(rate_pair("10M/20M"), Some((10_000_000, 20_000_000)));
        assert_eq!(rate_pair("512k"), Some((512_000, 512_000)));
        assert_eq!(rate_pair("5M/10M 8M/16M 4M/8M 10/10"), Some((5_000_000, 10_000_000)));
        assert_eq!(rate_pair("fast"), None);
    }

    #[test]
    fn values_are_kept_as_the_router_keeps_them() {
        assert_eq!(Kind::Rates.keep(b"10M/20M").as_deref(), Some(&b"10000000/20000000"[..]));
        assert_eq!(Kind::Flag.keep(b"yes").as_deref(), Some(&b"true"[..]));
        assert_eq!(Kind::Flag.keep(b"maybe"), None);
        assert_eq!(Kind::Addresses.keep(b"10.0.0.0/8").as_deref(), Some(&b"10.0.0.0/8"[..]));
        assert_eq!(Kind::Addresses.keep(b"10.0.0"), None);
    }
}
