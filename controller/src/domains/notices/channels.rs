//! How messages leave: e-mail by a server, SMS by a provider. Set up for the whole ISP, tried out, watched.

use std::collections::BTreeMap;

use lastmile_protocol::ids::BranchId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::rules::channel::{check_email, check_sms};
use super::senders::{self, PASSWORD, Secrets, Way, Ways};
use super::store::channels::{self, ChannelRow, Remembered};
use super::{Channel, jobs};
use crate::db::Tx;
use crate::events::{self, Event};
use crate::gateways::message::email::EmailSettings;
use crate::gateways::message::sms::SmsSettings;
use crate::gateways::message::{Message, Outcome};
use crate::kernel::ids::hex;
use crate::kernel::{Actor, At, Currency, Fault, Money, Scope, email, phone};
use crate::secrets::{Keyring, Secret};

/// Longest secret, bytes.
const SECRET_MOST: usize = 1_000;
/// For what the code in the address of reports is made.
const REPORT_PURPOSE: &str = "address of delivery reports";

/// Whether a secret is known; never the secret itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SecretState {
    /// Its name.
    pub name: String,
    /// Whether it is set.
    pub set: bool,
}

/// How a way out is at this moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ChannelStatus {
    /// Messages that wait.
    pub waiting: i64,
    /// What is wrong with the way itself; messages wait until it is mended.
    pub trouble: Option<String>,
    /// Since when.
    pub trouble_at: Option<At>,
    /// When it is tried again.
    pub paused_until: Option<At>,
}

/// How e-mail leaves.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EmailChannel {
    /// Whether messages go by it.
    pub enabled: bool,
    /// Settings; absent before it was set up.
    pub settings: Option<EmailSettings>,
    /// Which secrets are set.
    pub secrets: Vec<SecretState>,
    /// Messages a minute at most.
    pub per_minute: i64,
    /// How it is now.
    pub status: ChannelStatus,
    /// When it was changed.
    pub updated_at: Option<At>,
    /// By whom.
    pub updated_by: Option<String>,
}

/// How SMS leave.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SmsChannel {
    /// Whether messages go by it.
    pub enabled: bool,
    /// Settings; absent before it was set up.
    pub settings: Option<SmsSettings>,
    /// Which secrets are set.
    pub secrets: Vec<SecretState>,
    /// Messages a minute at most.
    pub per_minute: i64,
    /// What 1,000 SMS cost; each part is one.
    pub price_per_1000: Money,
    /// Path for the provider's reports, below the address of this console. Who knows it may report.
    pub report_path: Option<String>,
    /// How it is now.
    pub status: ChannelStatus,
    /// When it was changed.
    pub updated_at: Option<At>,
    /// By whom.
    pub updated_by: Option<String>,
}

/// Sets up how e-mail leaves.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutEmail {
    /// Whether messages go by it.
    pub enabled: bool,
    /// Settings.
    pub settings: EmailSettings,
    /// Messages a minute at most.
    pub per_minute: i64,
    /// Password; absent: as it was; empty: none.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password)]
    pub password: Option<Secret<String>>,
}

/// Sets up how SMS leave.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutSms {
    /// Whether messages go by it.
    pub enabled: bool,
    /// Settings.
    pub settings: SmsSettings,
    /// Messages a minute at most.
    pub per_minute: i64,
    /// What 1,000 SMS cost.
    #[serde(default)]
    pub price_per_1000: Option<Money>,
    /// Secrets by name; absent: as it was; empty: none.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, String>)]
    pub secrets: BTreeMap<String, Secret<String>>,
}

/// A try of a way out.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelTest {
    /// E-mail address or phone number to which a message is sent.
    pub to: String,
}

/// What came of a try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ChannelTestResult {
    /// `accepted`, `refused`, `later`, `down` or `unclear`.
    pub outcome: String,
    /// The provider's words.
    pub detail: Option<String>,
    /// The provider's name for the message.
    pub provider_id: Option<String>,
}

const EMAIL_PER_MINUTE: i64 = 120;
const SMS_PER_MINUTE: i64 = 300;

/// How e-mail leaves.
///
/// # Errors
/// When the database fails or the secrets cannot be opened.
pub async fn email_channel(tx: &mut Tx, keyring: &Keyring) -> Result<EmailChannel, Fault> {
    let row = channels::load(tx, Channel::Email).await?;
    let settings: Option<EmailSettings> = parsed(row.as_ref())?;
    let known = secrets(keyring, Channel::Email, row.as_ref())?;
    let status = status(tx, Channel::Email).await?;
    Ok(EmailChannel {
        enabled: row.as_ref().is_some_and(|row| row.enabled),
        secrets: states(std::iter::once(PASSWORD.to_owned()), &known),
        per_minute: row.as_ref().map_or(EMAIL_PER_MINUTE, |row| row.per_minute),
        settings,
        status,
        updated_at: row.as_ref().map(|row| row.updated_at),
        updated_by: row.map(|row| row.updated_by),
    })
}

/// How SMS leave.
///
/// # Errors
/// When the database fails or the secrets cannot be opened.
pub async fn sms_channel(tx: &mut Tx, keyring: &Keyring) -> Result<SmsChannel, Fault> {
    let row = channels::load(tx, Channel::Sms).await?;
    let settings: Option<SmsSettings> = parsed(row.as_ref())?;
    let known = secrets(keyring, Channel::Sms, row.as_ref())?;
    let names = settings.as_ref().map(SmsSettings::secret_names).unwrap_or_default();
    let reports = settings.as_ref().is_some_and(|settings| settings.reports.is_some());
    let status = status(tx, Channel::Sms).await?;
    Ok(SmsChannel {
        enabled: row.as_ref().is_some_and(|row| row.enabled),
        secrets: states(names.into_iter(), &known),
        per_minute: row.as_ref().map_or(SMS_PER_MINUTE, |row| row.per_minute),
        price_per_1000: row.as_ref().map_or(Money::new(0, Currency::BDT), |row| row.price_per_1000),
        report_path: reports.then(|| report_path(keyring)),
        settings,
        status,
        updated_at: row.as_ref().map(|row| row.updated_at),
        updated_by: row.map(|row| row.updated_by),
    })
}

/// Sets up how e-mail leaves.
///
/// # Errors
/// Every field that is wrong; `Forbidden` for who does not see all branches.
pub async fn put_email(
    tx: &mut Tx,
    keyring: &Keyring,
    actor: &Actor,
    branch: BranchId,
    put: PutEmail,
) -> Result<EmailChannel, Fault> {
    for_all(tx)?;
    let settings = EmailSettings {
        username: put.settings.username.filter(|name| !name.is_empty()),
        ca_pem: put.settings.ca_pem.filter(|pem| !pem.trim().is_empty()),
        reply_to: put.settings.reply_to.filter(|address| !address.is_empty()),
        ..put.settings
    };
    check_email(&settings, put.per_minute)?;
    let before = email_channel(tx, keyring).await?;
    let row = channels::load(tx, Channel::Email).await?;
    let mut known = secrets(keyring, Channel::Email, row.as_ref())?;
    let given = put.password.map(|password| (PASSWORD.to_owned(), password));
    // A password that was given for one server is not shown to another.
    if before.settings.as_ref().is_some_and(|old| old.host != settings.host) && given.is_none() {
        known.clear();
    }
    merge(&mut known, given, |name| name == PASSWORD)?;
    let new = ChannelRow {
        enabled: put.enabled,
        settings: serde_json::to_string(&settings).map_err(Fault::internal)?,
        secrets: senders::seal(keyring, Channel::Email, &known)?,
        per_minute: put.per_minute,
        price_per_1000: Money::new(0, Currency::BDT),
        updated_at: At(tx.now_ms()),
        updated_by: actor.name.clone(),
    };
    channels::put(tx, Channel::Email, &new).await?;
    begin_again(tx, Channel::Email).await?;
    let after = email_channel(tx, keyring).await?;
    let side = |own: &EmailChannel| json!({ "enabled": own.enabled, "settings": own.settings, "secrets": own.secrets, "per_minute": own.per_minute });
    record(tx, actor, branch, Channel::Email, side(&before), side(&after)).await?;
    Ok(after)
}

/// Sets up how SMS leave.
///
/// # Errors
/// Every field that is wrong; `Forbidden` for who does not see all branches.
pub async fn put_sms(
    tx: &mut Tx,
    keyring: &Keyring,
    actor: &Actor,
    branch: BranchId,
    put: PutSms,
) -> Result<SmsChannel, Fault> {
    for_all(tx)?;
    check_sms(&put.settings, put.per_minute)?;
    let before = sms_channel(tx, keyring).await?;
    let price = put.price_per_1000.unwrap_or(before.price_per_1000);
    if price.minor() < 0 {
        return Err(Fault::field("price_per_1000", "cannot be negative"));
    }
    let row = channels::load(tx, Channel::Sms).await?;
    let mut known = secrets(keyring, Channel::Sms, row.as_ref())?;
    // A key that was given for one provider is not shown to another.
    if before.settings.as_ref().is_some_and(|old| place(&old.url) != place(&put.settings.url)) {
        known.clear();
    }
    let names = put.settings.secret_names();
    known.retain(|name, _| names.contains(name));
    merge(&mut known, put.secrets, |name| names.iter().any(|known| known == name))?;
    let new = ChannelRow {
        enabled: put.enabled,
        settings: serde_json::to_string(&put.settings).map_err(Fault::internal)?,
        secrets: senders::seal(keyring, Channel::Sms, &known)?,
        per_minute: put.per_minute,
        price_per_1000: price,
        updated_at: At(tx.now_ms()),
        updated_by: actor.name.clone(),
    };
    channels::put(tx, Channel::Sms, &new).await?;
    begin_again(tx, Channel::Sms).await?;
    let after = sms_channel(tx, keyring).await?;
    let side = |own: &SmsChannel| {
        json!({
            "enabled": own.enabled, "settings": own.settings, "secrets": own.secrets, "per_minute": own.per_minute,
            "price_per_1000": own.price_per_1000,
        })
    };
    record(tx, actor, branch, Channel::Sms, side(&before), side(&after)).await?;
    Ok(after)
}

/// What a try needs.
pub struct Ready {
    way: Way,
    message: Message,
}

/// Prepares a message that tells that a way works, as it is saved, switched on or not.
///
/// # Errors
/// `not_set_up`, or a field error for an address that is none.
pub async fn prepare_test(tx: &mut Tx, ways: &dyn Ways, channel: Channel, test: &ChannelTest) -> Result<Ready, Fault> {
    let to = match channel {
        Channel::Email => email::normalize(&test.to).ok_or_else(|| Fault::field("to", "is not an e-mail address"))?,
        Channel::Sms => phone::normalize(&test.to).ok_or_else(|| Fault::field("to", "is not a phone number"))?,
    };
    let row = channels::load(tx, channel).await?;
    let row = row.ok_or_else(|| Fault::conflict("not_set_up", "save its settings first"))?;
    let id = tx.new_id::<lastmile_protocol::ids::NoticeId>();
    let message = Message {
        id: id.to_string(),
        to,
        name: String::new(),
        subject: "Lastmile: a test".to_owned(),
        text: "This message shows that Lastmile can send messages this way.".to_owned(),
        at_ms: tx.now_ms(),
    };
    Ok(Ready { way: ways.way(channel, &row)?, message })
}

/// Sends it, outside of any transaction.
pub async fn run_test(ready: &Ready) -> ChannelTestResult {
    let outcome = ready.way.sender.send(&ready.message).await;
    let provider_id = match &outcome {
        Outcome::Accepted { provider_id } => provider_id.clone(),
        _ => None,
    };
    ChannelTestResult { outcome: outcome.as_str().to_owned(), detail: outcome.detail().map(str::to_owned), provider_id }
}

/// The address in which reports are expected: its code is a MAC, so that nothing has to be kept.
fn report_path(keyring: &Keyring) -> String {
    format!("/hooks/sms/{}", hex(&keyring.mac(REPORT_PURPOSE, b"sms")))
}

/// Whether the code in the address of a report is ours; that of an older key is, so that a new key stops no reports.
#[must_use]
pub fn is_report_code(keyring: &Keyring, code: &str) -> bool {
    unhex(code).is_some_and(|code| keyring.mac_fits(REPORT_PURPOSE, b"sms", &code))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| std::str::from_utf8(pair).ok().and_then(|digits| u8::from_str_radix(digits, 16).ok())).collect()
}

fn parsed<T: serde::de::DeserializeOwned>(row: Option<&ChannelRow>) -> Result<Option<T>, Fault> {
    row.map(|row| serde_json::from_str(&row.settings).map_err(Fault::internal)).transpose()
}

fn secrets(keyring: &Keyring, channel: Channel, row: Option<&ChannelRow>) -> Result<Secrets, Fault> {
    senders::open(keyring, channel, row.and_then(|row| row.secrets.as_deref()))
}

fn states(names: impl Iterator<Item = String>, known: &Secrets) -> Vec<SecretState> {
    names.map(|name| SecretState { set: known.contains_key(&name), name }).collect()
}

/// Puts what was given into what is known: empty removes.
fn merge(
    known: &mut Secrets,
    given: impl IntoIterator<Item = (String, Secret<String>)>,
    is_used: impl Fn(&str) -> bool,
) -> Result<(), Fault> {
    for (name, secret) in given {
        if !is_used(&name) {
            return Err(Fault::field(format!("secrets.{name}"), "stands in no field as {name}"));
        }
        if secret.expose().len() > SECRET_MOST || secret.expose().chars().any(char::is_control) {
            return Err(Fault::field(format!("secrets.{name}"), "is too long or has control characters"));
        }
        if secret.expose().is_empty() {
            known.remove(&name);
        } else {
            known.insert(name, secret);
        }
    }
    Ok(())
}

/// Scheme and host of an address.
fn place(url: &str) -> Option<String> {
    let uri: axum::http::Uri = url.parse().ok()?;
    Some(format!("{}://{}", uri.scheme_str()?, uri.authority()?))
}

async fn status(tx: &mut Tx, channel: Channel) -> Result<ChannelStatus, Fault> {
    let known = channels::remembered(tx, channel).await?;
    Ok(ChannelStatus {
        waiting: channels::waiting(tx, channel).await?,
        trouble: known.as_ref().and_then(|known| known.trouble.clone()),
        trouble_at: known.as_ref().and_then(|known| known.trouble_at_ms).map(At),
        paused_until: known.and_then(|known| known.paused_until_ms).map(At),
    })
}

/// After a change nothing of the old trouble counts, and what waits goes out.
async fn begin_again(tx: &mut Tx, channel: Channel) -> Result<(), Fault> {
    if let Some(known) = channels::remembered(tx, channel).await? {
        let known = Remembered { pauses: 0, paused_until_ms: None, trouble: None, trouble_at_ms: None, ..known };
        channels::remember(tx, channel, &known).await?;
    }
    let now = tx.now_ms();
    jobs::wake(tx, channel, now).await
}

fn for_all(tx: &Tx) -> Result<(), Fault> {
    if *tx.scope() == Scope::All {
        return Ok(());
    }
    Err(Fault::Forbidden { detail: "messages are set up for all branches, by who sees them all".to_owned() })
}

async fn record(
    tx: &mut Tx,
    actor: &Actor,
    branch: BranchId,
    channel: Channel,
    before: Value,
    after: Value,
) -> Result<(), Fault> {
    let event = Event {
        kind: "notice_channel.changed",
        subject_kind: "notice_channel",
        subject_id: channel.to_string(),
        branch_id: branch,
        customer_id: None,
        data: json!({ "before": before, "after": after }),
        at_ms: tx.now_ms(),
    };
    events::record(tx, actor, event).await.map(|_| ())
}
