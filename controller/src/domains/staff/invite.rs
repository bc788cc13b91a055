//! Inviting somebody: a person without a password and a link by which they choose one.

use std::collections::BTreeSet;

use lastmile_protocol::ids::StaffId;
use serde_json::json;

use super::{NewInvitation, Staff, Status, letters, load, record, rules, store};
use crate::access::roles::{self, RoleScope};
use crate::access::{Access, Caller, Link, Reachable};
use crate::db::Tx;
use crate::kernel::fault::Check;
use crate::kernel::{Actor, At, Fault};
use crate::secrets::Keyring;

/// Invites somebody new: the message goes out when the transaction is committed.
///
/// # Errors
/// Wrong fields, a name that is taken, a role that may do more than the caller, a foreign branch or reseller.
pub async fn invite(
    tx: &mut Tx,
    access: &Access,
    keyring: &Keyring,
    caller: &Caller,
    new: NewInvitation,
) -> Result<(Staff, Link), Fault> {
    let username = new.username.trim().to_lowercase();
    let role = roles::find(tx, &new.role).await?;
    let mut check = Check::new();
    check.that(rules::is_username(&username), "username", rules::USERNAME);
    check.that(role.is_some(), "role", "there is no such role");
    let language = new.language.as_deref().unwrap_or("en");
    let reachable = Reachable::checked(&mut check, &new.name, &new.phone, &new.email, language);
    check.done()?;
    let role = role.ok_or(Fault::NotFound { what: "role" })?;
    roles::may_give(caller, &role)?;
    let branch_id = caller.branch(new.branch_id)?;
    if !tx.scope().covers(branch_id) || !new.further_branch_ids.iter().all(|branch| tx.scope().covers(*branch)) {
        return Err(Fault::NotFound { what: "branch" });
    }
    store::must_be_branches(tx, &new.further_branch_ids).await?;
    let now = tx.now_ms();
    let person = Staff {
        id: tx.new_id(),
        branch_id,
        further_branch_ids: rules::further(&BTreeSet::new(), new.further_branch_ids, branch_id, |_| true),
        reseller_id: new.reseller_id,
        username,
        name: reachable.name,
        role: role.name.clone(),
        role_title: role.title.clone(),
        scope: role.scope,
        phone: reachable.phone,
        email: reachable.email,
        language: reachable.language,
        status: Status::Invited,
        active: true,
        second_factor: false,
        created_at: At(now),
        last_sign_in_at: None,
        deactivated_at: None,
        heir_id: None,
    };
    check_reseller(tx, &person).await?;
    store::insert(tx, &person, "").await?;
    let data = json!({
        "username": person.username, "role": person.role, "branch_id": person.branch_id,
        "further_branch_ids": person.further_branch_ids, "reseller_id": person.reseller_id,
    });
    record(tx, &caller.actor, "staff.added", &person, data).await?;
    let link = open(tx, access, keyring, caller, &person).await?;
    Ok((person, link))
}

/// Invites somebody again who has not answered; the older link works no more.
///
/// # Errors
/// Not found, a person who may do more than the caller, `not_invited` for who has a password or is not active.
pub async fn invite_again(
    tx: &mut Tx,
    access: &Access,
    keyring: &Keyring,
    caller: &Caller,
    id: StaffId,
) -> Result<(Staff, Link), Fault> {
    let person = load(tx, id).await?;
    roles::may_touch(caller, &roles::load(tx, &person.role).await?)?;
    if person.status != Status::Invited {
        let detail = "only somebody who has no password yet is invited; send a password reset instead";
        return Err(Fault::conflict("not_invited", detail));
    }
    let link = open(tx, access, keyring, caller, &person).await?;
    Ok((person, link))
}

pub(super) async fn open(
    tx: &mut Tx,
    access: &Access,
    keyring: &Keyring,
    caller: &Caller,
    person: &Staff,
) -> Result<Link, Fault> {
    let link = access.open_invitation(tx, person.id, person.branch_id).await?;
    letters::invitation(tx, keyring, person, &caller.staff.name, &link).await?;
    record(tx, &caller.actor, "staff.invited", person, json!({"expires_at": link.expires_at})).await?;
    Ok(link)
}

/// Sends somebody a link and a code by which they choose a new password.
///
/// # Errors
/// When the database fails.
pub async fn send_reset(
    tx: &mut Tx,
    access: &Access,
    keyring: &Keyring,
    actor: &Actor,
    person: &Staff,
) -> Result<(), Fault> {
    let link = access.open_reset(tx, person.id, person.branch_id).await?;
    letters::password_reset(tx, keyring, person, &link).await?;
    record(tx, actor, "staff.password_reset_sent", person, json!({"expires_at": link.expires_at})).await
}

/// Somebody with a reseller's role belongs to a reseller of their branch; nobody else to one.
pub(super) async fn check_reseller(tx: &mut Tx, person: &Staff) -> Result<(), Fault> {
    let of_reseller = person.scope == RoleScope::Reseller;
    match person.reseller_id {
        None if of_reseller => Err(Fault::field("reseller_id", "is required for this role")),
        None => Ok(()),
        Some(_) if !of_reseller => Err(Fault::field("reseller_id", "is for a reseller's role only")),
        Some(reseller) => match store::branch_of_reseller(tx, reseller).await? {
            None => Err(Fault::NotFound { what: "reseller" }),
            Some(branch) if branch == person.branch_id => Ok(()),
            Some(_) => Err(Fault::field("reseller_id", "belongs to another branch than the person")),
        },
    }
}
