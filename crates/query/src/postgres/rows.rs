//! Rows as the protocol sends them: values in text as PostgreSQL writes them, in the session's zone.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::ParamValues;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::DataFrame;
use datafusion_postgres::arrow_pg::datatypes::{arrow_schema_to_pg_fields, df, into_pg_type};
use datafusion_postgres::arrow_pg::row_encoder::RowEncoder;
use futures::StreamExt as _;
use pgwire::api::portal::{Format, Portal};
use pgwire::api::results::{FieldFormat, FieldInfo, QueryResponse};
use pgwire::api::{ClientInfo, Type};
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::types::format::FormatOptions;

use super::wording::to_pg;
use crate::dialect::names;
use crate::error::QueryError;
use crate::functions::texts;
use crate::session::Session;
use crate::settings::Settings;

/// The columns of an answer, by the names the client is told.
pub(super) fn described(schema: &Schema, format: &Format) -> PgWireResult<Vec<FieldInfo>> {
    let fields = schema.fields().iter().map(|field| {
        let told = names::shown(field.name()).to_owned();
        field.as_ref().clone().with_name(told)
    });
    arrow_schema_to_pg_fields(&Schema::new(fields.collect::<Vec<Field>>()), format, None)
}

/// Whether a value's text is ours to write: those of the library's are not PostgreSQL's.
fn is_written_here(kind: &DataType) -> bool {
    matches!(
        kind,
        DataType::Timestamp(..)
            | DataType::Time32(_)
            | DataType::Time64(_)
            | DataType::Interval(_)
            | DataType::Duration(_)
            | DataType::Float64
            | DataType::Decimal128(..)
            | DataType::List(_)
    )
}

/// Runs a plan and sends its rows.
pub(super) async fn response<C: ClientInfo + ?Sized>(
    session: &Session,
    client: &C,
    frame: DataFrame,
    format: &Format,
) -> PgWireResult<QueryResponse> {
    let options = Arc::new(FormatOptions::from_client_metadata(client.metadata()));
    let schema = Arc::clone(frame.schema().inner());
    let told = described(&schema, format)?;
    let written: Vec<bool> = told
        .iter()
        .zip(schema.fields())
        .map(|(told, field)| {
            told.format() == FieldFormat::Text && is_written_here(field.data_type())
        })
        .collect();
    let encoded: Vec<FieldInfo> = told
        .iter()
        .zip(&written)
        .map(|(told, written)| {
            let kind = if *written {
                Type::TEXT
            } else {
                told.datatype().clone()
            };
            FieldInfo::new(told.name().to_owned(), None, None, kind, told.format())
                .with_format_options(Arc::clone(&options))
        })
        .collect();
    let (encoded, settings) = (Arc::new(encoded), Arc::clone(&session.settings));
    let tables = session.tables.clone();
    let batches = frame
        .execute_stream()
        .await
        .map_err(|e| to_pg(&QueryError::from_datafusion(e, &tables)))?;
    let rows = batches
        .map(move |batch| {
            let rows = batch
                .map_err(|e| to_pg(&QueryError::from_datafusion(e, &tables)))
                .and_then(|batch| in_text(&batch, &written, &settings));
            let rows: Box<dyn Iterator<Item = _> + Send> = match rows {
                Ok(batch) => {
                    let mut rows = RowEncoder::new(batch, Arc::clone(&encoded));
                    Box::new(std::iter::from_fn(move || rows.next_row()))
                }
                Err(error) => Box::new(std::iter::once(Err(error))),
            };
            futures::stream::iter(rows)
        })
        .flatten();
    Ok(QueryResponse::new(Arc::new(told), rows))
}

/// The batch with texts in place of the values that are written here.
fn in_text(
    batch: &RecordBatch,
    written: &[bool],
    settings: &Settings,
) -> PgWireResult<RecordBatch> {
    let failed = |e| to_pg(&QueryError::from_datafusion(e, &[]));
    let (mut fields, mut columns): (Vec<Field>, Vec<ArrayRef>) = (Vec::new(), Vec::new());
    let schema = batch.schema();
    for ((field, column), written) in schema.fields().iter().zip(batch.columns()).zip(written) {
        if *written {
            columns.push(Arc::new(texts(column, settings).map_err(failed)?));
            fields.push(Field::new(field.name(), DataType::Utf8, true));
        } else {
            columns.push(Arc::clone(column));
            fields.push(field.as_ref().clone());
        }
    }
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &rows)
        .map_err(|e| PgWireError::ApiError(Box::new(e)))
}

/// The types of a plan's parameters, in the order of their numbers.
fn parameter_types(plan: &LogicalPlan) -> PgWireResult<Vec<Option<DataType>>> {
    let types = plan
        .get_parameter_types()
        .map_err(|e| to_pg(&QueryError::from_datafusion(e, &[])))?;
    let mut types: Vec<(usize, Option<DataType>)> = types
        .into_iter()
        .filter_map(|(name, kind)| Some((name.trim_start_matches('$').parse().ok()?, kind)))
        .collect();
    types.sort_by_key(|(number, _)| *number);
    Ok(types.into_iter().map(|(_, kind)| kind).collect())
}

/// The type of a parameter that the client says is a whole number or a double.
fn sent_as<S: Clone>(portal: &Portal<S>, parameter: usize) -> Option<&'static DataType> {
    let kind = portal.statement.parameter_types.get(parameter)?.as_ref()?;
    if [Type::INT2, Type::INT4, Type::INT8].contains(kind) {
        Some(&DataType::Int64)
    } else if [Type::FLOAT4, Type::FLOAT8].contains(kind) {
        Some(&DataType::Float64)
    } else {
        None
    }
}

/// The plan with the values a client bound.
pub(super) fn bound<S: Clone>(plan: &LogicalPlan, portal: &Portal<S>) -> PgWireResult<LogicalPlan> {
    let types = parameter_types(plan)?;
    if types.is_empty() {
        return Ok(plan.clone());
    }
    let wire: Vec<Type> = types
        .iter()
        .map(|kind| kind.as_ref().map_or(Ok(Type::UNKNOWN), into_pg_type))
        .collect::<PgWireResult<_>>()?;
    let inferred: Vec<Option<&DataType>> = types
        .iter()
        .enumerate()
        .map(|(i, kind)| match (kind, sent_as(portal, i)) {
            // The library reads no whole number or double for a decimal; as what they are, they are compared with it.
            (Some(DataType::Decimal128(..)), Some(number)) => Some(number),
            (kind, _) => kind.as_ref(),
        })
        .collect();
    let wire: Vec<Option<&Type>> = wire.iter().map(Some).collect();
    let values: ParamValues =
        df::deserialize_parameters_with_server_types(portal, &inferred, &wire)?;
    plan.clone()
        .replace_params_with_values(&values)
        .map_err(|e| to_pg(&QueryError::from_datafusion(e, &[])))
}
