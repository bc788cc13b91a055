//! Where the controller may connect to when an operator says where: an address typed into a form must not become a way
//! into the machine's own network services.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Why a place is not connected to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPlace {
    /// Not an address of the web.
    #[error("is not an address such as https://sms.example/api")]
    NotAnAddress,
    /// A name and a password in the address would be shown and logged.
    #[error("must not hold a name or a password")]
    Credentials,
    /// Open text over a network.
    #[error("must begin with https://; http:// only for this machine, or where it is allowed explicitly")]
    Open,
    /// An address that no provider has: link-local (cloud metadata lives there), multicast, unspecified.
    #[error("{0} is not an address of a provider")]
    Forbidden(String),
    /// The name is not known.
    #[error("the name {0} is not known")]
    Unknown(String),
}

/// Whether nothing of ours should ever connect there.
#[must_use]
pub fn is_forbidden(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => forbidden_v4(v4),
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or_else(|| forbidden_v6(v6), forbidden_v4),
    }
}

fn forbidden_v4(address: Ipv4Addr) -> bool {
    address.is_link_local() || address.is_multicast() || address.is_broadcast() || address.octets()[0] == 0
}

fn forbidden_v6(address: Ipv6Addr) -> bool {
    address.is_unicast_link_local() || address.is_multicast() || address.is_unspecified()
}

/// The host without the brackets of an IPv6 literal.
#[must_use]
pub fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host)
}

/// Whether a host, as it is written, is this machine.
#[must_use]
pub fn is_loopback(host: &str) -> bool {
    let host = bare(host);
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Checks a host as it is written; names are checked again when they are resolved.
///
/// # Errors
/// [`BadPlace::Forbidden`], or [`BadPlace::NotAnAddress`] for what is no host at all.
pub fn check_host(host: &str) -> Result<(), BadPlace> {
    let host = bare(host);
    if let Ok(address) = host.parse::<IpAddr>() {
        return if is_forbidden(address) { Err(BadPlace::Forbidden(host.to_owned())) } else { Ok(()) };
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len()) && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    };
    // A host of digits alone, such as 2130706433 or 0x7f.1, is an address to some resolvers.
    let last = host.rsplit('.').next().unwrap_or("");
    let numeric = last.starts_with(|c: char| c.is_ascii_digit());
    if host.len() > 253 || numeric || !host.split('.').all(label) {
        return Err(BadPlace::NotAnAddress);
    }
    Ok(())
}

/// The addresses of a host, without those that are forbidden.
///
/// # Errors
/// [`BadPlace::Unknown`] when the name does not resolve, [`BadPlace::Forbidden`] when nothing is left.
pub async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, BadPlace> {
    let host = bare(host);
    let found = tokio::net::lookup_host((host, port)).await.map_err(|_| BadPlace::Unknown(host.to_owned()))?;
    let all: Vec<_> = found.collect();
    let good: Vec<_> = all.iter().copied().filter(|address| !is_forbidden(address.ip())).collect();
    match (all.first(), good.is_empty()) {
        (None, _) => Err(BadPlace::Unknown(host.to_owned())),
        (Some(first), true) => Err(BadPlace::Forbidden(first.ip().to_string())),
        (Some(_), false) => Ok(good),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_no_provider_has() {
        for text in [
            "169.254.169.254",
            "0.0.0.0",
            "0.1.2.3",
            "224.0.0.1",
            "255.255.255.255",
            "fe80::1",
            "ff02::1",
            "::",
            "::ffff:169.254.169.254",
        ] {
            assert!(is_forbidden(text.parse().unwrap()), "{text}");
            assert!(matches!(check_host(text), Err(BadPlace::Forbidden(_))), "{text}");
        }
        for text in ["127.0.0.1", "10.0.0.5", "203.0.113.7", "::1", "2001:db8::1", "sms.example", "localhost", "[::1]"]
        {
            assert_eq!(check_host(text), Ok(()), "{text}");
        }
        for text in ["", "a b", "2130706433", "0x7f.1", "0177.1", "a..b", "a/b", "user@host", "a:b"] {
            assert_eq!(check_host(text), Err(BadPlace::NotAnAddress), "{text}");
        }
        assert!(is_loopback("LOCALHOST") && is_loopback("127.8.8.8") && is_loopback("[::1]"));
        assert!(!is_loopback("localhost.evil.example") && !is_loopback("10.0.0.1"));
    }

    #[tokio::test]
    async fn a_literal_resolves_to_itself() {
        assert_eq!(resolve("[::1]", 25).await.unwrap(), ["[::1]:25".parse().unwrap()]);
        assert!(matches!(resolve("169.254.169.254", 80).await, Err(BadPlace::Forbidden(_))));
    }
}
