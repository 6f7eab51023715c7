//! Sessions and queries: scoped, read only, within memory, time and rows.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use arrow::array::{ArrayData, RecordBatch, RecordBatchOptions};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::logical_expr::planner::ExprPlanner;
use datafusion::optimizer::Analyzer;
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::{Stream, StreamExt as _};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;
use tradewind_lake::Lake;

use crate::catalog::{CATALOG, SEARCH_PATH, Sources};
use crate::deadline::DeadlineRule;
use crate::error::{QueryError, QueryErrorKind};
use crate::format::QueryResult;
use crate::functions;
use crate::live::LiveTables;
use crate::pg_catalog::{Catalog, Everything, Login};
use crate::planning;
use crate::scope::Scope;
use crate::session::Session;
use crate::settings::Settings;

/// What a query may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryLimits {
    /// From the start of planning to the last row.
    pub timeout: Duration,
    /// Rows given; a result with more is cut and says so.
    pub max_rows: Option<usize>,
}

impl Default for QueryLimits {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(60),
            max_rows: Some(1_000_000),
        }
    }
}

/// Settings of the engine.
#[derive(Debug, Clone)]
pub struct QueryOptions {
    /// Bytes all queries together may hold before they spill.
    pub memory: usize,
    /// Where to spill; a temporary folder of the system when `None`.
    pub spill_dir: Option<PathBuf>,
    /// Limits of queries that bring none of their own (the Postgres wire).
    pub limits: QueryLimits,
    /// Threads' worth of partitions a query is planned for.
    pub threads: usize,
}

impl Default for QueryOptions {
    fn default() -> Self {
        Self {
            memory: 1 << 30,
            spill_dir: None,
            limits: QueryLimits::default(),
            threads: std::thread::available_parallelism().map_or(2, std::num::NonZero::get),
        }
    }
}

/// Answers SQL over the lake and the live tables.
pub struct QueryEngine {
    sources: Sources,
    everything: Arc<Everything>,
    runtime: Arc<RuntimeEnv>,
    options: QueryOptions,
    /// Queries compute for seconds without waiting; on threads of their own they hold nobody else up.
    workers: Option<tokio::runtime::Runtime>,
}

impl Drop for QueryEngine {
    fn drop(&mut self) {
        if let Some(workers) = self.workers.take() {
            workers.shutdown_background();
        }
    }
}

impl QueryEngine {
    /// An engine over a lake and live tables.
    ///
    /// # Errors
    /// [`QueryError`] when the folder for spilling cannot be used.
    pub fn new(
        lake: Arc<Lake>,
        live: Arc<dyn LiveTables>,
        options: QueryOptions,
    ) -> Result<Arc<Self>, QueryError> {
        let disk = DiskManagerBuilder::default().with_mode(match &options.spill_dir {
            Some(dir) => DiskManagerMode::Directories(vec![dir.clone()]),
            None => DiskManagerMode::OsTmpDirectory,
        });
        let consumers = std::num::NonZeroUsize::new(3).unwrap_or(std::num::NonZeroUsize::MIN);
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(TrackConsumersPool::new(
                FairSpillPool::new(options.memory),
                consumers,
            )))
            .with_disk_manager_builder(disk)
            .build_arc()
            .map_err(|e| QueryError::internal("the query engine cannot start", e))?;
        let workers = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(options.threads.max(1))
            .thread_name("sql")
            .enable_all()
            .build()
            .map_err(|e| QueryError::internal("the threads for SQL cannot start", e))?;
        Ok(Arc::new(Self {
            sources: Sources { lake, live },
            everything: Arc::default(),
            runtime,
            options,
            workers: Some(workers),
        }))
    }

    /// The engine's settings.
    #[must_use]
    pub fn options(&self) -> &QueryOptions {
        &self.options
    }

    fn config(&self) -> SessionConfig {
        let mut config = SessionConfig::new()
            .with_default_catalog_and_schema(CATALOG, SEARCH_PATH)
            .with_create_default_catalog_and_schema(false)
            // The catalog has one of its own, which is PostgreSQL's.
            .with_information_schema(false)
            .with_target_partitions(self.options.threads.max(1));
        let parser = &mut config.options_mut().sql_parser;
        parser.dialect = datafusion::config::Dialect::PostgreSQL;
        // A number with a point is a numeric.
        parser.parse_float_as_decimal = true;
        config
    }

    /// Opens a session that sees the rows of a scope and nothing else (T1).
    pub(crate) fn open(&self, scope: &Scope, login: Login) -> Session {
        let settings = Arc::new(Settings::default());
        let catalog = Arc::new(Catalog::new(
            Arc::clone(&self.everything),
            self.sources.clone(),
            scope.clone(),
            Arc::clone(&settings),
            login,
        ));
        let mut builder = SessionStateBuilder::new()
            .with_config(self.config())
            .with_runtime_env(Arc::clone(&self.runtime))
            .with_default_features()
            .with_type_planner(Arc::new(planning::Types(Arc::clone(&settings))))
            .with_physical_optimizer_rule(Arc::new(DeadlineRule(self.options.limits.timeout)));
        let scalar = functions::scalar_functions(&settings, &catalog);
        if let Some(parts) = planning::Functions::new(&scalar).map(Arc::new) {
            let operators: Arc<dyn ExprPlanner> = Arc::new(planning::Operators(Arc::clone(&parts)));
            builder
                .expr_planners()
                .get_or_insert_default()
                .insert(0, operators);
            // Casts that were written come before those that DataFusion adds.
            let mut rules = Analyzer::new().rules;
            rules.insert(0, Arc::new(planning::Casts(parts)));
            *builder.analyzer_rules() = Some(rules);
        }
        builder
            .scalar_functions()
            .get_or_insert_default()
            .extend(scalar);
        builder
            .aggregate_functions()
            .get_or_insert_default()
            .extend(functions::aggregates());
        let context = SessionContext::new_with_state(builder.build());
        context.register_catalog(CATALOG, Arc::new(self.sources.catalog(&catalog)));
        Session {
            context,
            settings,
            catalog,
            tables: self.sources.names(scope),
            began: Mutex::default(),
        }
    }

    /// A session that sees the rows of a scope and nothing else (T1). Each of its queries sees the newest rows.
    ///
    /// # Errors
    /// [`QueryError`] when the catalog cannot be made.
    #[allow(
        clippy::unused_async,
        reason = "a cluster's session will have to be opened"
    )]
    pub async fn session(&self, scope: Scope) -> Result<QuerySession, QueryError> {
        let login = Login {
            user: READER.to_owned(),
        };
        Ok(QuerySession(self.open(&scope, login)))
    }

    /// Runs one query and gives its whole result.
    ///
    /// # Errors
    /// [`QueryError`] saying what is wrong with the query or what it ran into.
    pub async fn run(
        self: &Arc<Self>,
        scope: Scope,
        sql: &str,
        limits: &QueryLimits,
    ) -> Result<QueryResult, QueryError> {
        let (engine, sql, asked) = (Arc::clone(self), sql.to_owned(), limits.clone());
        let answer = self.spawn(async move {
            let session = engine.session(scope).await?;
            session.query(&sql, &asked).await?.collect().await
        })?;
        // The query looks at the time itself; what does not come to look must not keep its caller.
        match tokio::time::timeout(limits.timeout.saturating_add(GRACE), answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(error)) => Err(QueryError::internal("the query ended early", error)),
            Err(_) => Err(QueryError::timeout(format!("{:?}", limits.timeout))),
        }
    }

    /// Runs a task on the threads for SQL. Dropping the handle ends it.
    ///
    /// # Errors
    /// [`QueryError`] when the engine is being dropped.
    pub fn spawn<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> Result<AbortOnDropHandle<T>, QueryError> {
        let workers = self.workers.as_ref().ok_or_else(|| {
            QueryError::new(QueryErrorKind::Internal, "the engine is stopping", None)
        })?;
        Ok(AbortOnDropHandle::new(workers.spawn(task)))
    }
}

/// What `current_user` is where nobody names himself.
const READER: &str = "reader";

/// One person's view of the tables.
pub struct QuerySession(Session);

impl QuerySession {
    /// Plans a query and starts it; its work is done as the stream is read.
    ///
    /// # Errors
    /// [`QueryError`] when the query is wrong, would change something or runs out of its time.
    pub async fn query(&self, sql: &str, limits: &QueryLimits) -> Result<QueryStream, QueryError> {
        let end = Instant::now() + limits.timeout;
        let stream = tokio::time::timeout_at(end, self.start(sql))
            .await
            .unwrap_or_else(|_| Err(QueryError::timeout(format!("{:?}", limits.timeout))))?;
        Ok(QueryStream {
            schema: told(&stream.schema()),
            stream: Some(stream),
            tables: self.0.tables.clone(),
            left: limits.max_rows,
            truncated: false,
            sleep: Box::pin(tokio::time::sleep_until(end)),
            timeout: limits.timeout,
        })
    }

    async fn start(&self, sql: &str) -> Result<SendableRecordBatchStream, QueryError> {
        let Session {
            context, tables, ..
        } = &self.0;
        let words = |e| QueryError::from_datafusion(e, tables);
        let plan = self.0.plan_text(sql).await?;
        let frame = context.execute_logical_plan(plan).await.map_err(words)?;
        frame.execute_stream().await.map_err(words)
    }
}

/// The rows of a query as they come. Dropping it stops the query.
pub struct QueryStream {
    schema: SchemaRef,
    stream: Option<SendableRecordBatchStream>,
    tables: Vec<String>,
    left: Option<usize>,
    truncated: bool,
    sleep: Pin<Box<tokio::time::Sleep>>,
    timeout: Duration,
}

impl QueryStream {
    /// Names and types of the columns.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// Whether rows were cut off so far.
    #[must_use]
    pub fn truncated(&self) -> bool {
        self.truncated
    }

    /// All rows.
    ///
    /// # Errors
    /// [`QueryError`] of what the query ran into.
    pub async fn collect(mut self) -> Result<QueryResult, QueryError> {
        // Who may ask for every row asks for himself, in a process of his own.
        let most = self.left.map_or(usize::MAX, |_| MAX_RESULT);
        let (mut batches, mut bytes) = (Vec::new(), 0);
        let schema = plain_schema(&self.schema);
        while let Some(batch) = self.next().await {
            let batch = plain(&batch?, &schema)?;
            bytes += batch
                .columns()
                .iter()
                .map(|column| bytes_of(&column.to_data()))
                .sum::<usize>();
            if bytes > most {
                return Err(QueryError::new(
                    QueryErrorKind::Limit,
                    format!("the answer has more than {} MB", MAX_RESULT >> 20),
                    Some("ask for fewer rows or columns, or read the lake's files".to_owned()),
                ));
            }
            batches.push(batch);
        }
        Ok(QueryResult {
            schema,
            batches,
            truncated: self.truncated,
        })
    }

    fn cut(&mut self, batch: RecordBatch) -> Option<RecordBatch> {
        let Some(left) = &mut self.left else {
            return Some(batch);
        };
        if batch.num_rows() <= *left {
            *left -= batch.num_rows();
            return Some(batch);
        }
        let batch = batch.slice(0, *left);
        *left = 0;
        self.truncated = true;
        self.stream = None;
        (batch.num_rows() > 0).then_some(batch)
    }
}

/// The columns by the names they are told under.
fn told(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| {
        let name = crate::dialect::names::shown(field.name());
        if name == field.name() {
            return Arc::clone(field);
        }
        Arc::new(field.as_ref().clone().with_name(name))
    });
    let fields: Vec<_> = fields.collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

/// The columns of an answer that is held as a whole: texts and bytes are not views, which every Arrow reader knows and which
/// hold on to nothing but their own.
fn plain_schema(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| {
        let kind = match field.data_type() {
            DataType::Utf8View => DataType::Utf8,
            DataType::BinaryView => DataType::Binary,
            _ => return Arc::clone(field),
        };
        Arc::new(field.as_ref().clone().with_data_type(kind))
    });
    let fields: Vec<_> = fields.collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

fn plain(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, QueryError> {
    let wrong = |e| QueryError::internal("the result cannot be kept", e);
    let columns = batch.columns().iter().zip(schema.fields());
    let columns = columns
        .map(|(column, field)| cast(column, field.data_type()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(wrong)?;
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &rows).map_err(wrong)
}

/// The bytes of an array, with those that views within it hold on to.
fn bytes_of(data: &ArrayData) -> usize {
    fn of_views(data: &ArrayData) -> usize {
        let own = match data.data_type() {
            DataType::Utf8View | DataType::BinaryView => &data.buffers()[1..],
            _ => &[],
        };
        own.iter().map(|buffer| buffer.len()).sum::<usize>()
            + data.child_data().iter().map(of_views).sum::<usize>()
    }
    data.get_slice_memory_size().unwrap_or(0) + of_views(data)
}

/// How long after its time a query is waited for.
const GRACE: Duration = Duration::from_secs(1);

/// The most bytes of an answer that is held as a whole: answers lie outside the memory of queries.
const MAX_RESULT: usize = 256 << 20;

impl Stream for QueryStream {
    type Item = Result<RecordBatch, QueryError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            let Some(stream) = &mut this.stream else {
                return Poll::Ready(None);
            };
            if this.sleep.as_mut().poll(cx).is_ready() {
                this.stream = None;
                return Poll::Ready(Some(Err(QueryError::timeout(format!(
                    "{:?}",
                    this.timeout
                )))));
            }
            match stream.poll_next_unpin(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => {
                    this.stream = None;
                    return Poll::Ready(None);
                }
                Poll::Ready(Some(Err(e))) => {
                    this.stream = None;
                    return Poll::Ready(Some(Err(QueryError::from_datafusion(e, &this.tables))));
                }
                Poll::Ready(Some(Ok(batch))) if batch.num_rows() == 0 => {}
                Poll::Ready(Some(Ok(batch))) => return Poll::Ready(this.cut(batch).map(Ok)),
            }
        }
    }
}
