//! The bytes that digests and seals cover: every field with its length, so that no two rows have the same bytes. Pure.

use ring::digest::{SHA256, digest};

/// An event as it stands in its row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub id: String,
    pub at_ms: i64,
    pub kind: String,
    pub actor_kind: String,
    pub actor_id: Option<String>,
    pub actor_name: String,
    pub actor_from: String,
    pub subject_kind: String,
    pub subject_id: String,
    pub branch_id: String,
    pub customer_id: Option<String>,
    pub data: String,
    pub personal: i64,
}

/// A part that stands apart, as it stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub owner_kind: String,
    pub owner_id: String,
    pub salt: Vec<u8>,
    pub content: String,
}

/// Digests of the parts of an event that stand apart: the actor's and the data's.
pub(super) type PartDigests = (Option<Vec<u8>>, Option<Vec<u8>>);

/// What stands in the chain for a part: without the salt nobody can try names against it.
pub(super) fn part_digest(part: &Part) -> Vec<u8> {
    let mut out = vec![1];
    for field in [part.owner_kind.as_bytes(), part.owner_id.as_bytes(), &part.salt, part.content.as_bytes()] {
        put(&mut out, field);
    }
    digest(&SHA256, &out).as_ref().to_vec()
}

/// What stands in the chain for an event.
pub(super) fn row_digest(row: &Row, parts: &PartDigests) -> Vec<u8> {
    let mut out = vec![1];
    out.extend(row.at_ms.to_be_bytes());
    out.extend(row.personal.to_be_bytes());
    let texts = [
        &row.id,
        &row.kind,
        &row.actor_kind,
        &row.actor_name,
        &row.actor_from,
        &row.subject_kind,
        &row.subject_id,
        &row.branch_id,
        &row.data,
    ];
    for text in texts {
        put(&mut out, text.as_bytes());
    }
    let optional = [
        row.actor_id.as_deref().map(str::as_bytes),
        row.customer_id.as_deref().map(str::as_bytes),
        parts.0.as_deref(),
        parts.1.as_deref(),
    ];
    for field in optional {
        out.push(u8::from(field.is_some()));
        put(&mut out, field.unwrap_or_default());
    }
    digest(&SHA256, &out).as_ref().to_vec()
}

/// What the MAC of a seal covers: its number, the MAC of the seal before it (empty for the first), its time, and the
/// digests of its events in order.
pub(super) fn seal_bytes<'a>(
    no: i64,
    previous: &[u8],
    sealed_at_ms: i64,
    events: impl ExactSizeIterator<Item = &'a [u8]>,
) -> Vec<u8> {
    let mut out = vec![1];
    out.extend(no.to_be_bytes());
    out.extend(sealed_at_ms.to_be_bytes());
    put(&mut out, previous);
    out.extend(u64::try_from(events.len()).unwrap_or(u64::MAX).to_be_bytes());
    for event in events {
        put(&mut out, event);
    }
    out
}

fn put(out: &mut Vec<u8>, field: &[u8]) {
    out.extend(u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
    out.extend(field);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_do_not_run_into_each_other() {
        let part = |kind: &str, id: &str| Part {
            owner_kind: kind.into(),
            owner_id: id.into(),
            salt: vec![7; 16],
            content: "{}".into(),
        };
        assert_ne!(part_digest(&part("ab", "c")), part_digest(&part("a", "bc")));
        let row = Row {
            id: "E".into(),
            at_ms: 1,
            kind: "k".into(),
            actor_kind: "system".into(),
            actor_id: None,
            actor_name: String::new(),
            actor_from: String::new(),
            subject_kind: "s".into(),
            subject_id: "1".into(),
            branch_id: "B".into(),
            customer_id: Some(String::new()),
            data: "{}".into(),
            personal: 0,
        };
        let other = Row { actor_id: Some(String::new()), customer_id: None, ..row.clone() };
        assert_ne!(row_digest(&row, &(None, None)), row_digest(&other, &(None, None)));
        assert_ne!(row_digest(&row, &(None, None)), row_digest(&row, &(Some(Vec::new()), None)));
    }
}
