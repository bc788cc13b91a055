//! Taking a payment, and saying beforehand what it would do.

use lastmile_protocol::ids::{PaymentId, SubscriptionId};
use ring::digest;
use serde_json::json;

use super::rules::{self, After, Before, NoQuote};
use super::store::{self, Key};
use super::{NewPayment, Payment, Quote};
use crate::config::Config;
use crate::db::Tx;
use crate::domains::branches::{self, Branch};
use crate::domains::customers;
use crate::domains::ledger::{self, Account, Entry};
use crate::domains::lines::{self, HoldReason, Subscription};
use crate::domains::notices::{self, Data, Template};
use crate::domains::packages::{self, Package};
use crate::domains::settings;
use crate::events::{self, Event};
use crate::kernel::fault::Check;
use crate::kernel::{Actor, ActorKind, At, Fault, Money, text};
use crate::secrets::Keyring;

/// Longest note, characters.
const NOTE_MAX: usize = 500;
/// Longest idempotency key, bytes.
const KEY_MAX: usize = 200;

/// A payment that was taken, now or by an earlier call with the same key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// Now.
    New(Payment),
    /// Before: this is what was answered then.
    Before(Payment),
}

impl Taken {
    /// The payment.
    #[must_use]
    pub fn payment(self) -> Payment {
        match self {
            Self::New(payment) | Self::Before(payment) => payment,
        }
    }
}

/// What an amount would do for a subscription now. Writes nothing.
///
/// # Errors
/// Not found, `subscription_ended`, or an amount out of bounds.
pub async fn quote(
    tx: &mut Tx,
    config: &Config,
    subscription: SubscriptionId,
    amount_minor: i64,
) -> Result<Quote, Fault> {
    let subscription = lines::load(tx, subscription).await?;
    let known = known(tx, config, subscription).await?;
    let after = apply(tx, &known, amount_minor, "amount_minor")?;
    Ok(Quote {
        paid_until: after.paid.until_ms.map(At),
        credit_after: Money::new(after.credit_minor, known.branch.currency),
        opens: after.opens(),
        reason: after.reason().map(str::to_owned),
        validities: after.validities,
    })
}

/// Takes cash from a customer's hand. The same key with the same content gives the payment that was taken; with
/// another content it is refused.
///
/// # Errors
/// Wrong fields, not found, `subscription_ended`, `idempotency_key_reused`; `Forbidden` unless a person takes it.
pub async fn take(
    tx: &mut Tx,
    keyring: &Keyring,
    config: &Config,
    actor: &Actor,
    new: &NewPayment,
    key: &str,
) -> Result<Taken, Fault> {
    let ActorKind::Staff(cashier) = actor.kind else {
        return Err(Fault::Forbidden { detail: "cash is taken by a person".to_owned() });
    };
    let note = checked(new, key)?;
    // A key is the cashier's own: two people who count from 1 do not meet.
    let transaction_id = format!("{cashier}:{key}");
    let digest = request_digest(new)?;
    let key = Key { provider: "cash", transaction_id: &transaction_id, digest: &digest };
    if let Some(before) = replay(tx, &key).await? {
        return Ok(Taken::Before(before));
    }
    let subscription = lines::lock(tx, new.subscription_id).await?;
    // The same call may have been ahead of this one by as much as the lock took.
    if let Some(before) = replay(tx, &key).await? {
        return Ok(Taken::Before(before));
    }
    let known = known(tx, config, subscription).await?;
    if new.amount.currency() != known.branch.currency {
        return Err(Fault::field("amount", format!("must be in {}", known.branch.currency)));
    }
    let after = apply(tx, &known, new.amount.minor(), "amount")?;
    let number = branches::next_number(tx, &format!("receipts:{}", known.branch.id)).await?;
    let prefix = settings::text(tx, Some(known.branch.id), settings::RECEIPT_PREFIX).await?;
    let payment = Payment {
        id: tx.new_id(),
        branch_id: known.branch.id,
        number: format!("{prefix}{number:06}"),
        customer_id: known.subscription.customer_id,
        subscription_id: known.subscription.id,
        amount: new.amount,
        method: new.method.clone(),
        note,
        taken_by: actor.name.clone(),
        at: At(tx.now_ms()),
        validities: after.validities,
        paid_until_before: known.subscription.paid.until_ms.map(At),
        paid_until: after.paid.until_ms.map(At),
        credit: Money::new(after.credit_minor, known.branch.currency),
        opens: after.opens(),
    };
    post(tx, keyring, actor, &payment, Account::Cash(cashier), &after).await?;
    if after.validities > 0 {
        lines::set_paid(tx, &known.subscription, after.paid).await?;
    }
    if after.clears_nonpayment {
        lines::clear_nonpayment(tx, actor, &known.subscription, &format!("payment {}", payment.number)).await?;
    }
    store::insert(tx, &payment, &key).await?;
    record(tx, actor, &payment, &known).await?;
    send_receipt(tx, &payment, &known).await?;
    Ok(Taken::New(payment))
}

/// Everything that a quote follows from.
struct Known {
    subscription: Subscription,
    branch: Branch,
    package: Package,
    before: Before,
}

async fn known(tx: &mut Tx, config: &Config, subscription: Subscription) -> Result<Known, Fault> {
    if subscription.ended_at_ms.is_some() {
        return Err(Fault::conflict("subscription_ended", "the subscription has ended; it cannot be paid"));
    }
    let branch = branches::load(tx, subscription.branch_id).await?;
    let package = packages::load(tx, subscription.package_id).await?;
    let holds: Vec<HoldReason> =
        lines::holds_of(tx, subscription.id).await?.into_iter().map(|hold| hold.reason).collect();
    let credit = ledger::credit(tx, branch.id, subscription.customer_id, branch.currency).await?;
    let before = Before {
        credit_minor: credit.minor(),
        price_minor: package.price.minor(),
        validity: package.validity(),
        grace_days: lines::grace_days(tx, config, &package).await?,
        paid: subscription.paid,
        holds,
    };
    Ok(Known { subscription, branch, package, before })
}

fn apply(tx: &Tx, known: &Known, amount_minor: i64, field: &str) -> Result<After, Fault> {
    rules::apply(&known.before, amount_minor, tx.now_ms(), &known.branch.zone).map_err(|no| match no {
        NoQuote::Amount | NoQuote::TooFar(_) => Fault::field(field, no.to_string()),
    })
}

/// Cash in hand against the customer's advance, then advance against revenue for what it buys.
async fn post(
    tx: &mut Tx,
    keyring: &Keyring,
    actor: &Actor,
    payment: &Payment,
    cash: Account,
    after: &After,
) -> Result<(), Fault> {
    let advance = Account::Advance(payment.customer_id);
    let reference = format!("payment:{}", payment.id);
    let entry = |kind, legs: [ledger::Leg; 2]| Entry {
        branch: payment.branch_id,
        kind,
        reference: reference.clone(),
        note: payment.note.clone(),
        legs: legs.to_vec(),
    };
    let receipt = ledger::transfer(cash, advance, payment.amount).map_err(Fault::internal)?;
    ledger::post(tx, keyring, actor, entry("receipt", receipt)).await?;
    if after.spent_minor > 0 {
        let spent = Money::new(after.spent_minor, payment.amount.currency());
        let renewal = ledger::transfer(advance, Account::Revenue, spent).map_err(Fault::internal)?;
        ledger::post(tx, keyring, actor, entry("renewal", renewal)).await?;
    }
    Ok(())
}

fn checked(new: &NewPayment, key: &str) -> Result<String, Fault> {
    let mut check = Check::new();
    let note = text::lines(&mut check, "note", &new.note, 0, NOTE_MAX);
    check
        .that(new.method == "cash", "method", "must be cash")
        .that((1..=rules::MOST_MINOR).contains(&new.amount.minor()), "amount", NoQuote::Amount.to_string())
        .that((1..=KEY_MAX).contains(&key.len()), "Idempotency-Key", format!("must have 1 to {KEY_MAX} bytes"));
    check.done()?;
    Ok(note)
}

fn request_digest(new: &NewPayment) -> Result<Vec<u8>, Fault> {
    let bytes = serde_json::to_vec(new).map_err(Fault::internal)?;
    Ok(digest::digest(&digest::SHA256, &bytes).as_ref().to_vec())
}

async fn replay(tx: &mut Tx, key: &Key<'_>) -> Result<Option<Payment>, Fault> {
    match store::by_key(tx, key).await? {
        None => Ok(None),
        Some((payment, digest)) if digest == key.digest => Ok(Some(payment)),
        Some(_) => Err(Fault::conflict(
            "idempotency_key_reused",
            "this Idempotency-Key was used for another payment; nothing was posted",
        )),
    }
}

/// The receipt, in the transaction of its payment.
async fn send_receipt(tx: &mut Tx, payment: &Payment, known: &Known) -> Result<(), Fault> {
    let customer = customers::load(tx, payment.customer_id).await?;
    let data = Data::new()
        .money("amount", payment.amount)
        .text("number", payment.number.clone())
        .text("package", known.package.name.clone())
        .moment_if("paid_until", payment.paid_until, &known.branch.zone)
        .once(format!("payment:{}", payment.id));
    notices::enqueue(tx, &[customers::recipient(&customer)], Template::PaymentReceipt, &data).await.map(|_| ())
}

async fn record(tx: &mut Tx, actor: &Actor, payment: &Payment, known: &Known) -> Result<(), Fault> {
    let id: PaymentId = payment.id;
    let event = Event {
        kind: "payment.taken",
        subject_kind: "payment",
        subject_id: id.to_string(),
        branch_id: payment.branch_id,
        customer_id: Some(payment.customer_id),
        data: json!({
            "number": payment.number, "amount": payment.amount, "method": payment.method, "note": payment.note,
            "subscription_id": payment.subscription_id, "package": known.package.name,
            "validities": payment.validities, "credit": payment.credit, "opens": payment.opens,
            "before": { "paid_until": payment.paid_until_before }, "after": { "paid_until": payment.paid_until },
        }),
        at_ms: payment.at.0,
    };
    events::record(tx, actor, event).await.map(|_| ())
}
