//! Functions of one row, described in tables: names, kinds of arguments, what they give and how.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef};
use arrow::datatypes::{DataType, Field, FieldRef, IntervalUnit, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::cell::{Cell, Column, column, plain};
use super::moment::TimeZone;
use crate::settings::Settings;

/// What an argument has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Of any type, as it is.
    Any,
    Int,
    Float,
    Numeric,
    Text,
    Bytes,
    Date,
    Time,
    Stamp,
    Moment,
    Interval,
    List,
}

/// The type of what a function gives.
#[derive(Clone, Copy)]
pub(crate) enum Gives {
    Bool,
    Int4,
    Int8,
    Float,
    Text,
    Bytes,
    Date,
    Time,
    Stamp,
    Moment,
    Interval,
    TextList,
    /// A decimal of 38 digits, so many after the point.
    Numeric(i8),
    /// The type of an argument.
    Same(usize),
    /// What follows from the arguments' types and constant values.
    Of(fn(&[DataType], &[Option<&ScalarValue>]) -> Result<DataType>),
}

/// What a body may know beside its arguments.
pub(crate) struct Context<'a> {
    /// The session's zone.
    pub(crate) zone: &'a TimeZone,
    /// The type that is to be given.
    pub(crate) gives: &'a DataType,
}

type Body = fn(&Context<'_>, &[Cell<'_>]) -> Result<Cell<'static>>;

/// One list of arguments of a function.
pub(crate) struct Overload {
    pub(crate) args: &'static [Kind],
    /// The kind of any number of further arguments.
    pub(crate) rest: Option<Kind>,
    pub(crate) gives: Gives,
    pub(crate) body: Body,
}

/// A function.
pub(crate) struct Definition {
    pub(crate) name: &'static str,
    pub(crate) volatility: Volatility,
    /// Whether it is asked about missing values, too; else one of them gives none.
    pub(crate) nulls: bool,
    /// Names of arguments, for those that are called by name.
    pub(crate) names: &'static [&'static str],
    pub(crate) overloads: &'static [Overload],
}

/// A function without names of arguments that gives the same for the same.
pub(crate) const fn pure(name: &'static str, overloads: &'static [Overload]) -> Definition {
    Definition {
        name,
        volatility: Volatility::Immutable,
        nulls: false,
        names: &[],
        overloads,
    }
}

/// A function that depends on the session.
pub(crate) const fn stable(name: &'static str, overloads: &'static [Overload]) -> Definition {
    Definition {
        volatility: Volatility::Stable,
        ..pure(name, overloads)
    }
}

/// A function that is asked about missing values, too.
pub(crate) const fn with_nulls(name: &'static str, overloads: &'static [Overload]) -> Definition {
    Definition {
        nulls: true,
        ..pure(name, overloads)
    }
}

/// One list of arguments.
pub(crate) const fn of(args: &'static [Kind], gives: Gives, body: Body) -> Overload {
    Overload {
        args,
        rest: None,
        gives,
        body,
    }
}

/// One list of arguments with any number of further ones.
pub(crate) const fn many(args: &'static [Kind], rest: Kind, gives: Gives, body: Body) -> Overload {
    Overload {
        args,
        rest: Some(rest),
        gives,
        body,
    }
}

/// How far a type is from a kind: 0 is the same, `None` is no way without a cast.
fn distance(from: &DataType, kind: Kind) -> Option<u32> {
    use DataType as D;
    let is_text = matches!(from, D::Utf8 | D::LargeUtf8 | D::Utf8View);
    match (from, kind) {
        (_, Kind::Any) => Some(1),
        (D::Null, _) => Some(2),
        (D::Dictionary(_, value), kind) => distance(value, kind),
        (D::Int8 | D::Int16 | D::Int32 | D::Int64, Kind::Int)
        | (D::UInt8 | D::UInt16 | D::UInt32 | D::UInt64, Kind::Int)
        | (D::Float16 | D::Float32 | D::Float64, Kind::Float)
        | (D::Decimal128(..), Kind::Numeric)
        | (D::Binary | D::LargeBinary | D::BinaryView | D::FixedSizeBinary(_), Kind::Bytes)
        | (D::Date32 | D::Date64, Kind::Date)
        | (D::Time32(_) | D::Time64(_), Kind::Time)
        | (D::Timestamp(_, None), Kind::Stamp)
        | (D::Timestamp(_, Some(_)), Kind::Moment)
        | (D::Interval(_) | D::Duration(_), Kind::Interval)
        | (D::List(_) | D::LargeList(_) | D::FixedSizeList(..), Kind::List) => Some(0),
        (_, Kind::Text) if is_text => Some(0),
        // PostgreSQL prefers double precision among numbers, timestamp with time zone among times.
        (from, Kind::Float) if from.is_integer() => Some(10),
        (from, Kind::Numeric) if from.is_integer() => Some(11),
        (D::Decimal128(..), Kind::Float) => Some(10),
        (D::Date32 | D::Date64, Kind::Moment) | (D::Timestamp(_, None), Kind::Moment) => Some(10),
        (D::Date32 | D::Date64, Kind::Stamp) => Some(11),
        (D::Time32(_) | D::Time64(_), Kind::Interval) => Some(12),
        // A literal without a type is whatever is wanted of it.
        (_, Kind::List) if is_text => None,
        (_, Kind::Moment | Kind::Float) if is_text => Some(20),
        (_, Kind::Interval | Kind::Stamp | Kind::Numeric) if is_text => Some(21),
        (_, _) if is_text => Some(22),
        _ => None,
    }
}

impl Definition {
    fn choose(&self, types: &[DataType]) -> Option<&Overload> {
        self.overloads
            .iter()
            .filter_map(|overload| {
                let enough = types.len() >= overload.args.len();
                let fits =
                    enough && (overload.rest.is_some() || types.len() == overload.args.len());
                let kinds = overload
                    .args
                    .iter()
                    .copied()
                    .chain(overload.rest.into_iter().cycle());
                let total = fits.then(|| {
                    let each = types
                        .iter()
                        .zip(kinds)
                        .map(|(from, kind)| distance(from, kind));
                    each.sum::<Option<u32>>()
                });
                Some((total??, overload))
            })
            .min_by_key(|(total, _)| *total)
            .map(|(_, overload)| overload)
    }
}

/// A function of a session.
#[derive(Debug)]
pub(crate) struct RowFunction {
    definition: &'static Definition,
    signature: Signature,
    settings: Arc<Settings>,
}

impl std::fmt::Debug for Definition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for RowFunction {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.definition, other.definition)
            && Arc::ptr_eq(&self.settings, &other.settings)
    }
}

impl Eq for RowFunction {}

impl Hash for RowFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.definition.name.hash(state);
    }
}

impl RowFunction {
    /// The function for a session.
    pub(crate) fn udf(definition: &'static Definition, settings: &Arc<Settings>) -> ScalarUDF {
        let mut signature = Signature::user_defined(definition.volatility);
        if !definition.names.is_empty() {
            signature.parameter_names = Some(
                definition
                    .names
                    .iter()
                    .map(|name| (*name).to_owned())
                    .collect(),
            );
        }
        ScalarUDF::new_from_impl(Self {
            definition,
            signature,
            settings: Arc::clone(settings),
        })
    }

    fn choose(&self, types: &[DataType]) -> Result<&'static Overload> {
        self.definition.choose(types).ok_or_else(|| {
            let types: Vec<String> = types.iter().map(super::typename).collect();
            DataFusionError::Plan(format!(
                "function {}({}) does not exist",
                self.definition.name,
                types.join(", ")
            ))
        })
    }

    fn wanted(&self, from: &DataType, kind: Kind) -> DataType {
        match kind {
            Kind::Any => match from {
                DataType::Null => DataType::Null,
                DataType::Dictionary(_, value) => value.as_ref().clone(),
                other => other.clone(),
            },
            Kind::Int => match from {
                DataType::Int16 | DataType::Int32 | DataType::Int64 => from.clone(),
                _ => DataType::Int64,
            },
            Kind::Float => match from {
                DataType::Float32 => DataType::Float32,
                _ => DataType::Float64,
            },
            Kind::Numeric => match from {
                DataType::Decimal128(..) => from.clone(),
                _ if from.is_integer() => DataType::Decimal128(38, 0),
                _ => DataType::Decimal128(38, 10),
            },
            Kind::Text => DataType::Utf8,
            Kind::Bytes => DataType::Binary,
            Kind::Date => DataType::Date32,
            Kind::Time => DataType::Time64(TimeUnit::Microsecond),
            Kind::Stamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Kind::Moment => DataType::Timestamp(
                TimeUnit::Microsecond,
                Some(match from {
                    DataType::Timestamp(_, Some(zone)) => Arc::clone(zone),
                    _ => Arc::clone(self.settings.zone().arrow()),
                }),
            ),
            Kind::Interval => DataType::Interval(IntervalUnit::MonthDayNano),
            Kind::List => match from {
                DataType::Null => {
                    DataType::List(Arc::new(Field::new_list_field(DataType::Null, true)))
                }
                DataType::LargeList(field) | DataType::FixedSizeList(field, _) => {
                    DataType::List(Arc::clone(field))
                }
                other => other.clone(),
            },
        }
    }
}

impl ScalarUDFImpl for RowFunction {
    fn name(&self) -> &str {
        self.definition.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let overload = self.choose(types)?;
        let kinds = overload
            .args
            .iter()
            .copied()
            .chain(overload.rest.into_iter().cycle());
        let wanted = types
            .iter()
            .zip(kinds)
            .map(|(from, kind)| self.wanted(from, kind));
        Ok(wanted.collect())
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Err(DataFusionError::Internal(
            "what a function gives follows from its arguments".to_owned(),
        ))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let types: Vec<DataType> = args
            .arg_fields
            .iter()
            .map(|f| f.data_type().clone())
            .collect();
        let overload = self.choose(&types)?;
        let kind = match overload.gives {
            Gives::Bool => DataType::Boolean,
            Gives::Int4 => DataType::Int32,
            Gives::Int8 => DataType::Int64,
            Gives::Float => DataType::Float64,
            Gives::Text => DataType::Utf8,
            Gives::Bytes => DataType::Binary,
            Gives::Date => DataType::Date32,
            Gives::Time => DataType::Time64(TimeUnit::Microsecond),
            Gives::Stamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Gives::Moment => DataType::Timestamp(
                TimeUnit::Microsecond,
                Some(Arc::clone(self.settings.zone().arrow())),
            ),
            Gives::Interval => DataType::Interval(IntervalUnit::MonthDayNano),
            Gives::TextList => {
                DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true)))
            }
            Gives::Numeric(scale) => DataType::Decimal128(38, scale),
            Gives::Same(at) => match types.get(at) {
                Some(DataType::Utf8View | DataType::LargeUtf8) | None => DataType::Utf8,
                Some(kind) => {
                    let wanted = overload.args.get(at).copied().or(overload.rest);
                    self.wanted(kind, wanted.unwrap_or(Kind::Any))
                }
            },
            Gives::Of(of) => of(&types, args.scalar_arguments)?,
        };
        Ok(Arc::new(Field::new(self.name(), kind, true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let types: Vec<DataType> = args.args.iter().map(ColumnarValue::data_type).collect();
        let overload = self.choose(&types)?;
        let zone = TimeZone::of(&self.settings.zone());
        let context = Context {
            zone: &zone,
            gives: args.return_field.data_type(),
        };
        let constant = args
            .args
            .iter()
            .all(|arg| matches!(arg, ColumnarValue::Scalar(_)))
            && self.definition.volatility != Volatility::Volatile;
        let rows = if constant { 1 } else { args.number_rows };
        let arrays: Vec<ArrayRef> = args
            .args
            .iter()
            .map(|arg| match arg {
                ColumnarValue::Array(array) => plain(array),
                ColumnarValue::Scalar(value) => plain(&value.to_array()?),
            })
            .collect::<Result<_>>()?;
        let columns: Vec<Column<'_>> = arrays.iter().map(Column::new).collect::<Result<_>>()?;
        let single: Vec<bool> = args
            .args
            .iter()
            .map(|arg| matches!(arg, ColumnarValue::Scalar(_)))
            .collect();
        let mut cells = Vec::with_capacity(rows);
        let mut values = Vec::with_capacity(columns.len());
        for row in 0..rows {
            values.clear();
            for (column, single) in columns.iter().zip(&single) {
                values.push(column.get(if *single { 0 } else { row }));
            }
            cells.push(
                if !self.definition.nulls && values.iter().any(Cell::is_null) {
                    Cell::Null
                } else {
                    (overload.body)(&context, &values)?
                },
            );
        }
        let array = column(&cells, args.return_field.data_type())?;
        if constant {
            debug_assert_eq!(array.len(), 1);
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(
                &array, 0,
            )?));
        }
        Ok(ColumnarValue::Array(array))
    }
}
