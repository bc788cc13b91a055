//! SQL of people, as far as sign-in needs them.

use std::collections::BTreeSet;

use lastmile_protocol::ids::{BranchId, ResellerId, StaffId};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::super::caller::StaffInfo;
use super::super::roles::RoleScope;
use super::{person, roles};
use crate::db::{Columns as _, Tx};
use crate::kernel::{Fault, Scope};

/// Every statement, so that a test can prepare them on both databases.
pub const STATEMENTS: &[&str] = &[BY_NAME, BY_EMAIL, BY_ID, SIGNED_IN, SET_HASH, SET_PROFILE];

const BY_NAME: &str = concat!(
    "SELECT ",
    person!(),
    ", s.password_hash FROM staff s JOIN roles r ON r.name = s.role WHERE s.username = $1"
);
const BY_EMAIL: &str = concat!(
    "SELECT ",
    person!(),
    ", s.password_hash FROM staff s JOIN roles r ON r.name = s.role WHERE s.email = $1 AND s.email <> '' LIMIT 2"
);
const BY_ID: &str =
    concat!("SELECT ", person!(), ", s.password_hash FROM staff s JOIN roles r ON r.name = s.role WHERE s.id = $1");
const SIGNED_IN: &str = "UPDATE staff SET last_sign_in_ms = $2 WHERE id = $1";
const SET_HASH: &str = "UPDATE staff SET password_hash = $2 WHERE id = $1";
const SET_PROFILE: &str = "UPDATE staff SET name = $2, phone = $3, email = $4, language = $5 WHERE id = $1";

/// A person with what their role may do.
#[derive(Debug, Clone)]
pub(in super::super) struct Person {
    pub(in super::super) info: StaffInfo,
    pub(in super::super) scope: Scope,
    pub(in super::super) active: bool,
}

/// Reads the columns of `person!`.
pub(super) fn read(row: &AnyRow) -> Result<Person, Fault> {
    let id: StaffId = row.parsed("id")?;
    let branch_id: BranchId = row.parsed("branch_id")?;
    let further: String = row.try_get("further_branches")?;
    let further_branch_ids: BTreeSet<BranchId> = serde_json::from_str(&further).map_err(Fault::internal)?;
    let permissions: BTreeSet<String> =
        serde_json::from_str(&row.try_get::<String, _>("permissions")?).map_err(Fault::internal)?;
    let scope = roles::scope(row, "scope")?;
    let reseller: Option<ResellerId> = row.parsed_or_none("reseller_id")?;
    Ok(Person {
        scope: rows_of(scope, id, branch_id, &further_branch_ids, reseller),
        info: StaffInfo {
            id,
            username: row.try_get("username")?,
            name: row.try_get("name")?,
            role: row.try_get("role")?,
            role_title: row.try_get("role_title")?,
            scope,
            branch_id,
            further_branch_ids,
            reseller_id: reseller,
            permissions,
            phone: row.try_get("phone")?,
            email: row.try_get("email")?,
            language: row.try_get("language")?,
            second_factor: row.flag("second_factor")?,
            second_factor_required: row.flag("second_factor_required")?,
        },
        active: row.flag("active")?,
    })
}

/// The rows of a person. A reseller's role without a reseller sees nothing rather than something.
fn rows_of(
    scope: RoleScope,
    staff: StaffId,
    branch: BranchId,
    further: &BTreeSet<BranchId>,
    reseller: Option<ResellerId>,
) -> Scope {
    match (scope, reseller) {
        (RoleScope::All, _) => Scope::All,
        (RoleScope::Branches, _) => Scope::Branches(further.iter().copied().chain([branch]).collect()),
        (RoleScope::Assigned, _) => Scope::Assigned { staff, branch },
        (RoleScope::Reseller, Some(id)) => Scope::Reseller { id, branch },
        (RoleScope::Reseller, None) => Scope::Branches(BTreeSet::new()),
    }
}

/// A person and their password's hash; `None` while they have no password.
pub(in super::super) type WithHash = (Person, Option<String>);

fn with_hash(row: &AnyRow) -> Result<WithHash, Fault> {
    let hash: String = row.try_get("password_hash")?;
    Ok((read(row)?, Some(hash).filter(|hash| !hash.is_empty())))
}

/// The person of this sign-in name.
pub(in super::super) async fn by_name(tx: &mut Tx, username: &str) -> Result<Option<WithHash>, Fault> {
    let row = sqlx::query(BY_NAME).bind(username).fetch_optional(tx.conn()).await?;
    row.as_ref().map(with_hash).transpose()
}

/// The only person with this e-mail address.
pub(in super::super) async fn by_email(tx: &mut Tx, email: &str) -> Result<Option<WithHash>, Fault> {
    let rows = sqlx::query(BY_EMAIL).bind(email).fetch_all(tx.conn()).await?;
    match rows.as_slice() {
        [only] => with_hash(only).map(Some),
        _ => Ok(None),
    }
}

pub(in super::super) async fn by_id(tx: &mut Tx, id: StaffId) -> Result<Option<WithHash>, Fault> {
    let row = sqlx::query(BY_ID).bind(id.to_string()).fetch_optional(tx.conn()).await?;
    row.as_ref().map(with_hash).transpose()
}

pub(in super::super) async fn signed_in(tx: &mut Tx, id: StaffId, at_ms: i64) -> Result<(), Fault> {
    sqlx::query(SIGNED_IN).bind(id.to_string()).bind(at_ms).execute(tx.conn()).await?;
    Ok(())
}

pub(in super::super) async fn set_hash(tx: &mut Tx, id: StaffId, hash: &str) -> Result<(), Fault> {
    sqlx::query(SET_HASH).bind(id.to_string()).bind(hash).execute(tx.conn()).await?;
    Ok(())
}

pub(in super::super) async fn set_profile(tx: &mut Tx, person: &StaffInfo) -> Result<(), Fault> {
    sqlx::query(SET_PROFILE)
        .bind(person.id.to_string())
        .bind(&person.name)
        .bind(&person.phone)
        .bind(&person.email)
        .bind(&person.language)
        .execute(tx.conn())
        .await?;
    Ok(())
}
