//! Reads the whole record and says what was done to it since it was sealed.

use std::collections::BTreeSet;

use serde::Serialize;

use super::rules::{self, Part, Row};
use super::store::{self, Covered, Seal};
use super::{Head, Stamp};
use crate::db::{Dialect, Tx};
use crate::events::personal;
use crate::kernel::ids::hex;
use crate::kernel::{At, Fault};

/// Seals read at a time.
const PAGE: i64 = 500;
/// Problems that are listed; all are counted.
const LISTED: usize = 100;

/// The triggers that guard the record on SQLite.
const GUARDS_SQLITE: &[&str] = &[
    "events_no_update",
    "events_no_delete",
    "events_once",
    "event_personal_no_update",
    "event_personal_once",
    "event_seals_no_update",
    "event_seals_no_delete",
    "event_seals_once",
    "event_sealed_no_update",
    "event_sealed_no_delete",
    "event_sealed_once",
];
/// And on PostgreSQL.
const GUARDS_POSTGRES: &[&str] = &[
    "events_no_change",
    "events_no_truncate",
    "event_personal_no_update",
    "event_personal_no_truncate",
    "event_seals_no_change",
    "event_seals_no_truncate",
    "event_sealed_no_change",
    "event_sealed_no_truncate",
];

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// `edited`, `missing`, `order`, `chain`, `head`, `stray` or `guard`.
    pub kind: &'static str,
    /// Event or seal it is about, or the name of a guard.
    pub id: String,
    /// A sentence.
    pub detail: String,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Nothing is wrong.
    pub ok: bool,
    /// Events there are.
    pub events: i64,
    /// Of them, those that lie under a seal.
    pub sealed: i64,
    /// Seals there are.
    pub seals: i64,
    /// Parts that told who a person is and were erased, with the erasure on record.
    pub erased_parts: u64,
    /// Events that wait for their seal: nothing protects them yet.
    pub unsealed: i64,
    /// Since when the oldest of them waits.
    pub unsealed_since: Option<At>,
    /// The end of the chain.
    pub head: Option<Head>,
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

/// Verifies the whole record, and that every one of these heads is a seal of it. `tx` is a reading transaction of
/// everything: one snapshot for all checks.
///
/// # Errors
/// When the database fails; what is wrong with the record is no error but the report.
pub async fn verify(tx: &mut Tx, stamp: &dyn Stamp, heads: &[Head]) -> Result<Report, Fault> {
    let mut report = Report::default();
    [report.events, _, report.seals, report.sealed] = store::counts(tx).await?;
    let state = super::state(tx).await?;
    (report.head, report.unsealed, report.unsealed_since) = (state.head, state.unsealed, state.unsealed_since);
    let erased: BTreeSet<(String, String)> = store::erasures(tx).await?.into_iter().collect();
    verify_chain(tx, stamp, &erased, &mut report).await?;
    verify_heads(tx, heads, &mut report).await?;
    for (id, what) in store::strays(tx, i64::try_from(LISTED).unwrap_or(i64::MAX)).await? {
        let detail = match what.as_str() {
            "event" => "an event that is neither sealed nor waits for its seal, or both",
            "queue" => "waited for its seal and is gone",
            "sealed" => "lies under a seal that is gone",
            _ => "personal fields of no event",
        };
        report.add("stray", id, detail);
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

async fn verify_heads(tx: &mut Tx, heads: &[Head], report: &mut Report) -> Result<(), Fault> {
    for head in heads {
        let name = format!("seal {}", head.seal);
        match store::one(tx, head.seal).await? {
            None => report.add("head", name, "was there when the head was exported: the end was cut off"),
            Some(seal) if hex(&seal.mac) != head.mac => {
                report.add("head", name, "is not the one that was exported: the chain was made anew");
            }
            Some(_) => {}
        }
    }
    Ok(())
}

async fn verify_chain(
    tx: &mut Tx,
    stamp: &dyn Stamp,
    erased: &BTreeSet<(String, String)>,
    report: &mut Report,
) -> Result<(), Fault> {
    let (mut last, mut previous) = (0_i64, Vec::new());
    loop {
        let page = store::seals(tx, last, PAGE).await?;
        if page.is_empty() {
            return Ok(());
        }
        for seal in page {
            if seal.no != last + 1 {
                report.add(
                    "chain",
                    format!("seal {}", seal.no),
                    format!("follows seal {last}: what was between is gone"),
                );
            }
            verify_seal(tx, stamp, &seal, &previous, erased, report).await?;
            (last, previous) = (seal.no, seal.mac);
        }
    }
}

async fn verify_seal(
    tx: &mut Tx,
    stamp: &dyn Stamp,
    seal: &Seal,
    previous: &[u8],
    erased: &BTreeSet<(String, String)>,
    report: &mut Report,
) -> Result<(), Fault> {
    let name = format!("seal {}", seal.no);
    let events = store::covered(tx, seal.no).await?;
    if i64::try_from(events.len()) != Ok(seal.entries) {
        report.add("chain", &name, format!("covers {} events, {} are there", seal.entries, events.len()));
    }
    if events.iter().zip(1_i64..).any(|(event, position)| event.position != position) {
        report.add("order", &name, "the places of its events are not 1, 2, 3 …");
    }
    for event in &events {
        verify_event(event, &name, erased, report);
    }
    let digests = events.iter().map(|event| event.digest.as_slice());
    if !stamp.fits(&rules::seal_bytes(seal.no, previous, seal.sealed_at_ms, digests), &seal.mac) {
        report.add("chain", &name, "does not fit the events under it or the seal before it");
    }
    Ok(())
}

fn verify_event(event: &Covered, seal: &str, erased: &BTreeSet<(String, String)>, report: &mut Report) {
    let id = &event.whole.event_id;
    let Some(row) = &event.whole.row else {
        return report.add("missing", id, format!("was sealed under {seal} and is gone"));
    };
    if rules::row_digest(row, &event.parts) != event.digest {
        report.add("edited", id, format!("is not what was sealed under {seal}"));
    }
    let actor = (row.actor_kind.as_str(), row.actor_id.as_deref().unwrap_or(""));
    let data = personal::owner(row.customer_id.as_deref(), &row.subject_kind, &row.subject_id);
    let parts = [
        (personal::ACTOR, actor, &event.whole.actor, &event.parts.0),
        (personal::DATA, data, &event.whole.data, &event.parts.1),
    ];
    for (bit, owner, part, digest) in parts {
        match part_state(row, bit, owner, part.as_ref(), digest.as_deref(), erased) {
            Ok(gone) => report.erased_parts += u64::from(gone),
            Err(detail) => report.add("edited", id, detail),
        }
    }
}

/// Whether a part is as it was sealed; `true` where it was erased, with the erasure on record.
fn part_state(
    row: &Row,
    bit: i64,
    (kind, id): (&str, &str),
    part: Option<&Part>,
    digest: Option<&[u8]>,
    erased: &BTreeSet<(String, String)>,
) -> Result<bool, &'static str> {
    let stands_apart = row.personal & bit != 0;
    match (part, digest) {
        (Some(_), _) if !stands_apart => Err("personal fields were put to it"),
        (Some(part), Some(digest)) if rules::part_digest(part) == digest => Ok(false),
        (Some(_), _) => Err("its personal fields are not those that were sealed"),
        (None, _) if !stands_apart => Ok(false),
        (None, _) if erased.contains(&(kind.to_owned(), id.to_owned())) => Ok(true),
        (None, _) => Err("its personal fields are gone and no erasure is on record"),
    }
}
