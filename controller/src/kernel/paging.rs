//! Lists in pages: a bounded limit and an opaque cursor that says where the next page begins.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::Fault;

/// Rows of a page when the caller does not say.
pub const DEFAULT_LIMIT: i64 = 50;
/// Most rows of a page.
pub const MAX_LIMIT: i64 = 500;

/// The limit to use: what was asked for, at least 1, at most [`MAX_LIMIT`].
#[must_use]
pub fn limit(asked: Option<i64>) -> i64 {
    asked.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT)
}

/// One page of a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Cursor of the next page, for `after=`; null at the end.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// A page from up to `limit + 1` rows: the row too many tells that there is a next page, which begins after the
    /// last row kept. `key` gives the cursor's content of a row.
    pub fn cut<K: Serialize>(mut rows: Vec<T>, limit: i64, key: impl Fn(&T) -> K) -> Self {
        let limit = usize::try_from(limit).unwrap_or(0);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = if more { rows.last().map(|row| cursor(&key(row))) } else { None };
        Self { items: rows, next }
    }
}

/// The opaque text of a cursor: its JSON in hexadecimal, so that nobody reads a meaning into it.
pub fn cursor<K: Serialize>(key: &K) -> String {
    use std::fmt::Write as _;
    let json = serde_json::to_vec(key).unwrap_or_default();
    let mut text = String::with_capacity(json.len() * 2);
    for byte in json {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// What a cursor says.
///
/// # Errors
/// [`Fault::Invalid`] on `after` when the text is no cursor of this list.
pub fn parse_cursor<K: DeserializeOwned>(text: &str) -> Result<K, Fault> {
    let wrong = || Fault::field("after", "this is not a cursor of this list");
    if text.len() > 2_000 || !text.is_ascii() || !text.len().is_multiple_of(2) {
        return Err(wrong());
    }
    let bytes: Option<Vec<u8>> = text
        .as_bytes()
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok()))
        .collect();
    bytes.and_then(|json| serde_json::from_slice(&json).ok()).ok_or_else(wrong)
}

/// `limit` and `after` of a list's query.
#[derive(Debug, Default, Clone, Deserialize, utoipa::IntoParams)]
pub struct PageParams {
    /// Most rows wanted (1-500, 50 when absent).
    pub limit: Option<i64>,
    /// Cursor from `next` of the page before.
    pub after: Option<String>,
}

impl PageParams {
    /// The bounded limit.
    #[must_use]
    pub fn limit(&self) -> i64 {
        limit(self.limit)
    }

    /// What the cursor says, if there is one.
    ///
    /// # Errors
    /// [`Fault::Invalid`] on `after`.
    pub fn after<K: DeserializeOwned>(&self) -> Result<Option<K>, Fault> {
        self.after.as_deref().map(parse_cursor).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_knows_its_next() {
        let page = Page::cut(vec![1, 2, 3], 2, |row| *row);
        assert_eq!(page.items, [1, 2]);
        assert_eq!(parse_cursor::<i32>(&page.next.unwrap()).unwrap(), 2);
        assert!(Page::cut(vec![1, 2], 2, |row| *row).next.is_none());
    }

    #[test]
    fn foreign_texts_are_refused() {
        for text in ["zz", "0", "ff", "বাংলা"] {
            assert!(parse_cursor::<i32>(text).is_err(), "{text}");
        }
    }
}
