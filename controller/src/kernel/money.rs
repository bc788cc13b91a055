//! Money: a signed count of minor units with its currency. No floats, every sum checked, rounding in one place.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A currency, by its ISO 4217 code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "BDT")]
pub struct Currency([u8; 3]);

impl Currency {
    /// Taka, with 100 poisha.
    pub const BDT: Self = Self(*b"BDT");

    /// The currency of a three-letter code.
    ///
    /// # Errors
    /// [`MoneyError::BadCurrency`] when it is not three letters A-Z.
    pub fn new(code: &str) -> Result<Self, MoneyError> {
        match code.as_bytes() {
            [a, b, c] if [a, b, c].iter().all(|letter| letter.is_ascii_uppercase()) => Ok(Self([*a, *b, *c])),
            _ => Err(MoneyError::BadCurrency),
        }
    }

    /// The three letters.
    #[must_use]
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl TryFrom<String> for Currency {
    type Error = MoneyError;
    fn try_from(code: String) -> Result<Self, MoneyError> {
        Self::new(&code)
    }
}

impl std::str::FromStr for Currency {
    type Err = MoneyError;
    fn from_str(code: &str) -> Result<Self, MoneyError> {
        Self::new(code)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.code().to_owned()
    }
}

/// Why a sum of money could not be computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The result does not fit in 64 bits.
    #[error("the amount is too large")]
    Overflow,
    /// Two currencies in one sum.
    #[error("{0} and {1} cannot be added")]
    Mixed(Currency, Currency),
    /// Not a currency code.
    #[error("a currency is three letters, such as BDT")]
    BadCurrency,
    /// A ratio over zero.
    #[error("a ratio over zero")]
    ZeroDenominator,
}

impl From<MoneyError> for super::Fault {
    fn from(error: MoneyError) -> Self {
        Self::field("amount", error.to_string())
    }
}

/// An amount in minor units (poisha for BDT) of a currency. May be negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// Count of minor units.
    minor: i64,
    /// ISO 4217 code.
    currency: Currency,
}

impl Money {
    /// `minor` units of `currency`.
    #[must_use]
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Nothing, in `currency`.
    #[must_use]
    pub const fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// Count of minor units.
    #[must_use]
    pub const fn minor(&self) -> i64 {
        self.minor
    }

    /// The currency.
    #[must_use]
    pub const fn currency(&self) -> Currency {
        self.currency
    }

    /// Whether more than nothing.
    #[must_use]
    pub const fn is_positive(&self) -> bool {
        self.minor > 0
    }

    fn same(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency { Ok(()) } else { Err(MoneyError::Mixed(self.currency, other.currency)) }
    }

    /// The sum.
    ///
    /// # Errors
    /// When currencies differ or the sum does not fit.
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        self.same(other)?;
        let minor = self.minor.checked_add(other.minor).ok_or(MoneyError::Overflow)?;
        Ok(Self::new(minor, self.currency))
    }

    /// The difference.
    ///
    /// # Errors
    /// When currencies differ or the difference does not fit.
    pub fn minus(self, other: Self) -> Result<Self, MoneyError> {
        self.same(other)?;
        let minor = self.minor.checked_sub(other.minor).ok_or(MoneyError::Overflow)?;
        Ok(Self::new(minor, self.currency))
    }

    /// The same amount the other way round.
    ///
    /// # Errors
    /// When it does not fit (only for the smallest number).
    pub fn negate(self) -> Result<Self, MoneyError> {
        self.minor.checked_neg().map(|minor| Self::new(minor, self.currency)).ok_or(MoneyError::Overflow)
    }

    /// This amount `numerator / denominator` times, rounded to the nearest minor unit, halves away from zero.
    /// The only place where money is rounded.
    ///
    /// # Errors
    /// When the denominator is zero or the result does not fit.
    pub fn mul_ratio(self, numerator: i64, denominator: i64) -> Result<Self, MoneyError> {
        if denominator == 0 {
            return Err(MoneyError::ZeroDenominator);
        }
        let product = i128::from(self.minor) * i128::from(numerator);
        let divisor = i128::from(denominator);
        let (quotient, rest) = (product / divisor, product % divisor);
        let sign = if (product < 0) == (divisor < 0) { 1 } else { -1 };
        let rounded = if rest.abs() * 2 >= divisor.abs() && rest != 0 { quotient + sign } else { quotient };
        i64::try_from(rounded).map(|minor| Self::new(minor, self.currency)).map_err(|_| MoneyError::Overflow)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bdt(minor: i64) -> Money {
        Money::new(minor, Currency::BDT)
    }

    #[test]
    fn json_is_minor_and_currency() {
        let text = serde_json::to_string(&bdt(80_000)).unwrap();
        assert_eq!(text, r#"{"minor":80000,"currency":"BDT"}"#);
        assert_eq!(serde_json::from_str::<Money>(&text).unwrap(), bdt(80_000));
        assert!(serde_json::from_str::<Money>(r#"{"minor":1.5,"currency":"BDT"}"#).is_err());
        assert!(serde_json::from_str::<Money>(r#"{"minor":1,"currency":"taka"}"#).is_err());
    }

    #[test]
    fn halves_go_away_from_zero() {
        assert_eq!(bdt(1).mul_ratio(1, 2), Ok(bdt(1)));
        assert_eq!(bdt(-1).mul_ratio(1, 2), Ok(bdt(-1)));
        assert_eq!(bdt(-1).mul_ratio(1, -2), Ok(bdt(1)));
        assert_eq!(bdt(1).mul_ratio(1, 3), Ok(bdt(0)));
        assert_eq!(bdt(5).mul_ratio(1, 0), Err(MoneyError::ZeroDenominator));
    }

    proptest! {
        #[test]
        fn adding_then_subtracting_returns(a: i64, b: i64) {
            if let Ok(sum) = bdt(a).plus(bdt(b)) {
                prop_assert_eq!(sum.minus(bdt(b)), Ok(bdt(a)));
                prop_assert_eq!(i128::from(sum.minor()), i128::from(a) + i128::from(b));
            } else {
                prop_assert!(a.checked_add(b).is_none());
            }
        }

        #[test]
        fn a_ratio_is_within_half_a_unit(a: i64, n in -1_000_000i64..1_000_000, d in 1i64..1_000_000) {
            if let Ok(result) = bdt(a).mul_ratio(n, d) {
                let error = (i128::from(result.minor()) * i128::from(d) - i128::from(a) * i128::from(n)).abs();
                prop_assert!(error * 2 <= i128::from(d));
            }
        }

        #[test]
        fn currencies_never_mix(a: i64, b: i64) {
            let other = Money::new(b, Currency::new("USD").unwrap());
            prop_assert!(bdt(a).plus(other).is_err());
            prop_assert!(bdt(a).minus(other).is_err());
        }
    }
}
