//! A session: what one connection, or one question over HTTP, has set and sees.

use std::sync::{Arc, Mutex, PoisonError};

use datafusion::execution::context::SQLOptions;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::{DFParserBuilder, Statement as ParsedStatement};
use datafusion::sql::sqlparser::ast::{Set, Statement};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;

use crate::dialect;
use crate::error::{QueryError, QueryErrorKind};
use crate::pg_catalog::Catalog;
use crate::readonly;
use crate::settings::{Changed, Settings, Shown, Values};

/// A session. What it sets changes how its next query is planned, and nobody else's.
pub(crate) struct Session {
    pub(crate) context: SessionContext,
    pub(crate) settings: Arc<Settings>,
    pub(crate) catalog: Arc<Catalog>,
    /// `schema.table` of what it sees, for suggestions.
    pub(crate) tables: Vec<String>,
    /// Settings as they were when the transaction began, to which ROLLBACK goes back.
    pub(crate) began: Mutex<Option<Values>>,
}

fn invalid(message: &str, hint: Option<&str>) -> QueryError {
    QueryError::new(QueryErrorKind::Invalid, message, hint.map(str::to_owned))
}

impl Session {
    fn words(&self, error: datafusion::error::DataFusionError) -> QueryError {
        QueryError::from_datafusion(error, &self.tables)
    }

    /// The plan of one statement that reads, in PostgreSQL's dialect. Parameters (`$1`) stay in it.
    ///
    /// # Errors
    /// [`QueryError`] when it is wrong or would change something.
    pub(crate) async fn plan(&self, statement: Statement) -> Result<LogicalPlan, QueryError> {
        self.plan_parsed(ParsedStatement::Statement(Box::new(statement)))
            .await
    }

    async fn plan_parsed(&self, mut statement: ParsedStatement) -> Result<LogicalPlan, QueryError> {
        readonly::check(&statement)?;
        self.catalog.load().await.map_err(|e| self.words(e))?;
        self.translate(&mut statement)?;
        let state = self.context.state();
        let plan = state
            .statement_to_plan(statement)
            .await
            .map_err(|e| self.words(e))?;
        SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false)
            .verify_plan(&plan)
            .map_err(|e| self.words(e))?;
        Ok(plan)
    }

    fn translate(&self, statement: &mut ParsedStatement) -> Result<(), QueryError> {
        match statement {
            ParsedStatement::Statement(inner) => {
                if let Some(query) = self.listing(inner)? {
                    **inner = query;
                }
                dialect::translate(inner)
            }
            ParsedStatement::Explain(explain) => self.translate(&mut explain.statement),
            _ => Ok(()),
        }
    }

    /// The query that answers a SHOW.
    fn listing(&self, statement: &Statement) -> Result<Option<Statement>, QueryError> {
        let sql = match statement {
            Statement::ShowVariable { variable } => match self.settings.show_words(variable)? {
                Shown::One(setting) => format!(
                    "SELECT '{}' AS \"{}\"",
                    setting.value.replace('\'', "''"),
                    setting.name
                ),
                Shown::All(_) => {
                    "SELECT name, setting, short_desc AS description FROM pg_catalog.pg_settings ORDER BY 1"
                        .to_owned()
                }
            },
            Statement::ShowTables { .. } => "SELECT table_catalog, table_schema, table_name, table_type \
                 FROM information_schema.tables \
                 WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2, 3"
                .to_owned(),
            Statement::ShowSchemas { .. } => {
                "SELECT schema_name FROM information_schema.schemata ORDER BY 1".to_owned()
            }
            Statement::ShowDatabases { .. } => {
                "SELECT datname FROM pg_catalog.pg_database".to_owned()
            }
            Statement::ShowFunctions { .. } => {
                return Err(invalid(
                    "SHOW FUNCTIONS is not offered",
                    Some("docs/sql-functions.md lists the functions"),
                ));
            }
            _ => return Ok(None),
        };
        let mut statements = dialect::parse(&sql)?;
        Ok(statements.pop())
    }

    /// Keeps the settings that a transaction begins with, and goes back to them when it is rolled back.
    pub(crate) fn transaction(&self, statement: &Statement) {
        let mut began = self.began.lock().unwrap_or_else(PoisonError::into_inner);
        match statement {
            Statement::StartTransaction { .. } => {
                began.get_or_insert_with(|| self.settings.values());
            }
            Statement::Commit { .. } => *began = None,
            Statement::Rollback {
                savepoint: None, ..
            } => {
                if let Some(values) = began.take() {
                    self.settings.restore(values);
                }
            }
            _ => {}
        }
    }

    /// Does what a SET says, and tells what changed.
    ///
    /// # Errors
    /// [`QueryError`] when it would have no effect here.
    pub(crate) fn set(&self, set: &Set) -> Result<Vec<Changed>, QueryError> {
        self.settings.apply(set)
    }

    /// The plan of a text as HTTP and the command line send it: one query, with any SETs before it that hold for it.
    ///
    /// # Errors
    /// [`QueryError`] when it is wrong, would change something, or sets what nothing follows.
    pub(crate) async fn plan_text(&self, sql: &str) -> Result<LogicalPlan, QueryError> {
        if sql.trim().trim_end_matches(';').trim().is_empty() {
            return Err(invalid("the query is empty", None));
        }
        let mut statements = DFParserBuilder::new(sql)
            .with_dialect(&PostgreSqlDialect {})
            .build()
            .and_then(|mut parser| parser.parse_statements())
            .map_err(|e| self.words(e))?;
        let last = statements
            .pop_back()
            .ok_or_else(|| invalid("the query is empty", None))?;
        for statement in statements {
            match statement {
                ParsedStatement::Statement(inner) => match *inner {
                    Statement::Set(set) => {
                        self.set(&set)?;
                    }
                    _ => {
                        return Err(invalid(
                            "several statements at once are not possible here",
                            Some("send one query; SETs may stand before it"),
                        ));
                    }
                },
                _ => {
                    return Err(invalid(
                        "several statements at once are not possible here",
                        None,
                    ));
                }
            }
        }
        if let ParsedStatement::Statement(inner) = &last
            && let Statement::Set(set) = inner.as_ref()
        {
            // What it says must be right, and must not be confirmed: nothing follows it.
            readonly::check(&last)?;
            self.set(set)?;
            return Err(invalid(
                "a SET holds for the query that follows it in the same text, and none does",
                Some("write `SET …; SELECT …`"),
            ));
        }
        self.plan_parsed(last).await
    }
}
