//! What a customer hears when a line is closed or opened. What a payment opens is told by its receipt.

use super::{Hold, Subscription};
use crate::db::Tx;
use crate::domains::notices::{self, Data, Template};
use crate::domains::{branches, customers, packages};
use crate::kernel::{At, Fault};

/// The line was closed because it is not paid for.
pub(super) async fn held(tx: &mut Tx, subscription: &Subscription, hold: &Hold) -> Result<(), Fault> {
    let package = packages::load(tx, subscription.package_id).await?;
    let data = Data::new()
        .text("package", package.name.clone())
        .money("amount", package.price)
        .once(format!("hold:{}", hold.id));
    send(tx, subscription, Template::LineHeld, &data).await
}

/// The last hold was cleared by a person.
pub(super) async fn opened(tx: &mut Tx, subscription: &Subscription, hold: &Hold) -> Result<(), Fault> {
    let package = packages::load(tx, subscription.package_id).await?;
    let branch = branches::load(tx, subscription.branch_id).await?;
    let data = Data::new()
        .text("package", package.name)
        .moment_if("paid_until", subscription.paid.until_ms.map(At), &branch.zone)
        .once(format!("hold:{}", hold.id));
    send(tx, subscription, Template::LineOpened, &data).await
}

async fn send(tx: &mut Tx, subscription: &Subscription, template: Template, data: &Data<'_>) -> Result<(), Fault> {
    let customer = customers::load(tx, subscription.customer_id).await?;
    notices::enqueue(tx, &[customers::recipient(&customer)], template, data).await.map(|_| ())
}
