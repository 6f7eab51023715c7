//! The log in memory, with a place to let calls fail: for simulation, fuzzing and tests.
//!
//! It keeps the rules of [`crate::EmbeddedJournal`] (dense offsets, whole appends, retention behind consumers' notes) and its
//! blocks, and does everything on the caller's thread, so that the same calls give the same bytes. What it holds is what a disk
//! would hold: a process that "dies" is one whose callers are dropped while the journal stays.

use std::collections::BTreeMap;
use std::sync::{Arc, mpsc};

use parking_lot::Mutex;
use tradewind_model::{FormatHash, Micros, Offset, TopicPartition};

use crate::block::{Block, seal};
use crate::retention::{BlockFacts, RetentionPolicy, deletable};
use crate::storage::block_key;
use crate::{Append, Appended, Bounds, Journal, JournalError, ReadOutcome, Signal, Ticket};

/// A call that may be made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// An append, before anything of it is kept: a failure here is a refusal.
    Append,
    /// An append that is kept, before its sender hears of it.
    Appended,
    /// A read.
    Read,
    /// A consumer's note.
    Commit,
}

/// Decides the fate of calls: an error is given to the caller in the call's stead, unwinding is the process's death.
pub type Faults = dyn Fn(Call) -> Result<(), JournalError> + Send + Sync;

struct Stored {
    facts: BlockFacts,
    bytes: Vec<u8>,
}

#[derive(Default)]
struct Log {
    blocks: Vec<Stored>,
    earliest: Offset,
    next: Offset,
}

#[derive(Default)]
struct Kept {
    logs: BTreeMap<TopicPartition, Log>,
    notes: BTreeMap<(String, TopicPartition), Offset>,
    formats: BTreeMap<FormatHash, String>,
    progress: BTreeMap<String, Vec<u8>>,
}

/// The log in memory.
pub struct MemoryJournal {
    partitions: u16,
    kept: Mutex<Kept>,
    signal: Arc<Signal>,
    faults: Box<Faults>,
}

impl MemoryJournal {
    /// An empty log with `partitions` a topic, in which nothing fails.
    #[must_use]
    pub fn new(partitions: u16) -> Self {
        Self::with_faults(partitions, Box::new(|_| Ok(())))
    }

    /// An empty log whose calls ask `faults` first.
    #[must_use]
    pub fn with_faults(partitions: u16, faults: Box<Faults>) -> Self {
        Self {
            partitions,
            kept: Mutex::default(),
            signal: Arc::new(Signal::default()),
            faults,
        }
    }

    /// All stored blocks, in the order of partitions and offsets: what would be on disk.
    #[must_use]
    pub fn stored(&self) -> Vec<(TopicPartition, Offset, Vec<u8>)> {
        let kept = self.kept.lock();
        let logs = kept.logs.iter();
        logs.flat_map(|(at, log)| {
            let blocks = log.blocks.iter();
            blocks.map(|b| (*at, b.facts.first, b.bytes.clone()))
        })
        .collect()
    }

    fn keep(&self, append: Append) -> Result<Appended, JournalError> {
        let mut kept = self.kept.lock();
        let mut appended = Vec::new();
        for (partition, builder) in &append.blocks {
            if builder.is_empty() {
                continue;
            }
            let mut bytes = builder.encode().map_err(JournalError::storage)?;
            let log = kept.logs.entry(*partition).or_default();
            seal(&mut bytes, &block_key(*partition, log.next));
            let facts = BlockFacts {
                first: log.next,
                count: builder.len(),
                bytes: bytes.len() as u64,
                newest: builder.newest(),
            };
            log.next = facts.end();
            log.blocks.push(Stored { facts, bytes });
            appended.push((*partition, facts.first, facts.count));
        }
        if let Some((key, value)) = append.progress {
            kept.progress.insert(key, value);
        }
        Ok(Appended { blocks: appended })
    }
}

impl Journal for MemoryJournal {
    fn partitions(&self) -> u16 {
        self.partitions
    }

    fn submit(&self, append: Append) -> Result<Ticket, JournalError> {
        (self.faults)(Call::Append)?;
        let appended = self.keep(append)?;
        self.signal.raise();
        let answer = (self.faults)(Call::Appended).map(|()| appended);
        let (done, ticket) = mpsc::channel();
        done.send(answer).map_err(|_| JournalError::Closed)?;
        Ok(Ticket(ticket))
    }

    fn read(&self, partition: TopicPartition, from: Offset) -> Result<ReadOutcome, JournalError> {
        (self.faults)(Call::Read)?;
        let kept = self.kept.lock();
        let Some(log) = kept.logs.get(&partition).filter(|log| from < log.next) else {
            return Ok(ReadOutcome::AtTail);
        };
        if from < log.earliest {
            return Err(JournalError::Trimmed {
                partition,
                asked: from,
                earliest: log.earliest,
            });
        }
        let at = log.blocks.partition_point(|b| b.facts.end() <= from);
        let lost = |resume, reason: String| ReadOutcome::Damaged {
            first: from,
            resume,
            reason,
        };
        Ok(match log.blocks.get(at) {
            None => lost(log.next, "these offsets were passed over".to_owned()),
            Some(block) if block.facts.first > from => lost(
                block.facts.first,
                "these offsets were passed over".to_owned(),
            ),
            Some(block) => {
                match Block::decode(&block_key(partition, block.facts.first), &block.bytes) {
                    Ok(read) => ReadOutcome::Block(read),
                    Err(reason) => lost(block.facts.end(), reason),
                }
            }
        })
    }

    fn bounds(&self, partition: TopicPartition) -> Bounds {
        let kept = self.kept.lock();
        let log = kept.logs.get(&partition);
        Bounds {
            earliest: log.map_or(0, |log| log.earliest),
            next: log.map_or(0, |log| log.next),
        }
    }

    fn skip_to(&self, partition: TopicPartition, next: Offset) -> Result<(), JournalError> {
        let mut kept = self.kept.lock();
        let log = kept.logs.entry(partition).or_default();
        if next > log.next {
            if log.earliest == log.next {
                log.earliest = next;
            }
            log.next = next;
        }
        Ok(())
    }

    fn signal(&self) -> Arc<Signal> {
        Arc::clone(&self.signal)
    }

    fn pending_bytes(&self) -> usize {
        0
    }

    fn commit(
        &self,
        consumer: &str,
        offsets: &[(TopicPartition, Offset)],
    ) -> Result<(), JournalError> {
        (self.faults)(Call::Commit)?;
        let mut kept = self.kept.lock();
        for (partition, offset) in offsets {
            kept.notes
                .insert((consumer.to_owned(), *partition), *offset);
        }
        Ok(())
    }

    fn committed(
        &self,
        consumer: &str,
        partition: TopicPartition,
    ) -> Result<Option<Offset>, JournalError> {
        let key = (consumer.to_owned(), partition);
        Ok(self.kept.lock().notes.get(&key).copied())
    }

    fn trim(&self, policy: &RetentionPolicy, now: Micros) -> Result<u64, JournalError> {
        let mut guard = self.kept.lock();
        let Kept { logs, notes, .. } = &mut *guard;
        let mut deleted = 0;
        for (partition, log) in logs {
            let of_partition = notes.iter().filter(|((_, at), _)| at == partition);
            let floor = of_partition.map(|(_, offset)| *offset).min().unwrap_or(0);
            let facts: Vec<BlockFacts> = log.blocks.iter().map(|b| b.facts).collect();
            let count = deletable(&facts, policy, floor, now);
            for block in log.blocks.drain(..count) {
                deleted += u64::from(block.facts.count);
                log.earliest = block.facts.end();
            }
        }
        Ok(deleted)
    }

    fn put_format(&self, definition: &str) -> Result<FormatHash, JournalError> {
        let hash = FormatHash::of(definition);
        let mut kept = self.kept.lock();
        kept.formats.insert(hash, definition.to_owned());
        Ok(hash)
    }

    fn format(&self, hash: FormatHash) -> Result<Option<String>, JournalError> {
        Ok(self.kept.lock().formats.get(&hash).cloned())
    }

    fn progress(&self, key: &str) -> Result<Option<Vec<u8>>, JournalError> {
        Ok(self.kept.lock().progress.get(key).cloned())
    }
}
