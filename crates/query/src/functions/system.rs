//! Functions that tell of the server, its catalog and the session.

mod definitions;
mod names;
mod table;

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::cell::{Cell, Column, column, plain};
use crate::pg_catalog::{Catalog, OID_ALIAS};

/// What a function gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gives {
    Bool,
    Int4,
    Int8,
    Text,
    /// The oid of an object, of the type named.
    Oid(&'static str),
    TextList,
    IntList,
    Moment,
    /// The type of the first argument.
    Same,
    /// The records of `_pg_expandarray`.
    Expanded,
}

type Body = fn(&Catalog, &[Cell<'_>], &[FieldRef]) -> Result<Cell<'static>>;

/// A function of the catalog.
pub(super) struct Definition {
    pub(super) name: &'static str,
    /// The fewest and the most arguments.
    pub(super) args: (usize, usize),
    pub(super) gives: Gives,
    /// Whether it is asked about missing values, too.
    pub(super) nulls: bool,
    pub(super) body: Body,
}

/// A session's functions of the catalog.
pub(super) fn functions(catalog: &Arc<Catalog>) -> impl Iterator<Item = Arc<ScalarUDF>> {
    let all = definitions::FUNCTIONS.iter().chain(names::FUNCTIONS);
    all.map(|definition| {
        Arc::new(ScalarUDF::new_from_impl(CatalogFunction {
            definition,
            signature: Signature::variadic_any(Volatility::Stable),
            nullary: Signature::nullary(Volatility::Stable),
            catalog: Arc::clone(catalog),
        }))
    })
}

#[derive(Debug)]
struct CatalogFunction {
    definition: &'static Definition,
    signature: Signature,
    nullary: Signature,
    catalog: Arc<Catalog>,
}

impl std::fmt::Debug for Definition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for CatalogFunction {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.definition, other.definition)
            && Arc::ptr_eq(&self.catalog, &other.catalog)
    }
}

impl Eq for CatalogFunction {}

impl Hash for CatalogFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.definition.name.hash(state);
    }
}

impl ScalarUDFImpl for CatalogFunction {
    fn name(&self) -> &str {
        self.definition.name
    }

    fn signature(&self) -> &Signature {
        match self.definition.args {
            (_, 0) => &self.nullary,
            _ => &self.signature,
        }
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(types.to_vec())
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Err(DataFusionError::Internal(
            "what a function gives follows from its arguments".to_owned(),
        ))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let count = args.arg_fields.len();
        let (least, most) = self.definition.args;
        if !(least..=most).contains(&count) {
            return Err(DataFusionError::Plan(format!(
                "function {} does not take {count} arguments",
                self.name()
            )));
        }
        let list = |item| DataType::List(Arc::new(Field::new_list_field(item, true)));
        let field = |kind| Field::new(self.name(), kind, true);
        Ok(Arc::new(match self.definition.gives {
            Gives::Bool => field(DataType::Boolean),
            Gives::Int4 => field(DataType::Int32),
            Gives::Int8 => field(DataType::Int64),
            Gives::Text => field(DataType::Utf8),
            Gives::Oid(of) => {
                let of = std::collections::HashMap::from([(OID_ALIAS.to_owned(), of.to_owned())]);
                field(DataType::Int32).with_metadata(of)
            }
            Gives::TextList => field(list(DataType::Utf8)),
            Gives::IntList => field(list(DataType::Int32)),
            Gives::Moment => field(DataType::Timestamp(
                arrow::datatypes::TimeUnit::Microsecond,
                Some(Arc::clone(self.catalog.settings.zone().arrow())),
            )),
            Gives::Same => field(args.arg_fields[0].data_type().clone()),
            Gives::Expanded => field(list(table::expanded_item(args.arg_fields[0].data_type()))),
        }))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args
            .args
            .iter()
            .all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { args.number_rows };
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(args.args.len());
        for arg in &args.args {
            arrays.push(match arg {
                ColumnarValue::Array(array) => plain(array)?,
                ColumnarValue::Scalar(value) => plain(&value.to_array()?)?,
            });
        }
        // Of what is only looked at by its type, such as pg_typeof's argument, no value is read.
        let unread = arrow::array::new_null_array(&DataType::Null, 1);
        let columns: Vec<Column<'_>> = arrays
            .iter()
            .map(|array| Column::new(array).or_else(|_| Column::new(&unread)))
            .collect::<Result<_>>()?;
        let mut cells = Vec::with_capacity(rows);
        for row in 0..rows {
            let values: Vec<Cell<'_>> = columns
                .iter()
                .zip(&arrays)
                .map(|(column, array)| column.get(if array.len() == 1 { 0 } else { row }))
                .collect();
            cells.push(
                if !self.definition.nulls && values.iter().any(Cell::is_null) {
                    Cell::Null
                } else {
                    (self.definition.body)(&self.catalog, &values, &args.arg_fields)?
                },
            );
        }
        if self.definition.gives == Gives::Expanded {
            return table::expanded(&cells, args.return_field.data_type());
        }
        let array = column(&cells, args.return_field.data_type())?;
        if constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(
                &array, 0,
            )?));
        }
        Ok(ColumnarValue::Array(array))
    }
}
