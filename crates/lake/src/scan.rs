//! A table of the lake as DataFusion scans it: the data files of the newest version, chosen by store, date and statistics.
//!
//! Each file holds rows of one store and one date, which stand in its path. Whoever may see some stores gets a table of their
//! files alone (T1), and a condition on store or date picks files and costs nothing a row. Of what is left, files and row groups
//! are skipped by their statistics.

use std::collections::HashSet;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray as _, BooleanArray, Date32Array, RecordBatch, StringArray, UInt64Array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use chrono::{DateTime, Utc};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::stats::Precision;
use datafusion::common::{
    Column, ColumnStatistics, DFSchema, ScalarValue, Statistics, project_schema,
};
use datafusion::datasource::TableType;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::listing::helpers::expr_applicable_for_cols;
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::TableProviderFilterPushDown;
use datafusion::logical_expr::utils::conjunction;
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::prelude::Expr;
use object_store::ObjectMeta;
use parking_lot::Mutex;
use serde_json::Value;
use tradewind_model::StoreId;

use crate::head::FileEntry;
use crate::schema::{PARTITION_COLUMNS, STATS_COLUMNS, file_schema};
use crate::table::TableHandle;

/// The stores whose files may be read.
type Seen = Box<dyn Fn(&StoreId) -> bool + Send + Sync>;

/// Files, and the start of the question that read them.
type Asked = (DateTime<Utc>, Vec<Arc<FileEntry>>);

/// A table, and the stores whose rows may be seen. Which files it has is looked up when a question begins, so that one planned
/// long ago sees what is newest; within a question it has the same ones wherever it is named.
pub(crate) struct LakeTable {
    /// The columns as they are asked for: those of the path first.
    schema: SchemaRef,
    /// The columns as files are read: those of the path last.
    read: TableSchema,
    /// Where each column of `schema` stands in `read`.
    places: Vec<usize>,
    table: Arc<TableHandle>,
    seen: Seen,
    asked: Mutex<Option<Asked>>,
}

impl fmt::Debug for LakeTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LakeTable({})", self.table.name)
    }
}

/// How texts are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Texts {
    /// As views, which filters and groups need not copy. A few rows may hold on to the text of many, and count as
    /// much against a query's memory.
    Views,
    /// One after the other: for gold, whose groups of a large day must fit.
    Plain,
}

impl Texts {
    fn columns(self, schema: &Schema) -> SchemaRef {
        let fields = schema.fields().iter().map(|field| {
            let kind = match (self, field.data_type()) {
                (Self::Views, DataType::Utf8) => DataType::Utf8View,
                (Self::Views, DataType::Binary) => DataType::BinaryView,
                (_, other) => other.clone(),
            };
            Field::new(field.name(), kind, field.is_nullable())
        });
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }
}

fn text(value: &str, kind: &DataType) -> ScalarValue {
    let value = Some(value.to_owned());
    match kind {
        DataType::Utf8View => ScalarValue::Utf8View(value),
        _ => ScalarValue::Utf8(value),
    }
}

impl LakeTable {
    /// A table of these columns.
    ///
    /// # Errors
    /// When a column of the path is missing.
    pub(crate) fn new(
        schema: &Schema,
        texts: Texts,
        table: Arc<TableHandle>,
        seen: Seen,
    ) -> Result<Self> {
        let schema = texts.columns(schema);
        let in_files = file_schema(&schema);
        let in_path = PARTITION_COLUMNS
            .iter()
            .map(|name| Ok(Arc::new(schema.field_with_name(name)?.clone())))
            .collect::<Result<Vec<FieldRef>>>()?;
        let read = TableSchema::builder(Arc::clone(&in_files))
            .with_table_partition_cols(in_path)
            .build();
        let places = schema
            .fields()
            .iter()
            .map(|field| Ok(read.table_schema().index_of(field.name())?))
            .collect::<Result<_>>()?;
        Ok(Self {
            schema,
            read,
            places,
            table,
            seen,
            asked: Mutex::new(None),
        })
    }

    /// The files that a question begun at a time reads.
    async fn files(&self, begun: Option<DateTime<Utc>>) -> Result<Vec<Arc<FileEntry>>> {
        if let Some((time, files)) = self.asked.lock().as_ref()
            && Some(*time) == begun
        {
            return Ok(files.clone());
        }
        let files = self.table.files(|key| (self.seen)(&key.store)).await;
        let files = files.map_err(|e| DataFusionError::External(Box::new(e)))?;
        if let Some(begun) = begun {
            // Whoever looked at the same time keeps to the first look.
            let mut asked = self.asked.lock();
            match asked.as_ref() {
                Some((time, first)) if *time == begun => return Ok(first.clone()),
                _ => *asked = Some((begun, files.clone())),
            }
        }
        Ok(files)
    }

    /// The files whose store and date meet some conditions, which speak of nothing else.
    fn of_partitions(
        &self,
        state: &dyn Session,
        files: &[Arc<FileEntry>],
        conditions: &[Expr],
    ) -> Result<Vec<PartitionedFile>> {
        let readable = |file: &Arc<FileEntry>| partitioned(file, self.table.dir(), &self.read);
        let Some(condition) = conjunction(conditions.iter().cloned()) else {
            return files.iter().map(readable).collect();
        };
        let schema = Arc::new(Schema::new(self.read.table_partition_cols().clone()));
        let stores = StringArray::from_iter_values(files.iter().map(|f| f.key.store.as_str()));
        let dates = Date32Array::from_iter_values(files.iter().map(|f| f.key.date.0));
        let stores = cast(&stores, schema.field(0).data_type())?;
        let batch = RecordBatch::try_new(Arc::clone(&schema), vec![stores, Arc::new(dates)])?;
        let condition = state.create_physical_expr(condition, &DFSchema::try_from(schema)?)?;
        let met = condition.evaluate(&batch)?.into_array(batch.num_rows())?;
        let chosen = files.iter().zip(met.as_boolean().iter());
        chosen
            .filter(|(_, met)| *met == Some(true))
            .map(|(file, _)| readable(file))
            .collect()
    }
}

/// A file with its place, store, date and statistics.
fn partitioned(file: &FileEntry, dir: &Path, columns: &TableSchema) -> Result<PartitionedFile> {
    let location = object_store::path::Path::from_absolute_path(dir.join(&file.path))
        .map_err(|e| DataFusionError::External(Box::new(e)))?;
    let meta = ObjectMeta {
        location,
        last_modified: chrono::DateTime::from_timestamp_millis(file.written).unwrap_or_default(),
        size: u64::try_from(file.bytes).unwrap_or(0),
        e_tag: None,
        version: None,
    };
    let values = vec![
        text(
            file.key.store.as_str(),
            columns.table_partition_cols()[0].data_type(),
        ),
        ScalarValue::Date32(Some(file.key.date.0)),
    ];
    Ok(PartitionedFile::new_from_meta(meta)
        .with_partition_values(values)
        .with_statistics(Arc::new(statistics(file, columns.file_schema()))))
}

/// What the log says of a file: rows, and the range of a few columns.
pub(crate) fn statistics(file: &FileEntry, columns: &Schema) -> Statistics {
    let stats: Value = file
        .stats
        .as_deref()
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    let number = |value: &Value| {
        value
            .as_u64()
            .and_then(|n| usize::try_from(n).ok())
            .map_or(Precision::Absent, Precision::Exact)
    };
    let column = |field: &FieldRef| {
        let mut column = ColumnStatistics::new_unknown();
        if STATS_COLUMNS.contains(&field.name().as_str()) {
            let edge = |which: &str| {
                scalar(&stats[which][field.name()], field.data_type())
                    .map_or(Precision::Absent, Precision::Exact)
            };
            column.min_value = edge("minValues");
            column.max_value = edge("maxValues");
            column.null_count = number(&stats["nullCount"][field.name()]);
        }
        column
    };
    // Those of the columns of the path are added to them.
    let mut of_columns = Vec::with_capacity(columns.fields().len() + PARTITION_COLUMNS.len());
    of_columns.extend(columns.fields().iter().map(column));
    Statistics {
        num_rows: number(&stats["numRecords"]),
        total_byte_size: Precision::Absent,
        column_statistics: of_columns,
    }
}

fn scalar(value: &Value, kind: &DataType) -> Option<ScalarValue> {
    match kind {
        DataType::Utf8 | DataType::Utf8View => Some(text(value.as_str()?, kind)),
        DataType::Int64 => Some(ScalarValue::Int64(Some(value.as_i64()?))),
        DataType::Int32 => Some(ScalarValue::Int32(Some(
            i32::try_from(value.as_i64()?).ok()?,
        ))),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let time = chrono::DateTime::parse_from_rfc3339(value.as_str()?).ok()?;
            Some(ScalarValue::TimestampMicrosecond(
                Some(time.timestamp_micros()),
                zone.clone(),
            ))
        }
        _ => None,
    }
}

/// What is known of the columns of files, for deciding which of them hold no row that is asked for. Unknown is null.
struct Ranges<'a> {
    files: &'a [PartitionedFile],
    columns: &'a SchemaRef,
}

impl Ranges<'_> {
    fn of<T: std::fmt::Debug + Clone + Eq + PartialOrd>(
        &self,
        column: &Column,
        get: impl Fn(&ColumnStatistics) -> &Precision<T>,
        as_scalar: impl Fn(Option<&T>, &DataType) -> Option<ScalarValue>,
    ) -> Option<ArrayRef> {
        let (place, field) = self.columns.column_with_name(column.name())?;
        let values: Vec<ScalarValue> = self
            .files
            .iter()
            .map(|file| {
                let known = file.statistics.as_ref();
                let known = known.and_then(|known| known.column_statistics.get(place));
                let known = match known.map(&get) {
                    Some(Precision::Exact(value)) => Some(value),
                    _ => None,
                };
                as_scalar(known, field.data_type())
            })
            .collect::<Option<_>>()?;
        ScalarValue::iter_to_array(values).ok()
    }
}

fn value_or_null(value: Option<&ScalarValue>, kind: &DataType) -> Option<ScalarValue> {
    match value {
        Some(value) => Some(value.clone()),
        None => ScalarValue::try_from(kind).ok(),
    }
}

impl PruningStatistics for Ranges<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.of(column, |known| &known.min_value, value_or_null)
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.of(column, |known| &known.max_value, value_or_null)
    }

    fn num_containers(&self) -> usize {
        self.files.len()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        let count = |count: Option<&usize>, _: &DataType| {
            Some(ScalarValue::UInt64(count.map(|count| *count as u64)))
        };
        self.of(column, |known| &known.null_count, count)
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        let rows = self.files.iter().map(|file| {
            let rows = file.statistics.as_ref()?.num_rows.get_value()?;
            Some(*rows as u64)
        });
        Some(Arc::new(UInt64Array::from_iter(rows)))
    }

    fn contained(&self, _: &Column, _: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}

#[async_trait::async_trait]
impl TableProvider for LakeTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let of = |filter: &&Expr| {
            if expr_applicable_for_cols(&PARTITION_COLUMNS, filter) {
                TableProviderFilterPushDown::Exact
            } else {
                TableProviderFilterPushDown::Inexact
            }
        };
        Ok(filters.iter().map(of).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (exact, others): (Vec<Expr>, Vec<Expr>) = filters
            .iter()
            .cloned()
            .partition(|filter| expr_applicable_for_cols(&PARTITION_COLUMNS, filter));
        let files = self
            .files(state.execution_props().query_execution_start_time)
            .await?;
        let mut files = self.of_partitions(state, &files, &exact)?;
        let limit = limit.filter(|_| others.is_empty());
        if let Some(condition) = conjunction(others).filter(|_| !files.is_empty()) {
            let columns = DFSchema::try_from(Arc::clone(self.read.table_schema()))?;
            let condition = state.create_physical_expr(condition, &columns)?;
            // What cannot be asked of the statistics skips no file. The optimizer gives the reader the same conditions, by
            // which it skips row groups.
            if let Some(skip) = PruningPredicateBuilder::new()
                .with_file_schema(Arc::clone(self.read.table_schema()))
                .build(condition)
            {
                let ranges = Ranges {
                    files: &files,
                    columns: self.read.table_schema(),
                };
                let mut keep = skip.prune(&ranges)?.into_iter();
                files.retain(|_| keep.next().unwrap_or(true));
            }
        }
        if files.is_empty() {
            return Ok(Arc::new(EmptyExec::new(project_schema(
                &self.schema,
                projection,
            )?)));
        }
        let known = files.iter().filter_map(|file| file.statistics.as_deref());
        let statistics = Statistics::try_merge_iter(known, self.read.table_schema())?;
        let wanted = match projection {
            Some(columns) => columns.iter().map(|c| self.places[*c]).collect(),
            None => self.places.clone(),
        };
        let groups = FileGroup::new(files).split_files(state.config().target_partitions());
        let source = Arc::new(ParquetSource::new(self.read.clone()));
        let config = FileScanConfigBuilder::new(ObjectStoreUrl::local_filesystem(), source)
            .with_file_groups(groups)
            .with_statistics(statistics)
            .with_projection_indices(Some(wanted))?
            .with_limit(limit)
            .build();
        let options = state.default_table_options().parquet;
        datafusion::datasource::file_format::FileFormat::create_physical_plan(
            &ParquetFormat::new().with_options(options),
            state,
            config,
        )
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tradewind_model::{Date, StoreId};

    use crate::groups::PartitionKey;
    use crate::layout::TableName;
    use crate::schema::table_schema;

    fn file(name: &str, stats: Option<&str>) -> Arc<FileEntry> {
        Arc::new(FileEntry {
            key: PartitionKey {
                store: StoreId::new("shop").unwrap(),
                date: Date(20_000),
            },
            path: name.to_owned(),
            bytes: 10,
            written: 0,
            stats: stats.map(str::to_owned),
        })
    }

    #[test]
    fn what_the_log_does_not_tell_of_a_file_is_unknown() {
        let known = r#"{"numRecords":3,"minValues":{"partition":1,"time":"2026-01-01T00:00:00.000001Z"},"maxValues":{"partition":4},"nullCount":{"partition":0}}"#;
        let files = [
            file("a", None),
            file("b", Some(known)),
            file("c", Some("{")),
        ];
        let schema = table_schema(&TableName::SilverEvents).unwrap();
        let handle = Arc::new(TableHandle::new(TableName::SilverEvents, "/lake".into()));
        let table = LakeTable::new(&schema, Texts::Views, handle, Box::new(|_| true)).unwrap();
        let files: Vec<PartitionedFile> = files
            .iter()
            .map(|file| partitioned(file, Path::new("/lake"), &table.read).unwrap())
            .collect();
        let ranges = Ranges {
            files: &files,
            columns: table.read.table_schema(),
        };
        let text = |array: Option<ArrayRef>| {
            let array = array.unwrap();
            let options = arrow::util::display::FormatOptions::new().with_null("?");
            let shown = arrow::util::display::ArrayFormatter::try_new(&array, &options).unwrap();
            (0..array.len())
                .map(|i| shown.value(i).to_string())
                .collect::<Vec<_>>()
                .join(" ")
        };
        let column = |name: &str| Column::from_name(name);
        assert_eq!(text(ranges.min_values(&column("partition"))), "? 1 ?");
        assert_eq!(text(ranges.max_values(&column("partition"))), "? 4 ?");
        assert_eq!(text(ranges.null_counts(&column("partition"))), "? 0 ?");
        assert_eq!(
            text(ranges.min_values(&column("time"))),
            "? 2026-01-01T00:00:00.000001Z ?"
        );
        assert_eq!(text(ranges.max_values(&column("time"))), "? ? ?");
        assert_eq!(text(ranges.row_counts()), "? 3 ?");
        assert_eq!(
            text(ranges.min_values(&column("store_id"))),
            "shop shop shop"
        );
        assert!(ranges.min_values(&column("no_such_column")).is_none());
    }
}
