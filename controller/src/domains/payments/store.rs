//! SQL of payments.

use lastmile_protocol::ids::{CustomerId, PaymentId};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::Payment;
use crate::db::{Columns as _, Tx, Violation, error::on_violation, of_customer};
use crate::kernel::{At, Fault, Money};

macro_rules! payment {
    ($($rest:tt)+) => {
        concat!(
            "SELECT p.id, p.branch_id, p.number, p.customer_id, p.subscription_id, p.amount_minor, p.currency, ",
            "p.method, p.request_digest, p.note, p.taken_by, p.at_ms, p.validities, p.paid_until_before_ms, ",
            "p.paid_until_after_ms, p.credit_after_minor, p.opens FROM payments p ",
            "WHERE ", of_customer!("p.branch_id", "p.customer_id"), " ",
            $($rest)+
        )
    };
}

/// Every statement, so that a test can prepare them on both databases.
pub const STATEMENTS: &[&str] = &[INSERT, BY_KEY, LOAD, LIST];

const INSERT: &str = "INSERT INTO payments (id, branch_id, number, customer_id, subscription_id, amount_minor, \
       currency, method, provider, transaction_id, request_digest, note, taken_by, at_ms, validities, \
       paid_until_before_ms, paid_until_after_ms, credit_after_minor, opens) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)";

const BY_KEY: &str = payment!("AND p.provider = $2 AND p.transaction_id = $3");
const LOAD: &str = payment!("AND p.id = $2");
const LIST: &str = payment!(
    "AND (CAST($2 AS TEXT) IS NULL OR p.customer_id = $2) AND (CAST($3 AS BIGINT) IS NULL OR p.at_ms < $3 OR (p.at_ms = $3 AND p.id < $4)) \
     ORDER BY p.at_ms DESC, p.id DESC LIMIT $5"
);

fn payment(row: &AnyRow) -> Result<Payment, sqlx::Error> {
    let currency = row.parsed("currency")?;
    Ok(Payment {
        id: row.parsed("id")?,
        branch_id: row.parsed("branch_id")?,
        number: row.try_get("number")?,
        customer_id: row.parsed("customer_id")?,
        subscription_id: row.parsed("subscription_id")?,
        amount: Money::new(row.try_get("amount_minor")?, currency),
        method: row.try_get("method")?,
        note: row.try_get("note")?,
        taken_by: row.try_get("taken_by")?,
        at: At(row.try_get("at_ms")?),
        validities: row.try_get("validities")?,
        paid_until_before: row.try_get::<Option<i64>, _>("paid_until_before_ms")?.map(At),
        paid_until: row.try_get::<Option<i64>, _>("paid_until_after_ms")?.map(At),
        credit: Money::new(row.try_get("credit_after_minor")?, currency),
        opens: row.flag("opens")?,
    })
}

/// What identifies a payment, whatever way it came in, and the digest of what was asked.
pub(super) struct Key<'a> {
    pub provider: &'a str,
    pub transaction_id: &'a str,
    pub digest: &'a [u8],
}

pub(super) async fn insert(tx: &mut Tx, new: &Payment, key: &Key<'_>) -> Result<(), Fault> {
    let twice = || Fault::Unavailable { detail: "the same payment is being taken at this moment; try again".into() };
    sqlx::query(INSERT)
        .bind(new.id.to_string())
        .bind(new.branch_id.to_string())
        .bind(&new.number)
        .bind(new.customer_id.to_string())
        .bind(new.subscription_id.to_string())
        .bind(new.amount.minor())
        .bind(new.amount.currency().code().to_owned())
        .bind(&new.method)
        .bind(key.provider.to_owned())
        .bind(key.transaction_id.to_owned())
        .bind(key.digest.to_vec())
        .bind(&new.note)
        .bind(&new.taken_by)
        .bind(new.at.0)
        .bind(new.validities)
        .bind(new.paid_until_before.map(|at| at.0))
        .bind(new.paid_until.map(|at| at.0))
        .bind(new.credit.minor())
        .bind(i64::from(new.opens))
        .execute(tx.conn())
        .await
        .map_err(on_violation(Violation::Unique, twice))?;
    Ok(())
}

/// The payment of this key, with the digest of what was asked for it.
pub(super) async fn by_key(tx: &mut Tx, key: &Key<'_>) -> Result<Option<(Payment, Vec<u8>)>, Fault> {
    let branches = tx.branches().to_owned();
    let row = sqlx::query(BY_KEY)
        .bind(branches)
        .bind(key.provider.to_owned())
        .bind(key.transaction_id.to_owned())
        .fetch_optional(tx.conn())
        .await?;
    let read = |row: &AnyRow| Ok::<_, sqlx::Error>((payment(row)?, row.try_get("request_digest")?));
    Ok(row.as_ref().map(read).transpose()?)
}

pub(super) async fn load(tx: &mut Tx, id: PaymentId) -> Result<Option<Payment>, Fault> {
    let branches = tx.branches().to_owned();
    let row = sqlx::query(LOAD).bind(branches).bind(id.to_string()).fetch_optional(tx.conn()).await?;
    Ok(row.as_ref().map(payment).transpose()?)
}

/// Payments, newest first; `after` is time and id of the last one of the page before.
pub(super) async fn list(
    tx: &mut Tx,
    customer: Option<CustomerId>,
    after: Option<(i64, String)>,
    most: i64,
) -> Result<Vec<Payment>, Fault> {
    let branches = tx.branches().to_owned();
    let (after_ms, after_id) = after.map_or((None, String::new()), |(ms, id)| (Some(ms), id));
    let rows = sqlx::query(LIST)
        .bind(branches)
        .bind(customer.map(|id| id.to_string()))
        .bind(after_ms)
        .bind(after_id)
        .bind(most)
        .fetch_all(tx.conn())
        .await?;
    Ok(rows.iter().map(payment).collect::<Result<_, _>>()?)
}
