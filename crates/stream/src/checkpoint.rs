//! The checkpoint: operator state and the offsets it covers, changed together in one atomic, fsynced write (S1).
//!
//! A fjall folder with three keyspaces: `state` ((partition, store, table, key) → value, see [`crate::state`]), `offsets`
//! (partition → next offset) and `pending` (rows of upserted lake tables that the lake has not taken yet).

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use parking_lot::Mutex;
use tradewind_journal::{files_lost, is_damage, is_damage_at_opening};
use tradewind_model::{Offset, TopicPartition};

use crate::rows::{DerivedChange, DerivedTable};

/// A checkpoint that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The storage failed.
    #[error("the checkpoint store failed: {0}")]
    Storage(String),
    /// Another process has the folder.
    #[error("the checkpoint folder `{0}` is in use by another Tradewind")]
    Locked(String),
    /// Something in it is damaged.
    #[error("the checkpoint is damaged: {0}")]
    Damaged(String),
    /// It was written by another version of the program.
    #[error(
        "the checkpoint has format {0}, this program reads format {FORMAT}; open the folder with the program that wrote it, or, if the journal still holds everything, remove the `state` folder to compute it again",
        FORMAT = FORMAT.trim()
    )]
    Format(String),
}

fn storage(error: fjall::Error) -> CheckpointError {
    CheckpointError::Storage(error.to_string())
}

fn unread(error: fjall::Error) -> CheckpointError {
    if is_damage(&error) {
        CheckpointError::Damaged(error.to_string())
    } else {
        storage(error)
    }
}

/// The layout of state, rows and offsets. It rises with every change of what is written.
const FORMAT: &str = "2\n";

/// Writes the format so that a power cut leaves all of it or nothing.
fn write_whole(folder: &Path, path: &Path) -> std::io::Result<()> {
    let new = path.with_extension("new");
    let mut file = std::fs::File::create(&new)?;
    file.write_all(FORMAT.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    std::fs::File::open(folder)?.sync_all()
}

/// Notes the format in a new folder; refuses one of another format.
fn check_format(folder: &Path, is_new: bool) -> Result<(), CheckpointError> {
    let path = folder.join("format");
    let wrong = |e: std::io::Error| CheckpointError::Storage(format!("`{}`: {e}", path.display()));
    match std::fs::read_to_string(&path) {
        Ok(found) if found.trim() == FORMAT.trim() => Ok(()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && is_new => {
            write_whole(folder, &path).map_err(wrong)
        }
        Ok(found) => Err(CheckpointError::Format(found.trim().to_owned())),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            Err(CheckpointError::Format("1".to_owned()))
        }
        Err(e) => Err(wrong(e)),
    }
}

/// One checkpoint's worth of changes.
#[derive(Debug, Default)]
pub struct CheckpointWrite {
    /// State changes: full key → value or removal.
    pub state: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// The offsets covered.
    pub offsets: Vec<(TopicPartition, Offset)>,
    /// Rows that wait for the lake.
    pub pending: Vec<DerivedChange>,
}

/// Takes a state entry's key and value.
pub type EachEntry<'a> = dyn FnMut(&[u8], &[u8]) -> Result<(), CheckpointError> + 'a;

/// Keeps state, offsets and waiting rows so that they change together.
pub trait CheckpointStore: Send + Sync {
    /// The next offset to read of each partition; nothing for one that was never checkpointed.
    ///
    /// # Errors
    /// [`CheckpointError`].
    fn offsets(&self) -> Result<BTreeMap<TopicPartition, Offset>, CheckpointError>;

    /// Gives every state entry of a partition, in the order of keys.
    ///
    /// # Errors
    /// [`CheckpointError`], or what `each` says.
    fn load(
        &self,
        partition: TopicPartition,
        each: &mut EachEntry<'_>,
    ) -> Result<(), CheckpointError>;

    /// The rows the lake has not taken yet.
    ///
    /// # Errors
    /// [`CheckpointError`].
    fn pending(&self) -> Result<Vec<DerivedChange>, CheckpointError>;

    /// Writes everything in one atomic step and returns when it is durable.
    ///
    /// # Errors
    /// [`CheckpointError`].
    fn write(&self, write: &CheckpointWrite) -> Result<(), CheckpointError>;

    /// Forgets rows that the lake has taken.
    ///
    /// # Errors
    /// [`CheckpointError`].
    fn taken(&self, rows: &[&DerivedChange]) -> Result<(), CheckpointError>;
}

/// The storage, open.
struct Open {
    db: Database,
    state: Keyspace,
    offsets: Keyspace,
    pending: Keyspace,
}

/// The checkpoint in a folder. After a write that failed the storage takes no more: it is closed, and opened again by the next
/// call.
pub struct Checkpoints {
    folder: PathBuf,
    /// `None` after a failure.
    open: Mutex<Option<Arc<Open>>>,
    /// The offsets of the writes that were durable: what is opened again must have them all.
    written: Mutex<BTreeMap<TopicPartition, Offset>>,
}

/// The key of a pending row: one place for each row of each table and date.
pub(crate) type PendingKey = (
    tradewind_model::StoreId,
    DerivedTable,
    tradewind_model::Date,
    String,
);

/// Where a waiting row is stored: one place for each row of each table and date.
#[must_use]
pub fn stored_key(change: &DerivedChange) -> Vec<u8> {
    let mut key = crate::state::prefix(change.partition, &change.store);
    key.push(change.table as u8);
    key.extend_from_slice(&change.date.0.to_be_bytes());
    key.extend_from_slice(change.key.as_bytes());
    key
}

impl Open {
    fn new(folder: &Path) -> Result<Self, CheckpointError> {
        std::fs::create_dir_all(folder)
            .map_err(|e| CheckpointError::Storage(format!("`{}`: {e}", folder.display())))?;
        if let Some(reason) = files_lost(folder) {
            return Err(CheckpointError::Damaged(reason));
        }
        // Damaged files may also make the storage panic.
        let open = || {
            Database::builder(folder)
                .cache_size(16 << 20)
                .max_journaling_size(256 << 20)
                .worker_threads(1)
                .open()
        };
        let db = std::panic::catch_unwind(open)
            .map_err(|_| CheckpointError::Damaged("the storage panicked".to_owned()))?
            .map_err(|e| match e {
                fjall::Error::Locked => CheckpointError::Locked(folder.display().to_string()),
                fjall::Error::InvalidVersion(Some(_)) => storage(e),
                damage if is_damage_at_opening(&damage) => {
                    CheckpointError::Damaged(damage.to_string())
                }
                other => storage(other),
            })?;
        let options = || KeyspaceCreateOptions::default().max_memtable_size(16 << 20);
        Ok(Self {
            state: db.keyspace("state", options).map_err(unread)?,
            offsets: db.keyspace("offsets", options).map_err(unread)?,
            pending: db.keyspace("pending", options).map_err(unread)?,
            db,
        })
    }

    fn offsets(&self) -> Result<BTreeMap<TopicPartition, Offset>, CheckpointError> {
        let mut out = BTreeMap::new();
        for guard in self.offsets.iter() {
            let (key, value) = guard.into_inner().map_err(unread)?;
            let damaged =
                || CheckpointError::Damaged("an offset entry has the wrong length".to_owned());
            let partition = key
                .as_ref()
                .try_into()
                .ok()
                .and_then(TopicPartition::from_bytes)
                .ok_or_else(damaged)?;
            let offset = value
                .as_ref()
                .try_into()
                .map(Offset::from_be_bytes)
                .map_err(|_| damaged())?;
            out.insert(partition, offset);
        }
        Ok(out)
    }
}

impl Checkpoints {
    /// Opens the store, making it when it is not there.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn open(folder: &Path) -> Result<Self, CheckpointError> {
        let opened = Self {
            folder: folder.to_owned(),
            open: Mutex::new(Some(Arc::new(Open::new(folder)?))),
            written: Mutex::default(),
        };
        let offsets = opened.offsets()?;
        check_format(folder, offsets.is_empty())?;
        *opened.written.lock() = offsets;
        Ok(opened)
    }

    /// The open storage.
    fn get(&self) -> Result<Arc<Open>, CheckpointError> {
        let mut open = self.open.lock();
        if let Some(open) = open.as_ref() {
            return Ok(Arc::clone(open));
        }
        // Only changes are written from now on: they must meet what they are changes of.
        check_format(&self.folder, false)?;
        let again = Arc::new(Open::new(&self.folder)?);
        let found = again.offsets()?;
        let written = self.written.lock();
        if let Some((partition, offset)) = written
            .iter()
            .find(|(partition, offset)| found.get(partition).is_none_or(|f| f < offset))
        {
            return Err(CheckpointError::Damaged(format!(
                "offset {offset} of {partition} was written and is not there"
            )));
        }
        drop(written);
        tracing::info!("the checkpoint store is open again");
        *open = Some(Arc::clone(&again));
        Ok(again)
    }

    /// Writes with the open storage; closes it when that fails.
    fn commit(
        &self,
        write: impl FnOnce(&Open) -> Result<(), CheckpointError>,
    ) -> Result<(), CheckpointError> {
        write(self.get()?.as_ref()).inspect_err(|_| *self.open.lock() = None)
    }
}

impl CheckpointStore for Checkpoints {
    fn offsets(&self) -> Result<BTreeMap<TopicPartition, Offset>, CheckpointError> {
        self.get()?.offsets()
    }

    fn load(
        &self,
        partition: TopicPartition,
        each: &mut EachEntry<'_>,
    ) -> Result<(), CheckpointError> {
        let open = self.get()?;
        for guard in open.state.prefix(partition.to_bytes()) {
            let (key, value) = guard.into_inner().map_err(unread)?;
            each(&key, &value)?;
        }
        Ok(())
    }

    fn pending(&self) -> Result<Vec<DerivedChange>, CheckpointError> {
        let mut out = Vec::new();
        let open = self.get()?;
        for guard in open.pending.iter() {
            let (_, value) = guard.into_inner().map_err(unread)?;
            out.push(
                postcard::from_bytes(&value)
                    .map_err(|e| CheckpointError::Damaged(format!("a pending row: {e}")))?,
            );
        }
        Ok(out)
    }

    fn write(&self, write: &CheckpointWrite) -> Result<(), CheckpointError> {
        self.commit(|open| {
            let mut batch = open.db.batch().durability(Some(PersistMode::SyncData));
            for (key, value) in &write.state {
                match value {
                    Some(value) => batch.insert(&open.state, key.as_slice(), value.as_slice()),
                    None => batch.remove(&open.state, key.as_slice()),
                }
            }
            for (partition, offset) in &write.offsets {
                batch.insert(&open.offsets, partition.to_bytes(), offset.to_be_bytes());
            }
            for change in &write.pending {
                let value = postcard::to_stdvec(change)
                    .map_err(|e| CheckpointError::Storage(e.to_string()))?;
                batch.insert(&open.pending, stored_key(change), value);
            }
            batch.commit().map_err(storage)
        })?;
        self.written.lock().extend(write.offsets.iter().copied());
        Ok(())
    }

    fn taken(&self, rows: &[&DerivedChange]) -> Result<(), CheckpointError> {
        self.commit(|open| {
            let mut batch = open.db.batch();
            for row in rows {
                batch.remove(&open.pending, stored_key(row));
            }
            batch.commit().map_err(storage)
        })
    }
}
