//! Which ports the demonstration uses: the usual ones, others where they are taken.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};

/// Ports on 127.0.0.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ports {
    /// The console and the API, TCP.
    pub web: u16,
    /// Agents, UDP.
    pub fleet: u16,
    /// The simulated router's API, TCP.
    pub router: u16,
    /// The simulated router's control port, TCP.
    pub control: u16,
    /// The agent's status page, TCP.
    pub status: u16,
    /// The provider of SMS and the page of what was sent, TCP.
    #[serde(default)]
    pub messages: u16,
    /// The mail server, TCP.
    #[serde(default)]
    pub smtp: u16,
}

impl Ports {
    /// The ports that people expect.
    pub const USUAL: Self =
        Self { web: 8080, fleet: 8443, router: 18_728, control: 18_729, status: 8470, messages: 8461, smtp: 8425 };
    /// Any ports that are free.
    pub const ANY: Self = Self { web: 0, fleet: 0, router: 0, control: 0, status: 0, messages: 0, smtp: 0 };

    /// These ports, with free ones in place of those that are taken. `say` hears of each change of a port that was
    /// asked for.
    ///
    /// # Errors
    /// When the machine has no free port.
    pub fn settle(self, mut say: impl FnMut(String)) -> Result<Self> {
        let mut pick = |what: &str, wanted: u16, udp: bool| -> Result<u16> {
            if wanted != 0 && is_free(wanted, udp) {
                return Ok(wanted);
            }
            let port = free(udp).with_context(|| format!("no port is free for {what}"))?;
            if wanted != 0 {
                say(format!("port {wanted} is taken: {what} uses {port}"));
            }
            Ok(port)
        };
        Ok(Self {
            web: pick("the console", self.web, false)?,
            fleet: pick("the agents' side of the controller", self.fleet, true)?,
            router: pick("the simulated router", self.router, false)?,
            control: pick("the router's control port", self.control, false)?,
            status: pick("the agent's status page", self.status, false)?,
            messages: pick("the page of what was sent", self.messages, false)?,
            smtp: pick("the mail server", self.smtp, false)?,
        })
    }

    /// Refuses a port that agents were told and that is taken now.
    ///
    /// # Errors
    /// When it is taken.
    pub fn insist_on_fleet(&self) -> Result<()> {
        ensure!(
            is_free(self.fleet, true),
            "UDP port {} is taken, and the agent in the kept data knows no other: stop what uses it, or start without kept data",
            self.fleet
        );
        Ok(())
    }
}

/// `port` on loopback.
#[must_use]
pub fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn is_free(port: u16, udp: bool) -> bool {
    if udp { UdpSocket::bind(local(port)).is_ok() } else { TcpListener::bind(local(port)).is_ok() }
}

fn free(udp: bool) -> Result<u16> {
    let address = if udp {
        UdpSocket::bind(local(0)).and_then(|socket| socket.local_addr())
    } else {
        TcpListener::bind(local(0)).and_then(|socket| socket.local_addr())
    };
    Ok(address?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_replaced_and_said() {
        let held = TcpListener::bind(local(0)).expect("a port");
        let taken = held.local_addr().expect("bound").port();
        let mut said = Vec::new();
        let ports = Ports { web: taken, ..Ports::ANY }.settle(|line| said.push(line)).expect("ports");
        assert_ne!(ports.web, taken);
        assert_eq!(said.len(), 1);
        assert!(said[0].contains("the console"));
    }
}
