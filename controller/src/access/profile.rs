//! What people change about themselves, and how they can be reached.

use serde_json::json;

use super::caller::{Caller, Client, StaffInfo};
use super::sign_in::note;
use super::store::people as store;
use crate::db::Tx;
use crate::kernel::fault::Check;
use crate::kernel::{Fault, phone, text};
use crate::secrets::Secret;

/// Languages of the pages.
const LANGUAGES: &[&str] = &["en", "bn"];
/// The longest address that mail servers take.
const EMAIL_MAX: usize = 254;

/// A change of one's own profile; what is absent stays.
#[derive(Debug, Clone, Default, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileChange {
    /// Name to show.
    pub name: Option<String>,
    /// Telephone; empty for none. Needs `current_password`.
    pub phone: Option<String>,
    /// E-mail; empty for none. Needs `current_password`.
    pub email: Option<String>,
    /// `en` or `bn`.
    pub language: Option<String>,
    /// One's own password: where a way back in is sent must not be changed at a browser that was left open.
    #[schema(value_type = Option<String>, format = Password)]
    pub current_password: Option<Secret<String>>,
}

impl ProfileChange {
    /// Whether it changes where messages go.
    #[must_use]
    pub fn moves_messages(&self, staff: &StaffInfo) -> bool {
        self.phone.as_ref().is_some_and(|phone| *phone != staff.phone)
            || self.email.as_ref().is_some_and(|email| *email != staff.email)
    }
}

/// How somebody is called and reached, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reachable {
    /// Name to show.
    pub name: String,
    /// `+8801…`, or empty.
    pub phone: String,
    /// In lower case, or empty.
    pub email: String,
    /// `en` or `bn`.
    pub language: String,
}

impl Reachable {
    /// Checks what somebody typed; what is wrong goes to `check`.
    #[must_use]
    pub fn checked(check: &mut Check, name: &str, phone: &str, email: &str, language: &str) -> Self {
        let name = text::line(check, "name", name, 1, 100);
        let phone = if phone.trim().is_empty() {
            String::new()
        } else {
            phone::normalize(phone).unwrap_or_else(|| {
                check.that(false, "phone", "a number such as 01712-345678 or +880… is needed");
                String::new()
            })
        };
        let email = email.trim().to_lowercase();
        check.that(email.is_empty() || is_email(&email), "email", "an address such as rahim@isp.example is needed");
        check.that(LANGUAGES.contains(&language), "language", "must be en or bn");
        Self { name, phone, email, language: language.to_owned() }
    }
}

/// Changes the caller's own profile.
///
/// # Errors
/// Field errors.
pub async fn change_profile(
    tx: &mut Tx,
    caller: &Caller,
    client: &Client,
    change: &ProfileChange,
) -> Result<StaffInfo, Fault> {
    let before = &caller.staff;
    let mut check = Check::new();
    let new = Reachable::checked(
        &mut check,
        change.name.as_ref().unwrap_or(&before.name),
        change.phone.as_ref().unwrap_or(&before.phone),
        change.email.as_ref().unwrap_or(&before.email),
        change.language.as_ref().unwrap_or(&before.language),
    );
    check.done()?;
    let mut after = before.clone();
    (after.name, after.phone, after.email, after.language) = (new.name, new.phone, new.email, new.language);
    if after == *before {
        return Ok(after);
    }
    store::set_profile(tx, &after).await?;
    note(tx, &after, client, "staff.profile_changed", json!({"before": told(before), "after": told(&after)})).await?;
    Ok(after)
}

fn told(staff: &StaffInfo) -> serde_json::Value {
    json!({"name": staff.name, "phone": staff.phone, "email": staff.email, "language": staff.language})
}

/// One `@`, something before it, a dot somewhere after it, nothing that could end a header.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let plain =
        |part: &str, more: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || more.contains(c));
    text.len() <= EMAIL_MAX
        && plain(local, ".!#$%&'*+/=?^_`{|}~-")
        && plain(domain, ".-")
        && domain.contains('.')
        && domain.split('.').all(|label| !label.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_other_texts() {
        for good in ["rahim@isp.example", "a.b+c@x-y.co.bd"] {
            assert!(is_email(good), "{good}");
        }
        let long = format!("{}@isp.example", "a".repeat(250));
        for bad in
            ["", "rahim", "@isp.example", "rahim@", "a@b", "a@b..c", "a b@c.d", "a@b.c\r\nBcc: x@y.z", "a@b@c.d", &long]
        {
            assert!(!is_email(bad), "{bad}");
        }
    }
}
