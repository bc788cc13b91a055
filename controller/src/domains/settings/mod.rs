//! Settings that live in the database: one value a key, for all branches or for one.
//!
//! What there is stands in [`registry`]; a value is checked before it is kept and read through a typed function, so that
//! no reader meets something else. Event: `settings.changed`, with what was and what is.

pub mod api;
pub mod registry;
mod rules;
pub mod store;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use lastmile_protocol::ids::BranchId;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

pub use api::routes;
pub use registry::{COMPANY_NAME, CURRENCY, CUSTOMER_PREFIX, GRACE_DAYS, LANGUAGE, RECEIPT_PREFIX};

use crate::db::Tx;
use crate::events::{self, Event};
use crate::kernel::{Actor, At, Fault, FieldError, Scope};
use registry::{Section, Setting};
use rules::Kind;

/// Id of the key that seals secrets in this database, so that a wrong key is noticed at the start. Not for people.
pub const SEAL_KEY_ID: &str = "secrets.key_id";

/// Settings of one call.
const MOST: usize = 100;

/// The raw value of a key that the programs keep for themselves: the branch's own, else the one for all.
///
/// # Errors
/// When the database fails.
pub async fn get(tx: &mut Tx, branch: Option<BranchId>, key: &str) -> Result<Option<String>, Fault> {
    if let Some(branch) = branch
        && let Some(row) = store::get(tx, &branch.to_string(), key).await?
    {
        return Ok(Some(row));
    }
    store::get(tx, "", key).await
}

/// Keeps the raw value of a key, for one branch or for all.
///
/// # Errors
/// [`Fault::NotFound`] for a branch outside the caller's scope; [`Fault::Forbidden`] for all branches unless the caller
/// sees all.
pub async fn put(tx: &mut Tx, branch: Option<BranchId>, key: &str, value: &str) -> Result<(), Fault> {
    let owner = owner(tx, branch)?;
    store::put(tx, &owner, key, value).await
}

/// Under which branch a value is kept that the caller writes.
fn owner(tx: &Tx, branch: Option<BranchId>) -> Result<String, Fault> {
    match branch {
        Some(branch) if tx.scope().covers(branch) => Ok(branch.to_string()),
        Some(_) => Err(Fault::NotFound { what: "branch" }),
        None if *tx.scope() == Scope::All => Ok(String::new()),
        None => Err(Fault::Forbidden { detail: "this setting is for all branches".to_owned() }),
    }
}

/// A text, or its default.
///
/// # Errors
/// When the database fails, or `key` is no text of the registry.
pub async fn text(tx: &mut Tx, branch: Option<BranchId>, key: &'static str) -> Result<String, Fault> {
    let value = value(tx, branch, key).await?;
    value.as_str().map(str::to_owned).ok_or_else(|| Fault::internal(format!("the setting {key} is no text")))
}

/// A number, or `None` where nobody has set one and the registry has no default.
///
/// # Errors
/// When the database fails.
pub async fn integer(tx: &mut Tx, branch: Option<BranchId>, key: &'static str) -> Result<Option<i64>, Fault> {
    Ok(value(tx, branch, key).await?.as_i64())
}

async fn value(tx: &mut Tx, branch: Option<BranchId>, key: &'static str) -> Result<Value, Fault> {
    let setting = registry::find(key).ok_or_else(|| Fault::internal(format!("there is no setting {key}")))?;
    let branch = branch.filter(|_| setting.per_branch);
    let stored = get(tx, branch, key).await?;
    let stored = stored.and_then(|text| believed(setting, &text));
    Ok(stored.unwrap_or_else(|| default(setting)))
}

/// A value as it was stored, if it still is one: a newer program may allow less than an older one.
fn believed(setting: &Setting, text: &str) -> Option<Value> {
    let value = serde_json::from_str::<Value>(text).ok().and_then(|value| setting.kind.checked(&value).ok());
    if value.is_none() {
        tracing::error!(key = setting.key, "the stored value of a setting is not allowed; its default is used");
    }
    value
}

fn default(setting: &Setting) -> Value {
    serde_json::from_str(setting.default).unwrap_or(Value::Null)
}

/// The settings of a section.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SectionView {
    /// `company`, `branding`, `region`, `numbering` or `dunning`.
    pub name: String,
    /// Its settings, in the order of the page.
    pub settings: Vec<SettingView>,
}

/// A setting with its value.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = Setting)]
pub struct SettingView {
    /// Its name: `company.name`.
    pub key: String,
    /// `line`, `lines`, `digits`, `integer`, `choice`, `color`, `phone`, `email`, `url`, `currency` or `prefix`.
    pub kind: String,
    /// Longest text, or largest number; null where the kind says it.
    pub most: Option<i64>,
    /// Smallest number.
    pub least: Option<i64>,
    /// What a number counts.
    pub unit: Option<String>,
    /// The words of a choice.
    pub choices: Vec<String>,
    /// What counts now: the branch's own, else the one for all, else the default.
    pub value: Value,
    /// What counts when nothing is set here.
    pub inherited: Value,
    /// Whether it is set here: for the branch asked for, else for all.
    pub own: bool,
    /// Whether a branch may have its own.
    pub per_branch: bool,
    /// Branches that have their own, where settings for all were asked for.
    #[schema(value_type = Vec<String>)]
    pub differs_in: Vec<String>,
    /// When it was set here.
    pub changed_at: Option<At>,
}

/// All settings: for one branch, or those for all.
///
/// # Errors
/// `NotFound` for a branch outside the caller's scope.
pub async fn list(tx: &mut Tx, branch: Option<BranchId>, config: &Defaults) -> Result<Vec<SectionView>, Fault> {
    if branch.is_some_and(|branch| !tx.scope().covers(branch)) {
        return Err(Fault::NotFound { what: "branch" });
    }
    let stored = store::list(tx).await?;
    let own_of = branch.map(|branch| branch.to_string()).unwrap_or_default();
    let view = |setting: &Setting| {
        let row = |owner: &str| stored.get(&(owner.to_owned(), setting.key.to_owned()));
        let kept = |owner: &str| row(owner).and_then(|(text, _)| believed(setting, text));
        let base = config.of(setting.key).unwrap_or_else(|| default(setting));
        let inherited = if branch.is_some() { kept("").unwrap_or(base) } else { base };
        let own = if branch.is_none() || setting.per_branch { kept(&own_of) } else { None };
        let others = stored.keys().filter(|(owner, key)| branch.is_none() && key == setting.key && !owner.is_empty());
        let (most, least, unit, choices) = bounds(setting.kind);
        SettingView {
            key: setting.key.to_owned(),
            kind: setting.kind.word().to_owned(),
            most,
            least,
            unit,
            choices,
            own: own.is_some(),
            changed_at: own.as_ref().and_then(|_| row(&own_of)).map(|(_, at_ms)| At(*at_ms)),
            value: own.unwrap_or_else(|| inherited.clone()),
            inherited,
            per_branch: setting.per_branch,
            differs_in: others.map(|(owner, _)| owner.clone()).collect(),
        }
    };
    let section = |section: Section| SectionView {
        name: section.word().to_owned(),
        settings: registry::ALL.iter().filter(|setting| setting.section == section).map(view).collect(),
    };
    Ok(Section::ALL.into_iter().map(section).collect())
}

/// Defaults that the configuration file gives.
#[derive(Debug, Clone, Copy)]
pub struct Defaults {
    /// Days of grace.
    pub grace_days: u32,
}

impl Defaults {
    fn of(self, key: &str) -> Option<Value> {
        (key == GRACE_DAYS).then(|| Value::from(self.grace_days))
    }
}

fn bounds(kind: Kind) -> (Option<i64>, Option<i64>, Option<String>, Vec<String>) {
    let length = |most: usize| i64::try_from(most).ok();
    match kind {
        Kind::Line { most } | Kind::Lines { most } => (length(most), None, None, Vec::new()),
        Kind::Digits { count } => (length(count), None, None, Vec::new()),
        Kind::Integer { least, most, unit } => (Some(most), Some(least), Some(unit.to_owned()), Vec::new()),
        Kind::Choice { of } => (None, None, None, of.iter().map(|word| (*word).to_owned()).collect()),
        _ => (None, None, None, Vec::new()),
    }
}

/// Sets values, for one branch or for all; null takes the own value away. All of them or none.
///
/// # Errors
/// Field errors that name each key that does not exist or whose value cannot be; as [`put`] for the branch.
pub async fn change(
    tx: &mut Tx,
    actor: &Actor,
    home: BranchId,
    branch: Option<BranchId>,
    values: &BTreeMap<String, Value>,
) -> Result<(), Fault> {
    let owner = owner(tx, branch)?;
    if values.len() > MOST {
        return Err(Fault::field("values", format!("at most {MOST} at once")));
    }
    tx.lock("settings").await?;
    let (mut before, mut after, mut errors) = (serde_json::Map::new(), serde_json::Map::new(), Vec::new());
    for (key, given) in values {
        match wanted(branch, key, given) {
            Ok(wanted) => {
                let had = store::get(tx, &owner, key).await?;
                let had = had.and_then(|text| serde_json::from_str::<Value>(&text).ok());
                if had != wanted {
                    before.insert(key.clone(), had.unwrap_or(Value::Null));
                    after.insert(key.clone(), wanted.unwrap_or(Value::Null));
                }
            }
            Err(message) => errors.push(FieldError { field: format!("values.{key}"), message }),
        }
    }
    if !errors.is_empty() {
        return Err(Fault::Invalid(errors));
    }
    if after.is_empty() {
        return Ok(());
    }
    for (key, value) in &after {
        if value.is_null() {
            store::delete(tx, &owner, key).await?;
        } else {
            store::put(tx, &owner, key, &value.to_string()).await?;
        }
    }
    let event = Event {
        kind: "settings.changed",
        subject_kind: "settings",
        subject_id: if owner.is_empty() { "all".to_owned() } else { owner },
        branch_id: branch.unwrap_or(home),
        customer_id: None,
        data: json!({ "before": before, "after": after }),
        at_ms: tx.now_ms(),
    };
    events::record(tx, actor, event).await.map(|_| ())
}

/// What is to be kept for a key; `None` takes it away.
fn wanted(branch: Option<BranchId>, key: &str, given: &Value) -> Result<Option<Value>, String> {
    let setting = registry::find(key).ok_or("there is no such setting")?;
    if branch.is_some() && !setting.per_branch {
        return Err("is the same for all branches".to_owned());
    }
    if given.is_null() { Ok(None) } else { setting.kind.checked(given).map(Some) }
}
