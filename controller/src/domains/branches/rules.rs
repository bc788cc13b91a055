//! What may be said of an office. Pure.

use std::collections::BTreeSet;

use lastmile_protocol::ids::StaffId;

use super::calendar::WeekDay;
use super::office::{AccountInput, BranchChange, Holiday, Office};
use crate::kernel::fault::Check;
use crate::kernel::{Currency, Fault, Zone, phone, text};

/// Longest name of a branch, a holiday or an account, characters.
const NAME_MAX: usize = 80;
/// Longest address, characters.
const ADDRESS_MAX: usize = 500;
/// Longest number of an account, characters.
const NUMBER_MAX: usize = 60;
/// Longest note on an account, characters.
const NOTE_MAX: usize = 300;
/// Longest prefix of invoice numbers.
const PREFIX_MAX: usize = 12;
/// Most holidays of a branch: some years of them.
const HOLIDAYS_MAX: usize = 400;
/// Most accounts of a branch.
const ACCOUNTS_MAX: usize = 50;

/// An office as it is going to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    pub name: String,
    pub address: String,
    pub phone: String,
    pub manager_id: Option<StaffId>,
    pub time_zone: String,
    pub currency: Currency,
    pub days_off: BTreeSet<WeekDay>,
    pub invoice_prefix: String,
    pub fiscal_year_month: i64,
    /// By day, where they change.
    pub holidays: Option<Vec<Holiday>>,
    /// Where they change.
    pub accounts: Option<Vec<AccountInput>>,
}

/// A name that a branch may have.
///
/// # Errors
/// A field error.
pub fn name(given: &str) -> Result<String, Fault> {
    let mut check = Check::new();
    let name = text::line(&mut check, "name", given, 1, NAME_MAX);
    check.done()?;
    Ok(name)
}

/// The office after the change.
///
/// # Errors
/// Every field that is wrong.
pub fn checked(before: &Office, change: BranchChange) -> Result<Draft, Fault> {
    let mut check = Check::new();
    let draft = Draft {
        name: text::line(&mut check, "name", change.name.as_deref().unwrap_or(&before.name), 1, NAME_MAX),
        address: text::lines(
            &mut check,
            "address",
            change.address.as_deref().unwrap_or(&before.address),
            0,
            ADDRESS_MAX,
        ),
        phone: telephone(&mut check, change.phone.as_deref().unwrap_or(&before.phone)),
        manager_id: change.manager_id.unwrap_or(before.manager_id),
        time_zone: change.time_zone.unwrap_or_else(|| before.time_zone.clone()),
        currency: change.currency.unwrap_or(before.currency),
        days_off: change.days_off.unwrap_or_else(|| before.days_off.clone()),
        invoice_prefix: change.invoice_prefix.unwrap_or_else(|| before.invoice_prefix.clone()).trim().to_uppercase(),
        fiscal_year_month: change.fiscal_year_month.unwrap_or(before.fiscal_year_month),
        holidays: change.holidays.map(|given| holidays(&mut check, given)),
        accounts: change.accounts.map(|given| accounts(&mut check, given)),
    };
    if let Err(bad) = Zone::named(&draft.time_zone) {
        check.that(false, "time_zone", bad.to_string());
    }
    check.that(draft.days_off.len() < 7, "days_off", "one day at least must be worked");
    let allowed = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-' || c == '/';
    check.that(
        draft.invoice_prefix.chars().count() <= PREFIX_MAX && draft.invoice_prefix.chars().all(allowed),
        "invoice_prefix",
        format!("up to {PREFIX_MAX} of A-Z 0-9 - / are needed"),
    );
    check.that((1..=12).contains(&draft.fiscal_year_month), "fiscal_year_month", "must be a month, 1 to 12");
    check.done()?;
    Ok(draft)
}

fn telephone(check: &mut Check, given: &str) -> String {
    if given.trim().is_empty() {
        return String::new();
    }
    phone::normalize(given).unwrap_or_else(|| {
        check.that(false, "phone", "must be a phone number such as 02-5501234 or +8801712345678");
        String::new()
    })
}

fn holidays(check: &mut Check, mut given: Vec<Holiday>) -> Vec<Holiday> {
    check.that(given.len() <= HOLIDAYS_MAX, "holidays", format!("at most {HOLIDAYS_MAX}"));
    given.truncate(HOLIDAYS_MAX);
    let mut seen = BTreeSet::new();
    for (index, holiday) in given.iter_mut().enumerate() {
        let field = |name| format!("holidays[{index}].{name}");
        check.that(
            (2000..2200).contains(&holiday.day.year()),
            &field("day"),
            "must lie between the years 2000 and 2200",
        );
        check.that(seen.insert(holiday.day), &field("day"), "is named twice");
        holiday.name = text::line(check, &field("name"), &holiday.name, 1, NAME_MAX);
    }
    given.sort_by_key(|holiday| holiday.day);
    given
}

fn accounts(check: &mut Check, mut given: Vec<AccountInput>) -> Vec<AccountInput> {
    check.that(given.len() <= ACCOUNTS_MAX, "accounts", format!("at most {ACCOUNTS_MAX}"));
    given.truncate(ACCOUNTS_MAX);
    let (mut ids, mut numbers) = (BTreeSet::new(), BTreeSet::new());
    for (index, account) in given.iter_mut().enumerate() {
        let field = |name| format!("accounts[{index}].{name}");
        account.name = text::line(check, &field("name"), &account.name, 1, NAME_MAX);
        account.number = text::line(check, &field("number"), &account.number, 1, NUMBER_MAX);
        account.note = text::lines(check, &field("note"), &account.note, 0, NOTE_MAX);
        check.that(account.id.is_none_or(|id| ids.insert(id)), &field("id"), "is named twice");
        let number = (account.kind.word(), account.name.clone(), account.number.clone());
        check.that(numbers.insert(number), &field("number"), "is named twice");
    }
    given
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use lastmile_protocol::ids::BranchId;

    use super::*;
    use crate::kernel::At;

    fn office() -> Office {
        Office {
            id: BranchId::new(1, [1; 10]),
            name: "Mirpur".into(),
            address: String::new(),
            phone: String::new(),
            manager: None,
            time_zone: "Asia/Dhaka".into(),
            currency: Currency::BDT,
            days_off: [WeekDay::Fri, WeekDay::Sat].into(),
            invoice_prefix: String::new(),
            fiscal_year_month: 7,
            customers: 0,
            staff: 0,
            pops: 0,
            routers: 0,
            created_at: At(0),
            manager_id: None,
        }
    }

    #[test]
    fn every_wrong_field_is_named() {
        let holiday = |day, name: &str| Holiday { day, name: name.into() };
        let change = BranchChange {
            name: Some(" ".into()),
            time_zone: Some("Asia/Atlantis".into()),
            phone: Some("call us".into()),
            days_off: Some(WeekDay::ALL.into()),
            invoice_prefix: Some("INV 1".into()),
            fiscal_year_month: Some(13),
            holidays: Some(vec![holiday(date(2026, 12, 16), "Victory Day"), holiday(date(2026, 12, 16), "")]),
            ..BranchChange::default()
        };
        let Err(Fault::Invalid(errors)) = checked(&office(), change) else { panic!("accepted") };
        let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "name",
                "phone",
                "holidays[1].day",
                "holidays[1].name",
                "time_zone",
                "days_off",
                "invoice_prefix",
                "fiscal_year_month"
            ]
        );
    }

    #[test]
    fn what_is_absent_stays() {
        let before = Office { invoice_prefix: "MIR/".into(), phone: "+8801712345678".into(), ..office() };
        let change = BranchChange { address: Some("Road 3".into()), ..BranchChange::default() };
        let after = checked(&before, change).unwrap();
        assert_eq!((after.invoice_prefix.as_str(), after.phone.as_str()), ("MIR/", "+8801712345678"));
        assert_eq!((after.address.as_str(), after.holidays, after.accounts), ("Road 3", None, None));
    }
}
