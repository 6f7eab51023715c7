//! Gold: answers kept as tables, computed per (store, date) from silver and replaced whole.
//!
//! A gold table's commits note, for each silver table it reads, the version up to which its rows are right. What changed in
//! silver since is read from the silver logs, so a crash loses nothing and doing it again changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::prelude::SessionContext;
use hashbrown::HashMap;
use tradewind_model::{Causes, Date, StoreId};

use crate::dirty::{self, Changed};
use crate::error::{LakeError, Result};
use crate::files::NewFile;
use crate::gold_rows::{further_dates, gold_schema, materialise};
pub use crate::gold_tables::GoldDefinition;
pub(crate) use crate::gold_tables::GoldTables;
use crate::groups::PartitionKey;
use crate::lake::Lake;
use crate::layout::TableName;
use crate::replay::ReplayRange;
use crate::table::{Commit, CommitKind, TableHandle};

/// Dates of a store computed by one query.
pub(crate) const DATES_A_QUERY: usize = 31;

/// How far a refresh came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GoldProgress {
    /// (table, store, date) computed anew.
    pub materialised: usize,
    /// (table, store, date) known to be out of date still.
    pub remaining: usize,
}

/// What is known to be out of date of one gold table.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    partitions: BTreeSet<PartitionKey>,
    /// Of them those that could not be computed the last time.
    failed: BTreeSet<PartitionKey>,
    /// The version of each source whose changes are in `partitions` or done.
    seen: BTreeMap<TableName, Option<u64>>,
    /// Whether a commit must still note `seen`.
    unnoted: bool,
    /// The table's columns, planned once.
    schema: Option<SchemaRef>,
}

/// The last session gold was computed in, with the generation and versions of silver it sees.
pub(crate) type GoldSession = Option<((String, Vec<Option<u64>>), SessionContext)>;

/// Backlogs by gold table, for the generation they belong to.
pub(crate) type Backlogs = HashMap<(String, String), Backlog>;

impl Lake {
    /// Brings gold up to date with silver, at most `max_work` (table, store, date) of it. Idempotent; calls do not overlap.
    ///
    /// # Errors
    /// [`LakeError`] of the first table that failed, after the others were tried.
    pub async fn refresh_gold(&self, max_work: usize) -> Result<GoldProgress> {
        let mut backlogs = self.backlogs().lock().await;
        let generation = self.generation();
        let mut progress = GoldProgress::default();
        let mut failure = None;
        let definitions: Vec<_> = self.gold.all().cloned().collect();
        for definition in definitions {
            let backlog = backlogs
                .entry((generation.clone(), definition.name.clone()))
                .or_default();
            let budget = max_work.saturating_sub(progress.materialised);
            match self.refresh_table(&definition, backlog, budget).await {
                Ok(done) => progress.materialised += done,
                Err(error) => {
                    tracing::warn!(table = %definition.name, error = %Causes(&error), "gold table not refreshed");
                    failure.get_or_insert(error);
                }
            }
            progress.remaining += backlog.partitions.len();
        }
        failure.map_or(Ok(progress), Err)
    }

    /// Whether the days that could not be computed all lie outside a replay's range, and there are some.
    pub(crate) async fn gold_failed_elsewhere(&self, range: &ReplayRange) -> bool {
        let backlogs = self.backlogs().lock().await;
        let mut failed = backlogs.values().flat_map(|b| &b.failed).peekable();
        failed.peek().is_some() && failed.all(|key| !range.holds(key))
    }

    async fn refresh_table(
        &self,
        definition: &GoldDefinition,
        backlog: &mut Backlog,
        budget: usize,
    ) -> Result<usize> {
        let handle = self.handle(&TableName::Gold(definition.name.clone()));
        self.note_changes(definition, &handle, backlog).await?;
        let mut by_store: BTreeMap<StoreId, Vec<Date>> = BTreeMap::new();
        // What failed before comes last, so that it does not hold the rest up.
        let (failed, fresh): (Vec<_>, Vec<_>) = backlog
            .partitions
            .iter()
            .partition(|key| backlog.failed.contains(*key));
        for key in fresh.into_iter().chain(failed).take(budget) {
            by_store
                .entry(key.store.clone())
                .or_default()
                .push(key.date);
        }
        if by_store.is_empty() && !backlog.unnoted {
            return Ok(0);
        }
        if !backlog.partitions.is_empty() && by_store.is_empty() {
            return Ok(0);
        }
        let context = self.gold_session().await?;
        let schema = match &backlog.schema {
            Some(schema) => Arc::clone(schema),
            None => {
                let schema = gold_schema(&context, definition).await?;
                self.remove_outdated(&handle, &schema).await?;
                schema
            }
        };
        backlog.schema = Some(Arc::clone(&schema));
        let mut work: Vec<(PartitionKey, Option<RecordBatch>)> = Vec::new();
        let (mut failed, mut failure) = (BTreeSet::new(), None);
        for (store, dates) in &by_store {
            for dates in dates.chunks(DATES_A_QUERY) {
                match materialise(&context, definition, &schema, store, dates).await {
                    Ok(rows) => work.extend(rows),
                    Err(error) => {
                        tracing::warn!(table = %definition.name, %store, days = dates.len(), error = %Causes(&error), "days of a gold table cannot be computed");
                        failed.extend(dates.iter().map(|date| PartitionKey {
                            store: store.clone(),
                            date: *date,
                        }));
                        failure.get_or_insert(error);
                    }
                }
            }
        }
        let done: BTreeSet<PartitionKey> = work.iter().map(|(key, _)| key.clone()).collect();
        let last = done.len() == backlog.partitions.len();
        let transactions = if last {
            noted(definition, &backlog.seen)
        } else {
            Vec::new()
        };
        self.replace(&handle, &schema, work, transactions).await?;
        backlog.partitions.retain(|key| !done.contains(key));
        backlog.failed.retain(|key| !done.contains(key));
        backlog.failed.extend(failed);
        if last {
            backlog.unnoted = false;
        }
        failure.map_or(Ok(done.len()), Err)
    }

    /// Adds to the backlog what changed in the sources since they were last looked at.
    async fn note_changes(
        &self,
        definition: &GoldDefinition,
        handle: &TableHandle,
        backlog: &mut Backlog,
    ) -> Result<()> {
        let mut fresh: BTreeSet<PartitionKey> = BTreeSet::new();
        let mut seen = backlog.seen.clone();
        for source in &definition.sources {
            let table = self.handle(source);
            let Some(version) = table.version().await? else {
                continue;
            };
            let known = match backlog.seen.get(source) {
                Some(known) => *known,
                None => handle
                    .transaction(&definition.transaction_id(source))
                    .await?
                    .and_then(|v| u64::try_from(v).ok()),
            };
            let changes = match known {
                Some(known) if known >= version => Changed::Partitions(BTreeSet::new()),
                Some(known) => dirty::changed(&table.log()?, known + 1..=version).await?,
                None => Changed::Unknown,
            };
            match changes {
                Changed::Partitions(partitions) => fresh.extend(partitions),
                Changed::Unknown => {
                    fresh.extend(table.partitions().await?);
                    // What lost its last row in between is only known to gold.
                    fresh.extend(handle.partitions().await?);
                }
            }
            seen.insert(source.clone(), Some(version));
        }
        if !fresh.is_empty()
            && let Some(also) = &definition.also
        {
            let context = self.gold_session().await?;
            fresh.extend(further_dates(&context, definition, also, &fresh).await?);
        }
        if !fresh.is_empty() {
            backlog.unnoted = true;
        }
        backlog.partitions.extend(fresh);
        backlog.seen = seen;
        Ok(())
    }

    async fn replace(
        &self,
        handle: &Arc<TableHandle>,
        schema: &SchemaRef,
        work: Vec<(PartitionKey, Option<RecordBatch>)>,
        transactions: Vec<(String, i64)>,
    ) -> Result<()> {
        let _writer = handle.writer().await;
        handle.create(schema).await?;
        let keys: BTreeSet<PartitionKey> = work.iter().map(|(key, _)| key.clone()).collect();
        let replaced = handle.files(|key| keys.contains(key)).await?;
        let removes: Vec<_> = replaced.iter().map(|file| file.remove(true)).collect();
        let files = work
            .into_iter()
            .filter_map(|(key, batch)| {
                Some(NewFile {
                    key,
                    batches: vec![batch?],
                    data_change: true,
                })
            })
            .collect();
        let adds = handle.write_files(files).await?;
        if adds.is_empty() && removes.is_empty() && transactions.is_empty() {
            return Ok(());
        }
        handle
            .commit(Commit {
                kind: CommitKind::Replace,
                adds,
                removes,
                transactions,
            })
            .await
    }

    /// Removes a gold table whose definition now gives other columns, so that it is made anew.
    async fn remove_outdated(&self, handle: &TableHandle, schema: &SchemaRef) -> Result<()> {
        let _writer = handle.writer().await;
        if let Some(table) = handle.newest().await? {
            let have = table
                .snapshot()
                .map_err(|e| LakeError::table("reading a snapshot", e))?
                .snapshot()
                .arrow_schema();
            let same = have.fields().len() == schema.fields().len()
                && have
                    .fields()
                    .iter()
                    .zip(schema.fields())
                    .all(|(a, b)| a.name() == b.name() && a.data_type() == b.data_type());
            if same {
                return Ok(());
            }
            handle.forget().await;
            std::fs::remove_dir_all(handle.dir()).map_err(|e| {
                LakeError::storage(
                    format!(
                        "removing `{}`, whose columns changed",
                        handle.dir().display()
                    ),
                    e,
                )
            })?;
            // Once more: who looked meanwhile saw what is gone now.
            handle.forget().await;
        }
        Ok(())
    }

    /// A session over silver as it is now; the same one as long as silver does not change.
    async fn gold_session(&self) -> Result<SessionContext> {
        let silver: Vec<TableName> = TableName::FIXED
            .into_iter()
            .filter(|t| t.schema() == "silver")
            .collect();
        let mut versions = Vec::with_capacity(silver.len());
        for table in &silver {
            versions.push(self.handle(table).version().await?);
        }
        let versions = (self.generation(), versions);
        let mut kept = self.session_of_gold().lock().await;
        if let Some((of, session)) = kept.as_ref()
            && *of == versions
        {
            return Ok(session.clone());
        }
        // Rows committed meanwhile may be seen already; they are looked at again when their version is noticed.
        let session = self.query_session(&silver).await?;
        *kept = Some((versions, session.clone()));
        Ok(session)
    }

    pub(crate) async fn gold_schema(&self, name: &str) -> Result<SchemaRef> {
        let definition = self
            .gold
            .get(name)
            .ok_or_else(|| LakeError::Inconsistent(format!("there is no table `gold.{name}`")))?;
        gold_schema(&self.gold_session().await?, definition).await
    }

    /// What a gold definition gives for a store and dates, straight from silver: for comparing with the table.
    pub(crate) async fn recompute(
        &self,
        name: &str,
        store: &StoreId,
        dates: &[Date],
    ) -> Result<Vec<(PartitionKey, Option<RecordBatch>)>> {
        let definition = self
            .gold
            .get(name)
            .ok_or_else(|| LakeError::Inconsistent(format!("there is no table `gold.{name}`")))?;
        let context = self.gold_session().await?;
        let schema = gold_schema(&context, definition).await?;
        materialise(&context, definition, &schema, store, dates).await
    }
}

fn noted(
    definition: &GoldDefinition,
    seen: &BTreeMap<TableName, Option<u64>>,
) -> Vec<(String, i64)> {
    seen.iter()
        .filter_map(|(source, version)| {
            Some((
                definition.transaction_id(source),
                i64::try_from((*version)?).ok()?,
            ))
        })
        .collect()
}

#[cfg(test)]
#[path = "gold_tests.rs"]
mod tests;
