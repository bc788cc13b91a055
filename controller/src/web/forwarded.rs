//! Whose request it is when proxies stand before us: the rule by which `X-Forwarded-For` is believed.
//!
//! Each proxy appends the address from which it was asked, so the list is true from the right, and only as far as
//! those who wrote it are ours. What stands further left anybody can have written.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;

use crate::kernel::Subnet;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The client of a request that came from `peer`: the peer itself unless it is a trusted proxy; else the right-most
/// address of the header that is none. Where the list ends among trusted proxies, or goes on with what is no address,
/// it is the last proxy that was believed.
#[must_use]
pub(super) fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[Subnet]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|subnet| subnet.contains(address));
    let mut client = peer.to_canonical();
    if !is_trusted(client) {
        return client;
    }
    let lines = headers.get_all(FORWARDED_FOR).iter().map(|value| value.to_str().unwrap_or(""));
    // Several headers are one list, in their order.
    for entry in lines.rev().flat_map(|line| line.rsplit(',')) {
        let Some(address) = address(entry.trim()) else { break };
        client = address;
        if !is_trusted(client) {
            break;
        }
    }
    client
}

/// An address, with or without a port, IPv6 with or without brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let parsed = bare.parse::<IpAddr>().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|place| place.ip()));
    parsed.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(peer: &str, lines: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, line.parse().unwrap());
        }
        let trusted: Vec<Subnet> = trusted.iter().map(|text| text.parse().unwrap()).collect();
        client(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn nobody_is_believed_by_default() {
        assert_eq!(told("127.0.0.1", &["203.0.113.9"], &[]), "127.0.0.1");
        assert_eq!(told("198.51.100.1", &["203.0.113.9"], &["127.0.0.1", "10.0.0.0/8"]), "198.51.100.1");
    }

    #[test]
    fn the_right_most_address_that_is_no_proxy_of_ours_is_the_client() {
        let ours = ["127.0.0.1", "10.0.0.0/8"];
        assert_eq!(told("127.0.0.1", &["203.0.113.9"], &ours), "203.0.113.9");
        assert_eq!(told("127.0.0.1", &["203.0.113.9, 10.0.0.2"], &ours), "203.0.113.9");
        // What the client has written itself stands to the left of it.
        assert_eq!(told("127.0.0.1", &["192.0.2.1, 203.0.113.9, 10.0.0.2"], &ours), "203.0.113.9");
        assert_eq!(told("127.0.0.1", &["192.0.2.1", "203.0.113.9,10.0.0.2"], &ours), "203.0.113.9");
        assert_eq!(told("127.0.0.1", &["203.0.113.9", "10.0.0.2"], &ours), "203.0.113.9");
        assert_eq!(told("::ffff:127.0.0.1", &["203.0.113.9:4711"], &ours), "203.0.113.9");
        assert_eq!(told("127.0.0.1", &["[2001:db8::7]:4711"], &ours), "2001:db8::7");
        assert_eq!(told("127.0.0.1", &["2001:db8::7"], &ours), "2001:db8::7");
    }

    #[test]
    fn what_makes_no_sense_is_not_passed_over() {
        let ours = ["127.0.0.1", "10.0.0.0/8"];
        assert_eq!(told("127.0.0.1", &[], &ours), "127.0.0.1");
        assert_eq!(told("127.0.0.1", &[""], &ours), "127.0.0.1");
        assert_eq!(told("127.0.0.1", &["203.0.113.9, unknown"], &ours), "127.0.0.1");
        assert_eq!(told("127.0.0.1", &["203.0.113.9, , 10.0.0.2"], &ours), "10.0.0.2");
        assert_eq!(told("127.0.0.1", &["10.0.0.3, 10.0.0.2"], &ours), "10.0.0.3");
    }
}
