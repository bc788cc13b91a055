//! Payments: money that comes in, posted once, and what it opens.
//!
//! Everything that a payment does stands in one transaction: receipt number, journals, `paid_until`, the nonpayment
//! hold, the desired line, the event. So there is no moment at which somebody has paid and is not being opened.
//!
//! Events: `payment.taken`.

mod api;
mod rules;
pub mod store;
mod take;
#[cfg(test)]
mod tests;

use lastmile_protocol::ids::{BranchId, CustomerId, PaymentId, SubscriptionId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use api::routes;
pub use rules::{After, Before, MOST_MINOR, NoQuote, apply};
pub use take::{Taken, quote, take};

use crate::db::Tx;
use crate::kernel::{At, Fault, Money};

/// A payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Payment {
    /// Id.
    #[schema(value_type = String)]
    pub id: PaymentId,
    /// In whose books it is.
    #[schema(value_type = String)]
    pub branch_id: BranchId,
    /// Receipt number, without gaps in the branch.
    pub number: String,
    /// Who paid.
    #[schema(value_type = String)]
    pub customer_id: CustomerId,
    /// What for.
    #[schema(value_type = String)]
    pub subscription_id: SubscriptionId,
    /// How much.
    pub amount: Money,
    /// `cash`.
    pub method: String,
    /// A person's words.
    pub note: String,
    /// Name of who took it.
    pub taken_by: String,
    /// When.
    pub at: At,
    /// How many validities it bought, with the credit there was.
    pub validities: i64,
    /// Paid until, before.
    pub paid_until_before: Option<At>,
    /// Paid until, after.
    pub paid_until: Option<At>,
    /// The customer's credit, after.
    pub credit: Money,
    /// The line was open afterwards, as far as the books go; its proof comes from the router.
    pub opens: bool,
}

/// Money that a cashier takes.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPayment {
    /// What for.
    #[schema(value_type = String)]
    pub subscription_id: SubscriptionId,
    /// How much, in the currency of the branch.
    pub amount: Money,
    /// `cash`.
    pub method: String,
    /// A person's words.
    #[serde(default)]
    pub note: String,
}

/// What an amount would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Quote {
    /// Paid until, then.
    pub paid_until: Option<At>,
    /// The customer's credit, then.
    pub credit_after: Money,
    /// The line would be open.
    pub opens: bool,
    /// Why it would stay closed.
    pub reason: Option<String>,
    /// How many validities it buys.
    pub validities: i64,
}

/// One payment.
///
/// # Errors
/// `NotFound` if it does not exist for this caller.
pub async fn load(tx: &mut Tx, id: PaymentId) -> Result<Payment, Fault> {
    store::load(tx, id).await?.ok_or(Fault::NotFound { what: "payment" })
}

/// Payments of the caller, newest first, of one customer or of all; `after` is time and id of the last one of the
/// page before.
///
/// # Errors
/// When the database fails.
pub async fn list(
    tx: &mut Tx,
    customer: Option<CustomerId>,
    after: Option<(i64, String)>,
    most: i64,
) -> Result<Vec<Payment>, Fault> {
    store::list(tx, customer, after, most).await
}
