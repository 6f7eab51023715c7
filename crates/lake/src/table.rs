//! One Delta table: opening or making it, its newest version, and commits that carry offsets (L1).
//!
//! One process writes a lake, and within it one writer at a time a table ([`TableHandle::writer`]). The writer keeps the
//! [`Head`] and adds entries to the log by itself; a snapshot for readers is brought up to date when one is asked for.

use std::collections::{BTreeSet, HashMap as StdHashMap};
use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use deltalake_core::kernel::engine::arrow_conversion::TryIntoKernel as _;
use deltalake_core::kernel::transaction::CommitData;
use deltalake_core::kernel::{Action, Add, MetadataExt as _, Remove, StructType, Transaction};
use deltalake_core::logstore::{CommitOrBytes, LogStoreRef};
use deltalake_core::operations::create::CreateBuilder;
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use deltalake_core::{DeltaTable, DeltaTableBuilder, DeltaTableError, ObjectStore};
use hashbrown::HashMap;
use parking_lot::Mutex;
use tradewind_model::{Clock, SystemClock};
use url::Url;

use crate::error::{LakeError, Result};
use crate::files::{self, NewFile};
use crate::groups::PartitionKey;
use crate::head::{FileEntry, Head};
use crate::layout::TableName;
use crate::schema::{PARTITION_COLUMNS, table_schema};

/// What a commit is, for the table's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommitKind {
    /// New rows.
    Append,
    /// Rows replaced by others.
    Replace,
    /// The same rows in other files.
    Compact,
}

/// Removes and adds that become visible together with the offsets they stand for.
#[derive(Debug)]
pub(crate) struct Commit {
    pub(crate) kind: CommitKind,
    pub(crate) adds: Vec<Add>,
    pub(crate) removes: Vec<Remove>,
    /// (application id, version)
    pub(crate) transactions: Vec<(String, i64)>,
}

/// A table of the lake.
pub(crate) struct TableHandle {
    pub(crate) name: TableName,
    dir: PathBuf,
    writer: tokio::sync::Mutex<()>,
    /// `None` until the table was looked at, and after a commit whose outcome is unknown.
    head: Mutex<Option<Head>>,
    snapshot: tokio::sync::Mutex<Option<Arc<DeltaTable>>>,
    log: Mutex<Option<LogStoreRef>>,
    transactions: Mutex<HashMap<String, Option<i64>>>,
}

impl TableHandle {
    pub(crate) fn new(name: TableName, dir: PathBuf) -> Self {
        Self {
            name,
            dir,
            writer: tokio::sync::Mutex::new(()),
            head: Mutex::new(None),
            snapshot: tokio::sync::Mutex::new(None),
            log: Mutex::new(None),
            transactions: Mutex::new(HashMap::new()),
        }
    }

    /// The folder of the table.
    pub(crate) fn dir(&self) -> &std::path::Path {
        &self.dir
    }

    /// Taken by whoever is about to look at the newest version and commit on top of it.
    pub(crate) async fn writer(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.writer.lock().await
    }

    fn wrong(&self, doing: &str) -> impl FnOnce(DeltaTableError) -> LakeError {
        let context = format!("{doing} `{}`", self.name);
        move |e| LakeError::table(context, e)
    }

    /// The table's log, whether or not there is anything in it yet.
    pub(crate) fn log(&self) -> Result<LogStoreRef> {
        let mut log = self.log.lock();
        if let Some(log) = log.as_ref() {
            return Ok(Arc::clone(log));
        }
        let url = Url::from_directory_path(&self.dir).map_err(|()| {
            LakeError::Inconsistent(format!("`{}` is not an absolute path", self.dir.display()))
        })?;
        let opened = DeltaTableBuilder::from_url(url)
            .and_then(DeltaTableBuilder::build)
            .map_err(self.wrong("opening"))?;
        Ok(Arc::clone(log.insert(opened.log_store())))
    }

    /// The table's files.
    pub(crate) fn store(&self) -> Result<Arc<dyn ObjectStore>> {
        Ok(self.log()?.object_store(None))
    }

    /// The newest snapshot for reading, `None` while the table does not exist yet.
    pub(crate) async fn newest(&self) -> Result<Option<Arc<DeltaTable>>> {
        let mut snapshot = self.snapshot.lock().await;
        let version = self.head.lock().as_ref().map(|head| head.version);
        if let (Some(table), Some(version)) = (snapshot.as_ref(), version)
            && table.version() >= Some(version)
        {
            return Ok(Some(Arc::clone(table)));
        }
        if !self.dir.join("_delta_log").is_dir() {
            return Ok(None);
        }
        let mut table = match snapshot.as_ref() {
            Some(table) => table.as_ref().clone(),
            None => DeltaTable::new(self.log()?),
        };
        match table.update_state().await {
            Ok(()) => {}
            Err(DeltaTableError::NotATable(_)) => return Ok(None),
            Err(e) => return Err(self.wrong("opening")(e)),
        }
        let table = Arc::new(table);
        *snapshot = Some(Arc::clone(&table));
        let mut head = self.head.lock();
        if head.is_none() {
            *head = Some(Head::of(&table, &self.name)?);
        }
        Ok(Some(table))
    }

    /// Looks at the newest version; `None` while the table does not exist yet.
    async fn with_head<T>(&self, look: impl FnOnce(&Head) -> T) -> Result<Option<T>> {
        loop {
            if let Some(head) = self.head.lock().as_ref() {
                return Ok(Some(look(head)));
            }
            // Once more when it was forgotten meanwhile: a table that is there must not look as if it were not.
            if self.newest().await?.is_none() {
                return Ok(None);
            }
        }
    }

    /// The newest version.
    pub(crate) async fn version(&self) -> Result<Option<u64>> {
        self.with_head(|head| head.version).await
    }

    /// The columns in the newest version; `None` while the table does not exist yet.
    pub(crate) async fn columns(&self) -> Result<Option<SchemaRef>> {
        self.with_head(|head| Arc::clone(&head.columns)).await
    }

    /// The files of some partitions in the newest version.
    pub(crate) async fn files(
        &self,
        wanted: impl Fn(&PartitionKey) -> bool,
    ) -> Result<Vec<Arc<FileEntry>>> {
        Ok(self
            .with_head(|head| head.files(wanted))
            .await?
            .unwrap_or_default())
    }

    /// The files of one partition in the newest version.
    pub(crate) async fn files_in(&self, key: &PartitionKey) -> Result<Vec<Arc<FileEntry>>> {
        Ok(self
            .with_head(|head| head.files_in(key))
            .await?
            .unwrap_or_default())
    }

    /// The partitions that have rows in the newest version.
    pub(crate) async fn partitions(&self) -> Result<BTreeSet<PartitionKey>> {
        Ok(self.with_head(Head::partitions).await?.unwrap_or_default())
    }

    /// Forgets everything kept in memory, so that the next look reads the log again: after a commit whose outcome is unknown,
    /// or by another hand.
    pub(crate) async fn forget(&self) {
        let mut snapshot = self.snapshot.lock().await;
        *snapshot = None;
        *self.head.lock() = None;
        self.transactions.lock().clear();
    }

    /// Makes the table when it is not there yet: version 1 of readers and 2 of writers of the Delta protocol, so that every
    /// Delta reader can read it.
    pub(crate) async fn create(&self, schema: &SchemaRef) -> Result<()> {
        if self.version().await?.is_some() {
            return Ok(());
        }
        std::fs::create_dir_all(&self.dir)
            .map_err(|e| LakeError::storage(format!("making `{}`", self.dir.display()), e))?;
        let kernel = self.kernel_columns(schema)?;
        let created = CreateBuilder::new()
            .with_log_store(self.log()?)
            .with_table_name(self.name.to_string())
            .with_columns(kernel.fields().cloned())
            .with_partition_columns(PARTITION_COLUMNS)
            .with_save_mode(SaveMode::Ignore)
            .await
            .map_err(self.wrong("making"))?;
        self.sync(&["_delta_log/00000000000000000000.json".to_owned()])
            .await?;
        let mut snapshot = self.snapshot.lock().await;
        *self.head.lock() = Some(Head::of(&created, &self.name)?);
        *snapshot = Some(Arc::new(created));
        Ok(())
    }

    /// The version an application noted in the table's log, `None` when it noted none.
    pub(crate) async fn transaction(&self, app_id: &str) -> Result<Option<i64>> {
        if let Some(known) = self.transactions.lock().get(app_id) {
            return Ok(*known);
        }
        let Some(table) = self.newest().await? else {
            return Ok(None);
        };
        let version = table
            .snapshot()
            .map_err(self.wrong("reading"))?
            .transaction_version(table.log_store().as_ref(), app_id)
            .await
            .map_err(self.wrong("reading the offsets of"))?;
        self.transactions.lock().insert(app_id.to_owned(), version);
        Ok(version)
    }

    /// Writes files at the same time and makes them durable; nothing sees them before a commit names them.
    pub(crate) async fn write_files(&self, files: Vec<NewFile>) -> Result<Vec<Add>> {
        let store = self.store()?;
        let written = futures::future::join_all(
            files
                .into_iter()
                .map(|file| files::write_file(Arc::clone(&store), file)),
        )
        .await;
        let (mut adds, mut failure) = (Vec::new(), None);
        for one in written {
            match one {
                Ok(add) => adds.push(add),
                Err(error) => {
                    failure.get_or_insert(error);
                }
            }
        }
        let paths: Vec<String> = adds.iter().map(|add| add.path.clone()).collect();
        let done = match failure {
            None => self.sync(&paths).await,
            Some(error) => Err(error),
        };
        match done {
            Ok(()) => Ok(adds),
            Err(error) => {
                self.discard(&adds).await;
                Err(error)
            }
        }
    }

    /// Deletes files that will not be committed, as far as that works: on a full disk every try would leave its files.
    pub(crate) async fn discard(&self, adds: &[Add]) {
        use object_store::ObjectStoreExt as _;
        let Ok(store) = self.store() else { return };
        for add in adds {
            if let Ok(path) = object_store::path::Path::parse(&add.path) {
                let _ = store.delete(&path).await;
            }
        }
    }

    /// Makes files under the table's folder durable.
    pub(crate) async fn sync(&self, paths: &[String]) -> Result<()> {
        let (dir, paths) = (self.dir.clone(), paths.to_vec());
        tokio::task::spawn_blocking(move || files::sync_files(&dir, &paths))
            .await
            .map_err(std::io::Error::other)
            .and_then(|done| done)
            .map_err(|e| LakeError::storage(format!("making `{}` durable", self.name), e))
    }

    /// Commits on top of the newest version, durable when it returns. The caller holds [`Self::writer`]. When it fails, what
    /// is in the log is read again before the next commit.
    pub(crate) async fn commit(&self, commit: Commit) -> Result<()> {
        let Some(version) = self.version().await? else {
            return Err(LakeError::Inconsistent(format!(
                "`{}` does not exist",
                self.name
            )));
        };
        let version = version + 1;
        let columns = self.changed_columns().await?;
        let committed = self.write_entry(version, &commit, columns.as_ref()).await;
        if committed.is_err() {
            self.forget().await;
            return committed;
        }
        if let Some(head) = self.head.lock().as_mut() {
            head.apply(version, &commit.adds, &commit.removes);
            if columns.is_some()
                && let Some(today) = table_schema(&self.name)
            {
                head.columns = today;
            }
        }
        let notes = commit
            .transactions
            .into_iter()
            .map(|(app, version)| (app, Some(version)));
        self.transactions.lock().extend(notes);
        Ok(())
    }

    fn kernel_columns(&self, schema: &SchemaRef) -> Result<StructType> {
        schema
            .as_ref()
            .try_into_kernel()
            .map_err(|e| LakeError::storage(format!("the columns of `{}`", self.name), e))
    }

    /// Today's columns, when the newest version was made with others: they are noted by the first commit after, together with the
    /// files that have them.
    async fn changed_columns(&self) -> Result<Option<Action>> {
        let Some(today) = table_schema(&self.name) else {
            return Ok(None);
        };
        let same = |have: &SchemaRef| {
            let (have, today) = (have.fields(), today.fields());
            have.len() == today.len()
                && (have.iter().zip(today))
                    .all(|(a, b)| a.name() == b.name() && a.data_type() == b.data_type())
        };
        if self.with_head(|head| same(&head.columns)).await? != Some(false) {
            return Ok(None);
        }
        let Some(table) = self.newest().await? else {
            return Ok(None);
        };
        let columns = self.kernel_columns(&today)?;
        let metadata = table
            .snapshot()
            .and_then(|state| Ok(state.metadata().clone().with_schema(&columns)?))
            .map_err(self.wrong("noting the columns of"))?;
        Ok(Some(Action::Metadata(metadata)))
    }

    async fn write_entry(
        &self,
        version: u64,
        commit: &Commit,
        columns: Option<&Action>,
    ) -> Result<()> {
        let now = SystemClock.now().0 / 1_000;
        let partitions = Some(PARTITION_COLUMNS.map(str::to_owned).to_vec());
        let write = |mode| DeltaOperation::Write {
            mode,
            partition_by: partitions.clone(),
            predicate: None,
        };
        let operation = match commit.kind {
            CommitKind::Append => write(SaveMode::Append),
            CommitKind::Replace => write(SaveMode::Overwrite),
            CommitKind::Compact => DeltaOperation::Optimize {
                predicate: None,
                target_size: crate::maintenance::TARGET_FILE_BYTES,
            },
        };
        let removes = commit.removes.iter().cloned().map(Action::Remove);
        let adds = commit.adds.iter().cloned().map(Action::Add);
        let notes = commit
            .transactions
            .iter()
            .map(|(app, version)| Transaction::new_with_last_update(app, *version, Some(now)))
            .collect();
        let entry = CommitData::new(
            columns
                .cloned()
                .into_iter()
                .chain(removes)
                .chain(adds)
                .collect(),
            operation,
            StdHashMap::new(),
            notes,
        )
        .get_bytes()
        .map_err(|e| self.wrong("committing to")(e.into()))?;
        self.log()?
            .write_commit_entry(
                version,
                CommitOrBytes::LogBytes(entry),
                uuid::Uuid::new_v4(),
            )
            .await
            .map_err(|e| self.wrong("committing to")(e.into()))?;
        self.sync(&[format!("_delta_log/{version:020}.json")]).await
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
