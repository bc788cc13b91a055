//! SQL of the ways out: how they are set up, and what their sender remembers.

use sqlx::Row as _;

use crate::db::{Columns as _, Tx};
use crate::domains::notices::Channel;
use crate::domains::notices::rules::pace::Pace;
use crate::kernel::{At, Fault, Money};

/// Every statement of this file.
pub const STATEMENTS: &[&str] = &[LOAD, PUT, REMEMBERED, REMEMBER, WAITING];

const LOAD: &str = "SELECT enabled, settings, secrets, per_minute, price_per_1000_minor, currency, updated_at_ms, \
     updated_by FROM notice_channels WHERE channel = $1";
const PUT: &str = "INSERT INTO notice_channels (channel, enabled, settings, secrets, per_minute, price_per_1000_minor, \
     currency, updated_at_ms, updated_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
     ON CONFLICT (channel) DO UPDATE SET enabled = excluded.enabled, settings = excluded.settings, \
     secrets = excluded.secrets, per_minute = excluded.per_minute, \
     price_per_1000_minor = excluded.price_per_1000_minor, currency = excluded.currency, \
     updated_at_ms = excluded.updated_at_ms, updated_by = excluded.updated_by";
const REMEMBERED: &str = "SELECT tokens_milli, at_ms, pauses, paused_until_ms, trouble, trouble_at_ms FROM notice_pace \
     WHERE channel = $1";
const REMEMBER: &str = "INSERT INTO notice_pace (channel, tokens_milli, at_ms, pauses, paused_until_ms, trouble, \
     trouble_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (channel) DO UPDATE SET \
     tokens_milli = excluded.tokens_milli, at_ms = excluded.at_ms, pauses = excluded.pauses, \
     paused_until_ms = excluded.paused_until_ms, trouble = excluded.trouble, trouble_at_ms = excluded.trouble_at_ms";
const WAITING: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM notices WHERE channel = $1 AND state = 'queued'";

/// How a way out is set up.
#[derive(Clone)]
pub struct ChannelRow {
    /// Whether messages go by it.
    pub enabled: bool,
    /// Settings as JSON.
    pub settings: String,
    /// Secrets as sealed JSON.
    pub secrets: Option<Vec<u8>>,
    /// Messages a minute at most.
    pub per_minute: i64,
    /// What 1,000 messages cost.
    pub price_per_1000: Money,
    /// When it was changed.
    pub updated_at: At,
    /// By whom.
    pub updated_by: String,
}

/// What the sender of a way out remembers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// What may be sent now.
    pub pace: Pace,
    /// How often in a row the provider took nothing.
    pub pauses: i64,
    /// Nothing is sent before this moment.
    pub paused_until_ms: Option<i64>,
    /// What is wrong with the way itself.
    pub trouble: Option<String>,
    /// Since when.
    pub trouble_at_ms: Option<i64>,
}

pub(in crate::domains::notices) async fn load(tx: &mut Tx, channel: Channel) -> Result<Option<ChannelRow>, Fault> {
    let Some(row) = sqlx::query(LOAD).bind(channel.as_str()).fetch_optional(tx.conn()).await? else { return Ok(None) };
    Ok(Some(ChannelRow {
        enabled: row.flag("enabled")?,
        settings: row.try_get("settings")?,
        secrets: row.try_get("secrets")?,
        per_minute: row.try_get("per_minute")?,
        price_per_1000: Money::new(row.try_get("price_per_1000_minor")?, row.parsed("currency")?),
        updated_at: At(row.try_get("updated_at_ms")?),
        updated_by: row.try_get("updated_by")?,
    }))
}

pub(in crate::domains::notices) async fn put(tx: &mut Tx, channel: Channel, row: &ChannelRow) -> Result<(), Fault> {
    sqlx::query(PUT)
        .bind(channel.as_str())
        .bind(i64::from(row.enabled))
        .bind(&row.settings)
        .bind(row.secrets.clone())
        .bind(row.per_minute)
        .bind(row.price_per_1000.minor())
        .bind(row.price_per_1000.currency().code().to_owned())
        .bind(row.updated_at.0)
        .bind(&row.updated_by)
        .execute(tx.conn())
        .await?;
    Ok(())
}

pub(in crate::domains::notices) async fn remembered(
    tx: &mut Tx,
    channel: Channel,
) -> Result<Option<Remembered>, Fault> {
    let row = sqlx::query(REMEMBERED).bind(channel.as_str()).fetch_optional(tx.conn()).await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Remembered {
        pace: Pace { tokens_milli: row.try_get("tokens_milli")?, at_ms: row.try_get("at_ms")? },
        pauses: row.try_get("pauses")?,
        paused_until_ms: row.try_get("paused_until_ms")?,
        trouble: row.try_get("trouble")?,
        trouble_at_ms: row.try_get("trouble_at_ms")?,
    }))
}

pub(in crate::domains::notices) async fn remember(
    tx: &mut Tx,
    channel: Channel,
    known: &Remembered,
) -> Result<(), Fault> {
    sqlx::query(REMEMBER)
        .bind(channel.as_str())
        .bind(known.pace.tokens_milli)
        .bind(known.pace.at_ms)
        .bind(known.pauses)
        .bind(known.paused_until_ms)
        .bind(known.trouble.clone())
        .bind(known.trouble_at_ms)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Messages that wait for this way, of all branches.
pub(in crate::domains::notices) async fn waiting(tx: &mut Tx, channel: Channel) -> Result<i64, Fault> {
    Ok(sqlx::query_scalar(WAITING).bind(channel.as_str()).fetch_one(tx.conn()).await?)
}
