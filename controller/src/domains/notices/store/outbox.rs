//! SQL of the outbox.

use lastmile_protocol::ids::{BranchId, NoticeId};

use crate::db::Tx;
use crate::domains::notices::{Channel, Template, Who};
use crate::kernel::{Fault, Language};

/// Every statement of this file.
pub const STATEMENTS: &[&str] = &[INSERT];

const INSERT: &str = "INSERT INTO notices (id, branch_id, customer_id, staff_id, template, language, channel, \
     recipient_name, address, subject, body, sealed_body, parts, priority, dedupe_key, state, attempts, due_at_ms, \
     expires_at_ms, created_at_ms) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 'queued', 0, $16, $17, $18) \
     ON CONFLICT (template, dedupe_key) DO NOTHING";

/// A message on its way into the outbox.
pub struct NewNotice {
    /// Id.
    pub id: NoticeId,
    /// Whose it is.
    pub branch_id: BranchId,
    /// To whom.
    pub who: Who,
    /// What kind.
    pub template: Template,
    /// In which language it was written.
    pub language: Language,
    /// By which way it goes.
    pub channel: Channel,
    /// Name of the recipient.
    pub recipient_name: String,
    /// E-mail address or phone number.
    pub address: String,
    /// Subject.
    pub subject: String,
    /// Text as it may be shown.
    pub body: String,
    /// The whole text, sealed, where it holds a secret.
    pub sealed_body: Option<Vec<u8>>,
    /// SMS that it is charged as.
    pub parts: i64,
    /// Lower goes first.
    pub priority: i64,
    /// Its cause, where it must be the only message for it.
    pub dedupe_key: Option<String>,
    /// Not sent before, milliseconds.
    pub due_at_ms: i64,
    /// Not sent after, milliseconds.
    pub expires_at_ms: i64,
}

/// Whether it is new: there may be one for the same cause.
pub(in crate::domains::notices) async fn insert(tx: &mut Tx, new: &NewNotice) -> Result<bool, Fault> {
    let (customer, staff) = match new.who {
        Who::Customer(id) => (Some(id.to_string()), None),
        Who::Staff(id) => (None, Some(id.to_string())),
    };
    let now = tx.now_ms();
    let done = sqlx::query(INSERT)
        .bind(new.id.to_string())
        .bind(new.branch_id.to_string())
        .bind(customer)
        .bind(staff)
        .bind(new.template.as_str())
        .bind(new.language.as_str())
        .bind(new.channel.as_str())
        .bind(&new.recipient_name)
        .bind(&new.address)
        .bind(&new.subject)
        .bind(&new.body)
        .bind(new.sealed_body.clone())
        .bind(new.parts)
        .bind(new.priority)
        .bind(new.dedupe_key.clone())
        .bind(new.due_at_ms)
        .bind(new.expires_at_ms)
        .bind(now)
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() == 1)
}
