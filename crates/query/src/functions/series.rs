//! `generate_series` as an array, which a query unnests.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::{DataType, Field, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};

use super::cell::{Cell, column};
use super::datetime::{interval_of, stamp_of};
use super::moment;
use super::number::{numeric, rescale};
use super::scalar::{Context, Definition, Gives, Kind, of, stable};

use Kind::{Int, Moment, Numeric, Stamp};

type Answer = Result<Cell<'static>>;

/// The most rows of one series.
const MOST: usize = 10_000_000;

fn bad(message: &str) -> DataFusionError {
    DataFusionError::Execution(message.to_owned())
}

fn list(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(item, true)))
}

fn integers(_: &[DataType], _: &[Option<&ScalarValue>]) -> Result<DataType> {
    Ok(list(DataType::Int64))
}

fn numerics(types: &[DataType], _: &[Option<&ScalarValue>]) -> Result<DataType> {
    let scale = |kind: &DataType| match kind {
        DataType::Decimal128(_, scale) => *scale,
        _ => 0,
    };
    Ok(list(DataType::Decimal128(
        38,
        types.iter().map(scale).max().unwrap_or(0),
    )))
}

/// A list of times of the first argument's type.
fn times(types: &[DataType], _: &[Option<&ScalarValue>]) -> Result<DataType> {
    Ok(list(match types.first() {
        Some(DataType::Timestamp(_, zone)) => {
            DataType::Timestamp(TimeUnit::Microsecond, zone.clone())
        }
        _ => DataType::Timestamp(TimeUnit::Microsecond, None),
    }))
}

fn whole(from: i64, to: i64, step: i64) -> Answer {
    if step == 0 {
        return Err(bad("step size cannot equal zero"));
    }
    let (mut all, mut at) = (Vec::new(), Some(from));
    while let Some(value) = at.filter(|value| if step > 0 { *value <= to } else { *value >= to }) {
        if all.len() == MOST {
            return Err(bad("a series has ten million rows at most"));
        }
        all.push(value);
        at = value.checked_add(step);
    }
    let all: ArrayRef = Arc::new(Int64Array::from(all));
    Ok(Cell::List(all))
}

fn item(context: &Context<'_>) -> Result<DataType> {
    match context.gives {
        DataType::List(item) => Ok(item.data_type().clone()),
        _ => Err(bad("a series is a list")),
    }
}

fn decimals(context: &Context<'_>, a: &[Cell<'_>]) -> Answer {
    let item = item(context)?;
    let DataType::Decimal128(_, scale) = item else {
        return Err(bad("a series of numbers"));
    };
    let at = |place: usize| {
        let (value, has) = a.get(place).map_or((1, 0), numeric);
        rescale(value, has, scale).ok_or_else(|| super::cell::out_of_range("numeric"))
    };
    let (mut value, to, step) = (at(0)?, at(1)?, at(2)?);
    if step == 0 {
        return Err(bad("step size cannot equal zero"));
    }
    let mut cells = Vec::new();
    while if step > 0 { value <= to } else { value >= to } {
        if cells.len() == MOST {
            return Err(bad("a series has ten million rows at most"));
        }
        cells.push(Cell::Numeric(value, scale));
        value += step;
    }
    Ok(Cell::List(column(&cells, &item)?))
}

fn stamps(context: &Context<'_>, a: &[Cell<'_>], zoned: bool) -> Answer {
    let (mut at, to, step) = (stamp_of(&a[0]), stamp_of(&a[1]), interval_of(&a[2]));
    let forward = step.span() > 0;
    if step.span() == 0 {
        return Err(bad("step size cannot equal zero"));
    }
    let mut cells = Vec::new();
    while if forward { at <= to } else { at >= to } {
        if cells.len() == MOST {
            return Err(bad("a series has ten million rows at most"));
        }
        cells.push(Cell::Stamp(at));
        at = if zoned {
            moment::add_in(*context.zone, at, step)?
        } else {
            moment::add(at, step)?
        };
    }
    Ok(Cell::List(column(&cells, &item(context)?)?))
}

/// The series.
pub(crate) const FUNCTIONS: &[Definition] = &[stable(
    "generate_series",
    &[
        of(&[Int, Int], Gives::Of(integers), |_, a| {
            whole(a[0].as_int(), a[1].as_int(), 1)
        }),
        of(&[Int, Int, Int], Gives::Of(integers), |_, a| {
            whole(a[0].as_int(), a[1].as_int(), a[2].as_int())
        }),
        of(&[Numeric, Numeric], Gives::Of(numerics), decimals),
        of(&[Numeric, Numeric, Numeric], Gives::Of(numerics), decimals),
        of(&[Stamp, Stamp, Kind::Interval], Gives::Of(times), |c, a| {
            stamps(c, a, false)
        }),
        of(
            &[Moment, Moment, Kind::Interval],
            Gives::Of(times),
            |c, a| stamps(c, a, true),
        ),
    ],
)];
