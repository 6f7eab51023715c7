//! Sums and differences of dates, times and intervals.

use datafusion::error::Result;

use super::super::cell::{Cell, out_of_range};
use super::super::interval::{DAY, Interval};
use super::stamp_of;

type Answer = Result<Cell<'static>>;

pub(super) fn time_plus(time: i64, by: Interval) -> Answer {
    Ok(Cell::Time((time + by.micros % DAY).rem_euclid(DAY)))
}

pub(super) fn date_plus(date: &Cell<'_>, days: i64) -> Answer {
    let Cell::Date(date) = date else {
        return Ok(Cell::Null);
    };
    i32::try_from(i64::from(*date) + days)
        .map(Cell::Date)
        .map_err(|_| out_of_range("date"))
}

/// Days, and what is left of a day.
pub(super) fn difference(later: i64, earlier: i64) -> Answer {
    let micros = later
        .checked_sub(earlier)
        .ok_or_else(|| out_of_range("interval"))?;
    Ok(Cell::Interval(Interval::new(0, 0, micros).justify_hours()))
}

pub(super) fn sum(a: Interval, b: Interval) -> Answer {
    let (months, days) = (a.months.checked_add(b.months), a.days.checked_add(b.days));
    let micros = a.micros.checked_add(b.micros);
    match (months, days, micros) {
        (Some(months), Some(days), Some(micros)) => {
            Ok(Cell::Interval(Interval::new(months, days, micros)))
        }
        _ => Err(out_of_range("interval")),
    }
}

/// Parts of a month become days, and parts of a day hours, as PostgreSQL cascades them.
#[allow(
    clippy::cast_possible_truncation,
    reason = "whole parts of what was within 32 bits, checked before"
)]
pub(super) fn times(span: Interval, factor: f64) -> Answer {
    let months = f64::from(span.months) * factor;
    let days = f64::from(span.days) * factor;
    if !months.is_finite() || months.abs() > 2e9 || days.abs() > 2e9 {
        return Err(out_of_range("interval"));
    }
    let near = |value: f64| (value * 1e6).round() / 1e6;
    let month_days = near((months - months.trunc()) * 30.0);
    let mut whole_days = days.trunc() as i64 + month_days.trunc() as i64;
    let mut seconds = near((days - days.trunc() + month_days - month_days.trunc()) * 86_400.0);
    if seconds.abs() >= 86_400.0 {
        whole_days += (seconds / 86_400.0).trunc() as i64;
        seconds %= 86_400.0;
    }
    #[allow(clippy::cast_precision_loss, reason = "as PostgreSQL reckons it")]
    let micros = (span.micros as f64 * factor).round() + (seconds * 1e6).round();
    if micros.abs() > 9e18 {
        return Err(out_of_range("interval"));
    }
    let days = i32::try_from(whole_days).map_err(|_| out_of_range("interval"))?;
    Ok(Cell::Interval(Interval::new(
        months.trunc() as i32,
        days,
        micros as i64,
    )))
}

pub(super) fn overlaps(a: &[Cell<'_>]) -> Answer {
    let pair = |one: &Cell<'_>, other: &Cell<'_>| {
        let (one, other) = (stamp_of(one), stamp_of(other));
        (one.min(other), one.max(other))
    };
    let (first, second) = (pair(&a[0], &a[1]), pair(&a[2], &a[3]));
    let ((_, end), (start, _)) = if first.0 <= second.0 {
        (first, second)
    } else {
        (second, first)
    };
    // A period is without its end, but one of no length is its moment.
    let same_start = first.0 == second.0;
    Ok(Cell::Bool(same_start || start < end))
}
