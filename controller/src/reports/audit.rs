//! Who did what, when and from where, before and after: the record of events as auditors read it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use lastmile_protocol::ids::{BranchId, CustomerId};

use crate::access::Caller;
use crate::db::Tx;
use crate::domains::{branches, customers};
use crate::events::store::{self, Filter, Recorded};
use crate::kernel::paging::Page;
use crate::kernel::{At, Fault};
use crate::web::csv;

/// Longest text of a filter, bytes.
const TEXT_MAX: usize = 200;

/// A field that changed.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = AuditChange)]
pub struct Change {
    /// Its name; `a.b` for one within another.
    pub field: String,
    /// What it was; null where there was nothing, or where it has been erased.
    #[schema(value_type = Value)]
    pub before: Value,
    /// What it became.
    #[schema(value_type = Value)]
    pub after: Value,
}

/// An event with what it changed.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AuditEntry {
    /// The event.
    #[serde(flatten)]
    pub event: Recorded,
    /// The fields that changed.
    pub changes: Vec<Change>,
}

/// Which events.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct AuditParams {
    /// Only of this kind, such as `payment.taken`; `payment.*` is every kind that begins so.
    pub kind: Option<String>,
    /// Only by `staff`, `customer`, `agent` or `system`.
    pub actor_kind: Option<String>,
    /// Only by this actor.
    pub actor_id: Option<String>,
    /// Only of this kind of thing: `customer`, `router`, …
    pub subject_kind: Option<String>,
    /// Only of this thing.
    pub subject_id: Option<String>,
    /// Only about this customer.
    #[param(value_type = Option<String>)]
    pub customer_id: Option<CustomerId>,
    /// Only of this branch.
    #[param(value_type = Option<String>)]
    pub branch_id: Option<BranchId>,
    /// Only from this moment on (RFC 3339).
    #[param(value_type = Option<String>)]
    pub from: Option<At>,
    /// Only before this moment (RFC 3339).
    #[param(value_type = Option<String>)]
    pub until: Option<At>,
    /// Most rows wanted (1-500, 50 when absent).
    pub limit: Option<i64>,
    /// Cursor from `next` of the page before.
    pub after: Option<String>,
}

impl AuditParams {
    /// As a filter of the store, from this row on.
    pub(super) fn filter(&self, after: Option<(i64, String)>) -> Result<Filter, Fault> {
        let texts = [
            ("kind", &self.kind),
            ("actor_kind", &self.actor_kind),
            ("actor_id", &self.actor_id),
            ("subject_kind", &self.subject_kind),
            ("subject_id", &self.subject_id),
        ];
        for (field, text) in texts {
            if text.as_ref().is_some_and(|text| text.len() > TEXT_MAX) {
                return Err(Fault::field(field, format!("must be at most {TEXT_MAX} bytes")));
            }
        }
        Ok(Filter {
            subject_kind: self.subject_kind.clone(),
            subject_id: self.subject_id.clone(),
            customer_id: self.customer_id,
            kind: self.kind.clone(),
            actor_kind: self.actor_kind.clone(),
            actor_id: self.actor_id.clone(),
            branch_id: self.branch_id,
            from_ms: self.from.map(|at| at.0),
            until_ms: self.until.map(|at| at.0),
            after,
        })
    }

    /// A branch or customer that is not the caller's does not exist for them, also as a filter.
    pub(super) async fn known(&self, tx: &mut Tx, caller: &Caller) -> Result<(), Fault> {
        if let Some(branch) = self.branch_id {
            let all = branches::list(tx).await?;
            if !caller.scope.covers(branch) || !all.iter().any(|known| known.id == branch) {
                return Err(Fault::NotFound { what: "branch" });
            }
        }
        if let Some(customer) = self.customer_id {
            customers::load(tx, customer).await?;
        }
        Ok(())
    }
}

/// A page of the record, newest first.
pub(super) async fn page(tx: &mut Tx, filter: &Filter, limit: i64) -> Result<Page<AuditEntry>, Fault> {
    let rows = store::list(tx, filter, limit.saturating_add(1)).await?;
    let page = Page::cut(rows, limit, |row| (row.at.0, row.id.clone()));
    Ok(Page { items: page.items.into_iter().map(entry).collect(), next: page.next })
}

fn entry(event: Recorded) -> AuditEntry {
    let mut changes = Vec::new();
    let none = Value::Null;
    let (before, after) = (event.data.get("before").unwrap_or(&none), event.data.get("after").unwrap_or(&none));
    compare("", before, after, &mut changes);
    AuditEntry { changes, event }
}

/// The fields in which two states differ; objects within are looked into.
fn compare(place: &str, before: &Value, after: &Value, changes: &mut Vec<Change>) {
    if let (Value::Object(_) | Value::Null, Value::Object(_) | Value::Null) = (before, after) {
        let names =
            |value: &Value| value.as_object().into_iter().flat_map(|map| map.keys().cloned()).collect::<Vec<_>>();
        let all: std::collections::BTreeSet<String> = names(before).into_iter().chain(names(after)).collect();
        for name in all {
            let at = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
            let field = |value: &Value| value.get(&name).cloned().unwrap_or(Value::Null);
            compare(&at, &field(before), &field(after), changes);
        }
        return;
    }
    if before != after {
        changes.push(Change { field: place.to_owned(), before: before.clone(), after: after.clone() });
    }
}

/// The heads of the columns of the export.
pub(super) const COLUMNS: &[&str] = &[
    "id",
    "at",
    "kind",
    "actor_kind",
    "actor_id",
    "actor_name",
    "from",
    "subject_kind",
    "subject_id",
    "branch_id",
    "customer_id",
    "sealed",
    "erased",
    "changes",
    "data",
];

/// An event as a line of the export.
pub(super) fn csv_line(entry: &AuditEntry) -> String {
    let event = &entry.event;
    let changes: Vec<String> = entry
        .changes
        .iter()
        .map(|change| format!("{}: {} → {}", change.field, plain(&change.before), plain(&change.after)))
        .collect();
    csv::line(&[
        event.id.clone(),
        event.at.to_string(),
        event.kind.clone(),
        event.actor.kind.clone(),
        event.actor.id.clone().unwrap_or_default(),
        event.actor.name.clone(),
        event.actor.from.clone(),
        event.subject_kind.clone(),
        event.subject_id.clone(),
        event.branch_id.clone(),
        event.customer_id.clone().unwrap_or_default(),
        event.sealed.to_string(),
        event.erased.to_string(),
        changes.join("; "),
        event.data.to_string(),
    ])
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_changed_is_named_field_by_field() {
        let mut changes = Vec::new();
        let before = json!({ "name": "A", "area": { "id": "1", "name": "U" }, "same": 1, "list": [1] });
        let after = json!({ "name": "B", "area": null, "same": 1, "list": [1, 2] });
        compare("", &before, &after, &mut changes);
        let fields: Vec<_> = changes.iter().map(|change| change.field.as_str()).collect();
        assert_eq!(fields, ["area.id", "area.name", "list", "name"]);
    }
}
