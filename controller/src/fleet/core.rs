//! One agent's connection as a state machine without sockets, clocks and SQL: what came in, what to do.
//!
//! Hello → admission by the key's row → welcome, poll plan, and desired lines whenever the agent's generation
//! and the controller's differ. The shell around it executes the effects in the order in which they are given.

use std::collections::VecDeque;

use lastmile_protocol::close::CloseCode;
use lastmile_protocol::downlink::{Ack, DesiredPush, Generation, Ping, PollPlan, PushHead, Watch};
use lastmile_protocol::hello::{Hello, HelloReply, Refusal, Welcome};
use lastmile_protocol::ids::LineNo;
use lastmile_protocol::uplink::{DesiredStatus, Health};
use lastmile_protocol::version::MINORS;

use crate::domains::network::Changes;

/// Pushes that may be under way without the agent's word that it stored them. While so many are, what changes is
/// gathered into the next one: each push costs the agent a write of its whole state.
const OUTSTANDING_MAX: usize = 8;
/// Whole pushes in a row after a differing digest; more means that the agent cannot be helped by them.
const WHOLE_PUSHES_MAX: u32 = 3;
/// After that many, the next attempt waits so long, in milliseconds.
const RETRY_MS: u64 = 60_000;
/// Lines of a watch list.
const WATCH_MAX: usize = 200;
/// How long a watch list is valid at the agent, seconds; it is sent again at half of it.
const WATCH_SECONDS: u16 = 30;

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// The first frame of the control stream.
    Hello(Hello),
    /// The row of the key was found (or made by a join token).
    Admitted(Box<Welcome>),
    /// It was not.
    NotAdmitted(Refusal),
    /// The agent says which desired state it has.
    Status(DesiredStatus),
    /// The agent says how it is.
    Health(Box<Health>),
    /// Chunks are committed.
    Committed(Ack),
    /// Desired lines of the POP may have changed.
    Nudged,
    /// What [`Effect::LoadChanges`] asked for.
    Changes(Box<Changes>),
    /// Routers of the POP, first and after each change.
    Plan(PollPlan),
    /// Somebody looks at these lines (the whole list).
    Watch(Vec<LineNo>),
    /// Time has passed; monotonic and wall clock, milliseconds.
    Tick {
        /// Monotonic.
        mono_ms: u64,
        /// Wall.
        wall_ms: i64,
    },
    /// The connection has to end: the row was revoked, a newer connection took over, the shell found it wrong.
    Close(Close),
}

/// What to do.
#[derive(Debug, PartialEq)]
pub enum Effect {
    /// Look the key up; answer with [`Input::Admitted`] or [`Input::NotAdmitted`].
    Admit(Hello),
    /// Send on the control stream.
    Send(Frame),
    /// Read the POP's changes since this generation; answer with [`Input::Changes`].
    LoadChanges(Generation),
    /// Read the poll plan unless it has this version; answer with [`Input::Plan`].
    LoadPlan(u64),
    /// The agent has stored desired state up to this generation.
    MarkSent(Generation),
    /// Newest health of the agent.
    Health(Box<Health>),
    /// End the connection, after what was sent before has left.
    Close(Close),
}

/// Frames of the controller.
#[derive(Debug, PartialEq)]
pub enum Frame {
    /// Answer to the hello.
    Reply(Box<HelloReply>),
    /// Committed chunks.
    Ack(Ack),
    /// Desired lines.
    Push(DesiredPush),
    /// Routers.
    Plan(PollPlan),
    /// Lines that are looked at.
    Watch(Watch),
    /// Alive.
    Ping(Ping),
}

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    /// Not let in; the hello reply says why.
    Refused,
    /// No common minor version; the hello reply says so.
    Version,
    /// A frame that does not belong here, or bytes that are no frame.
    Protocol,
    /// The key was revoked.
    Revoked,
    /// A newer connection of the same agent took over.
    Displaced,
    /// A chunk is missing before the one that came.
    Hole,
    /// The controller cannot store, or cannot keep up.
    Busy,
    /// The controller stops.
    Shutdown,
}

impl Close {
    /// The code that travels.
    #[must_use]
    pub const fn code(self) -> CloseCode {
        match self {
            Self::Refused | Self::Version => CloseCode::Refused,
            Self::Protocol | Self::Hole => CloseCode::Protocol,
            Self::Revoked => CloseCode::Revoked,
            Self::Displaced => CloseCode::Replaced,
            Self::Busy => CloseCode::Busy,
            Self::Shutdown => CloseCode::Bye,
        }
    }

    /// In words, for the logs of both sides.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Refused => "not let in",
            Self::Version => "no common version",
            Self::Protocol => "a frame that makes no sense",
            Self::Revoked => "this agent was revoked",
            Self::Displaced => "a newer connection of this agent took over",
            Self::Hole => "a chunk is missing before this one",
            Self::Busy => "the controller cannot store at the moment",
            Self::Shutdown => "the controller stops",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    AwaitHello,
    Admitting { minor: u16 },
    Running,
    Closed,
}

/// A desired state, as far as two of them are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Summary {
    until: Generation,
    digest: [u8; 32],
    count: u32,
}

/// A push that the agent has not answered yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Outstanding {
    leads_to: Summary,
    /// An earlier push was not taken, so this one may not fit either: the whole that follows settles both.
    superseded: bool,
}

/// The state of one connection.
#[derive(Debug)]
pub struct Core {
    phase: Phase,
    ping_every_ms: u64,
    next_ping_ms: u64,
    /// Generation the agent has, or will have once what was pushed has arrived. None before it told.
    assumed: Option<Generation>,
    /// Oldest first: the agent answers every push, in order.
    outstanding: VecDeque<Outstanding>,
    /// What the agent said on its own, until it was compared with what is desired.
    told: Option<Summary>,
    plan_version: u64,
    loading: bool,
    /// There may be more to load, once what is loading has come or a push was answered.
    dirty: bool,
    whole_pushes: u32,
    retry_at_ms: Option<u64>,
    watch: Vec<LineNo>,
    next_watch_ms: u64,
    mono_ms: u64,
}

impl Core {
    /// A connection that has just come up.
    #[must_use]
    pub fn new(ping_seconds: u16) -> Self {
        Self {
            phase: Phase::AwaitHello,
            ping_every_ms: u64::from(ping_seconds.max(1)) * 1000,
            next_ping_ms: 0,
            assumed: None,
            outstanding: VecDeque::new(),
            told: None,
            plan_version: 0,
            loading: false,
            dirty: false,
            whole_pushes: 0,
            retry_at_ms: None,
            watch: Vec::new(),
            next_watch_ms: 0,
            mono_ms: 0,
        }
    }

    /// Whether the agent was let in.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.phase == Phase::Running
    }

    /// Takes in what happened and says what to do, in order.
    pub fn handle(&mut self, input: Input) -> Vec<Effect> {
        match (self.phase, input) {
            (Phase::Closed, _) => Vec::new(),
            (Phase::AwaitHello, Input::Hello(hello)) => self.hello(hello),
            (Phase::Admitting { minor }, Input::Admitted(welcome)) => self.admitted(minor, *welcome),
            (Phase::Admitting { .. }, Input::NotAdmitted(refusal)) => {
                self.reply_and_close(HelloReply::Refused(refusal), Close::Refused)
            }
            (_, Input::Close(why)) => self.close(why),
            (Phase::Running, input) => self.running(input),
            // Before the welcome, the clock and the hub have nothing to say; the agent has only its hello.
            (_, Input::Tick { .. } | Input::Nudged | Input::Watch(_)) => Vec::new(),
            (_, _) => self.close(Close::Protocol),
        }
    }

    fn running(&mut self, input: Input) -> Vec<Effect> {
        match input {
            Input::Status(status) => self.status(status),
            Input::Health(health) => vec![Effect::Health(health)],
            Input::Committed(ack) => vec![Effect::Send(Frame::Ack(ack))],
            Input::Nudged => {
                self.whole_pushes = 0;
                self.retry_at_ms = None;
                let mut effects = vec![Effect::LoadPlan(self.plan_version)];
                effects.extend(self.load());
                effects
            }
            Input::Changes(changes) => self.changes(*changes),
            Input::Plan(plan) => {
                self.plan_version = plan.version;
                vec![Effect::Send(Frame::Plan(plan))]
            }
            Input::Watch(lines) => self.watch(lines),
            Input::Tick { mono_ms, wall_ms } => self.tick(mono_ms, wall_ms),
            Input::Hello(_) | Input::Admitted(_) | Input::NotAdmitted(_) => self.close(Close::Protocol),
            Input::Close(why) => self.close(why),
        }
    }

    fn hello(&mut self, hello: Hello) -> Vec<Effect> {
        let common = hello.minors.iter().take(16).find(|minor| MINORS.contains(minor));
        match common {
            Some(minor) => {
                self.phase = Phase::Admitting { minor: *minor };
                vec![Effect::Admit(hello)]
            }
            None => {
                let minors = MINORS.iter().rev().copied().collect();
                self.reply_and_close(HelloReply::VersionMismatch { minors }, Close::Version)
            }
        }
    }

    fn admitted(&mut self, minor: u16, mut welcome: Welcome) -> Vec<Effect> {
        self.phase = Phase::Running;
        welcome.minor = minor;
        vec![Effect::Send(Frame::Reply(Box::new(HelloReply::Welcome(welcome)))), Effect::LoadPlan(0)]
    }

    /// Compares what the agent says it has with what it was sent. The agent answers every push with one status, in
    /// order; what comes while no push waits for an answer is where the agent stands on its own.
    fn status(&mut self, status: DesiredStatus) -> Vec<Effect> {
        let told = Summary { until: status.generation, digest: status.digest, count: status.lines };
        let mut effects = match self.answered(told) {
            Some(push) if push.leads_to == told => self.confirmed(told.until),
            // Told of a state to which newer pushes and a whole one were already on their way.
            Some(push) if push.superseded => Vec::new(),
            Some(_) => self.push_whole(),
            None if self.assumed.is_some_and(|assumed| assumed != told.until) => self.push_whole(),
            None => {
                self.assumed = Some(told.until);
                self.told = Some(told);
                self.load()
            }
        };
        if self.dirty && !self.loading {
            effects.extend(self.load());
        }
        effects
    }

    /// The push to which this is the answer. It is the oldest one, unless the agent has left out answers and says
    /// exactly what a newer one leads to.
    fn answered(&mut self, told: Summary) -> Option<Outstanding> {
        let at = self.outstanding.iter().position(|push| push.leads_to == told).unwrap_or(0);
        self.outstanding.drain(..(at + 1).min(self.outstanding.len())).next_back()
    }

    fn confirmed(&mut self, generation: Generation) -> Vec<Effect> {
        self.whole_pushes = 0;
        vec![Effect::MarkSent(generation)]
    }

    /// The difference did not lead to the same state: everything is sent, a bounded number of times until
    /// something changes or a minute has passed.
    fn push_whole(&mut self) -> Vec<Effect> {
        for push in &mut self.outstanding {
            push.superseded = true;
        }
        self.dirty = false;
        self.assumed = Some(Generation::default());
        self.whole_pushes += 1;
        if self.whole_pushes > WHOLE_PUSHES_MAX {
            self.retry_at_ms = Some(self.mono_ms + RETRY_MS);
            tracing::error!(
                pushes = WHOLE_PUSHES_MAX,
                "desired state at the agent differs even after whole pushes; trying again in a minute"
            );
            return Vec::new();
        }
        self.load()
    }

    fn load(&mut self) -> Vec<Effect> {
        let Some(since) = self.assumed else { return Vec::new() };
        if self.loading || self.outstanding.len() >= OUTSTANDING_MAX {
            self.dirty = true;
            return Vec::new();
        }
        self.loading = true;
        self.dirty = false;
        vec![Effect::LoadChanges(since)]
    }

    fn changes(&mut self, changes: Changes) -> Vec<Effect> {
        self.loading = false;
        // What was loaded for a start that is no longer the agent's is thrown away and loaded again.
        let whole = changes.since.counter == 0;
        if !whole && self.assumed != Some(changes.since) {
            return self.load();
        }
        let mut effects = self.send(changes);
        if self.dirty {
            effects.extend(self.load());
        }
        effects
    }

    fn send(&mut self, changes: Changes) -> Vec<Effect> {
        let until = changes.until;
        if self.assumed == Some(until) {
            return self.compare(&changes);
        }
        self.told = None;
        let leads_to = Summary { until, digest: changes.digest, count: changes.count };
        self.outstanding.push_back(Outstanding { leads_to, superseded: false });
        self.assumed = Some(until);
        let head = PushHead {
            since: changes.since,
            until,
            count: changes.count,
            digest: changes.digest,
            approved_holds: changes.approved_holds,
        };
        let frames = DesiredPush::frames(head, changes.lines, &changes.tombstones);
        frames.into_iter().map(|push| Effect::Send(Frame::Push(push))).collect()
    }

    /// Nothing changed: the agent's own word must then agree with the controller's digest.
    fn compare(&mut self, changes: &Changes) -> Vec<Effect> {
        let Some(told) = self.told.take().filter(|told| told.until == changes.until) else { return Vec::new() };
        let same = told.digest == changes.digest && told.count == changes.count;
        if same { self.confirmed(changes.until) } else { self.push_whole() }
    }

    fn watch(&mut self, mut lines: Vec<LineNo>) -> Vec<Effect> {
        lines.sort_unstable();
        lines.dedup();
        lines.truncate(WATCH_MAX);
        if lines == self.watch {
            return Vec::new();
        }
        self.watch = lines;
        self.send_watch()
    }

    fn send_watch(&mut self) -> Vec<Effect> {
        self.next_watch_ms = self.mono_ms + u64::from(WATCH_SECONDS) * 500;
        vec![Effect::Send(Frame::Watch(Watch { lines: self.watch.clone(), seconds: WATCH_SECONDS }))]
    }

    fn tick(&mut self, mono_ms: u64, wall_ms: i64) -> Vec<Effect> {
        self.mono_ms = mono_ms;
        let mut effects = Vec::new();
        if self.retry_at_ms.is_some_and(|at| mono_ms >= at) {
            self.retry_at_ms = None;
            self.whole_pushes = 0;
            effects.extend(self.load());
        }
        if mono_ms >= self.next_ping_ms {
            self.next_ping_ms = mono_ms + self.ping_every_ms;
            effects.push(Effect::Send(Frame::Ping(Ping { wall_ms })));
        }
        if !self.watch.is_empty() && mono_ms >= self.next_watch_ms {
            effects.extend(self.send_watch());
        }
        effects
    }

    fn reply_and_close(&mut self, reply: HelloReply, close: Close) -> Vec<Effect> {
        self.phase = Phase::Closed;
        vec![Effect::Send(Frame::Reply(Box::new(reply))), Effect::Close(close)]
    }

    fn close(&mut self, close: Close) -> Vec<Effect> {
        self.phase = Phase::Closed;
        vec![Effect::Close(close)]
    }
}

#[cfg(test)]
#[path = "core_tests.rs"]
mod tests;
