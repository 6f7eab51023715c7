//! The fjall keyspaces of the embedded log and their keys; the only module besides the writer that knows fjall.
//!
//! - `blocks`: (topic, partition, first offset) → stored block. Large values live in blob files, so that compaction moves
//!   pointers, not data.
//! - `index`: the same key → count, size, newest reception. Small: retention and recovery read it, never the blocks.
//! - `meta`: `partitions`, `next/TP` (kept when trimming, so that offsets are never reused), `commit/CONSUMER/TP`,
//!   `format/HASH`, `progress/SENDER`.

use std::path::Path;

use fjall::config::CompressionPolicy;
use fjall::{
    CompressionType, Database, Keyspace, KeyspaceCreateOptions, KvSeparationOptions, PersistMode,
};
use tradewind_model::{Micros, Offset, TopicPartition};

use crate::Bounds;
use crate::error::JournalError;
use crate::retention::BlockFacts;

/// The open keyspaces. Clones share them; the files are closed when the last one is dropped.
#[derive(Clone)]
pub(crate) struct Storage {
    pub(crate) db: Database,
    pub(crate) blocks: Keyspace,
    pub(crate) index: Keyspace,
    pub(crate) meta: Keyspace,
}

impl Storage {
    pub(crate) fn open(folder: &Path) -> Result<Self, JournalError> {
        std::fs::create_dir_all(folder).map_err(|e| JournalError::Unusable {
            reason: format!("`{}` cannot be created: {e}", folder.display()),
        })?;
        let failed = |error: fjall::Error| match error {
            fjall::Error::Locked => JournalError::Locked {
                path: folder.display().to_string(),
            },
            damage if is_damage_at_opening(&damage) => JournalError::Damaged {
                reason: damage.to_string(),
            },
            other => JournalError::Unusable {
                reason: format!("`{}`: {other}", folder.display()),
            },
        };
        let db = Database::builder(folder)
            .cache_size(16 << 20)
            .journal_compression(CompressionType::None)
            .max_journaling_size(256 << 20)
            .worker_threads(1)
            .open()
            .map_err(failed)?;
        let blocks = db
            .keyspace("blocks", || {
                KeyspaceCreateOptions::default()
                    .data_block_compression_policy(CompressionPolicy::disabled())
                    .max_memtable_size(16 << 20)
                    .with_kv_separation(Some(
                        KvSeparationOptions::default()
                            .compression(CompressionType::None)
                            // Every block stands whole behind its key, where it can be found again (`salvage`).
                            .separation_threshold(1),
                    ))
            })
            .map_err(failed)?;
        let index = db
            .keyspace("index", || {
                KeyspaceCreateOptions::default().max_memtable_size(4 << 20)
            })
            .map_err(failed)?;
        let meta = db
            .keyspace("meta", || {
                KeyspaceCreateOptions::default().max_memtable_size(1 << 20)
            })
            .map_err(failed)?;
        Ok(Self {
            db,
            blocks,
            index,
            meta,
        })
    }

    pub(crate) fn get_meta(&self, key: &str) -> Result<Option<Vec<u8>>, JournalError> {
        Ok(find(&self.meta, key.as_bytes())
            .map_err(unread)?
            .map(|v| v.to_vec()))
    }

    /// The stored form of a block.
    pub(crate) fn block(
        &self,
        partition: TopicPartition,
        first: Offset,
    ) -> fjall::Result<Option<fjall::UserValue>> {
        let key = block_key(partition, first);
        match self.blocks.get(key) {
            Ok(Some(value)) => Ok(Some(value)),
            _ => find(&self.blocks, &key),
        }
    }

    pub(crate) fn put_meta(&self, items: &[(String, Vec<u8>)]) -> Result<(), JournalError> {
        let mut batch = self.db.batch().durability(Some(PersistMode::SyncData));
        for (key, value) in items {
            batch.insert(&self.meta, key.as_str(), value.as_slice());
        }
        batch.commit().map_err(JournalError::storage)
    }

    pub(crate) fn get_offset(&self, key: &str) -> Result<Option<Offset>, JournalError> {
        Ok(self
            .get_meta(key)?
            .and_then(|v| v.try_into().ok())
            .map(u64::from_be_bytes))
    }

    /// The definitions of formats.
    pub(crate) fn formats(&self) -> Result<Vec<String>, JournalError> {
        self.meta
            .prefix("format/")
            .map(|guard| {
                let value = guard.value().map_err(unread)?;
                Ok(String::from_utf8_lossy(&value).into_owned())
            })
            .collect()
    }

    /// The bounds of a partition as the disk has them.
    pub(crate) fn bounds(&self, partition: TopicPartition) -> Result<Bounds, JournalError> {
        let kept_next = self.get_offset(&next_key(partition))?.unwrap_or(0);
        let last = self.index.prefix(partition.to_bytes()).next_back();
        let next = match last {
            None => kept_next,
            Some(guard) => {
                let (key, value) = guard.into_inner().map_err(unread)?;
                let facts = facts(&key, &value).ok_or_else(|| JournalError::Damaged {
                    reason: format!("the last index entry of {partition} is damaged"),
                })?;
                facts.end().max(kept_next)
            }
        };
        let first = self.index.prefix(partition.to_bytes()).next();
        let earliest = match first {
            None => next,
            Some(guard) => {
                let (key, value) = guard.into_inner().map_err(unread)?;
                facts(&key, &value)
                    .ok_or_else(|| JournalError::Damaged {
                        reason: format!("the first index entry of {partition} is damaged"),
                    })?
                    .first
            }
        };
        Ok(Bounds { earliest, next })
    }

    /// Reads the whole index of a partition and compares it with the blocks there are. A damaged part of it would hide many
    /// blocks that are well.
    pub(crate) fn check_index(&self, partition: TopicPartition) -> Result<(), JournalError> {
        let prefix = partition.to_bytes();
        let mut blocks = self.blocks.prefix(prefix);
        for guard in self.index.prefix(prefix) {
            let block = blocks.next().map(|guard| guard.key().map_err(unread));
            if block.transpose()? != Some(guard.key().map_err(unread)?) {
                return Err(disagree(partition));
            }
        }
        if blocks.next().is_some() {
            return Err(disagree(partition));
        }
        Ok(())
    }

    /// The facts of the block that holds `offset`, or of the first one after it.
    pub(crate) fn locate(
        &self,
        partition: TopicPartition,
        offset: Offset,
    ) -> Result<Option<BlockFacts>, JournalError> {
        let from = block_key(partition, 0);
        let upto = block_key(partition, offset);
        if let Some(guard) = self.index.range(from..=upto).next_back()
            && let Some((key, value)) = readable(guard)?
            && let Some(found) = facts(&key, &value)
            && found.end() > offset
        {
            return Ok(Some(found));
        }
        let end = block_key(partition, Offset::MAX);
        for guard in self.index.range(upto..=end) {
            // A damaged entry is passed over: its records are reported as damaged when the next one is found.
            if let Some((key, value)) = readable(guard)?
                && let Some(found) = facts(&key, &value)
            {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The facts of all blocks of a partition, in order.
    pub(crate) fn all_facts(&self, partition: TopicPartition) -> impl Iterator<Item = BlockFacts> {
        self.index
            .prefix(partition.to_bytes())
            .filter_map(|guard| guard.into_inner().ok())
            .filter_map(|(key, value)| facts(&key, &value))
    }
}

fn disagree(partition: TopicPartition) -> JournalError {
    JournalError::Damaged {
        reason: format!("the index of {partition} and its blocks disagree"),
    }
}

fn unread(error: fjall::Error) -> JournalError {
    if is_damage(&error) {
        JournalError::Damaged {
            reason: error.to_string(),
        }
    } else {
        JournalError::storage(error)
    }
}

/// As [`is_damage`]; files that are there although nothing speaks of them are damage too.
pub fn is_damage_at_opening(error: &(dyn std::error::Error + 'static)) -> bool {
    io_kind(error) == Some(std::io::ErrorKind::AlreadyExists) || is_damage(error)
}

/// The kind of the first error of the system among an error and its causes.
fn io_kind(error: &(dyn std::error::Error + 'static)) -> Option<std::io::ErrorKind> {
    std::iter::successors(Some(error), |at| at.source())
        .find_map(|at| at.downcast_ref::<std::io::Error>())
        .map(std::io::Error::kind)
}

/// A value looked for among its neighbours, past the filters of the tables: a flipped bit in one would hide it.
fn find(keyspace: &Keyspace, key: &[u8]) -> fjall::Result<Option<fjall::UserValue>> {
    let found = keyspace.range(key..=key).next();
    found.map(fjall::Guard::value).transpose()
}

/// An entry; `None` when it is damaged.
fn readable(guard: fjall::Guard) -> Result<Option<fjall::KvPair>, JournalError> {
    match guard.into_inner() {
        Ok(entry) => Ok(Some(entry)),
        Err(error) if is_damage(&error) => Ok(None),
        Err(error) => Err(JournalError::storage(error)),
    }
}

/// Whether an error says that what is stored is damaged or gone. Otherwise the system could not read it now, for want of file
/// descriptors or memory perhaps: that passes, and nothing may be left out for it.
pub fn is_damage(error: &(dyn std::error::Error + 'static)) -> bool {
    if let Some(kind) = io_kind(error) {
        use std::io::ErrorKind::{InvalidData, NotFound, UnexpectedEof};
        return matches!(kind, UnexpectedEof | InvalidData | NotFound);
    }
    let passes = error.downcast_ref::<fjall::Error>();
    !passes.is_some_and(|e| matches!(e, fjall::Error::Poisoned | fjall::Error::Locked))
}

pub(crate) fn block_key(partition: TopicPartition, first: Offset) -> [u8; 11] {
    let mut key = [0; 11];
    key[..3].copy_from_slice(&partition.to_bytes());
    key[3..].copy_from_slice(&first.to_be_bytes());
    key
}

pub(crate) fn next_key(partition: TopicPartition) -> String {
    format!("next/{partition}")
}

pub(crate) fn commit_key(consumer: &str, partition: TopicPartition) -> String {
    format!("commit/{consumer}/{partition}")
}

pub(crate) fn facts_value(facts: &BlockFacts) -> [u8; 20] {
    let mut value = [0; 20];
    value[..4].copy_from_slice(&facts.count.to_be_bytes());
    value[4..12].copy_from_slice(&facts.bytes.to_be_bytes());
    value[12..].copy_from_slice(&facts.newest.0.to_be_bytes());
    value
}

fn facts(key: &[u8], value: &[u8]) -> Option<BlockFacts> {
    let first = Offset::from_be_bytes(key.get(3..11)?.try_into().ok()?);
    Some(BlockFacts {
        first,
        count: u32::from_be_bytes(value.get(..4)?.try_into().ok()?),
        bytes: u64::from_be_bytes(value.get(4..12)?.try_into().ok()?),
        newest: Micros(i64::from_be_bytes(value.get(12..20)?.try_into().ok()?)),
    })
}
