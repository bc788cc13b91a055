//! A small network of real packets: customer — Linux router — Internet, each a network namespace, joined by veth pairs,
//! and a fourth pair by which the router reaches this machine.
//!
//! Nothing passes that nobody sent: IPv6 is off, neighbours are written by hand, offloads are off, so that
//! the octets of an interface are the sum of the lengths of the frames that crossed it.

use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};

use crate::processes::ports::Port;

/// Octets of a ping's frame beside its payload: Ethernet, IPv4, ICMP.
const HEADERS: u64 = 14 + 20 + 8;

/// The customer's address.
pub const CUSTOMER: &str = "10.50.0.2";
/// Somebody on the Internet.
pub const INTERNET: &str = "10.60.0.2";
/// The router's interface towards the customer.
pub const LINE: &str = "line1";

/// The network; taken down when dropped.
#[derive(Debug)]
pub struct Network {
    id: String,
    host: String,
    /// Keeps `id` ours.
    _number: Port,
}

/// What came of some pings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pings {
    /// Echo requests sent.
    pub sent: u64,
    /// Echo replies received.
    pub received: u64,
    /// Length of each frame, octets.
    pub frame: u64,
}

impl Network {
    /// Lays it.
    ///
    /// # Errors
    /// Without root, iproute2 and ethtool.
    pub fn lay() -> Result<Self> {
        let number = Port::take()?;
        let at = number.number() - 20_000;
        let net =
            Self { id: format!("lm{at}"), host: format!("10.213.{}.{}", at / 64, at % 64 * 4 + 1), _number: number };
        net.build(at).context("network namespaces need root, iproute2 and ethtool")?;
        Ok(net)
    }

    fn build(&self, at: u16) -> Result<()> {
        let router = format!("10.213.{}.{}", at / 64, at % 64 * 4 + 2);
        for name in ["router", "customer", "internet"] {
            ip(&["netns", "add", &self.space(name)])?;
            // Before there is an interface, so that none ever speaks IPv6.
            for knob in ["ipv6/conf/all/disable_ipv6", "ipv6/conf/default/disable_ipv6"] {
                self.knob(name, knob, "1")?;
            }
        }
        self.knob("router", "ipv4/ip_forward", "1")?;
        self.pair(("customer", "eth0", "10.50.0.2/24"), ("router", LINE, "10.50.0.1/24"))?;
        self.pair(("internet", "eth0", "10.60.0.2/24"), ("router", "uplink", "10.60.0.1/24"))?;
        self.run("customer", &["ip", "route", "add", "default", "via", "10.50.0.1"])?;
        self.run("internet", &["ip", "route", "add", "default", "via", "10.60.0.1"])?;
        // The management side: here, in this machine's own namespace.
        let (here, there) = (self.id.as_str(), self.space("router"));
        ip(&["link", "add", here, "type", "veth", "peer", "name", "manage", "netns", &there])?;
        ip(&["addr", "add", &format!("{}/30", self.host), "dev", here])?;
        ip(&["link", "set", here, "up"])?;
        self.run("router", &["ip", "addr", "add", &format!("{router}/30"), "dev", "manage"])?;
        self.run("router", &["ip", "link", "set", "manage", "up"])?;
        self.run("router", &["ip", "link", "set", "lo", "up"])?;
        Ok(())
    }

    /// A veth pair with addresses, fixed neighbours and no offloads.
    fn pair(&self, one: (&str, &str, &str), two: (&str, &str, &str)) -> Result<()> {
        ip(&[
            "link",
            "add",
            one.1,
            "netns",
            &self.space(one.0),
            "type",
            "veth",
            "peer",
            "name",
            two.1,
            "netns",
            &self.space(two.0),
        ])?;
        for (space, device, address) in [one, two] {
            self.run(space, &["ip", "addr", "add", address, "dev", device])?;
            self.run(
                space,
                &["ethtool", "-K", device, "tx", "off", "rx", "off", "tso", "off", "gso", "off", "gro", "off"],
            )?;
            self.run(space, &["ip", "link", "set", device, "arp", "off"])?;
            self.run(space, &["ip", "link", "set", device, "up"])?;
        }
        for ((space, device, _), (other, peer, address)) in [(one, two), (two, one)] {
            let mac = self.run(other, &["cat", &format!("/sys/class/net/{peer}/address")])?;
            let host = address.split('/').next().unwrap_or_default();
            let words = ["ip", "neigh", "replace", host, "lladdr", mac.trim(), "dev", device, "nud", "permanent"];
            self.run(space, &words)?;
        }
        Ok(())
    }

    /// Address of this machine as the router sees it.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Full name of `router`, `customer` or `internet`, for `ip netns exec`.
    #[must_use]
    pub fn space(&self, name: &str) -> String {
        format!("{}-{name}", self.id)
    }

    /// Runs a command in one of the namespaces and returns what it printed.
    ///
    /// # Errors
    /// When it fails.
    pub fn run(&self, name: &str, words: &[&str]) -> Result<String> {
        let space = self.space(name);
        let output = said(Command::new("ip").args(["netns", "exec", &space]).args(words))?;
        ensure!(output.status.success(), "{words:?} in {space}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn knob(&self, name: &str, knob: &str, value: &str) -> Result<()> {
        self.run(name, &["sh", "-c", &format!("echo {value} > /proc/sys/net/{knob}")]).map(drop)
    }

    /// Pings from `customer` or `internet` to the other one, with that many octets of payload.
    ///
    /// # Errors
    /// When there is no answer to read, not when none is received.
    pub fn ping(&self, from: &str, count: u64, payload: u64) -> Result<Pings> {
        let to = if from == "customer" { INTERNET } else { CUSTOMER };
        let (count_text, payload_text) = (count.to_string(), payload.to_string());
        let words = ["ping", "-n", "-q", "-i", "0.01", "-W", "1", "-c", &count_text, "-s", &payload_text, to];
        let output = said(Command::new("ip").args(["netns", "exec", &self.space(from)]).args(words))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let received = text.lines().find(|line| line.contains("packets transmitted")).and_then(|line| {
            let part = line.split(',').find(|part| part.contains("received"))?;
            part.trim().split(' ').next()?.parse().ok()
        });
        let received = received.with_context(|| format!("{text}{}", String::from_utf8_lossy(&output.stderr)))?;
        Ok(Pings { sent: count, received, frame: payload + HEADERS })
    }

    /// Octets that the kernel counted on the customer's line: towards the customer, from the customer.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn octets(&self) -> Result<(u64, u64)> {
        let read = |name: &str| -> Result<u64> {
            let text = self.run("router", &["cat", &format!("/sys/class/net/{LINE}/statistics/{name}")])?;
            text.trim().parse().context("octets of the line")
        };
        Ok((read("tx_bytes")?, read("rx_bytes")?))
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // Pairs go with their namespaces.
        for name in ["router", "customer", "internet"] {
            drop(ip(&["netns", "del", &self.space(name)]));
        }
    }
}

fn ip(words: &[&str]) -> Result<()> {
    let output = said(Command::new("ip").args(words))?;
    ensure!(output.status.success(), "ip {}: {}", words.join(" "), String::from_utf8_lossy(&output.stderr));
    Ok(())
}

fn said(command: &mut Command) -> Result<Output> {
    command.output().with_context(|| format!("{command:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_octet_is_one_that_was_sent() {
        let net = Network::lay().unwrap();
        assert_eq!(net.octets().unwrap(), (0, 0), "nobody speaks by himself");
        let pings = net.ping("customer", 20, 500).unwrap();
        assert_eq!(pings, Pings { sent: 20, received: 20, frame: 542 });
        let back = net.ping("internet", 5, 100).unwrap();
        assert_eq!(back.received, 5);
        let both = 20 * 542 + 5 * 142;
        assert_eq!(net.octets().unwrap(), (both, both));
    }
}
