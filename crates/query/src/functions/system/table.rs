//! Functions of the catalog that give rows.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, Int32Array, ListArray, StructArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::ColumnarValue;

use crate::functions::Cell;

/// The record of `_pg_expandarray`: an array's item and its place.
pub(super) fn expanded_item(array: &DataType) -> DataType {
    let item = match array {
        DataType::List(item) => item.data_type().clone(),
        _ => DataType::Int32,
    };
    DataType::Struct(Fields::from(vec![
        Field::new("x", item, true),
        Field::new("n", DataType::Int32, true),
    ]))
}

/// A list of records a row.
pub(super) fn expanded(cells: &[Cell<'_>], kind: &DataType) -> Result<ColumnarValue> {
    let DataType::List(item) = kind else {
        return Err(DataFusionError::Internal(
            "records come in lists".to_owned(),
        ));
    };
    let DataType::Struct(fields) = item.data_type() else {
        return Err(DataFusionError::Internal(
            "records come in lists".to_owned(),
        ));
    };
    let (mut items, mut places) = (Vec::<ArrayRef>::new(), Vec::new());
    let (mut lengths, mut valid) = (Vec::new(), Vec::new());
    for cell in cells {
        let list = cell.as_list();
        let length = list.map_or(0, |list| list.len());
        lengths.push(length);
        valid.push(list.is_some());
        places.extend(1..=i32::try_from(length).unwrap_or(i32::MAX));
        items.extend(list.map(Arc::clone));
    }
    let parts: Vec<&dyn arrow::array::Array> = items.iter().map(AsRef::as_ref).collect();
    let values = if parts.is_empty() {
        arrow::array::new_empty_array(fields[0].data_type())
    } else {
        arrow::compute::cast(&arrow::compute::concat(&parts)?, fields[0].data_type())?
    };
    let records = StructArray::try_new(
        fields.clone(),
        vec![values, Arc::new(Int32Array::from(places))],
        None,
    )?;
    let lists = ListArray::try_new(
        Arc::clone(item),
        OffsetBuffer::from_lengths(lengths),
        Arc::new(records),
        Some(NullBuffer::from(valid)),
    )?;
    Ok(ColumnarValue::Array(Arc::new(lists)))
}
