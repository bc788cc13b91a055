//! The ledger: double-entry, append-only.
//!
//! A journal moves amounts between accounts; debits equal credits in each currency, checked here and again by the
//! database. Each journal carries a MAC under a key that is not in the database, and journals are sealed in batches
//! that form a chain, so that what is edited, forged or taken out with the database's own shell is found by
//! [`verify`]. Corrections are journals of their own; nothing is ever changed.

mod jobs;
mod rules;
pub mod store;
#[cfg(test)]
mod tests;
mod verify;

use lastmile_protocol::ids::{BranchId, CustomerId, JournalId};

pub use jobs::jobs;
pub use rules::{Account, Leg, Unbalanced, transfer};
pub use verify::{Problem, Report, verify};

use crate::db::Tx;
use crate::kernel::{Actor, Currency, Fault, Money};
use crate::secrets::Keyring;

/// What the key of the MACs is derived for; part of the books, never changed.
const MAC_PURPOSE: &str = "ledger";

/// A journal to be posted.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The branch whose books it is in.
    pub branch: BranchId,
    /// What happened: `receipt`, `renewal`.
    pub kind: &'static str,
    /// What it is posted for, as `kind:id`.
    pub reference: String,
    /// A person's words.
    pub note: String,
    /// What moves.
    pub legs: Vec<Leg>,
}

/// Posts a journal in this transaction.
///
/// # Errors
/// `Forbidden` outside the caller's branches; `Internal` if the legs do not balance, which no caller may ask for.
pub async fn post(tx: &mut Tx, keyring: &Keyring, actor: &Actor, entry: Entry) -> Result<JournalId, Fault> {
    if !tx.scope().covers(entry.branch) {
        return Err(Fault::NotFound { what: "branch" });
    }
    rules::check(entry.legs.iter().map(|leg| leg.amount)).map_err(Fault::internal)?;
    let mut legs = entry.legs;
    // One order of accounts everywhere: two journals that share accounts wait for each other, and never in a ring.
    legs.sort_by_key(|leg| leg.account);
    let mut postings = Vec::with_capacity(legs.len());
    for leg in &legs {
        let account = store::move_account(tx, entry.branch, leg).await?;
        postings.push(rules::Posting { account, name: leg.account.name(), amount: leg.amount });
    }
    let head = rules::Head {
        id: tx.new_id(),
        branch: entry.branch,
        kind: entry.kind.to_owned(),
        reference: entry.reference,
        note: entry.note,
        posted_by: name_of(actor),
        posted_at: tx.now_ms(),
    };
    let mac = keyring.mac(MAC_PURPOSE, &rules::journal_bytes(&head, &postings));
    store::insert(tx, &head, &postings, &mac).await?;
    Ok(head.id)
}

/// The customer's credit: what was paid ahead and is not spent.
///
/// # Errors
/// When the database fails or the amount does not fit.
pub async fn credit(tx: &mut Tx, branch: BranchId, customer: CustomerId, currency: Currency) -> Result<Money, Fault> {
    Ok(store::balance(tx, branch, Account::Advance(customer), currency).await?.negate()?)
}

/// Balance of an account, debit positive.
///
/// # Errors
/// When the database fails.
pub async fn balance(tx: &mut Tx, branch: BranchId, account: Account, currency: Currency) -> Result<Money, Fault> {
    store::balance(tx, branch, account, currency).await
}

/// Most journals of one seal.
const SEAL_MOST: i64 = 500;

/// Seals the oldest journals that wait for it, at most one batch, and says how many.
///
/// # Errors
/// When the database fails.
pub async fn seal(tx: &mut Tx, keyring: &Keyring) -> Result<usize, Fault> {
    tx.lock("ledger.seal").await?;
    let journals = store::unsealed(tx, SEAL_MOST).await?;
    if journals.is_empty() {
        return Ok(0);
    }
    let (last, previous) = store::last_seal(tx).await?.unwrap_or((0, Vec::new()));
    let (no, sealed_at) = (last.saturating_add(1), tx.now_ms());
    let bytes = rules::seal_bytes(no, &previous, sealed_at, journals.iter().map(|(id, mac)| (*id, mac.as_slice())));
    let entries = i64::try_from(journals.len()).unwrap_or(i64::MAX);
    let seal = store::Seal { no, entries, sealed_at, mac: keyring.mac(MAC_PURPOSE, &bytes).to_vec() };
    store::insert_seal(tx, &seal, &journals).await?;
    Ok(journals.len())
}

/// Who posted, as it stands in the books: kind and id, which do not change when a person is renamed.
fn name_of(actor: &Actor) -> String {
    match actor.parts() {
        (kind, Some(id)) => format!("{kind}:{id}"),
        (kind, None) => kind.to_owned(),
    }
}
