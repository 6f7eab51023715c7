//! The schemas, tables and columns a session sees, with their oids.
//!
//! Oids follow from the names in their order, over everything there is: the same for every key and after every restart of the
//! same version, though a key sees only its own (T1).

use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::error::{DataFusionError, Result};

use super::builtin::{self, RELATIONS};
use super::types::PgType;
use crate::catalog::Sources;
use crate::scope::Scope;

/// Oids below are PostgreSQL's own.
const FIRST_OID: i32 = 16_384;
/// Room between relations for the oids of their row types.
const STEP: i32 = 4;

/// A table or view of the lake or of the running server.
#[derive(Debug, Clone)]
pub(crate) struct Relation {
    pub(crate) oid: i32,
    pub(crate) schema: &'static str,
    pub(crate) name: String,
    pub(crate) view: bool,
    pub(crate) columns: Arc<Schema>,
}

impl Relation {
    /// The oid of its row type.
    pub(crate) fn row_type(&self) -> i32 {
        self.oid + 1
    }

    /// The types of its columns.
    pub(crate) fn types(&self) -> impl Iterator<Item = (&str, PgType)> {
        self.columns
            .fields()
            .iter()
            .map(|field| (field.name().as_str(), PgType::of_field(field)))
    }
}

/// What a session sees beside PostgreSQL's own catalog.
#[derive(Debug, Clone, Default)]
pub(crate) struct Objects {
    pub(crate) relations: Vec<Relation>,
}

/// The schemas, with their oids.
pub(crate) const SCHEMAS: [(i32, &str); 7] = [
    (11, "pg_catalog"),
    (13_207, "information_schema"),
    (16_001, "bronze"),
    (16_002, "gold"),
    (16_003, "live"),
    (16_004, "silver"),
    (16_005, "system"),
];

/// The database's oid, and its owner's.
pub(crate) const DATABASE_OID: i32 = 16_000;
pub(crate) const OWNER_OID: i32 = 10;
/// The role of every connection.
pub(crate) const READER_OID: i32 = 16_010;
pub(crate) const OWNER: &str = "tradewind";

/// The oid of a schema.
pub(crate) fn schema_oid(name: &str) -> Option<i32> {
    SCHEMAS
        .iter()
        .find(|(_, known)| *known == name)
        .map(|(oid, _)| *oid)
}

/// The schema of an oid.
pub(crate) fn schema_name(oid: i32) -> Option<&'static str> {
    SCHEMAS
        .iter()
        .find(|(known, _)| *known == oid)
        .map(|(_, name)| *name)
}

impl Objects {
    /// Everything there is.
    ///
    /// # Errors
    /// When a table's columns cannot be read.
    pub(crate) async fn all(sources: &Sources) -> Result<Self> {
        let mut relations = Vec::new();
        for table in sources.lake.tables() {
            let columns = sources
                .lake
                .columns(&table)
                .await
                .map_err(|e| DataFusionError::External(Box::new(e)))?;
            relations.push((table.schema(), table.name().to_owned(), false, columns));
        }
        for table in sources.live.tables() {
            relations.push((table.schema, table.name, true, table.columns));
        }
        relations.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        let relations = relations
            .into_iter()
            .zip((FIRST_OID..).step_by(STEP as usize))
            .map(|((schema, name, view, columns), oid)| Relation {
                oid,
                schema,
                name,
                view,
                columns,
            });
        Ok(Self {
            relations: relations.collect(),
        })
    }

    /// What a scope sees of it (T1): tables of no store are the administrator's.
    pub(crate) fn seen(&self, scope: &Scope) -> Self {
        let seen = |relation: &&Relation| {
            *scope == Scope::All || !relation.view || relation.columns.index_of("store_id").is_ok()
        };
        Self {
            relations: self.relations.iter().filter(seen).cloned().collect(),
        }
    }

    /// The oid of a relation by its name, looked for in the schemas of a path when it has none.
    pub(crate) fn relation_oid(
        &self,
        schema: Option<&str>,
        name: &str,
        path: &[String],
    ) -> Option<i32> {
        let within = |schema: &str| {
            let own = self
                .relations
                .iter()
                .find(|r| r.schema == schema && r.name == name);
            own.map(|r| r.oid)
                .or_else(|| builtin::find(schema, name).map(|builtin| builtin.oid))
        };
        match schema {
            Some(schema) => within(schema),
            None => within("pg_catalog").or_else(|| path.iter().find_map(|schema| within(schema))),
        }
    }

    /// Schema and name of the relation of an oid.
    pub(crate) fn relation(&self, oid: i32) -> Option<(&str, &str)> {
        let own = self.relations.iter().find(|r| r.oid == oid);
        own.map(|r| (r.schema, r.name.as_str())).or_else(|| {
            let builtin = RELATIONS.iter().find(|builtin| builtin.oid == oid);
            builtin.map(|builtin| (builtin.schema, builtin.name))
        })
    }
}
