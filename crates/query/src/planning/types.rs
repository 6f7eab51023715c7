//! PostgreSQL's names of types.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, IntervalUnit, TimeUnit};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::planner::TypePlanner;
use datafusion::sql::sqlparser::ast::{
    DataType as SqlType, ExactNumberInfo, ObjectNamePart, TimezoneInfo,
};

use crate::settings::Settings;

/// Plans types for a session: a timestamp with time zone is of the session's zone.
#[derive(Debug)]
pub(crate) struct Types(pub(crate) Arc<Settings>);

impl TypePlanner for Types {
    fn plan_type_field(&self, sql: &SqlType) -> Result<Option<FieldRef>> {
        let kind = match sql {
            SqlType::Timestamp(precision, zone) => {
                whole(*precision)?;
                match zone {
                    TimezoneInfo::WithTimeZone | TimezoneInfo::Tz => self.moment(),
                    TimezoneInfo::None | TimezoneInfo::WithoutTimeZone => {
                        DataType::Timestamp(TimeUnit::Microsecond, None)
                    }
                }
            }
            SqlType::Time(precision, _) => {
                whole(*precision)?;
                DataType::Time64(TimeUnit::Microsecond)
            }
            SqlType::Interval { .. } => DataType::Interval(IntervalUnit::MonthDayNano),
            SqlType::Int8(_) => DataType::Int64,
            SqlType::Int2(_) => DataType::Int16,
            SqlType::Int4(_) => DataType::Int32,
            SqlType::Float4 => DataType::Float32,
            SqlType::Float8 => DataType::Float64,
            SqlType::Real => DataType::Float32,
            SqlType::Bytea => DataType::Binary,
            SqlType::Numeric(ExactNumberInfo::None) | SqlType::Decimal(ExactNumberInfo::None) => {
                DataType::Decimal128(38, 10)
            }
            SqlType::Text
            | SqlType::Varchar(None)
            | SqlType::CharacterVarying(None)
            | SqlType::CharVarying(None) => DataType::Utf8,
            SqlType::Custom(name, args) if args.is_empty() => {
                let Some(ObjectNamePart::Identifier(ident)) = name.0.last() else {
                    return Ok(None);
                };
                match self.custom(&ident.value.to_lowercase()) {
                    Some(kind) => kind,
                    None => {
                        return Err(DataFusionError::Plan(format!(
                            "type \"{name}\" does not exist"
                        )));
                    }
                }
            }
            SqlType::JSON | SqlType::JSONB => {
                return Err(DataFusionError::Plan(
                    "the types json and jsonb are not offered: `properties` are text".to_owned(),
                ));
            }
            SqlType::Uuid => {
                return Err(DataFusionError::Plan(
                    "the type uuid is not offered: ids are text".to_owned(),
                ));
            }
            _ => return Ok(None),
        };
        Ok(Some(Arc::new(Field::new("", kind, true))))
    }
}

impl Types {
    fn moment(&self) -> DataType {
        DataType::Timestamp(
            TimeUnit::Microsecond,
            Some(Arc::clone(self.0.zone().arrow())),
        )
    }

    fn custom(&self, name: &str) -> Option<DataType> {
        Some(match name {
            "timestamptz" => self.moment(),
            "timestamp" => DataType::Timestamp(TimeUnit::Microsecond, None),
            "date" => DataType::Date32,
            "time" => DataType::Time64(TimeUnit::Microsecond),
            "interval" => DataType::Interval(IntervalUnit::MonthDayNano),
            "bool" | "boolean" => DataType::Boolean,
            "int2" | "smallint" => DataType::Int16,
            "int4" | "integer" | "int" => DataType::Int32,
            "int8" | "bigint" => DataType::Int64,
            "float4" | "real" => DataType::Float32,
            "float8" => DataType::Float64,
            "numeric" | "decimal" => DataType::Decimal128(38, 10),
            "text" | "varchar" | "bpchar" | "char" | "name" | "cstring" | "sql_identifier"
            | "character_data" | "yes_or_no" | "unknown" => DataType::Utf8,
            "cardinal_number" | "xid" | "cid" => DataType::Int32,
            "bytea" => DataType::Binary,
            _ => return None,
        })
    }
}

/// Times are kept to the microsecond; a type that rounds them is refused.
fn whole(precision: Option<u64>) -> Result<()> {
    match precision {
        None | Some(6) => Ok(()),
        Some(digits) => Err(DataFusionError::Plan(format!(
            "times have six digits of a second here, not {digits}; use date_trunc"
        ))),
    }
}
