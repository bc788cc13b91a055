//! What providers of SMS report later: it arrived, or never will.

use std::collections::BTreeMap;

use super::Channel;
use super::rules::delivery::{Report, State, reported};
use super::store::{channels, sending};
use crate::db::{Nudge, Tx};
use crate::gateways::message::sms::{ReportRules, SmsSettings};
use crate::kernel::Fault;

/// Longest state that is kept, characters.
const STATE_MOST: usize = 100;

/// Takes a report. What is about no message of ours, or says nothing that we know, changes nothing and is fine: a
/// provider repeats what it is not thanked for.
///
/// # Errors
/// `NotFound` while no reports are expected; when the database fails.
pub async fn take(tx: &mut Tx, fields: &BTreeMap<String, String>) -> Result<(), Fault> {
    let row = channels::load(tx, Channel::Sms).await?.ok_or(Fault::NotFound { what: "address" })?;
    let settings: SmsSettings = serde_json::from_str(&row.settings).map_err(Fault::internal)?;
    let rules = settings.reports.ok_or(Fault::NotFound { what: "address" })?;
    let (Some(name), Some(word)) = (fields.get(&rules.id), fields.get(&rules.state)) else {
        return Err(Fault::field("", "the report lacks its message or its state"));
    };
    let Some(report) = meaning(&rules, word) else { return Ok(()) };
    let Some((id, branch, state)) = sending::reported_on(tx, Channel::Sms, name).await? else { return Ok(()) };
    let Some(after) = reported(state, report) else { return Ok(()) };
    let reason = (after == State::Failed).then_some("reported");
    let detail: String = word.chars().filter(|c| !c.is_control()).take(STATE_MOST).collect();
    if sending::report(tx, id, (state, after), reason, &detail).await? {
        metrics::counter!("lastmile_notices_total", "channel" => "sms", "outcome" => after.as_str()).increment(1);
        tx.nudge(Nudge::Changed { kind: "notice", id: id.to_string(), branch });
    }
    Ok(())
}

fn meaning(rules: &ReportRules, word: &str) -> Option<Report> {
    let is = |list: &[String]| list.iter().any(|known| known.eq_ignore_ascii_case(word.trim()));
    if is(&rules.delivered) {
        Some(Report::Delivered)
    } else if is(&rules.failed) {
        Some(Report::Failed)
    } else {
        None
    }
}
