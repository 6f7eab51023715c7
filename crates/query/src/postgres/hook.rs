//! What a connection may ask: questions that only read, and what drivers send around them.

use async_trait::async_trait;
use datafusion::common::ParamValues;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SessionContext;
use datafusion::sql::sqlparser::ast::Statement;
use datafusion_postgres::QueryHook;
use datafusion_postgres::hooks::HookClient;
use pgwire::api::ClientInfo;
use pgwire::api::results::Response;
use pgwire::error::{PgWireError, PgWireResult};

use super::wording::to_pg;
use crate::readonly;

/// Refuses everything that does more than read, before any other hook sees it.
pub(super) struct ReadOnly;

fn verdict(statement: &Statement) -> Option<PgWireError> {
    // What drivers send around their queries and the hooks after this one answer.
    let of_the_session = matches!(
        statement,
        Statement::StartTransaction { .. }
            | Statement::Commit { .. }
            | Statement::Rollback { .. }
            | Statement::Savepoint { .. }
            | Statement::ReleaseSavepoint { .. }
            | Statement::Fetch { .. }
            | Statement::Close { .. }
    );
    let names_datafusion = || {
        statement
            .to_string()
            .to_ascii_lowercase()
            .contains("datafusion")
    };
    // A cursor's query is run as it stands, so it has to be one that only reads.
    if let Statement::Declare { stmts } = statement {
        let queries = stmts.iter().filter_map(|one| one.for_query.as_deref());
        return queries
            .map(readonly::check_query)
            .find_map(Result::err)
            .map(|e| to_pg(&e));
    }
    if of_the_session || matches!(statement, Statement::Set(_)) && !names_datafusion() {
        return None;
    }
    readonly::check_sql(statement).err().map(|e| to_pg(&e))
}

#[async_trait]
impl QueryHook for ReadOnly {
    async fn handle_simple_query(
        &self,
        statement: &Statement,
        _context: &SessionContext,
        _client: &mut dyn HookClient,
    ) -> Option<PgWireResult<Response>> {
        verdict(statement).map(Err)
    }

    async fn handle_extended_parse_query(
        &self,
        statement: &Statement,
        _context: &SessionContext,
        _client: &(dyn ClientInfo + Send + Sync),
    ) -> Option<PgWireResult<LogicalPlan>> {
        verdict(statement).map(Err)
    }

    async fn handle_extended_query(
        &self,
        statement: &Statement,
        _plan: &LogicalPlan,
        _params: &ParamValues,
        _context: &SessionContext,
        _client: &mut dyn HookClient,
    ) -> Option<PgWireResult<Response>> {
        verdict(statement).map(Err)
    }
}
