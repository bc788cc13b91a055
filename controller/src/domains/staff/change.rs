//! Changing people: what they are, where they belong, that they leave and that they come back.
//!
//! Nobody changes who may do more than they, nobody gives what they have not, nobody changes their own role or dismisses
//! themself, and somebody who may do everything always remains.

use lastmile_protocol::ids::StaffId;
use serde_json::json;

use super::invite::{check_reseller, open};
use super::{Staff, StaffChange, load, record, rules, store};
use crate::access::roles::{self, Role};
use crate::access::{self, Access, Caller, Link, Reachable};
use crate::db::Tx;
use crate::kernel::fault::Check;
use crate::kernel::{Fault, text};
use crate::secrets::Keyring;

/// Changes a person. What changed counts from their next request.
///
/// # Errors
/// Not found, wrong fields, somebody or something that may do more than the caller, `own_account`, `last_owner`.
pub async fn change(tx: &mut Tx, caller: &Caller, id: StaffId, change: StaffChange) -> Result<Staff, Fault> {
    let before = load(tx, id).await?;
    let old_role = roles::load(tx, &before.role).await?;
    roles::may_touch(caller, &old_role)?;
    let mut after = before.clone();
    let mut check = Check::new();
    let reachable = Reachable::checked(
        &mut check,
        change.name.as_ref().unwrap_or(&before.name),
        change.phone.as_ref().unwrap_or(&before.phone),
        change.email.as_ref().unwrap_or(&before.email),
        change.language.as_ref().unwrap_or(&before.language),
    );
    check.done()?;
    (after.name, after.phone, after.email, after.language) =
        (reachable.name, reachable.phone, reachable.email, reachable.language);
    if let Some(role) = change.role.filter(|role| *role != before.role) {
        give(tx, caller, &mut after, &role).await?;
    }
    if let Some(branch) = change.branch_id {
        after.branch_id = branch;
    }
    if let Some(asked) = change.further_branch_ids {
        if !asked.iter().all(|branch| tx.scope().covers(*branch)) {
            return Err(Fault::NotFound { what: "branch" });
        }
        store::must_be_branches(tx, &asked).await?;
        let sees = |branch| tx.scope().covers(branch);
        after.further_branch_ids = rules::further(&before.further_branch_ids, asked, after.branch_id, sees);
    }
    if let Some(reseller) = change.reseller_id {
        after.reseller_id = reseller;
    }
    if !tx.scope().covers(after.branch_id) {
        return Err(Fault::NotFound { what: "branch" });
    }
    if after == before {
        return Ok(before);
    }
    not_oneself(caller, &before, &after)?;
    check_reseller(tx, &after).await?;
    let owners = roles::owners(tx).await?;
    store::update(tx, &after).await?;
    roles::keep_an_owner(tx, owners).await?;
    let data = json!({"before": told(&before), "after": told(&after)});
    record(tx, &caller.actor, "staff.changed", &after, data).await?;
    Ok(after)
}

async fn give(tx: &mut Tx, caller: &Caller, person: &mut Staff, role: &str) -> Result<(), Fault> {
    let role: Role = roles::find(tx, role).await?.ok_or_else(|| Fault::field("role", "there is no such role"))?;
    roles::may_give(caller, &role)?;
    (person.role, person.role_title, person.scope) = (role.name, role.title, role.scope);
    Ok(())
}

/// Where messages go is changed in one's own profile, with the password; one's own role and place by somebody else.
fn not_oneself(caller: &Caller, before: &Staff, after: &Staff) -> Result<(), Fault> {
    let same =
        (&before.role, before.branch_id, &before.further_branch_ids, before.reseller_id, &before.email, &before.phone)
            == (&after.role, after.branch_id, &after.further_branch_ids, after.reseller_id, &after.email, &after.phone);
    if caller.staff.id != before.id || same {
        return Ok(());
    }
    let detail = "your own role and branches are changed by somebody else, telephone and e-mail in your profile";
    Err(Fault::conflict("own_account", detail))
}

/// Dismisses a person: sessions, tokens and links end with the transaction. The heir takes over what is open.
///
/// # Errors
/// Not found, somebody who may do more than the caller, `own_account`, `not_active`, a wrong heir, `last_owner`.
pub async fn deactivate(
    tx: &mut Tx,
    caller: &Caller,
    id: StaffId,
    heir: Option<StaffId>,
    reason: &str,
) -> Result<Staff, Fault> {
    let before = load(tx, id).await?;
    roles::may_touch(caller, &roles::load(tx, &before.role).await?)?;
    if caller.staff.id == id {
        return Err(Fault::conflict("own_account", "nobody dismisses themself: somebody else has to"));
    }
    if !before.active {
        return Err(Fault::conflict("not_active", "this person does not work here any more"));
    }
    let mut check = Check::new();
    let reason = text::lines(&mut check, "reason", reason, 0, 500);
    check.done()?;
    if let Some(heir) = heir {
        let heir = load(tx, heir).await?;
        if !heir.active || heir.id == id {
            return Err(Fault::field("heir_id", "must be somebody else who works here"));
        }
    }
    let owners = roles::owners(tx).await?;
    store::deactivate(tx, id, heir).await?;
    roles::keep_an_owner(tx, owners).await?;
    let sessions = access::end_sessions(tx, id, None).await?;
    let tokens = access::revoke_tokens(tx, id).await?;
    access::end_links(tx, id).await?;
    let customers = store::hand_over(tx, id, heir).await?;
    let data = json!({
        "heir_id": heir, "customers_handed_over": customers, "reason": reason, "sessions_ended": sessions, "tokens_revoked": tokens, "role": before.role,
    });
    record(tx, &caller.actor, "staff.deactivated", &before, data).await?;
    load(tx, id).await
}

/// Takes a person back: with a new invitation, since what they knew when they left lets nobody in any more.
///
/// # Errors
/// Not found, somebody who may do more than the caller, `active`.
pub async fn reactivate(
    tx: &mut Tx,
    access: &Access,
    keyring: &Keyring,
    caller: &Caller,
    id: StaffId,
) -> Result<(Staff, Link), Fault> {
    let before = load(tx, id).await?;
    roles::may_touch(caller, &roles::load(tx, &before.role).await?)?;
    if before.active {
        return Err(Fault::conflict("active", "this person works here"));
    }
    store::reactivate(tx, id).await?;
    access::remove_second_factor(tx, id).await?;
    let after = load(tx, id).await?;
    record(tx, &caller.actor, "staff.reactivated", &after, json!({"role": after.role})).await?;
    let link = open(tx, access, keyring, caller, &after).await?;
    Ok((after, link))
}

/// Removes the second factor of somebody who has lost it and the recovery codes; their sessions end.
///
/// # Errors
/// Not found, somebody who may do more than the caller, `own_account`, `no_second_factor`.
pub async fn reset_second_factor(tx: &mut Tx, caller: &Caller, id: StaffId) -> Result<(), Fault> {
    let person = load(tx, id).await?;
    roles::may_touch(caller, &roles::load(tx, &person.role).await?)?;
    if caller.staff.id == id {
        return Err(Fault::conflict("own_account", "your own is removed in your profile, with a code"));
    }
    if !access::remove_second_factor(tx, id).await? {
        return Err(Fault::conflict("no_second_factor", "this person has no second factor"));
    }
    access::end_sessions(tx, id, None).await?;
    record(tx, &caller.actor, "staff.second_factor_reset", &person, json!({})).await
}

fn told(person: &Staff) -> serde_json::Value {
    json!({
        "name": person.name, "phone": person.phone, "email": person.email, "language": person.language,
        "role": person.role, "branch_id": person.branch_id, "further_branch_ids": person.further_branch_ids,
        "reseller_id": person.reseller_id,
    })
}
