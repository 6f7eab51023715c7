//! Replay: silver and gold of a store built again from bronze, in a new generation beside the one that is read, which takes its
//! place with one rename once it is whole.
//!
//! Rows that are not replayed (other stores, dates outside the range) are taken over by linking their files. The new tables
//! note the same offsets, so live processing goes on where it was. No server may write the lake meanwhile.

use std::path::Path;
use std::sync::Arc;

use tradewind_model::{Causes, Date, Offset, StoreId, Topic, TopicPartition};
use tradewind_stream::rows::DerivedChange;
use tradewind_stream::sink::{Chunk, Sink, SinkError, Tap};

use crate::error::{LakeError, Result};
use crate::files::NewFile;
use crate::groups::PartitionKey;
use crate::lake::Lake;
use crate::layout::{self, TableName};
use crate::schema::table_schema;
use crate::sink::transaction_id;
use crate::table::{Commit, CommitKind};
use crate::tap::{APPEND_TABLES, ChunkRows, LakeTap};

/// What is replayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayRange {
    /// The store.
    pub store: StoreId,
    /// The first local date built again; from the beginning when `None`.
    pub from: Option<Date>,
    /// The last local date built again; to the end when `None`.
    pub to: Option<Date>,
}

impl ReplayRange {
    pub(crate) fn holds(&self, key: &PartitionKey) -> bool {
        key.store == self.store
            && self.from.is_none_or(|from| key.date >= from)
            && self.to.is_none_or(|to| key.date <= to)
    }
}

/// A replay under way.
pub struct Replay {
    lake: Arc<Lake>,
    staged: Arc<Lake>,
    generation: String,
    range: ReplayRange,
}

const SILVER: [TableName; 5] = [
    TableName::SilverEvents,
    TableName::SilverLineItems,
    TableName::SilverOrders,
    TableName::SilverSessions,
    TableName::SilverCarts,
];

impl Replay {
    /// Makes the new generation and takes over what is not replayed. What an earlier replay left unfinished is removed.
    ///
    /// # Errors
    /// [`LakeError`] when files cannot be linked or tables not made.
    pub async fn begin(lake: &Arc<Lake>, range: ReplayRange) -> Result<Self> {
        let current = lake.generation();
        let number = clear_unfinished(lake.root(), &current)?;
        let generation = format!("g{}", number + 1);
        let staged = lake.beside(&generation);
        for table in SILVER {
            take_over(lake, &staged, &table, &range).await?;
        }
        Ok(Self {
            lake: Arc::clone(lake),
            staged,
            generation,
            range,
        })
    }

    /// The lake whose bronze is read back: [`Lake::bronze_partitions`], [`Lake::bronze`].
    #[must_use]
    pub fn lake(&self) -> &Arc<Lake> {
        &self.lake
    }

    /// The name of the new generation.
    #[must_use]
    pub fn generation(&self) -> &str {
        &self.generation
    }

    /// Whether all days are built again.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.range.from.is_none() && self.range.to.is_none()
    }

    /// The new generation, for comparing it with the current one before it takes its place.
    #[must_use]
    pub fn staged(&self) -> &Arc<Lake> {
        &self.staged
    }

    /// Takes the rows the stream's operators give for the records of bronze, and keeps those in the range. Like every sink
    /// it blocks.
    #[must_use]
    pub fn sink(&self) -> Arc<dyn Sink> {
        Arc::new(ReplaySink {
            staged: Arc::clone(&self.staged),
            range: self.range.clone(),
        })
    }

    /// Computes gold anew, makes the new generation the current one and deletes the old one.
    ///
    /// # Errors
    /// [`LakeError`]; until the rename the old generation stays current.
    pub async fn finish(self) -> Result<()> {
        loop {
            match self.staged.refresh_gold(usize::MAX).await {
                Ok(progress) if progress.remaining == 0 => break,
                Ok(_) => {}
                // What is damaged elsewhere must not keep this from being mended.
                Err(error) if self.staged.gold_failed_elsewhere(&self.range).await => {
                    tracing::warn!(error = %Causes(&error), "gold of other stores or days cannot be computed; it is tried again later");
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        let whole = self.is_whole();
        self.staged.note_rules(whole.then_some(&self.range.store))?;
        let root = self.lake.root().to_path_buf();
        sync_all(&root)?;
        let old = self.lake.generation();
        self.lake.switch_to(&self.generation)?;
        tracing::info!(generation = %self.generation, store = %self.range.store, "replay took its place");
        remove_generation(&root, &old)
    }

    /// Deletes the new generation again.
    ///
    /// # Errors
    /// [`LakeError::Storage`] when it cannot be deleted.
    pub fn abandon(self) -> Result<()> {
        remove_generation(self.lake.root(), &self.generation)
    }
}

/// Replays with a function that runs the stream's pipeline: it reads bronze from the lake and gives rows to the sink. It is
/// called on a thread that may block.
///
/// # Errors
/// [`LakeError`] of the lake, or [`LakeError::Storage`] around what the pipeline failed with; then nothing has changed.
pub async fn replay<F, E>(lake: &Arc<Lake>, range: ReplayRange, pipeline: F) -> Result<()>
where
    F: FnOnce(Arc<Lake>, Arc<dyn Sink>) -> std::result::Result<(), E> + Send + 'static,
    E: std::error::Error + Send + Sync + 'static,
{
    let replay = Replay::begin(lake, range).await?;
    let (source, sink) = (Arc::clone(replay.lake()), replay.sink());
    let done = tokio::task::spawn_blocking(move || pipeline(source, sink)).await;
    match done {
        Ok(Ok(())) => replay.finish().await,
        Ok(Err(error)) => {
            replay.abandon()?;
            Err(LakeError::storage("replaying bronze", error))
        }
        Err(error) => {
            replay.abandon()?;
            Err(LakeError::storage("replaying bronze", error))
        }
    }
}

/// Removes generations that never became current; gives the highest number in use.
fn clear_unfinished(root: &Path, current: &str) -> Result<u64> {
    let wrong = |e| LakeError::storage(format!("reading `{}`", root.display()), e);
    let mut highest = current
        .strip_prefix('g')
        .and_then(|n| n.parse().ok())
        .unwrap_or(0);
    for entry in std::fs::read_dir(root).map_err(wrong)? {
        let name = entry.map_err(wrong)?.file_name();
        let Some(number) = name
            .to_str()
            .and_then(|n| n.strip_prefix('g'))
            .and_then(|n| n.parse::<u64>().ok())
        else {
            continue;
        };
        highest = highest.max(number);
        if name.to_str() != Some(current) {
            remove_generation(root, &format!("g{number}"))?;
        }
    }
    Ok(highest)
}

/// Deletes silver and gold of a generation; bronze is never deleted.
fn remove_generation(root: &Path, generation: &str) -> Result<()> {
    let folder = root.join(generation);
    let doomed = if generation == layout::MAIN {
        vec![
            folder.join("silver"),
            folder.join("gold"),
            folder.join("RULES"),
        ]
    } else {
        vec![folder]
    };
    for folder in doomed {
        let removed = if folder.is_file() {
            std::fs::remove_file(&folder)
        } else {
            std::fs::remove_dir_all(&folder)
        };
        match removed {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(LakeError::storage(
                    format!("deleting `{}`", folder.display()),
                    e,
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

fn sync_all(root: &Path) -> Result<()> {
    let sync = || -> std::io::Result<()> { Ok(rustix::fs::syncfs(std::fs::File::open(root)?)?) };
    sync().map_err(|e| LakeError::storage(format!("making `{}` durable", root.display()), e))
}

/// Links the files of a table that are not replayed into the new generation, with the offsets the table covers.
async fn take_over(
    lake: &Lake,
    staged: &Lake,
    name: &TableName,
    range: &ReplayRange,
) -> Result<()> {
    let mut old = lake.handle(name);
    if old.version().await?.is_none() {
        // A table that was moved away because it is damaged: what bronze covers it will cover, and events that the operators see
        // again, should their state be lost too, are not added again.
        old = lake.handle(&TableName::BronzeEvents);
        if !APPEND_TABLES.contains(name) || old.version().await?.is_none() {
            return Ok(());
        }
    }
    let schema = table_schema(name)
        .ok_or_else(|| LakeError::Inconsistent(format!("there is no table `{name}`")))?;
    let handle = staged.handle(name);
    handle.create(&schema).await?;
    let mut adds = Vec::new();
    if old.name == *name {
        for file in old.files(|key| !range.holds(key)).await? {
            if !link(&old.dir().join(&file.path), &handle.dir().join(&file.path))? {
                tracing::error!(table = %name, file = %file.path, "a data file is missing, which this replay does not build again");
            }
            adds.push(file.add(true));
        }
    }
    let mut transactions = Vec::new();
    for topic in Topic::ALL {
        for partition in 0..lake.options().partitions {
            let id = transaction_id(TopicPartition::new(topic, partition));
            if let Some(version) = old.transaction(&id).await? {
                transactions.push((id, version));
            }
        }
    }
    if adds.is_empty() && transactions.is_empty() {
        return Ok(());
    }
    let _writer = handle.writer().await;
    handle
        .commit(Commit {
            kind: CommitKind::Append,
            adds,
            removes: Vec::new(),
            transactions,
        })
        .await
}

/// A second name for a file, or a copy where the file system knows no second names; `false` when it is missing.
fn link(from: &Path, to: &Path) -> Result<bool> {
    let make = || -> std::io::Result<()> {
        if let Some(folder) = to.parent() {
            std::fs::create_dir_all(folder)?;
        }
        match std::fs::hard_link(from, to) {
            Ok(()) => Ok(()),
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
            Err(_) => std::fs::copy(from, to).map(|_| ()),
        }
    };
    match make() {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && !from.exists() => Ok(false),
        Err(e) => Err(LakeError::storage(
            format!("taking over `{}`", from.display()),
            e,
        )),
    }
}

/// Keeps the rows of a replay that lie in its range.
struct ReplaySink {
    staged: Arc<Lake>,
    range: ReplayRange,
}

impl ReplaySink {
    async fn write(&self, chunks: Vec<(TopicPartition, ChunkRows)>) -> Result<()> {
        for name in [TableName::SilverLineItems, TableName::SilverEvents] {
            let mut files: std::collections::BTreeMap<
                (PartitionKey, Topic),
                Vec<arrow::array::RecordBatch>,
            > = std::collections::BTreeMap::new();
            for (partition, rows) in &chunks {
                for (_, rows) in rows.tables.iter().filter(|(table, _)| *table == name) {
                    for (key, batch) in rows
                        .split()?
                        .into_iter()
                        .filter(|(key, _)| self.range.holds(key))
                    {
                        files.entry((key, partition.topic)).or_default().push(batch);
                    }
                }
            }
            if files.is_empty() {
                continue;
            }
            let schema = table_schema(&name)
                .ok_or_else(|| LakeError::Inconsistent(format!("there is no table `{name}`")))?;
            let handle = self.staged.handle(&name);
            let _writer = handle.writer().await;
            handle.create(&schema).await?;
            let files = files
                .into_iter()
                .map(|((key, _), batches)| NewFile {
                    key,
                    batches,
                    data_change: true,
                })
                .collect();
            let adds = handle.write_files(files).await?;
            handle
                .commit(Commit {
                    kind: CommitKind::Append,
                    adds,
                    removes: Vec::new(),
                    transactions: Vec::new(),
                })
                .await?;
        }
        Ok(())
    }
}

fn failed(source: LakeError) -> SinkError {
    SinkError {
        context: "replaying into the lake".to_owned(),
        source: Box::new(source),
    }
}

impl Sink for ReplaySink {
    fn tap(&self, partition: TopicPartition) -> Box<dyn Tap> {
        // Bronze and quarantine stand already.
        Box::new(LakeTap::new(partition, [Offset::MAX, 0, 0, Offset::MAX]))
    }

    fn covered(&self, _: TopicPartition) -> Offset {
        0
    }

    fn commit(&self, chunks: Vec<Chunk>) -> std::result::Result<(), SinkError> {
        let mut rows = Vec::with_capacity(chunks.len());
        for chunk in chunks {
            let taken = chunk
                .rows
                .downcast::<Result<ChunkRows>>()
                .map_err(|_| SinkError {
                    context: format!("rows of {}", chunk.partition),
                    source: "the chunk does not come from a tap of the lake".into(),
                })?;
            rows.push((chunk.partition, taken.map_err(failed)?));
        }
        self.staged
            .runtime()
            .block_on(self.write(rows))
            .map_err(failed)
    }

    fn upsert(&self, changes: &[&DerivedChange]) -> std::result::Result<(), SinkError> {
        let within: Vec<&DerivedChange> = changes
            .iter()
            .copied()
            .filter(|c| {
                self.range.holds(&PartitionKey {
                    store: c.store.clone(),
                    date: c.date,
                })
            })
            .collect();
        self.staged
            .runtime()
            .block_on(crate::upsert::upsert(&self.staged, &within))
            .map_err(failed)
    }
}
