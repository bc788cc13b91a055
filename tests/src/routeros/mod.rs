//! A MikroTik router that is not there: a real TCP server that speaks the RouterOS API, with PPPoE
//! customers who dial in, counters that move, an oracle that knows the true octets, and the faults of
//! the real thing.
//!
//! [`Simulator::start`] runs it in this process; `lastmile-testbed router` runs it alone. Everything a
//! test or a person may do to it from outside goes through [`Handle`], by hand or over HTTP.

mod connection;
mod control;
mod execute;
mod handle;
mod listener;
mod login;
mod menu;
mod query;
mod record;
mod reply;
mod router;
mod sentence;
mod session;
#[cfg(test)]
mod tests;
mod time;
mod view;
mod word;
mod write;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

pub use handle::{Edit, Fault, Handle, SecretView, SessionView};
pub use router::{DialError, SessionRecord, TrafficMode, TrueOctets, WriteRecord};
pub use session::{Octets, Rates, Reading};

/// A name on the router: bytes, not text.
type Name = Arc<[u8]>;

/// How often traffic changes its speed and modems look at their clocks.
const TICK: Duration = Duration::from_millis(200);

/// What kind of router it is.
#[derive(Debug, Clone)]
pub struct Options {
    /// RouterOS version. It decides whether nothing is said as `!empty` (7.18) and how dates are written (7.10).
    pub version: String,
    /// Foreign secrets `sub00001`… that are there from the start, each with a session.
    pub subscribers: u32,
    /// Whether customers' modems dial by themselves.
    pub auto_dial: bool,
    /// How traffic moves at first.
    pub mode: TrafficMode,
    /// Seed of everything that is drawn.
    pub seed: u64,
    /// The API user.
    pub user: String,
    /// Its password.
    pub password: String,
    /// Whether the API user may see the passwords of secrets.
    pub sensitive: bool,
    /// Asks for the MD5 challenge of RouterOS before 6.43.
    pub legacy_login: bool,
    /// `/system/identity`.
    pub identity: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            version: "7.18".into(),
            subscribers: 0,
            auto_dial: false,
            mode: TrafficMode::Manual,
            seed: 1,
            user: "lastmile".into(),
            password: "testbed".into(),
            sensitive: true,
            legacy_login: false,
            identity: "sim-router".into(),
        }
    }
}

impl Options {
    fn at_least(&self, major: u32, minor: u32) -> bool {
        let mut parts = self.version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
        (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) >= (major, minor)
    }

    fn says_empty(&self) -> bool {
        self.at_least(7, 18)
    }

    fn modern_dates(&self) -> bool {
        self.at_least(7, 10)
    }

    fn modern_login(&self) -> bool {
        self.at_least(7, 0)
    }
}

/// What connections, ticks and the control port share.
#[derive(Debug)]
struct Shared {
    router: Mutex<router::Router>,
    /// While true nothing is sent to anybody.
    hang: watch::Sender<bool>,
    /// Rises when every connection is to end at once.
    power: watch::Sender<u64>,
    /// Whether the API port listens.
    open: watch::Sender<bool>,
    /// API connections that are open.
    connections: std::sync::atomic::AtomicUsize,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, router::Router> {
        // A panic elsewhere leaves rows that can still be read; a test then fails for its own reason.
        self.router.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running simulator. Dropping it ends every connection.
#[derive(Debug)]
pub struct Simulator {
    handle: Handle,
    api: SocketAddr,
    control: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Simulator {
    /// Starts on two free ports of 127.0.0.1.
    ///
    /// # Errors
    /// When no port can be opened.
    pub async fn start(options: Options) -> std::io::Result<Self> {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        Self::start_on(options, any, any).await
    }

    /// Starts with the API on `api` and the control port on `control`.
    ///
    /// # Errors
    /// When one of the ports cannot be opened.
    pub async fn start_on(options: Options, api: SocketAddr, control: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind(api).await?;
        let control_listener = TcpListener::bind(control).await?;
        let (api, control) = (listener.local_addr()?, control_listener.local_addr()?);
        let shared = Arc::new(Shared {
            router: Mutex::new(router::Router::new(options)),
            hang: watch::channel(false).0,
            power: watch::channel(0).0,
            open: watch::channel(true).0,
            connections: std::sync::atomic::AtomicUsize::new(0),
        });
        let handle = Handle::new(Arc::clone(&shared));
        let mut tasks = JoinSet::new();
        tasks.spawn(listener::accept(Arc::clone(&shared), listener, api));
        tasks.spawn(tick(shared));
        tasks.spawn(control::serve(handle.clone(), control_listener));
        Ok(Self { handle, api, control, _tasks: tasks })
    }

    /// Where the RouterOS API listens.
    #[must_use]
    pub const fn api_addr(&self) -> SocketAddr {
        self.api
    }

    /// Where the control port listens.
    #[must_use]
    pub const fn control_addr(&self) -> SocketAddr {
        self.control
    }

    /// What the control port can do, without HTTP.
    #[must_use]
    pub const fn handle(&self) -> &Handle {
        &self.handle
    }
}

async fn tick(shared: Arc<Shared>) {
    let mut every = tokio::time::interval(TICK);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        shared.lock().tick();
    }
}
