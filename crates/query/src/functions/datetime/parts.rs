//! `date_trunc`, `extract` and `date_part`.

use arrow::datatypes::DataType;
use chrono::{Datelike as _, NaiveDate};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};

use super::super::cell::{Cell, out_of_range};
use super::super::interval::{DAY, HOUR, Interval, MINUTE, SECOND};
use super::super::moment::{self, TimeZone};

type Answer = Result<Cell<'static>>;

/// PostgreSQL's names for parts of a time, reduced to one each.
fn unit(name: &str) -> String {
    let name = name.trim().to_lowercase();
    let known = match name.as_str() {
        "microseconds" | "microsecond" | "us" | "usec" | "usecs" | "useconds" => "microseconds",
        "milliseconds" | "millisecond" | "ms" | "msec" | "msecs" | "mseconds" => "milliseconds",
        "second" | "seconds" | "s" | "sec" | "secs" => "second",
        "minute" | "minutes" | "m" | "min" | "mins" => "minute",
        "hour" | "hours" | "h" | "hr" | "hrs" => "hour",
        "day" | "days" | "d" => "day",
        "week" | "weeks" | "w" => "week",
        "month" | "months" | "mon" | "mons" => "month",
        "quarter" | "qtr" => "quarter",
        "year" | "years" | "y" | "yr" | "yrs" => "year",
        "decade" | "decades" | "dec" | "decs" => "decade",
        "century" | "centuries" | "c" | "cent" => "century",
        "millennium" | "millennia" | "mil" | "mils" => "millennium",
        "timezone_h" => "timezone_hour",
        "timezone_m" => "timezone_minute",
        "weekday" => "dow",
        "jd" | "j" => "julian",
        _ => return name,
    };
    known.to_owned()
}

fn unknown(unit: &str, of: &str) -> DataFusionError {
    DataFusionError::Execution(format!("unit \"{unit}\" not recognized for type {of}"))
}

fn not_of(unit: &str, of: &str) -> DataFusionError {
    DataFusionError::Execution(format!("unit \"{unit}\" not supported for type {of}"))
}

/// The first of a millennium, century or decade; centuries begin with year 1.
fn era(year: i32, length: i32, first: i32) -> i32 {
    (year - first).div_euclid(length) * length + first
}

fn first_of(year: i32, month: u32) -> Result<i64> {
    NaiveDate::from_ymd_opt(year, month, 1)
        .map(|date| i64::from(moment::days(date)) * DAY)
        .ok_or_else(|| out_of_range("timestamp"))
}

/// A time of no zone, cut.
pub(super) fn trunc(name: &str, stamp: i64) -> Result<i64> {
    let cut = |length: i64| stamp - stamp.rem_euclid(length);
    let date = || moment::naive(stamp).map(|at| at.date());
    Ok(match unit(name).as_str() {
        "microseconds" => stamp,
        "milliseconds" => cut(1_000),
        "second" => cut(SECOND),
        "minute" => cut(MINUTE),
        "hour" => cut(HOUR),
        "day" => cut(DAY),
        "week" => {
            let days = stamp.div_euclid(DAY);
            // 1970-01-01 was a Thursday.
            (days - (days + 3).rem_euclid(7)) * DAY
        }
        "month" => first_of(date()?.year(), date()?.month())?,
        "quarter" => first_of(date()?.year(), date()?.month0() / 3 * 3 + 1)?,
        "year" => first_of(date()?.year(), 1)?,
        "decade" => first_of(era(date()?.year(), 10, 0), 1)?,
        "century" => first_of(era(date()?.year(), 100, 1), 1)?,
        "millennium" => first_of(era(date()?.year(), 1000, 1), 1)?,
        other => return Err(unknown(other, "timestamp")),
    })
}

/// A moment, cut by the clocks of a zone.
pub(super) fn trunc_moment(name: &str, at: i64, zone: TimeZone) -> Answer {
    let local = zone.local(at)?;
    let cut = trunc(name, local)?;
    // Below a day the offset stays, so that an hour told twice is cut within itself.
    let same =
        ["microseconds", "milliseconds", "second", "minute", "hour"].contains(&unit(name).as_str());
    Ok(Cell::Moment(if same {
        at - (local - cut)
    } else {
        zone.moment(cut)?
    }))
}

pub(super) fn trunc_interval(name: &str, span: Interval) -> Answer {
    let name = unit(name);
    let below = |months: i32| Interval::new(span.months - span.months % months, 0, 0);
    let cut =
        |length: i64| Interval::new(span.months, span.days, span.micros - span.micros % length);
    Ok(Cell::Interval(match name.as_str() {
        "microseconds" => span,
        "milliseconds" => cut(1_000),
        "second" => cut(SECOND),
        "minute" => cut(MINUTE),
        "hour" => cut(HOUR),
        "day" => Interval::new(span.months, span.days, 0),
        "month" => below(1),
        "quarter" => below(3),
        "year" => below(12),
        "decade" => below(120),
        "century" => below(1_200),
        "millennium" => below(12_000),
        other => return Err(not_of(other, "interval")),
    }))
}

/// The type of what is extracted: a numeric with as many places as the part has.
pub(super) fn extracted(_: &[DataType], constants: &[Option<&ScalarValue>]) -> Result<DataType> {
    let name = constants
        .first()
        .copied()
        .flatten()
        .and_then(|value| match value {
            ScalarValue::Utf8(text)
            | ScalarValue::Utf8View(text)
            | ScalarValue::LargeUtf8(text) => text.clone(),
            _ => None,
        });
    let name = name.ok_or_else(|| {
        DataFusionError::Plan(
            "the part to extract is a word, not an expression; use date_part".to_owned(),
        )
    })?;
    Ok(DataType::Decimal128(
        38,
        match unit(&name).as_str() {
            "second" | "epoch" => 6,
            "milliseconds" => 3,
            _ => 0,
        },
    ))
}

/// Microparts as the type wants them.
fn given(micros: i128, gives: &DataType) -> Cell<'static> {
    match gives {
        #[allow(clippy::cast_precision_loss, reason = "date_part gives a double")]
        DataType::Float64 => Cell::Float(micros as f64 / 1e6),
        _ => Cell::Numeric(micros, 6),
    }
}

fn whole(value: impl Into<i128>, gives: &DataType) -> Cell<'static> {
    given(value.into() * 1_000_000, gives)
}

/// Seconds, milliseconds or microseconds of a minute.
fn of_minute(name: &str, within: i64, gives: &DataType) -> Option<Cell<'static>> {
    let within = i128::from(within);
    Some(match name {
        "microseconds" => whole(within, gives),
        "milliseconds" => given(within * 1_000, gives),
        "second" => given(within, gives),
        _ => return None,
    })
}

pub(super) fn extract(name: &str, stamp: i64, gives: &DataType) -> Answer {
    let name = unit(name);
    if let Some(part) = of_minute(&name, stamp.rem_euclid(MINUTE), gives) {
        return Ok(part);
    }
    let within = stamp.rem_euclid(DAY);
    let date = moment::naive(stamp)?.date();
    let year = date.year();
    // There is no year 0: the one before 1 is -1.
    let told = if year > 0 { year } else { year - 1 };
    let era = |length: i32| {
        if year > 0 {
            (year + length - 1) / length
        } else {
            -((length - year) / length)
        }
    };
    Ok(match name.as_str() {
        "minute" => whole(within % HOUR / MINUTE, gives),
        "hour" => whole(within / HOUR, gives),
        "day" => whole(date.day(), gives),
        "week" => whole(date.iso_week().week(), gives),
        "month" => whole(date.month(), gives),
        "quarter" => whole(date.month0() / 3 + 1, gives),
        "year" => whole(told, gives),
        "isoyear" => whole(date.iso_week().year(), gives),
        "decade" => whole(year.div_euclid(10), gives),
        "century" => whole(era(100), gives),
        "millennium" => whole(era(1000), gives),
        "dow" => whole(date.weekday().num_days_from_sunday(), gives),
        "isodow" => whole(date.weekday().number_from_monday(), gives),
        "doy" => whole(date.ordinal(), gives),
        "epoch" => given(i128::from(stamp), gives),
        // 1970-01-01 is Julian day 2440588.
        "julian" => given(
            (i128::from(stamp.div_euclid(DAY)) + 2_440_588) * 1_000_000
                + i128::from(within) * 1_000_000 / i128::from(DAY),
            gives,
        ),
        "timezone" | "timezone_hour" | "timezone_minute" => {
            return Err(not_of(&name, "timestamp without time zone"));
        }
        _ => return Err(unknown(&name, "timestamp without time zone")),
    })
}

pub(super) fn extract_moment(name: &str, at: i64, zone: TimeZone, gives: &DataType) -> Answer {
    let offset = zone.offset(at)?;
    Ok(match unit(name).as_str() {
        "epoch" => given(i128::from(at), gives),
        "timezone" => whole(offset, gives),
        "timezone_hour" => whole(offset / 3_600, gives),
        "timezone_minute" => whole(offset % 3_600 / 60, gives),
        _ => return extract(name, zone.local(at)?, gives),
    })
}

pub(super) fn extract_date(name: &str, stamp: i64, gives: &DataType) -> Answer {
    const OF_TIME: [&str; 9] = [
        "microseconds",
        "milliseconds",
        "second",
        "minute",
        "hour",
        "timezone",
        "timezone_hour",
        "timezone_minute",
        "time",
    ];
    let known = unit(name);
    if OF_TIME.contains(&known.as_str()) {
        return Err(not_of(&known, "date"));
    }
    extract(name, stamp, gives)
}

pub(super) fn extract_time(name: &str, time: i64, gives: &DataType) -> Answer {
    match unit(name).as_str() {
        "microseconds" | "milliseconds" | "second" | "minute" | "hour" | "epoch" => {
            extract(name, time, gives)
        }
        other => Err(not_of(other, "time without time zone")),
    }
}

pub(super) fn extract_interval(name: &str, span: Interval, gives: &DataType) -> Answer {
    let name = unit(name);
    if let Some(part) = of_minute(&name, span.micros % MINUTE, gives) {
        return Ok(part);
    }
    let years = span.months / 12;
    Ok(match name.as_str() {
        "minute" => whole(span.micros % HOUR / MINUTE, gives),
        "hour" => whole(span.micros / HOUR, gives),
        "day" => whole(span.days, gives),
        "month" => whole(span.months % 12, gives),
        "quarter" => whole(span.months % 12 / 3 + 1, gives),
        "year" => whole(years, gives),
        "decade" => whole(years / 10, gives),
        "century" => whole(years / 100, gives),
        "millennium" => whole(years / 1000, gives),
        "epoch" => {
            // A year is 365.25 days, a month thirty.
            let days = i128::from(years) * 36_525
                + (i128::from(span.months % 12) * 30 + i128::from(span.days)) * 100;
            given(
                days * i128::from(DAY) / 100 + i128::from(span.micros),
                gives,
            )
        }
        other => return Err(not_of(other, "interval")),
    })
}
