//! Fields of a change that tell "leave it" from "make it empty".

use serde::{Deserialize, Deserializer};

/// For `#[serde(default, deserialize_with = "given")]` on an `Option<Option<T>>`: an absent field is `None`, a null
/// is `Some(None)`.
///
/// # Errors
/// When the value is neither null nor a `T`.
pub fn given<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::<T>::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Change {
        #[serde(default, deserialize_with = "given")]
        days: Option<Option<i64>>,
    }

    #[test]
    fn absent_null_and_value_differ() {
        let parse = |text| serde_json::from_str::<Change>(text).expect("a change").days;
        assert_eq!(parse("{}"), None);
        assert_eq!(parse(r#"{"days":null}"#), Some(None));
        assert_eq!(parse(r#"{"days":3}"#), Some(Some(3)));
    }
}
