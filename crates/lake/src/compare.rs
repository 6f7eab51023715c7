//! Two versions of the same tables held against each other: the lake as it is, and as a replay gives it.

use std::collections::BTreeSet;

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use tradewind_model::StoreId;

use crate::error::{LakeError, Result};
use crate::files::read_file;
use crate::groups::PartitionKey;
use crate::lake::Lake;
use crate::layout::TableName;
use crate::verify::Difference;

impl Lake {
    /// Where the upserted silver tables and gold of a store differ from those of another lake, such as
    /// [`crate::Replay::staged`] after its pipeline ran: the live operators against a recomputation from bronze.
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
        let derived = [
            TableName::SilverOrders,
            TableName::SilverSessions,
            TableName::SilverCarts,
        ];
        let gold = self.gold.names().map(|n| TableName::Gold(n.to_owned()));
        for table in derived.into_iter().chain(gold) {
            let mut days: BTreeSet<PartitionKey> = BTreeSet::new();
            for lake in [self, recomputed] {
                let partitions = lake.handle(&table).partitions().await?;
                days.extend(partitions.into_iter().filter(|key| key.store == *store));
            }
            for key in days {
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

    /// The rows of a day as sorted text.
    async fn day(&self, table: &TableName, key: &PartitionKey) -> Result<Vec<String>> {
        let handle = self.handle(table);
        let store = handle.store()?;
        let mut batches = Vec::new();
        for file in handle.files_in(key).await? {
            batches.extend(read_file(store.as_ref(), &file.location()?, None).await?);
        }
        rows_as_text(&batches)
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
