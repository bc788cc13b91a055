//! A connection to the controller, and its hello.
//!
//! A client learns of its refusal only at the missing reply: TLS 1.3 lets it write before the other side has
//! looked at its certificate. So nothing counts as connected before the welcome has come.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use lastmile_protocol::close::CloseCode;
use lastmile_protocol::frame::{FrameError, FrameKind, Framed, HEADER, Header, read_payload, write_frame};
use lastmile_protocol::hello::{Hello, HelloReply, Refusal, Welcome};
use lastmile_protocol::identity::{KeyHash, SERVER_NAME, client_config};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ConnectionError, Endpoint, IdleTimeout, RecvStream, SendStream, TransportConfig, VarInt};

use crate::uplink::identity::{AgentKey, IdentityError};

/// The longest wait for a handshake, and then for the reply to the hello.
const PATIENCE: Duration = Duration::from_secs(6);
/// A connection without a packet for so long is dead.
const IDLE_MS: u32 = 15_000;
/// A packet is sent at least this often: NATs remember the way, and a controller that was killed and runs again
/// answers it with a reset.
const KEEP_ALIVE: Duration = Duration::from_secs(2);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The address is no address.
    #[error("{address} cannot be resolved: {reason}")]
    Resolve {
        /// As it was given.
        address: String,
        /// What the system says.
        reason: String,
    },
    /// No socket, no key, no configuration.
    #[error("cannot begin a connection: {0}")]
    Local(String),
    /// Nobody answers there.
    #[error("{address} does not answer (UDP)")]
    NoAnswer {
        /// Address.
        address: String,
    },
    /// Somebody else answers there.
    #[error("{address} is not the controller that this agent belongs to: its key is another")]
    WrongController {
        /// Address.
        address: String,
    },
    /// It speaks another major version.
    #[error("{address} speaks another version of the protocol")]
    OtherVersion {
        /// Address.
        address: String,
    },
    /// The connection broke.
    #[error("the connection to {address} broke: {reason}")]
    Broken {
        /// Address.
        address: String,
        /// In words.
        reason: String,
    },
    /// No common minor version.
    #[error("the controller speaks the minor versions {0:?}, this agent only {ours:?}", ours = lastmile_protocol::version::MINORS)]
    Mismatch(Vec<u16>),
    /// The controller does not let the agent in.
    #[error("{}", in_words(*.0))]
    Refused(Refusal),
}

/// A refusal, for people.
#[must_use]
pub fn in_words(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::UnknownKey => "the controller does not know this agent: join again with a new token",
        Refusal::Revoked => "this agent was revoked at the controller",
        Refusal::TokenUnknown => "the controller does not know this join token",
        Refusal::TokenUsed => "this join token was used before: make a new one",
        Refusal::TokenExpired => "this join token has expired: make a new one",
        Refusal::Busy => "the controller cannot answer now: try again in a minute",
    }
}

/// A frame that did not come, or was none.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// The stream ended or broke.
    #[error("the stream ended: {0}")]
    Stream(#[from] quinn::ReadExactError),
    /// What came is no frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// A connection whose hello was welcomed.
pub struct Peer {
    /// Keeps the socket.
    pub endpoint: Endpoint,
    /// The connection.
    pub connection: quinn::Connection,
    /// To the controller.
    pub send: SendStream,
    /// From the controller.
    pub receive: RecvStream,
}

/// Whom to connect to, and as whom.
pub struct Dialer<'a> {
    /// The agent's key.
    pub key: &'a AgentKey,
    /// The one controller that is accepted.
    pub controller: KeyHash,
}

impl Dialer<'_> {
    /// Connects to one address (every IP address that its name has, in turn) and says hello.
    ///
    /// # Errors
    /// See [`DialError`]. Nothing is remembered of a failed try.
    pub async fn dial(&self, address: &str, hello: &Hello) -> Result<(Peer, Welcome), DialError> {
        let resolve = |reason: String| DialError::Resolve { address: address.to_owned(), reason };
        let found = tokio::time::timeout(PATIENCE, tokio::net::lookup_host(address)).await;
        let found = found.map_err(|_| resolve("no answer".into()))?.map_err(|e| resolve(e.to_string()))?;
        let mut last = resolve("the name has no address".into());
        for target in found.take(4) {
            match self.connect(address, target).await {
                Ok((endpoint, connection)) => return greet(address, endpoint, connection, hello).await,
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn connect(&self, address: &str, target: SocketAddr) -> Result<(Endpoint, quinn::Connection), DialError> {
        let local = |reason: String| DialError::Local(reason);
        let (certificate, key) = self.key.for_tls().map_err(|e: IdentityError| local(e.to_string()))?;
        let tls = client_config(certificate, key, self.controller).map_err(|e| local(e.to_string()))?;
        let tls = QuicClientConfig::try_from(tls).map_err(|e| local(e.to_string()))?;
        let mut config = quinn::ClientConfig::new(Arc::new(tls));
        config.transport_config(Arc::new(transport()));
        let any: SocketAddr = match target {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let endpoint = Endpoint::client(any).map_err(|e| local(e.to_string()))?;
        let connecting = endpoint.connect_with(config, target, SERVER_NAME).map_err(|e| local(e.to_string()))?;
        match tokio::time::timeout(PATIENCE, connecting).await {
            Ok(Ok(connection)) => Ok((endpoint, connection)),
            Ok(Err(error)) => Err(of_connection(address, &error)),
            Err(_) => Err(DialError::NoAnswer { address: address.to_owned() }),
        }
    }
}

/// Bounds of a connection: the agent must stay small, whatever the controller sends.
fn transport() -> TransportConfig {
    let mut transport = TransportConfig::default();
    transport
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(IDLE_MS))))
        .keep_alive_interval(Some(KEEP_ALIVE))
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .stream_receive_window(VarInt::from_u32(512 << 10))
        .receive_window(VarInt::from_u32(1 << 20))
        .send_window(1 << 20)
        .datagram_receive_buffer_size(Some(16 << 10))
        .datagram_send_buffer_size(256 << 10);
    transport
}

async fn greet(
    address: &str,
    endpoint: Endpoint,
    connection: quinn::Connection,
    hello: &Hello,
) -> Result<(Peer, Welcome), DialError> {
    let broken = |reason: String| DialError::Broken { address: address.to_owned(), reason };
    let exchange = async {
        let (mut send, mut receive) = connection.open_bi().await.map_err(|e| of_connection(address, &e))?;
        let frame = write_frame(hello).map_err(|e| DialError::Local(e.to_string()))?;
        // The controller may close before it has read all: its reason is on the connection, not on the stream.
        let sent = send.write_all(&frame).await;
        let reply = match receive_one::<HelloReply>(&mut receive).await {
            Ok(reply) => reply,
            Err(ReceiveError::Frame(error)) => return Err(broken(error.to_string())),
            Err(ReceiveError::Stream(error)) => {
                return Err(match connection.close_reason() {
                    Some(reason) => of_connection(address, &reason),
                    None => broken(sent.err().map_or_else(|| error.to_string(), |e| e.to_string())),
                });
            }
        };
        Ok((send, receive, reply))
    };
    let outcome = tokio::time::timeout(PATIENCE, exchange).await;
    let (send, receive, reply) = outcome.map_err(|_| broken("no reply to the hello".into()))??;
    let refused = match reply {
        HelloReply::Welcome(welcome) => return Ok((Peer { endpoint, connection, send, receive }, welcome)),
        HelloReply::VersionMismatch { minors } => DialError::Mismatch(minors),
        HelloReply::Refused(refusal) => DialError::Refused(refusal),
    };
    bye(&endpoint, &connection).await;
    Err(refused)
}

/// Closes a connection so that the other side hears of it.
pub async fn bye(endpoint: &Endpoint, connection: &quinn::Connection) {
    const PATIENCE: Duration = Duration::from_millis(500);
    connection.close(VarInt::from_u32(CloseCode::Bye.number()), b"");
    let _ = tokio::time::timeout(PATIENCE, endpoint.wait_idle()).await;
}

/// Why a connection is not, or is no longer.
#[must_use]
pub fn of_connection(address: &str, error: &ConnectionError) -> DialError {
    const CRYPTO: u64 = 0x100;
    const ACCESS_DENIED: u64 = CRYPTO + 49;
    const NO_APPLICATION_PROTOCOL: u64 = CRYPTO + 120;
    let address = address.to_owned();
    let code = match error {
        ConnectionError::TransportError(error) => Some(u64::from(error.code)),
        ConnectionError::ConnectionClosed(close) => Some(u64::from(close.error_code)),
        _ => None,
    };
    match (code, error) {
        (Some(ACCESS_DENIED), ConnectionError::TransportError(_)) => DialError::WrongController { address },
        (Some(NO_APPLICATION_PROTOCOL), _) => DialError::OtherVersion { address },
        (_, ConnectionError::LocallyClosed) => DialError::Local("closed by this agent".into()),
        (_, ConnectionError::Reset) => {
            DialError::Broken { address, reason: "the controller was restarted and has forgotten it".into() }
        }
        (_, ConnectionError::TimedOut) => DialError::NoAnswer { address },
        (_, ConnectionError::ApplicationClosed(close)) => match CloseCode::from_number(close.error_code.into_inner()) {
            Some(CloseCode::Revoked) => DialError::Refused(Refusal::Revoked),
            Some(CloseCode::Busy) => DialError::Refused(Refusal::Busy),
            Some(CloseCode::Bye) => DialError::Broken { address, reason: "the controller stopped".into() },
            Some(CloseCode::Replaced) => {
                DialError::Broken { address, reason: "another agent with the same key has connected".into() }
            }
            code => DialError::Broken { address, reason: format!("the controller closed it ({code:?})") },
        },
        _ => DialError::Broken { address, reason: error.to_string() },
    }
}

/// Whether the controller stops or was started anew; not so when it is busy, or another agent took over.
#[must_use]
pub fn is_restart(error: &ConnectionError) -> bool {
    match error {
        ConnectionError::Reset => true,
        ConnectionError::ApplicationClosed(close) => {
            close.error_code.into_inner() == u64::from(CloseCode::Bye.number())
        }
        _ => false,
    }
}

/// The next frame, of any kind: its payload is never longer than the kind allows.
///
/// # Errors
/// When the stream ends, or what comes is no frame.
pub async fn receive_any(stream: &mut RecvStream) -> Result<(FrameKind, Vec<u8>), ReceiveError> {
    let mut head = [0; HEADER];
    stream.read_exact(&mut head).await?;
    let header = Header::parse(head)?;
    let mut payload = vec![0; header.length];
    stream.read_exact(&mut payload).await?;
    Ok((header.kind, payload))
}

/// The next frame, which must be of one kind.
///
/// # Errors
/// As [`receive_any`], and when it is of another kind.
pub async fn receive_one<T: Framed>(stream: &mut RecvStream) -> Result<T, ReceiveError> {
    let (kind, payload) = receive_any(stream).await?;
    Ok(read_payload(kind, &payload)?)
}
