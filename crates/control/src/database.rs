//! The one module that knows SQLite: opening, migrating, reading rows, running statements.
//!
//! Statements are plain SQL with `?` parameters and run-time types, so PostgreSQL can stand behind the same few calls.
//! Nothing of the driver leaves this module but [`Row`], which reads columns by name.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Connection as _, Row as _, SqliteConnection, SqlitePool};

use crate::error::ControlError;

/// The file's name inside the data folder.
const FILE_NAME: &str = "control.db";
/// How long a writer waits for another process's transaction.
const BUSY: Duration = Duration::from_secs(5);

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// A parameter of a statement.
#[derive(Debug, Clone)]
pub(crate) enum Param {
    Text(String),
    Integer(i64),
    Bytes(Vec<u8>),
}

impl From<&str> for Param {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Param {
    fn from(integer: i64) -> Self {
        Self::Integer(integer)
    }
}

impl From<&[u8]> for Param {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Sqlite, SqliteArguments<'q>>;

fn bind<'q>(sql: &'q str, params: &[Param]) -> Query<'q> {
    params
        .iter()
        .fold(sqlx::query(sql), |query, param| match param {
            Param::Text(text) => query.bind(text.clone()),
            Param::Integer(integer) => query.bind(*integer),
            Param::Bytes(bytes) => query.bind(bytes.clone()),
        })
}

/// The open database.
pub(crate) struct Database {
    pool: SqlitePool,
    /// Notices commits of other connections, in this process or another.
    watcher: tokio::sync::Mutex<SqliteConnection>,
}

impl Database {
    /// Opens `<data_dir>/control.db`, making it and migrating it as needed.
    pub(crate) async fn open(data_dir: &Path) -> Result<Self, ControlError> {
        let doing = || format!("open `{}`", data_dir.join(FILE_NAME).display());
        std::fs::create_dir_all(data_dir).map_err(ControlError::storage(doing()))?;
        let options = SqliteConnectOptions::new()
            .filename(data_dir.join(FILE_NAME))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY)
            .disable_statement_logging();
        let pool = SqlitePoolOptions::new()
            .max_connections(4)
            .connect_with(options.clone())
            .await
            .map_err(ControlError::storage(doing()))?;
        MIGRATIONS
            .run(&pool)
            .await
            .map_err(ControlError::storage("migrate the tables"))?;
        let watcher = SqliteConnection::connect_with(&options)
            .await
            .map_err(ControlError::storage(doing()))?;
        Ok(Self {
            pool,
            watcher: tokio::sync::Mutex::new(watcher),
        })
    }

    /// A number that changes when another connection has committed (SQLite's `data_version`).
    pub(crate) async fn version(&self) -> Result<i64, ControlError> {
        let mut watcher = self.watcher.lock().await;
        let row = sqlx::query("PRAGMA data_version")
            .fetch_one(&mut *watcher)
            .await
            .map_err(ControlError::storage("look for changes"))?;
        row.try_get(0)
            .map_err(ControlError::storage("look for changes"))
    }

    /// All rows of a query.
    pub(crate) async fn rows(
        &self,
        doing: &str,
        sql: &str,
        params: &[Param],
    ) -> Result<Vec<Row>, ControlError> {
        let rows = bind(sql, params)
            .fetch_all(&self.pool)
            .await
            .map_err(ControlError::storage(doing))?;
        Ok(rows.into_iter().map(Row).collect())
    }

    /// Runs a statement in its own transaction; gives the rows it changed.
    pub(crate) async fn run(
        &self,
        doing: &str,
        sql: &str,
        params: &[Param],
    ) -> Result<u64, ControlError> {
        let done = bind(sql, params)
            .execute(&self.pool)
            .await
            .map_err(ControlError::storage(doing))?;
        Ok(done.rows_affected())
    }

    /// Closes every connection, folding the write-ahead log into the file.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

/// A row whose columns are read by name.
pub(crate) struct Row(SqliteRow);

impl Row {
    fn get<'r, T>(&'r self, column: &str) -> Result<T, ControlError>
    where
        T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
    {
        self.0
            .try_get(column)
            .map_err(ControlError::storage(format!("read column `{column}`")))
    }

    pub(crate) fn text(&self, column: &str) -> Result<String, ControlError> {
        self.get(column)
    }

    pub(crate) fn optional_text(&self, column: &str) -> Result<Option<String>, ControlError> {
        self.get(column)
    }

    pub(crate) fn integer(&self, column: &str) -> Result<i64, ControlError> {
        self.get(column)
    }

    pub(crate) fn optional_integer(&self, column: &str) -> Result<Option<i64>, ControlError> {
        self.get(column)
    }

    pub(crate) fn bytes(&self, column: &str) -> Result<Vec<u8>, ControlError> {
        self.get(column)
    }
}
