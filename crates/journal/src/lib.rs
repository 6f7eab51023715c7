//! The durable, partitioned, replayable log.
//!
//! What it promises: an append that returned is on disk (J1); the offsets of a partition are dense, rising and never reused
//! (J2); the bytes that come out are the bytes that went in (J3); all blocks of one append become visible together or not at
//! all. What it leaves to others: what the bytes mean. It knows topics, partitions, stores and bytes, never events.
//!
//! [`EmbeddedJournal`] keeps it in one folder on fjall. No fjall type leaves this crate, so that Kafka can stand behind the
//! same [`Journal`] trait.

mod block;
mod embedded;
mod error;
pub mod memory;
mod notes;
mod record;
mod retention;
mod salvage;
mod signal;
mod storage;
mod varint;
mod write_ahead;
mod writer;

pub use block::{Block, BlockBuilder};
pub use embedded::{EmbeddedJournal, EmbeddedOptions};
pub use error::JournalError;
pub use memory::MemoryJournal;
pub use record::{NewRecord, Record, RecordKind};
pub use retention::{BlockFacts, RetentionPolicy, deletable};
pub use salvage::set_aside;
pub use signal::Signal;
pub use storage::{is_damage, is_damage_at_opening};
pub use write_ahead::lost as files_lost;

use std::sync::Arc;

use tradewind_model::{FormatHash, Offset, TopicPartition};

/// Blocks that become durable and visible together.
#[derive(Debug, Default)]
pub struct Append {
    /// The blocks, each for one partition.
    pub blocks: Vec<(TopicPartition, BlockBuilder)>,
    /// A progress note written in the same atomic step, for a sender that must know after a crash how far it came.
    pub progress: Option<(String, Vec<u8>)>,
}

/// Where an append's blocks went: the first offset of each, in the order of [`Append::blocks`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// (partition, first offset, records).
    pub blocks: Vec<(TopicPartition, Offset, u32)>,
}

/// An append that was handed over; [`Ticket::wait`] returns once it is durable.
pub struct Ticket(pub(crate) std::sync::mpsc::Receiver<Result<Appended, JournalError>>);

impl Ticket {
    /// Waits until the append is on disk.
    ///
    /// # Errors
    /// [`JournalError`] when it was refused; then nothing of it was kept.
    pub fn wait(self) -> Result<Appended, JournalError> {
        self.0.recv().unwrap_or(Err(JournalError::Closed))
    }
}

/// What a read gave.
#[derive(Debug)]
pub enum ReadOutcome {
    /// A block whose records start at or before the asked offset.
    Block(Block),
    /// Nothing yet at the asked offset; it will be given to the next append.
    AtTail,
    /// Records that cannot be read any more; reading goes on at `resume`.
    Damaged {
        /// The first offset lost.
        first: Offset,
        /// Where the next readable record may start.
        resume: Offset,
        /// What was found.
        reason: String,
    },
}

/// The offsets a partition holds now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The oldest offset still kept.
    pub earliest: Offset,
    /// The offset the next record will get.
    pub next: Offset,
}

/// The log as the rest of Tradewind sees it.
pub trait Journal: Send + Sync {
    /// Partitions a topic, the same for all topics and fixed when the log is made.
    fn partitions(&self) -> u16;

    /// Hands blocks over to be appended; [`Ticket::wait`] tells when they are durable. Blocks the caller while too many
    /// bytes wait to be written.
    ///
    /// # Errors
    /// [`JournalError::Full`] or [`JournalError::Closed`] when nothing can be taken now.
    fn submit(&self, append: Append) -> Result<Ticket, JournalError>;

    /// Appends and waits until durable.
    ///
    /// # Errors
    /// [`JournalError`] when it was refused; then nothing of it was kept.
    fn append(&self, append: Append) -> Result<Appended, JournalError> {
        self.submit(append)?.wait()
    }

    /// The block that holds `from`, or the news that there is none.
    ///
    /// # Errors
    /// [`JournalError::Trimmed`] below the earliest offset; [`JournalError`] when the storage fails as a whole.
    fn read(&self, partition: TopicPartition, from: Offset) -> Result<ReadOutcome, JournalError>;

    /// The offsets of a partition.
    fn bounds(&self, partition: TopicPartition) -> Bounds;

    /// Gives the offsets from the end up to `next` up: the log has lost their records, and no other may get them (J2). Only
    /// before anything is appended.
    ///
    /// # Errors
    /// [`JournalError`] when the note could not be written.
    fn skip_to(&self, partition: TopicPartition, next: Offset) -> Result<(), JournalError>;

    /// Raised after every append, for followers of the tail.
    fn signal(&self) -> Arc<Signal>;

    /// Bytes handed over and not yet durable, for back-pressure.
    fn pending_bytes(&self) -> usize;

    /// Why nothing can be appended for now, when that is so; it is tried again.
    fn trouble(&self) -> Option<String> {
        None
    }

    /// Notes that `consumer` needs nothing below the given offsets any more; retention never passes such a note.
    ///
    /// # Errors
    /// [`JournalError`] when the note could not be written.
    fn commit(
        &self,
        consumer: &str,
        offsets: &[(TopicPartition, Offset)],
    ) -> Result<(), JournalError>;

    /// The note of [`Self::commit`].
    ///
    /// # Errors
    /// [`JournalError`] when it cannot be read.
    fn committed(
        &self,
        consumer: &str,
        partition: TopicPartition,
    ) -> Result<Option<Offset>, JournalError>;

    /// Deletes what is older or more than the policy allows, never past a consumer's note. Gives the records deleted.
    ///
    /// # Errors
    /// [`JournalError`] when the storage fails.
    fn trim(
        &self,
        policy: &RetentionPolicy,
        now: tradewind_model::Micros,
    ) -> Result<u64, JournalError>;

    /// Keeps a record format's definition; the same definition may be put any number of times.
    ///
    /// # Errors
    /// [`JournalError`] when it could not be written.
    fn put_format(&self, definition: &str) -> Result<FormatHash, JournalError>;

    /// The definition of a format.
    ///
    /// # Errors
    /// [`JournalError`] when it cannot be read.
    fn format(&self, hash: FormatHash) -> Result<Option<String>, JournalError>;

    /// The last progress note of a sender.
    ///
    /// # Errors
    /// [`JournalError`] when it cannot be read.
    fn progress(&self, key: &str) -> Result<Option<Vec<u8>>, JournalError>;

    /// Every partition, in storage order.
    fn topic_partitions(&self) -> Vec<TopicPartition> {
        tradewind_model::Topic::ALL
            .into_iter()
            .flat_map(|topic| (0..self.partitions()).map(move |p| TopicPartition::new(topic, p)))
            .collect()
    }
}
