//! Which rows of a batch belong to which lake partition (store, local date).

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::SchemaRef;
use hashbrown::HashMap;
use tradewind_model::{Date, StoreId};

use crate::error::{LakeError, Result};

/// One partition of a lake table.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartitionKey {
    /// The store.
    pub store: StoreId,
    /// The date in the store's zone.
    pub date: Date,
}

/// Numbers the partitions of rows as they come.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    keys: Vec<PartitionKey>,
    numbers: HashMap<PartitionKey, u32, foldhash::fast::RandomState>,
    of_row: Vec<u32>,
}

impl Groups {
    /// Notes the partition of the next row and gives the row's number.
    pub(crate) fn push(&mut self, store: &StoreId, date: Date) -> usize {
        let same = |key: &PartitionKey| key.date == date && key.store == *store;
        let number = match self.of_row.last() {
            Some(&last) if self.keys.get(last as usize).is_some_and(same) => last,
            _ => self.number(store, date),
        };
        self.of_row.push(number);
        self.of_row.len() - 1
    }

    fn number(&mut self, store: &StoreId, date: Date) -> u32 {
        let key = PartitionKey {
            store: store.clone(),
            date,
        };
        if let Some(number) = self.numbers.get(&key) {
            return *number;
        }
        let number = u32::try_from(self.keys.len()).unwrap_or(u32::MAX);
        self.keys.push(key.clone());
        self.numbers.insert(key, number);
        number
    }

    pub(crate) fn rows(&self) -> usize {
        self.of_row.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.of_row.len() * 4 + self.keys.len() * 96
    }

    /// The rows with their columns; everything is empty afterwards.
    pub(crate) fn finish(
        &mut self,
        schema: &SchemaRef,
        columns: Vec<ArrayRef>,
    ) -> Result<TableRows> {
        let batch = RecordBatch::try_new(Arc::clone(schema), columns)
            .map_err(|e| LakeError::storage("building a batch of rows", e))?;
        self.numbers.clear();
        Ok(TableRows {
            batch,
            keys: std::mem::take(&mut self.keys),
            of_row: std::mem::take(&mut self.of_row),
        })
    }
}

/// Rows for one table, without the partition columns, and the partition of each.
#[derive(Debug)]
pub(crate) struct TableRows {
    pub(crate) batch: RecordBatch,
    keys: Vec<PartitionKey>,
    of_row: Vec<u32>,
}

impl TableRows {
    pub(crate) fn is_empty(&self) -> bool {
        self.batch.num_rows() == 0
    }

    /// The rows of each partition, in their order.
    pub(crate) fn split(&self) -> Result<Vec<(PartitionKey, RecordBatch)>> {
        if let [only] = self.keys.as_slice() {
            return Ok(vec![(only.clone(), self.batch.clone())]);
        }
        let mut rows: Vec<Vec<u32>> = vec![Vec::new(); self.keys.len()];
        for (row, group) in self.of_row.iter().enumerate() {
            rows[*group as usize].push(u32::try_from(row).unwrap_or(u32::MAX));
        }
        self.keys
            .iter()
            .zip(rows)
            .filter(|(_, rows)| !rows.is_empty())
            .map(|(key, rows)| {
                let part = take_record_batch(&self.batch, &UInt32Array::from(rows))
                    .map_err(|e| LakeError::storage("splitting rows by store and date", e))?;
                Ok((key.clone(), part))
            })
            .collect()
    }

    /// Only the rows for which `keep` is true.
    pub(crate) fn filtered(&self, keep: &arrow::array::BooleanArray) -> Result<Self> {
        let batch = arrow::compute::filter_record_batch(&self.batch, keep)
            .map_err(|e| LakeError::storage("dropping rows that were committed before", e))?;
        let of_row = self
            .of_row
            .iter()
            .zip(keep.values().iter())
            .filter(|(_, k)| *k)
            .map(|(g, _)| *g)
            .collect();
        Ok(Self {
            batch,
            keys: self.keys.clone(),
            of_row,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{AsArray, Int64Array};
    use arrow::datatypes::{DataType, Field, Int64Type, Schema};

    #[test]
    fn rows_are_split_by_store_and_date() {
        let (a, b) = (StoreId::new("a").unwrap(), StoreId::new("b").unwrap());
        let mut groups = Groups::default();
        for (store, date) in [(&a, 1), (&b, 1), (&a, 1), (&a, 2), (&b, 1)] {
            groups.push(store, Date(date));
        }
        let schema: SchemaRef = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, true)]));
        let rows = groups
            .finish(
                &schema,
                vec![Arc::new(Int64Array::from(vec![0, 1, 2, 3, 4]))],
            )
            .unwrap();
        let split: Vec<_> = rows
            .split()
            .unwrap()
            .into_iter()
            .map(|(k, b)| {
                (
                    k.store.to_string(),
                    k.date.0,
                    b.column(0).as_primitive::<Int64Type>().values().to_vec(),
                )
            })
            .collect();
        assert_eq!(
            split,
            [
                ("a".to_owned(), 1, vec![0, 2]),
                ("b".to_owned(), 1, vec![1, 4]),
                ("a".to_owned(), 2, vec![3])
            ]
        );
        assert_eq!(groups.rows(), 0);
    }
}
