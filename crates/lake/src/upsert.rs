//! Puts and removes rows of `silver.orders`, `silver.sessions` and `silver.carts` by key.
//!
//! Within an affected (store, date) only the files that hold a changed key are rewritten; one commit a table removes them and
//! adds one new file. Doing the same changes again gives the same rows.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use deltalake_core::kernel::{Add, Remove};
use futures::{StreamExt as _, TryStreamExt as _};
use hashbrown::HashMap;
use tradewind_stream::rows::{DerivedChange, DerivedRow, DerivedTable};

use crate::derived::{self, key_column, table_name};
use crate::error::{LakeError, Result};
use crate::files::{NewFile, read_file, read_rows};
use crate::groups::PartitionKey;
use crate::lake::Lake;
use crate::schema::table_schema;
use crate::table::{Commit, CommitKind, TableHandle};

type Changes<'c> = HashMap<&'c str, Option<&'c DerivedRow>>;

/// Partitions rewritten at the same time.
const AT_ONCE: usize = 2;

pub(crate) async fn upsert(lake: &Lake, changes: &[&DerivedChange]) -> Result<()> {
    let mut by_table: BTreeMap<DerivedTable, BTreeMap<PartitionKey, Changes<'_>>> = BTreeMap::new();
    for change in changes {
        let key = PartitionKey {
            store: change.store.clone(),
            date: change.date,
        };
        // The last change of a key wins.
        by_table
            .entry(change.table)
            .or_default()
            .entry(key)
            .or_default()
            .insert(&change.key, change.row.as_ref());
    }
    let tables = by_table.into_iter();
    // All are brought to their end, whatever becomes of the others.
    futures::future::join_all(tables.map(|(table, rows)| upsert_table(lake, table, rows)))
        .await
        .into_iter()
        .collect()
}

async fn upsert_table(
    lake: &Lake,
    table: DerivedTable,
    partitions: BTreeMap<PartitionKey, Changes<'_>>,
) -> Result<()> {
    let name = table_name(table);
    let handle = lake.handle(&name);
    let _writer = handle.writer().await;
    if handle.version().await?.is_none()
        && partitions
            .values()
            .all(|changes| changes.values().all(Option::is_none))
    {
        return Ok(());
    }
    let schema = table_schema(&name)
        .ok_or_else(|| LakeError::Inconsistent(format!("there is no table `{name}`")))?;
    handle.create(&schema).await?;
    let rewritten: Vec<(Vec<Add>, Vec<Remove>)> =
        futures::stream::iter(partitions.into_iter().map(|(key, changes)| {
            let handle = &handle;
            async move { rewrite(handle, table, key, &changes).await }
        }))
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    let (adds, removes): (Vec<_>, Vec<_>) = rewritten.into_iter().unzip();
    let (adds, removes) = (adds.concat(), removes.concat());
    if adds.is_empty() && removes.is_empty() {
        return Ok(());
    }
    handle
        .commit(Commit {
            kind: CommitKind::Replace,
            adds,
            removes,
            transactions: Vec::new(),
        })
        .await
}

async fn rewrite(
    handle: &TableHandle,
    table: DerivedTable,
    key: PartitionKey,
    changes: &Changes<'_>,
) -> Result<(Vec<Add>, Vec<Remove>)> {
    let store = handle.store()?;
    let column = key_column(table);
    let (mut batches, mut removes) = (Vec::new(), Vec::new());
    for file in handle.files_in(&key).await? {
        let path = file.location()?;
        let keys = read_file(store.as_ref(), &path, Some(&[column])).await?;
        if !keys.iter().any(|batch| touches(batch, changes)) {
            continue;
        }
        for batch in read_rows(store.as_ref(), &path, &handle.name).await? {
            let kept = keep_unchanged(&batch, column, changes)?;
            if kept.num_rows() > 0 {
                batches.push(kept);
            }
        }
        removes.push(file.remove(true));
    }
    let mut rows: Vec<(&str, &DerivedRow)> = changes
        .iter()
        .filter_map(|(key, row)| row.map(|row| (*key, row)))
        .collect();
    rows.sort_unstable_by_key(|(key, _)| *key);
    if !rows.is_empty() {
        batches.push(derived::batch(table, rows.into_iter().map(|(_, row)| row))?);
    }
    let adds = if batches.is_empty() {
        Vec::new()
    } else {
        handle
            .write_files(vec![NewFile {
                key,
                batches,
                data_change: true,
            }])
            .await?
    };
    Ok((adds, removes))
}

fn touches(keys: &RecordBatch, changes: &Changes<'_>) -> bool {
    keys.column(0)
        .as_string::<i32>()
        .iter()
        .flatten()
        .any(|key| changes.contains_key(key))
}

fn keep_unchanged(batch: &RecordBatch, column: &str, changes: &Changes<'_>) -> Result<RecordBatch> {
    let keys = batch
        .column_by_name(column)
        .ok_or_else(|| {
            LakeError::Inconsistent(format!("a data file lacks its key column `{column}`"))
        })?
        .as_string::<i32>();
    let keep: BooleanArray = (0..keys.len())
        .map(|i| Some(keys.is_null(i) || !changes.contains_key(keys.value(i))))
        .collect();
    filter_record_batch(batch, &keep).map_err(|e| LakeError::storage("dropping replaced rows", e))
}
