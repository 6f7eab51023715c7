//! Joins the server's traits to what stands behind them: SQL engine, health, Postgres log-in.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tradewind_journal::Journal;
use tradewind_query::{
    Authenticator, QueryEngine, QueryErrorKind, QueryLimits, ResultFormat, Scope,
};
use tradewind_serve::access::SqlScope;
use tradewind_serve::{
    Gate, Health, HealthCheck, SqlAnswer, SqlDoor, SqlError, SqlErrorKind, SqlFormat,
};

use crate::instance::RuntimeWatch;

/// `POST /v1/sql` → query engine.
pub struct EngineDoor {
    engine: Arc<QueryEngine>,
    limits: QueryLimits,
    places: Semaphore,
    concurrent: usize,
}

/// How long a question waits for a place before it is told to come again.
const WAIT_FOR_A_PLACE: Duration = Duration::from_secs(5);

impl EngineDoor {
    /// At most `concurrent` questions run at once: each holds memory for its plan and answer beside what the engine counts.
    pub fn new(engine: Arc<QueryEngine>, limits: QueryLimits, concurrent: usize) -> Self {
        Self {
            engine,
            limits,
            places: Semaphore::new(concurrent.max(1)),
            concurrent: concurrent.max(1),
        }
    }
}

#[async_trait::async_trait]
impl SqlDoor for EngineDoor {
    async fn run(
        &self,
        scope: &SqlScope,
        sql: &str,
        format: SqlFormat,
    ) -> Result<SqlAnswer, SqlError> {
        let told = |mut error: tradewind_query::QueryError| SqlError {
            kind: match error.kind() {
                QueryErrorKind::Invalid => SqlErrorKind::Invalid,
                QueryErrorKind::ReadOnly => SqlErrorKind::ReadOnly,
                QueryErrorKind::Limit => SqlErrorKind::Limit,
                QueryErrorKind::Timeout => SqlErrorKind::Timeout,
                _ => SqlErrorKind::Internal,
            },
            source: error.take_source(),
            message: error.message,
            hint: error.hint,
        };
        let _place = tokio::time::timeout(WAIT_FOR_A_PLACE, self.places.acquire())
            .await
            .ok()
            .and_then(Result::ok)
            .ok_or_else(|| SqlError {
                kind: SqlErrorKind::Busy,
                message: format!("{} questions are being answered already", self.concurrent),
                hint: Some("ask again in a moment".to_owned()),
                source: None,
            })?;
        let result = self
            .engine
            .run(scope_of(scope), sql, &self.limits)
            .await
            .map_err(told)?;
        let format = match format {
            SqlFormat::Json => ResultFormat::Json,
            SqlFormat::Csv => ResultFormat::Csv,
            SqlFormat::Arrow => ResultFormat::Arrow,
        };
        let truncated = result.truncated;
        let body = result.to_bytes(format).map_err(told)?.into();
        Ok(SqlAnswer { body, truncated })
    }
}

fn scope_of(scope: &SqlScope) -> Scope {
    scope
        .store_id()
        .map_or(Scope::All, |store| Scope::Stores(vec![store.clone()]))
}

/// Postgres: a read key, or the admin's token, as password.
pub struct PasswordDoor(pub Gate);

impl Authenticator for PasswordDoor {
    fn authenticate(&self, _user: &str, password: &str) -> Option<Scope> {
        self.0
            .sql_scope_of_password(password)
            .map(|scope| scope_of(&scope))
    }
}

/// `/readyz`.
pub struct InstanceHealth {
    pub watch: RuntimeWatch,
    pub journal: Arc<dyn Journal>,
}

impl Health for InstanceHealth {
    fn checks(&self) -> Vec<HealthCheck> {
        let stream = self.watch.ask(tradewind_stream::Runtime::health);
        let (ok, message) = match stream {
            Some(Ok(())) => (true, None),
            Some(Err(reason)) => (false, Some(reason)),
            None => (false, Some("shutting down".to_owned())),
        };
        let closed = self.journal.trouble();
        let journal = HealthCheck {
            name: "journal",
            ok: closed.is_none(),
            message: closed,
        };
        let stream = HealthCheck {
            name: "stream",
            ok,
            message,
        };
        vec![journal, stream]
    }
}
