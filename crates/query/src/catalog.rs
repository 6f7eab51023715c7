//! The one catalog, `tradewind`, with the schemas live, bronze, silver, gold and system.
//!
//! A table is looked up when a query is planned, so each query sees the newest snapshot and a session never grows stale.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};
use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, SchemaProvider, TableProvider};
use datafusion::common::Column;
use datafusion::datasource::{TableType, ViewTable, provider_as_source};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, cast};
use tradewind_lake::{Lake, TableName};

use crate::live::{LiveProvider, LiveTable, LiveTables};
use crate::pg_catalog::{Catalog, CatalogSchema};
use crate::scope::Scope;
use crate::settings::{Settings, Zone};

/// The catalog's name.
pub const CATALOG: &str = "tradewind";
/// The schema of names without one, until a session sets its search path.
pub const DEFAULT_SCHEMA: &str = "silver";
/// Stands for the search path where DataFusion wants one schema. It is no name one can write without quotes.
pub(crate) const SEARCH_PATH: &str = "$search_path";

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

    /// The catalog as a session sees it.
    pub(crate) fn catalog(&self, session: &Arc<Catalog>) -> SessionCatalog {
        let (scope, settings) = (&session.scope, &session.settings);
        let mut schemas: Vec<(&'static str, Arc<dyn SchemaProvider>)> = Vec::new();
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
                settings: Arc::clone(settings),
            };
            schemas.push((schema, Arc::new(live)));
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
                settings: Arc::clone(settings),
            };
            schemas.push((schema, Arc::new(lake)));
        }
        for schema in ["pg_catalog", "information_schema"] {
            let catalog = CatalogSchema {
                schema,
                catalog: Arc::clone(session),
            };
            schemas.push((schema, Arc::new(catalog)));
        }
        SessionCatalog {
            schemas,
            settings: Arc::clone(settings),
        }
    }
}

/// A session's catalog. Names without a schema are looked for along the session's search path.
#[derive(Debug)]
pub(crate) struct SessionCatalog {
    schemas: Vec<(&'static str, Arc<dyn SchemaProvider>)>,
    settings: Arc<Settings>,
}

impl SessionCatalog {
    fn find(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        let found = self.schemas.iter().find(|(known, _)| *known == name);
        found.map(|(_, schema)| Arc::clone(schema))
    }
}

impl CatalogProvider for SessionCatalog {
    fn schema_names(&self) -> Vec<String> {
        self.schemas
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        if name != SEARCH_PATH {
            return self.find(name);
        }
        let mut path = self.settings.path();
        // As PostgreSQL does it: its own catalog comes first unless the path says where.
        if !path.iter().any(|schema| schema == "pg_catalog") {
            path.insert(0, "pg_catalog".to_owned());
        }
        let schemas = path.iter().filter_map(|schema| self.find(schema)).collect();
        Some(Arc::new(SearchPath(schemas)))
    }
}

/// The schemas of a search path, in turn.
#[derive(Debug)]
struct SearchPath(Vec<Arc<dyn SchemaProvider>>);

#[async_trait]
impl SchemaProvider for SearchPath {
    fn table_names(&self) -> Vec<String> {
        self.0
            .iter()
            .flat_map(|schema| schema.table_names())
            .collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        match self.0.iter().find(|schema| schema.table_exist(name)) {
            Some(schema) => schema.table(name).await,
            None => Ok(None),
        }
    }

    fn table_exist(&self, name: &str) -> bool {
        self.0.iter().any(|schema| schema.table_exist(name))
    }
}

/// A table whose times are of the session's zone. They are the same moments: only their type, by which they are shown and
/// counted into days and hours, says another zone than the UTC of the files.
fn in_zone(provider: Arc<dyn TableProvider>, zone: &Zone) -> Result<Arc<dyn TableProvider>> {
    let schema = provider.schema();
    let is_moment = |kind: &DataType| matches!(kind, DataType::Timestamp(_, Some(_)));
    if zone.is_utc()
        || !schema
            .fields()
            .iter()
            .any(|field| is_moment(field.data_type()))
    {
        return Ok(provider);
    }
    let columns: Vec<Expr> = schema
        .fields()
        .iter()
        .map(|field| {
            let column = Expr::Column(Column::from_name(field.name()));
            if is_moment(field.data_type()) {
                let moment =
                    DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::clone(zone.arrow())));
                cast(column, moment).alias(field.name())
            } else {
                column
            }
        })
        .collect();
    let plan = LogicalPlanBuilder::scan("stored", provider_as_source(provider), None)?
        .project(columns)?
        .build()?;
    Ok(Arc::new(ViewTable::new(plan, None)))
}

struct LakeSchema {
    tables: Vec<TableName>,
    lake: Arc<Lake>,
    scope: Scope,
    settings: Arc<Settings>,
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
        in_zone(provider, &self.settings.zone()).map(Some)
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
    settings: Arc<Settings>,
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
        in_zone(Arc::new(provider), &self.settings.zone()).map(Some)
    }

    async fn table_type(&self, name: &str) -> Result<Option<TableType>> {
        Ok(self.table_exist(name).then_some(TableType::View))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.tables.iter().any(|t| t.name == name)
    }
}
