//! Commands that read what must be true and say whether it is.

use std::io::Write as _;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::prepare::prepare;
use crate::config::Config;
use crate::domains::ledger;
use crate::events::seal::{self, Head};
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

/// Longest file of heads, bytes: years of hourly ones.
const HEADS_MAX: u64 = 16 * 1024 * 1024;

/// Verifies the record of what happened, prints what was found, and fails if anything is wrong.
pub(super) async fn audit(config: Config, json: bool, heads: Option<PathBuf>) -> anyhow::Result<()> {
    let heads = heads.as_deref().map(read_heads).transpose()?.unwrap_or_default();
    let ready = prepare(config).await?;
    let mut tx = ready.db.read(&Scope::All).await?;
    let report = seal::verify(&mut tx, &*ready.keyring, &heads).await?;
    tx.rollback().await?;
    ready.db.close().await;
    let mut out = std::io::stdout().lock();
    if json {
        serde_json::to_writer_pretty(&mut out, &report)?;
        writeln!(out)?;
    } else {
        writeln!(out, "{} events, {} of them under {} seals", report.events, report.sealed, report.seals)?;
        if let Some(since) = report.unsealed_since {
            writeln!(out, "{} wait for their seal, the oldest since {since}", report.unsealed)?;
        }
        for problem in &report.problems {
            writeln!(out, "{}: {}: {}", problem.kind, problem.id, problem.detail)?;
        }
    }
    if !report.ok {
        bail!("the record of what happened has {} problem(s)", report.problems_total);
    }
    Ok(())
}

/// Heads as they were exported: one JSON object, or one a line.
fn read_heads(file: &Path) -> anyhow::Result<Vec<Head>> {
    let shown = file.display();
    let size = std::fs::metadata(file).with_context(|| format!("cannot read {shown}"))?.len();
    if size > HEADS_MAX {
        bail!("{shown} is no file of heads: it is larger than {HEADS_MAX} bytes");
    }
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {shown}"))?;
    let heads: Result<Vec<Head>, _> = serde_json::Deserializer::from_str(&text).into_iter().collect();
    let heads = heads.with_context(|| format!("{shown} is no file of heads"))?;
    if heads.is_empty() {
        bail!("{shown} holds no head");
    }
    Ok(heads)
}

/// Prints the end of the chain, to be kept elsewhere.
pub(super) async fn audit_head(config: Config) -> anyhow::Result<()> {
    let ready = prepare(config).await?;
    let mut tx = ready.db.begin(&Scope::All).await?;
    // What waits is sealed first, so that the head covers what has happened until now.
    while seal::seal(&mut tx, &*ready.keyring).await? > 0 {}
    let state = seal::state(&mut tx).await?;
    tx.commit().await?;
    ready.db.close().await;
    let head = state.head.context("nothing has happened yet: there is no head")?;
    println!("{}", serde_json::to_string(&head)?);
    Ok(())
}
