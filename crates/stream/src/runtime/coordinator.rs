//! Turns barriers into checkpoints: rows into the lake, then state and offsets in one step, then the rows that wait for the
//! upserted tables.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use super::{Control, RuntimeError};
use crate::checkpoint::{CheckpointWrite, Checkpoints, PendingKey};
use crate::partition_worker::{PartitionCut, Shared};
use crate::rows::DerivedChange;
use crate::sink::{Chunk, Sink};

pub(super) fn pending_key(change: &DerivedChange) -> PendingKey {
    (
        change.store.clone(),
        change.table,
        change.date,
        change.key.clone(),
    )
}

pub(super) struct Coordinator {
    pub(super) control: Arc<Control>,
    pub(super) shared: Arc<Shared>,
    pub(super) sink: Arc<dyn Sink>,
    pub(super) checkpoints: Arc<Checkpoints>,
    pub(super) cuts: Receiver<Vec<PartitionCut>>,
    pub(super) threads: usize,
    pub(super) interval: Duration,
    pub(super) pending: BTreeMap<PendingKey, DerivedChange>,
    pub(super) flushed: Instant,
    pub(super) flush_cost: Duration,
}

/// Whether pending rows go into the lake now: when asked to, when many wait, or when enough time has passed that rewriting
/// partitions takes at most a tenth of it.
fn flush_due(asked: bool, waiting: usize, since: Duration, last_cost: Duration) -> bool {
    asked || waiting > 500_000 || since >= (last_cost * 10).max(Duration::from_secs(5))
}

impl Coordinator {
    pub(super) fn run(mut self) -> Result<(), RuntimeError> {
        loop {
            let (round, flush) = {
                let mut rounds = self.control.rounds.lock();
                if rounds.asked <= rounds.done && !self.control.stop.load(Ordering::Acquire) {
                    self.control.changed.wait_for(&mut rounds, self.interval);
                }
                if self.control.stop.load(Ordering::Acquire) {
                    return Ok(());
                }
                let round = rounds.asked.max(rounds.done + 1);
                rounds.asked = round;
                let asked = std::mem::take(&mut rounds.flush);
                let flush = flush_due(
                    asked,
                    self.pending.len(),
                    self.flushed.elapsed(),
                    self.flush_cost,
                );
                // Under the lock: who asks from now on asks for the next one.
                self.control.open_rows.store(flush, Ordering::Release);
                self.control.barrier.store(round, Ordering::Release);
                (round, flush)
            };
            if !self.barrier(flush)? {
                return Ok(());
            }
            self.control.rounds.lock().done = round;
            self.control.changed.notify_all();
        }
    }

    /// `false` when the threads have stopped before all of them answered: nothing was written then.
    fn barrier(&mut self, flush: bool) -> Result<bool, RuntimeError> {
        self.shared.journal.signal().raise();
        let mut write = CheckpointWrite::default();
        let mut chunks = Vec::new();
        for _ in 0..self.threads {
            let cuts = loop {
                match self.cuts.recv_timeout(Duration::from_millis(100)) {
                    Ok(cuts) => break cuts,
                    Err(mpsc::RecvTimeoutError::Timeout)
                        if !self.control.stop.load(Ordering::Acquire) => {}
                    Err(_) => return Ok(false),
                }
            };
            for cut in cuts {
                write.offsets.push((cut.partition, cut.next));
                write.state.extend(cut.state);
                write.pending.extend(cut.derived);
                chunks.push(Chunk {
                    partition: cut.partition,
                    next: cut.next,
                    rows: cut.rows,
                });
            }
        }
        if !write.offsets.is_empty() {
            let started = Instant::now();
            self.commit(chunks)?;
            let in_lake = started.elapsed();
            self.checkpoints.write(&write)?;
            tracing::debug!(
                lake_ms = in_lake.as_millis() as u64,
                checkpoint_ms = (started.elapsed() - in_lake).as_millis() as u64,
                entries = write.state.len(),
                rows = write.pending.len(),
                flush,
                "checkpoint"
            );
            // Only retention needs the note; a later one stands for it.
            if let Err(error) = self.shared.journal.commit("stream", &write.offsets) {
                tracing::warn!(%error, "the journal did not note how far the operators are; trying again with the next checkpoint");
            }
            metrics::histogram!("tradewind_stream_checkpoint_seconds")
                .record(started.elapsed().as_secs_f64());
            metrics::counter!("tradewind_stream_checkpoints_total").increment(1);
            for change in write.pending {
                self.pending.insert(pending_key(&change), change);
            }
        }
        metrics::gauge!("tradewind_stream_pending_rows").set(self.pending.len() as f64);
        if flush {
            self.flush()?;
        }
        Ok(true)
    }

    /// Makes rows durable in the lake, again and again until it works: nothing may go on without them.
    fn commit(&self, mut chunks: Vec<Chunk>) -> Result<(), RuntimeError> {
        let mut wait = Duration::from_millis(100);
        loop {
            match self.sink.commit(std::mem::take(&mut chunks)) {
                Ok(()) => return Ok(()),
                Err(error) => {
                    metrics::counter!("tradewind_lake_commit_failures_total").increment(1);
                    tracing::error!(%error, "the lake did not take rows; trying again");
                    if self.control.stop.load(Ordering::Acquire) {
                        return Err(RuntimeError::Thread(error.to_string()));
                    }
                    std::thread::sleep(wait);
                    wait = (wait * 2).min(Duration::from_secs(10));
                }
            }
        }
    }

    /// Gives every pending row to the lake.
    fn flush(&mut self) -> Result<(), RuntimeError> {
        if self.pending.is_empty() {
            self.flushed = Instant::now();
            return Ok(());
        }
        let started = Instant::now();
        let changes: Vec<DerivedChange> = self.pending.values().cloned().collect();
        let owed = match self.sink.upsert(&changes) {
            Ok(()) => {
                self.checkpoints.taken(&changes)?;
                self.pending.clear();
                None
            }
            Err(error) => Some(self.flush_by_day(changes, &error)?),
        };
        self.control.rounds.lock().owed = owed;
        self.flushed = Instant::now();
        self.flush_cost = started.elapsed();
        Ok(())
    }

    /// Gives the rows of each table, store and day by themselves, so that one that cannot be written does not hold the others
    /// up. What the lake does not take stays in the checkpoint and is given again. Gives the reason for it.
    fn flush_by_day(
        &mut self,
        changes: Vec<DerivedChange>,
        error: &dyn std::error::Error,
    ) -> Result<String, RuntimeError> {
        tracing::error!(%error, "the lake did not take changed orders, sessions or carts; trying each day by itself");
        let mut days: BTreeMap<_, Vec<DerivedChange>> = BTreeMap::new();
        for change in changes {
            let day = (change.store.clone(), change.table, change.date);
            days.entry(day).or_default().push(change);
        }
        let mut owed = error.to_string();
        for ((store, _, date), changes) in days {
            if self.control.stop.load(Ordering::Acquire) {
                break;
            }
            match self.sink.upsert(&changes) {
                Ok(()) => {
                    self.checkpoints.taken(&changes)?;
                    for change in &changes {
                        self.pending.remove(&pending_key(change));
                    }
                }
                Err(error) => {
                    tracing::error!(%store, %date, %error, "the lake did not take changed orders, sessions or carts of a day; trying again later");
                    owed = error.to_string();
                }
            }
        }
        Ok(owed)
    }
}
