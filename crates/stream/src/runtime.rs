//! Runs the operators: threads that own partitions, and a coordinator that turns barriers into checkpoints.
//!
//! A barrier asks every thread for what changed since the last one. Threads hand it over between two blocks and go on at once;
//! the coordinator makes the rows durable in the lake, then state and offsets in the checkpoint. A crash at any instant
//! leaves either the old or the new checkpoint, and the lake drops rows it has already (S1).

mod coordinator;
mod restored;
mod stepped;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use restored::Restored;
pub use stepped::SteppedRuntime;
use tradewind_journal::{Journal, JournalError};
use tradewind_model::{Offset, StoreDirectory, TopicPartition};

use crate::checkpoint::{CheckpointError, Checkpoints};
use crate::live::LiveHub;
use crate::partition_worker::{PartitionCut, PartitionWorker, Shared};
use crate::sink::Sink;
use crate::store_partition::OperatorConfig;

/// How the runtime works.
#[derive(Debug, Clone)]
pub struct RuntimeConfig {
    /// Where the checkpoint lives.
    pub folder: PathBuf,
    /// Threads that own partitions.
    pub threads: usize,
    /// Time between checkpoints.
    pub checkpoint_interval: Duration,
    /// The least time between two publications of a snapshot while events pour in.
    pub publish_interval: Duration,
    /// Bytes of rows a thread may hold before it asks for a barrier; at twice as many it waits for one.
    pub buffer_bytes: usize,
    /// Starts although retention has deleted records that the checkpoint does not cover.
    pub accept_lost_state: bool,
    /// The operators' settings.
    pub operators: OperatorConfig,
}

impl RuntimeConfig {
    /// The defaults, with the checkpoint in `folder`.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            checkpoint_interval: Duration::from_secs(3),
            publish_interval: Duration::from_millis(50),
            buffer_bytes: 24 << 20,
            accept_lost_state: false,
            operators: OperatorConfig::default(),
        }
    }
}

/// What the runtime works with.
#[derive(Clone)]
pub struct RuntimeParts {
    /// The log.
    pub journal: Arc<dyn Journal>,
    /// The stores' settings.
    pub stores: Arc<dyn StoreDirectory>,
    /// The lake.
    pub sink: Arc<dyn Sink>,
    /// Where snapshots are published.
    pub hub: Arc<LiveHub>,
}

/// A failure of the runtime.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The log failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The checkpoint failed.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A record format is not understood.
    #[error("{0}")]
    Format(String),
    /// Retention has deleted records that the operators have not read: the checkpoint is gone, or an old copy.
    #[error(
        "the operators have to go on from offset {next} of {partition}, but the journal keeps records from offset {earliest} on: the `state` folder is gone or an old copy. Restore it; or set stream.accept_lost_state = true for one start: live views then begin anew with what the journal still has, while the lake keeps everything"
    )]
    Trimmed {
        /// The partition.
        partition: TopicPartition,
        /// The offset to go on from.
        next: Offset,
        /// The earliest the journal keeps.
        earliest: Offset,
    },
    /// The lake did not take rows; they are in the checkpoint and are given again.
    #[error("the lake did not take changed orders, sessions or carts: {0}")]
    Lake(String),
    /// A thread could not be started or has ended.
    #[error("a stream thread failed: {0}")]
    Thread(String),
}

/// How far one partition has come.
struct Position {
    partition: TopicPartition,
    next: AtomicU64,
    received_at: AtomicI64,
}

#[derive(Default)]
struct Rounds {
    /// The barrier asked for.
    asked: u64,
    /// The barrier whose checkpoint is durable.
    done: u64,
    /// Whether the next one also puts every pending row into the lake.
    flush: bool,
    /// Whether as many follow as it takes to hand out every row that operators owe.
    everything: bool,
    failed: Option<String>,
    /// Why the lake did not take the pending rows of the last barrier.
    owed: Option<String>,
    /// What keeps the barrier under way from ending; it is tried again.
    troubled: Option<String>,
}

struct Control {
    barrier: AtomicU64,
    /// Whether the barrier asks for the rows of open sessions and carts: the lake will take rows.
    open_rows: AtomicBool,
    stop: AtomicBool,
    rounds: Mutex<Rounds>,
    changed: Condvar,
    positions: Vec<Position>,
}

/// What a barrier is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ask {
    /// A checkpoint.
    Checkpoint,
    /// Also what waits for the lake, and what operators owe as far as one barrier goes; the rest is in their state.
    Flush,
    /// Also everything operators owe.
    Everything,
}

impl Control {
    fn ask(&self, what: Ask) -> u64 {
        let mut rounds = self.rounds.lock();
        // A barrier already under way may have cut before this call: only the one after it surely covers it.
        rounds.asked = rounds
            .asked
            .max(rounds.done + 1)
            .max(self.barrier.load(Ordering::Acquire) + 1);
        rounds.flush |= what != Ask::Checkpoint;
        rounds.everything |= what == Ask::Everything;
        let asked = rounds.asked;
        drop(rounds);
        self.changed.notify_all();
        asked
    }

    fn fail(&self, reason: String) {
        tracing::error!(reason, "the stream runtime has stopped");
        self.rounds.lock().failed.get_or_insert(reason);
        self.stop.store(true, Ordering::Release);
        self.changed.notify_all();
    }
}

/// The running operators. Dropping it stops them without a last checkpoint, as a crash would; call [`Runtime::shutdown`].
pub struct Runtime {
    control: Arc<Control>,
    shared: Arc<Shared>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Runtime {
    /// Restores the last checkpoint and starts the threads; returns when state is loaded and published.
    ///
    /// A damaged checkpoint is set aside and computed again from the journal. A journal that has lost records which the
    /// checkpoint covers goes on after them: the lake has them, for its commits come before the checkpoint's.
    ///
    /// # Errors
    /// [`RuntimeError`] when the checkpoint cannot be read, or the journal no longer has everything to compute it again.
    pub fn start(parts: &RuntimeParts, config: &RuntimeConfig) -> Result<Self, RuntimeError> {
        let reason = match Self::start_with(parts, config) {
            Err(RuntimeError::Checkpoint(CheckpointError::Damaged(reason))) => reason,
            started => return started,
        };
        let partitions = parts.journal.topic_partitions();
        let trimmed = partitions
            .iter()
            .any(|p| parts.journal.bounds(*p).earliest > 0);
        if trimmed && !config.accept_lost_state {
            return Err(CheckpointError::Damaged(format!(
                "{reason}; the journal no longer has everything to compute it again: restore a copy of `{}`, or set stream.accept_lost_state = true for one start: live views then begin anew with what the journal still has, while the lake keeps everything",
                config.folder.display()
            ))
            .into());
        }
        let aside = tradewind_journal::set_aside(&config.folder).map_err(|e| {
            CheckpointError::Storage(format!(
                "it is damaged ({reason}), and its folder cannot be set aside: {e}"
            ))
        })?;
        tracing::error!(reason, kept = %aside.display(), "the operators' state is damaged; it was set aside and is computed again from the journal");
        Self::start_with(parts, config)
    }

    fn start_with(parts: &RuntimeParts, config: &RuntimeConfig) -> Result<Self, RuntimeError> {
        // Each reads its own files and seldom uses more than one core: a start waits for the longer of the two.
        let (checkpoints, lake) = std::thread::scope(|scope| {
            let lake = scope.spawn(|| restored::lake_offsets(parts));
            let checkpoints = Checkpoints::open(&config.folder);
            let lake = lake
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            (checkpoints, lake)
        });
        let (restored, workers) = Restored::new(
            parts,
            Arc::new(checkpoints?),
            &lake,
            config.operators,
            config.accept_lost_state,
        )?;
        let Restored {
            ref control,
            ref shared,
            ..
        } = restored;
        let count = config.threads.clamp(1, workers.len().max(1));
        let mut shares: Vec<Vec<(usize, PartitionWorker)>> =
            (0..count).map(|_| Vec::new()).collect();
        for (i, worker) in workers.into_iter().enumerate() {
            shares[i % count].push((i, worker));
        }
        let (cuts, received) = mpsc::channel();
        let mut threads = Vec::new();
        for (i, share) in shares.into_iter().enumerate() {
            let thread = WorkerThread {
                workers: share,
                control: Arc::clone(control),
                shared: Arc::clone(shared),
                cuts: cuts.clone(),
                seen_barrier: 0,
                publish_interval: config.publish_interval,
                buffer_bytes: config.buffer_bytes,
            };
            threads.push(spawn(format!("stream-{i}"), control, move || thread.run())?);
        }
        drop(cuts);
        let (control, shared) = (Arc::clone(control), Arc::clone(shared));
        let coordinator = restored.coordinator(parts, received, count, config.checkpoint_interval);
        threads.push(spawn(
            "stream-checkpoint".to_owned(),
            &control,
            move || coordinator.run(),
        )?);
        Ok(Self {
            control,
            shared,
            threads,
        })
    }

    /// Why the runtime has stopped, if it has. Only a new start helps then.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        self.control.rounds.lock().failed.clone()
    }

    /// Whether the runtime works; the reason when it has stopped, or when the lake owes rows, which it goes on trying.
    ///
    /// # Errors
    /// The reason in words.
    pub fn health(&self) -> Result<(), String> {
        let rounds = self.control.rounds.lock();
        if let Some(reason) = &rounds.failed {
            return Err(reason.clone());
        }
        if let Some(reason) = &rounds.troubled {
            return Err(reason.clone());
        }
        match &rounds.owed {
            Some(reason) => Err(format!(
                "the lake does not take changed orders, sessions or carts: {reason}"
            )),
            None => Ok(()),
        }
    }

    /// Each partition's next offset to process and the reception time of the last record processed.
    #[must_use]
    pub fn positions(&self) -> Vec<(TopicPartition, Offset, tradewind_model::Micros)> {
        self.control
            .positions
            .iter()
            .map(|p| {
                let received = p.received_at.load(Ordering::Relaxed);
                (
                    p.partition,
                    p.next.load(Ordering::Acquire),
                    tradewind_model::Micros(received),
                )
            })
            .collect()
    }

    /// Records in the journal that are not processed yet.
    #[must_use]
    pub fn behind(&self) -> u64 {
        self.positions()
            .into_iter()
            .map(|(partition, next, _)| {
                self.shared
                    .journal
                    .bounds(partition)
                    .next
                    .saturating_sub(next)
            })
            .sum()
    }

    /// Waits until everything that is in the journal now is processed, checkpointed and in the lake's tables.
    ///
    /// # Errors
    /// [`RuntimeError::Thread`] when the runtime has failed.
    pub fn drain(&self) -> Result<(), RuntimeError> {
        let targets: Vec<(usize, Offset)> = self
            .control
            .positions
            .iter()
            .enumerate()
            .map(|(i, p)| (i, self.shared.journal.bounds(p.partition).next))
            .collect();
        loop {
            if let Some(reason) = &self.control.rounds.lock().failed {
                return Err(RuntimeError::Thread(reason.clone()));
            }
            let done = targets.iter().all(|(i, target)| {
                self.control.positions[*i].next.load(Ordering::Acquire) >= *target
            });
            if done {
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        self.checkpoint()
    }

    /// Asks for a checkpoint that also puts every pending row into the lake, and waits for it.
    ///
    /// # Errors
    /// [`RuntimeError::Thread`] when the runtime has failed.
    pub fn checkpoint(&self) -> Result<(), RuntimeError> {
        self.checkpoint_within(Ask::Everything, None)
    }

    fn checkpoint_within(&self, what: Ask, limit: Option<Duration>) -> Result<(), RuntimeError> {
        let end = limit.map(|limit| Instant::now() + limit);
        let asked = self.control.ask(what);
        let mut rounds = self.control.rounds.lock();
        while rounds.done < asked {
            if let Some(reason) = &rounds.failed {
                return Err(RuntimeError::Thread(reason.clone()));
            }
            match end {
                None => self.control.changed.wait(&mut rounds),
                Some(end) => {
                    if self
                        .control
                        .changed
                        .wait_until(&mut rounds, end)
                        .timed_out()
                    {
                        return Err(RuntimeError::Lake(
                            "it has not taken the last checkpoint's rows in time; they are taken from the journal at the next start".to_owned(),
                        ));
                    }
                }
            }
        }
        match &rounds.owed {
            Some(reason) => Err(RuntimeError::Lake(reason.clone())),
            None => Ok(()),
        }
    }

    /// Takes a last checkpoint and stops.
    ///
    /// # Errors
    /// [`RuntimeError`] when the last checkpoint failed; what is in the journal is then processed again at the next start.
    pub fn shutdown(mut self) -> Result<(), RuntimeError> {
        let last = self.checkpoint_within(Ask::Flush, Some(LAST_CHECKPOINT));
        self.stop();
        last
    }

    fn stop(&mut self) {
        self.control.stop.store(true, Ordering::Release);
        self.control.changed.notify_all();
        self.shared.journal.signal().raise();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.stop();
    }
}

fn spawn(
    name: String,
    control: &Arc<Control>,
    body: impl FnOnce() -> Result<(), RuntimeError> + Send + 'static,
) -> Result<std::thread::JoinHandle<()>, RuntimeError> {
    let control = Arc::clone(control);
    std::thread::Builder::new()
        .name(name.clone())
        .spawn(move || {
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
            match result {
                Ok(Ok(())) => {}
                Ok(Err(error)) => control.fail(error.to_string()),
                Err(_) => control.fail(format!("thread {name} panicked")),
            }
        })
        .map_err(|e| RuntimeError::Thread(e.to_string()))
}

/// How long a shutdown waits for the last checkpoint: a lake that cannot write must not hold it for ever.
const LAST_CHECKPOINT: Duration = Duration::from_secs(30);

/// How often a thread asks a journal that fails before it gives up: ten minutes, for a damaged log is made anew meanwhile.
const READ_TRIES: u32 = 3_000;

struct WorkerThread {
    workers: Vec<(usize, PartitionWorker)>,
    control: Arc<Control>,
    shared: Arc<Shared>,
    cuts: Sender<Vec<PartitionCut>>,
    seen_barrier: u64,
    publish_interval: Duration,
    buffer_bytes: usize,
}

impl WorkerThread {
    fn run(mut self) -> Result<(), RuntimeError> {
        let signal = self.shared.journal.signal();
        let mut published = Instant::now();
        let mut failures: BTreeMap<usize, u32> = BTreeMap::new();
        while !self.control.stop.load(Ordering::Acquire) {
            let generation = signal.generation();
            let mut progressed = false;
            for i in 0..self.workers.len() {
                self.answer_barrier()?;
                let buffered: usize = self.workers.iter().map(|(_, w)| w.buffered_bytes()).sum();
                if buffered > self.buffer_bytes {
                    self.control.ask(Ask::Checkpoint);
                }
                if buffered > 2 * self.buffer_bytes {
                    self.wait_for_barrier()?;
                }
                let (slot, worker) = &mut self.workers[i];
                let stepped = match worker.step(&self.shared) {
                    // A storage that failed is opened again by the writer; what is in it can be read then.
                    Err(RuntimeError::Journal(error))
                        if failures.get(&i).is_none_or(|n| *n < READ_TRIES) =>
                    {
                        *failures.entry(i).or_default() += 1;
                        tracing::warn!(partition = %worker.partition, %error, "the journal cannot be read; trying again");
                        std::thread::sleep(Duration::from_millis(200));
                        continue;
                    }
                    other => other?,
                };
                failures.remove(&i);
                if stepped {
                    progressed = true;
                    let position = &self.control.positions[*slot];
                    position
                        .received_at
                        .store(worker.last_received.0, Ordering::Relaxed);
                    position.next.store(worker.next, Ordering::Release);
                }
            }
            if !progressed || published.elapsed() >= self.publish_interval {
                published = Instant::now();
                for (_, worker) in &mut self.workers {
                    worker.publish(&self.shared.hub);
                }
            }
            if !progressed {
                self.answer_barrier()?;
                signal.wait_past(generation, Duration::from_millis(200));
            }
        }
        Ok(())
    }

    fn answer_barrier(&mut self) -> Result<(), RuntimeError> {
        let barrier = self.control.barrier.load(Ordering::Acquire);
        if barrier == self.seen_barrier {
            return Ok(());
        }
        self.seen_barrier = barrier;
        let open_rows = self.control.open_rows.load(Ordering::Acquire);
        let cuts = self
            .workers
            .iter_mut()
            .filter_map(|(_, w)| w.cut(open_rows))
            .collect();
        self.cuts
            .send(cuts)
            .map_err(|_| RuntimeError::Thread("the coordinator has ended".to_owned()))
    }

    /// Waits until the coordinator asks; it holds rows of an earlier barrier that the lake has not taken yet.
    fn wait_for_barrier(&mut self) -> Result<(), RuntimeError> {
        while self.control.barrier.load(Ordering::Acquire) == self.seen_barrier {
            if self.control.stop.load(Ordering::Acquire) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        self.answer_barrier()
    }
}

#[cfg(test)]
#[path = "runtime_tests.rs"]
mod tests;
