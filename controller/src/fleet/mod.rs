//! The side of the agents: a QUIC endpoint, one session for each connection, ingest, pushes of desired lines.
//!
//! [`core`] decides, without sockets; the rest carries. An agent is its key: the row of the key decides which POP a
//! connection opens, and nothing in a frame can say otherwise.

mod accept;
pub mod core;
mod endpoint;
mod gate;
mod ingest;
mod registry;
mod session;
mod streams;
#[cfg(test)]
mod tests;
mod upkeep;
mod watched;
mod wire;

use std::net::SocketAddr;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use quinn::Endpoint;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

use crate::domains::network::{Identity, IdentityError};
use crate::web::App;

/// How long connections may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(5);

/// Why agents cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// The controller's own key.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Certificate and key do not fit.
    #[error("the controller's certificate does not fit its key")]
    Tls(#[source] rustls::Error),
    /// The TLS provider lacks the cipher that QUIC begins with.
    #[error("TLS has no cipher for the first packets of QUIC")]
    NoInitialCipher,
    /// The address is taken or not ours.
    #[error("cannot listen for agents on {listen} (UDP)")]
    Listen {
        /// Where.
        listen: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// What all connections share.
struct Shared {
    app: App,
    registry: registry::Registry,
    watched: watched::Watched,
    gate: Mutex<gate::Gate>,
    ingest: mpsc::Sender<ingest::Item>,
    /// Number of the next connection.
    serial: AtomicU64,
}

/// The running endpoint.
pub struct Fleet {
    endpoint: Endpoint,
    tasks: JoinSet<()>,
    parts: Vec<(&'static str, AbortHandle)>,
}

impl Fleet {
    /// Listens where the configuration says; makes the controller's key at the first start.
    ///
    /// # Errors
    /// When the key is damaged or the address cannot be listened on.
    pub fn start(app: App) -> Result<Self, FleetError> {
        let identity = Identity::load_or_make(&app.config.data_dir)?;
        let key = identity.hash;
        let endpoint = endpoint::bind(identity, app.config.fleet.listen, &app.rng)?;
        let (ingest, queue) = mpsc::channel(ingest::WAITING);
        let worker = ingest::Worker::new(app.clone(), queue);
        let shared = Arc::new(Shared {
            app,
            registry: registry::Registry::default(),
            watched: watched::Watched::default(),
            gate: Mutex::default(),
            ingest,
            serial: AtomicU64::new(1),
        });
        let mut tasks = JoinSet::new();
        let parts = vec![
            ("fleet ingest", tasks.spawn(worker.run())),
            ("fleet hints", tasks.spawn(upkeep::hints(Arc::clone(&shared)))),
            ("fleet upkeep", tasks.spawn(upkeep::look(Arc::clone(&shared)))),
            ("fleet endpoint", tasks.spawn(accept::run(shared, endpoint.clone()))),
        ];
        tracing::info!(listen = ?endpoint.local_addr().ok(), %key, "waiting for agents");
        Ok(Self { endpoint, tasks, parts })
    }

    /// Its parts, none of which may end before [`Fleet::stop`]: for `/readyz`.
    #[must_use]
    pub fn parts(&self) -> Vec<(&'static str, AbortHandle)> {
        self.parts.clone()
    }

    /// Where agents are waited for.
    ///
    /// # Errors
    /// When the socket is gone.
    pub fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.endpoint.local_addr()
    }

    /// Ends every connection and stops. What is not committed stays with the agents.
    pub async fn stop(mut self) {
        let why = core::Close::Shutdown;
        self.endpoint.close(why.code().number().into(), why.reason().as_bytes());
        let _ = tokio::time::timeout(GOODBYE, self.endpoint.wait_idle()).await;
        self.tasks.shutdown().await;
    }
}
