//! SQL of the outbox as people see it.

use lastmile_protocol::ids::{BranchId, CustomerId, NoticeId, StaffId};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::db::{Columns as _, Tx, of_customer};
use crate::domains::notices::rules::delivery::State;
use crate::domains::notices::{Channel, Notice, Template, Who};
use crate::kernel::{At, Fault, Language};

/// Every statement of this file.
pub const STATEMENTS: &[&str] = &[INSERT, LIST, COUNTS, LOAD, RETRY, CANCEL, PURGE];

macro_rules! notices_of_the_caller {
    ($rest:literal) => {
        concat!(
            "SELECT n.id, n.branch_id, n.customer_id, n.staff_id, n.template, n.language, n.channel, n.recipient_name, \
             n.address, n.subject, n.body, CASE WHEN n.sealed_body IS NULL THEN 0 ELSE 1 END AS sealed, n.parts, n.state, \
             n.attempts, n.due_at_ms, n.expires_at_ms, n.provider, n.provider_id, n.reason, n.detail, n.created_at_ms, \
             n.sent_at_ms, n.ended_at_ms FROM notices n WHERE ",
            of_customer!("n.branch_id", "n.customer_id"),
            $rest
        )
    };
}

const LIST: &str = notices_of_the_caller!(
    " AND (CAST($2 AS TEXT) IS NULL OR n.state = $2) AND (CAST($3 AS TEXT) IS NULL OR n.channel = $3) \
       AND (CAST($4 AS TEXT) IS NULL OR n.template = $4) AND (CAST($5 AS TEXT) IS NULL OR n.customer_id = $5) \
       AND (CAST($6 AS TEXT) IS NULL OR n.staff_id = $6) \
       AND (CAST($7 AS TEXT) IS NULL OR n.address LIKE $7 OR LOWER(n.recipient_name) LIKE $7) \
       AND (CAST($8 AS BIGINT) IS NULL OR n.created_at_ms < $8 OR (n.created_at_ms = $8 AND n.id < $9)) \
     ORDER BY n.created_at_ms DESC, n.id DESC LIMIT $10"
);
const LOAD: &str = notices_of_the_caller!(" AND n.id = $2");
const COUNTS: &str = concat!(
    "SELECT n.state, CAST(COUNT(*) AS BIGINT) AS messages, CAST(SUM(n.parts) AS BIGINT) AS parts FROM notices n WHERE ",
    of_customer!("n.branch_id", "n.customer_id"),
    " AND n.created_at_ms >= $2 GROUP BY n.state"
);
const RETRY: &str = "UPDATE notices SET state = 'queued', attempts = 0, due_at_ms = $2, expires_at_ms = $3, reason = NULL, \
     detail = NULL, provider_id = NULL, sent_at_ms = NULL, ended_at_ms = NULL WHERE id = $1 AND state = $4";
const CANCEL: &str = "UPDATE notices SET state = 'cancelled', reason = 'cancelled', sealed_body = NULL, ended_at_ms = $2 \
     WHERE id = $1 AND state = 'queued'";
const PURGE: &str = "DELETE FROM notices WHERE created_at_ms < $1 AND state NOT IN ('queued', 'sending')";

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

/// Which messages to list. What is `None` does not filter.
#[derive(Debug, Default, Clone)]
pub struct Filter {
    /// In this state.
    pub state: Option<State>,
    /// By this way.
    pub channel: Option<Channel>,
    /// Of this kind.
    pub template: Option<Template>,
    /// To this customer.
    pub customer: Option<CustomerId>,
    /// To this person.
    pub staff: Option<StaffId>,
    /// Part of a name or an address.
    pub search: Option<String>,
    /// Only what comes after this one in the list (newest first): its time and id.
    pub after: Option<(i64, String)>,
}

/// Messages of the caller, newest first.
pub(in crate::domains::notices) async fn list(tx: &mut Tx, filter: &Filter, most: i64) -> Result<Vec<Notice>, Fault> {
    let branches = tx.branches().to_owned();
    let (after_ms, after_id) = filter.after.clone().map_or((None, String::new()), |(ms, id)| (Some(ms), id));
    // What people type is looked for as it is: its % and _ stand for themselves by being dropped.
    let search = filter.search.as_ref().map(|text| format!("%{}%", text.to_lowercase().replace(['%', '_'], "")));
    let rows = sqlx::query(LIST)
        .bind(branches)
        .bind(filter.state.map(State::as_str))
        .bind(filter.channel.map(Channel::as_str))
        .bind(filter.template.map(Template::as_str))
        .bind(filter.customer.map(|id| id.to_string()))
        .bind(filter.staff.map(|id| id.to_string()))
        .bind(search)
        .bind(after_ms)
        .bind(after_id)
        .bind(most)
        .fetch_all(tx.conn())
        .await?;
    Ok(rows.iter().map(notice).collect::<Result<_, _>>()?)
}

/// State, messages and parts of the caller's messages since this moment.
pub(in crate::domains::notices) async fn counts(tx: &mut Tx, since_ms: i64) -> Result<Vec<(State, i64, i64)>, Fault> {
    let branches = tx.branches().to_owned();
    let rows = sqlx::query(COUNTS).bind(branches).bind(since_ms).fetch_all(tx.conn()).await?;
    let one = |row: &AnyRow| Ok((row.parsed("state")?, row.try_get("messages")?, row.try_get("parts")?));
    Ok(rows.iter().map(one).collect::<Result<_, sqlx::Error>>()?)
}

pub(in crate::domains::notices) async fn load(tx: &mut Tx, id: NoticeId) -> Result<Option<Notice>, Fault> {
    let branches = tx.branches().to_owned();
    let row = sqlx::query(LOAD).bind(branches).bind(id.to_string()).fetch_optional(tx.conn()).await?;
    Ok(row.as_ref().map(notice).transpose()?)
}

fn notice(row: &AnyRow) -> Result<Notice, sqlx::Error> {
    let at = |column: &str| Ok::<_, sqlx::Error>(row.try_get::<Option<i64>, _>(column)?.map(At));
    let state: State = row.parsed("state")?;
    let template: String = row.try_get("template")?;
    let secret = row.flag("sealed")?;
    let blotted = row.try_get::<String, _>("body")?.contains(crate::domains::notices::rules::text::BLOT);
    Ok(Notice {
        id: row.parsed("id")?,
        branch_id: row.parsed("branch_id")?,
        customer_id: row.parsed_or_none("customer_id")?,
        staff_id: row.parsed_or_none("staff_id")?,
        template,
        language: row.parsed("language")?,
        channel: row.parsed("channel")?,
        recipient_name: row.try_get("recipient_name")?,
        address: row.try_get("address")?,
        subject: row.try_get("subject")?,
        body: row.try_get("body")?,
        parts: row.try_get("parts")?,
        state,
        reason: row.try_get("reason")?,
        detail: row.try_get("detail")?,
        attempts: row.try_get("attempts")?,
        created_at: At(row.try_get("created_at_ms")?),
        due_at: At(row.try_get("due_at_ms")?),
        expires_at: At(row.try_get("expires_at_ms")?),
        sent_at: at("sent_at_ms")?,
        ended_at: at("ended_at_ms")?,
        provider: row.try_get("provider")?,
        provider_id: row.try_get("provider_id")?,
        // A secret that is gone cannot be sent again.
        can_retry: state.may_retry() && (secret || !blotted),
        can_cancel: state.may_cancel(),
    })
}

/// Whether it was still in that state and is in the queue again.
pub(in crate::domains::notices) async fn retry(
    tx: &mut Tx,
    id: NoticeId,
    from: State,
    expires_at_ms: i64,
) -> Result<bool, Fault> {
    let now = tx.now_ms();
    let done = sqlx::query(RETRY)
        .bind(id.to_string())
        .bind(now)
        .bind(expires_at_ms)
        .bind(from.as_str())
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether it still waited and is stopped now.
pub(in crate::domains::notices) async fn cancel(tx: &mut Tx, id: NoticeId) -> Result<bool, Fault> {
    let now = tx.now_ms();
    Ok(sqlx::query(CANCEL).bind(id.to_string()).bind(now).execute(tx.conn()).await?.rows_affected() == 1)
}

/// Removes messages that are over and older than this; says how many.
pub(in crate::domains::notices) async fn purge(tx: &mut Tx, before_ms: i64) -> Result<u64, Fault> {
    Ok(sqlx::query(PURGE).bind(before_ms).execute(tx.conn()).await?.rows_affected())
}
