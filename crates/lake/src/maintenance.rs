//! Upkeep of the tables: small files joined, old versions deleted, the log kept short.
//!
//! Facts are read, [`decide`] turns them into tasks, the tasks are executed. None of it changes a row: compactions are commits
//! without data change, and a file is deleted only when no version within the retention names it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use deltalake_core::operations::vacuum::VacuumMode;
use deltalake_core::protocol::checkpoints;
use hashbrown::HashMap;
use object_store::ObjectStoreExt as _;
use tradewind_model::{Causes, Micros};

use crate::error::{LakeError, Result};
use crate::files;
use crate::groups::PartitionKey;
use crate::head::FileEntry;
use crate::lake::Lake;
use crate::layout::TableName;
use crate::table::{Commit, CommitKind, TableHandle};

/// The size small files are joined to, bytes.
pub(crate) const TARGET_FILE_BYTES: i64 = 64 << 20;

/// When and how much upkeep is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaintenancePolicy {
    /// Files of about the same size are joined when there are this many of them in a partition.
    pub join_at: usize,
    /// A partition that nothing was added to for this long is joined as soon as it has two small files.
    pub quiet: Duration,
    /// Files are joined up to this many bytes.
    pub target_bytes: i64,
    /// Joined files a table and call.
    pub max_joins: usize,
    /// Commits between two checkpoints of a log.
    pub checkpoint_every: u64,
    /// How long files that no version needs any more are kept for readers of older versions.
    pub retention: Duration,
    /// How long the log's old entries are kept.
    pub log_retention: Duration,
    /// Time between two looks for files to delete.
    pub vacuum_every: Duration,
}

impl Default for MaintenancePolicy {
    fn default() -> Self {
        Self {
            join_at: 8,
            quiet: Duration::from_secs(15 * 60),
            target_bytes: TARGET_FILE_BYTES,
            max_joins: 16,
            checkpoint_every: 50,
            retention: Duration::from_secs(24 * 3600),
            log_retention: Duration::from_secs(7 * 24 * 3600),
            vacuum_every: Duration::from_secs(6 * 3600),
        }
    }
}

/// A data file as its table's log has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFacts {
    /// The partition.
    pub key: PartitionKey,
    /// The topic of all its rows, where files are kept apart by topic.
    pub topic: Option<String>,
    /// The path under the table.
    pub path: String,
    /// Its size.
    pub bytes: i64,
    /// When it was written.
    pub written: Micros,
}

/// A table as upkeep sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableFacts {
    /// The files of the newest version.
    pub files: Vec<FileFacts>,
    /// The newest version.
    pub version: u64,
    /// The version of the newest checkpoint.
    pub checkpoint: Option<u64>,
    /// When files were last looked for to delete.
    pub vacuumed: Option<Micros>,
}

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// Join these files of a partition into one.
    Join {
        /// The partition.
        key: PartitionKey,
        /// The files.
        paths: Vec<String>,
    },
    /// Write a checkpoint of the log, then drop what it makes superfluous.
    Checkpoint,
    /// Delete files no version within the retention needs.
    Vacuum,
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// What a table needs now.
#[must_use]
pub fn decide(facts: &TableFacts, policy: &MaintenancePolicy, now: Micros) -> Vec<Task> {
    let mut partitions: BTreeMap<(&PartitionKey, Option<&str>), Vec<&FileFacts>> = BTreeMap::new();
    for file in facts
        .files
        .iter()
        .filter(|f| f.bytes < policy.target_bytes / 2)
    {
        partitions
            .entry((&file.key, file.topic.as_deref()))
            .or_default()
            .push(file);
    }
    let mut tasks: Vec<Task> = Vec::new();
    for ((key, _), mut files) in partitions {
        files.sort_by_key(|f| f.bytes);
        let newest = files.iter().map(|f| f.written).max().unwrap_or(Micros(0));
        let is_quiet = now.0.saturating_sub(newest.0) >= micros(policy.quiet);
        let joined = if is_quiet {
            files.len()
        } else {
            crowded(&files, policy.join_at)
        };
        let mut bytes = 0;
        let paths: Vec<String> = files
            .iter()
            .take(joined)
            .take_while(|f| {
                bytes += f.bytes;
                bytes <= policy.target_bytes
            })
            .map(|f| f.path.clone())
            .collect();
        if paths.len() > 1 {
            tasks.push(Task::Join {
                key: key.clone(),
                paths,
            });
        }
    }
    tasks.sort_by_key(|task| match task {
        Task::Join { paths, .. } => std::cmp::Reverse(paths.len()),
        _ => std::cmp::Reverse(0),
    });
    tasks.truncate(policy.max_joins);
    if facts.version.saturating_sub(facts.checkpoint.unwrap_or(0)) >= policy.checkpoint_every {
        tasks.push(Task::Checkpoint);
    }
    if facts
        .vacuumed
        .is_none_or(|at| now.0.saturating_sub(at.0) >= micros(policy.vacuum_every))
    {
        tasks.push(Task::Vacuum);
    }
    tasks
}

/// How many of the smallest files to join: all up to the largest crowded size class. Classes grow by four, so a byte is
/// rewritten a few times only on its way to the target size.
fn crowded(files: &[&FileFacts], join_at: usize) -> usize {
    let class = |bytes: i64| (bytes.max(1) / (64 << 10)).max(1).ilog2() / 2;
    let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
    for file in files {
        *counts.entry(class(file.bytes)).or_default() += 1;
    }
    let Some(largest) = counts
        .iter()
        .rev()
        .find(|(_, n)| **n >= join_at)
        .map(|(c, _)| *c)
    else {
        return 0;
    };
    files.iter().filter(|f| class(f.bytes) <= largest).count()
}

/// What upkeep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MaintenanceReport {
    /// Small files that were joined.
    pub joined: usize,
    /// Files they were joined into.
    pub written: usize,
    /// Checkpoints of logs written.
    pub checkpoints: usize,
    /// Files deleted that no version needs any more.
    pub deleted: usize,
    /// Entries of logs deleted.
    pub log_entries: usize,
}

/// When files of a table were last looked for to delete.
pub(crate) type Vacuumed = HashMap<TableName, Micros>;

impl Lake {
    /// Does the upkeep that is due. A failure of one table does not keep the others from theirs.
    ///
    /// # Errors
    /// [`LakeError`] of the first table that failed.
    pub async fn maintain(
        &self,
        policy: &MaintenancePolicy,
        now: Micros,
    ) -> Result<MaintenanceReport> {
        let mut vacuumed = self.vacuumed().lock().await;
        let mut report = MaintenanceReport::default();
        let mut failure = None;
        for name in self.tables() {
            // A fresh process does not know when it was last looked. It looks soon, but not while everything starts: a server
            // that is started anew every day must look some time.
            let first = micros(policy.vacuum_every).saturating_sub(10 * Micros::MINUTE);
            let last = *vacuumed
                .entry(name.clone())
                .or_insert(now.plus(-first.max(0)));
            let done = self
                .maintain_table(&name, policy, now, last, &mut vacuumed, &mut report)
                .await;
            if let Err(error) = done {
                tracing::warn!(table = %name, error = %Causes(&error), "upkeep failed");
                failure.get_or_insert(error);
            }
        }
        failure.map_or(Ok(report), Err)
    }

    async fn maintain_table(
        &self,
        name: &TableName,
        policy: &MaintenancePolicy,
        now: Micros,
        last_vacuum: Micros,
        vacuumed: &mut Vacuumed,
        report: &mut MaintenanceReport,
    ) -> Result<()> {
        let handle = self.handle(name);
        let Some(version) = handle.version().await? else {
            return Ok(());
        };
        let facts = facts(&handle, version, last_vacuum).await?;
        let mut failure = None;
        for task in decide(&facts, policy, now) {
            match task {
                // Files that cannot be joined must not keep the log from its checkpoint.
                Task::Join { key, paths } => {
                    let joined = paths.len();
                    match join(&handle, key, paths).await {
                        Ok(true) => {
                            report.joined += joined;
                            report.written += 1;
                        }
                        Ok(false) => {}
                        Err(error) => {
                            failure.get_or_insert(error);
                        }
                    }
                }
                Task::Checkpoint => {
                    report.log_entries += checkpoint(&handle, policy, now).await?;
                    report.checkpoints += 1;
                }
                Task::Vacuum => {
                    report.deleted += vacuum(&handle, policy).await?;
                    vacuumed.insert(name.clone(), now);
                }
            }
        }
        failure.map_or(Ok(()), Err)
    }
}

async fn facts(handle: &TableHandle, version: u64, vacuumed: Micros) -> Result<TableFacts> {
    let by_topic = handle.name == TableName::SilverEvents;
    let files = handle
        .files(|_| true)
        .await?
        .into_iter()
        .map(|file| FileFacts {
            key: file.key.clone(),
            topic: if by_topic { only_topic(&file) } else { None },
            path: file.path.clone(),
            bytes: file.bytes,
            written: Micros(file.written.saturating_mul(1_000)),
        })
        .collect();
    let hint = object_store::path::Path::from("_delta_log/_last_checkpoint");
    let checkpoint = match handle.store()?.get(&hint).await {
        Ok(got) => got
            .bytes()
            .await
            .ok()
            .and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok())
            .and_then(|hint| hint["version"].as_u64()),
        Err(_) => None,
    };
    Ok(TableFacts {
        files,
        version,
        checkpoint,
        vacuumed: Some(vacuumed),
    })
}

/// The topic of a file whose rows are all of one.
fn only_topic(file: &FileEntry) -> Option<String> {
    let stats: serde_json::Value = serde_json::from_str(file.stats.as_deref()?).ok()?;
    let (low, high) = (
        stats["minValues"]["topic"].as_str()?,
        stats["maxValues"]["topic"].as_str()?,
    );
    (low == high).then(|| low.to_owned())
}

/// Joins files; `false` when one of them is gone already.
async fn join(handle: &Arc<TableHandle>, key: PartitionKey, paths: Vec<String>) -> Result<bool> {
    // Tables that are only appended to can be joined while rows come in: nobody else removes their files. Files of the
    // others may be replaced meanwhile, so their writers wait.
    let appended = crate::tap::APPEND_TABLES.contains(&handle.name);
    let guard = if appended {
        None
    } else {
        Some(handle.writer().await)
    };
    let joined = present(handle, &key, &paths).await?;
    if joined.len() != paths.len() {
        return Ok(false);
    }
    let locations = joined
        .iter()
        .map(|file| file.location())
        .collect::<Result<_>>()?;
    let add = files::join_files(handle.store()?, &handle.name, key.clone(), locations).await?;
    handle.sync(std::slice::from_ref(&add.path)).await?;
    let _writer = match guard {
        Some(guard) => guard,
        None => handle.writer().await,
    };
    let removed = present(handle, &key, &paths).await?;
    if removed.len() != paths.len() {
        return Ok(false);
    }
    handle
        .commit(Commit {
            kind: CommitKind::Compact,
            adds: vec![add],
            removes: removed.iter().map(|file| file.remove(false)).collect(),
            transactions: Vec::new(),
        })
        .await?;
    Ok(true)
}

async fn present(
    handle: &TableHandle,
    key: &PartitionKey,
    paths: &[String],
) -> Result<Vec<Arc<FileEntry>>> {
    let mut files = handle.files_in(key).await?;
    files.retain(|file| paths.contains(&file.path));
    Ok(files)
}

async fn checkpoint(
    handle: &TableHandle,
    policy: &MaintenancePolicy,
    now: Micros,
) -> Result<usize> {
    let _writer = handle.writer().await;
    let Some(table) = handle.newest().await? else {
        return Ok(0);
    };
    let wrong = |e| LakeError::table(format!("checkpoint of `{}`", handle.name), e);
    checkpoints::create_checkpoint(&table, None)
        .await
        .map_err(wrong)?;
    // The entries it stands for are deleted next: it must not be lost with the power.
    let version = table.version().unwrap_or(0);
    handle
        .sync(&[
            format!("_delta_log/{version:020}.checkpoint.parquet"),
            "_delta_log/_last_checkpoint".to_owned(),
        ])
        .await?;
    let before = (now.0 - micros(policy.log_retention)) / 1_000;
    let deleted =
        checkpoints::cleanup_expired_logs_for(version, table.log_store().as_ref(), before, None)
            .await
            .map_err(|e| LakeError::table(format!("log of `{}`", handle.name), e))?;
    // From here on the snapshot builds on the checkpoint, not on entries that are or will be deleted.
    handle.forget().await;
    Ok(deleted)
}

/// The longest a commit may take from its first file to its entry in the log.
const COMMIT_LIMIT: Duration = Duration::from_secs(3_600);

async fn vacuum(handle: &TableHandle, policy: &MaintenancePolicy) -> Result<usize> {
    let _writer = handle.writer().await;
    // Files of commits that failed are in no version; they are deleted too, once they are so old that no commit is on its way
    // that will name them: rows are written before their table's writer is asked for.
    let orphans = policy.retention.max(COMMIT_LIMIT);
    let mut modes = vec![(VacuumMode::Full, orphans)];
    if policy.retention < orphans {
        modes.insert(0, (VacuumMode::Lite, policy.retention));
    }
    let mut deleted = 0;
    for (mode, retention) in modes {
        let Some(table) = handle.newest().await? else {
            return Ok(deleted);
        };
        let retention = chrono::Duration::from_std(retention).unwrap_or(chrono::Duration::MAX);
        let (_, metrics) = table
            .as_ref()
            .clone()
            .vacuum()
            .with_mode(mode)
            .with_retention_period(retention)
            .with_enforce_retention_duration(false)
            .await
            .map_err(|e| LakeError::table(format!("old files of `{}`", handle.name), e))?;
        // Vacuum notes itself in the log.
        handle.forget().await;
        deleted += metrics.files_deleted.len();
    }
    Ok(deleted)
}

#[cfg(test)]
#[path = "maintenance_tests.rs"]
mod tests;
