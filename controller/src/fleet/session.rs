//! One agent's connection: sockets around [`super::core`]. Executes its effects in order and feeds it with what comes.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use lastmile_protocol::downlink::Generation;
use lastmile_protocol::frame::{FrameKind, read_payload};
use lastmile_protocol::hello::{Hello, Refusal, Welcome, capability};
use lastmile_protocol::identity::KeyHash;
use lastmile_protocol::uplink::Health;
use quinn::{Connection, RecvStream, SendStream};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Shared;
use super::core::{Close, Core, Effect, Frame, Input};
use super::ingest::Lane;
use super::registry::Handle;
use super::{streams, wire};
use crate::db::Nudge;
use crate::domains::network::{self, Agent};
use crate::domains::usage;
use crate::kernel::{Fault, Scope};

/// From the end of the handshake to the welcome.
const ADMISSION: Duration = Duration::from_secs(10);
/// Until the agent takes a frame.
const WRITE: Duration = Duration::from_secs(20);
/// Until a refusal has arrived.
const FAREWELL: Duration = Duration::from_secs(2);
/// What may wait for the connection's task.
const INBOX: usize = 4_096;
/// Control frames that are read ahead.
const CONTROL: usize = 16;
/// Epochs that the welcome names.
const EPOCHS: usize = 16;
/// Between two hints to pages that an agent's health has changed, in milliseconds.
const HINT_MS: u64 = 1_000;

/// Serves a connection until it ends. `admitted` is called once, when the agent was let in or the connection is over.
pub async fn serve(shared: Arc<Shared>, connection: Connection, admitted: impl FnOnce()) {
    let from = connection.remote_address();
    let opened = timeout(ADMISSION, connection.accept_bi()).await;
    let Ok(Ok((send, recv))) = opened else {
        connection.close(Close::Protocol.code().number().into(), Close::Protocol.reason().as_bytes());
        admitted();
        return;
    };
    let Some(key) = peer_key(&connection) else {
        admitted();
        return;
    };
    let (inbox_in, inbox) = channel(INBOX);
    let mut session = Session {
        core: Core::new(u16::try_from(shared.app.config.fleet.ping_seconds).unwrap_or(u16::MAX)),
        serial: shared.serial.fetch_add(1, Ordering::Relaxed),
        shared,
        connection,
        from,
        key,
        send,
        inbox_in,
        agent: None,
        marked: 0,
        hinted_ms: 0,
        tasks: JoinSet::new(),
        over: false,
    };
    session.run(recv, inbox, admitted).await;
}

/// The key with which the other end signed.
fn peer_key(connection: &Connection) -> Option<KeyHash> {
    let identity = connection.peer_identity()?;
    let certificates = identity.downcast::<Vec<rustls::pki_types::CertificateDer<'static>>>().ok()?;
    KeyHash::of_peer(&certificates)
}

struct Session {
    shared: Arc<Shared>,
    connection: Connection,
    from: SocketAddr,
    key: KeyHash,
    serial: u64,
    core: Core,
    send: SendStream,
    inbox_in: Sender<Input>,
    agent: Option<Agent>,
    /// Counter up to which lines are marked as stored by the agent.
    marked: u64,
    hinted_ms: u64,
    /// Readers; they end with the connection.
    tasks: JoinSet<()>,
    over: bool,
}

impl Session {
    async fn run(&mut self, recv: RecvStream, mut inbox: Receiver<Input>, admitted: impl FnOnce()) {
        let (control_in, mut control) = channel(CONTROL);
        self.tasks.spawn(read_control(recv, control_in));
        let mut admitted = Some(admitted);
        let deadline = tokio::time::sleep(ADMISSION);
        tokio::pin!(deadline);
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !self.over {
            let input = tokio::select! {
                input = control.recv() => match input {
                    Some(input) => input,
                    None => break,
                },
                Some(input) = inbox.recv() => input,
                _ = tick.tick() => Input::Tick {
                    mono_ms: self.shared.app.clock.mono_ms(),
                    wall_ms: self.shared.app.clock.wall_ms(),
                },
                () = &mut deadline, if admitted.is_some() => Input::Close(Close::Protocol),
                () = self.shared.app.stopped() => Input::Close(Close::Shutdown),
            };
            self.feed(input).await;
            if self.core.is_running()
                && let Some(admitted) = admitted.take()
            {
                admitted();
            }
        }
        if let Some(admitted) = admitted.take() {
            admitted();
        }
        self.end().await;
    }

    /// Feeds the state machine, and what comes of that, until nothing is left.
    async fn feed(&mut self, input: Input) {
        if let Some(agent) = &self.agent
            && matches!(input, Input::Status(_) | Input::Health(_))
        {
            self.shared.app.live.presence.heard(agent.id, self.shared.app.clock.wall_ms());
        }
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            for effect in self.core.handle(input) {
                if self.over {
                    return;
                }
                match self.execute(effect).await {
                    Ok(Some(next)) => inputs.push_back(next),
                    Ok(None) => {}
                    Err(why) => return self.close(why).await,
                }
            }
        }
    }

    async fn execute(&mut self, effect: Effect) -> Result<Option<Input>, Close> {
        match effect {
            Effect::Send(frame) => self.write(&frame).await.map(|()| None),
            Effect::Admit(hello) => self.admit(hello).await.map(Some),
            Effect::LoadChanges(since) => self.load_changes(since).await.map(Some),
            Effect::LoadPlan(have) => self.load_plan(have).await,
            Effect::MarkSent(until) => self.mark_sent(until).await.map(|()| None),
            Effect::Health(health) => {
                self.health(*health);
                Ok(None)
            }
            Effect::Close(why) => {
                self.close(why).await;
                Ok(None)
            }
        }
    }

    async fn write(&mut self, frame: &Frame) -> Result<(), Close> {
        match timeout(WRITE, wire::write(&mut self.send, frame)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                tracing::debug!(from = %self.from, %error, "a frame to an agent was not sent");
                Err(Close::Busy)
            }
            Err(_) => Err(Close::Busy),
        }
    }

    async fn admit(&mut self, hello: Hello) -> Result<Input, Close> {
        let admitted = match self.look_up(&hello).await {
            Ok(admitted) => admitted,
            Err(fault) => {
                failed("an agent cannot be looked up", &fault);
                Err(Refusal::Busy)
            }
        };
        let agent = match admitted {
            Ok(agent) => agent,
            Err(refusal) => {
                metrics::counter!("lastmile_fleet_refused_total").increment(1);
                tracing::info!(from = %self.from, key = %self.key, ?refusal, "an agent was not let in");
                return Ok(Input::NotAdmitted(refusal));
            }
        };
        match self.welcome(&agent).await {
            Ok(welcome) => {
                self.register(agent, &hello.agent_version).await;
                Ok(Input::Admitted(Box::new(welcome)))
            }
            Err(fault) => {
                failed("an agent cannot be welcomed", &fault);
                Ok(Input::NotAdmitted(Refusal::Busy))
            }
        }
    }

    /// By the row of the key; only a stranger with a token needs a writing transaction.
    async fn look_up(&self, hello: &Hello) -> Result<Result<Agent, Refusal>, Fault> {
        let app = &self.shared.app;
        let mut tx = app.db.read(&Scope::All).await?;
        let known = network::known(&mut tx, self.key).await?;
        drop(tx);
        if let Some(known) = known {
            return Ok(known);
        }
        if hello.join_token.is_empty() {
            return Ok(Err(Refusal::UnknownKey));
        }
        let mut tx = app.db.begin(&Scope::All).await?;
        let from = self.from.ip().to_string();
        let joined = network::join(&mut tx, self.key, &hello.join_token, &hello.agent_version, &from).await?;
        if joined.is_ok() {
            tx.commit().await?;
        }
        Ok(joined)
    }

    async fn welcome(&self, agent: &Agent) -> Result<Welcome, Fault> {
        let app = &self.shared.app;
        let mut tx = app.db.read(&Scope::All).await?;
        let marks = usage::marks(&mut tx, agent.id).await?;
        let skip = marks.len().saturating_sub(EPOCHS);
        Ok(Welcome {
            minor: 0,
            capabilities: capability::ZSTD,
            agent: agent.id,
            pop: agent.pop,
            pop_name: agent.pop_name.clone(),
            wall_ms: app.clock.wall_ms(),
            lease_seconds: app.config.fleet.lease_seconds,
            applied: marks.into_iter().skip(skip).collect(),
            extensions: Vec::new(),
        })
    }

    async fn register(&mut self, agent: Agent, version: &str) {
        let app = &self.shared.app;
        let handle =
            Handle { serial: self.serial, pop: agent.pop, version: version.to_owned(), inbox: self.inbox_in.clone() };
        if self.shared.registry.add(agent.id, handle) {
            tracing::warn!(agent = %agent.id, pop = %agent.pop, from = %self.from, "an agent has connected twice; the newer connection is kept");
        }
        let now = app.clock.wall_ms();
        app.live.presence.connected(agent.id, agent.pop, now);
        app.hub.nudge(Nudge::Network { pop: agent.pop, branch: agent.branch });
        tracing::info!(agent = %agent.id, pop = %agent.pop, name = agent.name, version, from = %self.from, "an agent is connected");
        metrics::gauge!("lastmile_fleet_connections").increment(1.0);
        let lane = Arc::new(Lane {
            agent: agent.id,
            pop: agent.pop,
            branch: agent.branch,
            time_zone: agent.time_zone.clone(),
            inbox: self.inbox_in.clone(),
            connection: self.connection.clone(),
        });
        self.tasks.spawn(streams::chunks(self.connection.clone(), lane, self.shared.ingest.clone()));
        self.tasks.spawn(streams::rates(self.connection.clone(), Arc::clone(&self.shared), agent.pop));
        let watched = self.shared.watched.numbers(agent.pop);
        let _ = self.inbox_in.try_send(Input::Watch(watched));
        self.agent = Some(agent);
        self.touch().await;
    }

    async fn load_changes(&mut self, since: Generation) -> Result<Input, Close> {
        let Some(agent) = &self.agent else { return Err(Close::Protocol) };
        let app = &self.shared.app;
        let loaded = async {
            let mut tx = app.db.read(&Scope::All).await?;
            network::changes_since(&mut tx, &app.keyring, agent.pop, since).await
        };
        loaded.await.map(|changes| Input::Changes(Box::new(changes))).map_err(|fault| {
            failed("desired lines cannot be read", &fault);
            Close::Busy
        })
    }

    async fn load_plan(&mut self, have: u64) -> Result<Option<Input>, Close> {
        let Some(agent) = &self.agent else { return Err(Close::Protocol) };
        let app = &self.shared.app;
        let interval = u16::try_from(app.config.usage.interval_seconds).unwrap_or(u16::MAX);
        let loaded = async {
            let mut tx = app.db.read(&Scope::All).await?;
            network::poll_plan(&mut tx, &app.keyring, agent.pop, have, interval).await
        };
        loaded.await.map(|plan| plan.map(Input::Plan)).map_err(|fault| {
            failed("the poll plan cannot be read", &fault);
            Close::Busy
        })
    }

    async fn mark_sent(&mut self, until: Generation) -> Result<(), Close> {
        let Some(agent) = &self.agent else { return Err(Close::Protocol) };
        let app = &self.shared.app;
        let after = self.marked.min(until.counter);
        let marked = async {
            let mut tx = app.db.begin(&Scope::All).await?;
            network::mark_sent(&mut tx, agent.pop, agent.branch, after, until).await?;
            Ok::<_, Fault>(tx.commit().await?)
        };
        match marked.await {
            Ok(()) => self.marked = until.counter,
            // It is a note for people; the proofs that follow say more.
            Err(fault) => failed("lines cannot be marked as sent", &fault),
        }
        Ok(())
    }

    fn health(&mut self, health: Health) {
        let Some(agent) = &self.agent else { return };
        let app = &self.shared.app;
        app.live.presence.health(agent.id, app.clock.wall_ms(), health);
        let now = app.clock.mono_ms();
        if now >= self.hinted_ms + HINT_MS || self.hinted_ms == 0 {
            self.hinted_ms = now.max(1);
            app.hub.nudge(Nudge::Network { pop: agent.pop, branch: agent.branch });
        }
    }

    async fn close(&mut self, why: Close) {
        self.over = true;
        if matches!(why, Close::Refused | Close::Version) && self.send.finish().is_ok() {
            let _ = timeout(FAREWELL, self.send.stopped()).await;
        }
        tracing::info!(from = %self.from, agent = ?self.agent.as_ref().map(|a| a.id), reason = why.reason(), "an agent's connection is closed");
        self.connection.close(why.code().number().into(), why.reason().as_bytes());
    }

    async fn end(&mut self) {
        self.connection.close(Close::Shutdown.code().number().into(), b"");
        self.tasks.shutdown().await;
        let Some(agent) = &self.agent else { return };
        metrics::gauge!("lastmile_fleet_connections").decrement(1.0);
        if self.shared.registry.remove(agent.id, self.serial) {
            self.shared.app.live.presence.gone(agent.id);
            self.shared.app.hub.nudge(Nudge::Network { pop: agent.pop, branch: agent.branch });
            tracing::info!(agent = %agent.id, pop = %agent.pop, cause = ?self.connection.close_reason(), "an agent is gone");
            self.touch().await;
        }
    }

    /// Notes when the agent was heard; pages of a controller that restarts begin with it.
    async fn touch(&self) {
        let Some(agent) = &self.agent else { return };
        let app = &self.shared.app;
        let version = self.shared.registry.version(agent.id).unwrap_or_else(|| agent.version.clone());
        let touched = async {
            let mut tx = app.db.begin(&Scope::All).await?;
            network::touch(&mut tx, agent.id, app.clock.wall_ms(), &version).await?;
            Ok::<_, Fault>(tx.commit().await?)
        };
        if let Err(fault) = touched.await {
            failed("an agent's last contact cannot be noted", &fault);
        }
    }
}

fn failed(what: &'static str, fault: &Fault) {
    let cause = std::error::Error::source(fault).map(ToString::to_string);
    tracing::error!(%fault, cause, "{what}");
}

/// Reads control frames until the stream ends or makes no sense.
async fn read_control(mut stream: RecvStream, to: Sender<Input>) {
    loop {
        let input = match wire::read(&mut stream).await {
            Ok(Some((kind, payload))) => control_input(kind, &payload),
            Ok(None) | Err(wire::WireError::Gone(_)) => return,
            Err(error) => Err(error),
        };
        let input = input.unwrap_or_else(|error| {
            metrics::counter!("lastmile_fleet_bad_frames_total").increment(1);
            tracing::warn!(%error, "an agent sent what is no frame of its own");
            Input::Close(Close::Protocol)
        });
        if to.send(input).await.is_err() {
            return;
        }
    }
}

fn control_input(kind: FrameKind, payload: &[u8]) -> Result<Input, wire::WireError> {
    Ok(match kind {
        FrameKind::Hello => Input::Hello(read_payload(kind, payload)?),
        FrameKind::Health => Input::Health(Box::new(read_payload(kind, payload)?)),
        FrameKind::DesiredStatus => Input::Status(read_payload(kind, payload)?),
        FrameKind::HelloReply
        | FrameKind::Chunk
        | FrameKind::LiveRates
        | FrameKind::Ack
        | FrameKind::DesiredPush
        | FrameKind::PollPlan
        | FrameKind::Watch
        | FrameKind::Ping => return Err(wire::WireError::Misplaced(kind)),
    })
}
