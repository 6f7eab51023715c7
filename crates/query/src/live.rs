//! What the running server shows beside the lake: live views and system tables.

use std::fmt;
use std::sync::Arc;

use arrow::array::{AsArray as _, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::TableType;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::error::{DataFusionError, Result};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::Expr;

use crate::scope::Scope;

/// A table of `live` or `system`.
#[derive(Debug, Clone)]
pub struct LiveTable {
    /// `live` or `system`.
    pub schema: &'static str,
    /// The name within the schema.
    pub name: String,
    /// Its columns. Rows that belong to a store carry `store_id` as text; a table without that column is shown to
    /// [`Scope::All`] only.
    pub columns: SchemaRef,
}

/// Gives the rows of live and system tables as they are at this moment.
pub trait LiveTables: Send + Sync {
    /// Every table; the same ones for the life of the process.
    fn tables(&self) -> Vec<LiveTable>;

    /// The rows of a table. Rows out of the scope may be left out at once; they are filtered again (T1). Called on a thread
    /// that may block.
    ///
    /// # Errors
    /// A text for the person who asked.
    fn scan(&self, schema: &str, table: &str, scope: &Scope) -> Result<Vec<RecordBatch>, String>;
}

/// No live tables: the lake alone, as without a running server.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoLiveTables;

impl LiveTables for NoLiveTables {
    fn tables(&self) -> Vec<LiveTable> {
        Vec::new()
    }

    fn scan(&self, schema: &str, table: &str, _: &Scope) -> Result<Vec<RecordBatch>, String> {
        Err(format!(
            "there is no table `{schema}.{table}` without a running server"
        ))
    }
}

/// The rows of a scope's stores (T1). Others leave before a condition of the question meets them: one that fails on such a row
/// would tell of it.
fn within(scope: &Scope, batch: &RecordBatch) -> Result<RecordBatch, String> {
    if *scope == Scope::All {
        return Ok(batch.clone());
    }
    let stores = batch
        .column_by_name("store_id")
        .and_then(|column| column.as_string_opt::<i32>())
        .ok_or("the table names no stores")?;
    let seen: BooleanArray = stores
        .iter()
        .map(|store| Some(store.is_some_and(|store| scope.allows_name(store))))
        .collect();
    filter_record_batch(batch, &seen).map_err(|e| e.to_string())
}

/// A live table as DataFusion scans it: one snapshot a scan.
pub(crate) struct LiveProvider {
    pub(crate) table: LiveTable,
    pub(crate) source: Arc<dyn LiveTables>,
    pub(crate) scope: Scope,
}

impl fmt::Debug for LiveProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LiveProvider({}.{})", self.table.schema, self.table.name)
    }
}

#[async_trait]
impl TableProvider for LiveProvider {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.table.columns)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (source, table, scope) = (
            Arc::clone(&self.source),
            self.table.clone(),
            self.scope.clone(),
        );
        let batches = tokio::task::spawn_blocking(move || {
            let batches = source.scan(table.schema, &table.name, &scope)?;
            let seen = batches.iter().map(|batch| within(&scope, batch));
            seen.collect::<Result<Vec<_>, String>>()
        })
        .await
        .map_err(|e| DataFusionError::External(Box::new(e)))?
        .map_err(DataFusionError::Execution)?;
        Ok(MemorySourceConfig::try_new_exec(
            &[batches],
            self.schema(),
            projection.cloned(),
        )?)
    }
}
