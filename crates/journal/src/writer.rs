//! Group commit: one thread gathers what many writers hand over, writes it in one batch and fsyncs once.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use fjall::PersistMode;
use metrics::{counter, gauge, histogram};
use tradewind_model::{Offset, TopicPartition};

use crate::block;
use crate::embedded::Shared;
use crate::error::JournalError;
use crate::retention::BlockFacts;
use crate::storage::{Storage, block_key, facts_value, next_key};
use crate::{Appended, Bounds};
use crate::{salvage, write_ahead};

/// The most bytes one fsync covers; more would only delay the first acknowledgement.
const GROUP_BYTES: usize = 8 << 20;

/// Pauses between attempts to open a storage that failed: the first, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(20);

/// Where an append's blocks went: (partition, first offset, records).
type Placed = Vec<(TopicPartition, Offset, u32)>;

pub(crate) struct EncodedBlock {
    pub(crate) partition: TopicPartition,
    pub(crate) count: u32,
    pub(crate) newest: tradewind_model::Micros,
    pub(crate) stored: Vec<u8>,
}

pub(crate) struct Job {
    pub(crate) blocks: Vec<EncodedBlock>,
    pub(crate) progress: Option<(String, Vec<u8>)>,
    pub(crate) bytes: usize,
    pub(crate) done: mpsc::Sender<Result<Appended, JournalError>>,
}

/// Starts the commit thread; it ends when every sender is gone.
pub(crate) fn start(
    shared: Arc<Shared>,
    folder: PathBuf,
) -> std::io::Result<(Sender<Job>, std::thread::JoinHandle<()>)> {
    let (sender, receiver) = mpsc::channel();
    let handle = std::thread::Builder::new()
        .name("journal-commit".to_owned())
        .spawn(move || {
            Writer {
                shared,
                folder,
                broken: false,
                notes_before: Vec::new(),
                next_try: None,
                pause: FIRST_PAUSE,
            }
            .run(&receiver)
        })?;
    Ok((sender, handle))
}

/// Whether nobody has the storage open: its own lock can be had.
fn is_closed(folder: &Path) -> bool {
    let Ok(lock) = std::fs::File::open(folder.join("lock")) else {
        // Without the file nobody has it.
        return true;
    };
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_ok()
}

struct Writer {
    shared: Arc<Shared>,
    folder: PathBuf,
    /// The storage refused a write and takes none until it is opened again.
    broken: bool,
    /// Notes that the refused write would have changed, as they were before it.
    notes_before: Vec<Note>,
    /// When the storage may be opened again, after it could not be.
    next_try: Option<Instant>,
    /// How long to wait after the next failure.
    pause: Duration,
}

/// A note's key and what it said, if anything.
type Note = (String, Option<Vec<u8>>);

impl Writer {
    fn run(mut self, jobs: &Receiver<Job>) {
        loop {
            match jobs.recv_timeout(Duration::from_millis(500)) {
                Ok(first) => {
                    let mut bytes = first.bytes;
                    let mut group = vec![first];
                    while bytes < GROUP_BYTES
                        && let Ok(next) = jobs.try_recv()
                    {
                        bytes += next.bytes;
                        group.push(next);
                    }
                    self.commit(group);
                    self.shared.release(bytes);
                }
                Err(RecvTimeoutError::Timeout) => {
                    // A note that could not be written leaves a storage that takes nothing more.
                    if self.shared.suspect.swap(false, Ordering::AcqRel) {
                        self.broken = true;
                    }
                    if self.broken {
                        self.reopen();
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn commit(&mut self, mut group: Vec<Job>) {
        if self.broken {
            self.reopen();
        }
        let refused = if self.broken {
            Some(JournalError::storage(
                "the storage failed before and could not be opened again yet",
            ))
        } else {
            self.shared.room().err()
        };
        if let Some(refused) = refused {
            counter!("tradewind_journal_refused_appends_total").increment(group.len() as u64);
            for job in group {
                let _ = job.done.send(Err(refused.clone()));
            }
            return;
        }
        let started = std::time::Instant::now();
        let written = self.notes(&group).and_then(|notes| {
            self.write(&mut group)
                .inspect_err(|_| self.notes_before = notes)
        });
        match written {
            Ok(placed) => {
                histogram!("tradewind_journal_commit_seconds")
                    .record(started.elapsed().as_secs_f64());
                self.shared.signal.raise();
                for (job, blocks) in group.into_iter().zip(placed) {
                    let _ = job.done.send(Ok(Appended { blocks }));
                }
            }
            Err(error) => {
                tracing::error!(%error, "an append could not be written; the log is opened again before the next one");
                self.broken = true;
                *self.shared.trouble.lock() = Some(error.to_string());
                for job in group {
                    let _ = job.done.send(Err(error.clone()));
                }
            }
        }
    }

    /// The notes that a group changes, as they are.
    fn notes(&self, group: &[Job]) -> Result<Vec<Note>, JournalError> {
        let storage = self.shared.storage()?;
        let keys = group.iter().filter_map(|job| job.progress.as_ref());
        keys.map(|(key, _)| {
            let key = format!("progress/{key}");
            let value = storage.get_meta(&key)?;
            Ok((key, value))
        })
        .collect()
    }

    /// Takes back what a refused write may have left: its senders were told that nothing of it was kept, and send it again.
    fn take_back(&self, storage: &Storage) -> Result<(), JournalError> {
        let mut batch = storage.db.batch().durability(Some(PersistMode::SyncData));
        for partition in self.shared.partitions() {
            let next = self.shared.bounds(partition).next;
            for facts in storage.all_facts(partition).filter(|f| f.first >= next) {
                tracing::warn!(%partition, offset = facts.first, records = facts.count, "records of a refused append are taken back");
                batch.remove(&storage.blocks, block_key(partition, facts.first));
                batch.remove(&storage.index, block_key(partition, facts.first));
            }
        }
        for (key, value) in &self.notes_before {
            match value {
                Some(value) => batch.insert(&storage.meta, key.as_str(), value.as_slice()),
                None => batch.remove(&storage.meta, key.as_str()),
            }
        }
        batch.commit().map_err(JournalError::storage)
    }

    /// Writes the group in one atomic, fsynced batch (J1) and gives each block its dense offsets (J2).
    fn write(&self, group: &mut [Job]) -> Result<Vec<Placed>, JournalError> {
        let storage = self.shared.storage()?;
        let mut batch = storage.db.batch().durability(Some(PersistMode::SyncData));
        let mut next: HashMap<TopicPartition, Offset> = HashMap::new();
        let mut placed = Vec::with_capacity(group.len());
        let (mut records, mut bytes) = (0u64, 0u64);
        for job in group {
            let mut at = Vec::with_capacity(job.blocks.len());
            for block in &mut job.blocks {
                let offset = next
                    .entry(block.partition)
                    .or_insert_with(|| self.shared.bounds(block.partition).next);
                let key = block_key(block.partition, *offset);
                let facts = BlockFacts {
                    first: *offset,
                    count: block.count,
                    bytes: block.stored.len() as u64,
                    newest: block.newest,
                };
                block::seal(&mut block.stored, &key);
                batch.insert(&storage.blocks, key, block.stored.as_slice());
                batch.insert(&storage.index, key, facts_value(&facts));
                at.push((block.partition, *offset, block.count));
                *offset = facts.end();
                records += u64::from(block.count);
                bytes += facts.bytes;
            }
            if let Some((key, value)) = &job.progress {
                batch.insert(
                    &storage.meta,
                    format!("progress/{key}").as_str(),
                    value.as_slice(),
                );
            }
            placed.push(at);
        }
        batch.commit().map_err(JournalError::storage)?;
        for (partition, offset) in next {
            debug_assert!(
                offset >= self.shared.bounds(partition).next,
                "J2: offsets only rise"
            );
            self.shared.set_next(partition, offset);
        }
        counter!("tradewind_journal_records_total").increment(records);
        counter!("tradewind_journal_bytes_total").increment(bytes);
        Ok(placed)
    }

    /// The storage, opened again. What a failed write left in the middle of a file, with others after it, is damage that the
    /// storage would cut off with everything behind it: a new log is made of what is readable then.
    fn opened(&self) -> Result<Storage, JournalError> {
        // An earlier attempt may have been interrupted between its two renamings.
        salvage::finish(&self.folder).map_err(JournalError::storage)?;
        // Readers may still have it open; what is being written looks damaged.
        if !is_closed(&self.folder) {
            return Err(JournalError::storage("it is still being closed"));
        }
        // Damaged files may also make the storage panic.
        let folder = self.folder.as_path();
        let open = || {
            std::panic::catch_unwind(|| {
                write_ahead::check(folder).and_then(|()| Storage::open(folder))
            })
            .unwrap_or_else(|_| {
                Err(JournalError::Damaged {
                    reason: "the storage panicked while it was opened".to_owned(),
                })
            })
        };
        let reason = match open() {
            Err(JournalError::Damaged { reason }) => reason,
            opened => return opened,
        };
        let partitions = self.shared.partitions();
        let known = partitions.map(|p| (p, self.shared.bounds(p))).collect();
        salvage::rebuild(
            &self.folder,
            &reason,
            self.shared.partition_count(),
            Some(&known),
        )?;
        open()
    }

    fn reopen(&mut self) {
        if self.next_try.is_some_and(|at| Instant::now() < at) || self.shared.room().is_err() {
            return;
        }
        self.shared.close();
        let opened = self.opened().and_then(|storage| {
            self.take_back(&storage)?;
            let mut bounds = self
                .shared
                .partitions()
                .map(|p| Ok((p, storage.bounds(p)?)))
                .collect::<Result<Vec<(TopicPartition, Bounds)>, JournalError>>()?;
            let mut behind = Vec::new();
            for (partition, bounds) in &mut bounds {
                let next = self.shared.bounds(*partition).next;
                if bounds.next < next {
                    tracing::error!(%partition, first = bounds.next, next, "acknowledged records of the log are lost");
                    behind.push((next_key(*partition), next.to_be_bytes().to_vec()));
                    bounds.next = next;
                }
            }
            if !behind.is_empty() {
                storage.put_meta(&behind)?;
            }
            Ok((storage, bounds))
        });
        match opened {
            Ok((storage, bounds)) => {
                for (partition, bounds) in bounds {
                    self.shared.set_next(partition, bounds.next);
                }
                self.shared.put_storage(storage);
                self.broken = false;
                self.pause = FIRST_PAUSE;
                self.next_try = None;
                *self.shared.trouble.lock() = None;
                self.notes_before.clear();
                gauge!("tradewind_journal_broken").set(0.0);
                tracing::info!("the log is open again");
            }
            Err(error) => {
                gauge!("tradewind_journal_broken").set(1.0);
                tracing::warn!(%error, "the log could not be opened again yet");
                // Making a new log reads all of the old one: not again and again for nothing.
                self.next_try = Some(Instant::now() + self.pause);
                self.pause = (self.pause * 2).min(LAST_PAUSE);
                *self.shared.trouble.lock() = Some(error.to_string());
            }
        }
        self.shared.reopens.fetch_add(1, Ordering::Relaxed);
    }
}
