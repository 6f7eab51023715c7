//! PostgreSQL's dialect: SQL text as PostgreSQL reads it, in the words DataFusion plans.
//!
//! What it promises: a statement that is planned here means what it means in PostgreSQL; what has no counterpart is refused
//! in words. It works on syntax alone. What depends on types is decided later, by [`crate::planning`] and by the functions.

mod functions;
pub(crate) mod names;
mod relations;
mod subqueries;
mod translate;

use datafusion::sql::sqlparser::ast::Statement;
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};

use crate::error::{QueryError, QueryErrorKind};

pub(crate) use translate::translate;

/// The statements of a text, as they were written.
///
/// # Errors
/// [`QueryError`] when it is not SQL.
pub(crate) fn parse(sql: &str) -> Result<Vec<Statement>, QueryError> {
    Parser::new(&PostgreSqlDialect {})
        .with_recursion_limit(DEPTH)
        .try_with_sql(sql)
        .and_then(|mut parser| parser.parse_statements())
        .map_err(|error| unreadable(&error))
}

/// How deep expressions may be nested.
const DEPTH: usize = 50;

fn unreadable(error: &ParserError) -> QueryError {
    let text = match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text.clone(),
        ParserError::RecursionLimitExceeded => "it is nested too deeply".to_owned(),
    };
    refused(format!("the SQL cannot be read: {text}"))
}

/// What PostgreSQL knows and this server does not.
fn refused(message: impl Into<String>) -> QueryError {
    QueryError::new(QueryErrorKind::Invalid, message, None)
}
