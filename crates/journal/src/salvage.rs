//! Saves what is readable of a log whose storage is damaged, so that a flipped bit costs the block it hit and nothing else.
//!
//! Blocks are stored uncompressed behind their key, in the write-ahead files as in the blob files, and carry their own mark,
//! length and checksum. So they are found by looking through the bytes of every file, whatever became of the storage's own
//! directory of them. The damaged folder is set aside, never deleted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fjall::PersistMode;
use tradewind_model::{Offset, TopicPartition};

use crate::Bounds;
use crate::block::{self, StoredBlock};
use crate::error::JournalError;
use crate::notes;
use crate::retention::BlockFacts;
use crate::storage::{Storage, block_key, facts_value, next_key};

/// Bytes written to the new storage at a time.
const BATCH_BYTES: usize = 8 << 20;

/// Where a block was found.
struct Place {
    /// Number among the files; a later one is newer.
    file: usize,
    at: usize,
    len: usize,
    facts: BlockFacts,
}

/// Blocks by partition and first offset.
type Found = BTreeMap<(TopicPartition, Offset), Place>;

/// Where a new log is made before it takes the place of the damaged one.
fn beside(folder: &Path, what: &str) -> PathBuf {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    folder.with_file_name(format!("{name}.{what}"))
}

/// Whether a new log is whole.
const WHOLE: &str = "whole";

/// Ends a rebuilding that was interrupted between its two renamings, and removes one that was interrupted before. Only for who
/// holds the log's lock, as everything here.
pub(crate) fn finish(folder: &Path) -> std::io::Result<()> {
    let new = beside(folder, "rebuilding");
    if !new.exists() {
        return Ok(());
    }
    if !folder.exists() && new.join(WHOLE).exists() {
        return take_place(&new, folder);
    }
    std::fs::remove_dir_all(&new)
}

fn take_place(new: &Path, folder: &Path) -> std::io::Result<()> {
    std::fs::rename(new, folder)?;
    sync_parent(folder)?;
    std::fs::remove_file(folder.join(WHOLE))
}

fn sync_parent(folder: &Path) -> std::io::Result<()> {
    match folder.parent().filter(|p| !p.as_os_str().is_empty()) {
        Some(parent) => std::fs::File::open(parent)?.sync_all(),
        None => std::fs::File::open(".")?.sync_all(),
    }
}

/// Makes a new log of every block of a damaged one that can be read, and lets it take the other's place, which is set aside. When
/// that fails, everything is as it was.
///
/// `known`: the bounds of a log that is running. What lies outside of them was trimmed, or refused to its senders, and does not
/// come back; no offset below their end is given out again (J2).
pub(crate) fn rebuild(
    folder: &Path,
    reason: &str,
    partitions: u16,
    known: Option<&BTreeMap<TopicPartition, Bounds>>,
) -> Result<(), JournalError> {
    let failed = |what: &str, e: std::io::Error| JournalError::Unusable {
        reason: format!("the log is damaged ({reason}), and {what}: {e}"),
    };
    tracing::error!(
        reason,
        "the log's storage is damaged; a new one is made of what is readable"
    );
    let new = beside(folder, "rebuilding");
    finish(folder).map_err(|e| failed("an earlier attempt cannot be removed", e))?;
    let files = files(folder).map_err(|e| failed("its files cannot be listed", e))?;
    let found = find(&files).map_err(|e| failed("its files cannot be read now", e))?;
    let mut found = without_overlaps(found);
    if let Some(known) = known {
        found.retain(|(partition, first), place| {
            let bounds = known.get(partition);
            bounds.is_some_and(|b| *first >= b.earliest && place.facts.end() <= b.next)
        });
    }
    let most = found.keys().map(|(partition, _)| partition.partition + 1);
    let partitions = notes::partitions(folder)
        .or(most.max())
        .unwrap_or(partitions);
    let formats = notes::formats(folder);
    let made = fill(&new, &files, &found, partitions, formats, known).and_then(|()| {
        std::fs::File::create(new.join(WHOLE))
            .and_then(|file| file.sync_all())
            .and_then(|()| std::fs::File::open(&new)?.sync_all())
            .map_err(|e| failed("the new one cannot be finished", e))
    });
    if let Err(error) = made {
        // What was made so far may be what fills the disk.
        let _ = std::fs::remove_dir_all(&new);
        return Err(JournalError::Unusable {
            reason: format!(
                "the log is damaged ({reason}), and a new one cannot be made of it: {error}. Nothing has changed; it needs as much space as `{}` has, and writing must be allowed beside it",
                folder.display()
            ),
        });
    }
    let aside = set_aside(folder).map_err(|e| failed("its folder cannot be set aside", e))?;
    take_place(&new, folder).map_err(|e| failed("the new one cannot take its place", e))?;
    tracing::error!(kept = %aside.display(), "the damaged log was set aside; notes on imports are lost with it: import no file again that is older than the window of de-duplication");
    Ok(())
}

/// Writes the blocks, and what can be told from them, into a new storage.
fn fill(
    folder: &Path,
    files: &[PathBuf],
    found: &Found,
    partitions: u16,
    formats: Vec<(String, Vec<u8>)>,
    known: Option<&BTreeMap<TopicPartition, Bounds>>,
) -> Result<(), JournalError> {
    let storage = Storage::open(folder)?;
    write(&storage, files, found)?;
    let mut meta = vec![("partitions".to_owned(), partitions.to_be_bytes().to_vec())];
    let mut ends: BTreeMap<TopicPartition, (Offset, u64)> = BTreeMap::new();
    for ((partition, first), place) in found {
        let known = ends.get(partition).map(|(end, _)| *end);
        if let Some(end) = known.filter(|end| end < first) {
            tracing::error!(%partition, first = end, records = first - end, "records of the log are lost");
            metrics::counter!("tradewind_journal_damaged_records_total").increment(first - end);
        }
        let (end, records) = ends.entry(*partition).or_default();
        *end = place.facts.end();
        *records += u64::from(place.facts.count);
    }
    for (partition, bounds) in known.into_iter().flatten() {
        let (end, _) = ends.entry(*partition).or_default();
        // What was trimmed is not lost.
        let first = (*end).max(bounds.earliest);
        if first < bounds.next {
            tracing::error!(%partition, first, next = bounds.next, "records of the log are lost; the lake has them unless they came in the last seconds");
        }
        *end = bounds.next;
    }
    for (partition, (end, records)) in ends {
        meta.push((next_key(partition), end.to_be_bytes().to_vec()));
        tracing::warn!(%partition, records, next = end, "records of the log were taken over");
    }
    meta.extend(formats);
    storage.put_meta(&meta)
}

/// Renames a folder to the first free `NAME.damaged-N`.
///
/// # Errors
/// When it cannot be renamed.
pub fn set_aside(folder: &Path) -> std::io::Result<PathBuf> {
    let aside = (1..)
        .map(|n: u32| beside(folder, &format!("damaged-{n}")))
        .find(|path| !path.exists())
        .unwrap_or_default();
    std::fs::rename(folder, &aside)?;
    sync_parent(folder)?;
    Ok(aside)
}

/// Every file below a folder: write-ahead files last and in their order, for what they hold is newest.
fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut out = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                out.push(entry.path());
            }
        }
    }
    out.sort_by_key(|path| {
        let ahead = path.extension().is_some_and(|e| e == "jnl");
        let number = path.file_stem().and_then(|n| n.to_str()?.parse().ok());
        (ahead, number.unwrap_or(0u64), path.clone())
    });
    Ok(out)
}

/// A file's bytes; none when the disk cannot give them any more. What passes, such as a want of memory, is an error.
fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    std::fs::read(path).or_else(|error| {
        let broken = error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error());
        if !broken {
            return Err(error);
        }
        tracing::error!(file = %path.display(), %error, "a file of the damaged log cannot be read");
        Ok(Vec::new())
    })
}

fn find(files: &[PathBuf]) -> std::io::Result<Found> {
    let mut found = Found::new();
    for (file, path) in files.iter().enumerate() {
        let bytes = read(path)?;
        for StoredBlock {
            key,
            at,
            len,
            count,
            newest,
        } in block::find(&bytes)
        {
            let Some((partition, first)) = place_of(&key) else {
                continue;
            };
            let facts = BlockFacts {
                first,
                count,
                bytes: len as u64,
                newest,
            };
            let place = Place {
                file,
                at,
                len,
                facts,
            };
            found.insert((partition, first), place);
        }
    }
    Ok(found)
}

fn place_of(key: &[u8; 11]) -> Option<(TopicPartition, Offset)> {
    let (partition, first) = key.split_first_chunk::<3>()?;
    let partition = TopicPartition::from_bytes(*partition)?;
    Some((partition, Offset::from_be_bytes(first.try_into().ok()?)))
}

/// An append that was refused may have left blocks where later ones stand: the newer one counts.
fn without_overlaps(found: Found) -> Found {
    let mut kept: Vec<((TopicPartition, Offset), Place)> = Vec::new();
    for (key, place) in found {
        while let Some((before, other)) = kept.last()
            && before.0 == key.0
            && other.facts.end() > key.1
            && (other.file, other.at) <= (place.file, place.at)
        {
            kept.pop();
        }
        let hidden = kept
            .last()
            .is_some_and(|(before, other)| before.0 == key.0 && other.facts.end() > key.1);
        if !hidden {
            kept.push((key, place));
        }
    }
    kept.into_iter().collect()
}

/// Writes the blocks, file by file.
fn write(storage: &Storage, files: &[PathBuf], found: &Found) -> Result<(), JournalError> {
    let mut by_file: BTreeMap<usize, Vec<(TopicPartition, &Place)>> = BTreeMap::new();
    for ((partition, _), place) in found {
        by_file
            .entry(place.file)
            .or_default()
            .push((*partition, place));
    }
    for (file, places) in by_file {
        let bytes = read(&files[file]).map_err(JournalError::storage)?;
        let mut places = places.into_iter().peekable();
        while places.peek().is_some() {
            let mut batch = storage.db.batch().durability(Some(PersistMode::SyncData));
            let mut size = 0;
            while size < BATCH_BYTES
                && let Some((partition, place)) = places.next()
            {
                let key = block_key(partition, place.facts.first);
                let stored = bytes.get(place.at..place.at + place.len);
                let stored = stored.ok_or_else(|| {
                    JournalError::storage("a file of the damaged log cannot be read twice")
                })?;
                batch.insert(&storage.blocks, key, stored);
                batch.insert(&storage.index, key, facts_value(&place.facts));
                size += place.len;
            }
            batch.commit().map_err(JournalError::storage)?;
        }
    }
    Ok(())
}
