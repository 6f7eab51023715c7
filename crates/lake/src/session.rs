//! DataFusion over the lake's own snapshots: table providers, and the session gold is computed in.

use std::sync::Arc;

use datafusion::catalog::{
    CatalogProvider as _, MemoryCatalogProvider, MemorySchemaProvider, TableProvider,
};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use tradewind_model::StoreId;

use crate::error::{LakeError, Result};
use crate::lake::Lake;
use crate::layout::TableName;
use crate::scan::{LakeTable, Texts};

/// The least memory of the queries that compute gold; beyond theirs they spill to disk.
const LEAST_MEMORY: usize = 512 << 20;
/// The most.
const MOST_MEMORY: usize = 4 << 30;

/// An eighth of the machine's memory, within bounds. It is shared evenly by the steps of a query, about a dozen, of which each
/// must hold some batches and groups before it can spill.
fn query_memory() -> usize {
    let kibibytes = std::fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
            line.split_whitespace().nth(1)?.parse::<usize>().ok()
        });
    let eighth = kibibytes.map_or(LEAST_MEMORY, |k| k.saturating_mul(1024) / 8);
    eighth.clamp(LEAST_MEMORY, MOST_MEMORY)
}

impl Lake {
    /// A table as people's queries read it: the rows of some stores in its newest version, or no rows while it has none. Texts
    /// are views.
    ///
    /// # Errors
    /// [`LakeError`] when the table's log cannot be read or its columns are unknown.
    pub async fn provider(
        &self,
        table: &TableName,
        seen: impl Fn(&StoreId) -> bool + Send + Sync + 'static,
    ) -> Result<Arc<dyn TableProvider>> {
        self.scanned(table, Texts::Views, seen).await
    }

    async fn scanned(
        &self,
        table: &TableName,
        texts: Texts,
        seen: impl Fn(&StoreId) -> bool + Send + Sync + 'static,
    ) -> Result<Arc<dyn TableProvider>> {
        let handle = self.handle(table);
        // Of a fixed table they are today's, also while the log still tells of those it was made with. Gold is made anew when its
        // columns change; until then it is read as it is.
        let columns = match (table, handle.columns().await?) {
            (TableName::Gold(_), Some(columns)) => columns,
            _ => self.columns(table).await?,
        };
        let table = LakeTable::new(&columns, texts, handle, Box::new(seen))
            .map_err(|e| LakeError::query(format!("preparing `{table}`"), e))?;
        Ok(Arc::new(table))
    }

    /// A session over some tables, for the lake's own queries.
    pub(crate) async fn query_session(&self, tables: &[TableName]) -> Result<SessionContext> {
        let wrong = |e| LakeError::query("starting a query session", e);
        let config = SessionConfig::new()
            .with_default_catalog_and_schema("tradewind", "silver")
            .with_create_default_catalog_and_schema(false)
            .with_information_schema(false);
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(query_memory())))
            .build_arc()
            .map_err(wrong)?;
        let context = SessionContext::new_with_config_rt(config, runtime);
        let catalog = Arc::new(MemoryCatalogProvider::new());
        for table in tables {
            let schema = match catalog.schema(table.schema()) {
                Some(schema) => schema,
                None => {
                    let schema = Arc::new(MemorySchemaProvider::new());
                    catalog
                        .register_schema(table.schema(), Arc::clone(&schema) as _)
                        .map_err(wrong)?;
                    schema
                }
            };
            schema
                .register_table(
                    table.name().to_owned(),
                    self.scanned(table, Texts::Plain, |_| true).await?,
                )
                .map_err(wrong)?;
        }
        context.register_catalog("tradewind", catalog);
        Ok(context)
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray as _;
    use arrow::datatypes::Int64Type;

    use crate::testing::{TRADES, TestLake, USERS, view};

    #[test]
    fn a_plan_made_long_ago_sees_what_is_newest_everywhere_in_it() {
        let test = TestLake::new();
        let event = |id: &str| view(id, "p", "2026-11-10T12:00:00Z");
        test.send(USERS, 0, &[&event("a")]);
        let tables = test.lake.tables();
        let context = test.block_on(test.lake.query_session(&tables)).unwrap();
        let sql = "SELECT count(a.event_id), (SELECT count(b.event_id) FROM silver.events b WHERE b.date > DATE '2020-01-01') FROM silver.events a";
        let plan = test.block_on(context.sql(sql)).unwrap();
        let plan = plan.into_unoptimized_plan();
        let counts = || {
            let rows = test.block_on(async {
                let frame = context.execute_logical_plan(plan.clone()).await.unwrap();
                frame.collect().await.unwrap()
            });
            let count = |i: usize| rows[0].column(i).as_primitive::<Int64Type>().value(0);
            (count(0), count(1))
        };
        assert_eq!(counts(), (1, 1));
        test.send(USERS, 1, &[&event("b"), &event("c")]);
        assert_eq!(counts(), (3, 3));
    }

    #[test]
    fn filters_on_date_time_and_topic_skip_files() {
        let test = TestLake::new();
        let days = ["10", "11", "12"].map(|d| view("v", "p", &format!("2026-11-{d}T12:00:00Z")));
        test.send(USERS, 0, &days.each_ref().map(String::as_str));
        test.send(TRADES, 0, &[r#"{"type":"payment_failed","time":"2026-11-10T12:00:00Z","order":{"order_id":"o"}}"#]);
        let files = |filter: &str| {
            let plan = test.table(&format!(
                "EXPLAIN SELECT event_id FROM silver.events WHERE {filter}"
            ));
            plan.matches(".zstd.parquet").count()
        };
        assert_eq!(files("true"), 4);
        assert_eq!(files("date = DATE '2026-11-10'"), 2);
        assert_eq!(files("store_id = 'another'"), 0);
        assert_eq!(files("time >= TIMESTAMP '2026-11-12T00:00:00Z'"), 1);
        assert_eq!(files("topic = 'transactions'"), 1);
    }
}
