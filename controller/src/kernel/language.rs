//! The languages in which Lastmile speaks to people.

use serde::{Deserialize, Serialize};

/// A language of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English.
    En,
    /// Bangla.
    Bn,
}

/// A word that names no language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a language is en or bn")]
pub struct BadLanguage;

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::En, Self::Bn];

    /// The word under which it is stored: `en`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Bn => "bn",
        }
    }

    /// Digits as this language writes them; everything else stays.
    #[must_use]
    pub fn digits(self, text: &str) -> String {
        match self {
            Self::En => text.to_owned(),
            Self::Bn => text.chars().map(bangla).collect(),
        }
    }
}

fn bangla(c: char) -> char {
    c.to_digit(10).and_then(|digit| char::from_u32(u32::from('০') + digit)).unwrap_or(c)
}

impl std::fmt::Display for Language {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Language {
    type Err = BadLanguage;
    fn from_str(text: &str) -> Result<Self, BadLanguage> {
        Self::ALL.into_iter().find(|language| language.as_str() == text).ok_or(BadLanguage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_written_as_the_language_does() {
        assert_eq!(Language::Bn.digits("R-0123 ab"), "R-০১২৩ ab");
        assert_eq!(Language::En.digits("0123"), "0123");
        assert_eq!("bn".parse(), Ok(Language::Bn));
        assert!("hi".parse::<Language>().is_err());
    }
}
