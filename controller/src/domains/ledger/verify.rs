//! Reads the whole ledger and says what is wrong with it: balance, MACs, chain, folds, and the database's own guards.

use std::collections::BTreeSet;

use lastmile_protocol::ids::JournalId;
use serde::Serialize;

use super::store::{self, Written};
use super::{MAC_PURPOSE, rules};
use crate::db::{Dialect, Tx};
use crate::kernel::Fault;
use crate::secrets::Keyring;

/// Journals read at a time.
const PAGE: i64 = 1_000;
/// Problems that are listed; all are counted.
const LISTED: usize = 100;

/// The triggers that guard the ledger on SQLite.
const GUARDS_SQLITE: &[&str] = &[
    "ledger_journals_no_update",
    "ledger_journals_no_delete",
    "ledger_postings_no_update",
    "ledger_postings_no_delete",
    "ledger_seals_no_update",
    "ledger_seals_no_delete",
    "ledger_sealed_no_update",
    "ledger_sealed_no_delete",
    "ledger_postings_closed",
    "ledger_journals_balance",
    "ledger_seals_once",
    "ledger_sealed_once",
];
/// And on PostgreSQL.
const GUARDS_POSTGRES: &[&str] = &[
    "ledger_journals_no_change",
    "ledger_journals_no_truncate",
    "ledger_postings_no_change",
    "ledger_postings_no_truncate",
    "ledger_seals_no_change",
    "ledger_seals_no_truncate",
    "ledger_sealed_no_change",
    "ledger_sealed_no_truncate",
    "ledger_postings_closed",
    "ledger_journals_balance",
];

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// `balance`, `mac`, `chain`, `fold`, `stray` or `guard`.
    pub kind: &'static str,
    /// Journal, seal or account it is about, or the name of a guard.
    pub id: String,
    /// A sentence.
    pub detail: String,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Nothing is wrong.
    pub ok: bool,
    /// Journals read.
    pub journals: u64,
    /// Postings there are.
    pub postings: i64,
    /// Accounts there are.
    pub accounts: i64,
    /// Seals read.
    pub seals: u64,
    /// Journals that wait for their seal.
    pub unsealed: i64,
    /// How much is wrong.
    pub problems_total: u64,
    /// The first of it.
    pub problems: Vec<Problem>,
}

impl Report {
    fn add(&mut self, kind: &'static str, id: impl Into<String>, detail: impl Into<String>) {
        self.problems_total += 1;
        if self.problems.len() < LISTED {
            self.problems.push(Problem { kind, id: id.into(), detail: detail.into() });
        }
    }
}

/// Verifies the whole ledger. `tx` is a reading transaction of everything: one snapshot for all checks.
///
/// # Errors
/// When the database fails; what is wrong with the books is no error but the report.
pub async fn verify(tx: &mut Tx, keyring: &Keyring) -> Result<Report, Fault> {
    let mut report = Report::default();
    (report.accounts, report.postings, report.unsealed) = store::counts(tx).await?;
    verify_journals(tx, keyring, &mut report).await?;
    verify_chain(tx, keyring, &mut report).await?;
    let most = i64::try_from(LISTED).unwrap_or(i64::MAX);
    for (account, balance, fold) in store::wrong_folds(tx, most).await? {
        report.add("fold", account, format!("balance is {balance}, its postings sum to {fold}"));
    }
    for (journal, what) in store::strays(tx, most).await? {
        let detail = match what.as_str() {
            "posting" => "postings without their journal",
            _ => "a journal that is neither sealed nor waits for its seal",
        };
        report.add("stray", journal, detail);
    }
    let there: BTreeSet<String> = store::triggers(tx).await?.into_iter().collect();
    let guards = match tx.dialect() {
        Dialect::Sqlite => GUARDS_SQLITE,
        Dialect::Postgres => GUARDS_POSTGRES,
    };
    for guard in guards.iter().filter(|guard| !there.contains(**guard)) {
        report.add("guard", *guard, "this trigger of the database is missing or switched off");
    }
    report.ok = report.problems_total == 0;
    Ok(report)
}

async fn verify_journals(tx: &mut Tx, keyring: &Keyring, report: &mut Report) -> Result<(), Fault> {
    let mut after = String::new();
    loop {
        let page = store::journals(tx, &after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after.clone_from(&last.id);
        for written in &page {
            report.journals += 1;
            verify_journal(written, keyring, report);
        }
    }
}

fn verify_journal(written: &Written, keyring: &Keyring, report: &mut Report) {
    let postings: Option<Vec<_>> = written.postings.iter().cloned().collect();
    let (Some(head), Some(postings)) = (&written.head, postings) else {
        report.add("mac", &written.id, "cannot be read as a journal");
        return;
    };
    if let Err(unbalanced) = rules::check(postings.iter().map(|posting| posting.amount)) {
        report.add("balance", &written.id, unbalanced.to_string());
    }
    if !keyring.mac_fits(MAC_PURPOSE, &rules::journal_bytes(head, &postings), &written.mac) {
        report.add("mac", &written.id, "was not written by this controller, or was edited");
    }
}

async fn verify_chain(tx: &mut Tx, keyring: &Keyring, report: &mut Report) -> Result<(), Fault> {
    let (mut last, mut previous) = (0_i64, Vec::new());
    loop {
        let page = store::seals(tx, last, PAGE).await?;
        if page.is_empty() {
            return Ok(());
        }
        for seal in page {
            report.seals += 1;
            let name = format!("seal {}", seal.no);
            if seal.no != last + 1 {
                report.add("chain", &name, format!("follows seal {last}: what was between is gone"));
            }
            let journals = store::sealed(tx, seal.no).await?;
            let present: Vec<(JournalId, &[u8])> =
                journals.iter().filter_map(|(id, mac)| Some((*id, mac.as_deref()?))).collect();
            for (id, _) in journals.iter().filter(|(_, mac)| mac.is_none()) {
                report.add("chain", id.to_string(), format!("was sealed under {name} and is gone"));
            }
            if i64::try_from(journals.len()) != Ok(seal.entries) {
                report.add("chain", &name, format!("covers {} journals, {} are there", seal.entries, journals.len()));
            }
            let bytes = rules::seal_bytes(seal.no, &previous, seal.sealed_at, present.into_iter());
            if !keyring.mac_fits(MAC_PURPOSE, &bytes, &seal.mac) {
                report.add("chain", &name, "does not fit the journals under it or the seal before it");
            }
            (last, previous) = (seal.no, seal.mac);
        }
    }
}
