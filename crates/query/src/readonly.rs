//! What may be asked: statements that read. Everything else is refused before it is planned.

use datafusion::sql::parser::Statement as ParsedStatement;
use datafusion::sql::sqlparser::ast::{Query, SetExpr, Statement};

use crate::error::{QueryError, QueryErrorKind};

fn refused(what: &str) -> QueryError {
    QueryError::new(
        QueryErrorKind::ReadOnly,
        format!("{what} is not possible here: SQL only reads"),
        Some("use SELECT, EXPLAIN, SHOW or DESCRIBE; events come in through `POST /v1/events` or `tradewind import`".to_owned()),
    )
}

/// Refuses a statement that would do more than read.
///
/// # Errors
/// [`QueryError`] of kind [`QueryErrorKind::ReadOnly`].
pub(crate) fn check(statement: &ParsedStatement) -> Result<(), QueryError> {
    match statement {
        ParsedStatement::Statement(statement) => check_sql(statement),
        ParsedStatement::Explain(explain) => check(&explain.statement),
        ParsedStatement::CreateExternalTable(_) => Err(refused("CREATE EXTERNAL TABLE")),
        ParsedStatement::CopyTo(_) => Err(refused("COPY")),
        ParsedStatement::Reset(_) => Err(refused("RESET")),
    }
}

/// As [`check`], for a statement of the SQL standard.
///
/// # Errors
/// [`QueryError`] of kind [`QueryErrorKind::ReadOnly`].
pub(crate) fn check_sql(statement: &Statement) -> Result<(), QueryError> {
    match statement {
        Statement::Query(query) => check_query(query),
        Statement::Explain { statement, .. } => check_sql(statement),
        Statement::ExplainTable { .. }
        | Statement::ShowTables { .. }
        | Statement::ShowColumns { .. }
        | Statement::ShowVariable { .. }
        | Statement::ShowSchemas { .. }
        | Statement::ShowDatabases { .. }
        | Statement::ShowFunctions { .. } => Ok(()),
        // What may be set is for the session's settings to say.
        Statement::Set(_) => Ok(()),
        other => {
            let text = other.to_string();
            let verb: Vec<&str> = text.split_whitespace().take(2).collect();
            Err(refused(&verb.join(" ").to_uppercase()))
        }
    }
}

/// As [`check`], for a query.
///
/// # Errors
/// [`QueryError`] of kind [`QueryErrorKind::ReadOnly`].
pub(crate) fn check_query(query: &Query) -> Result<(), QueryError> {
    check_body(&query.body)
}

fn check_body(body: &SetExpr) -> Result<(), QueryError> {
    match body {
        SetExpr::Select(select) if select.into.is_some() => Err(refused("SELECT INTO")),
        SetExpr::Select(_) | SetExpr::Values(_) | SetExpr::Table(_) => Ok(()),
        SetExpr::Query(query) => check_body(&query.body),
        SetExpr::SetOperation { left, right, .. } => {
            check_body(left).and_then(|()| check_body(right))
        }
        _ => Err(refused("a change inside a query")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::sql::parser::DFParser;

    fn verdict(sql: &str) -> bool {
        DFParser::parse_sql(sql)
            .unwrap()
            .iter()
            .all(|s| check(s).is_ok())
    }

    #[test]
    fn reading_is_allowed_and_nothing_else() {
        for sql in [
            "SELECT 1",
            "WITH a AS (SELECT 1) SELECT * FROM a UNION ALL VALUES (2)",
            "EXPLAIN SELECT 1",
            "EXPLAIN ANALYZE SELECT 1",
            "SHOW TABLES",
            "DESCRIBE silver.events",
            "SET TIME ZONE = 'Europe/Berlin'",
            "SET datafusion.execution.time_zone = '+01:00'",
        ] {
            assert!(verdict(sql), "{sql}");
        }
        for sql in [
            "CREATE TABLE a (b INT)",
            "CREATE VIEW a AS SELECT 1",
            "CREATE EXTERNAL TABLE a STORED AS CSV LOCATION '/etc/passwd'",
            "COPY (SELECT 1) TO '/tmp/x.csv'",
            "INSERT INTO silver.orders VALUES (1)",
            "UPDATE silver.orders SET units = 0",
            "DELETE FROM silver.orders",
            "DROP TABLE silver.orders",
            "EXPLAIN ANALYZE INSERT INTO a VALUES (1)",
            "EXPLAIN COPY (SELECT 1) TO '/tmp/x.csv'",
            "SELECT 1 INTO a",
            "TRUNCATE TABLE a",
        ] {
            assert!(!verdict(sql), "{sql}");
        }
    }
}
