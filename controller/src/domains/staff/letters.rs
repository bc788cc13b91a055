//! What is sent to staff: invitations and password resets. It goes out when the transaction is committed; the link and
//! the code are sealed until then.

use super::Staff;
use crate::access::Link;
use crate::db::Tx;
use crate::domains::branches;
use crate::domains::notices::{self, Data, Recipient, Template, Who};
use crate::kernel::Fault;
use crate::secrets::Keyring;

/// Writes the invitation of somebody into the outbox, where they can be reached.
pub(super) async fn invitation(
    tx: &mut Tx,
    keyring: &Keyring,
    person: &Staff,
    inviter: &str,
    link: &Link,
) -> Result<(), Fault> {
    let zone = branches::load(tx, person.branch_id).await?.zone;
    let data = Data::new()
        .text("inviter", inviter)
        .text("role", &person.role_title)
        .moment("valid_until", link.expires_at, &zone)
        .secret("link", link.url.clone(), keyring);
    send(tx, person, Template::StaffInvitation, &data).await
}

/// Writes the way to a new password into the outbox.
pub(super) async fn password_reset(tx: &mut Tx, keyring: &Keyring, person: &Staff, link: &Link) -> Result<(), Fault> {
    let zone = branches::load(tx, person.branch_id).await?.zone;
    let mut data = Data::new().moment("valid_until", link.expires_at, &zone).secret("link", link.url.clone(), keyring);
    if let Some(code) = &link.code {
        data = data.secret("code", code.clone(), keyring);
    }
    send(tx, person, Template::PasswordReset, &data).await
}

async fn send(tx: &mut Tx, person: &Staff, template: Template, data: &Data<'_>) -> Result<(), Fault> {
    let recipient = Recipient {
        branch_id: person.branch_id,
        who: Who::Staff(person.id),
        name: person.name.clone(),
        email: Some(person.email.clone()).filter(|email| !email.is_empty()),
        phone: Some(person.phone.clone()).filter(|phone| !phone.is_empty()),
        language: person.language.parse().ok(),
    };
    // Where nobody can be reached, the link is handed over by whoever invites.
    notices::enqueue(tx, &[recipient], template, data).await.map(|_| ())
}
