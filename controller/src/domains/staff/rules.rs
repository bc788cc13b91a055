//! What a person may be called, and who belongs where: pure.

use std::collections::BTreeSet;

use lastmile_protocol::ids::BranchId;

/// What a sign-in name has to be, in words.
pub const USERNAME: &str = "1 to 64 characters of a-z 0-9 . _ - @ are needed";

/// Whether this can be a sign-in name.
#[must_use]
pub fn is_username(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-@".contains(&b))
}

/// The further branches after a change by somebody who sees only some: what they cannot see stays as it was.
#[must_use]
pub fn further(
    before: &BTreeSet<BranchId>,
    asked: BTreeSet<BranchId>,
    home: BranchId,
    sees: impl Fn(BranchId) -> bool,
) -> BTreeSet<BranchId> {
    let hidden = before.iter().copied().filter(|branch| !sees(*branch));
    asked.into_iter().chain(hidden).filter(|branch| *branch != home).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sign_in_names_are_plain() {
        for good in ["rahim", "rahim.uddin", "rahim@isp.example", "r", "0"] {
            assert!(is_username(good), "{good}");
        }
        for bad in ["", "Rahim", "rahim uddin", "রহিম", &"a".repeat(65), "a\n", "a\u{0}"] {
            assert!(!is_username(bad), "{bad}");
        }
    }

    #[test]
    fn what_one_does_not_see_stays() {
        let [home, seen, hidden] = [1, 2, 3].map(|n| BranchId::new(n, [0; 10]));
        let sees = |branch| branch != hidden;
        assert_eq!(further(&[hidden].into(), [home, seen].into(), home, sees), [seen, hidden].into());
        assert_eq!(further(&[seen, hidden].into(), BTreeSet::new(), home, sees), [hidden].into());
    }
}
