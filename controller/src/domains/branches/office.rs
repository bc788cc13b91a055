//! An office in full: making, changing and removing it.

use std::collections::BTreeSet;

use jiff::civil::Date;
use lastmile_protocol::ids::{BranchAccountId, BranchId, StaffId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::calendar::{Calendar, WeekDay};
use super::rules::{self, Draft};
use super::store;
use crate::db::Tx;
use crate::events::{self, Event};
use crate::kernel::{Actor, At, Currency, Fault, Scope};

/// Who leads an office.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Manager {
    /// Id of the person.
    #[schema(value_type = String)]
    pub id: StaffId,
    /// Name.
    pub name: String,
}

/// An office, with how much it has; of what the caller may see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Branch)]
pub struct Office {
    /// Id.
    #[schema(value_type = String)]
    pub id: BranchId,
    /// Name.
    pub name: String,
    /// Where it is.
    pub address: String,
    /// In E.164; empty when there is none.
    pub phone: String,
    /// Who leads it.
    pub manager: Option<Manager>,
    /// IANA name of its time zone.
    pub time_zone: String,
    /// What it charges in.
    pub currency: Currency,
    /// Closed every week.
    pub days_off: BTreeSet<WeekDay>,
    /// What its invoice numbers begin with.
    pub invoice_prefix: String,
    /// Month in which its year of accounts begins, 1 to 12.
    pub fiscal_year_month: i64,
    /// Customers.
    pub customers: i64,
    /// People who may sign in.
    pub staff: i64,
    /// POPs.
    pub pops: i64,
    /// Routers.
    pub routers: i64,
    /// Since when.
    pub created_at: At,
    /// Id of the manager, seen or not.
    #[serde(skip)]
    pub manager_id: Option<StaffId>,
}

/// A day on which an office is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Holiday {
    /// The day, where the office stands.
    #[serde(with = "day_text")]
    #[schema(value_type = String, format = Date, example = "2026-12-16")]
    pub day: Date,
    /// What is kept on it.
    pub name: String,
}

/// A day as `YYYY-MM-DD`.
mod day_text {
    use jiff::civil::Date;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(day: &Date, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(day)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
        let text = String::deserialize(deserializer)?;
        crate::kernel::time::parse_day(&text).ok_or_else(|| D::Error::custom("a day such as 2026-12-16 is needed"))
    }
}

/// What kind of account it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccountKind {
    /// At a bank.
    Bank,
    /// A merchant account of a payment gateway.
    Gateway,
}

impl AccountKind {
    /// As it is stored.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Bank => "bank",
            Self::Gateway => "gateway",
        }
    }
}

/// An account into which an office is paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct BranchAccount {
    /// Id.
    #[schema(value_type = String)]
    pub id: BranchAccountId,
    /// What it is.
    pub kind: AccountKind,
    /// The bank or gateway, and the branch of the bank.
    pub name: String,
    /// The account's or merchant's number.
    pub number: String,
    /// For people: routing number, account holder.
    pub note: String,
    /// Whether it is in use.
    pub active: bool,
}

/// An account as it is asked for: with the id of one that is there, or new.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountInput {
    /// Which account; absent for a new one.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub id: Option<BranchAccountId>,
    /// What it is.
    pub kind: AccountKind,
    /// The bank or gateway.
    pub name: String,
    /// The account's or merchant's number.
    pub number: String,
    /// For people.
    #[serde(default)]
    pub note: String,
    /// Whether it is in use; yes when absent.
    #[serde(default = "yes")]
    pub active: bool,
}

const fn yes() -> bool {
    true
}

/// An office with its holidays and accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = BranchDetail)]
pub struct Detail {
    /// The office.
    #[serde(flatten)]
    pub office: Office,
    /// Days on which it is closed, by day.
    pub holidays: Vec<Holiday>,
    /// Accounts into which it is paid, by name; none for who sees single customers only.
    pub accounts: Vec<BranchAccount>,
}

/// A new office; Friday and Saturday off and a year from July where nothing else is said.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBranch {
    /// Unique.
    pub name: String,
    /// IANA name of its time zone.
    pub time_zone: String,
    /// What it charges in.
    pub currency: Currency,
    /// Where it is.
    pub address: Option<String>,
    /// As people write it; stored in E.164. Empty for none.
    pub phone: Option<String>,
    /// Who leads it; null = nobody.
    #[serde(default, deserialize_with = "crate::kernel::patch::given")]
    #[schema(value_type = Option<String>)]
    pub manager_id: Option<Option<StaffId>>,
    /// Closed every week; at most six.
    pub days_off: Option<BTreeSet<WeekDay>>,
    /// What its invoice numbers begin with: up to 12 of A-Z 0-9 - /. Empty for none.
    pub invoice_prefix: Option<String>,
    /// Month in which its year of accounts begins.
    #[schema(minimum = 1, maximum = 12)]
    pub fiscal_year_month: Option<i64>,
    /// All its holidays: those that are not named are taken away.
    pub holidays: Option<Vec<Holiday>>,
    /// All its accounts: those whose id is not named are taken away.
    pub accounts: Option<Vec<AccountInput>>,
}

/// A change of an office; what is absent stays.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BranchChange {
    /// New name.
    pub name: Option<String>,
    /// New time zone: days and months are counted in it from now on.
    pub time_zone: Option<String>,
    /// New currency, while no money has moved.
    pub currency: Option<Currency>,
    /// Where it is.
    pub address: Option<String>,
    /// As people write it; stored in E.164. Empty for none.
    pub phone: Option<String>,
    /// Who leads it; null = nobody.
    #[serde(default, deserialize_with = "crate::kernel::patch::given")]
    #[schema(value_type = Option<String>)]
    pub manager_id: Option<Option<StaffId>>,
    /// Closed every week; at most six.
    pub days_off: Option<BTreeSet<WeekDay>>,
    /// What its invoice numbers begin with: up to 12 of A-Z 0-9 - /. Empty for none.
    pub invoice_prefix: Option<String>,
    /// Month in which its year of accounts begins.
    #[schema(minimum = 1, maximum = 12)]
    pub fiscal_year_month: Option<i64>,
    /// All its holidays: those that are not named are taken away.
    pub holidays: Option<Vec<Holiday>>,
    /// All its accounts: those whose id is not named are taken away.
    pub accounts: Option<Vec<AccountInput>>,
}

/// Offices of the caller, by name.
///
/// # Errors
/// When the database fails.
pub async fn offices(tx: &mut Tx) -> Result<Vec<Office>, Fault> {
    store::offices(tx, None).await
}

/// One office.
///
/// # Errors
/// `NotFound` if it does not exist for this caller.
pub async fn detail(tx: &mut Tx, id: BranchId) -> Result<Detail, Fault> {
    let office = store::offices(tx, Some(id)).await?.pop().ok_or(Fault::NotFound { what: "branch" })?;
    let (holidays, accounts) = (store::holidays(tx, id).await?, store::accounts(tx, id).await?);
    Ok(Detail { office, holidays, accounts })
}

/// When an office works.
///
/// # Errors
/// `NotFound` if it does not exist for this caller.
pub async fn calendar(tx: &mut Tx, id: BranchId) -> Result<Calendar, Fault> {
    let office = store::offices(tx, Some(id)).await?.pop().ok_or(Fault::NotFound { what: "branch" })?;
    let holidays = store::holidays(tx, id).await?.into_iter().map(|holiday| holiday.day).collect();
    Ok(Calendar { days_off: office.days_off, holidays })
}

/// Opens an office.
///
/// # Errors
/// Wrong fields, a name or prefix that is taken; `Forbidden` for who does not see all branches.
pub async fn create(tx: &mut Tx, actor: &Actor, new: NewBranch) -> Result<Detail, Fault> {
    let made = super::add(tx, &rules::name(&new.name)?, &new.time_zone, new.currency).await?;
    let before = detail(tx, made.id).await?;
    let change = BranchChange {
        name: None,
        time_zone: None,
        currency: None,
        address: new.address,
        phone: new.phone,
        manager_id: new.manager_id,
        days_off: new.days_off,
        invoice_prefix: new.invoice_prefix,
        fiscal_year_month: new.fiscal_year_month,
        holidays: new.holidays,
        accounts: new.accounts,
    };
    write(tx, &before, change).await?;
    let after = detail(tx, made.id).await?;
    record(tx, actor, "branch.created", &after, json!({ "after": after })).await?;
    Ok(after)
}

/// Changes an office.
///
/// # Errors
/// Not found, wrong fields, a name or prefix that is taken.
pub async fn change(tx: &mut Tx, actor: &Actor, id: BranchId, change: BranchChange) -> Result<Detail, Fault> {
    if !tx.scope().covers(id) {
        return Err(Fault::NotFound { what: "branch" });
    }
    tx.lock(&format!("branch:{id}")).await?;
    let before = detail(tx, id).await?;
    write(tx, &before, change).await?;
    let after = detail(tx, id).await?;
    if after != before {
        record(tx, actor, "branch.changed", &after, json!({ "before": before, "after": after })).await?;
    }
    Ok(after)
}

async fn write(tx: &mut Tx, before: &Detail, change: BranchChange) -> Result<(), Fault> {
    let id = before.office.id;
    let draft = rules::checked(&before.office, change)?;
    if draft.currency != before.office.currency && store::uses(tx, id).await?.has_money() {
        return Err(Fault::field("currency", "stays as it is: money has moved in it"));
    }
    if let Some(manager) = draft.manager_id.filter(|_| draft.manager_id != before.office.manager_id)
        && !store::is_active(tx, manager).await?
    {
        return Err(Fault::field("manager_id", "there is no such person who works here"));
    }
    store::update(tx, id, &draft).await?;
    let Draft { holidays, accounts, .. } = draft;
    if let Some(holidays) = holidays {
        store::put_holidays(tx, id, &holidays).await?;
    }
    if let Some(accounts) = accounts {
        put_accounts(tx, id, &before.accounts, accounts).await?;
    }
    Ok(())
}

async fn put_accounts(
    tx: &mut Tx,
    id: BranchId,
    before: &[BranchAccount],
    given: Vec<AccountInput>,
) -> Result<(), Fault> {
    let mut after = Vec::with_capacity(given.len());
    for (index, input) in given.into_iter().enumerate() {
        let known = input.id.filter(|id| before.iter().any(|account| account.id == *id));
        if known != input.id {
            return Err(Fault::field(format!("accounts[{index}].id"), "there is no such account of this branch"));
        }
        let AccountInput { kind, name, number, note, active, .. } = input;
        let account_id = known.unwrap_or_else(|| tx.new_id());
        after.push(BranchAccount { id: account_id, kind, name, number, note, active });
    }
    for gone in before.iter().filter(|old| after.iter().all(|account| account.id != old.id)) {
        store::delete_account(tx, id, gone.id).await?;
    }
    for account in &after {
        store::put_account(tx, id, account).await?;
    }
    Ok(())
}

/// Removes an office in which nothing is left. What happened in it stays in the record of events.
///
/// # Errors
/// Not found; `branch_in_use` names what is in it; `last_branch`; `Forbidden` for who does not see all branches.
pub async fn remove(tx: &mut Tx, actor: &Actor, id: BranchId) -> Result<(), Fault> {
    let before = detail(tx, id).await?;
    if *tx.scope() != Scope::All {
        return Err(Fault::Forbidden { detail: "branches are removed by who sees them all".to_owned() });
    }
    tx.lock("branches").await?;
    // The row first: whoever is putting something into the branch holds it until they are done, and is counted then.
    if !store::remove(tx, id).await? {
        return Err(Fault::NotFound { what: "branch" });
    }
    let inside = store::uses(tx, id).await?.told();
    if !inside.is_empty() {
        let detail = format!("the branch still has {}", inside.join(", "));
        return Err(Fault::conflict("branch_in_use", detail));
    }
    if super::list(tx).await?.is_empty() {
        return Err(Fault::conflict("last_branch", "an ISP has one branch at least"));
    }
    record(tx, actor, "branch.removed", &before, json!({ "before": before })).await
}

async fn record(
    tx: &mut Tx,
    actor: &Actor,
    kind: &'static str,
    detail: &Detail,
    data: serde_json::Value,
) -> Result<(), Fault> {
    let event = Event {
        kind,
        subject_kind: "branch",
        subject_id: detail.office.id.to_string(),
        branch_id: detail.office.id,
        customer_id: None,
        data,
        at_ms: tx.now_ms(),
    };
    events::record(tx, actor, event).await.map(|_| ())
}
