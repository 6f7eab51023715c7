//! The Postgres wire: `psql`, JDBC, Grafana and friends read the catalog with a key as their password.
//!
//! Each connection has a session of its own, scoped by its key. The user name does not matter.

mod hook;
mod rows;
mod statements;
mod wording;

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use async_trait::async_trait;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::sqlparser::ast::Statement;
use datafusion_postgres::hooks::cursor::CursorStatementHook;
use datafusion_postgres::hooks::transactions::TransactionStatementHook;
use datafusion_postgres::{DfSessionService, Parser, QueryHook};
use futures::channel::oneshot;
use futures::future::Shared;
use futures::{FutureExt as _, Sink, StreamExt as _};
use pgwire::api::auth::{
    DefaultServerParameterProvider, StartupHandler, finish_authentication, protocol_negotiation,
    save_startup_parameters_to_metadata,
};
use pgwire::api::cancel::{CancelHandler, DefaultCancelHandler};
use pgwire::api::portal::{Format, Portal};
use pgwire::api::query::{ExtendedQueryHandler, SimpleQueryHandler};
use pgwire::api::results::{FieldInfo, Response};
use pgwire::api::stmt::QueryParser;
use pgwire::api::store::PortalStore;
use pgwire::api::{
    ClientInfo, ClientPortalStore, ConnectionGuard, ConnectionHandle, ConnectionManager,
    ErrorHandler, METADATA_USER, PgWireConnectionState, PgWireServerHandlers,
    PidSecretKeyGenerator, RandomPidSecretKeyGenerator, Type,
};
use pgwire::error::{ErrorInfo, PgWireError, PgWireResult};
use pgwire::messages::startup::Authentication;
use pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::dialect;
use crate::engine::QueryEngine;
use crate::error::QueryError;
use crate::pg_catalog::Login;
use crate::scope::Scope;
use crate::session;
use crate::settings::SERVER_VERSION;
use hook::ReadOnly;
use wording::{Wording, to_pg};

/// Turns a user name and password into what they may see.
pub trait Authenticator: Send + Sync {
    /// The scope of a key, `None` when it is none. Called on a thread that may block.
    fn authenticate(&self, user: &str, password: &str) -> Option<Scope>;
}

/// Connections at the same time. A further one takes the place of one that has not shown its key yet, else it is turned away.
const MAX_CONNECTIONS: usize = 256;
/// How long a connection may take to show its key; pgwire itself would wait a minute.
const KEY_LIMIT: Duration = Duration::from_secs(10);
/// A connection without a key keeps its place this long, whoever comes.
const SETTLING: Duration = Duration::from_millis(200);
/// Connections that are told at the same time why they are turned away, and for how long each.
const MAX_TOLD: usize = 64;
const TELLING: Duration = Duration::from_secs(1);
/// The log tells of it this often at most.
const SELDOM: Duration = Duration::from_secs(10);
/// The code in place of a protocol version by which a client asks to cancel another connection's question.
const CANCEL: u32 = 80_877_102;

/// A connection's place.
struct Place {
    begun: Instant,
    session: Arc<Session>,
    leave: CancellationToken,
}

/// Serves the Postgres wire until `shutdown`, then lets running connections go.
///
/// # Errors
/// [`QueryError`] when the listener fails for good.
pub async fn serve_postgres(
    listener: TcpListener,
    engine: Arc<QueryEngine>,
    authenticator: Arc<dyn Authenticator>,
    shutdown: CancellationToken,
) -> Result<(), QueryError> {
    let manager = Arc::new(ConnectionManager::new());
    let (connections, turned_away) = (TaskTracker::new(), TaskTracker::new());
    let mut told = None;
    // In the order in which they came.
    let mut places: Vec<Weak<Place>> = Vec::new();
    loop {
        let socket = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((socket, _)) => socket,
                Err(error) => {
                    // Out of file handles and the like pass; the pause keeps the loop from spinning.
                    tracing::warn!(%error, "postgres connection not accepted");
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        places.retain(|place| place.strong_count() > 0);
        if places.len() >= MAX_CONNECTIONS && !free_a_place(&places) {
            if told.is_none_or(|told: Instant| told.elapsed() >= SELDOM) {
                told = Some(Instant::now());
                tracing::warn!(
                    limit = MAX_CONNECTIONS,
                    "postgres connections are turned away"
                );
            }
            if turned_away.len() < MAX_TOLD {
                let handlers = Connection::new(&engine, &authenticator, &manager);
                turned_away.spawn(tokio::time::timeout(TELLING, turn_away(socket, handlers)));
            }
            continue;
        }
        let handlers = Connection::new(&engine, &authenticator, &manager);
        let place = Arc::new(Place {
            begun: Instant::now(),
            session: Arc::clone(&handlers.session),
            leave: CancellationToken::new(),
        });
        places.push(Arc::downgrade(&place));
        let shutdown = shutdown.clone();
        connections.spawn(async move {
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = place.leave.cancelled() => {}
                () = place.without_key() => tracing::debug!("postgres connection showed no key in time"),
                () = serve(socket, handlers) => {}
            }
        });
    }
    connections.close();
    connections.wait().await;
    Ok(())
}

impl Place {
    /// Ends when the time to show a key is over and none was shown.
    async fn without_key(&self) {
        tokio::time::sleep(KEY_LIMIT).await;
        if self.session.0.get().is_some() {
            std::future::pending::<()>().await;
        }
    }
}

/// Asks the oldest connection without a key to leave; `false` when there is none.
fn free_a_place(places: &[Weak<Place>]) -> bool {
    let shy = places
        .iter()
        .filter_map(Weak::upgrade)
        .find(|place| place.session.0.get().is_none() && !place.leave.is_cancelled());
    let Some(place) = shy.filter(|place| place.begun.elapsed() >= SETTLING) else {
        return false;
    };
    place.leave.cancel();
    true
}

/// Tells a client, in the protocol's words, that all places are taken. Asking to cancel a question needs no place.
async fn turn_away(mut socket: TcpStream, handlers: Connection) -> std::io::Result<()> {
    // What a client asks before its startup message: whether the server speaks TLS, or GSS.
    const ASKS: [u32; 2] = [80_877_103, 80_877_104];
    const LONGEST: u32 = 10_000;
    loop {
        let mut head = [0; 8];
        while socket.peek(&mut head).await? < head.len() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        if head[4..] == CANCEL.to_be_bytes() {
            serve(socket, handlers).await;
            return Ok(());
        }
        let (length, code) = (socket.read_u32().await?, socket.read_u32().await?);
        if !(8..LONGEST).contains(&length) {
            return Ok(());
        }
        let mut rest = vec![0; length as usize - 8];
        socket.read_exact(&mut rest).await?;
        if !ASKS.contains(&code) {
            break;
        }
        socket.write_all(b"N").await?;
    }
    let words =
        format!("all {MAX_CONNECTIONS} connections are taken; close some, or try again later");
    let mut fields = Vec::new();
    for (field, value) in [
        (b'S', "FATAL"),
        (b'V', "FATAL"),
        (b'C', "53300"),
        (b'M', &words),
    ] {
        fields.push(field);
        fields.extend(value.as_bytes());
        fields.push(0);
    }
    fields.push(0);
    let length = u32::try_from(fields.len() + 4).unwrap_or(u32::MAX);
    socket.write_u8(b'E').await?;
    socket.write_u32(length).await?;
    socket.write_all(&fields).await?;
    socket.shutdown().await
}

async fn serve(socket: TcpStream, handlers: Connection) {
    if let Err(error) = pgwire::tokio::process_socket(socket, None, handlers).await {
        tracing::debug!(%error, "postgres connection ended");
    }
}

/// One connection: its session exists once its key is known.
struct Connection {
    session: Arc<Session>,
    startup: Arc<Startup>,
    cancel: Arc<DefaultCancelHandler>,
}

#[derive(Default)]
struct Session(OnceLock<Opened>);

/// A connection that sent a key.
struct Opened {
    /// Shared with the parser of prepared statements.
    session: Arc<session::Session>,
    service: DfSessionService,
    authenticator: Arc<dyn Authenticator>,
    user: String,
    password: String,
    scope: Scope,
}

struct Startup {
    session: Arc<Session>,
    engine: Arc<QueryEngine>,
    authenticator: Arc<dyn Authenticator>,
    manager: Arc<ConnectionManager>,
}

impl Connection {
    fn new(
        engine: &Arc<QueryEngine>,
        authenticator: &Arc<dyn Authenticator>,
        manager: &Arc<ConnectionManager>,
    ) -> Self {
        let session = Arc::new(Session::default());
        Self {
            startup: Arc::new(Startup {
                session: Arc::clone(&session),
                engine: Arc::clone(engine),
                authenticator: Arc::clone(authenticator),
                manager: Arc::clone(manager),
            }),
            session,
            cancel: Arc::new(DefaultCancelHandler::new(Arc::clone(manager))),
        }
    }
}

impl PgWireServerHandlers for Connection {
    fn simple_query_handler(&self) -> Arc<impl SimpleQueryHandler> {
        Arc::clone(&self.session)
    }

    fn extended_query_handler(&self) -> Arc<impl ExtendedQueryHandler> {
        Arc::clone(&self.session)
    }

    fn startup_handler(&self) -> Arc<impl StartupHandler> {
        Arc::clone(&self.startup)
    }

    fn cancel_handler(&self) -> Arc<impl CancelHandler> {
        Arc::clone(&self.cancel)
    }

    fn error_handler(&self) -> Arc<impl ErrorHandler> {
        Arc::new(Wording)
    }
}

impl Startup {
    /// The session of a scope, and the service for what is no query.
    fn open(&self, scope: &Scope, user: &str) -> (Arc<session::Session>, DfSessionService) {
        let login = Login {
            user: user.to_owned(),
        };
        let session = Arc::new(self.engine.open(scope, login));
        let hooks: Vec<Arc<dyn QueryHook>> = vec![
            Arc::new(ReadOnly),
            Arc::new(CursorStatementHook),
            Arc::new(TransactionStatementHook),
        ];
        let context = Arc::new(session.context.clone());
        let service = DfSessionService::new_with_hooks(context, hooks);
        (session, service)
    }
}

#[async_trait]
impl StartupHandler for Startup {
    async fn on_startup<C>(
        &self,
        client: &mut C,
        message: PgWireFrontendMessage,
    ) -> PgWireResult<()>
    where
        C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::Error: std::fmt::Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        use futures::SinkExt as _;
        match message {
            PgWireFrontendMessage::Startup(ref startup) => {
                protocol_negotiation(client, startup).await?;
                save_startup_parameters_to_metadata(client, startup);
                client.set_state(PgWireConnectionState::AuthenticationInProgress);
                client
                    .send(PgWireBackendMessage::Authentication(
                        Authentication::CleartextPassword,
                    ))
                    .await?;
            }
            PgWireFrontendMessage::PasswordMessageFamily(password) => {
                let password = password.into_password()?.password;
                let user = client
                    .metadata()
                    .get(METADATA_USER)
                    .cloned()
                    .unwrap_or_default();
                let authenticator = Arc::clone(&self.authenticator);
                let (asked, with) = (user.clone(), password.clone());
                let scope =
                    tokio::task::spawn_blocking(move || authenticator.authenticate(&asked, &with))
                        .await
                        .map_err(|e| PgWireError::ApiError(Box::new(e)))?;
                let Some(scope) = scope else {
                    return Err(PgWireError::InvalidPassword(user));
                };
                let (session, service) = self.open(&scope, &user);
                statements::start(client, &session.settings).map_err(|e| to_pg(&e))?;
                let zone = session.settings.zone().shown().to_owned();
                let path = session.settings.show("search_path").map(|path| path.value);
                let _ = self.session.0.set(Opened {
                    session,
                    service,
                    authenticator: Arc::clone(&self.authenticator),
                    user,
                    password,
                    scope,
                });
                let (pid, secret) = RandomPidSecretKeyGenerator::default().generate(client);
                client.set_pid_and_secret_key(pid, secret.clone());
                let (handle, guard) = self.manager.register(pid, secret);
                client
                    .session_extensions()
                    .insert::<Arc<ConnectionHandle>>(handle);
                client.session_extensions().insert::<ConnectionGuard>(guard);
                let mut parameters = DefaultServerParameterProvider::default();
                parameters.server_version = SERVER_VERSION.to_owned();
                parameters.time_zone = zone;
                parameters.search_path = path.unwrap_or_default();
                parameters.is_superuser = false;
                parameters.default_transaction_read_only = true;
                finish_authentication(client, &parameters).await?;
            }
            _ => {}
        }
        Ok(())
    }
}

impl Session {
    /// The connection, if its key still works: one that is revoked ends open connections too.
    async fn opened(&self) -> PgWireResult<&Opened> {
        let refused = |message: &str| {
            let info = ErrorInfo::new("FATAL".to_owned(), "28000".to_owned(), message.to_owned());
            PgWireError::UserError(Box::new(info))
        };
        let opened = self
            .0
            .get()
            .ok_or_else(|| refused("send the key as password first"))?;
        let authenticator = Arc::clone(&opened.authenticator);
        let (user, password) = (opened.user.clone(), opened.password.clone());
        let scope =
            tokio::task::spawn_blocking(move || authenticator.authenticate(&user, &password))
                .await
                .map_err(|e| PgWireError::ApiError(Box::new(e)))?;
        if scope.as_ref() == Some(&opened.scope) {
            Ok(opened)
        } else {
            Err(refused("the key no longer works"))
        }
    }
}

#[async_trait]
impl SimpleQueryHandler for Session {
    async fn do_query<C>(&self, client: &mut C, query: &str) -> PgWireResult<Vec<Response>>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
        C::Error: std::fmt::Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let opened = self.opened().await?;
        let parsed = dialect::parse(query).map_err(|e| to_pg(&e))?;
        if parsed.is_empty() {
            return Ok(vec![Response::EmptyQuery]);
        }
        let mut responses = Vec::with_capacity(parsed.len());
        for statement in parsed {
            match statement {
                Statement::Set(set) => {
                    responses.push(statements::set(&opened.session, client, &set).await?);
                }
                Statement::Reset(reset) => {
                    let reset = statements::reset(&opened.session, client, &reset.reset).await?;
                    responses.push(reset);
                }
                statement if statements::is_query(&statement) => {
                    responses.push(statements::query(&opened.session, client, statement).await?);
                }
                other => {
                    opened.session.transaction(&other);
                    let text = other.to_string();
                    responses.extend(
                        SimpleQueryHandler::do_query(&opened.service, client, &text).await?,
                    );
                }
            }
        }
        let cancelled = cancelled(client).await;
        let stoppable = |response| stoppable(response, cancelled.clone());
        Ok(responses.into_iter().map(stoppable).collect())
    }
}

/// Ends when the client asks to cancel what it asked last.
type Cancelled = Option<Shared<oneshot::Receiver<()>>>;

/// pgwire listens for it only until the first row may be made, when most questions have yet to do their work. Whoever asks for it
/// takes it from pgwire, so nothing may be awaited after this.
async fn cancelled<C: ClientInfo>(client: &C) -> Cancelled {
    let handle = client.session_extensions().get::<Arc<ConnectionHandle>>()?;
    Some(handle.start_query().await.shared())
}

/// A response whose rows end with an error when the client cancels.
fn stoppable(response: Response, cancelled: Cancelled) -> Response {
    let Some(cancelled) = cancelled else {
        return response;
    };
    let mut rows = match response {
        Response::Query(rows) => rows,
        other => return other,
    };
    let stop = Box::pin(async move {
        // Dropped by the next question: then this one is done.
        if cancelled.await.is_err() {
            std::future::pending::<()>().await;
        }
    });
    let all = std::mem::replace(&mut rows.data_rows, Box::pin(futures::stream::empty()));
    let stopped = futures::stream::unfold(Some((all, stop)), |state| async move {
        let (mut all, mut stop) = state?;
        tokio::select! {
            biased;
            () = &mut stop => Some((Err(PgWireError::QueryCanceled), None)),
            row = all.next() => row.map(|row| (row, Some((all, stop)))),
        }
    });
    rows.data_rows = Box::pin(stopped);
    Response::Query(rows)
}

type Planned = (String, Option<(Statement, LogicalPlan)>);

/// Plans with the connection's own session.
struct SessionParser(Option<(Arc<Parser>, Arc<session::Session>)>);

impl SessionParser {
    fn parser(&self) -> PgWireResult<&Parser> {
        self.opened().map(|(parser, _)| parser.as_ref())
    }

    fn opened(&self) -> PgWireResult<&(Arc<Parser>, Arc<session::Session>)> {
        self.0.as_ref().ok_or_else(|| {
            let info = ErrorInfo::new(
                "FATAL".to_owned(),
                "28000".to_owned(),
                "send the key as password first".to_owned(),
            );
            PgWireError::UserError(Box::new(info))
        })
    }
}

#[async_trait]
impl QueryParser for SessionParser {
    type Statement = Planned;

    async fn parse_sql<C>(
        &self,
        client: &C,
        sql: &str,
        types: &[Option<Type>],
    ) -> PgWireResult<Option<Planned>>
    where
        C: ClientInfo + Unpin + Send + Sync,
    {
        let (parser, session) = self.opened()?;
        let mut parsed = dialect::parse(sql).map_err(|e| to_pg(&e))?;
        if parsed.is_empty() {
            return Ok(None);
        }
        let statement = parsed.remove(0);
        match statement {
            Statement::Set(_) | Statement::Reset(_) => {
                let text = statement.to_string();
                Ok(Some((text, Some((statement, statements::nothing()?)))))
            }
            statement if statements::is_query(&statement) => {
                let text = statement.to_string();
                let plan = session
                    .plan(statement.clone())
                    .await
                    .map_err(|e| to_pg(&e))?;
                Ok(Some((text, Some((statement, plan)))))
            }
            _ => parser.parse_sql(client, sql, types).await,
        }
    }

    fn get_parameter_types(&self, statement: &Planned) -> PgWireResult<Vec<Type>> {
        self.parser()?.get_parameter_types(statement)
    }

    fn get_result_schema(
        &self,
        statement: &Planned,
        format: Option<&Format>,
    ) -> PgWireResult<Vec<FieldInfo>> {
        match statement {
            (_, Some((query, plan))) if statements::is_query(query) => rows::described(
                plan.schema().as_arrow(),
                format.unwrap_or(&Format::UnifiedText),
            ),
            other => self.parser()?.get_result_schema(other, format),
        }
    }
}

#[async_trait]
impl ExtendedQueryHandler for Session {
    type Statement = Planned;
    type QueryParser = SessionParser;

    fn query_parser(&self) -> Arc<SessionParser> {
        Arc::new(SessionParser(self.0.get().map(|opened| {
            let parser = ExtendedQueryHandler::query_parser(&opened.service);
            (parser, Arc::clone(&opened.session))
        })))
    }

    async fn do_query<C>(
        &self,
        client: &mut C,
        portal: &Portal<Planned>,
        max_rows: usize,
    ) -> PgWireResult<Response>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Planned>,
        C::Error: std::fmt::Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let opened = self.opened().await?;
        match &portal.statement.statement {
            (_, Some((Statement::Set(set), _))) => {
                return statements::set(&opened.session, client, set).await;
            }
            (_, Some((Statement::Reset(reset), _))) => {
                return statements::reset(&opened.session, client, &reset.reset).await;
            }
            (_, Some((statement, plan))) if statements::is_query(statement) => {
                let response = statements::execute(&opened.session, client, plan, portal).await?;
                return Ok(stoppable(response, cancelled(client).await));
            }
            (_, Some((other, _))) => opened.session.transaction(other),
            _ => {}
        }
        let response =
            ExtendedQueryHandler::do_query(&opened.service, client, portal, max_rows).await?;
        Ok(stoppable(response, cancelled(client).await))
    }
}
