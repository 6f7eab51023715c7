//! A live table seen through a scope (T1): the condition on `store_id` is part of the scan itself, below everything a user writes.
//! Tables of the lake are made of the files of the scope's stores instead.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::DFSchema;
use datafusion::datasource::TableType;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::TableProviderFilterPushDown;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter::FilterExecBuilder;
use datafusion::prelude::Expr;

const STORE: &str = "store_id";

/// Wraps a table so that only rows within the scope leave it.
#[derive(Debug)]
pub(crate) struct ScopedTable {
    inner: Arc<dyn TableProvider>,
    filter: Expr,
    store_column: usize,
}

/// The table through the scope; `None` when the scope may not see the table at all.
pub(crate) fn scoped(
    inner: Arc<dyn TableProvider>,
    filter: Option<Expr>,
) -> Option<Arc<dyn TableProvider>> {
    let Some(filter) = filter else {
        return Some(inner);
    };
    let store_column = inner.schema().index_of(STORE).ok()?;
    Some(Arc::new(ScopedTable {
        inner,
        filter,
        store_column,
    }))
}

#[async_trait]
impl TableProvider for ScopedTable {
    fn schema(&self) -> SchemaRef {
        self.inner.schema()
    }

    fn table_type(&self) -> TableType {
        self.inner.table_type()
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        self.inner.supports_filters_pushdown(filters)
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        // The store's column is read whether or not the user asked for it. The limit stays above: rows are still to be
        // filtered.
        let asked: Vec<usize> = projection
            .cloned()
            .unwrap_or_else(|| (0..self.schema().fields().len()).collect());
        let mut read = asked.clone();
        if !read.contains(&self.store_column) {
            read.push(self.store_column);
        }
        let mut pushed = filters.to_vec();
        // So that the table need not make what is not asked for; the filter above it is what counts.
        pushed.push(self.filter.clone());
        let plan = self.inner.scan(state, Some(&read), &pushed, None).await?;
        let columns = DFSchema::try_from(plan.schema().as_ref().clone())?;
        let predicate = state.create_physical_expr(self.filter.clone(), &columns)?;
        let keep = (asked.len() < read.len()).then(|| (0..asked.len()).collect());
        Ok(Arc::new(
            FilterExecBuilder::new(predicate, plan)
                .apply_projection(keep)?
                .build()?,
        ))
    }

    async fn insert_into(
        &self,
        _state: &dyn Session,
        _input: Arc<dyn ExecutionPlan>,
        _op: datafusion::logical_expr::dml::InsertOp,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Err(DataFusionError::Plan("tables are read only".to_owned()))
    }
}
