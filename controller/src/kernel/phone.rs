//! Phone numbers: one spelling for search, SMS and uniqueness.

/// The E.164 spelling of a number as people in Bangladesh write it (`01712-345678`, `8801…`, `+880 17…`), or of any
/// international number with `+`. `None` when it cannot be a phone number.
#[must_use]
pub fn normalize(text: &str) -> Option<String> {
    let trimmed = text.trim();
    if trimmed.chars().any(|c| !(c.is_ascii_digit() || bangla_digit(c).is_some() || "+-() .".contains(c))) {
        return None;
    }
    let digits: String =
        trimmed.chars().filter_map(|c| if c.is_ascii_digit() { Some(c) } else { bangla_digit(c) }).collect();
    let full = if trimmed.starts_with('+') {
        digits
    } else if let Some(rest) = digits.strip_prefix("00") {
        rest.to_owned()
    } else if digits.starts_with("880") {
        digits
    } else {
        format!("880{}", digits.strip_prefix('0')?)
    };
    if let Some(national) = full.strip_prefix("880") {
        return ((8..=10).contains(&national.len())).then(|| format!("+{full}"));
    }
    ((8..=15).contains(&full.len()) && !full.starts_with('0')).then(|| format!("+{full}"))
}

/// ০-৯ as 0-9.
fn bangla_digit(c: char) -> Option<char> {
    let offset = u32::from(c).checked_sub(u32::from('০'))?;
    if offset < 10 { char::from_digit(offset, 10) } else { None }
}

#[cfg(test)]
mod tests {
    use super::normalize;

    #[test]
    fn spellings_of_one_number_meet() {
        for text in
            ["01712345678", "01712-345678", "+880 1712 345678", "8801712345678", "008801712345678", "০১৭১২৩৪৫৬৭৮"]
        {
            assert_eq!(normalize(text).as_deref(), Some("+8801712345678"), "{text}");
        }
        assert_eq!(normalize("+49 30 123456").as_deref(), Some("+4930123456"));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "12", "017x2345678", "1712345678", "+0123456789", "0171234567890123"] {
            assert_eq!(normalize(text), None, "{text}");
        }
    }
}
