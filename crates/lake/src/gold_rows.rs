//! A gold definition's query and its rows: columns in Delta's types, split by date.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch, UInt32Array};
use arrow::compute::{cast, concat_batches, take_record_batch};
use arrow::datatypes::{DataType, Date32Type, Field, Schema, SchemaRef, TimeUnit};
use datafusion::prelude::SessionContext;
use tradewind_model::{Date, StoreId};

use crate::error::{LakeError, Result};
use crate::gold_tables::GoldDefinition;
use crate::groups::PartitionKey;
use crate::schema::PARTITION_COLUMNS;

/// Dates beside the fresh ones whose rows depend on them, as the definition's companion file says.
pub(crate) async fn further_dates(
    context: &SessionContext,
    definition: &GoldDefinition,
    also: &str,
    fresh: &BTreeSet<PartitionKey>,
) -> Result<BTreeSet<PartitionKey>> {
    let wrong = |e| {
        LakeError::query(
            format!("looking for further dates of `gold.{}`", definition.name),
            e,
        )
    };
    let mut by_store: BTreeMap<&StoreId, Vec<Date>> = BTreeMap::new();
    for key in fresh {
        by_store.entry(&key.store).or_default().push(key.date);
    }
    let mut further = BTreeSet::new();
    for (store, dates) in by_store {
        let sql = GoldDefinition::fill(also, store, &dates);
        for batch in context
            .sql(&sql)
            .await
            .map_err(wrong)?
            .collect()
            .await
            .map_err(wrong)?
        {
            for date in dates_of(&batch)?.iter().flatten() {
                further.insert(PartitionKey {
                    store: store.clone(),
                    date: Date(date),
                });
            }
        }
    }
    Ok(further)
}

pub(crate) fn dates_of(batch: &RecordBatch) -> Result<arrow::array::Date32Array> {
    let column = batch
        .column_by_name("date")
        .ok_or_else(|| LakeError::Inconsistent("a gold query gives no column `date`".to_owned()))?;
    let dates = cast(column, &DataType::Date32)
        .map_err(|e| LakeError::storage("reading the dates of a gold query", e))?;
    Ok(dates.as_primitive::<Date32Type>().clone())
}

/// The columns a gold table has: those of its SELECT in Delta's types, `store_id` and `date` first.
pub(crate) async fn gold_schema(
    context: &SessionContext,
    definition: &GoldDefinition,
) -> Result<SchemaRef> {
    let store = StoreId::new("x").map_err(|e| LakeError::storage("naming a store", e))?;
    let sql = GoldDefinition::fill(&definition.sql, &store, &[Date(0)]);
    let frame = context
        .sql(&sql)
        .await
        .map_err(|e| LakeError::query(format!("planning `gold.{}`", definition.name), e))?;
    let given = frame.schema().as_arrow().clone();
    for needed in PARTITION_COLUMNS {
        if given.field_with_name(needed).is_err() {
            return Err(LakeError::GoldFile {
                file: format!("{}.sql", definition.name),
                problem: format!("gives no column `{needed}`"),
            });
        }
    }
    let keys = [
        Field::new("store_id", DataType::Utf8, true),
        Field::new("date", DataType::Date32, true),
    ];
    let rest = given
        .fields()
        .iter()
        .filter(|f| !PARTITION_COLUMNS.contains(&f.name().as_str()))
        .map(|f| Field::new(f.name(), stored_type(f.data_type()), true));
    Ok(Arc::new(Schema::new(
        keys.into_iter().chain(rest).collect::<Vec<_>>(),
    )))
}

/// The type a query's column is stored as: one that every Delta reader knows.
fn stored_type(given: &DataType) -> DataType {
    match given {
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        DataType::BinaryView | DataType::LargeBinary => DataType::Binary,
        DataType::Dictionary(_, value) => stored_type(value),
        DataType::UInt64 | DataType::UInt32 => DataType::Int64,
        DataType::UInt16 | DataType::UInt8 => DataType::Int32,
        DataType::Float16 => DataType::Float32,
        DataType::Timestamp(_, _) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        DataType::Null => DataType::Utf8,
        other => other.clone(),
    }
}

/// The rows of a gold table for a store and dates; `None` for a date without rows.
pub(crate) async fn materialise(
    context: &SessionContext,
    definition: &GoldDefinition,
    schema: &SchemaRef,
    store: &StoreId,
    dates: &[Date],
) -> Result<Vec<(PartitionKey, Option<RecordBatch>)>> {
    let what = || format!("computing `gold.{}` of store `{store}`", definition.name);
    let schema = crate::schema::file_schema(schema);
    let sql = GoldDefinition::fill(&definition.sql, store, dates);
    let batches = match context.sql(&sql).await {
        Ok(frame) => frame
            .collect()
            .await
            .map_err(|e| LakeError::query(what(), e))?,
        Err(e) => return Err(LakeError::query(what(), e)),
    };
    let mut rows: BTreeMap<Date, Vec<RecordBatch>> = BTreeMap::new();
    for batch in &batches {
        let columns = schema
            .fields()
            .iter()
            .map(|field| {
                let column = batch.column_by_name(field.name()).ok_or_else(|| {
                    LakeError::Inconsistent(format!(
                        "a gold query gives no column `{}`",
                        field.name()
                    ))
                })?;
                cast(column, field.data_type()).map_err(|e| LakeError::storage(what(), e))
            })
            .collect::<Result<Vec<_>>>()?;
        let stored = RecordBatch::try_new(Arc::clone(&schema), columns)
            .map_err(|e| LakeError::storage(what(), e))?;
        let mut of_date: BTreeMap<i32, Vec<u32>> = BTreeMap::new();
        for (row, date) in dates_of(batch)?.iter().enumerate() {
            of_date
                .entry(date.unwrap_or_default())
                .or_default()
                .push(u32::try_from(row).unwrap_or(u32::MAX));
        }
        for (date, at) in of_date {
            let part = take_record_batch(&stored, &UInt32Array::from(at))
                .map_err(|e| LakeError::storage(what(), e))?;
            rows.entry(Date(date)).or_default().push(part);
        }
    }
    dates
        .iter()
        .map(|date| {
            let key = PartitionKey {
                store: store.clone(),
                date: *date,
            };
            let batch = match rows.remove(date) {
                None => None,
                Some(parts) => Some(
                    concat_batches(&schema, &parts).map_err(|e| LakeError::storage(what(), e))?,
                ),
            };
            Ok((key, batch))
        })
        .collect()
}
