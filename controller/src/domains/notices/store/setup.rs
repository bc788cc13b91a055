//! SQL of how messages are set up: whether a kind is sent, by which ways, in which words.

use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::db::{Columns as _, Tx};
use crate::domains::notices::{Channel, Template};
use crate::kernel::{At, Fault, Language};

/// Every statement of this file.
pub const STATEMENTS: &[&str] = &[RULE, TEXTS, WAYS, PUT_RULE, DELETE_RULE, PUT_TEXT, DELETE_TEXT];

const RULE: &str = "SELECT enabled, channels, updated_at_ms, updated_by FROM notice_rules WHERE template = $1";
const TEXTS: &str = "SELECT language, channel, subject, body, updated_at_ms, updated_by FROM notice_texts \
     WHERE template = $1";
const WAYS: &str = "SELECT channel FROM notice_channels WHERE enabled = 1 ORDER BY channel";
const PUT_RULE: &str = "INSERT INTO notice_rules (template, enabled, channels, updated_at_ms, updated_by) \
     VALUES ($1, $2, $3, $4, $5) ON CONFLICT (template) DO UPDATE SET enabled = excluded.enabled, \
     channels = excluded.channels, updated_at_ms = excluded.updated_at_ms, updated_by = excluded.updated_by";
const DELETE_RULE: &str = "DELETE FROM notice_rules WHERE template = $1";
const PUT_TEXT: &str = "INSERT INTO notice_texts (template, language, channel, subject, body, updated_at_ms, updated_by) \
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (template, language, channel) DO UPDATE SET \
     subject = excluded.subject, body = excluded.body, updated_at_ms = excluded.updated_at_ms, \
     updated_by = excluded.updated_by";
const DELETE_TEXT: &str = "DELETE FROM notice_texts WHERE template = $1 AND language = $2 AND channel = $3";

/// A text in the words of the ISP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnText {
    /// Its language.
    pub language: Language,
    /// By which way.
    pub channel: Channel,
    /// Subject; empty for SMS.
    pub subject: String,
    /// Text.
    pub body: String,
    /// When it was written.
    pub updated_at: At,
    /// By whom.
    pub updated_by: String,
}

/// How a kind of message is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// Whether it is sent.
    pub enabled: bool,
    /// By which ways, the first that works.
    pub channels: Vec<Channel>,
    /// The ways that are set up.
    pub ways: Vec<Channel>,
    /// Texts that differ from those that come with Lastmile.
    pub texts: Vec<OwnText>,
}

/// How this kind of message is set up.
///
/// # Errors
/// When the database fails.
pub async fn load(tx: &mut Tx, template: Template) -> Result<Setup, Fault> {
    let (enabled, channels) = rule(tx, template).await?.unwrap_or((true, template.spec().channels.to_vec()));
    let ways = sqlx::query(WAYS).fetch_all(tx.conn()).await?;
    let ways = ways.iter().map(|row| row.parsed("channel")).collect::<Result<_, _>>()?;
    Ok(Setup { enabled, channels, ways, texts: texts(tx, template).await? })
}

/// Whether it is sent and by which ways, where that was changed.
pub(in crate::domains::notices) async fn rule(
    tx: &mut Tx,
    template: Template,
) -> Result<Option<(bool, Vec<Channel>)>, Fault> {
    let Some(row) = sqlx::query(RULE).bind(template.as_str()).fetch_optional(tx.conn()).await? else { return Ok(None) };
    let channels: String = row.try_get("channels")?;
    let channels = serde_json::from_str(&channels).map_err(Fault::internal)?;
    Ok(Some((row.flag("enabled")?, channels)))
}

/// Texts in the words of the ISP.
pub(in crate::domains::notices) async fn texts(tx: &mut Tx, template: Template) -> Result<Vec<OwnText>, Fault> {
    let rows = sqlx::query(TEXTS).bind(template.as_str()).fetch_all(tx.conn()).await?;
    Ok(rows.iter().map(text).collect::<Result<_, _>>()?)
}

fn text(row: &AnyRow) -> Result<OwnText, sqlx::Error> {
    Ok(OwnText {
        language: row.parsed("language")?,
        channel: row.parsed("channel")?,
        subject: row.try_get("subject")?,
        body: row.try_get("body")?,
        updated_at: At(row.try_get("updated_at_ms")?),
        updated_by: row.try_get("updated_by")?,
    })
}

/// Says whether a kind of message is sent, and by which ways.
pub(in crate::domains::notices) async fn put_rule(
    tx: &mut Tx,
    template: Template,
    enabled: bool,
    channels: &[Channel],
    by: &str,
) -> Result<(), Fault> {
    let (now, channels) = (tx.now_ms(), serde_json::to_string(channels).map_err(Fault::internal)?);
    sqlx::query(PUT_RULE)
        .bind(template.as_str())
        .bind(i64::from(enabled))
        .bind(channels)
        .bind(now)
        .bind(by)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Back to what comes with Lastmile.
pub(in crate::domains::notices) async fn delete_rule(tx: &mut Tx, template: Template) -> Result<(), Fault> {
    sqlx::query(DELETE_RULE).bind(template.as_str()).execute(tx.conn()).await?;
    Ok(())
}

/// Sets a text.
pub(in crate::domains::notices) async fn put_text(
    tx: &mut Tx,
    template: Template,
    (language, channel): (Language, Channel),
    (subject, body): (&str, &str),
    by: &str,
) -> Result<(), Fault> {
    let now = tx.now_ms();
    sqlx::query(PUT_TEXT)
        .bind(template.as_str())
        .bind(language.as_str())
        .bind(channel.as_str())
        .bind(subject)
        .bind(body)
        .bind(now)
        .bind(by)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Back to the text that comes with Lastmile.
pub(in crate::domains::notices) async fn delete_text(
    tx: &mut Tx,
    template: Template,
    (language, channel): (Language, Channel),
) -> Result<(), Fault> {
    sqlx::query(DELETE_TEXT)
        .bind(template.as_str())
        .bind(language.as_str())
        .bind(channel.as_str())
        .execute(tx.conn())
        .await?;
    Ok(())
}
