//! What an amount pays and opens. Pure; the quote of the page and the posting of the payment are this one rule.

use crate::domains::lines::{HoldReason, Paid, is_overdue, renew};
use crate::domains::packages::{TooFar, Validity};
use crate::kernel::Zone;

/// Largest amount of one payment: ten million taka in poisha. More is a slip of the finger.
pub const MOST_MINOR: i64 = 1_000_000_000;

/// What is known when money comes in.
#[derive(Debug, Clone)]
pub struct Before {
    /// The customer's credit, minor units.
    pub credit_minor: i64,
    /// Price of one validity, minor units, more than 0.
    pub price_minor: i64,
    /// Length of one.
    pub validity: Validity,
    /// Days of grace.
    pub grace_days: i64,
    /// How far the subscription is paid.
    pub paid: Paid,
    /// Its open holds.
    pub holds: Vec<HoldReason>,
}

/// What a payment does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct After {
    /// Validities that are bought now.
    pub validities: i64,
    /// What they cost together: advance → revenue.
    pub spent_minor: i64,
    /// What stays as credit.
    pub credit_minor: i64,
    /// How far the subscription is paid then.
    pub paid: Paid,
    /// The nonpayment hold goes.
    pub clears_nonpayment: bool,
    /// Holds that stay, in order.
    pub staying: Vec<HoldReason>,
}

impl After {
    /// The line is open afterwards.
    #[must_use]
    pub fn opens(&self) -> bool {
        self.staying.is_empty()
    }

    /// Why the line stays closed, in words; `None` if it is open.
    #[must_use]
    pub fn reason(&self) -> Option<&'static str> {
        match self.staying.iter().find(|hold| **hold != HoldReason::Nonpayment).or(self.staying.first())? {
            HoldReason::Nonpayment => Some("less than the price of one validity: it stays as credit"),
            HoldReason::Staff => Some("staff hold stays"),
            HoldReason::Abuse => Some("abuse hold stays"),
            HoldReason::Legal => Some("legal hold stays"),
            HoldReason::Pause => Some("the customer's pause stays"),
        }
    }
}

/// Why no quote can be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoQuote {
    /// Not more than 0, or more than [`MOST_MINOR`].
    #[error("must be more than 0 and at most {MOST_MINOR} minor units")]
    Amount,
    /// It would pay further than the calendar of the books.
    #[error("{0}")]
    TooFar(#[from] TooFar),
}

/// What `amount_minor` does. As many whole validities as credit and amount buy move `paid_until`; the rest stays
/// as credit. Only the nonpayment hold is cleared, and only when what it stood for is over.
///
/// # Errors
/// [`NoQuote`] for an amount or a date out of bounds.
pub fn apply(before: &Before, amount_minor: i64, now_ms: i64, zone: &Zone) -> Result<After, NoQuote> {
    if !(1..=MOST_MINOR).contains(&amount_minor) {
        return Err(NoQuote::Amount);
    }
    let credit = before.credit_minor.checked_add(amount_minor).ok_or(NoQuote::Amount)?;
    let validities = if before.price_minor > 0 && credit > 0 { credit / before.price_minor } else { 0 };
    let spent_minor = validities.checked_mul(before.price_minor).ok_or(NoQuote::Amount)?;
    let paid = match validities {
        0 => before.paid,
        times => renew(before.paid, before.validity, times, now_ms, zone)?,
    };
    let overdue = is_overdue(paid.until_ms, before.grace_days, now_ms, zone);
    // An unknown date gives a hold no reason to stay, but part of a price is no reason for it to go.
    let paid_up = !overdue && (validities > 0 || paid.until_ms.is_some());
    let staying: Vec<_> =
        before.holds.iter().copied().filter(|hold| *hold != HoldReason::Nonpayment || !paid_up).collect();
    Ok(After {
        validities,
        spent_minor,
        credit_minor: credit - spent_minor,
        paid,
        clears_nonpayment: staying.len() < before.holds.len(),
        staying,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domains::packages::ValidityUnit;

    const DAY: i64 = 86_400_000;
    const NOW: i64 = 20_000 * DAY;

    fn before(holds: &[HoldReason]) -> Before {
        Before {
            credit_minor: 0,
            price_minor: 80_000,
            validity: Validity { value: 30, unit: ValidityUnit::Day },
            grace_days: 0,
            paid: Paid { until_ms: Some(NOW - DAY), anniversary: None },
            holds: holds.to_vec(),
        }
    }

    #[test]
    fn the_price_opens_from_now() {
        let after = apply(&before(&[HoldReason::Nonpayment]), 80_000, NOW, &Zone::utc()).expect("a quote");
        assert_eq!(after.paid.until_ms, Some(NOW + 30 * DAY));
        assert!(after.opens() && after.clears_nonpayment && after.credit_minor == 0);
    }

    #[test]
    fn a_poisha_less_opens_nothing_and_stays() {
        let held = before(&[HoldReason::Nonpayment]);
        let after = apply(&held, 79_999, NOW, &Zone::utc()).expect("a quote");
        assert!(!after.opens() && after.credit_minor == 79_999 && after.paid == held.paid);
        assert!(after.reason().is_some());
        let rest = apply(&Before { credit_minor: 79_999, ..held }, 1, NOW, &Zone::utc()).expect("a quote");
        assert!(rest.opens() && rest.credit_minor == 0);
    }

    #[test]
    fn a_staff_hold_stays() {
        let after = apply(&before(&[HoldReason::Nonpayment, HoldReason::Staff]), 80_000, NOW, &Zone::utc());
        let after = after.expect("a quote");
        assert!(after.clears_nonpayment && !after.opens());
        assert_eq!(after.reason(), Some("staff hold stays"));
    }

    #[test]
    fn amounts_have_bounds() {
        for amount in [0, -1, i64::MIN, MOST_MINOR + 1, i64::MAX] {
            assert_eq!(apply(&before(&[]), amount, NOW, &Zone::utc()), Err(NoQuote::Amount));
        }
        let minute = Validity { value: 24, unit: ValidityUnit::Month };
        let cheap = Before { price_minor: 1, validity: minute, ..before(&[]) };
        assert!(matches!(apply(&cheap, MOST_MINOR, NOW, &Zone::utc()), Err(NoQuote::TooFar(_))));
    }

    proptest! {
        /// No poisha is made or lost, the rest is less than one price, and time never goes back.
        #[test]
        fn money_is_kept(
            credit in 0_i64..1_000_000, price in 1_i64..200_000, amount in 1_i64..10_000_000,
            until in prop::option::of(NOW - 400 * DAY..NOW + 400 * DAY),
        ) {
            let paid = Paid { until_ms: until, anniversary: None };
            let minute = Validity { value: 1, unit: ValidityUnit::Minute };
            let start = Before { credit_minor: credit, price_minor: price, paid, validity: minute, ..before(&[]) };
            let after = apply(&start, amount, NOW, &Zone::utc()).expect("a quote");
            prop_assert_eq!(credit + amount, after.spent_minor + after.credit_minor);
            prop_assert_eq!(after.spent_minor, after.validities * price);
            prop_assert!((0..price).contains(&after.credit_minor));
            prop_assert!(after.paid.until_ms >= until);
        }

        /// Whatever is paid, other holds than nonpayment stay exactly as they are.
        #[test]
        fn only_nonpayment_goes(amount in 1_i64..1_000_000, mask in 0_u8..32) {
            use HoldReason::{Abuse, Legal, Nonpayment, Pause, Staff};
            let holds: Vec<_> = [Nonpayment, Staff, Abuse, Legal, Pause].into_iter().enumerate()
                .filter(|(bit, _)| mask & (1 << bit) != 0).map(|(_, hold)| hold).collect();
            let after = apply(&before(&holds), amount, NOW, &Zone::utc()).expect("a quote");
            let others = |list: &[HoldReason]| list.iter().copied().filter(|h| *h != Nonpayment).collect::<Vec<_>>();
            prop_assert_eq!(others(&after.staying), others(&holds));
            prop_assert_eq!(after.opens(), after.staying.is_empty());
        }
    }
}
