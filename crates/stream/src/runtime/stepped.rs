//! The runtime one step at a time on the caller's thread: the same workers and the same coordinator, in an order the caller
//! decides. Deterministic simulation drives it; a crash is dropping it.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use tradewind_model::{Offset, TopicPartition};

use super::coordinator::Coordinator;
use super::restored::{Restored, lake_offsets};
use super::{RuntimeError, RuntimeParts};
use crate::checkpoint::CheckpointStore;
use crate::partition_worker::{PartitionCut, PartitionWorker, Shared};
use crate::store_partition::OperatorConfig;

/// The operators without threads.
pub struct SteppedRuntime {
    workers: Vec<PartitionWorker>,
    shared: Arc<Shared>,
    coordinator: Coordinator,
    cuts: Vec<PartitionCut>,
}

impl SteppedRuntime {
    /// Restores from `checkpoints`, as [`super::Runtime::start`] does.
    ///
    /// # Errors
    /// [`RuntimeError`].
    pub fn start(
        parts: &RuntimeParts,
        checkpoints: Arc<dyn CheckpointStore>,
        operators: OperatorConfig,
    ) -> Result<Self, RuntimeError> {
        let lake = lake_offsets(parts);
        let (restored, workers) = Restored::new(parts, checkpoints, &lake, operators, false)?;
        let shared = Arc::clone(&restored.shared);
        let (_, received) = mpsc::channel();
        let mut coordinator = restored.coordinator(parts, received, 0, Duration::ZERO);
        coordinator.retry_pause = Duration::ZERO;
        // So few that a simulation gets to tidying up.
        coordinator.spare_rows = 30;
        Ok(Self {
            workers,
            shared,
            coordinator,
            cuts: Vec::new(),
        })
    }

    /// Partitions of all topics, numbered from 0.
    #[must_use]
    pub fn partitions(&self) -> usize {
        self.workers.len()
    }

    /// The next offset that a partition reads.
    #[must_use]
    pub fn position(&self, partition: usize) -> (TopicPartition, Offset) {
        let worker = &self.workers[partition];
        (worker.partition, worker.next)
    }

    /// Reads and processes a partition's next block; `false` at its end.
    ///
    /// # Errors
    /// [`RuntimeError`]; a journal that cannot be read may be asked again.
    pub fn step(&mut self, partition: usize) -> Result<bool, RuntimeError> {
        self.workers[partition].step(&self.shared)
    }

    /// A partition's part of a barrier: takes what changed since its last one. Each partition once before [`Self::settle`].
    pub fn cut(&mut self, partition: usize, open_rows: bool) {
        self.cuts.extend(self.workers[partition].cut(open_rows));
    }

    /// Ends a barrier: rows into the lake, state and offsets into the checkpoint, with `flush` waiting rows into the lake.
    /// Gives the rows that partitions still owe.
    ///
    /// # Errors
    /// [`RuntimeError`] when the checkpoint failed: nothing may go on then.
    pub fn settle(&mut self, flush: bool) -> Result<usize, RuntimeError> {
        let cuts = std::mem::take(&mut self.cuts);
        self.coordinator.settle(cuts, flush).map(|cut| cut.owed)
    }

    /// Rows that the lake has not taken yet.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.coordinator.pending.len()
    }

    /// Publishes what changed.
    pub fn publish(&mut self) {
        for worker in &mut self.workers {
            worker.publish(&self.shared.hub);
        }
    }
}
