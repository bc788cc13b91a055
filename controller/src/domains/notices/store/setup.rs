//! SQL of what `enqueue` has to know: whether a kind of message is sent, by which ways, in which words.

use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::db::{Columns as _, Tx};
use crate::domains::notices::{Channel, Template};
use crate::kernel::{Fault, Language};

/// Every statement of this file.
pub const STATEMENTS: &[&str] = &[RULE, TEXTS, WAYS];

const RULE: &str = "SELECT enabled, channels FROM notice_rules WHERE template = $1";
const TEXTS: &str = "SELECT language, channel, subject, body FROM notice_texts WHERE template = $1";
const WAYS: &str = "SELECT channel FROM notice_channels WHERE enabled = 1 ORDER BY channel";

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
    })
}
