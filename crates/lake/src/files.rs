//! Data files of the tables: rows to a Parquet file and its entry for the Delta log, and back.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, new_null_array};
use arrow::compute::{cast, max, max_string, min, min_string};
use arrow::datatypes::{DataType, Int32Type, Int64Type, SchemaRef, TimestampMicrosecondType};
use bytes::Bytes;
use deltalake_core::kernel::{Add, LogicalFileView};
use object_store::{ObjectStore, ObjectStoreExt as _};
use parquet::arrow::ArrowWriter;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use serde_json::{Map, Value, json};
use tradewind_model::{Clock, Date, StoreId, SystemClock};

use crate::error::{LakeError, Result};
use crate::groups::PartitionKey;
use crate::head::partition_values;
use crate::integrity;
use crate::layout::TableName;
use crate::schema::{STATS_COLUMNS, file_schema, table_schema};

/// Columns whose ranges stand in a file's footer: those of the Delta log, and those of questions for one thing.
const SKIPPED_BY: [&str; 11] = [
    "time",
    "received_at",
    "completed_at",
    "started_at",
    "topic",
    "partition",
    "offset",
    "last_activity",
    "type",
    "order_id",
    "product_id",
];

/// How files are written: zstd 1, no dictionary where nearly every value is new, ranges of values only where readers skip by
/// them.
fn properties(schema: &SchemaRef) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by(concat!("tradewind ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_statistics_enabled(EnabledStatistics::None);
    for field in schema.fields() {
        let column = ColumnPath::from(field.name().as_str());
        if SKIPPED_BY.contains(&field.name().as_str()) {
            properties =
                properties.set_column_statistics_enabled(column.clone(), EnabledStatistics::Chunk);
        }
        match field.name().as_str() {
            "raw" | "properties" | "message" | "event_id" | "session_key" | "cart_key" => {
                properties = properties.set_column_dictionary_enabled(column, false)
            }
            "offset" | "position" | "time" | "received_at" | "started_at" | "ended_at"
            | "last_activity" => {
                properties = properties
                    .set_column_dictionary_enabled(column.clone(), false)
                    .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED);
            }
            _ => {}
        }
    }
    properties.build()
}

/// Rows of one partition, to become one file.
#[derive(Debug)]
pub(crate) struct NewFile {
    pub(crate) key: PartitionKey,
    /// Without the partition columns; all of one schema.
    pub(crate) batches: Vec<RecordBatch>,
    /// Whether the rows are new to the table, and not only stored differently.
    pub(crate) data_change: bool,
}

/// Writes a file under the table's root and gives its entry for the log.
pub(crate) async fn write_file(store: Arc<dyn ObjectStore>, file: NewFile) -> Result<Add> {
    let NewFile {
        key,
        batches,
        data_change,
    } = file;
    let encoded = tokio::task::spawn_blocking(move || encode(&batches))
        .await
        .map_err(|e| LakeError::storage("encoding a data file", e))??;
    put_file(store, key, encoded, data_change).await
}

async fn put_file(
    store: Arc<dyn ObjectStore>,
    key: PartitionKey,
    encoded: (Vec<u8>, String),
    data_change: bool,
) -> Result<Add> {
    let (bytes, stats) = encoded;
    let path = format!(
        "store_id={}/date={}/{}",
        key.store,
        key.date,
        integrity::name_of(&bytes)
    );
    let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    let location = object_store::path::Path::parse(&path)
        .map_err(|e| LakeError::storage("naming a data file", e))?;
    store
        .put(&location, bytes.into())
        .await
        .map_err(|e| LakeError::storage(format!("writing data file `{path}`"), e))?;
    Ok(Add {
        path,
        partition_values: partition_values(&key),
        size,
        modification_time: SystemClock.now().0 / 1_000,
        data_change,
        stats: Some(stats),
        tags: None,
        deletion_vector: None,
        base_row_id: None,
        default_row_commit_version: None,
        clustering_provider: None,
    })
}

fn encode(batches: &[RecordBatch]) -> Result<(Vec<u8>, String)> {
    let schema = batches.first().map(RecordBatch::schema).ok_or_else(|| {
        LakeError::Inconsistent("a data file without rows was asked for".to_owned())
    })?;
    let mut file = FileEncoder::new(&schema)?;
    for batch in batches {
        file.push(batch)?;
    }
    file.finish()
}

/// A column's place, its missing values, its least and greatest value.
type ColumnRange = (usize, usize, Option<(Value, Value)>);

/// What the Delta protocol keeps of a file's rows: how many, and per column of [`STATS_COLUMNS`] the missing values, the least and
/// the greatest.
pub(crate) struct FileStats {
    schema: SchemaRef,
    rows: usize,
    ranges: Vec<ColumnRange>,
}

impl FileStats {
    pub(crate) fn new(schema: &SchemaRef) -> Self {
        let ranges = schema
            .fields()
            .iter()
            .enumerate()
            .filter(|(_, f)| STATS_COLUMNS.contains(&f.name().as_str()))
            .map(|(i, _)| (i, 0, None))
            .collect();
        Self {
            schema: Arc::clone(schema),
            rows: 0,
            ranges,
        }
    }

    pub(crate) fn push(&mut self, batch: &RecordBatch) {
        self.rows += batch.num_rows();
        for (i, nulls, range) in &mut self.ranges {
            let column = batch.column(*i);
            *nulls += column.null_count();
            if let Some((low, high)) = range_of(column) {
                *range = Some(match range.take() {
                    None => (low, high),
                    Some((least, greatest)) => (lesser(least, low), greater(greatest, high)),
                });
            }
        }
    }

    /// As the Delta protocol has them.
    pub(crate) fn text(self) -> String {
        let (mut least, mut greatest, mut missing) = (Map::new(), Map::new(), Map::new());
        for (i, nulls, range) in self.ranges {
            let name = self.schema.field(i).name();
            missing.insert(name.clone(), json!(nulls));
            if let Some((low, high)) = range {
                least.insert(name.clone(), low);
                greatest.insert(name.clone(), high);
            }
        }
        json!({"numRecords": self.rows, "minValues": least, "maxValues": greatest, "nullCount": missing})
            .to_string()
    }
}

/// Writes one file in memory, batch by batch.
struct FileEncoder {
    writer: ArrowWriter<Vec<u8>>,
    stats: FileStats,
}

fn encoding(e: parquet::errors::ParquetError) -> LakeError {
    LakeError::storage("encoding a data file", e)
}

impl FileEncoder {
    fn new(schema: &SchemaRef) -> Result<Self> {
        let writer = ArrowWriter::try_new(
            Vec::with_capacity(1 << 16),
            Arc::clone(schema),
            Some(properties(schema)),
        )
        .map_err(encoding)?;
        Ok(Self {
            writer,
            stats: FileStats::new(schema),
        })
    }

    fn push(&mut self, batch: &RecordBatch) -> Result<()> {
        self.stats.push(batch);
        self.writer.write(batch).map_err(encoding)
    }

    /// The file's bytes, and its statistics as the Delta protocol has them.
    fn finish(self) -> Result<(Vec<u8>, String)> {
        Ok((
            self.writer.into_inner().map_err(encoding)?,
            self.stats.text(),
        ))
    }
}

fn less(a: &Value, b: &Value) -> bool {
    match (a.as_i64(), b.as_i64()) {
        (Some(a), Some(b)) => a < b,
        // Times are written with a fixed width, so their text sorts as they do.
        _ => a.as_str() < b.as_str(),
    }
}

fn lesser(a: Value, b: Value) -> Value {
    if less(&b, &a) { b } else { a }
}

fn greater(a: Value, b: Value) -> Value {
    if less(&a, &b) { b } else { a }
}

fn range_of(column: &ArrayRef) -> Option<(Value, Value)> {
    match column.data_type() {
        DataType::Utf8 => {
            let text = column.as_string::<i32>();
            Some((json!(min_string(text)?), json!(max_string(text)?)))
        }
        DataType::Int64 => {
            let numbers = column.as_primitive::<Int64Type>();
            Some((json!(min(numbers)?), json!(max(numbers)?)))
        }
        DataType::Int32 => {
            let numbers = column.as_primitive::<Int32Type>();
            Some((json!(min(numbers)?), json!(max(numbers)?)))
        }
        DataType::Timestamp(..) => {
            let times = column.as_primitive::<TimestampMicrosecondType>();
            let text = |micros: i64| {
                chrono::DateTime::from_timestamp_micros(micros)
                    .map(|t| Value::String(t.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()))
            };
            Some((text(min(times)?)?, text(max(times)?)?))
        }
        _ => None,
    }
}

/// Rows of a file in the columns its table has now: a column the file does not have is missing in all rows, one of another type is
/// cast. Files written before there were decimal quantities have whole numbers.
pub(crate) fn in_columns(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    if batch.schema_ref().fields() == schema.fields() {
        return Ok(batch.clone());
    }
    let columns = schema
        .fields()
        .iter()
        .map(|field| match batch.column_by_name(field.name()) {
            Some(column) if column.data_type() == field.data_type() => Ok(Arc::clone(column)),
            Some(column) => cast(column, field.data_type())
                .map_err(|e| LakeError::storage(format!("reading column `{}`", field.name()), e)),
            None => Ok(new_null_array(field.data_type(), batch.num_rows())),
        });
    RecordBatch::try_new(Arc::clone(schema), columns.collect::<Result<_>>()?)
        .map_err(|e| LakeError::storage("reading a data file", e))
}

/// Reads a data file of a table, all columns as the table has them now.
pub(crate) async fn read_rows(
    store: &dyn ObjectStore,
    path: &object_store::path::Path,
    table: &TableName,
) -> Result<Vec<RecordBatch>> {
    let batches = read_file(store, path, None).await?;
    match table_schema(table) {
        Some(schema) => {
            let schema = file_schema(&schema);
            batches.iter().map(|b| in_columns(b, &schema)).collect()
        }
        // Gold is made anew when its columns change.
        None => Ok(batches),
    }
}

/// Joins files of one partition into one with the same rows.
pub(crate) async fn join_files(
    store: Arc<dyn ObjectStore>,
    table: &TableName,
    key: PartitionKey,
    paths: Vec<object_store::path::Path>,
) -> Result<Add> {
    let mut encoder: Option<FileEncoder> = None;
    for path in &paths {
        for batch in read_rows(store.as_ref(), path, table).await? {
            let mut file = match encoder.take() {
                Some(file) => file,
                None => FileEncoder::new(&batch.schema())?,
            };
            let done = tokio::task::spawn_blocking(move || file.push(&batch).map(|()| file))
                .await
                .map_err(|e| LakeError::storage("encoding a data file", e))??;
            encoder = Some(done);
        }
    }
    let file = encoder
        .ok_or_else(|| LakeError::Inconsistent("files to be joined have no rows".to_owned()))?;
    put_file(store, key, file.finish()?, false).await
}

/// Reads a data file, all columns or the named ones, and refuses one that is not what was written: what is read here is often
/// written again, and damage would be given a checksum of its own.
pub(crate) async fn read_file(
    store: &dyn ObjectStore,
    path: &object_store::path::Path,
    columns: Option<&[&str]>,
) -> Result<Vec<RecordBatch>> {
    let context = || format!("reading data file `{path}`");
    let got = store
        .get(path)
        .await
        .map_err(|e| LakeError::storage(context(), e))?;
    let bytes: Bytes = got
        .bytes()
        .await
        .map_err(|e| LakeError::storage(context(), e))?;
    integrity::check(path.as_ref(), &bytes)?;
    decode_file(bytes, columns).map_err(|e| LakeError::storage(context(), e))
}

/// The rows of a data file's bytes, all columns or the named ones.
pub(crate) fn decode_file(
    bytes: Bytes,
    columns: Option<&[&str]>,
) -> std::result::Result<Vec<RecordBatch>, parquet::errors::ParquetError> {
    let mut builder = ParquetRecordBatchReaderBuilder::try_new(bytes)?;
    if let Some(columns) = columns {
        let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
        builder = builder.with_projection(mask);
    }
    builder
        .with_batch_size(64 * 1024)
        .build()?
        .collect::<std::result::Result<Vec<_>, _>>()
        .map_err(Into::into)
}

/// The partition of a file in the log; `None` when it carries no proper one.
pub(crate) fn partition_of(file: &LogicalFileView) -> Option<PartitionKey> {
    partition_of_values(&file.partition_values_map())
}

/// The partition of a log entry's partition values.
pub(crate) fn partition_of_values(
    values: &HashMap<String, Option<String>>,
) -> Option<PartitionKey> {
    Some(PartitionKey {
        store: StoreId::new(values.get("store_id")?.as_deref()?).ok()?,
        date: Date::parse(values.get("date")?.as_deref()?)?,
    })
}

/// Above this many files one sync of the whole file system is cheaper than one of each.
const SYNC_ONE_BY_ONE: usize = 8;

/// Makes files under a local folder and their names durable; returns once they are on disk.
pub(crate) fn sync_files(root: &Path, paths: &[String]) -> std::io::Result<()> {
    if paths.len() > SYNC_ONE_BY_ONE {
        let folder = std::fs::File::open(root)?;
        return rustix::fs::syncfs(&folder).map_err(Into::into);
    }
    let mut folders = std::collections::BTreeSet::new();
    for path in paths {
        let file = root.join(path);
        std::fs::File::open(&file)?.sync_all()?;
        let mut folder = file.parent();
        while let Some(at) = folder
            && at.starts_with(root)
        {
            folders.insert(at.to_path_buf());
            folder = at.parent();
        }
    }
    folders
        .iter()
        .try_for_each(|folder| std::fs::File::open(folder)?.sync_all())
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{StringArray, TimestampMicrosecondArray};
    use arrow::datatypes::{Field, Schema};

    #[tokio::test]
    async fn a_file_comes_back_with_its_range_of_times() {
        let schema = Arc::new(Schema::new(vec![
            Field::new("time", crate::schema::time_type(), true),
            Field::new("raw", DataType::Utf8, true),
        ]));
        let batch = RecordBatch::try_new(
            schema,
            vec![
                Arc::new(
                    TimestampMicrosecondArray::from(vec![Some(3_000_001), None, Some(1)])
                        .with_timezone("UTC"),
                ),
                Arc::new(StringArray::from(vec!["a", "b", "c"])),
            ],
        )
        .unwrap();
        let store: Arc<dyn ObjectStore> = Arc::new(object_store::memory::InMemory::new());
        let key = PartitionKey {
            store: StoreId::new("s").unwrap(),
            date: Date(0),
        };
        let add = write_file(
            Arc::clone(&store),
            NewFile {
                key: key.clone(),
                batches: vec![batch.clone()],
                data_change: true,
            },
        )
        .await
        .unwrap();
        let stats: Value = serde_json::from_str(add.stats.as_deref().unwrap()).unwrap();
        assert_eq!(stats["numRecords"], 3);
        assert_eq!(stats["minValues"]["time"], "1970-01-01T00:00:00.000001Z");
        assert_eq!(stats["maxValues"]["time"], "1970-01-01T00:00:03.000001Z");
        assert_eq!(stats["nullCount"]["time"], 1);
        assert_eq!(partition_of_values(&add.partition_values), Some(key));
        let read = read_file(
            store.as_ref(),
            &object_store::path::Path::from(add.path),
            Some(&["raw"]),
        )
        .await
        .unwrap();
        assert_eq!(read[0].num_columns(), 1);
        assert_eq!(read[0].column(0), batch.column(1));
    }
}
