//! The API port: opens, closes, and takes no more connections than the router would.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::Shared;
use super::connection::serve;

/// RouterOS's own default of `max-sessions`.
const DEFAULT_SESSIONS: usize = 20;
/// How long to wait before a port that is still taken is tried again.
const REBIND: Duration = Duration::from_millis(50);

/// Accepts while the port is open; closes it, so that connecting is refused, while it is not.
pub(super) async fn accept(shared: Arc<Shared>, first: TcpListener, address: SocketAddr) {
    let mut open = shared.open.subscribe();
    let mut connections = JoinSet::new();
    let mut listener = Some(first);
    loop {
        while connections.try_join_next().is_some() {}
        let Some(port) = &listener else {
            if open.wait_for(|open| *open).await.is_err() {
                return;
            }
            listener = TcpListener::bind(address).await.ok();
            if listener.is_none() {
                tokio::time::sleep(REBIND).await;
            }
            continue;
        };
        tokio::select! {
            closed = open.wait_for(|open| !open) => {
                if closed.is_err() {
                    return;
                }
                drop(closed);
                listener = None;
            }
            accepted = port.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let limit = shared.lock().faults.session_limit.unwrap_or(DEFAULT_SESSIONS);
                if shared.connections.load(Ordering::SeqCst) >= limit {
                    drop(stream);
                    continue;
                }
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let counted = Counted(Arc::clone(&shared));
                connections.spawn(async move {
                    serve(Arc::clone(&counted.0), stream).await;
                    drop(counted);
                });
            }
        }
    }
}

/// Gives a connection's place back, also when its task is cut off.
struct Counted(Arc<Shared>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::SeqCst);
    }
}
