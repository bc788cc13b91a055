//! One long-lived connection to a router, with any number of tagged commands in flight.
//!
//! A task owns the socket. It finds sentences in its receive buffer and hands each row, still in that buffer, to
//! the visitor of the command that asked for it: nothing is allocated for a row, and no print is ever held. A
//! visitor comes back to its caller only with the router's `!done`. When the connection breaks before, or the
//! router refuses, the visitor is dropped with everything that it saw, so that half a print can never be
//! mistaken for "everybody is offline".
//!
//! A command that gets no answer in time gives its caller an error, but its tag stays reserved until the router
//! says `!done` for it; late rows fall on the floor.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::codec::{Limits, Sentence};
use super::command::Command;
use super::connection::{Request, Sink, drive};
use super::error::ApiError;

/// How long the client waits, and what it accepts.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// For the TCP connection and the log-in, each.
    pub connect: Duration,
    /// For one command: without a row for so long it counts as not answered. A router with ten thousand rows may
    /// take its time as long as they keep coming.
    pub command: Duration,
    /// Caps of words and sentences.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), command: Duration::from_secs(10), limits: Limits::default() }
    }
}

/// A connection to a router, logged in. Dropping it closes the connection.
#[derive(Debug)]
pub struct Client {
    requests: mpsc::Sender<Request>,
    next_tag: AtomicU32,
    config: Config,
}

/// What a `!done` carried.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Done {
    /// `=ret=`: the id of what was added, or a count. Some versions leave it out.
    pub ret: Option<Vec<u8>>,
}

impl Client {
    /// Connects and logs in.
    ///
    /// # Errors
    /// `Unreachable`, `AuthRefused`, `SessionLimit`, or what else broke the connection.
    pub async fn connect(
        host: &str,
        port: u16,
        name: &[u8],
        password: &[u8],
        config: Config,
    ) -> Result<Self, ApiError> {
        let stream = timeout(config.connect, TcpStream::connect((host, port)))
            .await
            .map_err(|_| ApiError::Unreachable(format!("no connection within {} ms", config.connect.as_millis())))?
            .map_err(|error| ApiError::Unreachable(error.to_string()))?;
        // Commands are short and each is waited for.
        let _ = stream.set_nodelay(true);
        Self::log_in(stream, name, password, config).await
    }

    /// Logs in on a connection that is there.
    ///
    /// # Errors
    /// As [`Client::connect`].
    pub async fn log_in<S>(stream: S, name: &[u8], password: &[u8], config: Config) -> Result<Self, ApiError>
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let (requests, inbox) = mpsc::channel(64);
        tokio::spawn(drive(stream, inbox, config.limits));
        let client = Self { requests, next_tag: AtomicU32::new(1), config };
        let login = Command::new("/login").with("name", name).with("password", password);
        let done = client.run_within(login, config.connect).await.map_err(refused)?;
        match done.ret {
            None => Ok(client),
            // Before 6.43 a router answers with a challenge. The password has been sent by then, which is why
            // nothing is gained by answering it.
            Some(_) => {
                Err(ApiError::AuthRefused("it wants the log-in of RouterOS before 6.43, which is not spoken".into()))
            }
        }
    }

    /// Runs a command whose rows do not matter.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn run(&self, command: Command) -> Result<Done, ApiError> {
        self.run_within(command, self.config.command).await
    }

    async fn run_within(&self, command: Command, limit: Duration) -> Result<Done, ApiError> {
        self.submit(command, (), |(), _| {}, limit).await.map(|((), done)| done)
    }

    /// Runs a command and folds its rows into `state`, which comes back once the router has said `!done`.
    ///
    /// # Errors
    /// See [`ApiError`]; `state` is gone then, with the part that it saw.
    pub async fn fold<V, F>(&self, command: Command, state: V, row: F) -> Result<V, ApiError>
    where
        V: Send + 'static,
        F: FnMut(&mut V, Sentence<'_>) + Send + 'static,
    {
        self.submit(command, state, row, self.config.command).await.map(|(state, _)| state)
    }

    /// Asks the router its name, which proves that the connection lives.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn ping(&self) -> Result<(), ApiError> {
        let command = Command::new("/system/identity/print").columns("name");
        self.run_within(command, self.config.connect).await.map(|_| ())
    }

    async fn submit<V, F>(&self, command: Command, state: V, row: F, limit: Duration) -> Result<(V, Done), ApiError>
    where
        V: Send + 'static,
        F: FnMut(&mut V, Sentence<'_>) + Send + 'static,
    {
        let tag = self.next_tag.fetch_add(1, Ordering::Relaxed);
        let (reply, answer) = oneshot::channel();
        let rows = Arc::new(AtomicU64::new(0));
        let sink = Box::new(Folding { state, row, reply, rows: Arc::clone(&rows) });
        let mut guard = Abandon { tag, requests: Some(&self.requests) };
        let sent = async {
            self.requests.send(Request::Run { tag, bytes: command.sentence(tag), sink }).await.ok()?;
            answer.await.ok()
        };
        tokio::pin!(sent);
        let mut seen = 0;
        let result = loop {
            let result = timeout(limit, &mut sent).await;
            let now = rows.load(Ordering::Relaxed);
            if result.is_ok() || now == seen {
                break result;
            }
            seen = now;
        };
        if result.is_ok() {
            guard.requests = None;
        }
        match result {
            Err(_) => Err(ApiError::Timeout(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX))),
            Ok(None) => Err(ApiError::Cut("it is closed".into())),
            Ok(Some(result)) => result,
        }
    }
}

/// What the log-in's failure means.
fn refused(error: ApiError) -> ApiError {
    match error {
        ApiError::Trap(trap) => ApiError::AuthRefused(trap.message),
        ApiError::Fatal(words) if words.to_ascii_lowercase().contains("session") => ApiError::SessionLimit(words),
        ApiError::Fatal(words) => ApiError::AuthRefused(words),
        ApiError::Cut(_) => ApiError::SessionLimit(
            "it closed the connection before the log-in was answered (too many API sessions, or this address is not allowed)".into(),
        ),
        ApiError::Timeout(ms) => ApiError::Unreachable(format!("the log-in was not answered within {ms} ms")),
        other => other,
    }
}

/// Tells the connection when its caller went away, in whatever way, without an answer.
struct Abandon<'a> {
    tag: u32,
    requests: Option<&'a mpsc::Sender<Request>>,
}

impl Drop for Abandon<'_> {
    fn drop(&mut self) {
        if let Some(requests) = self.requests {
            // When the queue is full the connection is stuck anyway; the answer finds nobody and is dropped.
            let _ = requests.try_send(Request::Abandon { tag: self.tag });
        }
    }
}

struct Folding<V, F> {
    state: V,
    row: F,
    /// How many came: a print that moves is not hanging.
    rows: Arc<AtomicU64>,
    reply: oneshot::Sender<Result<(V, Done), ApiError>>,
}

impl<V, F> Sink for Folding<V, F>
where
    V: Send + 'static,
    F: FnMut(&mut V, Sentence<'_>) + Send + 'static,
{
    fn row(&mut self, row: Sentence<'_>) {
        self.rows.store(self.rows.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        (self.row)(&mut self.state, row);
    }

    fn end(self: Box<Self>, result: Result<Done, ApiError>) {
        let Self { state, reply, .. } = *self;
        // Whoever waited may have gone.
        let _ = reply.send(result.map(|done| (state, done)));
    }
}

/// A client that several tasks share.
pub type SharedClient = Arc<Client>;
