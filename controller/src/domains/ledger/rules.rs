//! What a journal is, when it balances, and the bytes that its MAC and the seals cover. Pure.

use std::collections::BTreeMap;

use lastmile_protocol::ids::{AccountId, BranchId, CustomerId, JournalId, StaffId};

use crate::kernel::{Currency, Money};

/// An account, by what it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Account {
    /// Cash in the hands of a cashier. Debit balance.
    Cash(StaffId),
    /// What a customer has paid ahead: the customer's credit. Credit balance.
    Advance(CustomerId),
    /// What has been earned by the branch. Credit balance.
    Revenue,
    /// What another branch owes this one (debit), or this one owes it (credit).
    Interbranch(BranchId),
}

impl Account {
    /// As it stands under a MAC.
    #[must_use]
    pub fn name(&self) -> String {
        let (kind, owner) = self.parts();
        format!("{kind}:{owner}")
    }

    /// As stored: kind and owner.
    #[must_use]
    pub fn parts(&self) -> (&'static str, String) {
        match self {
            Self::Cash(staff) => ("cash", staff.to_string()),
            Self::Advance(customer) => ("advance", customer.to_string()),
            Self::Revenue => ("revenue", String::new()),
            Self::Interbranch(branch) => ("interbranch", branch.to_string()),
        }
    }
}

/// One side of a journal: debit positive, credit negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leg {
    /// The account.
    pub account: Account,
    /// Debit positive, credit negative; never 0.
    pub amount: Money,
}

/// Two legs that move an amount from one account (credited) to another (debited).
///
/// # Errors
/// [`Unbalanced`] if the amount is not more than 0.
pub fn transfer(debit: Account, credit: Account, amount: Money) -> Result<[Leg; 2], Unbalanced> {
    if !amount.is_positive() {
        return Err(Unbalanced::Zero);
    }
    let negative = amount.negate().map_err(|_| Unbalanced::Overflow)?;
    Ok([Leg { account: debit, amount }, Leg { account: credit, amount: negative }])
}

/// Why legs make no journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unbalanced {
    /// Fewer than two, or more than [`MOST_LEGS`].
    #[error("a journal has 2 to {MOST_LEGS} postings")]
    Count,
    /// An amount of nothing.
    #[error("a posting of nothing")]
    Zero,
    /// A sum that does not fit.
    #[error("the amounts are too large")]
    Overflow,
    /// Debits and credits of a currency differ.
    #[error("debits and credits in {0} differ by {1} minor units")]
    Differs(Currency, i64),
}

/// Most postings of one journal.
pub const MOST_LEGS: usize = 1_000;

/// Whether debits equal credits in each currency.
///
/// # Errors
/// [`Unbalanced`] with the first thing that is wrong.
pub fn check(amounts: impl IntoIterator<Item = Money>) -> Result<(), Unbalanced> {
    let mut sums: BTreeMap<Currency, i64> = BTreeMap::new();
    let mut count = 0_usize;
    for amount in amounts {
        if amount.minor() == 0 {
            return Err(Unbalanced::Zero);
        }
        count += 1;
        let sum = sums.entry(amount.currency()).or_insert(0);
        *sum = sum.checked_add(amount.minor()).ok_or(Unbalanced::Overflow)?;
    }
    if !(2..=MOST_LEGS).contains(&count) {
        return Err(Unbalanced::Count);
    }
    match sums.into_iter().find(|(_, sum)| *sum != 0) {
        Some((currency, sum)) => Err(Unbalanced::Differs(currency, sum)),
        None => Ok(()),
    }
}

/// The head of a journal as it stands in the books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Its id.
    pub id: JournalId,
    /// The branch whose books it is in.
    pub branch: BranchId,
    /// What happened: `receipt`, `renewal`.
    pub kind: String,
    /// What it was posted for, as `kind:id`.
    pub reference: String,
    /// A person's words.
    pub note: String,
    /// Who posted it.
    pub posted_by: String,
    /// When, milliseconds since 1970 UTC.
    pub posted_at: i64,
}

/// A posting as it stands in the books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posting {
    /// The account's row.
    pub account: AccountId,
    /// What the account stands for, as `kind:owner`: under the MAC too, so that nobody's credit becomes another's.
    pub name: String,
    /// Debit positive, credit negative.
    pub amount: Money,
}

/// The bytes of a journal that its MAC covers: every field with its length, so that no two journals have the
/// same bytes. The first byte is the version of this form.
#[must_use]
pub fn journal_bytes(head: &Head, postings: &[Posting]) -> Vec<u8> {
    let mut out = vec![1];
    out.extend(head.id.to_bytes());
    out.extend(head.branch.to_bytes());
    for text in [&head.kind, &head.reference, &head.note, &head.posted_by] {
        put_length(&mut out, text.len());
        out.extend(text.as_bytes());
    }
    out.extend(head.posted_at.to_be_bytes());
    put_length(&mut out, postings.len());
    for posting in postings {
        out.extend(posting.account.to_bytes());
        put_length(&mut out, posting.name.len());
        out.extend(posting.name.as_bytes());
        out.extend(posting.amount.minor().to_be_bytes());
        out.extend(posting.amount.currency().code().as_bytes());
    }
    out
}

/// The bytes of a seal that its MAC covers: its number, the MAC of the seal before it (empty for the first), and
/// the journals of the batch in order with their MACs.
#[must_use]
pub fn seal_bytes<'a>(
    no: i64,
    previous: &[u8],
    sealed_at: i64,
    journals: impl ExactSizeIterator<Item = (JournalId, &'a [u8])>,
) -> Vec<u8> {
    let mut out = vec![1];
    out.extend(no.to_be_bytes());
    out.extend(sealed_at.to_be_bytes());
    put_length(&mut out, previous.len());
    out.extend(previous);
    put_length(&mut out, journals.len());
    for (id, mac) in journals {
        out.extend(id.to_bytes());
        put_length(&mut out, mac.len());
        out.extend(mac);
    }
    out
}

fn put_length(out: &mut Vec<u8>, length: usize) {
    out.extend(u64::try_from(length).unwrap_or(u64::MAX).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bdt(minor: i64) -> Money {
        Money::new(minor, Currency::BDT)
    }

    fn usd(minor: i64) -> Money {
        Money::new(minor, Currency::new("USD").expect("a currency"))
    }

    #[test]
    fn each_currency_balances_by_itself() {
        assert_eq!(check([bdt(5), bdt(-5), usd(1), usd(-1)]), Ok(()));
        assert_eq!(check([bdt(5), usd(-5)]), Err(Unbalanced::Differs(Currency::BDT, 5)));
        assert_eq!(check([bdt(5)]), Err(Unbalanced::Count));
        assert_eq!(check([]), Err(Unbalanced::Count));
        assert_eq!(check([bdt(0), bdt(0)]), Err(Unbalanced::Zero));
        assert_eq!(check([bdt(i64::MAX), bdt(1)]), Err(Unbalanced::Overflow));
    }

    #[test]
    fn a_transfer_is_of_something() {
        let customer = Account::Advance(CustomerId::new(1, [1; 10]));
        assert_eq!(transfer(customer, Account::Revenue, bdt(0)), Err(Unbalanced::Zero));
        let legs = transfer(customer, Account::Revenue, bdt(7)).expect("a journal");
        assert_eq!(check(legs.map(|leg| leg.amount)), Ok(()));
    }

    fn head(kind: &str, reference: &str) -> Head {
        Head {
            id: JournalId::new(1, [1; 10]),
            branch: BranchId::new(1, [2; 10]),
            kind: kind.into(),
            reference: reference.into(),
            note: String::new(),
            posted_by: String::new(),
            posted_at: 0,
        }
    }

    #[test]
    fn fields_do_not_run_into_each_other() {
        assert_ne!(journal_bytes(&head("ab", "c"), &[]), journal_bytes(&head("a", "bc"), &[]));
    }

    proptest! {
        /// Any change of an amount, also of both legs alike, changes the bytes under the MAC.
        #[test]
        fn both_legs_edited_alike_are_seen(amount in 1_i64..1_000_000, other in 1_i64..1_000_000) {
            prop_assume!(amount != other);
            let account = AccountId::new(1, [3; 10]);
            let legs = |minor| [bdt(minor), bdt(-minor)].map(|amount| Posting { account, name: "revenue:".into(), amount });
            let head = head("receipt", "payment:1");
            prop_assert_ne!(journal_bytes(&head, &legs(amount)), journal_bytes(&head, &legs(other)));
        }

        /// Whatever balances sums to nothing in wider arithmetic as well.
        #[test]
        fn balanced_means_zero(amounts in prop::collection::vec(any::<i64>(), 0..8)) {
            let sum: i128 = amounts.iter().map(|a| i128::from(*a)).sum();
            if check(amounts.iter().map(|a| bdt(*a))).is_ok() { prop_assert_eq!(sum, 0); }
        }
    }
}
