//! A value that must not reach a log, an answer or an event.

use serde::{Deserialize, Deserializer};

/// Holds a secret. It can be read from a request and handed on by [`Secret::expose`]; it cannot be printed or
/// serialised.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Wraps a secret.
    #[must_use]
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The secret itself. Look twice at every use.
    #[must_use]
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// The secret itself, by value.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> std::fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Secret<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // An error of the inner type may quote the value, so it is not passed on.
        T::deserialize(deserializer).map(Self).map_err(|_| serde::de::Error::custom("a text is needed"))
    }
}

impl<T> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn it_is_not_shown() {
        let secret = Secret::new("hunter2".to_owned());
        assert_eq!(format!("{secret:?}"), "[secret]");
        let error = serde_json::from_str::<Secret<u32>>(r#""hunter2""#).unwrap_err().to_string();
        assert!(!error.contains("hunter2"));
    }
}
