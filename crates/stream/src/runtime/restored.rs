//! What a start reads from the last checkpoint: each partition's worker, and what threads share.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tradewind_model::{Offset, TopicPartition};

use super::coordinator::{Coordinator, pending_key};
use super::{Control, Position, Rounds, RuntimeError, RuntimeParts};
use crate::checkpoint::CheckpointStore;
use crate::partition_worker::{Formats, PartitionCut, PartitionWorker, Shared};
use crate::rows::DerivedChange;
use crate::sink::Sink;
use crate::store_partition::OperatorConfig;

/// Restores every partition, several at a time: millions of keys are read and put into their tables.
fn restore_all(
    starts: &[(TopicPartition, Option<Offset>)],
    checkpoints: &dyn CheckpointStore,
    sink: &dyn Sink,
    shared: &Shared,
) -> Result<Vec<PartitionWorker>, RuntimeError> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let next = AtomicUsize::new(0);
    let restored = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..threads.min(starts.len()) {
            scope.spawn(|| {
                while let at = next.fetch_add(1, Ordering::Relaxed)
                    && let Some((partition, offset)) = starts.get(at)
                {
                    let worker =
                        PartitionWorker::restore(*partition, checkpoints, *offset, sink, shared);
                    restored.lock().insert(at, worker);
                }
            });
        }
    });
    restored.into_inner().into_values().collect()
}

/// How far the lake is with each partition.
pub(super) fn lake_offsets(parts: &RuntimeParts) -> BTreeMap<TopicPartition, Offset> {
    let partitions = parts.journal.topic_partitions().into_iter();
    let offsets = partitions.map(|partition| {
        let offset = parts.sink.reached(partition).unwrap_or_else(|error| {
            tracing::error!(%partition, %error, "the lake cannot say how far it is");
            0
        });
        (partition, offset)
    });
    offsets.collect()
}

/// What threads share, made from the last checkpoint.
pub(super) struct Restored {
    pub(super) control: Arc<Control>,
    pub(super) shared: Arc<Shared>,
    checkpoints: Arc<dyn CheckpointStore>,
    pending: Vec<DerivedChange>,
}

impl Restored {
    /// Reads the checkpoint: what is shared, and each partition's worker. `lake`: how far it is with each partition.
    pub(super) fn new(
        parts: &RuntimeParts,
        checkpoints: Arc<dyn CheckpointStore>,
        lake: &BTreeMap<TopicPartition, Offset>,
        operators: OperatorConfig,
        accept_lost_state: bool,
    ) -> Result<(Self, Vec<PartitionWorker>), RuntimeError> {
        let pending = checkpoints.pending()?;
        let offsets = checkpoints.offsets()?;
        let shared = Arc::new(Shared {
            journal: Arc::clone(&parts.journal),
            stores: Arc::clone(&parts.stores),
            formats: Formats::new(Arc::clone(&parts.journal)),
            hub: Arc::clone(&parts.hub),
            operators,
        });
        let mut starts = Vec::new();
        for (&partition, &reached) in lake {
            let offset = offsets.get(&partition).copied();
            let bounds = parts.journal.bounds(partition);
            let next = offset.unwrap_or(0);
            let known = next.max(reached);
            if known > bounds.next {
                tracing::error!(%partition, first = bounds.next, records = known - bounds.next, "the journal has lost records that the lake has; it goes on after them");
                parts.journal.skip_to(partition, known)?;
            }
            let earliest = parts.journal.bounds(partition).earliest;
            if next < earliest && !accept_lost_state {
                return Err(RuntimeError::Trimmed {
                    partition,
                    next,
                    earliest,
                });
            }
            starts.push((partition, offset));
        }
        let workers = restore_all(&starts, checkpoints.as_ref(), parts.sink.as_ref(), &shared)?;
        let control = Arc::new(Control {
            barrier: AtomicU64::new(0),
            open_rows: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            rounds: Mutex::new(Rounds::default()),
            changed: Condvar::new(),
            positions: workers
                .iter()
                .map(|w| Position {
                    partition: w.partition,
                    next: AtomicU64::new(w.next),
                    received_at: AtomicI64::new(0),
                })
                .collect(),
        });
        let restored = Self {
            control,
            shared,
            checkpoints,
            pending,
        };
        Ok((restored, workers))
    }

    /// The coordinator of `threads` threads that send it their cuts.
    pub(super) fn coordinator(
        self,
        parts: &RuntimeParts,
        cuts: mpsc::Receiver<Vec<PartitionCut>>,
        threads: usize,
        interval: Duration,
    ) -> Coordinator {
        Coordinator {
            control: self.control,
            shared: self.shared,
            sink: Arc::clone(&parts.sink),
            checkpoints: self.checkpoints,
            cuts,
            threads,
            interval,
            stored: self.pending.len(),
            spare_rows: 200_000,
            pending: self
                .pending
                .into_iter()
                .map(|c| (pending_key(&c), c))
                .collect(),
            flushed: Instant::now(),
            flush_cost: Duration::ZERO,
            retry_pause: Duration::from_millis(100),
        }
    }
}
