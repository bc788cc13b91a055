//! SQL of the ledger. Journals, postings and seals are only ever inserted.

use lastmile_protocol::ids::{AccountId, BranchId, JournalId};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::rules::{Account, Head, Leg, Posting};
use crate::db::{Columns as _, Dialect, Tx, of_customer};
use crate::kernel::{Currency, Fault, Money};

/// Every statement, so that a test can prepare them on both databases.
pub const STATEMENTS: &[&str] = &[
    MOVE_ACCOUNT,
    BALANCE,
    INSERT_POSTING,
    INSERT_JOURNAL,
    QUEUE,
    UNSEALED,
    UNQUEUE,
    LAST_SEAL,
    INSERT_SEAL,
    INSERT_SEALED,
    JOURNALS,
    POSTINGS,
    SEALS,
    SEALED,
    COUNTS,
    FOLDS,
    STRAYS,
];

const MOVE_ACCOUNT: &str = "INSERT INTO ledger_accounts \
       (id, branch_id, kind, owner_id, currency, balance_minor, created_at_ms) \
     VALUES ($1, $2, $3, $4, $5, $6, $7) \
     ON CONFLICT (branch_id, kind, owner_id, currency) \
     DO UPDATE SET balance_minor = ledger_accounts.balance_minor + excluded.balance_minor RETURNING id";

const BALANCE: &str = concat!(
    "SELECT a.balance_minor FROM ledger_accounts a \
     WHERE ",
    of_customer!("a.branch_id", "a.owner_id"),
    " \
       AND a.branch_id = $2 AND a.kind = $3 AND a.owner_id = $4 AND a.currency = $5"
);

const INSERT_POSTING: &str = "INSERT INTO ledger_postings \
     (journal_id, no, branch_id, account_id, amount_minor, currency) VALUES ($1, $2, $3, $4, $5, $6)";

const INSERT_JOURNAL: &str = "INSERT INTO ledger_journals \
     (id, branch_id, kind, reference, note, posted_by, posted_at_ms, mac) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

const QUEUE: &str = "INSERT INTO ledger_unsealed (journal_id) VALUES ($1)";

const UNSEALED: &str = "SELECT j.id, j.mac FROM ledger_unsealed u JOIN ledger_journals j ON j.id = u.journal_id \
     ORDER BY j.id LIMIT $1";

const UNQUEUE: &str = "DELETE FROM ledger_unsealed WHERE journal_id = $1";

const LAST_SEAL: &str = "SELECT no, mac FROM ledger_seals ORDER BY no DESC LIMIT 1";

const INSERT_SEAL: &str = "INSERT INTO ledger_seals (no, entries, sealed_at_ms, mac) VALUES ($1, $2, $3, $4)";

const INSERT_SEALED: &str = "INSERT INTO ledger_sealed (journal_id, seal_no, position) VALUES ($1, $2, $3)";

const JOURNALS: &str = "SELECT id, branch_id, kind, reference, note, posted_by, posted_at_ms, mac \
     FROM ledger_journals WHERE id > $1 ORDER BY id LIMIT $2";

const POSTINGS: &str = "SELECT p.journal_id, p.account_id, a.kind || ':' || a.owner_id AS name, p.amount_minor, \
       p.currency FROM ledger_postings p LEFT JOIN ledger_accounts a ON a.id = p.account_id \
     WHERE p.journal_id > $1 AND p.journal_id <= $2 ORDER BY p.journal_id, p.no";

const SEALS: &str = "SELECT no, entries, sealed_at_ms, mac FROM ledger_seals WHERE no > $1 ORDER BY no LIMIT $2";

const SEALED: &str = "SELECT s.journal_id, j.mac FROM ledger_sealed s \
     LEFT JOIN ledger_journals j ON j.id = s.journal_id WHERE s.seal_no = $1 ORDER BY s.position";

const COUNTS: &str = "SELECT (SELECT COUNT(*) FROM ledger_accounts) AS accounts, \
     (SELECT COUNT(*) FROM ledger_postings) AS postings, (SELECT COUNT(*) FROM ledger_unsealed) AS unsealed";

const FOLDS: &str = "SELECT a.id, a.balance_minor, CAST(COALESCE(SUM(p.amount_minor), 0) AS BIGINT) AS fold \
     FROM ledger_accounts a LEFT JOIN ledger_postings p ON p.account_id = a.id \
     GROUP BY a.id, a.balance_minor HAVING a.balance_minor <> COALESCE(SUM(p.amount_minor), 0) ORDER BY a.id LIMIT $1";

/// Postings of no journal, and journals that are neither sealed nor wait for it.
const STRAYS: &str = "SELECT p.journal_id AS id, 'posting' AS what FROM ledger_postings p \
       LEFT JOIN ledger_journals j ON j.id = p.journal_id WHERE j.id IS NULL \
     UNION SELECT j.id AS id, 'journal' AS what FROM ledger_journals j \
       LEFT JOIN ledger_sealed s ON s.journal_id = j.id LEFT JOIN ledger_unsealed u ON u.journal_id = j.id \
       WHERE s.journal_id IS NULL AND u.journal_id IS NULL \
     ORDER BY id LIMIT $1";

/// Not in `STATEMENTS`: each exists on one database only.
const TRIGGERS_SQLITE: &str = "SELECT name FROM sqlite_master WHERE type = 'trigger'";
const TRIGGERS_POSTGRES: &str = "SELECT CAST(t.tgname AS TEXT) AS name FROM pg_trigger t \
     WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')";

/// Adds the leg to its account, which is made if need be, and gives the account's row.
pub(super) async fn move_account(tx: &mut Tx, branch: BranchId, leg: &Leg) -> Result<AccountId, Fault> {
    let (kind, owner) = leg.account.parts();
    let (fresh, now) = (tx.new_id::<AccountId>(), tx.now_ms());
    let row = sqlx::query(MOVE_ACCOUNT)
        .bind(fresh.to_string())
        .bind(branch.to_string())
        .bind(kind)
        .bind(owner)
        .bind(leg.amount.currency().code().to_owned())
        .bind(leg.amount.minor())
        .bind(now)
        .fetch_one(tx.conn())
        .await?;
    Ok(row.parsed("id")?)
}

/// Balance of an account of the caller's branches, debit positive; nothing if it was never posted to.
pub(super) async fn balance(
    tx: &mut Tx,
    branch: BranchId,
    account: Account,
    currency: Currency,
) -> Result<Money, Fault> {
    let branches = tx.branches().to_owned();
    let (kind, owner) = account.parts();
    let row = sqlx::query(BALANCE)
        .bind(branches)
        .bind(branch.to_string())
        .bind(kind)
        .bind(owner)
        .bind(currency.code().to_owned())
        .fetch_optional(tx.conn())
        .await?;
    let minor = row.map_or(Ok(0), |row| row.try_get("balance_minor"))?;
    Ok(Money::new(minor, currency))
}

/// Writes the postings, then the journal: the database looks at the whole when the journal comes.
pub(super) async fn insert(tx: &mut Tx, head: &Head, postings: &[Posting], mac: &[u8]) -> Result<(), Fault> {
    for (no, posting) in (1_i64..).zip(postings) {
        sqlx::query(INSERT_POSTING)
            .bind(head.id.to_string())
            .bind(no)
            .bind(head.branch.to_string())
            .bind(posting.account.to_string())
            .bind(posting.amount.minor())
            .bind(posting.amount.currency().code().to_owned())
            .execute(tx.conn())
            .await?;
    }
    sqlx::query(INSERT_JOURNAL)
        .bind(head.id.to_string())
        .bind(head.branch.to_string())
        .bind(&head.kind)
        .bind(&head.reference)
        .bind(&head.note)
        .bind(&head.posted_by)
        .bind(head.posted_at)
        .bind(mac.to_vec())
        .execute(tx.conn())
        .await?;
    sqlx::query(QUEUE).bind(head.id.to_string()).execute(tx.conn()).await?;
    Ok(())
}

/// Journals that wait for their seal, oldest first.
pub(super) async fn unsealed(tx: &mut Tx, most: i64) -> Result<Vec<(JournalId, Vec<u8>)>, Fault> {
    let rows = sqlx::query(UNSEALED).bind(most).fetch_all(tx.conn()).await?;
    let read = |row: &AnyRow| Ok::<_, sqlx::Error>((row.parsed("id")?, row.try_get("mac")?));
    Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
}

/// Number and MAC of the last seal.
pub(super) async fn last_seal(tx: &mut Tx) -> Result<Option<(i64, Vec<u8>)>, Fault> {
    let row = sqlx::query(LAST_SEAL).fetch_optional(tx.conn()).await?;
    Ok(row.map(|row| Ok::<_, sqlx::Error>((row.try_get("no")?, row.try_get("mac")?))).transpose()?)
}

/// Writes a seal over these journals.
pub(super) async fn insert_seal(tx: &mut Tx, seal: &Seal, journals: &[(JournalId, Vec<u8>)]) -> Result<(), Fault> {
    sqlx::query(INSERT_SEAL)
        .bind(seal.no)
        .bind(seal.entries)
        .bind(seal.sealed_at)
        .bind(seal.mac.clone())
        .execute(tx.conn())
        .await?;
    for (position, (journal, _)) in (1_i64..).zip(journals) {
        sqlx::query(INSERT_SEALED).bind(journal.to_string()).bind(seal.no).bind(position).execute(tx.conn()).await?;
        sqlx::query(UNQUEUE).bind(journal.to_string()).execute(tx.conn()).await?;
    }
    Ok(())
}

/// A seal as it stands in the books.
pub(super) struct Seal {
    pub no: i64,
    pub entries: i64,
    pub sealed_at: i64,
    pub mac: Vec<u8>,
}

/// A journal as it stands in the books. What cannot be read as one is a finding, not an error.
pub(super) struct Written {
    pub id: String,
    pub head: Option<Head>,
    pub mac: Vec<u8>,
    pub postings: Vec<Option<Posting>>,
}

/// The next journals after `after` (by id), with their postings.
pub(super) async fn journals(tx: &mut Tx, after: &str, most: i64) -> Result<Vec<Written>, Fault> {
    let rows = sqlx::query(JOURNALS).bind(after.to_owned()).bind(most).fetch_all(tx.conn()).await?;
    let mut list = Vec::with_capacity(rows.len());
    for row in &rows {
        let id = row.try_get("id")?;
        list.push(Written { id, head: head(row).ok(), mac: row.try_get("mac")?, postings: Vec::new() });
    }
    let Some(last) = list.last().map(|written| written.id.clone()) else { return Ok(list) };
    let rows = sqlx::query(POSTINGS).bind(after.to_owned()).bind(last).fetch_all(tx.conn()).await?;
    let mut at = 0;
    for row in &rows {
        let journal: String = row.try_get("journal_id")?;
        while list.get(at).is_some_and(|written| written.id < journal) {
            at += 1;
        }
        if let Some(written) = list.get_mut(at).filter(|written| written.id == journal) {
            written.postings.push(posting(row).ok());
        }
    }
    Ok(list)
}

fn head(row: &AnyRow) -> Result<Head, sqlx::Error> {
    Ok(Head {
        id: row.parsed("id")?,
        branch: row.parsed("branch_id")?,
        kind: row.try_get("kind")?,
        reference: row.try_get("reference")?,
        note: row.try_get("note")?,
        posted_by: row.try_get("posted_by")?,
        posted_at: row.try_get("posted_at_ms")?,
    })
}

fn posting(row: &AnyRow) -> Result<Posting, sqlx::Error> {
    let amount = Money::new(row.try_get("amount_minor")?, row.parsed("currency")?);
    Ok(Posting { account: row.parsed("account_id")?, name: row.try_get("name")?, amount })
}

/// The next seals after number `after`.
pub(super) async fn seals(tx: &mut Tx, after: i64, most: i64) -> Result<Vec<Seal>, Fault> {
    let rows = sqlx::query(SEALS).bind(after).bind(most).fetch_all(tx.conn()).await?;
    let read = |row: &AnyRow| {
        Ok::<_, sqlx::Error>(Seal {
            no: row.try_get("no")?,
            entries: row.try_get("entries")?,
            sealed_at: row.try_get("sealed_at_ms")?,
            mac: row.try_get("mac")?,
        })
    };
    Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
}

/// Journals under a seal in order, with their MACs; `None` for one that is gone.
pub(super) async fn sealed(tx: &mut Tx, no: i64) -> Result<Vec<(JournalId, Option<Vec<u8>>)>, Fault> {
    let rows = sqlx::query(SEALED).bind(no).fetch_all(tx.conn()).await?;
    let read = |row: &AnyRow| Ok::<_, sqlx::Error>((row.parsed("journal_id")?, row.try_get("mac")?));
    Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
}

/// How many accounts, postings and unsealed journals there are.
pub(super) async fn counts(tx: &mut Tx) -> Result<(i64, i64, i64), Fault> {
    let row = sqlx::query(COUNTS).fetch_one(tx.conn()).await?;
    Ok((row.try_get("accounts")?, row.try_get("postings")?, row.try_get("unsealed")?))
}

/// Accounts whose balance is not the sum of their postings: id, balance, sum.
pub(super) async fn wrong_folds(tx: &mut Tx, most: i64) -> Result<Vec<(String, i64, i64)>, Fault> {
    let rows = sqlx::query(FOLDS).bind(most).fetch_all(tx.conn()).await?;
    let read =
        |row: &AnyRow| Ok::<_, sqlx::Error>((row.try_get("id")?, row.try_get("balance_minor")?, row.try_get("fold")?));
    Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
}

/// Postings and journals that nothing holds: journal id, and which of the two.
pub(super) async fn strays(tx: &mut Tx, most: i64) -> Result<Vec<(String, String)>, Fault> {
    let rows = sqlx::query(STRAYS).bind(most).fetch_all(tx.conn()).await?;
    let read = |row: &AnyRow| Ok::<_, sqlx::Error>((row.try_get("id")?, row.try_get("what")?));
    Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
}

/// Names of the triggers that are there and switched on.
pub(super) async fn triggers(tx: &mut Tx) -> Result<Vec<String>, Fault> {
    let statement = match tx.dialect() {
        Dialect::Sqlite => TRIGGERS_SQLITE,
        Dialect::Postgres => TRIGGERS_POSTGRES,
    };
    let rows = sqlx::query(statement).fetch_all(tx.conn()).await?;
    Ok(rows.iter().map(|row| row.try_get("name")).collect::<Result<_, _>>()?)
}
