//! Texts that people type: bounded, without control characters, one form.

use super::fault::Check;

/// A text of one line with blanks at its ends removed, `least` to `most` characters; what is wrong goes to `check`.
#[must_use]
pub fn line(check: &mut Check, field: &str, given: &str, least: usize, most: usize) -> String {
    bounded(check, field, given, least, most, |c| c.is_control())
}

/// As [`line`], of several lines.
#[must_use]
pub fn lines(check: &mut Check, field: &str, given: &str, least: usize, most: usize) -> String {
    bounded(check, field, given, least, most, |c| c.is_control() && c != '\n' && c != '\r' && c != '\t')
}

fn bounded(
    check: &mut Check,
    field: &str,
    given: &str,
    least: usize,
    most: usize,
    forbidden: impl Fn(char) -> bool,
) -> String {
    let trimmed = given.trim();
    // Bytes first: a text of megabytes need not be counted.
    let length = if trimmed.len() > most.saturating_mul(4) { usize::MAX } else { trimmed.chars().count() };
    if length < least {
        check.that(
            false,
            field,
            if trimmed.is_empty() { "is required".to_owned() } else { format!("needs {least} characters") },
        );
    }
    check.that(length <= most, field, format!("must be at most {most} characters"));
    check.that(length > most || !trimmed.chars().any(forbidden), field, "must not have control characters");
    trimmed.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_trimmed_and_bounded() {
        let mut check = Check::new();
        assert_eq!(line(&mut check, "name", "  রহিম উদ্দিন ", 1, 20), "রহিম উদ্দিন");
        assert!(check.done().is_ok());
        for (given, least, most) in [("", 1, 5), ("  ", 1, 5), ("abcdef", 1, 5), ("a\u{0}", 1, 5), ("a\nb", 1, 5)] {
            let mut check = Check::new();
            let _ = line(&mut check, "name", given, least, most);
            assert!(check.done().is_err(), "{given:?}");
        }
        let _ = lines(&mut check, "notes", "one\ntwo", 0, 100);
        assert!(check.done().is_ok());
    }
}
