//! What the network decides without looking anything up: names, inputs, how far a line is, words for people.

use lastmile_protocol::downlink::RouterKind;
use lastmile_protocol::uplink::{FailReason, Health, Outcome, RouterState};

use crate::kernel::fault::Check;
use crate::kernel::{Fault, FieldError};

/// A usage interval that is older than this in the spool means that the agent catches up, in milliseconds.
const BEHIND_MS: i64 = 15 * 60 * 1_000;

/// The first moment at which each step was reached, milliseconds since 1970 UTC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reached {
    /// The agent has stored the desired state.
    pub sent: bool,
    /// The router has taken it.
    pub applied: bool,
    /// It was read back as wanted.
    pub verified: bool,
    /// It was found not as wanted.
    pub failed: bool,
}

/// How far a line has come, as one word.
#[must_use]
pub const fn step(reached: Reached) -> &'static str {
    match reached {
        Reached { failed: true, .. } => "failed",
        Reached { verified: true, .. } => "verified",
        Reached { applied: true, .. } => "applied",
        Reached { sent: true, .. } => "sent",
        _ => "queued",
    }
}

/// The word under which an outcome is stored, and the reason of a failure in words.
#[must_use]
pub fn outcome(outcome: &Outcome) -> (&'static str, Option<String>) {
    match outcome {
        Outcome::Applied => ("applied", None),
        Outcome::Verified => ("verified", None),
        Outcome::Removed => ("removed", None),
        Outcome::Failed(reason) => ("failed", Some(words(reason))),
    }
}

fn words(reason: &FailReason) -> String {
    match reason {
        FailReason::Unreachable => "the router does not answer".to_owned(),
        FailReason::AuthRefused => "the router refuses the agent's log-in".to_owned(),
        FailReason::NameTaken => "the router has a foreign object of this name".to_owned(),
        FailReason::Refused(text) => format!("the router refused: {}", clean(text)),
        FailReason::Differs(text) => format!("read back otherwise: {}", clean(text)),
        FailReason::Frozen(text) => format!("nothing was written: {}", clean(text)),
        FailReason::NoRouter => "the agent has no such router, or it cannot enforce this line".to_owned(),
    }
}

/// A text from outside without control characters (PostgreSQL stores no NUL), at most 400 characters.
#[must_use]
pub fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(400).collect()
}

fn short(bps: u64) -> String {
    match bps {
        0 => "0".to_owned(),
        n if n % 1_000_000 == 0 => format!("{}M", n / 1_000_000),
        n if n % 1_000 == 0 => format!("{}k", n / 1_000),
        n => n.to_string(),
    }
}

/// A speed that a router wrote as plain bit/s in the short form, so that it can be compared with what is wanted at a
/// glance; everything else as it is.
#[must_use]
pub fn shown_rate(text: &str) -> String {
    let plain = text.split_once('/').and_then(|(up, down)| Some((up.parse().ok()?, down.parse().ok()?)));
    plain.map_or_else(|| clean(text), |(up, down): (u64, u64)| format!("{}/{}", short(up), short(down)))
}

/// A speed as RouterOS writes it: customer's up before down, `5M/20M`; empty when neither is limited.
#[must_use]
pub fn rate(down_bps: u64, up_bps: u64) -> String {
    if down_bps == 0 && up_bps == 0 { String::new() } else { format!("{}/{}", short(up_bps), short(down_bps)) }
}

/// Checks a name of a POP or router.
///
/// # Errors
/// [`Fault::Invalid`] on `name`.
pub fn name(text: &str) -> Result<String, Fault> {
    let name = text.trim();
    if name.is_empty() || name.chars().count() > 64 || name.chars().any(char::is_control) {
        return Err(Fault::field("name", "a name has 1 to 64 characters"));
    }
    Ok(name.to_owned())
}

/// What makes up a router, as a person gave it.
#[derive(Debug, Clone, Copy)]
pub struct RouterFields<'a> {
    /// Name.
    pub name: &'a str,
    /// What it is.
    pub kind: RouterKind,
    /// Host or address.
    pub host: &'a str,
    /// TCP port.
    pub port: i64,
    /// Log-in name.
    pub username: &'a str,
    /// Log-in password, when it is given.
    pub password: Option<&'a str>,
    /// The most that a line can carry, bit/s.
    pub line_rate_bps: i64,
    /// Seconds between polls.
    pub poll_seconds: i64,
}

/// Everything that is wrong with a router's fields.
///
/// # Errors
/// [`Fault::Invalid`] with one entry for each wrong field.
pub fn router(fields: &RouterFields<'_>) -> Result<(), Fault> {
    let mut check = Check::new();
    check.that(name(fields.name).is_ok(), "name", "a name has 1 to 64 characters");
    if fields.kind == RouterKind::RouterOs {
        check.that(is_host(fields.host), "host", "a host name or an address is needed, without port and blanks");
        check.that((1..=65_535).contains(&fields.port), "port", "a port lies between 1 and 65535");
        check.that(is_login(fields.username), "username", "a log-in name of 1 to 64 characters is needed");
    } else {
        check.that(fields.host.is_empty(), "host", "a Linux router is the host of its agent: leave the host empty");
    }
    let short = fields.password.is_none_or(|p| p.len() <= 128 && !p.contains('\0'));
    check.that(short, "password", "a password has at most 128 bytes");
    let rates = 64_000..=400_000_000_000;
    check.that(rates.contains(&fields.line_rate_bps), "line_rate_bps", "a line carries 64 kbit/s to 400 Gbit/s");
    check.that((1..=3_600).contains(&fields.poll_seconds), "poll_seconds", "a poll comes every 1 to 3600 seconds");
    check.done()
}

fn is_host(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']' | '%');
    !text.is_empty() && text.len() <= 253 && text.chars().all(allowed)
}

fn is_login(text: &str) -> bool {
    !text.is_empty() && text.len() <= 64 && !text.chars().any(char::is_control)
}

/// Checks the name of a PPP secret and, when it is given, its password.
#[must_use]
pub fn pppoe(username: &str, password: Option<&str>) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    if !is_login(username) || username.trim() != username {
        wrong.push(field("username", "a username has 1 to 64 characters and no blank at its ends"));
    }
    if password.is_some_and(|p| p.is_empty() || p.len() > 128 || p.chars().any(char::is_control)) {
        wrong.push(field("password", "a password has 1 to 128 bytes"));
    }
    wrong
}

/// Checks a static address and its interface.
#[must_use]
pub fn fixed(address: &str, interface: &str) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    let usable = address
        .parse::<std::net::Ipv4Addr>()
        .is_ok_and(|ip| !ip.is_unspecified() && !ip.is_loopback() && !ip.is_multicast() && !ip.is_broadcast());
    if !usable {
        wrong.push(field("address", "an IPv4 address of one customer is needed"));
    }
    let named = |c: char| c.is_ascii_graphic() && c != '/';
    if interface.is_empty() || interface.len() > 15 || !interface.chars().all(named) {
        wrong.push(field("interface", "an interface name has 1 to 15 characters"));
    }
    wrong
}

fn field(name: &str, message: &str) -> FieldError {
    FieldError { field: name.to_owned(), message: message.to_owned() }
}

/// How a POP is, as one word: `never`, `no_contact`, `trouble`, `catching_up` or `healthy`.
#[must_use]
pub fn pop_state(agents: usize, connected: bool, health: &[&Health], now_ms: i64) -> &'static str {
    if agents == 0 {
        return "never";
    }
    if !connected {
        return "no_contact";
    }
    let ill = |h: &&Health| {
        let router = |state| !matches!(state, RouterState::Healthy | RouterState::Unknown);
        !h.frozen.is_empty() || h.routers.iter().any(|r| router(r.state))
    };
    if health.iter().any(ill) {
        return "trouble";
    }
    let behind = |h: &&Health| h.spool_oldest_ms > 0 && now_ms - h.spool_oldest_ms > BEHIND_MS;
    if health.iter().any(behind) { "catching_up" } else { "healthy" }
}

/// A router's state as one word.
#[must_use]
pub const fn router_state(state: RouterState) -> &'static str {
    match state {
        RouterState::Unknown => "unknown",
        RouterState::Healthy => "healthy",
        RouterState::Unreachable => "unreachable",
        RouterState::AuthRefused => "auth_refused",
        RouterState::Failing => "failing",
        RouterState::SessionLimit => "session_limit",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_written_as_the_router_writes_them() {
        assert_eq!(rate(20_000_000, 5_000_000), "5M/20M");
        assert_eq!(rate(512_000, 0), "0/512k");
        assert_eq!(rate(1_500_001, 1), "1/1500001");
        assert_eq!(rate(0, 0), "");
        assert_eq!(shown_rate("5000000/20000000"), "5M/20M");
        assert_eq!(shown_rate("5M/20M 10M/40M"), "5M/20M 10M/40M");
    }

    #[test]
    fn failure_outranks_what_was_reached_before() {
        let all = Reached { sent: true, applied: true, verified: true, failed: true };
        assert_eq!(step(all), "failed");
        assert_eq!(step(Reached { failed: false, ..all }), "verified");
        assert_eq!(step(Reached::default()), "queued");
    }

    #[test]
    fn wrong_routers_are_told_all_at_once() {
        let good = RouterFields {
            name: "North 1",
            kind: RouterKind::RouterOs,
            host: "10.0.0.1",
            port: 8728,
            username: "api",
            password: Some("x"),
            line_rate_bps: 1_000_000_000,
            poll_seconds: 60,
        };
        assert!(router(&good).is_ok());
        let bad =
            RouterFields { name: " ", host: "a b", port: 0, username: "", poll_seconds: 0, line_rate_bps: 1, ..good };
        let Err(Fault::Invalid(wrong)) = router(&bad) else { panic!("taken") };
        assert_eq!(wrong.len(), 6);
        assert!(router(&RouterFields { kind: RouterKind::Linux, host: "", port: 0, username: "", ..good }).is_ok());
    }

    #[test]
    fn accesses_that_no_router_takes_are_refused() {
        assert!(pppoe("rahim", None).is_empty());
        assert!(pppoe("রহিম", Some("গোপন")).is_empty());
        for username in ["", " a", "a\n", &"x".repeat(65)] {
            assert_eq!(pppoe(username, None).len(), 1, "{username:?}");
        }
        assert_eq!(pppoe("a", Some("")).len(), 1);
        assert!(fixed("10.1.2.3", "veth0").is_empty());
        assert_eq!(fixed("10.1.2.3/24", "a/b").len(), 2);
        assert_eq!(fixed("127.0.0.1", "").len(), 2);
    }

    #[test]
    fn texts_from_outside_lose_their_control_characters() {
        assert_eq!(clean("a\0b\r\n"), "a b  ");
        assert_eq!(clean(&"x".repeat(1_000)).len(), 400);
    }
}
