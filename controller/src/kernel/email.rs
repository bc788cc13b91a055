//! E-mail addresses: one spelling, and nothing in them that could become a header or a command.

/// Longest address that mail servers carry, bytes.
const MOST: usize = 254;
/// Longest part before the `@`, bytes.
const LOCAL_MOST: usize = 64;

/// The address with its domain in lower case. `None` when it cannot be an address: quoted local parts and address
/// literals are refused, since nobody has one and every parser reads them differently.
#[must_use]
pub fn normalize(text: &str) -> Option<String> {
    let trimmed = text.trim();
    let (local, domain) = trimmed.rsplit_once('@')?;
    if trimmed.len() > MOST || !good_local(local) || !good_domain(domain) {
        return None;
    }
    Some(format!("{local}@{}", domain.to_ascii_lowercase()))
}

fn good_local(local: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    let dots = local.starts_with('.') || local.ends_with('.') || local.contains("..");
    (1..=LOCAL_MOST).contains(&local.len()) && !dots && local.chars().all(good)
}

fn good_domain(domain: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    domain.contains('.') && domain.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::normalize;

    #[test]
    fn addresses_are_spelled_one_way() {
        assert_eq!(normalize(" Rahim.Uddin+isp@Example.COM ").as_deref(), Some("Rahim.Uddin+isp@example.com"));
        assert_eq!(normalize("a@b.example").as_deref(), Some("a@b.example"));
    }

    #[test]
    fn what_could_be_something_else_is_refused() {
        for text in [
            "",
            "a",
            "@b.c",
            "a@",
            "a@b",
            "a b@c.d",
            "a@b.c\r\nBcc: x@y.z",
            "a@@b.c",
            "\"a b\"@c.d",
            "a@[127.0.0.1]",
            ".a@b.c",
            "a..b@c.d",
            "a@-b.c",
            "a@b..c",
            "<a@b.c>",
            "a,b@c.d",
        ] {
            assert_eq!(normalize(text), None, "{text:?}");
        }
        assert_eq!(normalize(&format!("{}@b.c", "a".repeat(65))), None);
        assert_eq!(normalize(&format!("a@{}.c", "b".repeat(64))), None);
    }
}
