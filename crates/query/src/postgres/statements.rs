//! A connection's statements: queries planned by the session, and what it sets.

use datafusion::common::ToDFSchema as _;
use datafusion::logical_expr::{EmptyRelation, LogicalPlan};
use datafusion::sql::sqlparser::ast::{Reset, Set, Statement};
use datafusion_postgres::hooks::HookClient;
use pgwire::api::portal::{Format, Portal};
use pgwire::api::results::{Response, Tag};
use pgwire::api::{ClientInfo, METADATA_DATABASE, METADATA_USER};
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::startup::ParameterStatus;

use super::rows;
use super::wording::to_pg;
use crate::error::QueryError;
use crate::session::Session;
use crate::settings::{Changed, Settings, find, milliseconds};

/// Settings of which a client is told when they change, as PostgreSQL tells it.
const REPORTED: [&str; 6] = [
    "application_name",
    "client_encoding",
    "DateStyle",
    "IntervalStyle",
    "standard_conforming_strings",
    "TimeZone",
];

/// Whether a statement is planned by the session: a query, EXPLAIN or SHOW.
pub(super) fn is_query(statement: &Statement) -> bool {
    matches!(
        statement,
        Statement::Query(_)
            | Statement::Explain { .. }
            | Statement::ExplainTable { .. }
            | Statement::ShowVariable { .. }
            | Statement::ShowTables { .. }
            | Statement::ShowColumns { .. }
            | Statement::ShowSchemas { .. }
            | Statement::ShowDatabases { .. }
            | Statement::ShowFunctions { .. }
    )
}

/// The plan of a statement that gives no rows.
pub(super) fn nothing() -> PgWireResult<LogicalPlan> {
    let schema = arrow::datatypes::Schema::empty()
        .to_dfschema_ref()
        .map_err(|e| PgWireError::ApiError(Box::new(e)))?;
    Ok(LogicalPlan::EmptyRelation(EmptyRelation {
        produce_one_row: false,
        schema,
    }))
}

/// Plans and starts a query of the simple protocol.
pub(super) async fn query<C: ClientInfo + ?Sized>(
    session: &Session,
    client: &C,
    statement: Statement,
) -> PgWireResult<Response> {
    let work = async {
        let plan = session.plan(statement).await.map_err(|e| to_pg(&e))?;
        let frame = session.context.execute_logical_plan(plan).await;
        let frame = frame.map_err(|e| to_pg(&QueryError::from_datafusion(e, &session.tables)))?;
        let rows = rows::response(session, client, frame, &Format::UnifiedText).await?;
        Ok(Response::Query(rows))
    };
    limited(session, work).await
}

/// Runs a query of the extended protocol.
pub(super) async fn execute<C: ClientInfo + ?Sized, S: Clone>(
    session: &Session,
    client: &C,
    plan: &LogicalPlan,
    portal: &Portal<S>,
) -> PgWireResult<Response> {
    let work = async {
        let plan = rows::bound(plan, portal)?;
        let frame = session.context.execute_logical_plan(plan).await;
        let frame = frame.map_err(|e| to_pg(&QueryError::from_datafusion(e, &session.tables)))?;
        let rows = rows::response(session, client, frame, &portal.result_column_format).await?;
        Ok(Response::Query(rows))
    };
    limited(session, work).await
}

/// The work within the session's `statement_timeout`, as far as its rows do not come one by one.
async fn limited(
    session: &Session,
    work: impl Future<Output = PgWireResult<Response>>,
) -> PgWireResult<Response> {
    let timeout = session.settings.show("statement_timeout").ok();
    match timeout.and_then(|timeout| milliseconds_of(&timeout.value)) {
        Some(limit) => tokio::time::timeout(limit, work)
            .await
            .unwrap_or_else(|_| Err(to_pg(&QueryError::timeout(format!("{limit:?}"))))),
        None => work.await,
    }
}

fn milliseconds_of(value: &str) -> Option<std::time::Duration> {
    milliseconds(value)
        .filter(|all| *all > 0)
        .map(std::time::Duration::from_millis)
}

/// Does what a SET says and tells the client.
pub(super) async fn set(
    session: &Session,
    client: &mut dyn HookClient,
    set: &Set,
) -> PgWireResult<Response> {
    let changed = session.set(set).map_err(|e| to_pg(&e))?;
    tell(client, &changed).await?;
    Ok(Response::Execution(Tag::new("SET")))
}

/// Sets back, and tells the client.
pub(super) async fn reset(
    session: &Session,
    client: &mut dyn HookClient,
    what: &Reset,
) -> PgWireResult<Response> {
    let changed = match what {
        Reset::ALL => session.settings.reset_all(),
        Reset::ConfigurationParameter(name) => {
            let name = name.to_string().to_lowercase();
            vec![session.settings.reset(&name).map_err(|e| to_pg(&e))?]
        }
    };
    tell(client, &changed).await?;
    Ok(Response::Execution(Tag::new("RESET")))
}

/// Tells the client of settings that changed, and the encoders of values of theirs.
pub(super) async fn tell(client: &mut dyn HookClient, changed: &[Changed]) -> PgWireResult<()> {
    for Changed { name, value } in changed {
        let key = name.to_lowercase();
        if key == "statement_timeout" {
            let limit = milliseconds(value).filter(|all| *all > 0);
            match limit {
                Some(all) => client
                    .metadata_mut()
                    .insert("statement_timeout_ms".to_owned(), all.to_string()),
                None => client.metadata_mut().remove("statement_timeout_ms"),
            };
        } else {
            client.metadata_mut().insert(key, value.clone());
        }
        if REPORTED.contains(name) {
            let status = ParameterStatus::new((*name).to_owned(), value.clone());
            client
                .send_message(PgWireBackendMessage::ParameterStatus(status))
                .await?;
        }
    }
    Ok(())
}

/// Sets what the client asked for as it connected: parameters of its startup message, and those among its `options`.
pub(super) fn start<C: ClientInfo>(client: &C, settings: &Settings) -> Result<(), QueryError> {
    const OTHERS: [&str; 4] = [METADATA_USER, METADATA_DATABASE, "options", "replication"];
    let metadata = client.metadata();
    let given = metadata
        .iter()
        .filter(|(name, _)| !OTHERS.contains(&name.as_str()) && find(name).is_some())
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let options = metadata.get("options").map_or("", String::as_str);
    let words = option_words(options);
    let options = words.iter().filter_map(|word| word.split_once('='));
    settings.start(given.chain(options))
}

/// `-c name=value` and `--name=value`, as `PGOPTIONS` has them; a backslash keeps the next character.
fn option_words(options: &str) -> Vec<String> {
    let (mut words, mut word) = (Vec::new(), String::new());
    let mut chars = options.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => word.extend(chars.next()),
            c if c.is_whitespace() => words.push(std::mem::take(&mut word)),
            c => word.push(c),
        }
    }
    words.push(word);
    let bare = |word: &String| {
        let word = word
            .strip_prefix("--")
            .or(word.strip_prefix("-c"))
            .unwrap_or(word);
        word.to_owned()
    };
    words
        .iter()
        .map(bare)
        .filter(|word| word.contains('='))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_the_startup_message_are_settings() {
        assert_eq!(
            option_words("-c search_path=gold,silver --timezone=Asia/Tokyo -cgeqo=off"),
            ["search_path=gold,silver", "timezone=Asia/Tokyo", "geqo=off"]
        );
        assert_eq!(
            option_words(r"-c application_name=my\ tool"),
            ["application_name=my tool"]
        );
    }
}
