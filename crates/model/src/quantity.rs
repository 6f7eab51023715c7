//! Quantities: how much of a product, exact to a thousandth, because shops sell kilos, metres and litres too.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::amount::{Amount, AmountError, DOUBLE_DIGITS, round_decimal, significant_digits};

/// A quantity in thousandths of a unit, the in-memory form of `Decimal128(18,3)`.
///
/// Sums saturate at about ±9 · 10¹⁵ units instead of wrapping. Of orders, lines and events there are whole numbers only: they are counts and no
/// quantities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Quantity(i64);

/// Why a text is not a quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// Not digits with an optional sign and point.
    #[error("is not a decimal number")]
    NotDecimal,
    /// More than three digits after the point that are not zero.
    #[error("has more than 3 decimal places")]
    TooPrecise,
    /// Beyond what anything is counted in.
    #[error("is too large")]
    TooLarge,
}

impl From<AmountError> for QuantityError {
    fn from(error: AmountError) -> Self {
        match error {
            AmountError::NotDecimal => Self::NotDecimal,
            AmountError::TooPrecise => Self::TooPrecise,
            AmountError::TooLarge => Self::TooLarge,
        }
    }
}

impl Quantity {
    /// None of it.
    pub const ZERO: Self = Self(0);
    /// One unit.
    pub const ONE: Self = Self(Self::SCALE);
    /// Thousandths in one unit.
    pub const SCALE: i64 = 1_000;

    /// A quantity from thousandths.
    #[must_use]
    pub const fn from_raw(thousandths: i64) -> Self {
        Self(thousandths)
    }

    /// The quantity in thousandths.
    #[must_use]
    pub const fn raw(self) -> i64 {
        self.0
    }

    /// Whole units, saturating.
    #[must_use]
    pub const fn from_units(units: i64) -> Self {
        Self(units.saturating_mul(Self::SCALE))
    }

    /// The units when they are whole.
    #[must_use]
    pub const fn whole(self) -> Option<i64> {
        if self.0 % Self::SCALE == 0 {
            Some(self.0 / Self::SCALE)
        } else {
            None
        }
    }

    /// Reads a decimal such as `1.25` exactly.
    ///
    /// # Errors
    /// [`QuantityError`], when the text is not a decimal, is finer than three places or too large.
    pub fn parse(text: &str) -> Result<Self, QuantityError> {
        if text.contains(['e', 'E']) {
            return Err(QuantityError::NotDecimal);
        }
        let rounded = round_decimal(text, 3)?;
        let (_, fraction) = text.split_once('.').unwrap_or((text, ""));
        if fraction.bytes().skip(3).any(|b| b != b'0') {
            return Err(QuantityError::TooPrecise);
        }
        Ok(Self(rounded))
    }

    /// Takes a JSON number as it was written, exponent included. More than three places are rounded half away from zero: digits are
    /// rounded, never a double.
    ///
    /// # Errors
    /// [`QuantityError`] when the text is no JSON number or too large.
    pub fn parse_json_number(raw: &str) -> Result<Self, QuantityError> {
        Ok(Self(round_decimal(raw, 3)?))
    }

    /// Takes a cell of a table: a decimal as [`Self::parse`] takes it, or one of fifteen and more digits, which nobody types and
    /// programs write of a double; that is rounded as [`Self::parse_json_number`] does.
    ///
    /// # Errors
    /// [`QuantityError`], when the text is not a decimal, is finer than three places or too large.
    pub fn parse_cell(text: &str) -> Result<Self, QuantityError> {
        match Self::parse(text) {
            Err(QuantityError::TooPrecise) if significant_digits(text) >= DOUBLE_DIGITS => {
                Self::parse_json_number(text)
            }
            Err(QuantityError::NotDecimal) if text.contains(['e', 'E']) => {
                Self::parse_json_number(text)
            }
            other => other,
        }
    }

    /// What this much of something costs at a price of one unit, rounded half away from zero to four places.
    #[must_use]
    pub fn at(self, price: Amount) -> Amount {
        price.share(self.0, Self::SCALE)
    }

    /// This quantity times a count, saturating.
    #[must_use]
    pub const fn times(self, count: i64) -> Self {
        Self(self.0.saturating_mul(count))
    }

    /// With all three places, as SQL writes a `DECIMAL(18, 3)`.
    #[must_use]
    pub fn fixed(self) -> String {
        let sign = if self.0 < 0 { "-" } else { "" };
        let raw = self.0.unsigned_abs();
        format!("{sign}{}.{:03}", raw / 1_000, raw % 1_000)
    }

    /// Whether it is below zero.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }
}

impl fmt::Display for Quantity {
    /// Without the zeros behind the point: `2`, `0.5`, `-1.125`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let raw = self.0.unsigned_abs();
        let (whole, part) = (raw / 1_000, raw % 1_000);
        if part == 0 {
            return write!(f, "{sign}{whole}");
        }
        let part = format!("{part:03}");
        write!(f, "{sign}{whole}.{}", part.trim_end_matches('0'))
    }
}

impl Add for Quantity {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Quantity {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Neg for Quantity {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl AddAssign for Quantity {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Quantity {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Sum for Quantity {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Add::add)
    }
}

impl Serialize for Quantity {
    /// A number in human-readable formats, so that what is counted in pieces looks as it always did; the raw integer in checkpoints. Doubles
    /// write and read back any quantity up to 9 · 10¹² units as it is.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return serializer.serialize_i64(self.0);
        }
        match self.whole() {
            Some(units) => serializer.serialize_i64(units),
            #[allow(
                clippy::cast_precision_loss,
                reason = "written as its shortest decimal, which is the quantity"
            )]
            None => serializer.serialize_f64(self.0 as f64 / 1_000.0),
        }
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Whole(i64),
            Decimal(f64),
            Text(String),
        }
        if !deserializer.is_human_readable() {
            return i64::deserialize(deserializer).map(Self);
        }
        match Written::deserialize(deserializer)? {
            Written::Whole(units) => Ok(Self::from_units(units)),
            Written::Decimal(number) => Self::parse_json_number(&number.to_string()),
            Written::Text(text) => Self::parse(&text),
        }
        .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn raw(read: Result<Quantity, QuantityError>) -> Result<i64, QuantityError> {
        read.map(Quantity::raw)
    }

    #[test]
    fn quantities_are_exact_and_text_is_never_rounded() {
        assert_eq!(raw(Quantity::parse("0.5")), Ok(500));
        assert_eq!(raw(Quantity::parse("-1.125")), Ok(-1_125));
        assert_eq!(raw(Quantity::parse("3.0")), Ok(3_000));
        assert_eq!(raw(Quantity::parse("2.5000")), Ok(2_500));
        assert_eq!(
            raw(Quantity::parse("2.0005")),
            Err(QuantityError::TooPrecise)
        );
        for text in ["1,5", "1e3", "", ".", "x"] {
            assert_eq!(
                raw(Quantity::parse(text)),
                Err(QuantityError::NotDecimal),
                "{text}"
            );
        }
        assert_eq!(
            raw(Quantity::parse("99999999999999999999")),
            Err(QuantityError::TooLarge)
        );
        assert_eq!(
            raw(Quantity::parse_json_number("0.30000000000000004")),
            Ok(300)
        );
        assert_eq!(raw(Quantity::parse_json_number("0.0005")), Ok(1));
        assert_eq!(raw(Quantity::parse_json_number("2e1")), Ok(20_000));
        assert_eq!(raw(Quantity::parse_cell("1.2000000000000002")), Ok(1_200));
        assert_eq!(
            raw(Quantity::parse_cell("0.0005")),
            Err(QuantityError::TooPrecise)
        );
        for (thousandths, shown) in [
            (2_000, "2"),
            (500, "0.5"),
            (-1_125, "-1.125"),
            (10, "0.01"),
            (0, "0"),
        ] {
            assert_eq!(Quantity::from_raw(thousandths).to_string(), shown);
        }
        assert_eq!(Quantity::from_raw(-1_500).fixed(), "-1.500");
    }

    #[test]
    fn m1_a_price_times_a_quantity_is_rounded_half_away_from_zero() {
        let price = Amount::from_raw(1);
        for (thousandths, expected) in [(499, 0), (500, 1), (1_499, 1), (1_500, 2), (-500, -1)] {
            assert_eq!(Quantity::from_raw(thousandths).at(price).raw(), expected);
        }
        let kilo = Amount::parse("8.99").unwrap();
        assert_eq!(
            Quantity::parse("0.333").unwrap().at(kilo).to_string(),
            "2.9937"
        );
    }

    proptest! {
        #[test]
        fn quantities_round_trip(thousandths in -1_000_000_000_000_000i64..=1_000_000_000_000_000) {
            let quantity = Quantity::from_raw(thousandths);
            prop_assert_eq!(Quantity::parse(&quantity.to_string()), Ok(quantity));
            let json = serde_json::to_string(&quantity).unwrap();
            prop_assert_eq!(Quantity::parse_json_number(&json), Ok(quantity));
            prop_assert_eq!(serde_json::from_str::<Quantity>(&json).unwrap(), quantity);
        }

        #[test]
        fn whole_units_cost_what_counting_them_says(price in 0i64..1_000_000_000, units in 0i64..1_000_000) {
            let price = Amount::from_raw(price);
            prop_assert_eq!(Quantity::from_units(units).at(price), price.times(units));
        }

        #[test]
        fn reading_never_panics(text in "\\PC{0,30}") {
            let _ = (Quantity::parse(&text), Quantity::parse_cell(&text), Quantity::parse_json_number(&text));
        }
    }
}
