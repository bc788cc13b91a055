//! E-mail over SMTP, by the ISP's own relay or a provider's.
//!
//! The conversation is led step by step: until the dot that ends the text, nothing was handed over and another try is
//! safe; after it, only the server's answer tells.

use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use lettre::address::{Address, Envelope};
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message as Mail};
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::{Error, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Message, Outcome, Sender, bounded};
use crate::gateways::http::chain;
use crate::gateways::places;
use crate::secrets::Secret;

/// For each step of the conversation.
const STEP: Duration = Duration::from_secs(20);
/// For the answer to the text: a server may look at it for long.
const TEXT: Duration = Duration::from_secs(60);

/// How the conversation is kept from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = EmailTls)]
pub enum Tls {
    /// Begins in the open and must change to TLS (port 587).
    Starttls,
    /// TLS from the first byte (port 465).
    Tls,
    /// Open: only to this machine, unless allowed explicitly.
    None,
}

/// How e-mail is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EmailSettings {
    /// Name or address of the server.
    #[schema(example = "smtp.isp.example")]
    pub host: String,
    /// Its port.
    #[schema(example = 587)]
    pub port: u16,
    /// How the conversation is kept from others.
    pub tls: Tls,
    /// Allows a conversation in the open with a server that is not this machine.
    #[serde(default)]
    pub allow_open: bool,
    /// Certificates to trust beside those of the system (PEM), for a relay with its own.
    #[serde(default)]
    pub ca_pem: Option<String>,
    /// User name; none for a server that asks for none.
    #[serde(default)]
    pub username: Option<String>,
    /// Address of the sender.
    #[schema(example = "noreply@isp.example")]
    pub from_address: String,
    /// Name of the sender.
    #[serde(default)]
    pub from_name: String,
    /// Where answers go.
    #[serde(default)]
    pub reply_to: Option<String>,
}

impl EmailSettings {
    /// Whether the conversation would be in the open although it must not be.
    #[must_use]
    pub fn is_too_open(&self) -> bool {
        self.tls == Tls::None && !self.allow_open && !places::is_loopback(&self.host)
    }

    /// What encrypts the conversation.
    ///
    /// # Errors
    /// When the certificates are none.
    fn tls_parameters(&self) -> Result<TlsParameters, Error> {
        let mut builder = TlsParameters::builder(places::bare(&self.host).to_owned());
        if let Some(pem) = &self.ca_pem {
            builder = builder.add_root_certificate(Certificate::from_pem(pem.as_bytes())?);
        }
        builder.build()
    }

    /// Says what is wrong with the certificates, if anything is.
    #[must_use]
    pub fn certificate_error(&self) -> Option<String> {
        self.ca_pem.as_ref()?;
        self.tls_parameters().err().map(|error| bounded(&chain(&error)))
    }
}

/// Sends through one server.
pub struct SmtpSender {
    settings: EmailSettings,
    password: Option<Secret<String>>,
}

impl SmtpSender {
    /// A sender with these settings.
    #[must_use]
    pub const fn new(settings: EmailSettings, password: Option<Secret<String>>) -> Self {
        Self { settings, password }
    }

    async fn carry(&self, message: &Message) -> Outcome {
        let (mail, envelope) = match self.compose(message) {
            Ok(composed) => composed,
            Err(detail) => return Outcome::Refused { detail },
        };
        let mut connection = match self.greet().await {
            Ok(connection) => connection,
            Err(detail) => return Outcome::Down { detail },
        };
        let outcome = match announce(&mut connection, &envelope).await {
            Ok(()) => hand_over(&mut connection, &mail).await,
            Err(outcome) => outcome,
        };
        // A polite end; what it answers changes nothing.
        let _ = tokio::time::timeout(Duration::from_secs(2), connection.abort()).await;
        outcome
    }

    /// The text as it goes over the wire, and the addresses.
    fn compose(&self, message: &Message) -> Result<(Vec<u8>, Envelope), String> {
        let address = |text: &str| text.parse::<Address>().map_err(|error| format!("{error}"));
        let from = address(&self.settings.from_address)?;
        let to = address(&message.to)?;
        let name = |text: &str| Some(text.to_owned()).filter(|text| !text.trim().is_empty());
        let written = u64::try_from(message.at_ms).unwrap_or(0);
        let mut mail = Mail::builder()
            .from(Mailbox::new(name(&self.settings.from_name), from.clone()))
            .to(Mailbox::new(name(&message.name), to.clone()))
            .subject(&message.subject)
            .message_id(Some(format!("<{}@{}>", message.id.to_ascii_lowercase(), from.domain())))
            .date(std::time::UNIX_EPOCH + Duration::from_millis(written))
            .header(ContentType::TEXT_PLAIN);
        if let Some(reply) = &self.settings.reply_to {
            mail = mail.reply_to(Mailbox::new(None, address(reply)?));
        }
        let mail = mail.body(message.text.clone()).map_err(|error| error.to_string())?;
        let envelope = Envelope::new(Some(from), vec![to]).map_err(|error| error.to_string())?;
        Ok((mail.formatted(), envelope))
    }

    /// Connects, encrypts and signs in. Nothing of a message is said yet.
    async fn greet(&self) -> Result<AsyncSmtpConnection, String> {
        let settings = &self.settings;
        if settings.is_too_open() {
            return Err("the conversation would be in the open".to_owned());
        }
        let addresses =
            step(async { places::resolve(&settings.host, settings.port).await.map_err(|error| error.to_string()) });
        let addresses = addresses.await?;
        let tls = || settings.tls_parameters().map_err(|error| told(&error));
        let own = ClientId::Domain(own_name(&settings.from_address));
        let implicit = if settings.tls == Tls::Tls { Some(tls()?) } else { None };
        let connect = AsyncSmtpConnection::connect_tokio1(&*addresses, Some(STEP), &own, implicit, None);
        let mut connection = step(async { connect.await.map_err(|error| told(&error)) }).await?;
        if settings.tls == Tls::Starttls {
            let parameters = tls()?;
            step(async { connection.starttls(parameters, &own).await.map_err(|error| told(&error)) }).await?;
        }
        if let Some(username) = &settings.username {
            let password = self.password.as_ref().map_or("", |password| password.expose().as_str());
            let credentials = Credentials::new(username.clone(), password.to_owned());
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            let auth = connection.auth(&mechanisms, &credentials);
            step(async { auth.await.map_err(|error| format!("sign-in: {}", told(&error))) }).await?;
        }
        Ok(connection)
    }
}

impl Sender for SmtpSender {
    /// Servers take the same Message-ID twice and deliver it twice.
    fn deduplicates(&self) -> bool {
        false
    }

    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Outcome> {
        self.carry(message).boxed()
    }
}

/// Who it is from and to. Whatever fails here, the text was not handed over.
async fn announce(connection: &mut AsyncSmtpConnection, envelope: &Envelope) -> Result<(), Outcome> {
    let eight_bit = connection.server_info().supports_feature(Extension::EightBitMime);
    let parameters = if eight_bit { vec![MailParameter::Body(MailBodyParameter::EightBitMime)] } else { Vec::new() };
    command(connection, MailFrom::new(envelope.from().cloned(), parameters)).await?;
    for to in envelope.to() {
        command(connection, Rcpt::new(to.clone(), Vec::new())).await?;
    }
    command(connection, Data).await
}

async fn command(connection: &mut AsyncSmtpConnection, command: impl std::fmt::Display) -> Result<(), Outcome> {
    match tokio::time::timeout(STEP, connection.command(command)).await {
        Ok(answer) => judged(answer).map(|_| ()),
        Err(_) => Err(Outcome::Later { detail: "the server fell silent".to_owned() }),
    }
}

/// The text and the dot that ends it. From here on only the server knows.
async fn hand_over(connection: &mut AsyncSmtpConnection, mail: &[u8]) -> Outcome {
    let unclear = |detail: String| Outcome::Unclear { detail };
    match tokio::time::timeout(TEXT, connection.message(mail)).await {
        Err(_) => unclear("the server did not answer to the text".to_owned()),
        Ok(Ok(answer)) => Outcome::Accepted { provider_id: answer.first_line().map(bounded) },
        Ok(Err(error)) if error.is_permanent() => Outcome::Refused { detail: told(&error) },
        Ok(Err(error)) if error.is_transient() => Outcome::Later { detail: told(&error) },
        Ok(Err(error)) => unclear(told(&error)),
    }
}

/// A server's answer before the text: refused for good, not now, or the connection is gone.
fn judged(answer: Result<Response, Error>) -> Result<Response, Outcome> {
    answer.map_err(|error| {
        let detail = told(&error);
        if error.is_permanent() { Outcome::Refused { detail } } else { Outcome::Later { detail } }
    })
}

async fn step<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    tokio::time::timeout(STEP, work).await.unwrap_or_else(|_| Err("the server does not answer".to_owned()))
}

fn told(error: &Error) -> String {
    bounded(&chain(error))
}

/// What we call ourselves: the domain we write from.
fn own_name(from: &str) -> String {
    from.rsplit_once('@').map_or("localhost", |(_, domain)| domain).to_owned()
}
