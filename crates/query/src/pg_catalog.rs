//! PostgreSQL's system catalog and `information_schema`, as far as a server that only reads has one.
//!
//! What it promises: every relation of PostgreSQL 15's catalog is there with its columns and types; rows tell of the tables
//! that the session sees and of no others (T1); what this server has none of (indexes, constraints, triggers…) is empty.
//! Rows are made when a query asks for them, and kept: opening a session makes none.
//!
//! It takes the place of datafusion-pg-catalog's tables, which tell of PostgreSQL 17's own server; see
//! docs/decisions/0012-postgres-catalog.md.

mod builtin;
mod information_schema;
mod objects;
mod rows;
mod system;
mod types;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arrow::array::RecordBatch;
use async_trait::async_trait;
use datafusion::catalog::{MemTable, SchemaProvider, TableProvider};
use datafusion::datasource::TableType;
use datafusion::error::Result;
use tokio::sync::OnceCell;

pub(crate) use builtin::{OID_ALIAS, find as builtin_relation};
pub(crate) use objects::{OWNER, OWNER_OID, Objects, READER_OID, schema_name, schema_oid};
pub(crate) use system::{Login, backend_pid, view_definition};
pub(crate) use types::{PgType, type_oid};

use crate::catalog::Sources;
use crate::scope::Scope;
use crate::settings::Settings;

/// The catalog of everything there is, made once.
#[derive(Debug, Default)]
pub(crate) struct Everything {
    objects: OnceCell<Objects>,
    /// What the administrator sees of it, and what a store's key does.
    seen: [OnceLock<Arc<Seen>>; 2],
}

/// What sessions of one kind of scope see, with the rows that were asked for so far.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) objects: Objects,
    rows: Mutex<HashMap<(&'static str, &'static str), RecordBatch>>,
}

impl Everything {
    /// What a scope sees. Tables' columns are read the first time.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(crate) async fn seen(&self, sources: &Sources, scope: &Scope) -> Result<Arc<Seen>> {
        let objects = self
            .objects
            .get_or_try_init(|| Objects::all(sources))
            .await?;
        let slot = &self.seen[usize::from(*scope == Scope::All)];
        let seen = slot.get_or_init(|| {
            Arc::new(Seen {
                objects: objects.seen(scope),
                rows: Mutex::default(),
            })
        });
        Ok(Arc::clone(seen))
    }
}

/// A session's view of the catalog.
pub(crate) struct Catalog {
    pub(crate) everything: Arc<Everything>,
    pub(crate) sources: Sources,
    pub(crate) scope: Scope,
    pub(crate) settings: Arc<Settings>,
    pub(crate) login: Login,
    /// Set by the session's first query, before anything is planned.
    seen: OnceCell<Arc<Seen>>,
}

impl std::fmt::Debug for Catalog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Catalog({})", self.scope)
    }
}

impl Catalog {
    pub(crate) fn new(
        everything: Arc<Everything>,
        sources: Sources,
        scope: Scope,
        settings: Arc<Settings>,
        login: Login,
    ) -> Self {
        Self {
            everything,
            sources,
            scope,
            settings,
            login,
            seen: OnceCell::new(),
        }
    }

    /// Reads what the session sees, so that functions find it.
    ///
    /// # Errors
    /// When tables' columns cannot be read.
    pub(crate) async fn load(&self) -> Result<&Arc<Seen>> {
        self.seen
            .get_or_try_init(|| self.everything.seen(&self.sources, &self.scope))
            .await
    }

    /// What the session sees; nothing before the first query.
    pub(crate) fn objects(&self) -> Option<&Objects> {
        self.seen.get().map(|seen| &seen.objects)
    }

    async fn rows(&self, schema: &str, name: &str) -> Result<Option<RecordBatch>> {
        let Some(builtin) = builtin_relation(schema, name) else {
            return Ok(None);
        };
        let seen = self.load().await?;
        let key = (builtin.schema, builtin.name);
        // These tell of the session; the rest is the same for every session of the scope.
        let own = builtin.name.contains("privileges")
            || builtin.name.contains("grants")
            || [
                "pg_settings",
                "pg_stat_activity",
                "pg_roles",
                "pg_authid",
                "pg_user",
                "pg_shadow",
                "enabled_roles",
            ]
            .contains(&builtin.name);
        let kept = || seen.rows.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rows) = kept().get(&key) {
            return Ok(Some(rows.clone()));
        }
        let rows = if schema == "information_schema" {
            information_schema::rows(builtin, &seen.objects, &self.login)?
        } else {
            system::rows(builtin, &seen.objects, &self.settings, &self.login)?
        };
        if !own {
            kept().insert(key, rows.clone());
        }
        Ok(Some(rows))
    }
}

/// One of the catalog's two schemas.
#[derive(Debug)]
pub(crate) struct CatalogSchema {
    pub(crate) schema: &'static str,
    pub(crate) catalog: Arc<Catalog>,
}

#[async_trait]
impl SchemaProvider for CatalogSchema {
    fn table_names(&self) -> Vec<String> {
        let all = builtin::RELATIONS
            .iter()
            .filter(|b| b.schema == self.schema);
        all.map(|builtin| builtin.name.to_owned()).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let Some(rows) = self.catalog.rows(self.schema, name).await? else {
            return Ok(None);
        };
        Ok(Some(Arc::new(MemTable::try_new(
            rows.schema(),
            vec![vec![rows]],
        )?)))
    }

    async fn table_type(&self, name: &str) -> Result<Option<TableType>> {
        Ok(
            builtin_relation(self.schema, name).map(|builtin| match builtin.kind {
                "v" => TableType::View,
                _ => TableType::Base,
            }),
        )
    }

    fn table_exist(&self, name: &str) -> bool {
        builtin_relation(self.schema, name).is_some()
    }
}
