//! How a customer is numbered, found and sorted. Pure.

/// The customer's number: `LM-000123`. Grows beyond six digits when it must.
#[must_use]
pub fn number(prefix: &str, count: i64) -> String {
    format!("{prefix}{count:06}")
}

/// The form of a text in which it is searched and sorted: lower case, Bangla digits as 0-9, one space between words.
#[must_use]
pub fn fold(text: &str) -> String {
    let lower = text.to_lowercase();
    let digits = lower.chars().map(|c| bangla_digit(c).unwrap_or(c));
    digits.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn bangla_digit(c: char) -> Option<char> {
    let offset = u32::from(c).checked_sub(u32::from('০'))?;
    if offset < 10 { char::from_digit(offset, 10) } else { None }
}

/// What is searched of a customer. A phone number stands there as dialled from abroad and as dialled at home, so
/// that `01712` and `+8801712` both find it.
#[must_use]
pub fn search_text(number: &str, name: &str, phone: &str) -> String {
    let home = phone.strip_prefix("+880").map(|rest| format!(" 0{rest}")).unwrap_or_default();
    format!("{} {} {phone}{home}", fold(number), fold(name))
}

/// What somebody typed into the search field as a pattern for `LIKE … ESCAPE '!'`; `None` if it is empty.
/// Blanks and dashes within a phone number do not count.
#[must_use]
pub fn search_pattern(typed: &str) -> Option<String> {
    let mut text = fold(typed);
    let is_phone = |c: char| c.is_ascii_digit() || "+-() ".contains(c);
    if text.chars().all(is_phone) {
        text.retain(|c| c.is_ascii_digit() || c == '+');
    }
    if text.is_empty() {
        return None;
    }
    let escaped: String =
        text.chars().flat_map(|c| if matches!(c, '%' | '_' | '!') { vec!['!', c] } else { vec![c] }).collect();
    Some(format!("%{escaped}%"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!(number("LM-", 123), "LM-000123");
        assert_eq!(number("LM-", 1_234_567), "LM-1234567");
    }

    #[test]
    fn a_phone_is_found_as_people_type_it() {
        let text = search_text("LM-000001", "Rahim  UDDIN", "+8801712345678");
        for typed in ["01712-345 678", "+880 1712", "rahim ud", "lm-000001", "০১৭১২"] {
            let pattern = search_pattern(typed).expect("a pattern");
            let inner = pattern.trim_matches('%').replace('!', "");
            assert!(text.contains(&inner), "{typed}: {inner} in {text}");
        }
        assert_eq!(search_pattern("  "), None);
        assert_eq!(search_pattern("50%_!"), Some("%50!%!_!!%".to_owned()));
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing(text in "\\PC{0,40}") {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once);
        }
    }
}
