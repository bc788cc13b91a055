//! The link over real sockets, against a controller that the test plays, well or badly.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lastmile_protocol::close::CloseCode;
use lastmile_protocol::downlink::{Ack, DesiredPush, Generation, Ping, PollPlan, PushHead, Watch, digest};
use lastmile_protocol::frame::{FrameKind, Framed, read_payload, write_frame};
use lastmile_protocol::hello::{Hello, HelloReply, Refusal, Welcome};
use lastmile_protocol::identity::{KeyHash, server_config};
use lastmile_protocol::ids::{AgentId, LineNo, PopId};
use lastmile_protocol::token::JoinToken;
use lastmile_protocol::uplink::{
    ChunkBody, DesiredStatus, Health, LineRate, LiveRates, Place, SpooledChunk, UsageRecord,
};
use quinn::{Connection, Endpoint, RecvStream, SendStream};
use tokio::sync::{broadcast, mpsc, watch};

use super::dial::{DialError, Dialer, receive_any, receive_one};
use super::identity::{self, AgentKey, Identity};
use super::join::{JoinError, hello, join};
use super::sealed::SealedFiles;
use super::{Ledger, LinkState, Phase, Uplink};
use crate::clock::{Clock, SystemClock, SystemRng};
use crate::collect::{PopStatus, Watched};
use crate::core::journal::{Entry, Journal};
use crate::core::lease::Lease;
use crate::core::link::Link;
use crate::spool::{self, Limits, Paths, Spool};

const PATIENCE: Duration = Duration::from_secs(30);

/// The controller's endpoint, and its key hash.
struct Listener {
    endpoint: Endpoint,
    hash: KeyHash,
}

impl Listener {
    fn open() -> Self {
        let (certificate, key) = AgentKey::generate().expect("a key").for_tls().expect("a certificate");
        let hash = KeyHash::of_certificate(&certificate).expect("a hash");
        let tls = server_config(certificate, key).expect("a configuration");
        let tls = quinn::crypto::rustls::QuicServerConfig::try_from(tls).expect("a cipher");
        let config = quinn::ServerConfig::with_crypto(Arc::new(tls));
        let endpoint = Endpoint::server(config, "127.0.0.1:0".parse().expect("an address")).expect("a socket");
        Self { endpoint, hash }
    }

    fn address(&self) -> SocketAddr {
        self.endpoint.local_addr().expect("bound")
    }

    fn token(&self) -> JoinToken {
        JoinToken { secret: [7; 16], controller: self.hash, addresses: vec![self.address().to_string()] }
    }

    /// The next connection that gets as far as a hello.
    async fn greet(&self) -> (Connection, SendStream, RecvStream, Hello) {
        loop {
            let incoming = self.endpoint.accept().await.expect("open");
            let Ok(connection) = incoming.await else { continue };
            let Ok((send, mut receive)) = connection.accept_bi().await else { continue };
            let Ok(hello) = receive_one::<Hello>(&mut receive).await else { continue };
            return (connection, send, receive, hello);
        }
    }
}

fn welcome(applied: Vec<(u64, u64)>) -> HelloReply {
    HelloReply::Welcome(Welcome {
        minor: 0,
        capabilities: 0,
        agent: AgentId::new(1, [1; 10]),
        pop: PopId::new(2, [2; 10]),
        pop_name: "Savar".into(),
        wall_ms: SystemClock::new().wall_ms(),
        lease_seconds: 900,
        applied,
        extensions: Vec::new(),
    })
}

async fn say<T: Framed>(stream: &mut SendStream, message: &T) {
    let _ = stream.write_all(&write_frame(message).expect("fits")).await;
}

/// An agent's link, running, with the ends of its channels.
struct Running {
    spool: Spool,
    ledger: Arc<Ledger>,
    state: watch::Receiver<LinkState>,
    lease: watch::Receiver<bool>,
    watched: watch::Receiver<Arc<Watched>>,
    live: broadcast::Sender<LiveRates>,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
    _pop: watch::Sender<Arc<PopStatus>>,
}

impl Running {
    fn start(folder: &Path, identity: Identity) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let rng = Arc::new(SystemRng::new());
        let limits = Limits { cap_bytes: 64 << 20, ballast_bytes: 0 };
        let (spool, _) = spool::start(Paths::new(folder), limits, Arc::clone(&clock)).expect("opens");
        let ledger = Arc::new(Ledger::open(SealedFiles::open(folder, rng.clone()).expect("a key")));
        let (may_close, lease) = watch::channel(false);
        let (watched, seen) = watch::channel(Arc::new(Watched::default()));
        let (pop, status) = watch::channel(Arc::new(PopStatus::default()));
        let (state, state_seen) = watch::channel(LinkState::new(String::new(), String::new(), 0));
        let (live, _) = broadcast::channel(64);
        let (stop, stopping) = watch::channel(false);
        let uplink = Uplink {
            identity,
            spool: spool.clone(),
            ledger: Arc::clone(&ledger),
            link: Link::new(),
            lease: Arc::new(Mutex::new(Lease::none())),
            may_close,
            watched,
            status,
            live: live.clone(),
            state,
            clock,
            rng,
            began_ms: 0,
        };
        let task = tokio::spawn(super::run(uplink, stopping));
        Self { spool, ledger, state: state_seen, lease, watched: seen, live, stop, task, _pop: pop }
    }

    async fn phase(&mut self, phase: Phase) -> String {
        let wait = self.state.wait_for(|state| state.phase == phase);
        let state = tokio::time::timeout(PATIENCE, wait).await.expect("in time").expect("running");
        state.detail.clone()
    }

    async fn end(self) {
        self.stop.send_replace(true);
        tokio::time::timeout(PATIENCE, self.task).await.expect("in time").expect("no panic");
    }
}

/// An identity that belongs to this controller, without asking it.
fn belongs(listener: &Listener) -> Identity {
    Identity {
        key: AgentKey::generate().expect("a key"),
        enrolment: identity::Enrolment {
            controller: listener.hash,
            addresses: vec![listener.address().to_string()],
            agent: AgentId::new(1, [1; 10]),
            pop: PopId::new(2, [2; 10]),
            pop_name: "Savar".into(),
        },
    }
}

fn append(spool: &Spool, rounds: u64) -> tokio::task::JoinHandle<u64> {
    let mut spool = spool.clone();
    tokio::task::spawn_blocking(move || {
        let mut total = 0;
        for n in 0..rounds {
            let record = |line: u32| UsageRecord {
                line: LineNo(line),
                start_ms: 0,
                end_ms: 1,
                down_octets: n * 1_000 + u64::from(line),
                up_octets: 1,
            };
            let entry = Entry { usage: (0..300).map(record).collect(), ..Entry::default() };
            total += entry.usage.iter().map(|record| record.down_octets).sum::<u64>();
            spool.append(entry).expect("kept");
        }
        total
    })
}

/// Applies chunks of one connection, each at most once, until it has `until`; acknowledges every third and the last,
/// or none. How many came a second time.
async fn apply(
    connection: &Connection,
    send: &mut SendStream,
    mark: &mut (u64, u64),
    down: &mut u64,
    (until, acknowledges): (u64, bool),
) -> u64 {
    let mut data = connection.accept_uni().await.expect("a stream");
    let (mut n, mut duplicates) = (0, 0);
    while mark.1 < until {
        let chunk = receive_one::<SpooledChunk>(&mut data).await.expect("a chunk");
        n += 1;
        match chunk.place(if mark.0 == chunk.epoch { mark.1 } else { 0 }) {
            Place::Hole => panic!("a hole before {}", chunk.seq),
            Place::Duplicate => duplicates += 1,
            Place::Next => {
                let ChunkBody::Usage(usage) = chunk.open().expect("whole") else { panic!("usage") };
                *down += usage.unpack().expect("as packed").iter().map(|record| record.down_octets).sum::<u64>();
                *mark = (chunk.epoch, chunk.seq);
            }
        }
        if acknowledges && (n % 3 == 0 || mark.1 == until) {
            say(send, &Ack { epoch: mark.0, seq: mark.1 }).await;
        }
    }
    duplicates
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn usage_arrives_once_through_a_controller_that_keeps_breaking_off() {
    let folder = tempfile::tempdir().expect("a folder");
    let listener = Listener::open();
    let mut agent = Running::start(folder.path(), belongs(&listener));
    let appended = append(&agent.spool, 60);
    let (mut mark, mut down, mut duplicates) = ((0, 0), 0, 0);
    for round in 0..5u64 {
        let (connection, mut send, _receive, _) = listener.greet().await;
        // Every other time it breaks off before it has acknowledged anything.
        let applied = if mark.0 == 0 { Vec::new() } else { vec![(mark.0, mark.1)] };
        say(&mut send, &welcome(applied)).await;
        let until = mark.1 + 5 + round;
        duplicates += apply(&connection, &mut send, &mut mark, &mut down, (until, round % 2 == 1)).await;
        connection.close(CloseCode::Bye.number().into(), b"");
        agent.phase(Phase::Away).await;
    }
    let total = appended.await.expect("appended");
    let (connection, mut send, _receive, _) = listener.greet().await;
    say(&mut send, &welcome(vec![(mark.0, mark.1)])).await;
    let last = agent.spool.state().borrow().last;
    duplicates += apply(&connection, &mut send, &mut mark, &mut down, (last, true)).await;
    assert_eq!((mark.1, down), (last, total));
    // The three that were not acknowledged: five chunks, seven and nine, each time at least the first of them.
    let resends = agent.state.borrow().resends;
    assert!(duplicates >= 3 && resends >= duplicates, "{duplicates} came twice, {resends} were sent again");
    let mut state = agent.spool.state();
    let done = state.wait_for(|state| state.acked == last);
    tokio::time::timeout(PATIENCE, done).await.expect("in time").expect("running");
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_controller_wants_is_stored_obeyed_and_answered() {
    let folder = tempfile::tempdir().expect("a folder");
    let listener = Listener::open();
    let mut agent = Running::start(folder.path(), belongs(&listener));
    assert!(!*agent.lease.borrow());
    let (connection, mut send, mut receive, hello) = listener.greet().await;
    assert!(hello.join_token.is_empty());
    say(&mut send, &welcome(Vec::new())).await;
    tokio::time::timeout(PATIENCE, agent.lease.wait_for(|lease| *lease)).await.expect("in time").expect("running");

    let until = Generation { incarnation: 1, counter: 5 };
    let head = PushHead { since: Generation::default(), until, count: 0, digest: digest([]), approved_holds: 0 };
    for frame in DesiredPush::frames(head, Vec::new(), &[]) {
        say(&mut send, &frame).await;
    }
    say(&mut send, &PollPlan { version: 3, poll_seconds: 5, interval_seconds: 10, routers: Vec::new() }).await;
    say(&mut send, &Watch { lines: vec![LineNo(4)], seconds: 60 }).await;
    say(&mut send, &Ping { wall_ms: 0 }).await;
    let (mut statuses, mut healths) = (0, 0);
    while statuses < 2 || healths < 1 {
        let (kind, payload) =
            tokio::time::timeout(PATIENCE, receive_any(&mut receive)).await.expect("in time").expect("a frame");
        match kind {
            FrameKind::DesiredStatus => {
                let status: DesiredStatus = read_payload(kind, &payload).expect("valid");
                let wanted = if statuses == 0 { Generation::default() } else { until };
                assert_eq!(status.generation, wanted);
                statuses += 1;
            }
            FrameKind::Health => {
                let health: Health = read_payload(kind, &payload).expect("valid");
                assert_eq!(health.spool_chunks, 0);
                healths += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    let mut plan = agent.ledger.plan();
    tokio::time::timeout(PATIENCE, plan.wait_for(|plan| plan.version == 3)).await.expect("in time").expect("there");
    let wait = agent.watched.wait_for(|watched| watched.lines == vec![LineNo(4)]);
    tokio::time::timeout(PATIENCE, wait).await.expect("in time").expect("there");

    let rate = LineRate { line: LineNo(4), down_bps: 1, up_bps: 2, online: true };
    agent.live.send(LiveRates { at_ms: 9, lines: vec![rate; 300] }).expect("somebody listens");
    let mut lines = 0;
    while lines < 300 {
        let datagram = tokio::time::timeout(PATIENCE, connection.read_datagram()).await.expect("in time").expect("one");
        lines += read_payload::<LiveRates>(FrameKind::LiveRates, &datagram).expect("valid").lines.len();
    }
    agent.phase(Phase::Connected).await;
    agent.end().await;
    let reason = tokio::time::timeout(PATIENCE, connection.closed()).await.expect("in time");
    assert!(
        matches!(reason, quinn::ConnectionError::ApplicationClosed(close) if close.error_code == CloseCode::Bye.number().into())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nonsense_from_the_controller_ends_the_connection_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let listener = Listener::open();
    let agent = Running::start(folder.path(), belongs(&listener));
    let nonsense: [&[u8]; 5] = [
        &[99, 0, 0, 0, 0],
        &[FrameKind::DesiredPush.number(), 255, 255, 255, 255],
        &[FrameKind::Ack.number(), 2, 0, 0, 0, 0xff, 0xff],
        &[FrameKind::Health.number(), 0, 0, 0, 0],
        &write_frame(&Ack { epoch: agent.spool.state().borrow().epoch, seq: 77 }).expect("fits"),
    ];
    for bytes in nonsense {
        let (connection, mut send, _receive, _) = listener.greet().await;
        say(&mut send, &welcome(Vec::new())).await;
        let _ = send.write_all(bytes).await;
        let reason = tokio::time::timeout(PATIENCE, connection.closed()).await.expect("in time");
        let quinn::ConnectionError::ApplicationClosed(close) = reason else { panic!("{reason}") };
        assert_eq!(CloseCode::from_number(close.error_code.into_inner()), Some(CloseCode::Protocol), "{bytes:?}");
    }
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_or_revoked_agent_says_so_and_forgets_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let listener = Listener::open();
    identity::save(folder.path(), &belongs(&listener)).expect("kept");
    for live in [false, true] {
        let mut agent = Running::start(folder.path(), belongs(&listener));
        let (connection, mut send, mut receive, _) = listener.greet().await;
        if live {
            say(&mut send, &welcome(Vec::new())).await;
            agent.phase(Phase::Connected).await;
            connection.close(CloseCode::Revoked.number().into(), b"");
        } else {
            say(&mut send, &HelloReply::Refused(Refusal::Revoked)).await;
            let _ = receive.read_to_end(1 << 20).await;
        }
        assert!(agent.phase(Phase::Refused).await.contains("revoked"));
        assert!(identity::load(folder.path()).expect("readable").is_some());
        agent.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_joins_once_and_a_lost_answer_costs_no_token() {
    let folder = tempfile::tempdir().expect("a folder");
    let listener = Listener::open();
    let token = listener.token();
    let clock = SystemClock::new();
    let serve = async {
        // The first answer is lost: the connection breaks after the controller has taken the token.
        let (connection, _send, _receive, first) = listener.greet().await;
        let key = KeyHash::of_peer(&certificates(&connection));
        connection.close(CloseCode::Bye.number().into(), b"");
        let (connection, mut send, mut receive, second) = listener.greet().await;
        assert_eq!(KeyHash::of_peer(&certificates(&connection)), key, "the same key tries again");
        assert_eq!((first.join_token, second.join_token), (token.secret_text(), token.secret_text()));
        say(&mut send, &welcome(Vec::new())).await;
        let _ = receive.read_to_end(1 << 20).await;
        key
    };
    let (joined, key) = tokio::join!(join(folder.path(), &token, false, &clock), serve);
    assert_eq!(joined.expect("joined").pop_name, "Savar");
    let identity = identity::load(folder.path()).expect("readable").expect("there");
    let (certificate, _) = identity.key.for_tls().expect("a certificate");
    assert_eq!(KeyHash::of_certificate(&certificate).ok(), key);
    let again = join(folder.path(), &token, false, &clock).await;
    assert!(matches!(again, Err(JoinError::Joined { .. })));
}

fn certificates(connection: &Connection) -> Vec<rustls::pki_types::CertificateDer<'static>> {
    let identity = connection.peer_identity().expect("mutual TLS");
    *identity.downcast().expect("certificates")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_used_token_and_a_foreign_controller_are_said_clearly() {
    let folder = tempfile::tempdir().expect("a folder");
    let listener = Listener::open();
    let clock = SystemClock::new();
    let token = listener.token();
    let serve = async {
        let (_connection, mut send, mut receive, _) = listener.greet().await;
        say(&mut send, &HelloReply::Refused(Refusal::TokenUsed)).await;
        let _ = receive.read_to_end(1 << 20).await;
    };
    let (joined, ()) = tokio::join!(join(folder.path(), &token, false, &clock), serve);
    assert_eq!(joined.expect_err("refused").to_string(), "this join token was used before: make a new one");
    assert!(identity::load(folder.path()).expect("readable").is_none());

    let key = AgentKey::generate().expect("a key");
    let address = listener.address().to_string();
    let foreign = Dialer { key: &key, controller: KeyHash([0; 32]) };
    let accept = async {
        let incoming = listener.endpoint.accept().await.expect("open");
        assert!(incoming.await.is_err(), "the agent ends the handshake");
    };
    let greeting = hello(String::new(), 0);
    let (dialled, ()) = tokio::join!(foreign.dial(&address, &greeting), accept);
    assert!(matches!(dialled.map(|_| ()), Err(DialError::WrongController { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_does_not_wait_for_a_controller_that_is_away() {
    let folder = tempfile::tempdir().expect("a folder");
    let listener = Listener::open();
    let identity = belongs(&listener);
    drop(listener);
    let agent = Running::start(folder.path(), identity);
    let (sender, mut ended) = mpsc::channel(1);
    tokio::spawn(async move {
        agent.end().await;
        let _ = sender.send(()).await;
    });
    tokio::time::timeout(Duration::from_secs(5), ended.recv()).await.expect("at once");
}
