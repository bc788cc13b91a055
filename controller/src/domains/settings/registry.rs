//! Every setting there is: what it is called, what it may be, and what it is until somebody changes it.
//!
//! A setting stands here only if something reads it; the reader uses the same constant, so that a key cannot be
//! misspelt.

use super::rules::Kind;

/// A group of settings that belong together on the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// Who the ISP is, as it stands on receipts and in messages.
    Company,
    /// What the pages look like.
    Branding,
    /// Language and currency of what is new.
    Region,
    /// What numbers begin with.
    Numbering,
    /// When who has not paid is held.
    Dunning,
}

impl Section {
    /// All, in the order of the page.
    pub const ALL: [Self; 5] = [Self::Company, Self::Branding, Self::Region, Self::Numbering, Self::Dunning];

    /// As the API names it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Company => "company",
            Self::Branding => "branding",
            Self::Region => "region",
            Self::Numbering => "numbering",
            Self::Dunning => "dunning",
        }
    }
}

/// A setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Its name: `company.name`.
    pub key: &'static str,
    /// Where it stands.
    pub section: Section,
    /// What it may be.
    pub kind: Kind,
    /// What it is until it is set, as JSON.
    pub default: &'static str,
    /// Whether a branch may have its own.
    pub per_branch: bool,
}

/// Name of the ISP, as customers know it.
pub const COMPANY_NAME: &str = "company.name";
/// Colour of buttons and links.
pub const BRANDING_COLOR: &str = "branding.color";
/// Language of who has chosen none.
pub const LANGUAGE: &str = "region.language";
/// Currency of new branches.
pub const CURRENCY: &str = "region.currency";
/// What customer numbers begin with.
pub const CUSTOMER_PREFIX: &str = "numbering.customer_prefix";
/// What receipt numbers begin with.
pub const RECEIPT_PREFIX: &str = "numbering.receipt_prefix";
/// Days of grace of packages that name none.
pub const GRACE_DAYS: &str = "dunning.grace_days";

/// All settings, in the order of the page.
pub const ALL: &[Setting] = &[
    line(COMPANY_NAME, Section::Company, 100, "\"\""),
    line("company.legal_name", Section::Company, 150, "\"\""),
    Setting {
        key: "company.address",
        section: Section::Company,
        kind: Kind::Lines { most: 500 },
        default: "\"\"",
        per_branch: true,
    },
    Setting { key: "company.phone", section: Section::Company, kind: Kind::Phone, default: "\"\"", per_branch: true },
    Setting { key: "company.email", section: Section::Company, kind: Kind::Email, default: "\"\"", per_branch: true },
    Setting { key: "company.website", section: Section::Company, kind: Kind::Url, default: "\"\"", per_branch: false },
    // Business identification number of the VAT authority (13 digits) and of the tax authority (12 digits).
    digits("company.bin", 13),
    digits("company.tin", 12),
    line("company.licence", Section::Company, 60, "\"\""),
    Setting {
        key: BRANDING_COLOR,
        section: Section::Branding,
        kind: Kind::Color,
        default: "\"#1f6feb\"",
        per_branch: false,
    },
    Setting {
        key: LANGUAGE,
        section: Section::Region,
        kind: Kind::Choice { of: &["en", "bn"] },
        default: "\"en\"",
        per_branch: true,
    },
    Setting { key: CURRENCY, section: Section::Region, kind: Kind::Currency, default: "\"BDT\"", per_branch: false },
    prefix(CUSTOMER_PREFIX, "\"LM-\"", false),
    prefix(RECEIPT_PREFIX, "\"R-\"", true),
    Setting {
        key: GRACE_DAYS,
        section: Section::Dunning,
        kind: Kind::Integer { least: 0, most: 60, unit: "days" },
        // Null: what the configuration file says.
        default: "null",
        per_branch: true,
    },
];

const fn line(key: &'static str, section: Section, most: usize, default: &'static str) -> Setting {
    Setting { key, section, kind: Kind::Line { most }, default, per_branch: false }
}

const fn digits(key: &'static str, count: usize) -> Setting {
    Setting { key, section: Section::Company, kind: Kind::Digits { count }, default: "\"\"", per_branch: false }
}

const fn prefix(key: &'static str, default: &'static str, per_branch: bool) -> Setting {
    Setting { key, section: Section::Numbering, kind: Kind::Prefix, default, per_branch }
}

/// The setting of a key.
#[must_use]
pub fn find(key: &str) -> Option<&'static Setting> {
    ALL.iter().find(|setting| setting.key == key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_allowed_values_and_keys_differ() {
        for (index, setting) in ALL.iter().enumerate() {
            let default: serde_json::Value = serde_json::from_str(setting.default).unwrap();
            if !default.is_null() {
                assert_eq!(setting.kind.checked(&default), Ok(default.clone()), "{}", setting.key);
            }
            assert!(setting.key.starts_with(setting.section.word()), "{}", setting.key);
            assert!(ALL[index + 1..].iter().all(|other| other.key != setting.key), "{}", setting.key);
        }
    }
}
