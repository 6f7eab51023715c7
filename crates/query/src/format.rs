//! Results as people and programs take them: a table, CSV, JSON or an Arrow stream.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, StringArray};
use arrow::datatypes::{
    DataType, Decimal128Type, Field, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, Schema, SchemaRef, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::{Map, Value, json};

use crate::error::QueryError;

/// A result, whole.
#[derive(Debug, Clone)]
pub struct QueryResult {
    /// Names and types of the columns.
    pub schema: SchemaRef,
    /// The rows.
    pub batches: Vec<RecordBatch>,
    /// Whether there were more rows than allowed.
    pub truncated: bool,
}

/// How a result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResultFormat {
    /// A drawn table for terminals.
    Table,
    /// RFC 4180 with a header line; nothing for a missing value.
    Csv,
    /// `{"columns":[{"name","type"}],"rows":[[…]],"truncated":false}`; money, dates and times as text.
    Json,
    /// The Arrow IPC stream format.
    Arrow,
}

impl ResultFormat {
    /// The format of a word: `table`, `csv`, `json`, `arrow`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "table" => Some(Self::Table),
            "csv" => Some(Self::Csv),
            "json" => Some(Self::Json),
            "arrow" => Some(Self::Arrow),
            _ => None,
        }
    }

    /// The first known format of an HTTP `Accept`; `None` when it names only others. Nothing in particular means JSON.
    #[must_use]
    pub fn from_accept(accept: &str) -> Option<Self> {
        accept.split(',').find_map(
            |part| match part.split(';').next().unwrap_or_default().trim() {
                "application/json" | "application/*" | "*/*" | "" => Some(Self::Json),
                "text/csv" => Some(Self::Csv),
                "application/vnd.apache.arrow.stream" => Some(Self::Arrow),
                "text/plain" | "text/*" => Some(Self::Table),
                _ => None,
            },
        )
    }

    /// The media type of the format.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Table => "text/plain; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Json => "application/json",
            Self::Arrow => "application/vnd.apache.arrow.stream",
        }
    }
}

impl QueryResult {
    /// Rows in the result.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// Reads what [`ResultFormat::Arrow`] wrote.
    ///
    /// # Errors
    /// [`QueryError`] when the bytes are no Arrow stream.
    pub fn from_arrow(bytes: &[u8], truncated: bool) -> Result<Self, QueryError> {
        let wrong =
            |e: arrow::error::ArrowError| QueryError::internal("the answer is no Arrow stream", e);
        let reader = StreamReader::try_new(bytes, None).map_err(wrong)?;
        Ok(Self {
            schema: reader.schema(),
            batches: reader.collect::<Result<_, _>>().map_err(wrong)?,
            truncated,
        })
    }

    /// The result in a format.
    ///
    /// # Errors
    /// [`QueryError`] when a value cannot be written.
    pub fn to_bytes(&self, format: ResultFormat) -> Result<Vec<u8>, QueryError> {
        let wrong =
            |e: arrow::error::ArrowError| QueryError::internal("the result cannot be written", e);
        match format {
            ResultFormat::Table => {
                let empty = [RecordBatch::new_empty(SchemaRef::clone(&self.schema))];
                let batches = if self.batches.is_empty() {
                    &empty[..]
                } else {
                    &self.batches[..]
                };
                let mut text = arrow::util::pretty::pretty_format_batches(batches)
                    .map_err(wrong)?
                    .to_string();
                text.push('\n');
                if self.truncated {
                    text.push_str("(there are more rows)\n");
                }
                Ok(text.into_bytes())
            }
            ResultFormat::Csv => self.to_csv().map_err(wrong),
            ResultFormat::Json => self.to_json().map_err(wrong),
            ResultFormat::Arrow => {
                let mut writer = StreamWriter::try_new(Vec::new(), &self.schema).map_err(wrong)?;
                for batch in &self.batches {
                    writer.write(batch).map_err(wrong)?;
                }
                writer.finish().map_err(wrong)?;
                writer.into_inner().map_err(wrong)
            }
        }
    }

    /// Lists, structs and maps are written as the text that JSON answers have for them.
    fn to_csv(&self) -> Result<Vec<u8>, arrow::error::ArrowError> {
        let mut writer = arrow::csv::WriterBuilder::new()
            .with_header(true)
            .build(Vec::new());
        let empty = RecordBatch::new_empty(SchemaRef::clone(&self.schema));
        writer.write(&nested_as_text(&empty)?)?;
        for batch in &self.batches {
            writer.write(&nested_as_text(batch)?)?;
        }
        Ok(writer.into_inner())
    }

    fn to_json(&self) -> Result<Vec<u8>, arrow::error::ArrowError> {
        let columns: Vec<Value> = self
            .schema
            .fields()
            .iter()
            .map(|f| json!({"name": f.name(), "type": type_name(f.data_type())}))
            .collect();
        let mut rows: Vec<Value> = Vec::with_capacity(self.rows());
        for batch in &self.batches {
            let cells: Vec<Vec<Value>> = batch
                .columns()
                .iter()
                .map(json_column)
                .collect::<Result<_, _>>()?;
            let mut columns: Vec<_> = cells.into_iter().map(Vec::into_iter).collect();
            for _ in 0..batch.num_rows() {
                rows.push(Value::Array(
                    columns
                        .iter_mut()
                        .map(|c| c.next().unwrap_or(Value::Null))
                        .collect(),
                ));
            }
        }
        let mut out = Map::new();
        out.insert("columns".to_owned(), Value::Array(columns));
        out.insert("rows".to_owned(), Value::Array(rows));
        out.insert("truncated".to_owned(), Value::Bool(self.truncated));
        Ok(Value::Object(out).to_string().into_bytes())
    }
}

/// A type's name as SQL people know it.
fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text".to_owned(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "bytes".to_owned(),
        DataType::Boolean => "boolean".to_owned(),
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::UInt8 | DataType::UInt16 => {
            "integer".to_owned()
        }
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => "bigint".to_owned(),
        DataType::Float16 | DataType::Float32 | DataType::Float64 => "double".to_owned(),
        DataType::Decimal128(p, s) | DataType::Decimal256(p, s) => format!("decimal({p},{s})"),
        DataType::Date32 | DataType::Date64 => "date".to_owned(),
        DataType::Timestamp(..) => "timestamp".to_owned(),
        DataType::Dictionary(_, value) => type_name(value),
        other => other.to_string().to_lowercase(),
    }
}

fn json_column(column: &arrow::array::ArrayRef) -> Result<Vec<Value>, arrow::error::ArrowError> {
    macro_rules! numbers {
        ($kind:ty) => {
            Ok(column
                .as_primitive::<$kind>()
                .iter()
                .map(|v| v.map_or(Value::Null, |v| json!(v)))
                .collect())
        };
    }
    match column.data_type() {
        DataType::Null => Ok(vec![Value::Null; column.len()]),
        DataType::Boolean => Ok(column
            .as_boolean()
            .iter()
            .map(|v| v.map_or(Value::Null, Value::Bool))
            .collect()),
        DataType::Int8 => numbers!(Int8Type),
        DataType::Int16 => numbers!(Int16Type),
        DataType::Int32 => numbers!(Int32Type),
        DataType::Int64 => numbers!(Int64Type),
        DataType::UInt8 => numbers!(UInt8Type),
        DataType::UInt16 => numbers!(UInt16Type),
        DataType::UInt32 => numbers!(UInt32Type),
        DataType::UInt64 => numbers!(UInt64Type),
        DataType::Float32 => numbers!(Float32Type),
        DataType::Float64 => numbers!(Float64Type),
        DataType::Utf8 => Ok(column.as_string::<i32>().iter().map(text).collect()),
        DataType::LargeUtf8 => Ok(column.as_string::<i64>().iter().map(text).collect()),
        DataType::Utf8View => Ok(column.as_string_view().iter().map(text).collect()),
        // Whole numbers, such as sums of counts, are numbers as long as every reader keeps them exact.
        DataType::Decimal128(_, 0) => Ok(column
            .as_primitive::<Decimal128Type>()
            .iter()
            .map(|value| match value {
                None => Value::Null,
                Some(value) => match i64::try_from(value) {
                    Ok(small) if small.unsigned_abs() <= 1 << 53 => json!(small),
                    _ => Value::String(value.to_string()),
                },
            })
            .collect()),
        _ => {
            let options = FormatOptions::default();
            let formatter = ArrayFormatter::try_new(column.as_ref(), &options)?;
            (0..column.len())
                .map(|row| {
                    if column.is_null(row) {
                        return Ok(Value::Null);
                    }
                    Ok(Value::String(formatter.value(row).try_to_string()?))
                })
                .collect()
        }
    }
}

fn text(value: Option<&str>) -> Value {
    value.map_or(Value::Null, |v| Value::String(v.to_owned()))
}

/// The batch with the text of values that lie within others, which CSV knows nothing of.
fn nested_as_text(batch: &RecordBatch) -> Result<RecordBatch, arrow::error::ArrowError> {
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns());
    let columns = columns
        .map(|(field, column)| {
            if !column.data_type().is_nested() {
                return Ok((field.as_ref().clone(), Arc::clone(column)));
            }
            let shown = ArrayFormatter::try_new(column, &FormatOptions::default())?;
            let text: StringArray = (0..column.len())
                .map(|row| column.is_valid(row).then(|| shown.value(row).to_string()))
                .collect();
            let field = field.as_ref().clone().with_data_type(DataType::Utf8);
            Ok((field, Arc::new(text) as ArrayRef))
        })
        .collect::<Result<Vec<_>, arrow::error::ArrowError>>()?;
    let (fields, columns): (Vec<Field>, Vec<ArrayRef>) = columns.into_iter().unzip();
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Date32Array, Decimal128Array, Int64Array};

    fn result() -> QueryResult {
        let schema = Arc::new(Schema::new(vec![
            Field::new("city", DataType::Utf8, true),
            Field::new("orders", DataType::Int64, true),
            Field::new("revenue", DataType::Decimal128(18, 4), true),
            Field::new("date", DataType::Date32, true),
        ]));
        let batch = RecordBatch::try_new(
            Arc::clone(&schema),
            vec![
                Arc::new(StringArray::from(vec![Some("Köln, \"Dom\""), None])),
                Arc::new(Int64Array::from(vec![Some(2), None])),
                Arc::new(
                    Decimal128Array::from(vec![Some(199_900), None])
                        .with_precision_and_scale(18, 4)
                        .unwrap(),
                ),
                Arc::new(Date32Array::from(vec![Some(0), None])),
            ],
        )
        .unwrap();
        QueryResult {
            schema,
            batches: vec![batch],
            truncated: false,
        }
    }

    #[test]
    fn m1_json_keeps_money_exact() {
        let text = String::from_utf8(result().to_bytes(ResultFormat::Json).unwrap()).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            value["rows"][0],
            json!(["Köln, \"Dom\"", 2, "19.9900", "1970-01-01"])
        );
        assert_eq!(value["rows"][1], json!([null, null, null, null]));
        assert_eq!(
            value["columns"][2],
            json!({"name": "revenue", "type": "decimal(18,4)"})
        );
        assert_eq!(value["truncated"], false);
    }

    #[test]
    fn csv_quotes_what_needs_it() {
        let text = String::from_utf8(result().to_bytes(ResultFormat::Csv).unwrap()).unwrap();
        assert_eq!(
            text,
            "city,orders,revenue,date\n\"Köln, \"\"Dom\"\"\",2,19.9900,1970-01-01\n,,,\n"
        );
    }

    #[test]
    fn csv_writes_lists_as_text() {
        use arrow::array::ListArray;
        let lists = ListArray::from_iter_primitive::<Int64Type, _, _>([
            Some(vec![Some(1), None, Some(3)]),
            None,
        ]);
        let schema = Schema::new(vec![Field::new("l", lists.data_type().clone(), true)]);
        let schema = Arc::new(schema);
        let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(lists)]).unwrap();
        let lists = QueryResult {
            schema,
            batches: vec![batch],
            truncated: false,
        };
        let text = |result: &QueryResult| {
            String::from_utf8(result.to_bytes(ResultFormat::Csv).unwrap()).unwrap()
        };
        assert_eq!(text(&lists), "l\n\"[1, , 3]\"\n\"\"\n");
        let none = QueryResult {
            batches: Vec::new(),
            ..lists
        };
        assert_eq!(text(&none), "l\n");
    }

    #[test]
    fn a_result_without_rows_still_shows_its_columns() {
        let empty = QueryResult {
            batches: Vec::new(),
            ..result()
        };
        assert_eq!(
            String::from_utf8(empty.to_bytes(ResultFormat::Csv).unwrap()).unwrap(),
            "city,orders,revenue,date\n"
        );
        assert!(
            String::from_utf8(empty.to_bytes(ResultFormat::Table).unwrap())
                .unwrap()
                .contains("revenue")
        );
        assert!(!empty.to_bytes(ResultFormat::Arrow).unwrap().is_empty());
    }

    #[test]
    fn accept_chooses_the_format() {
        assert_eq!(
            ResultFormat::from_accept("text/csv;q=0.9, */*"),
            Some(ResultFormat::Csv)
        );
        assert_eq!(ResultFormat::from_accept(""), Some(ResultFormat::Json));
        assert_eq!(ResultFormat::from_accept("image/png"), None);
    }
}
