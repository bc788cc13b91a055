//! Makes the sender of a way out from how it is set up.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::Channel;
use super::store::channels::ChannelRow;
use crate::gateways::http::Http;
use crate::gateways::message::email::{EmailSettings, SmtpSender};
use crate::gateways::message::sms::{HttpSender, SmsSettings};
use crate::gateways::message::{Message, Outcome, Sender};
use crate::kernel::Fault;
use crate::secrets::{Keyring, Secret};

/// Name of the secret of the e-mail server.
pub const PASSWORD: &str = "password";

/// The secrets of a way out, by name.
pub type Secrets = BTreeMap<String, Secret<String>>;

/// A sender with the name of who carries.
pub struct Way {
    /// Who carries the messages: the provider or the server.
    pub provider: String,
    /// What sends.
    pub sender: Arc<dyn Sender>,
}

/// Makes senders. A trait, so that a test can be a provider that does what it likes.
pub trait Ways: Send + Sync {
    /// The sender of this way, as it is set up.
    ///
    /// # Errors
    /// When the settings cannot be read or the secrets not be opened.
    fn way(&self, channel: Channel, row: &ChannelRow) -> Result<Way, Fault>;
}

/// The senders of the real world.
pub struct RealWays {
    http: Arc<Http>,
    keyring: Arc<Keyring>,
}

impl RealWays {
    /// Senders that call with this client and open secrets with these keys.
    #[must_use]
    pub const fn new(http: Arc<Http>, keyring: Arc<Keyring>) -> Self {
        Self { http, keyring }
    }
}

impl Ways for RealWays {
    fn way(&self, channel: Channel, row: &ChannelRow) -> Result<Way, Fault> {
        let mut secrets = open(&self.keyring, channel, row.secrets.as_deref())?;
        match channel {
            Channel::Email => {
                let settings: EmailSettings = serde_json::from_str(&row.settings).map_err(Fault::internal)?;
                let provider = settings.host.clone();
                let sender = SmtpSender::new(settings, secrets.remove(PASSWORD));
                Ok(Way { provider, sender: Arc::new(sender) })
            }
            Channel::Sms => {
                let settings: SmsSettings = serde_json::from_str(&row.settings).map_err(Fault::internal)?;
                let provider = settings.provider.clone();
                let sender = HttpSender::new(Arc::clone(&self.http), settings, secrets);
                Ok(Way { provider, sender: Arc::new(sender) })
            }
        }
    }
}

/// Opens the secrets of a way out.
pub(super) fn open(keyring: &Keyring, channel: Channel, sealed: Option<&[u8]>) -> Result<Secrets, Fault> {
    let Some(sealed) = sealed else { return Ok(Secrets::new()) };
    let clear = keyring.open("notice_channels", channel.as_str(), "secrets", sealed)?;
    let plain: BTreeMap<String, String> =
        serde_json::from_slice(&clear).map_err(|_| Fault::internal("the secrets of a way out cannot be read"))?;
    Ok(plain.into_iter().map(|(name, secret)| (name, Secret::new(secret))).collect())
}

/// Seals the secrets of a way out.
pub(super) fn seal(keyring: &Keyring, channel: Channel, secrets: &Secrets) -> Result<Option<Vec<u8>>, Fault> {
    if secrets.is_empty() {
        return Ok(None);
    }
    let plain: BTreeMap<&str, &str> =
        secrets.iter().map(|(name, secret)| (name.as_str(), secret.expose().as_str())).collect();
    let clear =
        serde_json::to_vec(&plain).map_err(|_| Fault::internal("the secrets of a way out cannot be written"))?;
    Ok(Some(keyring.seal("notice_channels", channel.as_str(), "secrets", &clear)?))
}

/// A way whose settings cannot be used: it takes nothing, and says why.
pub(super) struct BrokenWay(pub String);

impl Sender for BrokenWay {
    fn deduplicates(&self) -> bool {
        false
    }

    fn send<'a>(&'a self, _: &'a Message) -> BoxFuture<'a, Outcome> {
        Box::pin(std::future::ready(Outcome::Down { detail: self.0.clone() }))
    }
}
