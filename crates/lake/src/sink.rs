//! The lake behind the stream's [`Sink`]: chunks of rows become commits that carry the offsets they cover (L1).
//!
//! Each append table commits on its own and notes, per topic-partition, the offset after the last row it has, as a Delta
//! application transaction `tradewind/<topic>/<partition>` in the same commit. A retry, or a crash between two tables, is
//! settled by these notes: a table is only given what lies at or above its own. Bronze commits last and notes every chunk,
//! rows or not; what bronze covers is covered.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::kernels::cmp::gt_eq;
use arrow::datatypes::Int64Type;
use deltalake_core::kernel::Add;
use hashbrown::HashMap;
use parking_lot::Mutex;
use tradewind_model::{Causes, Offset, Topic, TopicPartition};
use tradewind_stream::rows::DerivedChange;
use tradewind_stream::sink::{Chunk, Sink, SinkError, Tap};

use crate::error::{LakeError, Result};
use crate::files::NewFile;
use crate::groups::{PartitionKey, TableRows};
use crate::lake::Lake;
use crate::layout::TableName;
use crate::schema::table_schema;
use crate::table::{Commit, CommitKind, TableHandle};
use crate::tap::{APPEND_TABLES, ChunkRows, Covered, LakeTap};

/// The name under which a table notes the offset it covers of a partition.
#[must_use]
pub fn transaction_id(partition: TopicPartition) -> String {
    format!("tradewind/{partition}")
}

struct Pending {
    partition: TopicPartition,
    next: Offset,
    rows: ChunkRows,
}

/// Keeps the stream's rows in the lake. Its methods block: call them from threads that run no async tasks.
pub struct LakeSink {
    lake: Arc<Lake>,
    /// Chunks handed over and not yet in every table.
    pending: Mutex<Vec<Pending>>,
    covered: Mutex<HashMap<TopicPartition, Offset>>,
}

impl LakeSink {
    /// A sink into a lake.
    #[must_use]
    pub fn new(lake: Arc<Lake>) -> Self {
        Self {
            lake,
            pending: Mutex::new(Vec::new()),
            covered: Mutex::new(HashMap::new()),
        }
    }

    fn covered_by_tables(&self, partition: TopicPartition) -> Result<Covered> {
        let id = transaction_id(partition);
        self.lake.runtime().block_on(async {
            let mut covered: Covered = [0; 4];
            for (table, offset) in APPEND_TABLES.iter().zip(&mut covered) {
                *offset = covered_by(&self.lake.handle(table), &id).await?;
            }
            Ok(covered)
        })
    }

    async fn commit_pending(&self, pending: &[Pending], tables: &[TableName]) -> Result<()> {
        let tried = futures::future::join_all(tables.iter().map(|table| async move {
            let handle = self.lake.handle(table);
            prepare(handle, pending).await
        }))
        .await;
        let (mut prepared, mut failure) = (Vec::new(), None);
        for one in tried {
            match one {
                Ok(one) => prepared.push(one),
                Err(error) => {
                    failure.get_or_insert(error);
                }
            }
        }
        if let Some(error) = failure {
            for one in prepared.into_iter().flatten() {
                one.handle.discard(&one.adds).await;
            }
            return Err(error);
        }
        // Files are written; now they become visible, table by table, bronze last.
        for prepared in prepared.into_iter().flatten() {
            let Prepared {
                handle,
                adds,
                transactions,
            } = prepared;
            let files = adds.len();
            let _writer = handle.writer().await;
            handle
                .commit(Commit {
                    kind: CommitKind::Append,
                    adds,
                    removes: Vec::new(),
                    transactions,
                })
                .await?;
            tracing::debug!(table = %handle.name, files, "lake commit");
        }
        Ok(())
    }
}

async fn covered_by(handle: &TableHandle, id: &str) -> Result<Offset> {
    Ok(handle
        .transaction(id)
        .await?
        .and_then(|v| u64::try_from(v).ok())
        .unwrap_or(0))
}

struct Prepared {
    handle: Arc<TableHandle>,
    adds: Vec<Add>,
    transactions: Vec<(String, i64)>,
}

/// Writes the files a table still lacks of the pending chunks.
async fn prepare(handle: Arc<TableHandle>, pending: &[Pending]) -> Result<Option<Prepared>> {
    let name = handle.name.clone();
    let mut next: BTreeMap<TopicPartition, Offset> = BTreeMap::new();
    let mut parts: BTreeMap<(PartitionKey, Option<Topic>), Vec<RecordBatch>> = BTreeMap::new();
    for chunk in pending {
        let covered = covered_by(&handle, &transaction_id(chunk.partition)).await?;
        if covered >= chunk.next {
            continue;
        }
        next.insert(chunk.partition, chunk.next);
        for (_, rows) in chunk.rows.tables.iter().filter(|(table, _)| *table == name) {
            // Files of silver.events hold one topic each: transactions are few and asked for by themselves.
            let topic = (name == TableName::SilverEvents).then_some(chunk.partition.topic);
            for (key, batch) in not_below(rows, covered)?.as_ref().unwrap_or(rows).split()? {
                parts.entry((key, topic)).or_default().push(batch);
            }
        }
    }
    if next.is_empty() || (parts.is_empty() && name != TableName::BronzeEvents) {
        return Ok(None);
    }
    let schema = table_schema(&name)
        .ok_or_else(|| LakeError::Inconsistent(format!("`{name}` is no append table")))?;
    handle.create(&schema).await?;
    let files = parts
        .into_iter()
        .map(|((key, _), batches)| NewFile {
            key,
            batches,
            data_change: true,
        })
        .collect();
    let adds = handle.write_files(files).await?;
    let transactions = next
        .into_iter()
        .map(|(partition, offset)| {
            (
                transaction_id(partition),
                i64::try_from(offset).unwrap_or(i64::MAX),
            )
        })
        .collect();
    Ok(Some(Prepared {
        handle,
        adds,
        transactions,
    }))
}

/// The rows at or above an offset, `None` when that is all of them.
fn not_below(rows: &TableRows, covered: Offset) -> Result<Option<TableRows>> {
    if covered == 0 || rows.is_empty() {
        return Ok(None);
    }
    let Some(offsets) = rows.batch.column_by_name("offset") else {
        return Ok(None);
    };
    let covered = i64::try_from(covered).unwrap_or(i64::MAX);
    let offsets = offsets.as_primitive::<Int64Type>();
    if arrow::compute::min(offsets).is_none_or(|least| least >= covered) {
        return Ok(None);
    }
    let keep = gt_eq(offsets, &arrow::array::Int64Array::new_scalar(covered))
        .map_err(|e| LakeError::storage("dropping rows that were committed before", e))?;
    rows.filtered(&keep).map(Some)
}

fn sink_error(context: &str) -> impl FnOnce(LakeError) -> SinkError {
    let context = context.to_owned();
    move |source| SinkError {
        context,
        source: Box::new(source),
    }
}

impl Sink for LakeSink {
    fn tap(&self, partition: TopicPartition) -> Box<dyn Tap> {
        // Without the notes everything would be written again, so a tap that cannot read them asks for nothing to be
        // dropped here; the commit, which reads them again, drops it or fails.
        let covered = self.covered_by_tables(partition).unwrap_or_else(|error| {
            tracing::warn!(%partition, error = %Causes(&error), "offsets of the lake cannot be read yet");
            [0; 4]
        });
        Box::new(LakeTap::new(partition, covered))
    }

    fn covered(&self, partition: TopicPartition) -> Offset {
        if let Some(covered) = self.covered.lock().get(&partition) {
            return *covered;
        }
        match self.covered_by_tables(partition) {
            Ok([_, _, _, bronze]) => {
                self.covered.lock().insert(partition, bronze);
                bronze
            }
            Err(error) => {
                tracing::warn!(%partition, error = %Causes(&error), "offsets of the lake cannot be read yet");
                0
            }
        }
    }

    fn reached(&self, partition: TopicPartition) -> Result<Offset, SinkError> {
        let covered = self.covered_by_tables(partition);
        covered
            .map(|tables| tables.into_iter().max().unwrap_or(0))
            .map_err(sink_error(
                "reading how far the tables of the lake have come",
            ))
    }

    fn commit(&self, chunks: Vec<Chunk>) -> Result<(), SinkError> {
        let mut pending = self.pending.lock();
        for chunk in chunks {
            let rows = chunk
                .rows
                .downcast::<Result<ChunkRows>>()
                .map_err(|_| SinkError {
                    context: format!("rows of {}", chunk.partition),
                    source: "the chunk does not come from a tap of the lake".into(),
                })?;
            let rows = rows.map_err(sink_error(&format!("rows of {}", chunk.partition)))?;
            pending.push(Pending {
                partition: chunk.partition,
                next: chunk.next,
                rows,
            });
        }
        if pending.is_empty() {
            return Ok(());
        }
        self.lake
            .runtime()
            .block_on(self.commit_pending(&pending, &APPEND_TABLES))
            .map_err(sink_error("committing to the lake"))?;
        let mut covered = self.covered.lock();
        for chunk in pending.drain(..) {
            let known = covered.entry(chunk.partition).or_insert(0);
            *known = (*known).max(chunk.next);
        }
        Ok(())
    }

    fn upsert(&self, changes: &[&DerivedChange]) -> Result<(), SinkError> {
        self.lake
            .runtime()
            .block_on(crate::upsert::upsert(&self.lake, changes))
            .map_err(sink_error(
                "updating orders, sessions and carts of the lake",
            ))
    }
}

#[cfg(test)]
#[path = "sink_tests.rs"]
mod tests;
