//! Turns barriers into checkpoints: rows into the lake, then state and offsets in one step, then the rows that wait for the
//! upserted tables.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use tradewind_model::{Causes, Date, StoreId};

use super::{Control, RuntimeError};
use crate::checkpoint::{CheckpointError, CheckpointStore, CheckpointWrite, PendingKey};
use crate::partition_worker::{OPEN_ROWS, PartitionCut, Shared};
use crate::rows::{DerivedChange, DerivedTable};
use crate::sink::{Chunk, Sink};

pub(super) fn pending_key(change: &DerivedChange) -> PendingKey {
    (
        change.store.clone(),
        change.table,
        change.date,
        change.key.clone(),
    )
}

type Day = (StoreId, DerivedTable, Date);

fn day_of(change: &DerivedChange) -> Day {
    (change.store.clone(), change.table, change.date)
}

pub(super) struct Coordinator {
    pub(super) control: Arc<Control>,
    pub(super) shared: Arc<Shared>,
    pub(super) sink: Arc<dyn Sink>,
    pub(super) checkpoints: Arc<dyn CheckpointStore>,
    pub(super) cuts: Receiver<Vec<PartitionCut>>,
    pub(super) threads: usize,
    pub(super) interval: Duration,
    pub(super) pending: BTreeMap<PendingKey, DerivedChange>,
    /// Rows in the checkpoint, of which some may have replaced others.
    pub(super) stored: usize,
    /// Rows that others have replaced and that the checkpoint may hold nevertheless.
    pub(super) spare_rows: usize,
    pub(super) flushed: Instant,
    pub(super) flush_cost: Duration,
    /// How long it waits before it asks a lake again that did not take rows; twice as long each time.
    pub(super) retry_pause: Duration,
}

/// Records between the log's end and the operators from which they count as catching up.
const BEHIND: u64 = 200_000;

/// Whether pending rows go into the lake now: when asked to, when many wait, or when enough time has passed that rewriting
/// partitions takes at most a tenth of it. While the operators catch up, rows are rewritten less often: most would change again
/// at once.
fn flush_due(
    asked: bool,
    waiting: usize,
    since: Duration,
    last_cost: Duration,
    behind: bool,
) -> bool {
    let pause = Duration::from_secs(if behind { 15 } else { 5 });
    asked || waiting > 500_000 || since >= (last_cost * 10).max(pause)
}

/// What a barrier found.
pub(super) struct Cut {
    /// The most keys a partition has whose rows wait for the next barrier that asks for them.
    pub(super) owed: usize,
}

impl Coordinator {
    pub(super) fn run(mut self) -> Result<(), RuntimeError> {
        // Barriers that a call for everything still takes.
        let mut left: Option<usize> = None;
        loop {
            let (round, flush, everything) = {
                let mut rounds = self.control.rounds.lock();
                if left.is_none()
                    && rounds.asked <= rounds.done
                    && !self.control.stop.load(Ordering::Acquire)
                {
                    self.control.changed.wait_for(&mut rounds, self.interval);
                }
                if self.control.stop.load(Ordering::Acquire) {
                    return Ok(());
                }
                let last = self.control.barrier.load(Ordering::Acquire);
                let round = rounds.asked.max(rounds.done + 1).max(last + 1);
                rounds.asked = round;
                let called = std::mem::take(&mut rounds.everything);
                if called {
                    // What was owed to an earlier caller is owed to this one too.
                    left = None;
                }
                let everything = called || left.is_some();
                let asked = std::mem::take(&mut rounds.flush);
                let flush = flush_due(
                    asked || everything,
                    self.pending.len(),
                    self.flushed.elapsed(),
                    self.flush_cost,
                    self.is_behind(),
                );
                // Under the lock: who asks from now on asks for the next one.
                self.control.open_rows.store(flush, Ordering::Release);
                self.control.barrier.store(round, Ordering::Release);
                (round, flush, everything)
            };
            let Some(cut) = self.barrier(flush)? else {
                return Ok(());
            };
            if everything && cut.owed > 0 {
                // Who asked for everything waits for what was owed when it asked; more may come all the time.
                let barriers = 1 + 2 * cut.owed.div_ceil(OPEN_ROWS);
                let now = left.map_or(barriers, |left| left.saturating_sub(1));
                if now > 0 {
                    left = Some(now);
                    continue;
                }
            }
            left = None;
            self.control.rounds.lock().done = round;
            self.control.changed.notify_all();
        }
    }

    /// `None` when the threads have stopped before all of them answered: nothing was written then.
    fn barrier(&mut self, flush: bool) -> Result<Option<Cut>, RuntimeError> {
        self.shared.journal.signal().raise();
        let mut all = Vec::new();
        for _ in 0..self.threads {
            let mut cuts = loop {
                match self.cuts.recv_timeout(Duration::from_millis(100)) {
                    Ok(cuts) => break cuts,
                    Err(mpsc::RecvTimeoutError::Timeout)
                        if !self.control.stop.load(Ordering::Acquire) => {}
                    Err(_) => return Ok(None),
                }
            };
            all.append(&mut cuts);
        }
        self.settle(all, flush).map(Some)
    }

    /// Makes a barrier's cuts durable: rows in the lake, then state and offsets, then with `flush` the rows that wait.
    pub(super) fn settle(
        &mut self,
        cuts: Vec<PartitionCut>,
        flush: bool,
    ) -> Result<Cut, RuntimeError> {
        let mut write = CheckpointWrite::default();
        let (mut chunks, mut owed) = (Vec::new(), 0);
        for cut in cuts {
            owed = owed.max(cut.owed);
            write.offsets.push((cut.partition, cut.next));
            write.state.extend(cut.state);
            write.pending.extend(cut.derived);
            chunks.push(Chunk {
                partition: cut.partition,
                next: cut.next,
                rows: cut.rows,
            });
        }
        if !write.offsets.is_empty() {
            let started = Instant::now();
            self.commit(chunks)?;
            let in_lake = started.elapsed();
            self.keep(|checkpoints| checkpoints.write(&write))?;
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
            self.stored += write.pending.len();
            for change in write.pending {
                self.pending.insert(pending_key(&change), change);
            }
            // A lake that takes nothing for hours must not make the checkpoint grow with every change of the same rows.
            if self.stored > 2 * self.pending.len() + self.spare_rows {
                self.keep_pending()?;
            }
        }
        metrics::gauge!("tradewind_stream_pending_rows").set(self.pending.len() as f64);
        if flush {
            self.flush()?;
        }
        Ok(Cut { owed })
    }

    /// Whether the log is far ahead of the operators.
    fn is_behind(&self) -> bool {
        let behind = self.control.positions.iter().map(|position| {
            let next = position.next.load(Ordering::Acquire);
            let bounds = self.shared.journal.bounds(position.partition);
            bounds.next.saturating_sub(next)
        });
        behind.sum::<u64>() >= BEHIND
    }

    /// Writes to the checkpoint, again and again while its storage fails: the operators have handed over what is in it, so nothing
    /// may go on without it.
    fn keep(
        &self,
        write: impl Fn(&dyn CheckpointStore) -> Result<(), CheckpointError>,
    ) -> Result<(), RuntimeError> {
        let mut wait = self.retry_pause;
        loop {
            let error = match write(self.checkpoints.as_ref()) {
                Err(error @ (CheckpointError::Storage(_) | CheckpointError::Locked(_))) => error,
                other => {
                    self.control.rounds.lock().troubled = None;
                    return Ok(other?);
                }
            };
            tracing::error!(%error, "the checkpoint cannot be written; trying again");
            if self.control.stop.load(Ordering::Acquire) {
                return Err(error.into());
            }
            self.control.rounds.lock().troubled = Some(error.to_string());
            std::thread::sleep(wait);
            wait = (wait * 2).min(Duration::from_secs(5));
        }
    }

    /// Makes rows durable in the lake, again and again until it works: nothing may go on without them.
    fn commit(&self, mut chunks: Vec<Chunk>) -> Result<(), RuntimeError> {
        let mut wait = self.retry_pause;
        loop {
            match self.sink.commit(std::mem::take(&mut chunks)) {
                Ok(()) => {
                    self.control.rounds.lock().troubled = None;
                    return Ok(());
                }
                Err(error) => {
                    self.control.rounds.lock().troubled =
                        Some(format!("the lake does not take rows: {}", Causes(&error)));
                    metrics::counter!("tradewind_lake_commit_failures_total").increment(1);
                    tracing::error!(
                        error = %Causes(&error),
                        "the lake did not take rows; trying again"
                    );
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
        let waiting = self.pending.len();
        let rows: Vec<&DerivedChange> = self.pending.values().collect();
        let owed = match self.sink.upsert(&rows) {
            Ok(()) => {
                self.pending.clear();
                None
            }
            Err(error) => {
                let (taken, owed) = self.give_by_day(&rows, &error);
                self.pending.retain(|_, row| !taken.contains(&day_of(row)));
                Some(owed)
            }
        };
        // A lake that took nothing leaves the checkpoint as it is: its disk may be the full one.
        if self.pending.len() < waiting {
            self.keep_pending()?;
        }
        self.control.rounds.lock().owed = owed;
        self.flushed = Instant::now();
        self.flush_cost = started.elapsed();
        Ok(())
    }

    /// Gives the rows of each table, store and day by themselves, so that one that cannot be written does not hold the others
    /// up. What the lake does not take stays in the checkpoint and is given again. Gives the days it took, and why it did not
    /// take the others.
    fn give_by_day(
        &self,
        rows: &[&DerivedChange],
        error: &(dyn std::error::Error + 'static),
    ) -> (BTreeSet<Day>, String) {
        tracing::error!(
            error = %Causes(error),
            "the lake did not take changed orders, sessions or carts; trying each day by itself"
        );
        let mut days: BTreeMap<Day, Vec<&DerivedChange>> = BTreeMap::new();
        for row in rows {
            days.entry(day_of(row)).or_default().push(row);
        }
        let (mut taken, mut owed) = (BTreeSet::new(), Causes(error).to_string());
        for (day, rows) in days {
            if self.control.stop.load(Ordering::Acquire) {
                break;
            }
            match self.sink.upsert(&rows) {
                Ok(()) => {
                    taken.insert(day);
                }
                Err(error) => {
                    let (store, _, date) = &day;
                    owed = Causes(&error).to_string();
                    tracing::error!(%store, %date, error = owed, "the lake did not take changed orders, sessions or carts of a day; trying again later");
                }
            }
        }
        (taken, owed)
    }

    /// Has the checkpoint forget the rows that wait no more, and those that others have replaced.
    fn keep_pending(&mut self) -> Result<(), RuntimeError> {
        let rows: Vec<&DerivedChange> = self.pending.values().collect();
        self.keep(|checkpoints| checkpoints.keep_pending(&rows))?;
        self.stored = rows.len();
        Ok(())
    }
}
