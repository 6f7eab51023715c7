//! The checkpoint: operator state and the offsets it covers, changed together in one atomic, fsynced write (S1).
//!
//! A fjall folder with three keyspaces: `state` ((partition, store, table, key) → value, see [`crate::state`]), `offsets`
//! (partition → next offset) and `changes`: chunks of rows of upserted lake tables that the lake has not taken yet, numbered in the
//! order written. Such rows live for seconds, and all that wait go at once, so they are neither sorted nor removed one by one.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode};
use parking_lot::Mutex;
use serde::Serialize;
use tradewind_journal::{files_lost, is_damage, is_damage_at_opening};
use tradewind_model::{Offset, TopicPartition};

use crate::rows::{DerivedChange, DerivedTable};
use crate::rows_v3::DerivedChangeV3;

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
const FORMAT: &str = "4\n";

/// Layouts that are turned into the present one. 2 had each waiting row under a key of its own, in the keyspace `pending`; 3 had them in
/// chunks in the keyspace `rows`. Both had quantities in whole units, also in the state, whose entries are converted when they are read.
const OLDER: [&str; 2] = ["2", "3"];

/// Rows in a chunk.
const CHUNK: usize = 2_000;

/// Writes the format so that a power cut leaves all of it or nothing.
fn write_whole(folder: &Path, path: &Path) -> std::io::Result<()> {
    let new = path.with_extension("new");
    let mut file = std::fs::File::create(&new)?;
    file.write_all(FORMAT.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    std::fs::File::open(folder)?.sync_all()
}

/// Whether what is in a folder has an older layout that is understood; refuses one that is not. Notes the format in a new folder.
fn is_older(folder: &Path, is_new: bool) -> Result<bool, CheckpointError> {
    let path = folder.join("format");
    match std::fs::read_to_string(&path) {
        Ok(found) if found.trim() == FORMAT.trim() => Ok(false),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && is_new => {
            note_format(folder).map(|()| false)
        }
        Ok(found) if OLDER.contains(&found.trim()) => Ok(true),
        Ok(found) if found.trim().parse::<u32>().is_ok() => {
            Err(CheckpointError::Format(found.trim().to_owned()))
        }
        Ok(_) => Err(CheckpointError::Damaged(format!(
            "`{}` holds no number",
            path.display()
        ))),
        Err(e) if e.kind() == std::io::ErrorKind::InvalidData => Err(CheckpointError::Damaged(
            format!("`{}` holds no text", path.display()),
        )),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Err(CheckpointError::Damaged(
            format!("`{}` is missing", path.display()),
        )),
        Err(e) => Err(CheckpointError::Storage(format!(
            "`{}`: {e}",
            path.display()
        ))),
    }
}

fn note_format(folder: &Path) -> Result<(), CheckpointError> {
    let path = folder.join("format");
    write_whole(folder, &path)
        .map_err(|e| CheckpointError::Storage(format!("`{}`: {e}", path.display())))
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

    /// The rows the lake has not taken yet. Of several with one key the last counts.
    ///
    /// # Errors
    /// [`CheckpointError`].
    fn pending(&self) -> Result<Vec<DerivedChange>, CheckpointError>;

    /// Writes everything in one atomic step and returns when it is durable.
    ///
    /// # Errors
    /// [`CheckpointError`].
    fn write(&self, write: &CheckpointWrite) -> Result<(), CheckpointError>;

    /// Forgets the rows that the lake has taken: all but these.
    ///
    /// # Errors
    /// [`CheckpointError`].
    fn keep_pending(&self, rows: &[&DerivedChange]) -> Result<(), CheckpointError>;
}

/// The storage, open.
struct Open {
    db: Database,
    state: Keyspace,
    offsets: Keyspace,
    changes: Keyspace,
    /// The numbers of the chunks in `changes`.
    chunks: Mutex<Range<u64>>,
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

/// What a waiting row replaces: one place for each row of each table and date.
#[must_use]
pub fn row_key(change: &DerivedChange) -> Vec<u8> {
    let mut key = crate::state::prefix(change.partition, &change.store);
    key.push(change.table as u8);
    key.extend_from_slice(&change.date.0.to_be_bytes());
    key.extend_from_slice(change.key.as_bytes());
    key
}

fn damaged_row(error: postcard::Error) -> CheckpointError {
    CheckpointError::Damaged(format!("a waiting row: {error}"))
}

fn chunk_number(key: &[u8]) -> Result<u64, CheckpointError> {
    key.try_into().map(u64::from_be_bytes).map_err(|_| {
        CheckpointError::Damaged("the number of waiting rows has the wrong length".to_owned())
    })
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
                // A start reads all of it again.
                .max_journaling_size(64 << 20)
                .worker_threads(1)
                .open()
        };
        let db = std::panic::catch_unwind(open)
            .map_err(|_| CheckpointError::Damaged("the storage panicked".to_owned()))?
            .map_err(|e| match e {
                fjall::Error::Locked => CheckpointError::Locked(folder.display().to_string()),
                damage if is_damage_at_opening(&damage) => {
                    CheckpointError::Damaged(damage.to_string())
                }
                other => storage(other),
            })?;
        let options = || KeyspaceCreateOptions::default().max_memtable_size(16 << 20);
        let changes = db.keyspace("changes", options).map_err(unread)?;
        let mut chunks = 0..0;
        for guard in changes.iter() {
            let number = chunk_number(&guard.key().map_err(unread)?)?;
            chunks = if chunks.is_empty() {
                number..number + 1
            } else {
                chunks.start..number + 1
            };
        }
        Ok(Self {
            state: db.keyspace("state", options).map_err(unread)?,
            offsets: db.keyspace("offsets", options).map_err(unread)?,
            changes,
            chunks: Mutex::new(chunks),
            db,
        })
    }

    /// Adds rows to a batch, as the chunks after `next`; gives the number after them.
    fn add_rows<T: Serialize>(
        &self,
        batch: &mut OwnedWriteBatch,
        rows: &[T],
        mut next: u64,
    ) -> Result<u64, CheckpointError> {
        for chunk in rows.chunks(CHUNK) {
            let value =
                postcard::to_stdvec(chunk).map_err(|e| CheckpointError::Storage(e.to_string()))?;
            batch.insert(&self.changes, next.to_be_bytes(), value);
            next += 1;
        }
        Ok(next)
    }

    /// Turns waiting rows of older layouts into those of the present one. They leave their place in the same write, so that doing it
    /// again finds nothing.
    fn gather_rows(&self) -> Result<(), CheckpointError> {
        let of = |name| {
            let options = KeyspaceCreateOptions::default;
            self.db.keyspace(name, options).map_err(unread)
        };
        let (by_key, in_chunks) = (of("pending")?, of("rows")?);
        let mut batch = self.db.batch().durability(Some(PersistMode::SyncData));
        let mut rows: Vec<DerivedChange> = Vec::new();
        for guard in by_key.iter() {
            let (key, value) = guard.into_inner().map_err(unread)?;
            let row: DerivedChangeV3 = postcard::from_bytes(&value).map_err(damaged_row)?;
            rows.push(row.into());
            batch.remove(&by_key, key);
        }
        for guard in in_chunks.iter() {
            let (key, value) = guard.into_inner().map_err(unread)?;
            let chunk: Vec<DerivedChangeV3> = postcard::from_bytes(&value).map_err(damaged_row)?;
            rows.extend(chunk.into_iter().map(DerivedChange::from));
            batch.remove(&in_chunks, key);
        }
        let mut chunks = self.chunks.lock();
        let next = self.add_rows(&mut batch, &rows, chunks.end)?;
        batch.commit().map_err(storage)?;
        chunks.end = next;
        Ok(())
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
        if is_older(folder, offsets.is_empty())? {
            opened.get()?.gather_rows()?;
            note_format(folder)?;
        }
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
        is_older(&self.folder, false)?;
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
        for guard in open.changes.iter() {
            let (_, value) = guard.into_inner().map_err(unread)?;
            let chunk: Vec<DerivedChange> = postcard::from_bytes(&value).map_err(damaged_row)?;
            out.extend(chunk);
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
            let mut chunks = open.chunks.lock();
            let next = open.add_rows(&mut batch, &write.pending, chunks.end)?;
            batch.commit().map_err(storage)?;
            chunks.end = next;
            Ok(())
        })?;
        self.written.lock().extend(write.offsets.iter().copied());
        Ok(())
    }

    fn keep_pending(&self, rows: &[&DerivedChange]) -> Result<(), CheckpointError> {
        self.commit(|open| {
            let mut batch = open.db.batch();
            let mut chunks = open.chunks.lock();
            for number in chunks.clone() {
                batch.remove(&open.changes, number.to_be_bytes());
            }
            let next = open.add_rows(&mut batch, rows, chunks.end)?;
            batch.commit().map_err(storage)?;
            *chunks = chunks.end..next;
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tradewind_model::{Date, StoreId, Topic};

    fn change(key: &str, date: i32) -> DerivedChange {
        DerivedChange {
            store: StoreId::new("shop").unwrap(),
            partition: TopicPartition::new(Topic::UserEvents, 0),
            table: DerivedTable::Sessions,
            date: Date(date),
            key: key.to_owned(),
            row: None,
        }
    }

    fn write(rows: &[DerivedChange]) -> CheckpointWrite {
        CheckpointWrite {
            state: vec![(vec![0, 0, 0, 1], Some(vec![1]))],
            offsets: vec![(TopicPartition::new(Topic::UserEvents, 0), 7)],
            pending: rows.to_vec(),
        }
    }

    fn keys(checkpoints: &Checkpoints) -> Vec<String> {
        let rows = checkpoints.pending().unwrap();
        rows.into_iter().map(|row| row.key).collect()
    }

    #[test]
    fn s1_waiting_rows_come_back_in_the_order_written() {
        let folder = tempfile::tempdir().unwrap();
        let many: Vec<DerivedChange> = (0..CHUNK * 2 + 1)
            .map(|i| change(&i.to_string(), 1))
            .collect();
        let checkpoints = Checkpoints::open(folder.path()).unwrap();
        checkpoints.write(&write(&many)).unwrap();
        checkpoints.write(&write(&[change("0", 2)])).unwrap();
        drop(checkpoints);
        let checkpoints = Checkpoints::open(folder.path()).unwrap();
        let mut expected: Vec<String> = many.iter().map(|row| row.key.clone()).collect();
        expected.push("0".to_owned());
        assert_eq!(keys(&checkpoints), expected);
        assert_eq!(checkpoints.pending().unwrap().last().unwrap().date, Date(2));
        checkpoints.keep_pending(&[&many[3], &many[1]]).unwrap();
        checkpoints.write(&write(&[change("new", 1)])).unwrap();
        assert_eq!(keys(&checkpoints), ["3", "1", "new"]);
        drop(checkpoints);
        let checkpoints = Checkpoints::open(folder.path()).unwrap();
        assert_eq!(keys(&checkpoints), ["3", "1", "new"]);
        checkpoints.keep_pending(&[]).unwrap();
        assert!(keys(&checkpoints).is_empty());
    }

    #[test]
    fn s1_a_damaged_format_is_told_from_another_one() {
        let folder = tempfile::tempdir().unwrap();
        Checkpoints::open(folder.path())
            .unwrap()
            .write(&write(&[]))
            .unwrap();
        let format = folder.path().join("format");
        let said = || match Checkpoints::open(folder.path()) {
            Ok(_) => "opened",
            Err(CheckpointError::Damaged(_)) => "damaged",
            Err(CheckpointError::Format(_)) => "another format",
            Err(_) => "something else",
        };
        assert_eq!(said(), "opened");
        for (bytes, expected) in [
            (&b"99\n"[..], "another format"),
            (b"", "damaged"),
            (b"3x", "damaged"),
            (&[0xff, 0xfe], "damaged"),
        ] {
            std::fs::write(&format, bytes).unwrap();
            assert_eq!(said(), expected);
        }
        std::fs::remove_file(&format).unwrap();
        assert_eq!(said(), "damaged");
        std::fs::write(&format, FORMAT).unwrap();
        assert_eq!(said(), "opened");
        // Only damage makes the storage's own mark another one: with another storage the format would be another.
        for version in [0, 1, 2, 4, 200] {
            std::fs::write(folder.path().join("version"), [b'F', b'J', b'L', version]).unwrap();
            assert_eq!(said(), "damaged", "version {version}");
        }
    }

    #[test]
    fn s1_waiting_rows_with_whole_units_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::open(folder.path()).unwrap();
        checkpoints.write(&write(&[])).unwrap();
        let open = checkpoints.get().unwrap();
        let options = KeyspaceCreateOptions::default;
        let old = open.db.keyspace("rows", options).unwrap();
        let row = |items| {
            let partition = TopicPartition::new(Topic::UserEvents, 0);
            crate::rows_v3::old_cart(StoreId::new("shop").unwrap(), partition, items)
        };
        for (number, chunk) in [(4u64, [row(2), row(3)]), (5, [row(1), row(7)])] {
            let value = postcard::to_stdvec(&chunk[..]).unwrap();
            old.insert(number.to_be_bytes(), value).unwrap();
        }
        drop((old, open, checkpoints));
        std::fs::write(folder.path().join("format"), "3\n").unwrap();
        for _ in 0..2 {
            let checkpoints = Checkpoints::open(folder.path()).unwrap();
            let items = checkpoints
                .pending()
                .unwrap()
                .into_iter()
                .map(|change| match change.row {
                    Some(crate::rows::DerivedRow::Cart(cart)) => cart.items.to_string(),
                    other => panic!("{other:?} is no cart"),
                });
            assert_eq!(items.collect::<Vec<_>>(), ["2", "3", "1", "7"]);
        }
        let format = std::fs::read_to_string(folder.path().join("format")).unwrap();
        assert_eq!(format, FORMAT);
    }

    #[test]
    fn s1_a_checkpoint_of_the_layout_before_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::open(folder.path()).unwrap();
        checkpoints.write(&write(&[])).unwrap();
        let open = checkpoints.get().unwrap();
        let old = open
            .db
            .keyspace("pending", KeyspaceCreateOptions::default)
            .unwrap();
        for key in ["a", "b"] {
            let row = change(key, 1);
            let value = postcard::to_stdvec(&row).unwrap();
            old.insert(row_key(&row), value).unwrap();
        }
        drop((old, open, checkpoints));
        std::fs::write(folder.path().join("format"), "2\n").unwrap();
        for _ in 0..2 {
            let checkpoints = Checkpoints::open(folder.path()).unwrap();
            assert_eq!(keys(&checkpoints), ["a", "b"]);
        }
        let format = std::fs::read_to_string(folder.path().join("format")).unwrap();
        assert_eq!(format, FORMAT);
    }
}
