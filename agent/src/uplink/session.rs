//! One connection, from the welcome to its end.
//!
//! One task decides; three small ones read and write, so that a slow stream never keeps an acknowledgement
//! waiting. All queues are bounded: chunks by the window, control frames by their queue.

use std::sync::Arc;
use std::time::Duration;

use lastmile_protocol::close::CloseCode;
use lastmile_protocol::downlink::{Ack, DesiredPush, Ping, PollPlan, Watch};
use lastmile_protocol::frame::{FrameKind, Framed, read_payload, write_frame};
use lastmile_protocol::hello::Welcome;
use lastmile_protocol::uplink::{Health, LiveRates, SpooledChunk};
use quinn::{SendStream, VarInt};
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::AbortHandle;

use crate::collect::{PopStatus, Watched};
use crate::core::journal::JournalError;
use crate::core::link::{Effect, Input, QUEUED};
use crate::uplink::dial::{Peer, ReceiveError, bye, receive_any};
use crate::uplink::run::Uplink;

/// Control frames that may wait to be written.
const CONTROL_QUEUE: usize = 32;
/// Frames that were read and wait to be looked at.
const READ_QUEUE: usize = 4;
/// A controller that says nothing for so long is gone, even if its host still answers.
const SILENCE_MS: u64 = 45_000;
/// Health is sent when it changed, and at least this often, seconds.
const HEALTH_SECONDS: u32 = 15;
/// The most lines that can be watched.
const WATCHED: usize = 200;

/// Why a session ended.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// The program stops.
    Stopped,
    /// The connection is gone; what the connection itself knows of it is asked by the caller.
    Lost(String),
}

enum Next {
    Frame(Option<Result<(FrameKind, Vec<u8>), ReceiveError>>),
    Loaded(u64, Result<Vec<SpooledChunk>, JournalError>),
    Spooled,
    Live(LiveRates),
    Status,
    Second,
    Lost(String),
    Stop,
}

/// Drives the connection until it ends.
pub async fn drive(uplink: &mut Uplink, peer: Peer, welcome: Welcome, stop: &mut watch::Receiver<bool>) -> End {
    let connection = peer.connection.clone();
    let endpoint = peer.endpoint.clone();
    let end = match Session::begin(uplink, peer).await {
        Ok(mut session) => session.run(welcome, stop).await,
        Err(reason) => End::Lost(reason),
    };
    uplink.ledger.cut_off();
    uplink.link.handle(Input::Disconnected);
    uplink.show_link();
    match &end {
        End::Stopped => bye(&endpoint, &connection).await,
        // Closing over what the other side said would hide its reason.
        End::Lost(_) if connection.close_reason().is_some() => {}
        End::Lost(reason) => {
            connection.close(VarInt::from_u32(CloseCode::Protocol.number()), reason.as_bytes());
        }
    }
    end
}

struct Session<'a> {
    uplink: &'a mut Uplink,
    connection: quinn::Connection,
    control: mpsc::Sender<Vec<u8>>,
    data: mpsc::Sender<Vec<u8>>,
    frames: mpsc::Receiver<Result<(FrameKind, Vec<u8>), ReceiveError>>,
    loaded: mpsc::Receiver<(u64, Result<Vec<SpooledChunk>, JournalError>)>,
    loads: mpsc::Sender<(u64, Result<Vec<SpooledChunk>, JournalError>)>,
    live: broadcast::Receiver<LiveRates>,
    status: watch::Receiver<Arc<PopStatus>>,
    spool: watch::Receiver<Arc<crate::spool::SpoolState>>,
    tasks: Vec<AbortHandle>,
    heard_ms: u64,
    health_due: bool,
    health_age: u32,
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl<'a> Session<'a> {
    async fn begin(uplink: &'a mut Uplink, peer: Peer) -> Result<Self, String> {
        let Peer { connection, send, mut receive, .. } = peer;
        let stream = connection.open_uni().await.map_err(|e| e.to_string())?;
        let (control, controls) = mpsc::channel(CONTROL_QUEUE);
        let (data, chunks) = mpsc::channel(QUEUED);
        let (read, frames) = mpsc::channel(READ_QUEUE);
        let (loads, loaded) = mpsc::channel(2);
        let reader = tokio::spawn(async move {
            loop {
                let frame = receive_any(&mut receive).await;
                let over = frame.is_err();
                if read.send(frame).await.is_err() || over {
                    return;
                }
            }
        });
        let tasks = vec![
            reader.abort_handle(),
            tokio::spawn(write_all(send, controls)).abort_handle(),
            tokio::spawn(write_all(stream, chunks)).abort_handle(),
        ];
        Ok(Self {
            live: uplink.live.subscribe(),
            status: uplink.status.clone(),
            spool: uplink.spool.state(),
            heard_ms: uplink.clock.mono_ms(),
            connection,
            control,
            data,
            frames,
            loaded,
            loads,
            tasks,
            health_due: true,
            health_age: 0,
            uplink,
        })
    }

    async fn run(&mut self, welcome: Welcome, stop: &mut watch::Receiver<bool>) -> End {
        self.uplink.heard(welcome.lease_seconds);
        let begun = self.begin_sending(welcome).await;
        if let Err(reason) = begun {
            return End::Lost(reason);
        }
        let mut second = tokio::time::interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let next = tokio::select! {
                frame = self.frames.recv() => Next::Frame(frame),
                Some((ticket, chunks)) = self.loaded.recv() => Next::Loaded(ticket, chunks),
                Ok(()) = self.spool.changed() => Next::Spooled,
                Ok(rates) = self.live.recv() => Next::Live(rates),
                Ok(()) = self.status.changed() => Next::Status,
                _ = second.tick() => Next::Second,
                error = self.connection.closed() => Next::Lost(error.to_string()),
                changed = stop.changed() => if changed.is_err() || *stop.borrow() { Next::Stop } else { Next::Second },
            };
            let done = match next {
                Next::Stop => return End::Stopped,
                Next::Lost(reason) => Err(reason),
                Next::Frame(None) => Err("the reader ended".into()),
                Next::Frame(Some(Err(error))) => Err(error.to_string()),
                Next::Frame(Some(Ok((kind, payload)))) => self.take(kind, &payload).await,
                Next::Loaded(ticket, Ok(chunks)) => self.feed(Input::Loaded { ticket, chunks }).await,
                Next::Loaded(ticket, Err(error)) => {
                    tracing::warn!(%error, "chunks could not be read from the spool");
                    self.feed(Input::LoadFailed { ticket }).await
                }
                Next::Spooled => self.spooled().await,
                Next::Live(rates) => {
                    self.send_live(&rates);
                    Ok(())
                }
                Next::Status => {
                    self.health_due = true;
                    Ok(())
                }
                Next::Second => self.second().await,
            };
            if let Err(reason) = done {
                return End::Lost(reason);
            }
        }
    }

    async fn begin_sending(&mut self, welcome: Welcome) -> Result<(), String> {
        self.spooled().await?;
        self.feed(Input::Welcomed(welcome.applied)).await?;
        let status = self.uplink.ledger.status();
        self.say(&status)
    }

    async fn spooled(&mut self) -> Result<(), String> {
        let state = Arc::clone(&self.spool.borrow_and_update());
        if state.epoch == 0 {
            // The spool is not open yet.
            return Ok(());
        }
        self.feed(Input::Spooled { epoch: state.epoch, last: state.last, acked: state.acked }).await
    }

    async fn second(&mut self) -> Result<(), String> {
        if self.uplink.clock.mono_ms().saturating_sub(self.heard_ms) > SILENCE_MS {
            return Err("the controller is silent".into());
        }
        self.health_age += 1;
        if self.health_due || self.health_age >= HEALTH_SECONDS {
            (self.health_due, self.health_age) = (false, 0);
            let health = self.health();
            // Health is the newest of its kind: when the way is blocked, this one is left out.
            let frame = write_frame(&health).map_err(|e| e.to_string())?;
            let _ = self.control.try_send(frame);
        }
        self.feed(Input::Tick).await
    }

    /// Takes a frame of the controller. Any frame is a sign of life; lines may be closed on it.
    async fn take(&mut self, kind: FrameKind, payload: &[u8]) -> Result<(), String> {
        fn read<T: Framed>(kind: FrameKind, payload: &[u8]) -> Result<T, String> {
            read_payload(kind, payload).map_err(|e| e.to_string())
        }
        self.heard_ms = self.uplink.clock.mono_ms();
        self.uplink.heard_again();
        match kind {
            FrameKind::Ack => self.feed(Input::Acked(read::<Ack>(kind, payload)?)).await,
            FrameKind::DesiredPush => {
                let frame = read::<DesiredPush>(kind, payload)?;
                let (ledger, now_ms) = (Arc::clone(&self.uplink.ledger), self.uplink.clock.wall_ms());
                let answer = tokio::task::spawn_blocking(move || ledger.push(frame, now_ms)).await;
                answer.map_err(|e| e.to_string())?.map_or(Ok(()), |status| self.say(&status))
            }
            FrameKind::PollPlan => {
                let plan = read::<PollPlan>(kind, payload)?;
                let ledger = Arc::clone(&self.uplink.ledger);
                tokio::task::spawn_blocking(move || ledger.take_plan(plan)).await.map_err(|e| e.to_string())
            }
            FrameKind::Watch => {
                let mut watch = read::<Watch>(kind, payload)?;
                watch.lines.truncate(WATCHED);
                let until_mono_ms = self.uplink.clock.mono_ms() + u64::from(watch.seconds) * 1_000;
                self.uplink.watched.send_replace(Arc::new(Watched { lines: watch.lines, until_mono_ms }));
                Ok(())
            }
            FrameKind::Ping => read::<Ping>(kind, payload).map(|_| ()),
            other => Err(format!("the controller sent a {other:?} frame")),
        }
    }

    async fn feed(&mut self, input: Input) -> Result<(), String> {
        let effects = self.uplink.link.handle(input);
        self.uplink.show_link();
        for effect in effects {
            match effect {
                Effect::Load { ticket, from, most } => {
                    let (spool, loads) = (self.uplink.spool.clone(), self.loads.clone());
                    tokio::spawn(async move {
                        let chunks = spool.read(from, most).await;
                        let _ = loads.send((ticket, chunks)).await;
                    });
                }
                Effect::Send(chunk) => {
                    let frame = write_frame(&chunk).map_err(|e| e.to_string())?;
                    // The queue holds what the link may hand out before it leaves: full means that nothing leaves.
                    self.data.try_send(frame).map_err(|_| "the data stream does not move".to_owned())?;
                }
                Effect::Record(ack) => self.uplink.spool.ack(ack.epoch, ack.seq).await,
                Effect::Renew { applied } => {
                    self.uplink.spool.renew(applied).await.map_err(|e| e.to_string())?;
                }
                Effect::Close(reason) => return Err(reason.to_owned()),
            }
        }
        Ok(())
    }

    fn say<T: Framed>(&self, message: &T) -> Result<(), String> {
        let frame = write_frame(message).map_err(|e| e.to_string())?;
        self.control.try_send(frame).map_err(|_| "the control stream does not move".to_owned())
    }

    /// Live rates may be lost: what does not fit into the buffer is.
    fn send_live(&self, rates: &LiveRates) {
        let Some(most) = self.connection.max_datagram_size() else { return };
        for datagram in LiveRates::datagrams(rates.at_ms, &rates.lines, most) {
            let _ = self.connection.send_datagram(datagram.into());
        }
    }

    fn health(&mut self) -> Health {
        let pop = Arc::clone(&self.status.borrow_and_update());
        let spool = Arc::clone(&self.spool.borrow());
        Health {
            at_ms: self.uplink.clock.wall_ms(),
            spool_chunks: spool.chunks(),
            spool_records: spool.records,
            spool_oldest_ms: spool.oldest_ms,
            spool_cap_bytes: spool.cap_bytes,
            spool_bytes: spool.bytes,
            spool_dropped: spool.dropped,
            resends: self.uplink.link.resends(),
            uptime_seconds: self.uplink.clock.mono_ms().saturating_sub(self.uplink.began_ms) / 1_000,
            unlisted_lines: pop.unlisted_lines,
            frozen: pop.frozen.clone(),
            routers: pop.routers.iter().map(|router| router.health.clone()).collect(),
        }
    }
}

async fn write_all(mut stream: SendStream, mut frames: mpsc::Receiver<Vec<u8>>) {
    while let Some(frame) = frames.recv().await {
        if stream.write_all(&frame).await.is_err() {
            return;
        }
    }
}
