//! Money: exact fixed-point decimals with four places (M1: no float holds money).

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An amount of money in ten-thousandths of the store's currency unit, the in-memory form of `Decimal128(18,4)`.
///
/// A single amount read from outside is at most [`Amount::MAX_INPUT`]; sums saturate at about ±922 trillion units
/// instead of wrapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Amount(i64);

/// Why a text is not an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Not digits with an optional sign and point.
    #[error("is not a decimal number")]
    NotDecimal,
    /// More than four digits after the point that are not zero.
    #[error("has more than 4 decimal places")]
    TooPrecise,
    /// Beyond [`Amount::MAX_INPUT`].
    #[error("is beyond ±1000000000000")]
    TooLarge,
}

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// Ten-thousandths in one unit.
    pub const SCALE: i64 = 10_000;
    /// The largest magnitude accepted from outside: 10¹² units.
    pub const MAX_INPUT: Self = Self(1_000_000_000_000 * Self::SCALE);

    /// An amount from ten-thousandths.
    #[must_use]
    pub const fn from_raw(ten_thousandths: i64) -> Self {
        Self(ten_thousandths)
    }

    /// The amount in ten-thousandths.
    #[must_use]
    pub const fn raw(self) -> i64 {
        self.0
    }

    /// Reads a decimal such as `-12.5`, `1e3` not included, exactly.
    ///
    /// # Errors
    /// [`AmountError`], when the text is not a decimal, is finer than four places or too large.
    pub fn parse(text: &str) -> Result<Self, AmountError> {
        let bytes = text.as_bytes();
        let (negative, digits) = match bytes.first() {
            Some(b'-') => (true, &bytes[1..]),
            Some(b'+') => (false, &bytes[1..]),
            _ => (false, bytes),
        };
        let mut value: i64 = 0;
        let mut seen_digit = false;
        let mut decimals: Option<u32> = None;
        for &b in digits {
            match b {
                b'0'..=b'9' => {
                    seen_digit = true;
                    match &mut decimals {
                        Some(4) => {
                            if b != b'0' {
                                return Err(AmountError::TooPrecise);
                            }
                            continue;
                        }
                        Some(n) => *n += 1,
                        None => {}
                    }
                    value = value * 10 + i64::from(b - b'0');
                    if value > Self::MAX_INPUT.0 {
                        return Err(AmountError::TooLarge);
                    }
                }
                b'.' if decimals.is_none() => decimals = Some(0),
                _ => return Err(AmountError::NotDecimal),
            }
        }
        if !seen_digit {
            return Err(AmountError::NotDecimal);
        }
        for _ in decimals.unwrap_or(0)..4 {
            value *= 10;
            if value > Self::MAX_INPUT.0 {
                return Err(AmountError::TooLarge);
            }
        }
        Ok(Self(if negative { -value } else { value }))
    }

    /// Takes a JSON number. Exact: a double that is the nearest one to a decimal of at most four places becomes that
    /// decimal; any other is refused rather than rounded.
    ///
    /// # Errors
    /// [`AmountError`] when the number is not finite, finer than four places or too large.
    pub fn from_json_number(number: f64) -> Result<Self, AmountError> {
        if !number.is_finite() {
            return Err(AmountError::NotDecimal);
        }
        let scaled = (number * 10_000.0).round();
        if scaled.abs() >= 9_007_199_254_740_992.0 {
            return Err(AmountError::TooLarge);
        }
        #[allow(clippy::float_cmp, reason = "equality is the test of exactness here")]
        if scaled / 10_000.0 != number {
            return Err(AmountError::TooPrecise);
        }
        #[allow(clippy::cast_possible_truncation, reason = "below 2^53")]
        Ok(Self(scaled as i64))
    }

    /// Takes a whole number of units.
    ///
    /// # Errors
    /// [`AmountError::TooLarge`] beyond [`Self::MAX_INPUT`].
    pub fn from_units(units: i64) -> Result<Self, AmountError> {
        units
            .checked_mul(Self::SCALE)
            .filter(|v| v.unsigned_abs() <= Self::MAX_INPUT.0.unsigned_abs())
            .map(Self)
            .ok_or(AmountError::TooLarge)
    }

    /// This amount times a count, saturating.
    #[must_use]
    pub const fn times(self, count: i64) -> Self {
        Self(self.0.saturating_mul(count))
    }

    /// `self · part / whole`, rounded half away from zero; zero when `whole` is zero.
    #[must_use]
    pub fn share(self, part: i64, whole: i64) -> Self {
        if whole == 0 {
            return Self::ZERO;
        }
        let product = i128::from(self.0) * i128::from(part);
        let whole = i128::from(whole);
        let half = whole.abs() / 2;
        let rounded = if (product < 0) == (whole < 0) {
            (product.abs() + half) / whole.abs()
        } else {
            -((product.abs() + half) / whole.abs())
        };
        Self(i64::try_from(rounded).unwrap_or(if rounded < 0 { i64::MIN } else { i64::MAX }))
    }

    /// Whether the amount is below zero.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// The ratio of two amounts for display, `None` when the divisor is zero.
    #[must_use]
    pub fn ratio(self, whole: Self) -> Option<f64> {
        #[allow(clippy::cast_precision_loss, reason = "a ratio for people, not money")]
        (whole.0 != 0).then(|| self.0 as f64 / whole.0 as f64)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let v = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:04}", v / 10_000, v % 10_000)
    }
}

impl Add for Amount {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Amount {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Neg for Amount {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Amount {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Add::add)
    }
}

impl Serialize for Amount {
    /// Text (`"12.5000"`) in human-readable formats, the raw integer in checkpoints.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_i64(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            Self::parse(&text).map_err(serde::de::Error::custom)
        } else {
            i64::deserialize(deserializer).map(Self)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn m1_decimals_are_exact() {
        assert_eq!(Amount::parse("19.99").unwrap().raw(), 199_900);
        assert_eq!(Amount::parse("-0.0001").unwrap().raw(), -1);
        assert_eq!(Amount::parse("1.50000").unwrap().raw(), 15_000);
        assert_eq!(Amount::parse("1.00001"), Err(AmountError::TooPrecise));
        assert_eq!(Amount::parse("1e5"), Err(AmountError::NotDecimal));
        assert_eq!(Amount::parse("."), Err(AmountError::NotDecimal));
        assert_eq!(
            Amount::parse("1000000000000.0001"),
            Err(AmountError::TooLarge)
        );
        assert_eq!(
            Amount::parse("99999999999999999999"),
            Err(AmountError::TooLarge)
        );
        assert_eq!(Amount::from_json_number(0.1).unwrap().to_string(), "0.1000");
        assert_eq!(
            Amount::from_json_number(0.12345),
            Err(AmountError::TooPrecise)
        );
        assert_eq!(
            Amount::from_json_number(f64::NAN),
            Err(AmountError::NotDecimal)
        );
    }

    #[test]
    fn shares_round_half_away_from_zero() {
        assert_eq!(Amount::from_raw(5).share(1, 2).raw(), 3);
        assert_eq!(Amount::from_raw(-5).share(1, 2).raw(), -3);
        assert_eq!(Amount::from_raw(5).share(1, 0).raw(), 0);
    }

    proptest! {
        #[test]
        fn m1_text_round_trips(raw in -10_000_000_000_000_000i64..=10_000_000_000_000_000) {
            prop_assert_eq!(Amount::parse(&Amount::from_raw(raw).to_string()), Ok(Amount::from_raw(raw)));
        }

        #[test]
        fn m1_json_numbers_equal_their_text(raw in -90_000_000_000_000i64..=90_000_000_000_000) {
            let amount = Amount::from_raw(raw);
            let number: f64 = amount.to_string().parse().unwrap();
            prop_assert_eq!(Amount::from_json_number(number), Ok(amount));
        }
    }
}
