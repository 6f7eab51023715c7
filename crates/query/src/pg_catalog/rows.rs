//! Rows of the catalog, written by columns' names.

use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use datafusion::error::Result;

use super::builtin::{Builtin, batch, fixed_rows};
use crate::functions::{Cell, column};

/// Rows of one relation.
pub(crate) struct Rows {
    builtin: &'static Builtin,
    columns: Vec<Vec<Cell<'static>>>,
    rows: usize,
}

/// What stands in a column that a row says nothing of.
fn default(kind: &DataType, not_null: bool) -> Cell<'static> {
    if !not_null {
        return Cell::Null;
    }
    match kind {
        DataType::Boolean => Cell::Bool(false),
        DataType::Int16 | DataType::Int32 | DataType::Int64 => Cell::Int(0),
        DataType::Float32 | DataType::Float64 => Cell::Float(0.0),
        DataType::Utf8 => Cell::text(""),
        _ => Cell::Null,
    }
}

impl Rows {
    pub(crate) fn new(builtin: &'static Builtin) -> Self {
        Self {
            builtin,
            columns: vec![Vec::new(); builtin.columns.len()],
            rows: 0,
        }
    }

    /// Adds a row. Columns that are not named are missing, or 0, false and empty where they never are.
    pub(crate) fn add<const N: usize>(&mut self, values: [(&str, Cell<'static>); N]) {
        let columns = self.builtin.columns.iter().zip(self.builtin.arrow.fields());
        for ((described, field), cells) in columns.zip(&mut self.columns) {
            cells.push(default(field.data_type(), described.not_null));
        }
        for (name, value) in values {
            let at = self.builtin.columns.iter().position(|c| c.name == name);
            debug_assert!(at.is_some(), "{} has no column {name}", self.builtin.name);
            if let Some(cell) = at.and_then(|at| self.columns[at].last_mut()) {
                *cell = value;
            }
        }
        self.rows += 1;
    }

    /// The rows, after those that every server has.
    pub(crate) fn finish(self) -> Result<RecordBatch> {
        let fields = self.builtin.arrow.fields().iter().zip(&self.columns);
        let columns = fields
            .map(|(field, cells)| column(cells, field.data_type()))
            .collect::<Result<Vec<_>>>()?;
        let own = batch(&self.builtin.arrow, columns, self.rows)?;
        let fixed = fixed_rows(self.builtin)?;
        if fixed.num_rows() == 0 {
            return Ok(own);
        }
        Ok(arrow::compute::concat_batches(
            &self.builtin.arrow,
            [&fixed, &own],
        )?)
    }
}

pub(crate) fn text(value: impl Into<String>) -> Cell<'static> {
    Cell::Text(value.into().into())
}

pub(crate) fn int(value: impl Into<i64>) -> Cell<'static> {
    Cell::Int(value.into())
}

pub(crate) fn yes(value: bool) -> Cell<'static> {
    Cell::text(if value { "YES" } else { "NO" })
}
