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

/// Digits that every double of so many decimal digits keeps, and that its shortest spelling has when it is no short decimal.
pub(crate) const DOUBLE_DIGITS: usize = 15;

pub(crate) fn significant_digits(text: &str) -> usize {
    let digits = text.bytes().filter(u8::is_ascii_digit);
    digits.skip_while(|b| *b == b'0').count()
}

/// A decimal with an optional exponent as a whole number of 10^-places, rounded half away from zero.
///
/// # Errors
/// [`AmountError::NotDecimal`] and, beyond eighteen digits, [`AmountError::TooLarge`].
pub(crate) fn round_decimal(text: &str, places: i64) -> Result<i64, AmountError> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        // An exponent of more digits makes any number too large, or nothing.
        Some((mantissa, exponent)) => (
            mantissa,
            exponent
                .parse::<i64>()
                .map_err(|_| AmountError::NotDecimal)?
                .clamp(-100_000, 100_000),
        ),
        None => (text, 0),
    };
    let (negative, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = || whole.bytes().chain(fraction.bytes());
    if digits().next().is_none() || !digits().all(|b| b.is_ascii_digit()) {
        return Err(AmountError::NotDecimal);
    }
    // So many of the digits stand before the last place that is kept.
    let kept = i64::try_from(whole.len()).unwrap_or(i64::MAX) + exponent + places;
    let mut value: i64 = 0;
    let mut at = 0;
    let mut zeros_only = true;
    for digit in digits().map(|b| i64::from(b - b'0')) {
        if at < kept {
            value = value
                .checked_mul(10)
                .and_then(|v| v.checked_add(digit))
                .ok_or(AmountError::TooLarge)?;
            zeros_only &= digit == 0;
        } else {
            if at == kept && digit >= 5 {
                value += 1;
            }
            break;
        }
        at += 1;
    }
    if !zeros_only {
        for _ in at..kept {
            value = value.checked_mul(10).ok_or(AmountError::TooLarge)?;
        }
    }
    Ok(if negative { -value } else { value })
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

    /// Takes a JSON number as it was written, exponent included. More than four places are rounded half away from zero: what adds
    /// prices as doubles sends `836.9999999999998` for 837. Exact: digits are rounded, never a double.
    ///
    /// # Errors
    /// [`AmountError`] when the text is no JSON number or too large.
    pub fn parse_json_number(raw: &str) -> Result<Self, AmountError> {
        let value = round_decimal(raw, 4)?;
        if value.unsigned_abs() > Self::MAX_INPUT.0.unsigned_abs() {
            return Err(AmountError::TooLarge);
        }
        Ok(Self(value))
    }

    /// Takes a cell of a table: a decimal as [`Self::parse`] takes it, or one of fifteen and more digits, which nobody types and
    /// programs write of a double; that is rounded as [`Self::parse_json_number`] does.
    ///
    /// # Errors
    /// [`AmountError`], when the text is not a decimal, is finer than four places or too large.
    pub fn parse_cell(text: &str) -> Result<Self, AmountError> {
        match Self::parse(text) {
            Err(AmountError::TooPrecise) if significant_digits(text) >= DOUBLE_DIGITS => {
                Self::parse_json_number(text)
            }
            Err(AmountError::NotDecimal) if text.contains(['e', 'E']) => {
                Self::parse_json_number(text)
            }
            other => other,
        }
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
        for (raw, amount) in [
            ("0.1", "0.1000"),
            ("836.9999999999998", "837.0000"),
            ("183.60000000000002", "183.6000"),
            ("16.666666666666668", "16.6667"),
            ("-0.00005", "-0.0001"),
            ("0.00004999999999", "0.0000"),
            ("1e3", "1000.0000"),
            ("12.5E-1", "1.2500"),
            ("5e-5", "0.0001"),
            ("4e-5", "0.0000"),
            ("9e-99999999", "0.0000"),
            ("0e99999999", "0.0000"),
            ("1000000000000", "1000000000000.0000"),
        ] {
            let read = Amount::parse_json_number(raw).map(|a| a.to_string());
            assert_eq!(read.as_deref(), Ok(amount), "{raw}");
        }
        for raw in [
            "1000000000000.0001",
            "1e13",
            "1e99999999",
            "123456789012345678901",
        ] {
            assert_eq!(
                Amount::parse_json_number(raw),
                Err(AmountError::TooLarge),
                "{raw}"
            );
        }
        for raw in ["", "-", "ten", "1e", "1.2.3"] {
            assert_eq!(
                Amount::parse_json_number(raw),
                Err(AmountError::NotDecimal),
                "{raw}"
            );
        }
    }

    #[test]
    fn cells_of_doubles_are_rounded_and_typed_decimals_are_not() {
        assert_eq!(
            Amount::parse_cell("183.60000000000002").unwrap().raw(),
            1_836_000
        );
        assert_eq!(Amount::parse_cell("1.5e2").unwrap().raw(), 1_500_000);
        assert_eq!(Amount::parse_cell("0.12345"), Err(AmountError::TooPrecise));
        assert_eq!(Amount::parse_cell("0,5"), Err(AmountError::NotDecimal));
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
        fn m1_json_numbers_equal_their_text(raw in -10_000_000_000_000_000i64..=10_000_000_000_000_000) {
            let amount = Amount::from_raw(raw);
            prop_assert_eq!(Amount::parse_json_number(&amount.to_string()), Ok(amount));
        }

        /// Whatever a double made of a sum of prices, the cents come back.
        #[test]
        fn m1_artefacts_of_doubles_are_rounded_away(cents in proptest::collection::vec(0i64..10_000_000, 1..20)) {
            let exact = Amount::from_raw(cents.iter().sum::<i64>() * 100);
            let sum: f64 = cents.iter().map(|c| {
                let price: f64 = Amount::from_raw(c * 100).to_string().parse().unwrap();
                price
            }).sum();
            prop_assert_eq!(Amount::parse_json_number(&format!("{sum}")), Ok(exact));
            prop_assert_eq!(Amount::parse_json_number(&format!("{sum:e}")), Ok(exact));
        }
    }
}
