//! Whether data files are still what was written.
//!
//! A Parquet file has no checksum of its pages here (the encoder writes none), and many a flipped bit still unpacks. So each
//! file carries the hash of its bytes in its name, which the table's log holds too; whatever reads a file whole compares it
//! ([`crate::files::read_file`]: compaction, upserts, comparisons), and `verify` and `replay` look at all files first. They also
//! hold what the log says of a file against the file: its store and date, and the counts and ranges by which questions are
//! answered and files skipped.

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::{ObjectStore, ObjectStoreExt as _};
use tradewind_model::{StoreId, Topic, TopicPartition};
use xxhash_rust::xxh3::xxh3_64;

use crate::error::{LakeError, Result};
use crate::files::{FileStats, decode_file};
use crate::head::FileEntry;
use crate::lake::Lake;
use crate::layout::TableName;
use crate::scan::statistics;
use crate::schema::STATS_COLUMNS;
use crate::sink::transaction_id;
use crate::tap::APPEND_TABLES;
use crate::verify::Difference;

/// What every data file's name ends with.
const ENDING: &str = ".zstd.parquet";
/// Digits of a checksum in hexadecimal.
const DIGITS: usize = 16;
/// Files read at the same time.
const AT_ONCE: usize = 4;

/// A name for a file of these bytes. Names rise with the time of writing, so that files are read in the order written.
pub(crate) fn name_of(bytes: &[u8]) -> String {
    let moment = uuid::Uuid::now_v7().simple();
    format!("part-{moment}-{:016x}{ENDING}", xxh3_64(bytes))
}

/// The checksum in a file's name; `None` in names that were given before they had one.
fn checksum_in(path: &str) -> Option<u64> {
    let (_, digits) = path.strip_suffix(ENDING)?.rsplit_once('-')?;
    (digits.len() == DIGITS)
        .then(|| u64::from_str_radix(digits, 16).ok())
        .flatten()
}

/// Refuses bytes that are not those the file was named for.
///
/// # Errors
/// [`LakeError::Damaged`].
pub(crate) fn check(path: &str, bytes: &[u8]) -> Result<()> {
    match checksum_in(path) {
        Some(sum) if sum != xxh3_64(bytes) => Err(LakeError::Damaged {
            path: path.to_owned(),
        }),
        _ => Ok(()),
    }
}

impl Lake {
    /// Reads the offsets that the tables' logs say they cover. While one cannot be read the operators try again for ever, which is
    /// right for a server; a command asks this first, and ends.
    ///
    /// # Errors
    /// [`LakeError::Table`] when a log cannot be read.
    pub async fn check_offsets(&self) -> Result<()> {
        for name in APPEND_TABLES {
            let handle = self.handle(&name);
            if handle.version().await?.is_none() {
                continue;
            }
            for topic in Topic::ALL {
                for partition in 0..self.options().partitions {
                    let partition = TopicPartition::new(topic, partition);
                    handle.transaction(&transaction_id(partition)).await?;
                }
            }
        }
        Ok(())
    }

    /// Data files of the newest versions that are gone, or are not what was written: all tables or one, all stores or one.
    ///
    /// # Errors
    /// [`LakeError`] when the log of a table cannot be read.
    pub async fn damaged_files(
        &self,
        only: Option<&TableName>,
        store: Option<&StoreId>,
    ) -> Result<Vec<Difference>> {
        let mut found = Vec::new();
        for name in self.tables() {
            if only.is_some_and(|o| *o != name) {
                continue;
            }
            let handle = self.handle(&name);
            let files = handle
                .files(|key| store.is_none_or(|s| *s == key.store))
                .await?;
            if files.is_empty() {
                continue;
            }
            let objects = handle.store()?;
            let checked: Vec<Option<Difference>> = futures::stream::iter(files)
                .map(|file| {
                    let (objects, name) = (&objects, &name);
                    async move {
                        let what = harm(objects.as_ref(), &file).await?;
                        Ok::<_, LakeError>(what.map(|what| Difference {
                            table: name.to_string(),
                            key: Some(file.key.clone()),
                            what: format!("data file `{}` {what}", file.path),
                        }))
                    }
                })
                .buffered(AT_ONCE)
                .try_collect()
                .await?;
            found.extend(checked.into_iter().flatten());
        }
        Ok(found)
    }
}

/// What is wrong with a file, in words.
async fn harm(objects: &dyn ObjectStore, file: &FileEntry) -> Result<Option<String>> {
    let location = file.location()?;
    let read = async { objects.get(&location).await?.bytes().await };
    let bytes: Bytes = match read.await {
        Ok(bytes) => bytes,
        Err(object_store::Error::NotFound { .. }) => return Ok(Some("is missing".to_owned())),
        Err(error) => return Ok(Some(format!("cannot be read: {error}"))),
    };
    let size = bytes.len();
    if i64::try_from(size) != Ok(file.bytes) {
        return Ok(Some(format!("has {size} bytes, not {}", file.bytes)));
    }
    let file = file.clone();
    tokio::task::spawn_blocking(move || {
        if check(&file.path, &bytes).is_err() {
            return Some("is not what was written: its checksum differs".to_owned());
        }
        contradicted(&file, bytes)
    })
    .await
    .map_err(|e| LakeError::storage("checking a data file", e))
}

/// What of the log's words on a file the file itself contradicts.
fn contradicted(file: &FileEntry, bytes: Bytes) -> Option<String> {
    let place = format!("store_id={}/date={}/", file.key.store, file.key.date);
    if !file.path.starts_with(&place) {
        return Some(format!("is listed by the table's log as one of {place}"));
    }
    file.stats.as_ref()?;
    let batches = match decode_file(bytes, Some(&STATS_COLUMNS)) {
        Ok(batches) => batches,
        Err(error) => return Some(format!("cannot be read: {error}")),
    };
    let schema = batches.first()?.schema();
    let mut stats = FileStats::new(&schema);
    for batch in &batches {
        stats.push(batch);
    }
    let actual = FileEntry {
        stats: Some(stats.text()),
        ..file.clone()
    };
    (statistics(file, &schema) != statistics(&actual, &schema))
        .then(|| "has other counts or ranges than the table's log says".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_whether_its_bytes_are_those_written() {
        let path = format!("store_id=a/date=2026-11-10/{}", name_of(b"rows"));
        check(&path, b"rows").unwrap();
        let told = check(&path, b"rowz").unwrap_err().to_string();
        assert!(
            told.contains(&path) && told.contains("tradewind verify"),
            "{told}"
        );
        // Names of earlier versions promise nothing.
        check("part-01a2020aaf4e7420bb824e1a581ee07d.zstd.parquet", b"x").unwrap();
    }
}
