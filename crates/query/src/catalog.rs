//! The one catalog, `tradewind`, with the schemas live, bronze, silver, gold and system.
//!
//! A table is looked up when a query is planned, so each query sees the newest snapshot and a session never grows stale.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{
    CatalogProvider as _, MemoryCatalogProvider, SchemaProvider, TableProvider,
};
use datafusion::datasource::TableType;
use datafusion::error::{DataFusionError, Result};
use tradewind_lake::{Lake, TableName};

use crate::live::{LiveProvider, LiveTable, LiveTables};
use crate::scope::Scope;

/// The catalog's name.
pub const CATALOG: &str = "tradewind";
/// The schema of names without one.
pub const DEFAULT_SCHEMA: &str = "silver";

/// Where tables come from.
#[derive(Clone)]
pub(crate) struct Sources {
    pub(crate) lake: Arc<Lake>,
    pub(crate) live: Arc<dyn LiveTables>,
}

impl Sources {
    /// `schema.table` of everything a scope may see.
    pub(crate) fn names(&self, scope: &Scope) -> Vec<String> {
        let lake = self.lake.tables().into_iter().map(|t| t.to_string());
        let live = self
            .visible(scope)
            .into_iter()
            .map(|t| format!("{}.{}", t.schema, t.name));
        lake.chain(live).collect()
    }

    fn visible(&self, scope: &Scope) -> Vec<LiveTable> {
        let all = *scope == Scope::All;
        self.live
            .tables()
            .into_iter()
            .filter(|t| all || t.columns.index_of("store_id").is_ok())
            .collect()
    }

    /// The catalog as a scope sees it.
    pub(crate) fn catalog(&self, scope: &Scope) -> Result<Arc<MemoryCatalogProvider>> {
        let catalog = Arc::new(MemoryCatalogProvider::new());
        for schema in ["live", "system"] {
            let tables = self
                .visible(scope)
                .into_iter()
                .filter(|t| t.schema == schema)
                .collect();
            let live = LiveSchema {
                tables,
                source: Arc::clone(&self.live),
                scope: scope.clone(),
            };
            catalog.register_schema(schema, Arc::new(live))?;
        }
        for schema in ["bronze", "silver", "gold"] {
            let tables = self
                .lake
                .tables()
                .into_iter()
                .filter(|t| t.schema() == schema)
                .collect();
            let lake = LakeSchema {
                tables,
                lake: Arc::clone(&self.lake),
                scope: scope.clone(),
            };
            catalog.register_schema(schema, Arc::new(lake))?;
        }
        Ok(catalog)
    }
}

struct LakeSchema {
    tables: Vec<TableName>,
    lake: Arc<Lake>,
    scope: Scope,
}

impl fmt::Debug for LakeSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LakeSchema({:?}, {})", self.tables, self.scope)
    }
}

#[async_trait]
impl SchemaProvider for LakeSchema {
    fn table_names(&self) -> Vec<String> {
        self.tables.iter().map(|t| t.name().to_owned()).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let Some(table) = self.tables.iter().find(|t| t.name() == name) else {
            return Ok(None);
        };
        let scope = self.scope.clone();
        let provider = self
            .lake
            .provider(table, move |store| scope.allows(store))
            .await
            .map_err(|e| DataFusionError::External(Box::new(e)))?;
        Ok(Some(provider))
    }

    async fn table_type(&self, name: &str) -> Result<Option<TableType>> {
        Ok(self.table_exist(name).then_some(TableType::Base))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.tables.iter().any(|t| t.name() == name)
    }
}

struct LiveSchema {
    tables: Vec<LiveTable>,
    source: Arc<dyn LiveTables>,
    scope: Scope,
}

impl fmt::Debug for LiveSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LiveSchema({:?}, {})", self.table_names(), self.scope)
    }
}

#[async_trait]
impl SchemaProvider for LiveSchema {
    fn table_names(&self) -> Vec<String> {
        self.tables.iter().map(|t| t.name.clone()).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let Some(table) = self.tables.iter().find(|t| t.name == name) else {
            return Ok(None);
        };
        let provider = LiveProvider {
            table: table.clone(),
            source: Arc::clone(&self.source),
            scope: self.scope.clone(),
        };
        Ok(Some(Arc::new(provider)))
    }

    async fn table_type(&self, name: &str) -> Result<Option<TableType>> {
        Ok(self.table_exist(name).then_some(TableType::View))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.tables.iter().any(|t| t.name == name)
    }
}
