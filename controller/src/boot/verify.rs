//! Commands that read what must be true and say whether it is.

use std::io::Write as _;

use anyhow::bail;

use super::prepare::prepare;
use crate::config::Config;
use crate::domains::ledger;
use crate::kernel::Scope;

/// Verifies the ledger, prints what was found, and fails if anything is wrong.
pub(super) async fn ledger(config: Config, json: bool) -> anyhow::Result<()> {
    let ready = prepare(config).await?;
    let mut tx = ready.db.read(&Scope::All).await?;
    let report = ledger::verify(&mut tx, &ready.keyring).await?;
    tx.rollback().await?;
    ready.db.close().await;
    let mut out = std::io::stdout().lock();
    if json {
        serde_json::to_writer_pretty(&mut out, &report)?;
        writeln!(out)?;
    } else {
        writeln!(
            out,
            "{} journals, {} postings, {} accounts, {} seals; {} journals wait for their seal",
            report.journals, report.postings, report.accounts, report.seals, report.unsealed
        )?;
        for problem in &report.problems {
            writeln!(out, "{}: {}: {}", problem.kind, problem.id, problem.detail)?;
        }
    }
    if !report.ok {
        bail!("the ledger has {} problem(s)", report.problems_total);
    }
    Ok(())
}
