//! An opened data folder: journal, control database, lake, running operators, SQL engine.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use parking_lot::RwLock;
use tokio_util::sync::CancellationToken;
use tradewind_control::Control;
use tradewind_journal::{EmbeddedJournal, EmbeddedOptions, Journal, RetentionPolicy};
use tradewind_lake::{Lake, LakeOptions, LakeSink, MaintenancePolicy};
use tradewind_model::{Causes, Clock, StoreDirectory, SystemClock};
use tradewind_query::{QueryEngine, QueryLimits, QueryOptions};
use tradewind_stream::replayed::take_place;
use tradewind_stream::{LiveHub, RULES, Runtime, RuntimeConfig, RuntimeParts};

use crate::config::Config;
use crate::live_tables::HubTables;

/// Time between looks at what other processes changed: stores and keys.
pub const CONTROL_POLL: Duration = Duration::from_millis(200);

/// Everything that works on one data folder. One process at a time can have it.
pub struct Instance {
    pub config: Config,
    pub data_dir: PathBuf,
    pub clock: Arc<dyn Clock>,
    pub journal: Arc<EmbeddedJournal>,
    pub control: Arc<Control>,
    pub lake: Arc<Lake>,
    pub hub: Arc<LiveHub>,
    pub query: Arc<QueryEngine>,
    runtime: Arc<RwLock<Option<Runtime>>>,
    /// Ends when the instance does.
    _background: Background,
}

/// Threads that work on what is durable: operators, lake, SQL. They give way to those that take events in.
struct Background(Option<tokio::runtime::Runtime>);

impl Background {
    fn start() -> Result<Self> {
        let threads = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .thread_name("lake")
            .on_thread_start(tradewind_process::give_way)
            .build()
            .context("cannot start the threads of the lake")?;
        Ok(Self(Some(threads)))
    }

    fn handle(&self) -> Result<&tokio::runtime::Handle> {
        let threads = self.0.as_ref().context("the lake is closed")?;
        Ok(threads.handle())
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(threads) = self.0.take() {
            threads.shutdown_background();
        }
    }
}

/// What readers may ask of the running operators.
#[derive(Clone)]
pub struct RuntimeWatch(Arc<RwLock<Option<Runtime>>>);

impl RuntimeWatch {
    /// Asks the runtime, `None` when it has stopped.
    pub fn ask<T>(&self, question: impl FnOnce(&Runtime) -> T) -> Option<T> {
        self.0.read().as_ref().map(question)
    }
}

impl Instance {
    /// Opens the folder, restores operator state and starts the operators.
    pub async fn open(config: Config, data_dir: &Path) -> Result<Self> {
        std::fs::create_dir_all(data_dir)
            .with_context(|| format!("cannot make the data folder `{}`", data_dir.display()))?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let options = EmbeddedOptions {
            partitions: config.journal.partitions,
            reserve_bytes: config.journal.reserve.as_u64(),
            ..EmbeddedOptions::default()
        };
        let journal = Arc::new(EmbeddedJournal::open(&data_dir.join("journal"), &options)?);
        // What questions of a process that was killed had spilled. The journal's lock says that no other one is at work here.
        let spilled = data_dir.join("tmp");
        match std::fs::remove_dir_all(&spilled) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(folder = %spilled.display(), %error, "left-over files cannot be deleted");
            }
            _ => {}
        }
        let control = Arc::new(Control::open(data_dir, Arc::clone(&clock)).await?);
        let background = Background::start()?;
        let threads = background.handle()?.clone();
        let lake = Lake::open(
            data_dir,
            threads.clone(),
            LakeOptions {
                partitions: journal.partitions(),
            },
        )
        .await?;
        let partitions = journal.topic_partitions();
        if let Some(store) = take_place(data_dir, &lake.generation(), &partitions)? {
            tracing::info!(%store, "the live state of a replay took its place");
        }
        for store in control.stores() {
            let rules = lake.counted_by(&store.store_id);
            if rules != RULES {
                tracing::warn!(store = %store.store_id, rules, today = RULES, "counted by older rules; what comes new is counted by today's, `tradewind replay --store {}` counts all of it again", store.store_id);
            }
        }
        let hub = Arc::new(LiveHub::default());
        let parts = RuntimeParts {
            journal: Arc::clone(&journal) as Arc<dyn Journal>,
            stores: Arc::clone(&control) as Arc<dyn StoreDirectory>,
            sink: Arc::new(LakeSink::new(Arc::clone(&lake))),
            hub: Arc::clone(&hub),
        };
        let mut runtime_config = RuntimeConfig::new(data_dir.join("state"));
        if config.stream.threads > 0 {
            runtime_config.threads = config.stream.threads;
        }
        runtime_config.accept_lost_state = config.stream.accept_lost_state;
        runtime_config.checkpoint_interval = config.stream.checkpoint_interval.0;
        runtime_config.operators = config.operators();
        // Threads that are started there give way too.
        let started = threads.spawn_blocking(move || Runtime::start(&parts, &runtime_config));
        let runtime = started.await??;
        let runtime = Arc::new(RwLock::new(Some(runtime)));
        let tables = HubTables::new(
            Arc::clone(&hub),
            Arc::clone(&journal) as Arc<dyn Journal>,
            RuntimeWatch(Arc::clone(&runtime)),
        );
        let options = QueryOptions {
            memory: usize::try_from(config.sql.memory.as_u64()).unwrap_or(usize::MAX),
            spill_dir: Some(data_dir.join("tmp")),
            limits: QueryLimits {
                timeout: config.sql.timeout.0,
                max_rows: Some(config.sql.max_rows),
            },
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        };
        let of_query = Arc::clone(&lake);
        let query = threads
            .spawn_blocking(move || QueryEngine::new(of_query, Arc::new(tables), options))
            .await??;
        Ok(Self {
            config,
            data_dir: data_dir.to_owned(),
            clock,
            journal,
            control,
            lake,
            hub,
            query,
            runtime,
            _background: background,
        })
    }

    /// A watch on the operators.
    pub fn watch(&self) -> RuntimeWatch {
        RuntimeWatch(Arc::clone(&self.runtime))
    }

    /// Waits until everything in the journal is processed, checkpointed and in the silver tables.
    pub async fn drain(&self) -> Result<()> {
        let watch = self.watch();
        tokio::task::spawn_blocking(move || watch.ask(Runtime::drain))
            .await?
            .context("the operators have stopped")??;
        Ok(())
    }

    /// Brings the gold tables up to date with silver.
    pub async fn refresh_gold(&self) -> Result<()> {
        loop {
            let progress = self.lake.refresh_gold(256).await?;
            if progress.remaining == 0 {
                return Ok(());
            }
        }
    }

    /// Starts the work that goes on beside serving: gold, maintenance, retention, keys made by other processes.
    pub fn start_background(&self, stop: &CancellationToken) {
        let (lake, stopped, least) = (
            Arc::clone(&self.lake),
            stop.clone(),
            self.config.lake.gold_interval.0,
        );
        self.lake.runtime().spawn(async move {
            let mut wait = least;
            while !pause(&stopped, wait).await {
                let started = std::time::Instant::now();
                if let Err(error) = lake.refresh_gold(64).await {
                    tracing::error!(error = %Causes(&error), "the gold tables could not be refreshed; trying again");
                }
                // At most a fifth of one core's time goes into gold.
                wait = least.max(started.elapsed() * 4);
            }
        });
        let (lake, clock, stopped) = (
            Arc::clone(&self.lake),
            Arc::clone(&self.clock),
            stop.clone(),
        );
        let (journal, every) = (
            Arc::clone(&self.journal),
            self.config.lake.maintenance_interval.0,
        );
        let upkeep = MaintenancePolicy {
            retention: self.config.lake.file_retention.0,
            log_retention: self.config.lake.log_retention.0,
            vacuum_every: self.config.lake.vacuum_interval.0,
            ..MaintenancePolicy::default()
        };
        let size = self.config.journal.retention_size.as_u64();
        let policy = RetentionPolicy {
            max_age: Some(self.config.journal.retention.micros()),
            max_bytes: (size > 0).then_some(size),
        };
        self.lake.runtime().spawn(async move {
            while !pause(&stopped, every).await {
                if let Err(error) = lake.maintain(&upkeep, clock.now()).await {
                    tracing::error!(error = %Causes(&error), "lake maintenance failed; trying again");
                }
                let (journal, now) = (Arc::clone(&journal), clock.now());
                let trimmed = tokio::task::spawn_blocking(move || journal.trim(&policy, now)).await;
                match trimmed {
                    Ok(Ok(0)) => {}
                    Ok(Ok(records)) => {
                        tracing::info!(records, "old records left the journal; bronze keeps them")
                    }
                    Ok(Err(error)) => tracing::error!(%error, "retention failed; trying again"),
                    Err(error) => tracing::error!(%error, "retention failed; trying again"),
                }
            }
        });
        let (control, stopped) = (Arc::clone(&self.control), stop.clone());
        tokio::spawn(async move {
            while !pause(&stopped, CONTROL_POLL).await {
                if let Err(error) = control.refresh_if_changed().await {
                    tracing::warn!(error = %Causes(&error), "the control database could not be read");
                }
            }
        });
    }

    /// Takes the last checkpoint and closes everything.
    pub async fn close(self) -> Result<()> {
        let runtime = self.runtime.write().take();
        let last = match runtime {
            Some(runtime) => tokio::task::spawn_blocking(move || runtime.shutdown()).await?,
            None => Ok(()),
        };
        self.control.close().await;
        last.context("the last checkpoint failed; what is in the journal is processed again at the next start")
    }
}

/// Waits; `true` when it is time to stop.
async fn pause(stop: &CancellationToken, wait: Duration) -> bool {
    tokio::select! {
        () = stop.cancelled() => true,
        () = tokio::time::sleep(wait) => false,
    }
}
