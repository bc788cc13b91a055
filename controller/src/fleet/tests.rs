//! The endpoint with agents of our own making: real QUIC on loopback, a real database.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use lastmile_protocol::downlink::{Ack, DesiredPush, Generation, PollPlan, digest};
use lastmile_protocol::frame::{Framed, HEADER, Header, read_payload, write_frame};
use lastmile_protocol::hello::{Hello, HelloReply, Refusal, Welcome};
use lastmile_protocol::identity::{KeyHash, SERVER_NAME, client_config};
use lastmile_protocol::ids::LineNo;
use lastmile_protocol::uplink::{
    ChunkBody, DesiredStatus, Gap, GapCause, Health, LineRate, LiveRates, SpooledChunk, UsageChunk, UsageRecord,
};
use lastmile_protocol::{close::CloseCode, codec, frame::FrameKind};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, ConnectionError, Endpoint, RecvStream, SendStream};
use rustls::pki_types::PrivateKeyDer;
use tokio::sync::watch;
use tokio::time::timeout;

use super::Fleet;
use crate::config::Config;
use crate::db::testing::{START_MS, TestDb, on_both};
use crate::domains::network::identity::Identity;
use crate::domains::network::testing::{Ground, keyring, token};
use crate::domains::{network, usage};
use crate::kernel::Actor;
use crate::kernel::time::parse_day;
use crate::web::App;

/// Nothing on loopback takes so long.
const PATIENCE: Duration = Duration::from_secs(20);

struct House {
    ground: Ground,
    app: App,
    fleet: Fleet,
    address: SocketAddr,
    hash: KeyHash,
    _stop: watch::Sender<bool>,
    _dir: tempfile::TempDir,
}

impl House {
    async fn new(test: TestDb) -> Self {
        let ground = Ground::new(test.clone()).await;
        let dir = tempfile::tempdir().unwrap();
        let text = format!("[data]\ndir = {:?}\n[fleet]\nlisten = \"127.0.0.1:0\"\n", dir.path());
        let config = Config::parse(&text, std::iter::empty()).unwrap();
        let hash = Identity::load_or_make(dir.path()).unwrap().hash;
        let (stop, stopping) = watch::channel(false);
        let (clock, rng) = (test.clock.clone(), test.rng.clone());
        let app = App::new(test.db.clone(), clock, rng, Arc::new(keyring()), Arc::new(config), stopping);
        let fleet = Fleet::start(app.clone()).unwrap();
        let address = fleet.local_addr().unwrap();
        Self { ground, app, fleet, address, hash, _stop: stop, _dir: dir }
    }

    async fn token(&self) -> String {
        let mut tx = self.ground.test.begin().await;
        let token = token(&mut tx, self.ground.pop).await;
        tx.commit().await.unwrap();
        token
    }

    async fn joined(&self) -> Key {
        let key = Key::new();
        let mut agent = self.connect(&key).await;
        agent.hello(&self.token().await).await.unwrap();
        key
    }

    async fn connect(&self, key: &Key) -> Agent {
        let connection = self.dial(key, b"lastmile/1", self.hash).await.unwrap();
        let (send, recv) = connection.open_bi().await.unwrap();
        Agent { connection, send, recv }
    }

    async fn dial(&self, key: &Key, alpn: &[u8], pinned: KeyHash) -> Result<Connection, ConnectionError> {
        let mut tls = client_config(key.certificate.clone(), key.key.clone_key(), pinned).unwrap();
        tls.alpn_protocols = vec![alpn.to_vec()];
        let config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()));
        let endpoint = Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
        endpoint.connect_with(config, self.address, SERVER_NAME).unwrap().await
    }

    /// Waits until something is so; the fleet works on its own time.
    async fn until<F: Future<Output = bool>>(&self, what: &str, is_so: impl Fn() -> F) {
        let waited = timeout(PATIENCE, async {
            while !is_so().await {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        assert!(waited.await.is_ok(), "did not come: {what}");
    }

    async fn octets(&self, line: lastmile_protocol::ids::LineId) -> (u64, u64) {
        let mut tx = self.ground.test.read().await;
        let (from, to) = (parse_day("2026-01-01").unwrap(), parse_day("2026-12-31").unwrap());
        let days = usage::totals(&mut tx, line, from, to).await.unwrap();
        (days.iter().map(|d| d.down_octets).sum(), days.iter().map(|d| d.up_octets).sum())
    }
}

struct Key {
    certificate: rustls::pki_types::CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Key {
    fn new() -> Self {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        let certificate = rcgen::CertificateParams::new(vec!["agent".to_owned()]).unwrap().self_signed(&key).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        Self { certificate: certificate.der().clone(), key }
    }
}

/// An agent as thin as can be.
struct Agent {
    connection: Connection,
    send: SendStream,
    recv: RecvStream,
}

fn hello(token: &str) -> Hello {
    Hello {
        minors: vec![0],
        capabilities: 0,
        agent_version: "0.1 test".to_owned(),
        join_token: token.to_owned(),
        wall_ms: START_MS,
        extensions: Vec::new(),
    }
}

impl Agent {
    async fn send<T: Framed>(&mut self, message: &T) {
        self.send.write_all(&write_frame(message).unwrap()).await.unwrap();
    }

    /// The next frame of this kind; pings and other kinds are skipped.
    async fn next<T: Framed>(&mut self) -> T {
        timeout(PATIENCE, async {
            loop {
                let mut head = [0; HEADER];
                self.recv.read_exact(&mut head).await.unwrap();
                let header = Header::parse(head).unwrap();
                let mut payload = vec![0; header.length];
                self.recv.read_exact(&mut payload).await.unwrap();
                if header.kind == T::KIND {
                    return read_payload(header.kind, &payload).unwrap();
                }
            }
        })
        .await
        .expect("no such frame came")
    }

    async fn hello(&mut self, token: &str) -> Result<Welcome, Refusal> {
        self.send(&hello(token)).await;
        match self.next::<HelloReply>().await {
            HelloReply::Welcome(welcome) => Ok(welcome),
            HelloReply::Refused(refusal) => Err(refusal),
            HelloReply::VersionMismatch { .. } => panic!("no common version"),
        }
    }

    async fn status(&mut self, generation: Generation, lines: &[(u32, u64)]) {
        let digest = digest(lines.iter().map(|(no, counter)| (LineNo(*no), *counter)));
        let lines = u32::try_from(lines.len()).unwrap();
        self.send(&DesiredStatus { generation, lines, digest }).await;
    }

    async fn closed(&self) -> u64 {
        match timeout(PATIENCE, self.connection.closed()).await.expect("still open") {
            ConnectionError::ApplicationClosed(close) => close.error_code.into_inner(),
            other => panic!("{other:?}"),
        }
    }

    async fn data(&self) -> SendStream {
        self.connection.open_uni().await.unwrap()
    }
}

fn usage_body(line: u32, minute: i64, down: u64) -> ChunkBody {
    let start_ms = START_MS + minute * 60_000;
    let record =
        UsageRecord { line: LineNo(line), start_ms, end_ms: start_ms + 60_000, down_octets: down, up_octets: 1 };
    ChunkBody::Usage(UsageChunk::pack(&[record]).unwrap())
}

fn chunk(seq: u64, body: &ChunkBody) -> SpooledChunk {
    SpooledChunk::seal(1, seq, codec::encode(body).unwrap())
}

async fn write<T: Framed>(stream: &mut SendStream, message: &T) {
    stream.write_all(&write_frame(message).unwrap()).await.unwrap();
}

fn code(code: CloseCode) -> u64 {
    u64::from(code.number())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_joins_is_given_its_lines_and_hears_of_a_payment_at_once() {
    on_both(|test| async move {
        let house = House::new(test).await;
        let line = house.ground.put(house.ground.wanted("rahim")).await.unwrap();
        let mut agent = house.connect(&Key::new()).await;
        let welcome = agent.hello(&house.token().await).await.unwrap();
        assert_eq!((welcome.pop, welcome.pop_name.as_str(), welcome.lease_seconds), (house.ground.pop, "North", 900));
        let plan: PollPlan = agent.next().await;
        assert_eq!(plan.routers.len(), 2);

        agent.status(Generation::default(), &[]).await;
        let push: DesiredPush = agent.next().await;
        assert_eq!((push.since.counter, push.until.counter, push.lines.len()), (0, 1, 1));
        agent.status(push.until, &[(1, 1)]).await;
        house.until("sent", || async { state(&house, line).await == "sent" }).await;

        let mut tx = house.ground.test.begin().await;
        network::set_open(&mut tx, line, false, false).await.unwrap();
        tx.commit().await.unwrap();
        let push: DesiredPush = agent.next().await;
        assert_eq!((push.since.counter, push.until.counter, push.lines[0].open), (1, 2, false));
        // The agent says that it has something else: everything comes again.
        agent.status(push.until, &[(1, 1)]).await;
        let push: DesiredPush = agent.next().await;
        assert_eq!((push.since.counter, push.until.counter), (0, 2));

        let mut tx = house.ground.test.begin().await;
        let input = network::testing::router_input("third", lastmile_protocol::downlink::RouterKind::Linux);
        network::add_router(&mut tx, &house.app.keyring, &Actor::system(), house.ground.pop, input).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(agent.next::<PollPlan>().await.routers.len(), 3);
        house.fleet.stop().await;
    })
    .await;
}

async fn state(house: &House, line: lastmile_protocol::ids::LineId) -> &'static str {
    let mut tx = house.ground.test.read().await;
    let states = network::line_states(&mut tx, &house.app.live, &[line]).await.unwrap();
    states[&line].state
}

#[tokio::test(flavor = "multi_thread")]
async fn every_chunk_counts_once_however_often_it_is_sent() {
    on_both(|test| async move {
        let house = House::new(test).await;
        let line = house.ground.put(house.ground.wanted("a")).await.unwrap();
        let key = house.joined().await;
        let mut agent = house.connect(&key).await;
        assert!(agent.hello("").await.unwrap().applied.is_empty());
        let mut data = agent.data().await;
        for seq in 1..=200u64 {
            let body = usage_body(1, i64::try_from(seq).unwrap(), seq);
            write(&mut data, &chunk(seq, &body)).await;
        }
        while agent.next::<Ack>().await.seq < 200 {}
        let sum = (1..=200u64).sum::<u64>();
        assert_eq!(house.octets(line).await, (sum, 200));

        // Sent again after a new connection: counted as duplicates, acknowledged, in no total.
        let mut agent = house.connect(&key).await;
        assert_eq!(agent.hello("").await.unwrap().applied, [(1, 200)]);
        let mut data = agent.data().await;
        for seq in 150..=201u64 {
            write(&mut data, &chunk(seq, &usage_body(1, i64::try_from(seq).unwrap(), seq))).await;
        }
        while agent.next::<Ack>().await.seq < 201 {}
        assert_eq!(house.octets(line).await, (sum + 201, 201));
        let mut tx = house.ground.test.read().await;
        let records = usage::range(&mut tx, line, 0, i64::MAX).await.unwrap();
        assert_eq!(records.len(), 201);
        drop(tx);
        house.fleet.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hole_ends_the_connection_and_a_told_loss_does_not() {
    on_both(|test| async move {
        let house = House::new(test).await;
        let line = house.ground.put(house.ground.wanted("a")).await.unwrap();
        let key = house.joined().await;
        let mut agent = house.connect(&key).await;
        agent.hello("").await.unwrap();
        let mut data = agent.data().await;
        write(&mut data, &chunk(1, &usage_body(1, 1, 5))).await;
        write(&mut data, &chunk(3, &usage_body(1, 3, 5))).await;
        assert_eq!(agent.closed().await, code(CloseCode::Protocol));
        assert_eq!(house.octets(line).await.0, 5);

        let mut agent = house.connect(&key).await;
        agent.hello("").await.unwrap();
        let mut data = agent.data().await;
        let gap = Gap {
            cause: GapCause::SpoolDropped,
            line: None,
            router: None,
            start_ms: START_MS,
            end_ms: START_MS + 1,
            down_octets: 7,
            up_octets: 7,
            chunks: (1, 2, 9),
        };
        let lost = SpooledChunk { first: 2, ..chunk(9, &ChunkBody::Gaps(vec![gap])) };
        write(&mut data, &lost).await;
        write(&mut data, &chunk(10, &usage_body(1, 10, 5))).await;
        // A chunk of another time is kept as it is and holds nobody up.
        write(&mut data, &SpooledChunk::seal(1, 11, vec![250, 1, 2, 3])).await;
        while agent.next::<Ack>().await.seq < 11 {}
        assert_eq!(house.octets(line).await.0, 10);
        let mut tx = house.ground.test.read().await;
        let day = parse_day("2026-11-22");
        assert_eq!(usage::report(&mut tx, line, day, day).await.unwrap().gaps.len(), 1);
        drop(tx);
        house.fleet.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_uses_of_one_token_let_one_agent_in() {
    on_both(|test| async move {
        let house = Arc::new(House::new(test).await);
        let token = house.token().await;
        // The gate lets twenty strangers of one address in each second: seconds are made to pass quickly.
        let clock = house.ground.test.clock.clone();
        let seconds = tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(50)).await;
                clock.advance(1_000);
            }
        });
        let mut tries = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let (house, token) = (Arc::clone(&house), token.clone());
            tries.spawn(async move {
                let mut agent = house.connect(&Key::new()).await;
                agent.hello(&token).await.map(|welcome| welcome.agent)
            });
        }
        let outcomes = tries.join_all().await;
        assert_eq!(outcomes.iter().filter(|o| o.is_ok()).count(), 1);
        seconds.abort();
        let no = |o: &&Result<_, Refusal>| matches!(o, Err(Refusal::TokenUsed));
        assert_eq!(outcomes.iter().filter(no).count(), 99);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_told_why_and_let_go() {
    on_both(|test| async move {
        let house = House::new(test).await;
        for (token, why) in [
            (String::new(), Refusal::UnknownKey),
            ("not a token".to_owned(), Refusal::TokenUnknown),
            ("AAAAAAAAAAAAAAAAAAAAAA".to_owned(), Refusal::TokenUnknown),
        ] {
            let mut agent = house.connect(&Key::new()).await;
            assert_eq!(agent.hello(&token).await.unwrap_err(), why);
            assert_eq!(agent.closed().await, code(CloseCode::Refused));
        }
        let late = house.token().await;
        house.ground.test.clock.advance(u64::try_from(network::TOKEN_MS).unwrap());
        let mut agent = house.connect(&Key::new()).await;
        assert_eq!(agent.hello(&late).await.unwrap_err(), Refusal::TokenExpired);

        let key = Key::new();
        assert!(house.dial(&key, b"lastmile/2", house.hash).await.is_err(), "another major version");
        assert!(house.dial(&key, b"lastmile/1", KeyHash([0; 32])).await.is_err(), "another controller");
        house.fleet.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_ends_its_own_connection_and_nothing_else() {
    let house = House::new(TestDb::sqlite().await).await;
    let key = house.joined().await;
    let mut well = house.connect(&key).await;
    well.hello("").await.unwrap();
    let line = house.ground.put(house.ground.wanted("a")).await.unwrap();

    // Garbage on the port, frames before the hello, frames that lie about their length, frames of the other side.
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    for length in 0..1_400usize {
        let bytes: Vec<u8> = (0..length).map(|at| u8::try_from((at * 31 + length * 7) % 256).unwrap()).collect();
        socket.send_to(&bytes, house.address).unwrap();
    }
    let ack = write_frame(&Ack { epoch: 1, seq: 1 }).unwrap();
    let early = write_frame(&DesiredStatus { generation: Generation::default(), lines: 0, digest: [0; 32] }).unwrap();
    let mut long = vec![FrameKind::Hello.number()];
    long.extend_from_slice(&u32::MAX.to_le_bytes());
    for bytes in [ack, early, long, vec![0; 64], vec![255; 64]] {
        house.ground.test.clock.advance(1_000);
        let mut agent = house.connect(&Key::new()).await;
        agent.send.write_all(&bytes).await.unwrap();
        assert_eq!(agent.closed().await, code(CloseCode::Protocol), "{bytes:?}");
    }
    // The same of one who was let in: on the data stream, and with a wrong checksum.
    let other = house.joined().await;
    let mut broken = chunk(1, &usage_body(1, 1, 5));
    broken.crc ^= 1;
    for bytes in [vec![9; 100], write_frame(&broken).unwrap(), write_frame(&hello("")).unwrap()] {
        house.ground.test.clock.advance(1_000);
        let mut agent = house.connect(&other).await;
        agent.hello("").await.unwrap();
        agent.data().await.write_all(&bytes).await.unwrap();
        assert_eq!(agent.closed().await, code(CloseCode::Protocol));
    }
    let mut data = well.data().await;
    write(&mut data, &chunk(1, &usage_body(1, 1, 5))).await;
    assert_eq!(well.next::<Ack>().await, Ack { epoch: 1, seq: 1 });
    assert_eq!(house.octets(line).await.0, 5);
    house.fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_speaks_for_its_own_pop_alone() {
    on_both(|test| async move {
        let house = House::new(test).await;
        let mine = house.ground.put(house.ground.wanted("a")).await.unwrap();
        let key = house.joined().await;
        // Another POP with a line of a higher number.
        let mut tx = house.ground.test.begin().await;
        let south = network::add_pop(&mut tx, &Actor::system(), house.ground.branch, "South").await.unwrap();
        let input = network::testing::router_input("south", lastmile_protocol::downlink::RouterKind::RouterOs);
        let router = network::add_router(&mut tx, &house.app.keyring, &Actor::system(), south, input).await.unwrap();
        let mut theirs = Vec::new();
        for name in ["x", "y"] {
            let input = network::DesiredInput { router: router.id, ..house.ground.wanted(name) };
            theirs.push(network::put_line(&mut tx, &house.app.keyring, input).await.unwrap());
        }
        tx.commit().await.unwrap();

        let mut agent = house.connect(&key).await;
        agent.hello("").await.unwrap();
        let mut data = agent.data().await;
        write(&mut data, &chunk(1, &usage_body(1, 1, 5))).await;
        write(&mut data, &chunk(2, &usage_body(2, 1, 5))).await;
        while agent.next::<Ack>().await.seq < 2 {}
        assert_eq!(house.octets(mine).await.0, 5);
        for line in theirs {
            assert_eq!(house.octets(line).await.0, 0);
        }
        agent.status(Generation::default(), &[]).await;
        assert_eq!(agent.next::<DesiredPush>().await.count, 1);
        house.fleet.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_agent_is_cut_and_a_second_connection_takes_over() {
    on_both(|test| async move {
        let house = House::new(test).await;
        let key = house.joined().await;
        let mut first = house.connect(&key).await;
        let id = first.hello("").await.unwrap().agent;
        let mut second = house.connect(&key).await;
        second.hello("").await.unwrap();
        assert_eq!(first.closed().await, code(CloseCode::Replaced));
        assert!(house.app.live.presence.get(id).unwrap().connected);

        let mut tx = house.ground.test.begin().await;
        network::revoke(&mut tx, &Actor::system(), id).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(second.closed().await, code(CloseCode::Revoked));
        house.until("gone", || async { !house.app.live.presence.get(id).unwrap().connected }).await;
        let mut third = house.connect(&key).await;
        assert_eq!(third.hello("").await.unwrap_err(), Refusal::Revoked);
        house.fleet.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_agent_says_of_itself_and_of_rates_is_known_while_it_is_there() {
    let house = House::new(TestDb::sqlite().await).await;
    let line = house.ground.put(house.ground.wanted("a")).await.unwrap();
    let key = house.joined().await;
    let mut agent = house.connect(&key).await;
    let id = agent.hello("").await.unwrap().agent;
    let health = Health {
        at_ms: START_MS,
        spool_chunks: 3,
        spool_records: 30,
        spool_oldest_ms: START_MS,
        spool_cap_bytes: 1_000,
        spool_bytes: 10,
        spool_dropped: 0,
        resends: 0,
        uptime_seconds: 1,
        unlisted_lines: 0,
        frozen: String::new(),
        routers: Vec::new(),
    };
    agent.send(&health).await;
    let presence = &house.app.live.presence;
    house.until("health", || async { presence.get(id).is_some_and(|live| live.health.is_some()) }).await;
    let rate = LineRate { line: LineNo(1), down_bps: 8, up_bps: 4, online: true };
    let rates = LiveRates { at_ms: START_MS + 1, lines: vec![rate, LineRate { line: LineNo(9), ..rate }] };
    house.app.live.forget(line);
    agent.connection.send_datagram(codec::encode(&rates).unwrap().into()).unwrap();
    house.until("rate", || async { house.app.live.last(line).is_some_and(|sample| sample.down_bps == 8) }).await;
    agent.connection.close(0u32.into(), b"");
    // Unknown, not zero.
    house
        .until("gone", || async { presence.get(id).is_some_and(|live| !live.connected && live.health.is_none()) })
        .await;
    house.fleet.stop().await;
}
