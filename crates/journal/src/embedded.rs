//! The log in one folder, on fjall.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};

use parking_lot::{Condvar, Mutex, RwLock};
use tradewind_model::{FormatHash, Micros, Offset, Topic, TopicPartition};

use crate::block::Block;
use crate::error::JournalError;
use crate::notes;
use crate::retention::{BlockFacts, RetentionPolicy, deletable};
use crate::salvage;
use crate::signal::Signal;
use crate::storage::{Storage, block_key, commit_key, is_damage, next_key};
use crate::write_ahead;
use crate::writer::{self, EncodedBlock, Job};
use crate::{Append, Bounds, Journal, ReadOutcome, Ticket};

/// How an embedded log is opened.
#[derive(Debug, Clone)]
pub struct EmbeddedOptions {
    /// Partitions a topic; only used when the log is made, an existing one keeps its own.
    pub partitions: u16,
    /// Appends are refused while the disk has less free than this, bytes.
    pub reserve_bytes: u64,
    /// Writers wait while more than this is handed over and not durable, bytes.
    pub max_pending_bytes: usize,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self {
            partitions: 8,
            reserve_bytes: 256 << 20,
            max_pending_bytes: 64 << 20,
        }
    }
}

/// What the commit thread and the readers share.
pub(crate) struct Shared {
    storage: RwLock<Option<Storage>>,
    partition_count: u16,
    next: Vec<AtomicU64>,
    earliest: Vec<AtomicU64>,
    pub(crate) signal: Arc<Signal>,
    pending: Mutex<usize>,
    drained: Condvar,
    folder: PathBuf,
    reserve_bytes: u64,
    pub(crate) reopens: AtomicU64,
    /// Why the storage is closed, when it is.
    pub(crate) trouble: Mutex<Option<String>>,
    /// A note could not be written: the storage takes nothing more until it is opened again.
    pub(crate) suspect: AtomicBool,
}

impl Shared {
    fn slot(&self, partition: TopicPartition) -> usize {
        usize::from(partition.topic.code()) * usize::from(self.partition_count)
            + usize::from(partition.partition)
    }

    pub(crate) fn storage(&self) -> Result<Storage, JournalError> {
        self.storage
            .read()
            .clone()
            .ok_or_else(|| JournalError::storage("the storage is being opened again"))
    }

    pub(crate) fn close(&self) {
        *self.storage.write() = None;
    }

    pub(crate) fn put_storage(&self, storage: Storage) {
        *self.storage.write() = Some(storage);
    }

    pub(crate) fn partition_count(&self) -> u16 {
        self.partition_count
    }

    pub(crate) fn partitions(&self) -> impl Iterator<Item = TopicPartition> {
        let count = self.partition_count;
        Topic::ALL
            .into_iter()
            .flat_map(move |topic| (0..count).map(move |p| TopicPartition::new(topic, p)))
    }

    pub(crate) fn bounds(&self, partition: TopicPartition) -> Bounds {
        let slot = self.slot(partition);
        Bounds {
            earliest: self.earliest[slot].load(Ordering::Acquire),
            next: self.next[slot].load(Ordering::Acquire),
        }
    }

    pub(crate) fn set_next(&self, partition: TopicPartition, next: Offset) {
        self.next[self.slot(partition)].store(next, Ordering::Release);
    }

    /// Refuses when the disk has less free than the reserve.
    pub(crate) fn room(&self) -> Result<(), JournalError> {
        // The folder is away for a moment while a new log takes its place.
        let beside = self.folder.parent().unwrap_or(&self.folder);
        let stat = rustix::fs::statvfs(&self.folder)
            .or_else(|_| rustix::fs::statvfs(beside))
            .map_err(JournalError::storage)?;
        let free_bytes = stat.f_bavail.saturating_mul(stat.f_frsize);
        if free_bytes < self.reserve_bytes {
            return Err(JournalError::Full {
                free_bytes,
                needed_bytes: self.reserve_bytes,
            });
        }
        Ok(())
    }

    pub(crate) fn release(&self, bytes: usize) {
        let mut pending = self.pending.lock();
        *pending = pending.saturating_sub(bytes);
        drop(pending);
        self.drained.notify_all();
    }
}

/// The log in one folder. Dropping it finishes what was handed over.
pub struct EmbeddedJournal {
    shared: Arc<Shared>,
    jobs: Option<Sender<Job>>,
    writer: Option<std::thread::JoinHandle<()>>,
    max_pending: usize,
    /// Held as long as the log is open; the storage's own lock is inside the folder, which may be renamed.
    _lock: std::fs::File,
}

/// Takes the lock beside a log's folder.
fn lock(folder: &Path) -> Result<std::fs::File, JournalError> {
    let unusable = |e: std::io::Error| JournalError::Unusable {
        reason: format!("`{}` cannot be created: {e}", folder.display()),
    };
    let path = folder.with_extension("lock");
    if let Some(parent) = folder.parent() {
        std::fs::create_dir_all(parent).map_err(unusable)?;
    }
    let file = std::fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(unusable)?;
    match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(JournalError::Locked {
            path: folder.display().to_string(),
        }),
        Err(e) => Err(unusable(e.into())),
    }
}

/// An open storage and what it said of itself.
struct Opened {
    storage: Storage,
    partitions: u16,
    /// In the order of [`Shared::slot`].
    bounds: Vec<Bounds>,
}

fn open_storage(folder: &Path, options: &EmbeddedOptions) -> Result<Opened, JournalError> {
    write_ahead::check(folder)?;
    // Damaged files may also make the storage panic.
    std::panic::catch_unwind(|| open_whole(folder, options)).unwrap_or_else(|_| {
        Err(JournalError::Damaged {
            reason: "the storage panicked while it was opened".to_owned(),
        })
    })
}

fn open_whole(folder: &Path, options: &EmbeddedOptions) -> Result<Opened, JournalError> {
    let storage = Storage::open(folder)?;
    let partitions = match storage.get_meta("partitions")? {
        Some(bytes) => {
            bytes
                .try_into()
                .map(u16::from_be_bytes)
                .map_err(|_| JournalError::Damaged {
                    reason: "the number of partitions is damaged".to_owned(),
                })?
        }
        // The storage has lost what it held.
        None if notes::partitions(folder).is_some() => {
            return Err(JournalError::Damaged {
                reason: "the storage is empty, though it was used before".to_owned(),
            });
        }
        None => {
            let count = options.partitions.clamp(1, 1_024);
            storage.put_meta(&[("partitions".to_owned(), count.to_be_bytes().to_vec())])?;
            count
        }
    };
    notes::put_partitions(folder, partitions).map_err(JournalError::storage)?;
    for definition in storage.formats()? {
        let hash = FormatHash::of(&definition);
        notes::put_format(folder, hash, &definition).map_err(JournalError::storage)?;
    }
    let mut bounds = Vec::new();
    for topic in Topic::ALL {
        for partition in (0..partitions).map(|p| TopicPartition::new(topic, p)) {
            storage.check_index(partition)?;
            bounds.push(storage.bounds(partition)?);
        }
    }
    Ok(Opened {
        storage,
        partitions,
        bounds,
    })
}

impl EmbeddedJournal {
    /// Opens the log in `folder`, making it when it is not there. A torn last write is rolled back. When the storage is damaged
    /// its folder is set aside, and a new one made of every block that is readable.
    ///
    /// # Errors
    /// [`JournalError::Locked`] when another process has it open, [`JournalError::Unusable`] when it cannot be read.
    pub fn open(folder: &Path, options: &EmbeddedOptions) -> Result<Self, JournalError> {
        let lock = lock(folder)?;
        salvage::finish(folder).map_err(|e| JournalError::Unusable {
            reason: format!("`{}`: {e}", folder.display()),
        })?;
        let opened = match open_storage(folder, options) {
            Err(JournalError::Damaged { reason }) => {
                salvage::rebuild(folder, &reason, options.partitions, None)?;
                open_storage(folder, options)?
            }
            opened => opened?,
        };
        let shared = Shared {
            storage: RwLock::new(Some(opened.storage)),
            partition_count: opened.partitions,
            next: opened.bounds.iter().map(|b| b.next.into()).collect(),
            earliest: opened.bounds.iter().map(|b| b.earliest.into()).collect(),
            signal: Arc::new(Signal::default()),
            pending: Mutex::new(0),
            drained: Condvar::new(),
            folder: folder.to_owned(),
            reserve_bytes: options.reserve_bytes,
            reopens: AtomicU64::new(0),
            trouble: Mutex::new(None),
            suspect: AtomicBool::new(false),
        };
        let shared = Arc::new(shared);
        let (jobs, writer) =
            writer::start(Arc::clone(&shared), folder.to_owned()).map_err(JournalError::storage)?;
        Ok(Self {
            shared,
            jobs: Some(jobs),
            writer: Some(writer),
            max_pending: options.max_pending_bytes.max(1 << 20),
            _lock: lock,
        })
    }

    /// Reads the block that the index says is there.
    fn read_at(
        storage: &Storage,
        partition: TopicPartition,
        facts: &BlockFacts,
    ) -> Result<ReadOutcome, JournalError> {
        let damaged = |reason: String| {
            metrics::counter!("tradewind_journal_damaged_records_total")
                .increment(u64::from(facts.count));
            tracing::error!(%partition, offset = facts.first, records = facts.count, reason, "damaged records in the log");
            ReadOutcome::Damaged {
                first: facts.first,
                resume: facts.end(),
                reason,
            }
        };
        Ok(match storage.block(partition, facts.first) {
            Err(e) if is_damage(&e) => damaged(format!("the storage cannot read the block: {e}")),
            Err(e) => return Err(JournalError::storage(e)),
            Ok(None) => damaged("the block is missing".to_owned()),
            Ok(Some(stored)) => match Block::decode(&block_key(partition, facts.first), &stored) {
                Err(reason) => damaged(reason),
                Ok(block) if block.end() != facts.end() => {
                    damaged("the block and its index entry disagree".to_owned())
                }
                Ok(block) => ReadOutcome::Block(block),
            },
        })
    }

    /// The lowest offset any consumer still needs of a partition; zero when one has never committed.
    fn floor(&self, storage: &Storage, partition: TopicPartition) -> Result<Offset, JournalError> {
        let mut floor = None;
        let suffix = format!("/{partition}");
        for guard in storage.meta.prefix("commit/") {
            let (key, value) = guard.into_inner().map_err(JournalError::storage)?;
            if key.ends_with(suffix.as_bytes())
                && let Ok(bytes) = <[u8; 8]>::try_from(&*value)
            {
                let offset = u64::from_be_bytes(bytes);
                floor = Some(floor.map_or(offset, |f: u64| f.min(offset)));
            }
        }
        Ok(floor.unwrap_or(0))
    }
}

impl Drop for EmbeddedJournal {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
        self.shared.close();
        self.shared.signal.raise();
    }
}

impl Journal for EmbeddedJournal {
    fn partitions(&self) -> u16 {
        self.shared.partition_count
    }

    fn submit(&self, append: Append) -> Result<Ticket, JournalError> {
        let mut blocks = Vec::with_capacity(append.blocks.len());
        let mut bytes = 0;
        for (partition, builder) in &append.blocks {
            if builder.is_empty() {
                continue;
            }
            let stored = builder.encode().map_err(JournalError::storage)?;
            bytes += stored.len();
            blocks.push(EncodedBlock {
                partition: *partition,
                count: builder.len(),
                newest: builder.newest(),
                stored,
            });
        }
        {
            let mut pending = self.shared.pending.lock();
            while *pending > self.max_pending {
                self.shared.drained.wait(&mut pending);
            }
            *pending += bytes;
        }
        let (done, ticket) = mpsc::channel();
        let job = Job {
            blocks,
            progress: append.progress,
            bytes,
            done,
        };
        let sent = match &self.jobs {
            Some(jobs) => jobs.send(job).is_ok(),
            None => false,
        };
        if !sent {
            self.shared.release(bytes);
            return Err(JournalError::Closed);
        }
        Ok(Ticket(ticket))
    }

    fn read(&self, partition: TopicPartition, from: Offset) -> Result<ReadOutcome, JournalError> {
        let bounds = self.shared.bounds(partition);
        if from >= bounds.next {
            return Ok(ReadOutcome::AtTail);
        }
        if from < bounds.earliest {
            return Err(JournalError::Trimmed {
                partition,
                asked: from,
                earliest: bounds.earliest,
            });
        }
        let storage = self.shared.storage()?;
        match storage.locate(partition, from)? {
            None => Ok(ReadOutcome::Damaged {
                first: from,
                resume: bounds.next,
                reason: "the index has no entry for these offsets".to_owned(),
            }),
            Some(facts) if facts.first > from => Ok(ReadOutcome::Damaged {
                first: from,
                resume: facts.first,
                reason: "the index has no entry for these offsets".to_owned(),
            }),
            Some(facts) => Self::read_at(&storage, partition, &facts),
        }
    }

    fn bounds(&self, partition: TopicPartition) -> Bounds {
        self.shared.bounds(partition)
    }

    fn skip_to(&self, partition: TopicPartition, next: Offset) -> Result<(), JournalError> {
        let bounds = self.bounds(partition);
        if next <= bounds.next {
            return Ok(());
        }
        let note = (next_key(partition), next.to_be_bytes().to_vec());
        self.shared.storage()?.put_meta(&[note])?;
        if bounds.earliest == bounds.next {
            let earliest = &self.shared.earliest[self.shared.slot(partition)];
            earliest.store(next, Ordering::Release);
        }
        self.shared.set_next(partition, next);
        Ok(())
    }

    fn signal(&self) -> Arc<Signal> {
        Arc::clone(&self.shared.signal)
    }

    fn pending_bytes(&self) -> usize {
        *self.shared.pending.lock()
    }

    fn trouble(&self) -> Option<String> {
        let told = self.shared.trouble.lock().clone();
        told.or_else(|| self.shared.room().err().map(|full| full.to_string()))
    }

    fn commit(
        &self,
        consumer: &str,
        offsets: &[(TopicPartition, Offset)],
    ) -> Result<(), JournalError> {
        let items: Vec<(String, Vec<u8>)> = offsets
            .iter()
            .map(|(partition, offset)| {
                (
                    commit_key(consumer, *partition),
                    offset.to_be_bytes().to_vec(),
                )
            })
            .collect();
        self.shared.storage()?.put_meta(&items).inspect_err(|_| {
            self.shared.suspect.store(true, Ordering::Release);
        })
    }

    fn committed(
        &self,
        consumer: &str,
        partition: TopicPartition,
    ) -> Result<Option<Offset>, JournalError> {
        self.shared
            .storage()?
            .get_offset(&commit_key(consumer, partition))
    }

    fn trim(&self, policy: &RetentionPolicy, now: Micros) -> Result<u64, JournalError> {
        let storage = self.shared.storage()?;
        let mut deleted = 0;
        for partition in self.shared.partitions() {
            let floor = self.floor(&storage, partition)?;
            let facts: Vec<BlockFacts> = storage.all_facts(partition).collect();
            let count = deletable(&facts, policy, floor, now);
            let Some(last) = count.checked_sub(1).map(|i| facts[i]) else {
                continue;
            };
            // The place of the next record is kept first, so that a partition trimmed to nothing never reuses offsets (J2).
            let next = self.shared.bounds(partition).next;
            storage.put_meta(&[(next_key(partition), next.to_be_bytes().to_vec())])?;
            self.shared.earliest[self.shared.slot(partition)].store(last.end(), Ordering::Release);
            let mut batch = storage.db.batch();
            for block in &facts[..count] {
                batch.remove(&storage.blocks, block_key(partition, block.first));
                batch.remove(&storage.index, block_key(partition, block.first));
                deleted += u64::from(block.count);
            }
            batch.commit().map_err(|e| {
                self.shared.suspect.store(true, Ordering::Release);
                JournalError::storage(e)
            })?;
        }
        Ok(deleted)
    }

    fn put_format(&self, definition: &str) -> Result<FormatHash, JournalError> {
        let hash = FormatHash::of(definition);
        if self.format(hash)?.is_none() {
            notes::put_format(&self.shared.folder, hash, definition)
                .map_err(JournalError::storage)?;
            let storage = self.shared.storage()?;
            storage.put_meta(&[(format!("format/{hash}"), definition.as_bytes().to_vec())])?;
        }
        Ok(hash)
    }

    fn format(&self, hash: FormatHash) -> Result<Option<String>, JournalError> {
        let found = self.shared.storage()?.get_meta(&format!("format/{hash}"))?;
        found
            .map(String::from_utf8)
            .transpose()
            .map_err(|_| JournalError::Unusable {
                reason: format!("the definition of format {hash} is damaged"),
            })
    }

    fn progress(&self, key: &str) -> Result<Option<Vec<u8>>, JournalError> {
        self.shared.storage()?.get_meta(&format!("progress/{key}"))
    }
}

#[cfg(test)]
#[path = "embedded_tests.rs"]
mod tests;
