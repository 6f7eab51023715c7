//! Two versions of the same tables held against each other: the lake as it is, and as a replay gives it.

use std::collections::BTreeSet;

use arrow::array::RecordBatch;
use arrow::row::{RowConverter, SortField};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use tradewind_model::StoreId;
use xxhash_rust::xxh3::xxh3_128;

use crate::error::{LakeError, Result};
use crate::files::read_rows;
use crate::groups::PartitionKey;
use crate::lake::Lake;
use crate::layout::TableName;
use crate::verify::Difference;

/// The most rows of a day that are held against each other one by one, to name one that differs.
const ROWS_AS_TEXT: usize = 50_000;

impl Lake {
    /// Where silver and gold of a store differ from those of another lake, such as [`crate::Replay::staged`] after its pipeline
    /// ran: the live operators against a recomputation from bronze, every column of every row.
    ///
    /// # Errors
    /// [`LakeError`] when a table cannot be read.
    pub async fn differences_to(
        &self,
        recomputed: &Self,
        store: &StoreId,
    ) -> Result<Vec<Difference>> {
        self.refresh_gold(usize::MAX).await?;
        recomputed.refresh_gold(usize::MAX).await?;
        let mut differences = Vec::new();
        for table in [TableName::SilverEvents, TableName::SilverLineItems] {
            for key in self.days_of(recomputed, &table, store).await? {
                let (have, want) = (
                    self.digest(&table, &key).await?,
                    recomputed.digest(&table, &key).await?,
                );
                if have == want {
                    continue;
                }
                let what = if have.rows.max(want.rows) <= ROWS_AS_TEXT {
                    let (have, want) = (
                        self.day(&table, &key).await?,
                        recomputed.day(&table, &key).await?,
                    );
                    first_difference(&want, &have)
                } else {
                    None
                };
                differences.push(Difference {
                    table: table.to_string(),
                    key: Some(key),
                    what: what.unwrap_or_else(|| {
                        format!(
                            "{} rows, {} by recomputing, and they are not the same",
                            have.rows, want.rows
                        )
                    }),
                });
            }
        }
        let derived = [
            TableName::SilverOrders,
            TableName::SilverSessions,
            TableName::SilverCarts,
        ];
        let gold = self.gold.names().map(|n| TableName::Gold(n.to_owned()));
        for table in derived.into_iter().chain(gold) {
            for key in self.days_of(recomputed, &table, store).await? {
                let (have, want) = (
                    self.day(&table, &key).await?,
                    recomputed.day(&table, &key).await?,
                );
                if let Some(what) = first_difference(&want, &have) {
                    differences.push(Difference {
                        table: table.to_string(),
                        key: Some(key),
                        what,
                    });
                }
            }
        }
        Ok(differences)
    }

    /// The days of a store that a table has rows of, in either lake.
    async fn days_of(
        &self,
        other: &Self,
        table: &TableName,
        store: &StoreId,
    ) -> Result<BTreeSet<PartitionKey>> {
        let mut days: BTreeSet<PartitionKey> = BTreeSet::new();
        for lake in [self, other] {
            let partitions = lake.handle(table).partitions().await?;
            days.extend(partitions.into_iter().filter(|key| key.store == *store));
        }
        Ok(days)
    }

    /// The rows of a day boiled down, file by file.
    async fn digest(&self, table: &TableName, key: &PartitionKey) -> Result<RowsDigest> {
        let handle = self.handle(table);
        let store = handle.store()?;
        let mut digest = RowsDigest::default();
        for file in handle.files_in(key).await? {
            for batch in read_rows(store.as_ref(), &file.location()?, table).await? {
                digest.add(&batch)?;
            }
        }
        Ok(digest)
    }

    /// The rows of a day as sorted text.
    async fn day(&self, table: &TableName, key: &PartitionKey) -> Result<Vec<String>> {
        let handle = self.handle(table);
        let store = handle.store()?;
        let mut batches = Vec::new();
        for file in handle.files_in(key).await? {
            batches.extend(read_rows(store.as_ref(), &file.location()?, table).await?);
        }
        rows_as_text(&batches)
    }
}

/// Rows boiled down: equal rows give equal sums, whatever their order and files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct RowsDigest {
    rows: usize,
    sum: u128,
}

impl RowsDigest {
    fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let wrong = |e| LakeError::storage("comparing rows", e);
        let fields = batch.schema_ref().fields().iter();
        let fields = fields
            .map(|f| SortField::new(f.data_type().clone()))
            .collect();
        let rows = RowConverter::new(fields)
            .and_then(|converter| converter.convert_columns(batch.columns()))
            .map_err(wrong)?;
        for row in &rows {
            self.sum = self.sum.wrapping_add(xxh3_128(row.as_ref()));
        }
        self.rows += batch.num_rows();
        Ok(())
    }
}

/// Rows as sorted text.
pub(crate) fn rows_as_text(batches: &[RecordBatch]) -> Result<Vec<String>> {
    let options = FormatOptions::default().with_null("NULL");
    let wrong = |e| LakeError::storage("comparing rows", e);
    let mut rows = Vec::new();
    for batch in batches {
        let columns = batch
            .columns()
            .iter()
            .map(|c| ArrayFormatter::try_new(c.as_ref(), &options))
            .collect::<std::result::Result<Vec<_>, _>>()
            .map_err(wrong)?;
        for row in 0..batch.num_rows() {
            let cells = columns
                .iter()
                .map(|c| c.value(row).try_to_string())
                .collect::<std::result::Result<Vec<_>, _>>()
                .map_err(wrong)?;
            rows.push(cells.join(" | "));
        }
    }
    rows.sort_unstable();
    Ok(rows)
}

pub(crate) fn first_difference(want: &[String], have: &[String]) -> Option<String> {
    if want == have {
        return None;
    }
    let (want_set, have_set): (BTreeSet<_>, BTreeSet<_>) =
        (want.iter().collect(), have.iter().collect());
    let missing = want_set.difference(&have_set).next();
    let extra = have_set.difference(&want_set).next();
    Some(match (missing, extra) {
        (Some(missing), Some(extra)) => format!("`{extra}` should be `{missing}`"),
        (Some(missing), None) => format!("lacks `{missing}`"),
        (None, Some(extra)) => format!("has `{extra}`, which it should not"),
        (None, None) => format!("{} rows, expected {}", have.len(), want.len()),
    })
}
