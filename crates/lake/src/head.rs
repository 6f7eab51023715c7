//! What a table's log comes to: its version and the files of each partition, kept in memory by the one process that writes.
//!
//! A commit changes it by what was committed, so committing costs the same however long the log is.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use deltalake_core::DeltaTable;
use deltalake_core::kernel::{Add, Remove};
use tradewind_model::{Clock, SystemClock};

use crate::error::{LakeError, Result};
use crate::files::{partition_of, partition_of_values};
use crate::groups::PartitionKey;
use crate::layout::TableName;

/// A data file a table's newest version has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileEntry {
    /// Its partition.
    pub(crate) key: PartitionKey,
    /// Its path under the table.
    pub(crate) path: String,
    /// Its size.
    pub(crate) bytes: i64,
    /// When it was written, ms.
    pub(crate) written: i64,
    /// Its statistics as the log has them.
    pub(crate) stats: Option<String>,
}

impl FileEntry {
    fn of_add(add: &Add) -> Option<Self> {
        Some(Self {
            key: partition_of_values(&add.partition_values)?,
            path: add.path.clone(),
            bytes: add.size,
            written: add.modification_time,
            stats: add.stats.clone(),
        })
    }

    fn values(&self) -> HashMap<String, Option<String>> {
        partition_values(&self.key)
    }

    /// The file's place in the table's object store.
    pub(crate) fn location(&self) -> Result<object_store::path::Path> {
        object_store::path::Path::parse(&self.path)
            .map_err(|e| LakeError::storage(format!("the path of data file `{}`", self.path), e))
    }

    /// The log's words for adding it.
    pub(crate) fn add(&self, data_change: bool) -> Add {
        Add {
            path: self.path.clone(),
            partition_values: self.values(),
            size: self.bytes,
            modification_time: self.written,
            data_change,
            stats: self.stats.clone(),
            tags: None,
            deletion_vector: None,
            base_row_id: None,
            default_row_commit_version: None,
            clustering_provider: None,
        }
    }

    /// The log's words for removing it.
    pub(crate) fn remove(&self, data_change: bool) -> Remove {
        Remove {
            path: self.path.clone(),
            data_change,
            deletion_timestamp: Some(SystemClock.now().0 / 1_000),
            extended_file_metadata: Some(true),
            partition_values: Some(self.values()),
            size: Some(self.bytes),
            tags: None,
            deletion_vector: None,
            base_row_id: None,
            default_row_commit_version: None,
        }
    }
}

/// The log's words for a partition.
pub(crate) fn partition_values(key: &PartitionKey) -> HashMap<String, Option<String>> {
    HashMap::from([
        ("store_id".to_owned(), Some(key.store.to_string())),
        ("date".to_owned(), Some(key.date.to_string())),
    ])
}

/// The newest version of a table.
#[derive(Debug)]
pub(crate) struct Head {
    /// The version.
    pub(crate) version: u64,
    /// The columns the log tells of.
    pub(crate) columns: SchemaRef,
    files: BTreeMap<PartitionKey, BTreeMap<String, Arc<FileEntry>>>,
}

impl Head {
    /// The head of a loaded table.
    pub(crate) fn of(table: &DeltaTable, name: &TableName) -> Result<Self> {
        let state = table
            .snapshot()
            .map_err(|e| LakeError::table(format!("reading a snapshot of `{name}`"), e))?;
        let mut head = Self {
            version: state.version(),
            columns: state.snapshot().arrow_schema(),
            files: BTreeMap::new(),
        };
        for file in state.log_data().iter() {
            let Some(key) = partition_of(&file) else {
                return Err(LakeError::Inconsistent(format!(
                    "in the log of `{name}` file `{}` has no proper store and date",
                    file.path()
                )));
            };
            head.put(FileEntry {
                key,
                path: file.path().into_owned(),
                bytes: file.size(),
                written: file.modification_time(),
                stats: file.stats(),
            });
        }
        Ok(head)
    }

    fn put(&mut self, file: FileEntry) {
        self.files
            .entry(file.key.clone())
            .or_default()
            .insert(file.path.clone(), Arc::new(file));
    }

    /// Moves on by a commit.
    pub(crate) fn apply(&mut self, version: u64, adds: &[Add], removes: &[Remove]) {
        self.version = version;
        for remove in removes {
            let key = remove
                .partition_values
                .as_ref()
                .and_then(partition_of_values);
            if let Some(key) = key
                && let Some(files) = self.files.get_mut(&key)
            {
                files.remove(&remove.path);
                if files.is_empty() {
                    self.files.remove(&key);
                }
            }
        }
        for file in adds.iter().filter_map(FileEntry::of_add) {
            self.put(file);
        }
    }

    /// The files of some partitions.
    pub(crate) fn files(&self, wanted: impl Fn(&PartitionKey) -> bool) -> Vec<Arc<FileEntry>> {
        self.files
            .iter()
            .filter(|(key, _)| wanted(key))
            .flat_map(|(_, files)| files.values().cloned())
            .collect()
    }

    /// The files of one partition.
    pub(crate) fn files_in(&self, key: &PartitionKey) -> Vec<Arc<FileEntry>> {
        self.files
            .get(key)
            .map(|files| files.values().cloned().collect())
            .unwrap_or_default()
    }

    /// The partitions that have files.
    pub(crate) fn partitions(&self) -> BTreeSet<PartitionKey> {
        self.files.keys().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::Schema;
    use tradewind_model::{Date, StoreId};

    #[test]
    fn a_head_follows_commits() {
        let file = |path: &str, date: i32| FileEntry {
            key: PartitionKey {
                store: StoreId::new("s").unwrap(),
                date: Date(date),
            },
            path: path.to_owned(),
            bytes: 1,
            written: 0,
            stats: None,
        };
        let mut head = Head {
            version: 0,
            columns: Arc::new(Schema::empty()),
            files: BTreeMap::new(),
        };
        head.apply(
            1,
            &[
                file("a", 1).add(true),
                file("b", 1).add(true),
                file("c", 2).add(true),
            ],
            &[],
        );
        head.apply(
            2,
            &[file("d", 1).add(false)],
            &[file("a", 1).remove(false), file("c", 2).remove(true)],
        );
        assert_eq!(head.version, 2);
        let paths: Vec<String> = head
            .files(|_| true)
            .iter()
            .map(|f| f.path.clone())
            .collect();
        assert_eq!(paths, ["b", "d"]);
        assert_eq!(head.partitions().len(), 1);
        assert_eq!(head.files_in(&file("", 2).key), []);
    }
}
