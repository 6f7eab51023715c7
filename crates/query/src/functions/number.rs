//! Numbers.

use arrow::datatypes::{DataType, i256};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};

use super::cell::{Cell, out_of_range};
use super::scalar::{Definition, Gives, Kind, of, pure};

use Kind::{Float, Int, Numeric};

type Answer = Result<Cell<'static>>;

fn bad(message: &str) -> DataFusionError {
    DataFusionError::Execution(message.to_owned())
}

/// A decimal's digits with another count of places, rounded half away from zero. `None` when they do not fit.
pub(crate) fn rescale(value: i128, from: i8, to: i8) -> Option<i128> {
    let by = i32::from(to) - i32::from(from);
    let factor = 10_i128.checked_pow(by.unsigned_abs());
    if by >= 0 {
        return value.checked_mul(factor?);
    }
    // More digits are dropped than there are.
    let Some(factor) = factor else {
        return Some(0);
    };
    let (quotient, rest) = (value / factor, value % factor);
    let away = if rest.unsigned_abs() * 2 >= factor.unsigned_abs() {
        value.signum()
    } else {
        0
    };
    Some(quotient + away)
}

/// Places of a quotient, and of an average.
pub(crate) const QUOTIENT_PLACES: i8 = 16;

/// A quotient with sixteen places, rounded half away from zero.
///
/// # Errors
/// When the divisor is zero, or the quotient has more than 38 digits.
pub(crate) fn divide(a: (i128, i8), b: (i128, i8)) -> Result<i128> {
    if b.0 == 0 {
        return Err(bad("division by zero"));
    }
    let shift = i32::from(QUOTIENT_PLACES) + i32::from(b.1) - i32::from(a.1);
    let power = |exponent: u32| i256::from_i128(10).checked_pow(exponent);
    let (mut over, mut under) = (i256::from_i128(a.0), i256::from_i128(b.0));
    let factor = power(shift.unsigned_abs());
    if shift >= 0 {
        over = factor
            .and_then(|factor| over.checked_mul(factor))
            .ok_or_else(|| out_of_range("numeric"))?;
    } else {
        under = factor
            .and_then(|factor| under.checked_mul(factor))
            .ok_or_else(|| out_of_range("numeric"))?;
    }
    let (quotient, rest) = (over.wrapping_div(under), over.wrapping_rem(under));
    let twice = rest.wrapping_abs().wrapping_mul(i256::from_i128(2));
    let quotient = quotient.to_i128().ok_or_else(|| out_of_range("numeric"))?;
    if twice >= under.wrapping_abs() {
        let away = if (a.0 < 0) == (b.0 < 0) { 1 } else { -1 };
        return Ok(quotient + away);
    }
    Ok(quotient)
}

/// A decimal's digits and places.
pub(super) fn numeric(cell: &Cell<'_>) -> (i128, i8) {
    match cell {
        Cell::Numeric(value, scale) => (*value, *scale),
        Cell::Int(value) => (i128::from(*value), 0),
        _ => (0, 0),
    }
}

/// A decimal of as many places as the second argument says.
fn placed(types: &[DataType], constants: &[Option<&ScalarValue>]) -> Result<DataType> {
    let places = match constants.get(1).copied().flatten() {
        Some(value) => value
            .cast_to(&DataType::Int64)
            .ok()
            .and_then(|value| match value {
                ScalarValue::Int64(places) => places,
                _ => None,
            }),
        // As many as the value has: what is rounded has no more.
        None => None,
    };
    let scale = match types.first() {
        Some(DataType::Decimal128(_, scale)) => *scale,
        _ => 0,
    };
    let scale = places.map_or(scale, |places| {
        i8::try_from(places.clamp(0, 30)).unwrap_or(0)
    });
    Ok(DataType::Decimal128(38, scale))
}

fn placed_of_float(_: &[DataType], constants: &[Option<&ScalarValue>]) -> Result<DataType> {
    placed(&[DataType::Decimal128(38, 15)], constants)
}

fn same(types: &[DataType], _: &[Option<&ScalarValue>]) -> Result<DataType> {
    Ok(match types.first() {
        Some(DataType::Decimal128(_, scale)) => DataType::Decimal128(38, *scale),
        _ => DataType::Decimal128(38, 0),
    })
}

fn wider(types: &[DataType], _: &[Option<&ScalarValue>]) -> Result<DataType> {
    let scale = |kind: &DataType| match kind {
        DataType::Decimal128(_, scale) => *scale,
        _ => 0,
    };
    Ok(DataType::Decimal128(
        38,
        types.iter().map(scale).max().unwrap_or(0),
    ))
}

/// Both with the same count of places.
fn aligned(a: &[Cell<'_>]) -> Result<(i128, i128, i8)> {
    let ((left, s), (right, t)) = (numeric(&a[0]), numeric(&a[1]));
    let scale = s.max(t);
    let left = rescale(left, s, scale).ok_or_else(|| out_of_range("numeric"))?;
    let right = rescale(right, t, scale).ok_or_else(|| out_of_range("numeric"))?;
    Ok((left, right, scale))
}

fn round_to(value: (i128, i8), places: i64) -> Answer {
    let places = i8::try_from(places.clamp(-38, 30)).unwrap_or(0);
    let rounded =
        rescale(value.0, value.1, places.min(value.1)).ok_or_else(|| out_of_range("numeric"))?;
    Ok(Cell::Numeric(rounded, places.min(value.1)))
}

fn trunc_to(value: (i128, i8), places: i64) -> Answer {
    let places = i8::try_from(places.clamp(-38, 30))
        .unwrap_or(0)
        .min(value.1);
    let factor =
        10_i128.checked_pow(u32::try_from(i32::from(value.1) - i32::from(places)).unwrap_or(0));
    Ok(Cell::Numeric(
        factor.map_or(0, |factor| value.0 / factor),
        places,
    ))
}

fn whole_part(value: (i128, i8), away: i128) -> Answer {
    let factor = 10_i128
        .checked_pow(u32::from(value.1.unsigned_abs()))
        .ok_or_else(|| out_of_range("numeric"))?;
    let floor = value.0.div_euclid(factor);
    let exact = value.0.rem_euclid(factor) == 0;
    Ok(Cell::Numeric(
        if exact || away == 0 {
            floor
        } else {
            floor + away
        },
        0,
    ))
}

fn checked(value: Option<i64>) -> Answer {
    value.map(Cell::Int).ok_or_else(|| out_of_range("bigint"))
}

fn float(value: f64) -> Answer {
    Ok(Cell::Float(value))
}

fn within(value: f64, low: f64, high: f64, f: impl Fn(f64) -> f64) -> Answer {
    if value.is_nan() || (low..=high).contains(&value) {
        return float(f(value));
    }
    Err(bad("input is out of range"))
}

fn positive(value: f64, f: impl Fn(f64) -> f64) -> Answer {
    if value == 0.0 {
        return Err(bad("cannot take logarithm of zero"));
    }
    if value < 0.0 {
        return Err(bad("cannot take logarithm of a negative number"));
    }
    float(f(value))
}

fn power(base: f64, exponent: f64) -> Answer {
    if base == 0.0 && exponent < 0.0 {
        return Err(bad("zero raised to a negative power is undefined"));
    }
    if base < 0.0 && exponent.fract() != 0.0 && exponent.is_finite() {
        return Err(bad(
            "a negative number raised to a non-integer power yields a complex result",
        ));
    }
    let value = base.powf(exponent);
    if value.is_infinite() && base.is_finite() && exponent.is_finite() {
        return Err(bad("value out of range: overflow"));
    }
    float(value)
}

fn gcd(a: u128, b: u128) -> u128 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn bucket(value: f64, low: f64, high: f64, count: i64) -> Answer {
    if count <= 0 {
        return Err(bad("count must be greater than zero"));
    }
    #[allow(
        clippy::float_cmp,
        reason = "bounds that are the same bits make no range"
    )]
    if low == high {
        return Err(bad("lower bound cannot equal upper bound"));
    }
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "a bucket's number"
    )]
    let at = |part: f64| (part * count as f64).floor() as i64 + 1;
    let part = (value - low) / (high - low);
    Ok(Cell::Int(if part < 0.0 {
        0
    } else if part >= 1.0 {
        count + 1
    } else {
        at(part)
    }))
}

/// The functions of numbers.
pub(crate) const FUNCTIONS: &[Definition] = &[
    pure(
        "numeric_over",
        &[of(
            &[Numeric, Numeric],
            Gives::Numeric(QUOTIENT_PLACES),
            |_, a| {
                Ok(Cell::Numeric(
                    divide(numeric(&a[0]), numeric(&a[1]))?,
                    QUOTIENT_PLACES,
                ))
            },
        )],
    ),
    pure(
        "float_over",
        &[of(&[Float, Float], Gives::Float, |_, a| {
            if a[1].as_float() == 0.0 {
                return Err(bad("division by zero"));
            }
            float(a[0].as_float() / a[1].as_float())
        })],
    ),
    pure(
        "integer_plus",
        &[of(&[Int, Int], Gives::Int8, |_, a| {
            checked(a[0].as_int().checked_add(a[1].as_int()))
        })],
    ),
    pure(
        "integer_minus",
        &[of(&[Int, Int], Gives::Int8, |_, a| {
            checked(a[0].as_int().checked_sub(a[1].as_int()))
        })],
    ),
    pure(
        "integer_times",
        &[of(&[Int, Int], Gives::Int8, |_, a| {
            checked(a[0].as_int().checked_mul(a[1].as_int()))
        })],
    ),
    // What casts to integers are made of.
    pure(
        "round_even",
        &[of(&[Float], Gives::Float, |_, a| {
            float(a[0].as_float().round_ties_even())
        })],
    ),
    pure(
        "round_away",
        &[of(&[Numeric], Gives::Numeric(0), |_, a| {
            round_to(numeric(&a[0]), 0)
        })],
    ),
    pure(
        "round",
        &[
            of(&[Float], Gives::Float, |_, a| {
                float(a[0].as_float().round_ties_even())
            }),
            of(&[Numeric], Gives::Numeric(0), |_, a| {
                round_to(numeric(&a[0]), 0)
            }),
            of(&[Numeric, Int], Gives::Of(placed), |_, a| {
                round_to(numeric(&a[0]), a[1].as_int())
            }),
            // PostgreSQL has none for doubles; some of its numerics are doubles here.
            of(
                &[Float, Int],
                Gives::Of(placed_of_float),
                |_, a| match parse(&super::text::float_text(a[0].as_float()), 15)? {
                    Cell::Numeric(value, scale) => round_to((value, scale), a[1].as_int()),
                    _ => Ok(Cell::Null),
                },
            ),
        ],
    ),
    pure(
        "trunc",
        &[
            of(&[Float], Gives::Float, |_, a| {
                float(a[0].as_float().trunc())
            }),
            of(&[Numeric], Gives::Numeric(0), |_, a| {
                trunc_to(numeric(&a[0]), 0)
            }),
            of(&[Numeric, Int], Gives::Of(placed), |_, a| {
                trunc_to(numeric(&a[0]), a[1].as_int())
            }),
        ],
    ),
    pure(
        "ceil",
        &[
            of(&[Float], Gives::Float, |_, a| float(a[0].as_float().ceil())),
            of(&[Numeric], Gives::Numeric(0), |_, a| {
                whole_part(numeric(&a[0]), 1)
            }),
        ],
    ),
    pure(
        "ceiling",
        &[
            of(&[Float], Gives::Float, |_, a| float(a[0].as_float().ceil())),
            of(&[Numeric], Gives::Numeric(0), |_, a| {
                whole_part(numeric(&a[0]), 1)
            }),
        ],
    ),
    pure(
        "floor",
        &[
            of(&[Float], Gives::Float, |_, a| {
                float(a[0].as_float().floor())
            }),
            of(&[Numeric], Gives::Numeric(0), |_, a| {
                whole_part(numeric(&a[0]), 0)
            }),
        ],
    ),
    pure(
        "abs",
        &[
            of(&[Int], Gives::Same(0), |_, a| {
                checked(a[0].as_int().checked_abs())
            }),
            of(&[Float], Gives::Same(0), |_, a| {
                float(a[0].as_float().abs())
            }),
            of(&[Numeric], Gives::Of(same), |_, a| {
                Ok(Cell::Numeric(numeric(&a[0]).0.abs(), numeric(&a[0]).1))
            }),
        ],
    ),
    pure(
        "sign",
        &[
            of(&[Float], Gives::Float, |_, a| {
                float(if a[0].as_float() == 0.0 {
                    0.0
                } else {
                    a[0].as_float().signum()
                })
            }),
            of(&[Numeric], Gives::Numeric(0), |_, a| {
                Ok(Cell::Numeric(numeric(&a[0]).0.signum(), 0))
            }),
        ],
    ),
    pure(
        "mod",
        &[
            of(&[Int, Int], Gives::Int8, |_, a| {
                if a[1].as_int() == 0 {
                    return Err(bad("division by zero"));
                }
                Ok(Cell::Int(a[0].as_int().wrapping_rem(a[1].as_int())))
            }),
            of(&[Numeric, Numeric], Gives::Of(wider), |_, a| {
                let (left, right, scale) = aligned(a)?;
                if right == 0 {
                    return Err(bad("division by zero"));
                }
                Ok(Cell::Numeric(left % right, scale))
            }),
        ],
    ),
    pure(
        "bitwise_not",
        &[of(&[Int], Gives::Same(0), |_, a| {
            Ok(Cell::Int(!a[0].as_int()))
        })],
    ),
    pure(
        "div",
        &[of(&[Numeric, Numeric], Gives::Numeric(0), |_, a| {
            let (left, right, _) = aligned(a)?;
            if right == 0 {
                return Err(bad("division by zero"));
            }
            Ok(Cell::Numeric(left / right, 0))
        })],
    ),
    pure(
        "gcd",
        &[of(&[Int, Int], Gives::Int8, |_, a| {
            let all = gcd(
                u128::from(a[0].as_int().unsigned_abs()),
                u128::from(a[1].as_int().unsigned_abs()),
            );
            checked(i64::try_from(all).ok())
        })],
    ),
    pure(
        "lcm",
        &[of(&[Int, Int], Gives::Int8, |_, a| {
            let (left, right) = (
                u128::from(a[0].as_int().unsigned_abs()),
                u128::from(a[1].as_int().unsigned_abs()),
            );
            let all = if left == 0 || right == 0 {
                0
            } else {
                left / gcd(left, right) * right
            };
            checked(i64::try_from(all).ok())
        })],
    ),
    pure(
        "factorial",
        &[of(&[Int], Gives::Numeric(0), |_, a| {
            let last = a[0].as_int();
            if last < 0 {
                return Err(bad("factorial of a negative number is undefined"));
            }
            let all = (1..=i128::from(last)).try_fold(1_i128, i128::checked_mul);
            all.map(|all| Cell::Numeric(all, 0))
                .ok_or_else(|| out_of_range("numeric"))
        })],
    ),
    pure(
        "scale",
        &[of(&[Numeric], Gives::Int4, |_, a| {
            Ok(Cell::Int(i64::from(numeric(&a[0]).1)))
        })],
    ),
    pure(
        "min_scale",
        &[of(&[Numeric], Gives::Int4, |_, a| {
            let (mut value, mut scale) = numeric(&a[0]);
            while scale > 0 && value % 10 == 0 {
                value /= 10;
                scale -= 1;
            }
            Ok(Cell::Int(i64::from(scale)))
        })],
    ),
    pure(
        "width_bucket",
        &[of(&[Float, Float, Float, Int], Gives::Int4, |_, a| {
            bucket(
                a[0].as_float(),
                a[1].as_float(),
                a[2].as_float(),
                a[3].as_int(),
            )
        })],
    ),
    pure(
        "sqrt",
        &[of(&[Float], Gives::Float, |_, a| {
            if a[0].as_float() < 0.0 {
                return Err(bad("cannot take square root of a negative number"));
            }
            float(a[0].as_float().sqrt())
        })],
    ),
    pure(
        "cbrt",
        &[of(&[Float], Gives::Float, |_, a| {
            float(a[0].as_float().cbrt())
        })],
    ),
    pure(
        "exp",
        &[of(&[Float], Gives::Float, |_, a| {
            let value = a[0].as_float().exp();
            if value.is_infinite() && a[0].as_float().is_finite() {
                return Err(bad("value out of range: overflow"));
            }
            float(value)
        })],
    ),
    pure(
        "ln",
        &[of(&[Float], Gives::Float, |_, a| {
            positive(a[0].as_float(), f64::ln)
        })],
    ),
    pure(
        "log10",
        &[of(&[Float], Gives::Float, |_, a| {
            positive(a[0].as_float(), f64::log10)
        })],
    ),
    pure(
        "log",
        &[
            of(&[Float], Gives::Float, |_, a| {
                positive(a[0].as_float(), f64::log10)
            }),
            of(&[Float, Float], Gives::Float, |_, a| {
                positive(a[0].as_float(), f64::ln)?;
                positive(a[1].as_float(), |value| value.ln() / a[0].as_float().ln())
            }),
        ],
    ),
    pure(
        "power",
        &[of(&[Float, Float], Gives::Float, |_, a| {
            power(a[0].as_float(), a[1].as_float())
        })],
    ),
    pure(
        "pow",
        &[of(&[Float, Float], Gives::Float, |_, a| {
            power(a[0].as_float(), a[1].as_float())
        })],
    ),
    pure(
        "asin",
        &[of(&[Float], Gives::Float, |_, a| {
            within(a[0].as_float(), -1.0, 1.0, f64::asin)
        })],
    ),
    pure(
        "acos",
        &[of(&[Float], Gives::Float, |_, a| {
            within(a[0].as_float(), -1.0, 1.0, f64::acos)
        })],
    ),
    pure(
        "acosh",
        &[of(&[Float], Gives::Float, |_, a| {
            within(a[0].as_float(), 1.0, f64::INFINITY, f64::acosh)
        })],
    ),
    pure(
        "atanh",
        &[of(&[Float], Gives::Float, |_, a| {
            within(a[0].as_float(), -1.0, 1.0, f64::atanh)
        })],
    ),
    pure(
        "asind",
        &[of(&[Float], Gives::Float, |_, a| {
            within(a[0].as_float(), -1.0, 1.0, |v| v.asin().to_degrees())
        })],
    ),
    pure(
        "acosd",
        &[of(&[Float], Gives::Float, |_, a| {
            within(a[0].as_float(), -1.0, 1.0, |v| v.acos().to_degrees())
        })],
    ),
    pure(
        "atand",
        &[of(&[Float], Gives::Float, |_, a| {
            float(a[0].as_float().atan().to_degrees())
        })],
    ),
    pure(
        "atan2d",
        &[of(&[Float, Float], Gives::Float, |_, a| {
            float(a[0].as_float().atan2(a[1].as_float()).to_degrees())
        })],
    ),
    pure(
        "sind",
        &[of(&[Float], Gives::Float, |_, a| {
            float(degrees(a[0].as_float(), 0.0))
        })],
    ),
    pure(
        "cosd",
        &[of(&[Float], Gives::Float, |_, a| {
            float(degrees(a[0].as_float(), 90.0))
        })],
    ),
    pure(
        "tand",
        &[of(&[Float], Gives::Float, |_, a| {
            float(tangent(a[0].as_float()))
        })],
    ),
    pure(
        "cotd",
        &[of(&[Float], Gives::Float, |_, a| {
            float(1.0 / tangent(a[0].as_float()))
        })],
    ),
    Definition {
        nulls: true,
        ..pure(
            "to_numeric",
            &[
                of(&[Numeric], Gives::Of(same), |_, a| {
                    Ok(match &a[0] {
                        Cell::Numeric(value, scale) => Cell::Numeric(*value, *scale),
                        _ => Cell::Null,
                    })
                }),
                of(&[Float], Gives::Numeric(15), |_, a| match &a[0] {
                    Cell::Null => Ok(Cell::Null),
                    other => parse(&super::text::float_text(other.as_float()), 15),
                }),
                of(&[Kind::Text], Gives::Of(written), |c, a| {
                    match (&a[0], c.gives) {
                        (Cell::Text(text), DataType::Decimal128(_, scale)) => parse(text, *scale),
                        _ => Ok(Cell::Null),
                    }
                }),
            ],
        )
    },
];

/// The sine of degrees, exact where it is a whole or half.
fn degrees(angle: f64, ahead: f64) -> f64 {
    let angle = (angle + ahead).rem_euclid(360.0);
    let (angle, sign) = if angle >= 180.0 {
        (angle - 180.0, -1.0)
    } else {
        (angle, 1.0)
    };
    let angle = if angle > 90.0 { 180.0 - angle } else { angle };
    #[allow(clippy::float_cmp, reason = "the angles whose sines are exact")]
    let value = if angle == 0.0 {
        0.0
    } else if angle == 30.0 {
        0.5
    } else if angle == 90.0 {
        1.0
    } else {
        angle.to_radians().sin()
    };
    sign * value
}

fn tangent(angle: f64) -> f64 {
    #[allow(clippy::float_cmp, reason = "the angles whose tangents are exact")]
    if angle.rem_euclid(180.0) == 45.0 {
        return 1.0;
    }
    degrees(angle, 0.0) / degrees(angle, 90.0)
}

/// As many places as a constant text has, else ten.
fn written(_: &[DataType], constants: &[Option<&ScalarValue>]) -> Result<DataType> {
    let text = match constants.first().copied().flatten() {
        Some(ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text))) => text.clone(),
        _ => return Ok(DataType::Decimal128(38, 10)),
    };
    let (digits, exponent) = match text.trim().to_lowercase().split_once('e') {
        Some((digits, exponent)) => (digits.to_owned(), exponent.parse::<i64>().unwrap_or(0)),
        None => (text.trim().to_owned(), 0),
    };
    let places = digits.split_once('.').map_or(0, |(_, places)| places.len());
    let places = i64::try_from(places).unwrap_or(0) - exponent;
    Ok(DataType::Decimal128(
        38,
        i8::try_from(places.clamp(0, 30)).unwrap_or(0),
    ))
}

/// A decimal from its text.
pub(crate) fn parse(text: &str, scale: i8) -> Answer {
    let wrong =
        || DataFusionError::Execution(format!("invalid input syntax for type numeric: \"{text}\""));
    let lower = text.trim().to_lowercase();
    let (digits, exponent) = match lower.split_once('e') {
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().map_err(|_| wrong())?),
        None => (lower.as_str(), 0),
    };
    let (sign, digits) = match digits.as_bytes().first() {
        Some(b'-') => (-1, &digits[1..]),
        Some(b'+') => (1, &digits[1..]),
        _ => (1, digits),
    };
    let (whole, places) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{places}");
    if all.is_empty() || !all.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    let value: i128 = all.parse().map_err(|_| out_of_range("numeric"))?;
    let has = i32::try_from(places.len())
        .unwrap_or(i32::MAX)
        .saturating_sub(exponent);
    let (value, has) = if has < 0 {
        let factor = 10_i128.checked_pow(has.unsigned_abs());
        (factor.and_then(|factor| value.checked_mul(factor)), 0)
    } else {
        (Some(value), has)
    };
    let value = value.and_then(|value| {
        rescale(
            sign * value,
            i8::try_from(has.min(120)).unwrap_or(120),
            scale,
        )
    });
    value
        .map(|value| Cell::Numeric(value, scale))
        .ok_or_else(|| out_of_range("numeric"))
}

/// A decimal as text.
pub(crate) fn numeric_text(value: i128, scale: i8) -> String {
    if scale <= 0 {
        return value.to_string();
    }
    let places = usize::from(scale.unsigned_abs());
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = places + 1);
    let (whole, rest) = digits.split_at(digits.len() - places);
    format!("{}{whole}.{rest}", if value < 0 { "-" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numerics_are_rounded_half_away_from_zero() {
        assert_eq!(rescale(25, 1, 0), Some(3));
        assert_eq!(rescale(-25, 1, 0), Some(-3));
        assert_eq!(rescale(24, 1, 0), Some(2));
        assert_eq!(rescale(5, 0, 2), Some(500));
        assert_eq!(divide((1, 0), (3, 0)).unwrap(), 3_333_333_333_333_333);
        assert_eq!(divide((2, 0), (3, 0)).unwrap(), 6_666_666_666_666_667);
        assert_eq!(divide((-2, 0), (3, 0)).unwrap(), -6_666_666_666_666_667);
        assert!(divide((1, 0), (0, 0)).is_err());
        assert_eq!(parse("-1.25e1", 2).unwrap(), Cell::Numeric(-1_250, 2));
        assert_eq!(numeric_text(-5, 2), "-0.05");
    }
}
