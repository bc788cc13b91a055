//! A bad network on loopback: a UDP forwarder that drops, doubles and reorders datagrams by percentage,
//! seeded, so that a bad day can be had again.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::task::JoinSet;

use crate::rng::Seeded;

/// The largest datagram that is forwarded, octets.
const DATAGRAM: usize = 65_535;
/// Clients that are remembered; beyond it datagrams of new ones are dropped.
const MOST_CLIENTS: usize = 64;
/// Datagrams that are held back at the same time; beyond it they are sent at once.
const MOST_HELD: usize = 1_024;

/// How bad the network is. Percentages are of datagrams, each direction alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Weather {
    /// Datagrams that are lost.
    pub drop_percent: u8,
    /// Datagrams that arrive twice.
    pub duplicate_percent: u8,
    /// Datagrams that are overtaken by later ones.
    pub reorder_percent: u8,
}

/// What has happened so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Datagrams that came in, both directions.
    pub received: u64,
    /// Lost on purpose.
    pub dropped: u64,
    /// Sent a second time.
    pub duplicated: u64,
    /// Held back so that later ones overtake them.
    pub reordered: u64,
}

#[derive(Debug)]
struct State {
    weather: Weather,
    tally: Tally,
    rng: Seeded,
}

/// What happens to one datagram: the delay of each copy that is sent.
type Fate = Vec<Duration>;

impl State {
    fn fate(&mut self) -> Fate {
        self.tally.received += 1;
        if self.rng.percent(self.weather.drop_percent.into()) {
            self.tally.dropped += 1;
            return Vec::new();
        }
        let mut fate = vec![Duration::ZERO];
        if self.rng.percent(self.weather.duplicate_percent.into()) {
            self.tally.duplicated += 1;
            fate.push(Duration::ZERO);
        }
        if self.rng.percent(self.weather.reorder_percent.into()) {
            self.tally.reordered += 1;
            fate[0] = Duration::from_millis(2 + self.rng.below(30));
        }
        fate
    }
}

/// A forwarder between agents and a controller. Dropping it ends it.
#[derive(Debug)]
pub struct Chaos {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    _road: JoinSet<()>,
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Chaos {
    /// Listens on a free port of 127.0.0.1 and forwards to `target`.
    ///
    /// # Errors
    /// When no port can be opened.
    pub async fn open(target: SocketAddr, weather: Weather, seed: u64) -> std::io::Result<Self> {
        let near = Arc::new(UdpSocket::bind("127.0.0.1:0").await?);
        let address = near.local_addr()?;
        let state = Arc::new(Mutex::new(State { weather, tally: Tally::default(), rng: Seeded::new(seed) }));
        let mut road = JoinSet::new();
        road.spawn(forward(near, target, Arc::clone(&state)));
        Ok(Self { address, state, _road: road })
    }

    /// Where clients send to.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the weather from now on.
    pub fn set(&self, weather: Weather) {
        lock(&self.state).weather = weather;
    }

    /// What has happened so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        lock(&self.state).tally
    }
}

/// Sends the copies of a datagram; those that are held back travel in a task of their own.
async fn deliver(held: &mut JoinSet<()>, socket: &Arc<UdpSocket>, to: SocketAddr, datagram: &[u8], fate: Fate) {
    while held.try_join_next().is_some() {}
    for delay in fate {
        if delay.is_zero() || held.len() >= MOST_HELD {
            // A datagram that cannot be sent is lost, as datagrams are.
            let _ = socket.send_to(datagram, to).await;
            continue;
        }
        let (socket, datagram) = (Arc::clone(socket), datagram.to_vec());
        held.spawn(async move {
            tokio::time::sleep(delay).await;
            let _ = socket.send_to(&datagram, to).await;
        });
    }
}

async fn forward(near: Arc<UdpSocket>, target: SocketAddr, state: Arc<Mutex<State>>) {
    let mut clients: BTreeMap<SocketAddr, Arc<UdpSocket>> = BTreeMap::new();
    let (mut back, mut held) = (JoinSet::new(), JoinSet::new());
    let mut buffer = vec![0; DATAGRAM];
    loop {
        let Ok((length, client)) = near.recv_from(&mut buffer).await else { continue };
        if !clients.contains_key(&client) {
            if clients.len() >= MOST_CLIENTS {
                continue;
            }
            let Ok(far) = UdpSocket::bind("127.0.0.1:0").await else { continue };
            let far = Arc::new(far);
            clients.insert(client, Arc::clone(&far));
            back.spawn(answer(far, Arc::clone(&near), client, Arc::clone(&state)));
        }
        let fate = lock(&state).fate();
        if let (Some(far), Some(datagram)) = (clients.get(&client), buffer.get(..length)) {
            deliver(&mut held, far, target, datagram, fate).await;
        }
    }
}

async fn answer(far: Arc<UdpSocket>, near: Arc<UdpSocket>, client: SocketAddr, state: Arc<Mutex<State>>) {
    let mut held = JoinSet::new();
    let mut buffer = vec![0; DATAGRAM];
    loop {
        let Ok((length, _)) = far.recv_from(&mut buffer).await else { continue };
        let fate = lock(&state).fate();
        if let Some(datagram) = buffer.get(..length) {
            deliver(&mut held, &near, client, datagram, fate).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn sent_through(weather: Weather, count: u32) -> (Vec<u32>, Tally) {
        let server = UdpSocket::bind("127.0.0.1:0").await.expect("a server");
        let chaos = Chaos::open(server.local_addr().expect("bound"), weather, 3).await.expect("open");
        let client = UdpSocket::bind("127.0.0.1:0").await.expect("a client");
        let mut got = Vec::new();
        for number in 0..count {
            client.send_to(&number.to_be_bytes(), chaos.address()).await.expect("sent");
            tokio::task::yield_now().await;
        }
        let mut buffer = [0; 4];
        let quiet = Duration::from_millis(300);
        while tokio::time::timeout(quiet, server.recv_from(&mut buffer)).await.is_ok() {
            got.push(u32::from_be_bytes(buffer));
        }
        (got, chaos.tally())
    }

    #[tokio::test]
    async fn fair_weather_changes_nothing() {
        let (got, tally) = sent_through(Weather::default(), 50).await;
        assert_eq!(got, (0..50).collect::<Vec<_>>());
        assert_eq!(tally, Tally { received: 50, ..Tally::default() });
    }

    #[tokio::test]
    async fn bad_weather_drops_doubles_and_reorders_as_it_counts() {
        let weather = Weather { drop_percent: 20, duplicate_percent: 20, reorder_percent: 20 };
        let (got, tally) = sent_through(weather, 100).await;
        assert_eq!(got.len() as u64, tally.received - tally.dropped + tally.duplicated);
        assert!(tally.dropped > 5 && tally.duplicated > 5 && tally.reordered > 5, "{tally:?}");
        assert!(!got.is_sorted(), "nothing was overtaken");
    }

    #[tokio::test]
    async fn answers_find_their_client() {
        let server = UdpSocket::bind("127.0.0.1:0").await.expect("a server");
        let chaos = Chaos::open(server.local_addr().expect("bound"), Weather::default(), 1).await.expect("open");
        let client = UdpSocket::bind("127.0.0.1:0").await.expect("a client");
        client.send_to(b"ping", chaos.address()).await.expect("sent");
        let mut buffer = [0; 8];
        let (_, from) = server.recv_from(&mut buffer).await.expect("came");
        server.send_to(b"pong", from).await.expect("sent");
        let (length, from) = client.recv_from(&mut buffer).await.expect("came");
        assert_eq!((&buffer[..length], from), (&b"pong"[..], chaos.address()));
    }
}
