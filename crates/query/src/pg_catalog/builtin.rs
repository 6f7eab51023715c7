//! PostgreSQL 15's own relations: their columns, and the rows of those that are the same on every server.
//!
//! `relations.tsv` has a line a relation of `pg_catalog` and `information_schema`: schema, name, kind, oid, oid of its row type,
//! and its columns (name, oid of the type, modifier, `n` when never missing). `rows.tsv` has rows in the text form of COPY,
//! each after the name of its relation. Both were written by PostgreSQL 15 itself.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, Int16Array, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::error::{DataFusionError, Result};

use crate::functions::{Cell, array_items, column};

/// A column of one of PostgreSQL's relations.
#[derive(Debug, Clone)]
pub(crate) struct BuiltinColumn {
    pub(crate) name: &'static str,
    pub(crate) type_oid: i32,
    pub(crate) modifier: i32,
    pub(crate) not_null: bool,
}

/// One of PostgreSQL's relations.
#[derive(Debug)]
pub(crate) struct Builtin {
    pub(crate) schema: &'static str,
    pub(crate) name: &'static str,
    /// `r` or `v`.
    pub(crate) kind: &'static str,
    pub(crate) oid: i32,
    pub(crate) row_type: i32,
    pub(crate) columns: Vec<BuiltinColumn>,
    pub(crate) arrow: SchemaRef,
}

/// All of them, by schema and name in order.
pub(crate) static RELATIONS: LazyLock<Vec<Builtin>> = LazyLock::new(|| {
    include_str!("relations.tsv")
        .lines()
        .filter_map(relation)
        .collect()
});

static BY_NAME: LazyLock<HashMap<(&'static str, &'static str), usize>> = LazyLock::new(|| {
    let names = RELATIONS.iter().enumerate();
    names
        .map(|(at, builtin)| ((builtin.schema, builtin.name), at))
        .collect()
});

static ROWS: LazyLock<HashMap<&'static str, Vec<Vec<&'static str>>>> = LazyLock::new(|| {
    let mut rows: HashMap<_, Vec<_>> = HashMap::new();
    for line in include_str!("rows.tsv").lines() {
        if let Some((relation, row)) = line.split_once('\t') {
            rows.entry(relation)
                .or_default()
                .push(row.split('\t').collect());
        }
    }
    rows
});

/// The relation of a name.
pub(crate) fn find(schema: &str, name: &str) -> Option<&'static Builtin> {
    BY_NAME
        .get(&(schema, name))
        .and_then(|at| RELATIONS.get(*at))
}

fn relation(line: &'static str) -> Option<Builtin> {
    let mut parts = line.split('\t');
    let (schema, name, kind) = (parts.next()?, parts.next()?, parts.next()?);
    let (oid, row_type) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let columns: Vec<BuiltinColumn> = parts
        .next()?
        .split(',')
        .filter_map(|column| {
            let mut words = column.split(' ');
            Some(BuiltinColumn {
                name: words.next()?,
                type_oid: words.next()?.parse().ok()?,
                modifier: words.next()?.parse().ok()?,
                not_null: words.next().is_some(),
            })
        })
        .collect();
    let fields: Vec<Field> = columns
        .iter()
        .map(|column| field(column.name, column.type_oid))
        .collect();
    Some(Builtin {
        schema,
        name,
        kind,
        oid,
        row_type,
        columns,
        arrow: Arc::new(Schema::new(fields)),
    })
}

/// The key under which a column says that its integers are oids, and of what.
pub(crate) const OID_ALIAS: &str = "pg.oid_alias";

fn oids(name: &str, alias: &str) -> Field {
    let of = HashMap::from([(OID_ALIAS.to_owned(), alias.to_owned())]);
    Field::new(name, DataType::Int32, true).with_metadata(of)
}

fn list(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(item, true)))
}

/// A column of a type of PostgreSQL's as Arrow has it.
fn field(name: &str, type_oid: i32) -> Field {
    let kind = match type_oid {
        16 => DataType::Boolean,
        17 => DataType::Binary,
        20 => DataType::Int64,
        21 => DataType::Int16,
        22 | 1005 => list(DataType::Int16),
        23 => DataType::Int32,
        24 => return oids(name, "regproc"),
        26 => return oids(name, "oid"),
        30 | 1028 | 2211 => list(DataType::Int32),
        700 => DataType::Float32,
        701 => DataType::Float64,
        1000 => list(DataType::Boolean),
        1021 => list(DataType::Float32),
        1022 => list(DataType::Float64),
        1002 | 1003 | 1009 | 1034 => list(DataType::Utf8),
        1184 => DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC"))),
        1186 => DataType::Interval(arrow::datatypes::IntervalUnit::MonthDayNano),
        1700 => DataType::Decimal128(38, 0),
        2206 => return oids(name, "regtype"),
        _ => DataType::Utf8,
    };
    Field::new(name, kind, true)
}

/// The rows that every server has.
pub(crate) fn fixed_rows(builtin: &Builtin) -> Result<RecordBatch> {
    let none = Vec::new();
    let rows = match builtin.schema {
        "pg_catalog" => ROWS.get(builtin.name).unwrap_or(&none),
        _ => &none,
    };
    let columns = builtin
        .arrow
        .fields()
        .iter()
        .enumerate()
        .map(|(at, field)| {
            let cells: Vec<Cell<'static>> = rows
                .iter()
                .map(|row| cell(row.get(at).copied().unwrap_or("\\N"), field.data_type()))
                .collect::<Result<_>>()?;
            column(&cells, field.data_type())
        })
        .collect::<Result<Vec<_>>>()?;
    batch(&builtin.arrow, columns, rows.len())
}

pub(crate) fn batch(
    schema: &SchemaRef,
    columns: Vec<ArrayRef>,
    rows: usize,
) -> Result<RecordBatch> {
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(
        Arc::clone(schema),
        columns,
        &options,
    )?)
}

/// A value in the text form of COPY.
fn cell(text: &'static str, kind: &DataType) -> Result<Cell<'static>> {
    if text == "\\N" {
        return Ok(Cell::Null);
    }
    let bad = || DataFusionError::Internal(format!("`{text}` is no {kind} of the catalog"));
    Ok(match kind {
        DataType::Boolean => Cell::Bool(text == "t"),
        DataType::Int16 | DataType::Int32 | DataType::Int64 => {
            // Oids above 2³¹ are none of those kept here.
            Cell::Int(text.parse().map_err(|_| bad())?)
        }
        DataType::Float32 | DataType::Float64 => Cell::Float(text.parse().map_err(|_| bad())?),
        DataType::List(item) => Cell::List(items(text, item.data_type()).ok_or_else(bad)?),
        _ if text.contains('\\') => Cell::Text(Cow::Owned(text.replace("\\\\", "\\"))),
        _ => Cell::Text(Cow::Borrowed(text)),
    })
}

/// `{a,b}`, or numbers between blanks as in oidvector and int2vector.
fn items(text: &str, kind: &DataType) -> Option<ArrayRef> {
    let items: Vec<Option<String>> = if text.starts_with('{') {
        array_items(text)?
    } else {
        text.split_whitespace()
            .map(|word| Some(word.to_owned()))
            .collect()
    };
    Some(match kind {
        DataType::Int16 => {
            let numbers = items.iter().map(|item| item.as_deref()?.parse().ok());
            Arc::new(numbers.collect::<Int16Array>())
        }
        DataType::Int32 => {
            let numbers = items.iter().map(|item| item.as_deref()?.parse().ok());
            Arc::new(numbers.collect::<Int32Array>())
        }
        _ => Arc::new(items.into_iter().collect::<StringArray>()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_relation_of_postgresql_15_is_there_with_its_columns() {
        assert_eq!(RELATIONS.len(), 203);
        let class = find("pg_catalog", "pg_class").unwrap();
        assert_eq!(
            (class.oid, class.kind, class.columns.len()),
            (1259, "r", 33)
        );
        assert!(class.columns[0].not_null);
        let columns = find("information_schema", "columns").unwrap();
        assert_eq!(columns.columns.len(), 44);
        for builtin in RELATIONS.iter() {
            let rows = fixed_rows(builtin).unwrap_or_else(|e| panic!("{}: {e}", builtin.name));
            assert_eq!(rows.num_columns(), builtin.columns.len());
        }
        assert_eq!(
            fixed_rows(find("pg_catalog", "pg_type").unwrap())
                .unwrap()
                .num_rows(),
            185
        );
    }
}
