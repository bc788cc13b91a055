//! The QUIC endpoint: our key, mutual TLS, and bounds on what a connection may take.
//!
//! An agent whose controller was killed keeps sending to a connection that nobody knows. It is answered with a
//! stateless reset, which it believes only if the reset key is the one from before: so that key follows from our own,
//! and an agent is back seconds after a crash instead of waiting for its idle timeout.

use std::sync::Arc;
use std::time::Duration;

use lastmile_protocol::identity::server_config;
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{
    ConnectionId, ConnectionIdGenerator, Endpoint, EndpointConfig, IdleTimeout, ServerConfig, TokioRuntime,
    TransportConfig, VarInt,
};
use ring::hmac;

use super::FleetError;
use crate::domains::network::Identity;
use crate::kernel::Rng;

/// A connection that is silent for so long is gone.
const IDLE: Duration = Duration::from_secs(30);
/// Between signs of life on a quiet connection.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Bytes that a stream may be ahead of its reader: many chunks, so that one commit takes many of them.
const STREAM_WINDOW: u32 = 2 << 20;
/// Bytes that all streams of a connection may be ahead; also bounds what out-of-order packets can hold.
const CONNECTION_WINDOW: u32 = 3 << 20;
/// Bytes under way to an agent.
const SEND_WINDOW: u64 = 2 << 20;
/// Bytes of live rates that wait to be read; older ones are dropped.
const DATAGRAMS: usize = 256 << 10;
/// First packets that wait for a verdict, and bytes that are kept for them.
const INCOMING: usize = 1_024;
const INCOMING_BYTES: u64 = 4 << 20;

pub(super) fn bind(
    identity: Identity,
    listen: std::net::SocketAddr,
    rng: &Arc<dyn Rng>,
) -> Result<Endpoint, FleetError> {
    let own = hmac::Key::new(hmac::HMAC_SHA256, identity.key.secret_der());
    let reset = hmac::sign(&own, b"lastmile stateless reset 1");
    let mut endpoint = EndpointConfig::new(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, reset.as_ref())));
    let rng = Arc::clone(rng);
    endpoint.cid_generator(move || Box::new(ConnectionIds { rng: Arc::clone(&rng) }));
    let tls = server_config(identity.certificate, identity.key).map_err(FleetError::Tls)?;
    let crypto = QuicServerConfig::try_from(tls).map_err(|_| FleetError::NoInitialCipher)?;
    let mut config = ServerConfig::with_crypto(Arc::new(crypto));
    config
        .transport_config(Arc::new(transport()))
        .max_incoming(INCOMING)
        .incoming_buffer_size(16 << 10)
        .incoming_buffer_size_total(INCOMING_BYTES);
    let failed = |source| FleetError::Listen { listen, source };
    let socket = std::net::UdpSocket::bind(listen).map_err(failed)?;
    Endpoint::new(endpoint, Some(config), socket, Arc::new(TokioRuntime)).map_err(failed)
}

/// Connection ids of pure chance. The usual ones carry a check of a key that a restart forgets, and what fails the
/// check gets no reset.
struct ConnectionIds {
    rng: Arc<dyn Rng>,
}

impl ConnectionIdGenerator for ConnectionIds {
    fn generate_cid(&mut self) -> ConnectionId {
        let mut id = [0; 8];
        self.rng.fill(&mut id);
        ConnectionId::new(&id)
    }

    fn cid_len(&self) -> usize {
        8
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

fn transport() -> TransportConfig {
    let mut transport = TransportConfig::default();
    let idle = IdleTimeout::try_from(IDLE).ok();
    transport
        .max_idle_timeout(idle)
        .keep_alive_interval(Some(KEEP_ALIVE))
        .max_concurrent_bidi_streams(VarInt::from_u32(1))
        .max_concurrent_uni_streams(VarInt::from_u32(1))
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW))
        .receive_window(VarInt::from_u32(CONNECTION_WINDOW))
        .send_window(SEND_WINDOW)
        .datagram_receive_buffer_size(Some(DATAGRAMS));
    transport
}
