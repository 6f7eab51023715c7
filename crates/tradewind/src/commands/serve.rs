//! `tradewind serve`: the server, from an open folder to a graceful end.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tradewind_control::KeyKind;
use tradewind_ingest::{Ingest, Limits};
use tradewind_journal::Journal;
use tradewind_model::UuidSource;
use tradewind_query::QueryLimits;
use tradewind_serve::{App, AppParts, Gate, Settings, start_link};
use tradewind_stream::Runtime;

use crate::cli::ServeArgs;
use crate::config::Config;
use crate::doors::{EngineDoor, InstanceHealth, PasswordDoor};
use crate::instance::Instance;
use crate::live_views::HubViews;
use crate::terminal::say_line;

/// A running server.
pub struct Server {
    pub instance: Instance,
    /// `http://127.0.0.1:8080`
    pub url: String,
    /// The link that opens the dashboard.
    pub link: String,
    /// Where the Postgres protocol listens.
    pub pg: Option<String>,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

/// Opens everything and listens.
pub async fn start(config: Config, data_dir: &Path, args: &ServeArgs) -> Result<Server> {
    let listen = args
        .listen
        .clone()
        .unwrap_or_else(|| config.serve.listen.clone());
    let pg_listen = args
        .pg_listen
        .clone()
        .unwrap_or_else(|| config.serve.pg_listen.clone());
    // Listening comes first: a port that is taken is told before anything is opened.
    let listener = bind(&listen, "--listen").await?;
    let pg_listener = if pg_listen.is_empty() {
        None
    } else {
        Some(bind(&pg_listen, "--pg-listen").await?)
    };
    let metrics = tradewind_serve::telemetry::install().context("metrics cannot be collected")?;
    let instance = Instance::open(config, data_dir).await?;
    let stop = CancellationToken::new();
    instance.start_background(&stop);

    let limits = QueryLimits {
        timeout: instance.config.sql.timeout.0,
        max_rows: Some(instance.config.sql.max_rows),
    };
    let journal = Arc::clone(&instance.journal) as Arc<dyn Journal>;
    let settings = Settings {
        max_body: usize::try_from(instance.config.serve.max_body.as_u64()).unwrap_or(usize::MAX),
        secure_cookies: instance.config.serve.secure_cookies,
        max_connections: Settings::default()
            .max_connections
            .min(connections_possible()),
        ..Settings::default()
    };
    let app = App::new(AppParts {
        control: Arc::clone(&instance.control),
        events: Arc::new(Ingest::new(
            Arc::clone(&journal),
            Arc::clone(&instance.clock),
            Arc::new(UuidSource),
            Limits::default(),
        )),
        live: Arc::new(HubViews::new(
            Arc::clone(&instance.hub),
            journal,
            instance.watch(),
            Arc::clone(&instance.clock),
        )),
        sql: Arc::new(EngineDoor::new(
            Arc::clone(&instance.query),
            limits,
            instance.config.sql.concurrent,
        )),
        health: Arc::new(InstanceHealth {
            watch: instance.watch(),
            journal: Arc::clone(&instance.journal) as Arc<dyn Journal>,
        }),
        clock: Arc::clone(&instance.clock),
        ids: Arc::new(UuidSource),
        metrics: Some(metrics),
        settings,
    })
    .context("the HTTP server cannot start")?;
    let url = format!("http://{}", listener.local_addr()?);
    let mut tasks = Vec::new();
    let token = stop.clone();
    tasks.push(tokio::spawn(async move {
        if let Err(error) = tradewind_serve::serve(listener, app, token).await {
            tracing::error!(%error, "the HTTP server ended");
        }
    }));
    let mut pg = None;
    if let Some(listener) = pg_listener {
        pg = Some(listener.local_addr()?.to_string());
        let gate = Arc::new(PasswordDoor(Gate::new(Arc::clone(&instance.control))));
        let (engine, token) = (Arc::clone(&instance.query), stop.clone());
        // On the threads for SQL: there its queries hold up neither events nor pages.
        let served = instance.query.spawn(async move {
            if let Err(error) = tradewind_query::serve_postgres(listener, engine, gate, token).await
            {
                tracing::error!(%error, "the Postgres server ended");
            }
        })?;
        tasks.push(served.detach());
    }
    let link = start_link(&url, &instance.control);
    Ok(Server {
        instance,
        url,
        link,
        pg,
        stop,
        tasks,
    })
}

/// Connections for which there are file handles: half of what the process may have, raised as far as the system lets it.
fn connections_possible() -> usize {
    let handles = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(1_024);
    usize::try_from(handles / 2).unwrap_or(usize::MAX)
}

async fn bind(address: &str, flag: &str) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address}; choose another address with {flag} HOST:PORT")
    })
}

/// How long a stop waits for requests and queries that are under way.
const LAST_REQUESTS: std::time::Duration = std::time::Duration::from_secs(10);

impl Server {
    /// Stops accepting, finishes what is under way, takes the last checkpoint.
    pub async fn stop(self) -> Result<()> {
        self.stop.cancel();
        for task in self.tasks {
            // What does not end by itself ends with the process; everything that must last is in the journal.
            if tokio::time::timeout(LAST_REQUESTS, task).await.is_err() {
                tracing::warn!("requests or queries were still under way");
            }
        }
        self.instance.close().await
    }
}

pub async fn run(config: Config, data_dir: &Path, args: &ServeArgs) -> Result<ExitCode> {
    let server = start(config, data_dir, args).await?;
    say_line!("Tradewind is ready.\n");
    say_line!("  Dashboard   {}", server.link);
    say_line!(
        "  API         {}   (description: {}/openapi.json)",
        server.url,
        server.url
    );
    if let Some(pg) = &server.pg {
        let (host, port) = pg.rsplit_once(':').unwrap_or((pg, "5439"));
        say_line!("  SQL         psql -h {host} -p {port} -U tradewind   (password: a read key)");
    }
    say_line!("  Data        {}\n", server.instance.data_dir.display());
    first_event(&server).await?;
    let failed = tokio::select! {
        () = super::stop_signal() => None,
        reason = operators_failed(&server.instance) => Some(reason),
    };
    match &failed {
        None => say_line!("stopping: finishing requests, then the last checkpoint"),
        Some(reason) => {
            tracing::error!(%reason, "the operators have stopped; stopping, so that a new start goes on from the last checkpoint")
        }
    }
    let stopped = server.stop().await;
    if failed.is_some() {
        // Whoever watches over the process must see that it did not end well.
        return Ok(ExitCode::FAILURE);
    }
    stopped?;
    Ok(ExitCode::SUCCESS)
}

/// Waits until the operators fail. Taking events on without them would only look like work.
async fn operators_failed(instance: &Instance) -> String {
    let watch = instance.watch();
    loop {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        // Not `health`: a lake that does not take rows for a while is tried again.
        if let Some(Some(reason)) = watch.ask(Runtime::failure) {
            return reason;
        }
    }
}

/// On a new folder: makes a first store with a write key and shows how to send an event.
async fn first_event(server: &Server) -> Result<()> {
    use tradewind_model::StoreDirectory as _;
    if !server.instance.control.stores().is_empty() {
        say_line!(
            "Make keys with: tradewind key create --store STORE --kind write|read --data-dir '{}'",
            server.instance.data_dir.display()
        );
        return Ok(());
    }
    let store = super::ensure_store(
        &server.instance.control,
        "main",
        Some("My shop"),
        None,
        None,
    )
    .await?;
    let key = server
        .instance
        .control
        .create_key(&store.store_id, KeyKind::Write, "first start")
        .await?;
    say_line!("Send the first event to store `main` (its write key is shown only now):\n");
    let event = r#"{"type":"product_viewed","anonymous_id":"visitor-1","product":{"product_id":"p1","name":"Mug","price":"9.90"}}"#;
    let (url, key) = (&server.url, key.secret.reveal());
    say_line!(
        "  curl {url}/v1/events -H 'Authorization: Bearer {key}' \\\n    -H 'Content-Type: application/json' -d '{event}'\n"
    );
    say_line!(
        "The store counts in {} and its days are those of {}. For a shop with another currency or time zone:\n  \
         tradewind key create --store NAME --kind write --currency EUR --timezone Europe/Berlin --data-dir '{}'\n",
        store.currency,
        store.zone.name(),
        server.instance.data_dir.display()
    );
    Ok(())
}
