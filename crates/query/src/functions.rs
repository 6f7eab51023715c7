//! PostgreSQL's functions: those that DataFusion lacks, or gives another answer for.
//!
//! A family a file; [`scalar`] turns their tables into DataFusion's functions. What is here is listed, with what is refused, in
//! docs/sql-functions.md.

mod aggregate;
mod array;
mod cell;
mod datetime;
mod digest;
mod format;
mod interval;
mod moment;
mod now;
mod number;
mod over;
mod regex;
mod scalar;
mod series;
mod system;
mod text;

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF};

pub(crate) use cell::{Cell, column};
pub(crate) use datetime::{is_time, read_interval};
pub(crate) use interval::Interval;
pub(crate) use regex::pattern;
pub(crate) use text::{array_items, texts};

use crate::pg_catalog::{Catalog, PgType};
use crate::settings::Settings;

/// A session's functions of one row.
pub(crate) fn scalar_functions(
    settings: &Arc<Settings>,
    catalog: &Arc<Catalog>,
) -> Vec<Arc<ScalarUDF>> {
    let tables = [
        text::FUNCTIONS,
        regex::FUNCTIONS,
        number::FUNCTIONS,
        datetime::FUNCTIONS,
        format::FUNCTIONS,
        array::FUNCTIONS,
        series::FUNCTIONS,
    ];
    let plain = tables
        .into_iter()
        .flatten()
        .map(|definition| Arc::new(scalar::RowFunction::udf(definition, settings)));
    let now = std::iter::once(now::now(settings));
    plain.chain(now).chain(system::functions(catalog)).collect()
}

/// The aggregates, the same for every session.
pub(crate) fn aggregates() -> Vec<Arc<AggregateUDF>> {
    aggregate::aggregates()
        .into_iter()
        .chain(over::aggregates())
        .collect()
}

/// A type's name as PostgreSQL says it in messages.
pub(crate) fn typename(kind: &DataType) -> String {
    match kind {
        DataType::Null => "unknown".to_owned(),
        kind => PgType::of(kind).sql_name(),
    }
}
