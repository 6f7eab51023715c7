//! One value of a row, and columns read and written value by value.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray as _, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder,
    Float64Builder, Int16Builder, Int32Builder, Int64Builder, IntervalMonthDayNanoBuilder,
    ListArray, StringBuilder, Time64MicrosecondBuilder, TimestampMicrosecondBuilder,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Int64Type, IntervalMonthDayNano, IntervalUnit, TimeUnit};
use datafusion::error::{DataFusionError, Result};

use super::interval::Interval;

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell<'a> {
    Null,
    Bool(bool),
    /// Integers of every width.
    Int(i64),
    Float(f64),
    /// A decimal: its digits as an integer, and how many stand after the point.
    Numeric(i128, i8),
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since midnight.
    Time(i64),
    /// Microseconds since 1970-01-01 00:00, of no zone.
    Stamp(i64),
    /// Microseconds since 1970-01-01 00:00 UTC.
    Moment(i64),
    Interval(Interval),
    List(ArrayRef),
}

impl<'a> Cell<'a> {
    pub(crate) fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Text(text) => text,
            _ => "",
        }
    }

    pub(crate) fn as_int(&self) -> i64 {
        match self {
            Self::Int(value) => *value,
            _ => 0,
        }
    }

    pub(crate) fn as_float(&self) -> f64 {
        match self {
            Self::Float(value) => *value,
            #[allow(clippy::cast_precision_loss, reason = "as PostgreSQL casts")]
            Self::Int(value) => *value as f64,
            _ => 0.0,
        }
    }

    pub(crate) fn as_list(&self) -> Option<&ArrayRef> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }
}

/// A column of one of the types that [`super::scalar::Kind`] names, read row by row.
pub(crate) enum Column<'a> {
    Null,
    Bool(&'a arrow::array::BooleanArray),
    Int(&'a arrow::array::Int64Array),
    Float(&'a arrow::array::Float64Array),
    Numeric(&'a arrow::array::Decimal128Array, i8),
    Text(&'a arrow::array::StringArray),
    Bytes(&'a arrow::array::BinaryArray),
    Date(&'a arrow::array::Date32Array),
    Time(&'a arrow::array::Time64MicrosecondArray),
    Stamp(&'a arrow::array::TimestampMicrosecondArray),
    Moment(&'a arrow::array::TimestampMicrosecondArray),
    Interval(&'a arrow::array::IntervalMonthDayNanoArray),
    List(&'a ListArray),
}

/// The column in the one type of its kind that [`Column`] reads.
pub(crate) fn plain(array: &ArrayRef) -> Result<ArrayRef> {
    let wanted = match array.data_type() {
        DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32
        | DataType::UInt64 => DataType::Int64,
        DataType::Float16 | DataType::Float32 => DataType::Float64,
        DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            DataType::Binary
        }
        DataType::Date64 => DataType::Date32,
        DataType::Time32(_) | DataType::Time64(TimeUnit::Nanosecond) => {
            DataType::Time64(TimeUnit::Microsecond)
        }
        DataType::Timestamp(unit, zone) if *unit != TimeUnit::Microsecond => {
            DataType::Timestamp(TimeUnit::Microsecond, zone.clone())
        }
        DataType::Interval(unit) if *unit != IntervalUnit::MonthDayNano => {
            DataType::Interval(IntervalUnit::MonthDayNano)
        }
        DataType::Duration(_) => DataType::Interval(IntervalUnit::MonthDayNano),
        DataType::LargeList(field) | DataType::FixedSizeList(field, _) => {
            DataType::List(Arc::clone(field))
        }
        DataType::Dictionary(_, value) => {
            let value = cast(array, value)?;
            return plain(&value);
        }
        _ => return Ok(Arc::clone(array)),
    };
    if let DataType::Duration(unit) = array.data_type() {
        return durations(array, *unit);
    }
    Ok(cast(array, &wanted)?)
}

fn durations(array: &ArrayRef, unit: TimeUnit) -> Result<ArrayRef> {
    let scale = match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
    };
    let counts = cast(array, &DataType::Int64)?;
    let counts = counts.as_primitive::<Int64Type>();
    let spans: arrow::array::IntervalMonthDayNanoArray = counts
        .iter()
        .map(|count| {
            count.map(|count| IntervalMonthDayNano::new(0, 0, count.saturating_mul(scale)))
        })
        .collect();
    Ok(Arc::new(spans))
}

impl<'a> Column<'a> {
    /// Reads a column that went through [`plain`].
    pub(crate) fn new(array: &'a ArrayRef) -> Result<Self> {
        Ok(match array.data_type() {
            DataType::Null => Self::Null,
            DataType::Boolean => Self::Bool(array.as_boolean()),
            DataType::Int64 => Self::Int(array.as_primitive()),
            DataType::Float64 => Self::Float(array.as_primitive()),
            DataType::Decimal128(_, scale) => Self::Numeric(array.as_primitive(), *scale),
            DataType::Utf8 => Self::Text(array.as_string()),
            DataType::Binary => Self::Bytes(array.as_binary()),
            DataType::Date32 => Self::Date(array.as_primitive()),
            DataType::Time64(TimeUnit::Microsecond) => Self::Time(array.as_primitive()),
            DataType::Timestamp(TimeUnit::Microsecond, None) => Self::Stamp(array.as_primitive()),
            DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => {
                Self::Moment(array.as_primitive())
            }
            DataType::Interval(IntervalUnit::MonthDayNano) => Self::Interval(array.as_primitive()),
            DataType::List(_) => Self::List(array.as_list()),
            other => {
                return Err(DataFusionError::NotImplemented(format!(
                    "values of type {other} in this function"
                )));
            }
        })
    }

    /// The value of a row.
    pub(crate) fn get(&self, row: usize) -> Cell<'a> {
        macro_rules! value {
            ($array:expr, $of:expr) => {
                if $array.is_null(row) {
                    Cell::Null
                } else {
                    $of($array.value(row))
                }
            };
        }
        match self {
            Self::Null => Cell::Null,
            Self::Bool(array) => value!(array, Cell::Bool),
            Self::Int(array) => value!(array, Cell::Int),
            Self::Float(array) => value!(array, Cell::Float),
            Self::Numeric(array, scale) => value!(array, |v| Cell::Numeric(v, *scale)),
            Self::Text(array) => value!(array, |v: &'a str| Cell::Text(Cow::Borrowed(v))),
            Self::Bytes(array) => value!(array, |v: &'a [u8]| Cell::Bytes(Cow::Borrowed(v))),
            Self::Date(array) => value!(array, Cell::Date),
            Self::Time(array) => value!(array, Cell::Time),
            Self::Stamp(array) => value!(array, Cell::Stamp),
            Self::Moment(array) => value!(array, Cell::Moment),
            Self::Interval(array) => {
                value!(array, |v: IntervalMonthDayNano| Cell::Interval(v.into()))
            }
            Self::List(array) => value!(array, Cell::List),
        }
    }
}

/// Writes cells as a column of a type.
pub(crate) fn column(cells: &[Cell<'_>], kind: &DataType) -> Result<ArrayRef> {
    macro_rules! build {
        ($builder:expr, $pattern:pat => $value:expr) => {{
            let mut builder = $builder;
            for cell in cells {
                match cell {
                    $pattern => builder.append_value($value),
                    Cell::Null => builder.append_null(),
                    other => return Err(mismatch(other, kind)),
                }
            }
            Ok(Arc::new(builder.finish()) as ArrayRef)
        }};
    }
    match kind {
        DataType::Null => Ok(arrow::array::new_null_array(kind, cells.len())),
        DataType::Boolean => build!(BooleanBuilder::new(), Cell::Bool(v) => *v),
        DataType::Int16 => {
            build!(Int16Builder::new(), Cell::Int(v) => i16::try_from(*v).map_err(|_| out_of_range("smallint"))?)
        }
        DataType::Int32 => {
            build!(Int32Builder::new(), Cell::Int(v) => i32::try_from(*v).map_err(|_| out_of_range("integer"))?)
        }
        DataType::Int64 => build!(Int64Builder::new(), Cell::Int(v) => *v),
        DataType::Float32 => {
            #[allow(
                clippy::cast_possible_truncation,
                reason = "real is what was asked for"
            )]
            let narrow = |v: f64| v as f32;
            build!(arrow::array::Float32Builder::new(), Cell::Float(v) => narrow(*v))
        }
        DataType::Float64 => build!(Float64Builder::new(), Cell::Float(v) => *v),
        DataType::Decimal128(precision, scale) => build!(
            Decimal128Builder::new().with_precision_and_scale(*precision, *scale)?,
            Cell::Numeric(v, s) => super::number::rescale(*v, *s, *scale)
                .filter(|v| v.unsigned_abs() < 10_u128.pow(u32::from(*precision)))
                .ok_or_else(|| out_of_range("numeric"))?
        ),
        DataType::Utf8 => build!(StringBuilder::new(), Cell::Text(v) => v),
        DataType::Utf8View => build!(arrow::array::StringViewBuilder::new(), Cell::Text(v) => v),
        DataType::Binary => build!(BinaryBuilder::new(), Cell::Bytes(v) => v),
        DataType::Date32 => build!(Date32Builder::new(), Cell::Date(v) => *v),
        DataType::Time64(TimeUnit::Microsecond) => {
            build!(Time64MicrosecondBuilder::new(), Cell::Time(v) => *v)
        }
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let builder = TimestampMicrosecondBuilder::new().with_timezone_opt(zone.clone());
            build!(builder, Cell::Stamp(v) | Cell::Moment(v) => *v)
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            build!(IntervalMonthDayNanoBuilder::new(), Cell::Interval(v) => v.arrow()?)
        }
        DataType::List(field) => lists(cells, field),
        other => Err(DataFusionError::Internal(format!(
            "no function gives values of type {other}"
        ))),
    }
}

fn lists(cells: &[Cell<'_>], field: &Arc<Field>) -> Result<ArrayRef> {
    let mut parts: Vec<ArrayRef> = Vec::new();
    let mut lengths = Vec::with_capacity(cells.len());
    let mut valid = Vec::with_capacity(cells.len());
    for cell in cells {
        match cell {
            Cell::Null => {
                lengths.push(0);
                valid.push(false);
            }
            Cell::List(items) => {
                lengths.push(items.len());
                valid.push(true);
                parts.push(cast(items, field.data_type())?);
            }
            other => return Err(mismatch(other, &DataType::List(Arc::clone(field)))),
        }
    }
    let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
    let values = if parts.is_empty() {
        arrow::array::new_empty_array(field.data_type())
    } else {
        arrow::compute::concat(&parts)?
    };
    let nulls = NullBuffer::from(valid);
    Ok(Arc::new(ListArray::try_new(
        Arc::clone(field),
        OffsetBuffer::from_lengths(lengths),
        values,
        Some(nulls),
    )?))
}

fn mismatch(cell: &Cell<'_>, kind: &DataType) -> DataFusionError {
    DataFusionError::Internal(format!(
        "a function gave {cell:?} for a value of type {kind}"
    ))
}

/// PostgreSQL's words for a number that its type cannot hold.
pub(crate) fn out_of_range(kind: &str) -> DataFusionError {
    DataFusionError::Execution(format!("{kind} out of range"))
}

/// The cells of an array.
pub(crate) fn cells(array: &ArrayRef) -> Result<Vec<Cell<'static>>> {
    let array = plain(array)?;
    let column = Column::new(&array)?;
    Ok((0..array.len()).map(|row| owned(column.get(row))).collect())
}

/// The cell with a text of its own.
pub(crate) fn owned(cell: Cell<'_>) -> Cell<'static> {
    match cell {
        Cell::Text(text) => Cell::Text(Cow::Owned(text.into_owned())),
        Cell::Bytes(bytes) => Cell::Bytes(Cow::Owned(bytes.into_owned())),
        Cell::Null => Cell::Null,
        Cell::Bool(v) => Cell::Bool(v),
        Cell::Int(v) => Cell::Int(v),
        Cell::Float(v) => Cell::Float(v),
        Cell::Numeric(v, s) => Cell::Numeric(v, s),
        Cell::Date(v) => Cell::Date(v),
        Cell::Time(v) => Cell::Time(v),
        Cell::Stamp(v) => Cell::Stamp(v),
        Cell::Moment(v) => Cell::Moment(v),
        Cell::Interval(v) => Cell::Interval(v),
        Cell::List(v) => Cell::List(v),
    }
}
