//! Stand-ins for those who carry messages: a provider of SMS over HTTP and a mail server. Both put what they hear into
//! an [`Inbox`], have the faults of the real thing, and show on a page what was sent.

mod http;
mod inbox;
mod mime;
mod smtp;

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use inbox::{Fault, Inbox, Received};

/// A provider of SMS and a mail server with one inbox. Ends when it is dropped.
#[derive(Debug)]
pub struct Messages {
    inbox: Inbox,
    http: SocketAddr,
    smtp: SocketAddr,
    tasks: [JoinHandle<()>; 2],
}

impl Messages {
    /// Starts both. The HTTP port carries the provider's calls, the page and the control.
    ///
    /// # Errors
    /// When a port cannot be opened.
    pub async fn start(http: SocketAddr, smtp: SocketAddr) -> Result<Self> {
        let inbox = Inbox::default();
        let http = TcpListener::bind(http).await.with_context(|| format!("cannot listen on {http}"))?;
        let smtp = TcpListener::bind(smtp).await.with_context(|| format!("cannot listen on {smtp}"))?;
        let (http_addr, smtp_addr) = (http.local_addr()?, smtp.local_addr()?);
        let tasks = [tokio::spawn(http::serve(inbox.clone(), http)), tokio::spawn(smtp::serve(inbox.clone(), smtp))];
        Ok(Self { inbox, http: http_addr, smtp: smtp_addr, tasks })
    }

    /// What was heard, and the faults.
    #[must_use]
    pub const fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// Where the provider's calls, the page and the control are.
    #[must_use]
    pub const fn http_addr(&self) -> SocketAddr {
        self.http
    }

    /// Where the mail server listens.
    #[must_use]
    pub const fn smtp_addr(&self) -> SocketAddr {
        self.smtp
    }
}

impl Drop for Messages {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}
