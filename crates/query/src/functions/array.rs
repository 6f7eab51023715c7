//! Arrays of one dimension.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, Int32Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};

use super::cell::Cell;
use super::scalar::{Definition, Gives, Kind, of, pure, with_nulls};

use Kind::{Any, Int, List, Text};

type Answer = Result<Cell<'static>>;

fn bad(message: &str) -> DataFusionError {
    DataFusionError::Execution(message.to_owned())
}

fn integers(_: &[DataType], _: &[Option<&ScalarValue>]) -> Result<DataType> {
    Ok(DataType::List(Arc::new(Field::new_list_field(
        DataType::Int32,
        true,
    ))))
}

/// A list of the first argument's type.
fn list_of(types: &[DataType], _: &[Option<&ScalarValue>]) -> Result<DataType> {
    let item = types.first().cloned().unwrap_or(DataType::Null);
    let item = if item == DataType::Utf8View {
        DataType::Utf8
    } else {
        item
    };
    Ok(DataType::List(Arc::new(Field::new_list_field(item, true))))
}

fn items(cell: &Cell<'_>) -> Result<ArrayRef> {
    let items = cell.as_list().map(Arc::clone);
    let items = items.ok_or_else(|| bad("an array is wanted"))?;
    if matches!(items.data_type(), DataType::List(_)) {
        return Err(bad("arrays of several dimensions are not offered"));
    }
    Ok(items)
}

/// The array's length in its one dimension; an empty one has none.
fn length(cell: &Cell<'_>, dimension: i64) -> Result<Option<i64>> {
    let count = items(cell)?.len();
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    Ok((dimension == 1 && count > 0).then_some(count))
}

fn or_null(value: Option<i64>) -> Answer {
    Ok(value.map_or(Cell::Null, Cell::Int))
}

/// Places, from 1, of items that are the same as a value; missing ones are the same as missing ones.
fn places(list: &Cell<'_>, value: &Cell<'_>) -> Result<Vec<i32>> {
    let items = items(list)?;
    let wanted = super::cell::cells(&items)?;
    let same = |item: &Cell<'_>| match (item, value) {
        (Cell::Null, Cell::Null) => true,
        (Cell::Numeric(a, s), other) | (other, Cell::Numeric(a, s)) => {
            let (b, t) = super::number::numeric(other);
            super::number::rescale(*a, *s, (*s).max(t)) == super::number::rescale(b, t, (*s).max(t))
        }
        (a, b) => a == b,
    };
    let found = wanted.iter().zip(1_i32..).filter(|(item, _)| same(item));
    Ok(found.map(|(_, at)| at).collect())
}

/// The functions of arrays.
pub(crate) const FUNCTIONS: &[Definition] = &[
    pure(
        "array_length",
        &[of(&[List, Int], Gives::Int4, |_, a| {
            or_null(length(&a[0], a[1].as_int())?)
        })],
    ),
    pure(
        "array_upper",
        &[of(&[List, Int], Gives::Int4, |_, a| {
            or_null(length(&a[0], a[1].as_int())?)
        })],
    ),
    pure(
        "array_lower",
        &[of(&[List, Int], Gives::Int4, |_, a| {
            or_null(length(&a[0], a[1].as_int())?.map(|_| 1))
        })],
    ),
    pure(
        "array_ndims",
        &[of(&[List], Gives::Int4, |_, a| {
            or_null(length(&a[0], 1)?.map(|_| 1))
        })],
    ),
    pure(
        "array_dims",
        &[of(&[List], Gives::Text, |_, a| {
            Ok(length(&a[0], 1)?.map_or(Cell::Null, |count| Cell::text(format!("[1:{count}]"))))
        })],
    ),
    pure(
        "cardinality",
        &[of(&[List], Gives::Int4, |_, a| {
            Ok(Cell::Int(length(&a[0], 1)?.unwrap_or(0)))
        })],
    ),
    with_nulls(
        "array_position",
        &[of(&[List, Any], Gives::Int4, |_, a| {
            if a[0].is_null() {
                return Ok(Cell::Null);
            }
            or_null(places(&a[0], &a[1])?.first().map(|at| i64::from(*at)))
        })],
    ),
    with_nulls(
        "array_positions",
        &[of(&[List, Any], Gives::Of(integers), |_, a| {
            if a[0].is_null() {
                return Ok(Cell::Null);
            }
            Ok(Cell::List(Arc::new(Int32Array::from(places(
                &a[0], &a[1],
            )?))))
        })],
    ),
    with_nulls(
        "array_remove",
        &[of(&[List, Any], Gives::Same(0), |_, a| {
            if a[0].is_null() {
                return Ok(Cell::Null);
            }
            let (items, gone) = (items(&a[0])?, places(&a[0], &a[1])?);
            let kept: arrow::array::BooleanArray = (1..=i32::try_from(items.len())
                .unwrap_or(i32::MAX))
                .map(|at| Some(!gone.contains(&at)))
                .collect();
            Ok(Cell::List(arrow::compute::filter(&items, &kept)?))
        })],
    ),
    with_nulls(
        "array_replace",
        &[of(&[List, Any, Any], Gives::Same(0), |c, a| {
            if a[0].is_null() {
                return Ok(Cell::Null);
            }
            let found = places(&a[0], &a[1])?;
            let DataType::List(item) = c.gives else {
                return Err(bad("an array is wanted"));
            };
            let mut cells = super::cell::cells(&items(&a[0])?)?;
            for at in found {
                cells[usize::try_from(at - 1).unwrap_or(0)] = super::cell::owned(a[2].clone());
            }
            Ok(Cell::List(super::cell::column(&cells, item.data_type())?))
        })],
    ),
    pure(
        "trim_array",
        &[of(&[List, Int], Gives::Same(0), |_, a| {
            let items = items(&a[0])?;
            let left = usize::try_from(a[1].as_int())
                .ok()
                .and_then(|count| items.len().checked_sub(count));
            let left = left.ok_or_else(|| {
                bad("number of elements to trim must be between 0 and the array's length")
            })?;
            Ok(Cell::List(items.slice(0, left)))
        })],
    ),
    pure(
        "array_fill",
        &[of(&[Any, List], Gives::Of(list_of), |c, a| {
            let dimensions = cast(&items(&a[1])?, &DataType::Int64)?;
            let dimensions = super::cell::cells(&dimensions)?;
            let [count] = dimensions.as_slice() else {
                return Err(bad("arrays of several dimensions are not offered"));
            };
            let count = usize::try_from(count.as_int()).unwrap_or(0).min(1_000_000);
            let DataType::List(item) = c.gives else {
                return Err(bad("an array is wanted"));
            };
            let cells: Vec<Cell<'static>> = (0..count)
                .map(|_| super::cell::owned(a[0].clone()))
                .collect();
            Ok(Cell::List(super::cell::column(&cells, item.data_type())?))
        })],
    ),
    pure(
        "array_overlaps",
        &[of(&[List, List], Gives::Bool, |_, a| {
            let (left, right) = (
                super::cell::cells(&items(&a[0])?)?,
                super::cell::cells(&items(&a[1])?)?,
            );
            let shared = left
                .iter()
                .any(|item| !item.is_null() && right.contains(item));
            Ok(Cell::Bool(shared))
        })],
    ),
    // The places of an array's items, which are unnested.
    pure(
        "generate_subscripts",
        &[of(&[List, Int], Gives::Of(integers), |_, a| {
            let count = length(&a[0], a[1].as_int())?.unwrap_or(0);
            let count = i32::try_from(count).unwrap_or(i32::MAX);
            Ok(Cell::List(Arc::new(Int32Array::from_iter_values(
                1..=count,
            ))))
        })],
    ),
    with_nulls(
        "string_to_array",
        &[
            of(&[Text, Text], Gives::TextList, |_, a| {
                split(&a[0], &a[1], None)
            }),
            of(&[Text, Text, Text], Gives::TextList, |_, a| {
                split(&a[0], &a[1], Some(&a[2]))
            }),
        ],
    ),
    with_nulls(
        "string_to_table",
        &[
            of(&[Text, Text], Gives::TextList, |_, a| {
                split(&a[0], &a[1], None)
            }),
            of(&[Text, Text, Text], Gives::TextList, |_, a| {
                split(&a[0], &a[1], Some(&a[2]))
            }),
        ],
    ),
];

/// The parts of a text; one that is a given text is missing.
fn split(text: &Cell<'_>, by: &Cell<'_>, missing: Option<&Cell<'_>>) -> Answer {
    let Cell::Text(text) = text else {
        return Ok(Cell::Null);
    };
    let parts: Vec<String> = match by {
        _ if text.is_empty() => Vec::new(),
        Cell::Null => text.chars().map(String::from).collect(),
        by if by.as_str().is_empty() => vec![text.to_string()],
        by => text.split(by.as_str()).map(str::to_owned).collect(),
    };
    let missing = missing.filter(|cell| !cell.is_null()).map(Cell::as_str);
    let parts: arrow::array::StringArray = parts
        .into_iter()
        .map(|part| (Some(part.as_str()) != missing).then_some(part))
        .collect();
    Ok(Cell::List(Arc::new(parts)))
}
