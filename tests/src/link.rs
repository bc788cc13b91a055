//! The road between a POP and the controller: a UDP forwarder on loopback that can be cut.
//!
//! Both ends stay up and keep their sockets, as with a real outage: no error reaches them, packets are just gone.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anyhow::{Context, Result};
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

use crate::processes::ports::Port;

/// The largest datagram that is forwarded, in bytes.
const DATAGRAM: usize = 65_535;

/// A road with a switch. Dropping it ends it.
#[derive(Debug)]
pub struct Link {
    port: Port,
    state: Arc<State>,
    _road: JoinSet<()>,
}

#[derive(Debug)]
struct State {
    target: SocketAddr,
    up: AtomicBool,
    forwarded: AtomicU64,
    lost: AtomicU64,
}

impl State {
    /// Whether this packet passes.
    fn passes(&self) -> bool {
        let up = self.up.load(Ordering::SeqCst);
        let count = if up { &self.forwarded } else { &self.lost };
        count.fetch_add(1, Ordering::SeqCst);
        up
    }
}

impl Link {
    /// Opens a road to `target` (`127.0.0.1:port`).
    ///
    /// # Errors
    /// When no port is free.
    pub async fn open(target: &str) -> Result<Self> {
        let port = Port::take()?;
        let socket = Arc::new(UdpSocket::bind(port.address()).await.context("the near end of the road")?);
        let target = target.parse().with_context(|| format!("`{target}` is no address"))?;
        let state = Arc::new(State { target, up: AtomicBool::new(true), forwarded: 0.into(), lost: 0.into() });
        let mut road = JoinSet::new();
        road.spawn(forward(socket, Arc::clone(&state)));
        Ok(Self { port, state, _road: road })
    }

    /// Where the agent is to connect.
    #[must_use]
    pub fn address(&self) -> String {
        self.port.address()
    }

    /// Packets vanish in both directions.
    pub fn cut(&self) {
        self.state.up.store(false, Ordering::SeqCst);
    }

    /// Packets pass again.
    pub fn mend(&self) {
        self.state.up.store(true, Ordering::SeqCst);
    }

    /// Packets that passed and packets that vanished.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        (self.state.forwarded.load(Ordering::SeqCst), self.state.lost.load(Ordering::SeqCst))
    }
}

/// From the agent's side; each address there gets a socket of its own towards the target.
async fn forward(near: Arc<UdpSocket>, state: Arc<State>) {
    let mut far: BTreeMap<SocketAddr, Arc<UdpSocket>> = BTreeMap::new();
    let mut ways_back = JoinSet::new();
    let mut buffer = vec![0; DATAGRAM];
    loop {
        let Ok((length, from)) = near.recv_from(&mut buffer).await else { continue };
        if !state.passes() {
            continue;
        }
        let socket = match far.get(&from) {
            Some(socket) => Arc::clone(socket),
            None => {
                let Ok(socket) = UdpSocket::bind("127.0.0.1:0").await.map(Arc::new) else { continue };
                far.insert(from, Arc::clone(&socket));
                ways_back.spawn(back(Arc::clone(&near), Arc::clone(&socket), from, Arc::clone(&state)));
                socket
            }
        };
        // A controller that is away refuses; for QUIC that is a lost packet.
        drop(socket.send_to(&buffer[..length], state.target).await);
    }
}

/// From the target's side to one agent.
async fn back(near: Arc<UdpSocket>, far: Arc<UdpSocket>, to: SocketAddr, state: Arc<State>) {
    let mut buffer = vec![0; DATAGRAM];
    loop {
        match far.recv_from(&mut buffer).await {
            Ok((length, _)) if state.passes() => drop(near.send_to(&buffer[..length], to).await),
            Ok(_) => {}
            // The target is away: "refused" of the last send. Give it time instead of spinning.
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn packets_pass_vanish_and_pass_again() {
        let target = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let link = Link::open(&target.local_addr().unwrap().to_string()).await.unwrap();
        let agent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let mut buffer = [0; 16];

        agent.send_to(b"one", link.address()).await.unwrap();
        let (_, from) = target.recv_from(&mut buffer).await.unwrap();
        target.send_to(b"two", from).await.unwrap();
        let (length, _) = agent.recv_from(&mut buffer).await.unwrap();
        assert_eq!(&buffer[..length], b"two");

        link.cut();
        agent.send_to(b"lost", link.address()).await.unwrap();
        let none = tokio::time::timeout(Duration::from_millis(200), target.recv_from(&mut buffer)).await;
        assert!(none.is_err(), "a packet passed a road that is cut");

        link.mend();
        agent.send_to(b"three", link.address()).await.unwrap();
        let (length, _) = target.recv_from(&mut buffer).await.unwrap();
        assert_eq!(&buffer[..length], b"three");
        assert_eq!(link.counts(), (3, 1));
    }
}
