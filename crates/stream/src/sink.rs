//! Where the runtime hands rows that must be kept: the lake stands behind these traits.
//!
//! The protocol, which makes every row land exactly once (S1, L1):
//! 1. Each partition has a [`Tap`], called on the partition's thread for each record in offset order.
//! 2. At a barrier the runtime takes each tap's rows and each operator's state changes up to one offset a partition.
//! 3. [`Sink::commit`] makes the rows durable together with the offsets they cover. Only then the state changes and the same
//!    offsets go into the checkpoint, in one atomic write.
//! 4. After a crash the runtime starts from the checkpoint. Rows the sink had already committed come again; the tap drops
//!    those below the offset its table covers.

use std::any::Any;
use std::sync::Arc;

use tradewind_journal::Record;
use tradewind_model::{Date, Event, Offset, RejectCode, Store, TopicPartition};

use crate::rows::DerivedChange;

/// Local time of an event in its store's zone, computed once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalTime {
    /// Calendar date.
    pub date: Date,
    /// 0–23.
    pub hour: u8,
    /// Monday = 1 … Sunday = 7.
    pub weekday: u8,
}

/// What became of a record.
#[derive(Debug)]
pub enum Outcome<'e, 'a> {
    /// It is a new event: it goes to bronze and silver.
    Silver {
        /// The event.
        event: &'e Event<'a>,
        /// Its time in the store's zone.
        local: LocalTime,
        /// Later than the allowed lateness: live views left it out.
        late: bool,
    },
    /// Its id was seen before: it goes to bronze only.
    Duplicate {
        /// The event.
        event: &'e Event<'a>,
    },
    /// It could not become an event: it goes to bronze and quarantine.
    Quarantined {
        /// The kind of reason.
        code: RejectCode,
        /// The reason in words.
        message: &'e str,
    },
}

/// Collects the rows of one partition between barriers. Copies of transactions never come here.
pub trait Tap: Send {
    /// Takes note of a record; called once per offset, rising, on the partition's thread.
    fn record(&mut self, store: &Arc<Store>, record: &Record<'_>, outcome: &Outcome<'_, '_>);
    /// The rows since the last call, opaque to the runtime.
    fn take(&mut self) -> Box<dyn Any + Send>;
    /// Bytes held, so that the runtime can ask for a barrier.
    fn buffered_bytes(&self) -> usize;
}

/// The rows of one partition up to a barrier.
pub struct Chunk {
    /// The partition.
    pub partition: TopicPartition,
    /// The offset after the last record the rows come from.
    pub next: Offset,
    /// What [`Tap::take`] gave.
    pub rows: Box<dyn Any + Send>,
}

/// A failure to keep rows; the barrier is tried again with the same rows.
#[derive(Debug, thiserror::Error)]
#[error("{context}: {source}")]
pub struct SinkError {
    /// What was being done.
    pub context: String,
    /// What went wrong.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// Keeps rows durably.
pub trait Sink: Send + Sync {
    /// A tap for a partition, which drops what the sink has already committed.
    fn tap(&self, partition: TopicPartition) -> Box<dyn Tap>;

    /// The offset below which every row of the partition is durable.
    fn covered(&self, partition: TopicPartition) -> Offset;

    /// The offset below which some row of the partition is durable already; records below it would be taken for known ones.
    ///
    /// # Errors
    /// [`SinkError`] when that cannot be told.
    fn reached(&self, _partition: TopicPartition) -> Result<Offset, SinkError> {
        Ok(0)
    }

    /// Makes the chunks durable with the offsets they cover. Idempotent: what was committed before is dropped.
    ///
    /// # Errors
    /// [`SinkError`] when something could not be written; the chunks are kept inside the sink and joined by the next commit.
    fn commit(&self, chunks: Vec<Chunk>) -> Result<(), SinkError>;

    /// Puts and removes rows of the upserted tables; nothing when there is none. Idempotent.
    ///
    /// # Errors
    /// [`SinkError`]; the runtime keeps the changes (durably) and gives them again.
    fn upsert(&self, changes: &[&DerivedChange]) -> Result<(), SinkError>;
}

/// Keeps nothing: for benchmarks of the operators alone, and recomputation.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSink;

struct NoTap;

impl Tap for NoTap {
    fn record(&mut self, _: &Arc<Store>, _: &Record<'_>, _: &Outcome<'_, '_>) {}
    fn take(&mut self) -> Box<dyn Any + Send> {
        Box::new(())
    }
    fn buffered_bytes(&self) -> usize {
        0
    }
}

impl Sink for NoSink {
    fn tap(&self, _: TopicPartition) -> Box<dyn Tap> {
        Box::new(NoTap)
    }
    fn covered(&self, _: TopicPartition) -> Offset {
        Offset::MAX
    }
    fn commit(&self, _: Vec<Chunk>) -> Result<(), SinkError> {
        Ok(())
    }
    fn upsert(&self, _: &[&DerivedChange]) -> Result<(), SinkError> {
        Ok(())
    }
}
