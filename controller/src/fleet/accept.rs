//! Letting connections in, at a bounded rate.

use std::net::IpAddr;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use quinn::{Endpoint, Incoming};

use super::Shared;
use super::gate::Judgement;
use super::session;

/// Until a handshake is done.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Accepts until the endpoint is closed.
pub async fn run(shared: Arc<Shared>, endpoint: Endpoint) {
    while let Some(incoming) = endpoint.accept().await {
        let from = incoming.remote_address().ip();
        match judge(&shared, &incoming) {
            Judgement::Accept => {
                tokio::spawn(serve(Arc::clone(&shared), incoming, from));
            }
            // A sender that cannot be asked again (it already brings a token) is dropped like the others.
            Judgement::Retry => drop(incoming.retry()),
            Judgement::Drop => {
                metrics::counter!("lastmile_fleet_dropped_total").increment(1);
                incoming.ignore();
            }
        }
    }
}

fn judge(shared: &Shared, incoming: &Incoming) -> Judgement {
    let now = shared.app.clock.mono_ms();
    let mut gate = shared.gate.lock().unwrap_or_else(PoisonError::into_inner);
    gate.judge(now, incoming.remote_address().ip(), incoming.remote_address_validated())
}

/// Gives a place at the gate back when it is dropped.
struct Place {
    shared: Arc<Shared>,
    from: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.gate.lock().unwrap_or_else(PoisonError::into_inner).done(self.from);
    }
}

async fn serve(shared: Arc<Shared>, incoming: Incoming, from: IpAddr) {
    let place = Place { shared: Arc::clone(&shared), from };
    let Ok(connecting) = incoming.accept() else { return };
    match tokio::time::timeout(HANDSHAKE, connecting).await {
        Ok(Ok(connection)) => session::serve(shared, connection, move || drop(place)).await,
        Ok(Err(error)) => tracing::debug!(%from, %error, "a handshake failed"),
        Err(_) => tracing::debug!(%from, "a handshake took too long"),
    }
}
