//! Bronze read back as the records it was made of, in the order of their partition: for replays and for proof.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt as _;
use hashbrown::HashMap;
use tradewind_journal::{Record, RecordKind};
use tradewind_model::{Decoder, FormatHash, Micros, RejectCode, StoreId, Topic, TopicPartition};

use crate::error::{LakeError, Result};
use crate::lake::Lake;
use crate::layout::TableName;

/// Knows the definitions of record formats; the journal does.
pub trait FormatSource: Send + Sync {
    /// The definition of a format, `None` when it is unknown.
    fn definition(&self, hash: FormatHash) -> Option<String>;
}

/// Decoders by format, each made once.
#[derive(Default)]
pub(crate) struct Decoders(HashMap<FormatHash, Decoder>);

impl Decoders {
    pub(crate) fn get(&mut self, hash: FormatHash, formats: &dyn FormatSource) -> Result<&Decoder> {
        if !self.0.contains_key(&hash) {
            let definition = formats.definition(hash).ok_or_else(|| {
                LakeError::Inconsistent(format!(
                    "bronze names record format {hash}, which nothing defines"
                ))
            })?;
            let decoder = Decoder::from_definition(&definition).map_err(|e| {
                LakeError::storage(format!("making a decoder of record format {hash}"), e)
            })?;
            self.0.insert(hash, decoder);
        }
        self.0
            .get(&hash)
            .ok_or_else(|| LakeError::Inconsistent(format!("record format {hash} is unknown")))
    }
}

/// The records of one partition, batch by batch in the order of their offsets.
pub struct BronzeRecords {
    partition: TopicPartition,
    stream: SendableRecordBatchStream,
}

/// Some records of a partition.
pub struct BronzeBatch {
    batch: RecordBatch,
    stores: BTreeMap<String, StoreId>,
}

/// What bronze knows of a record, and the verdict on those that quarantine holds: some were refused for what the bytes alone do
/// not tell, such as their size.
const RECORDS: &str = "SELECT b.store_id, b.\"offset\", b.received_at, b.source, b.position, b.format, b.event_id, b.raw, q.code, q.message
 FROM (SELECT * FROM bronze.events WHERE $here) b
 LEFT JOIN (SELECT \"offset\", code, message FROM bronze.quarantine WHERE $here) q ON q.\"offset\" = b.\"offset\"
 ORDER BY b.\"offset\"";

impl Lake {
    /// The partitions bronze has records of, of one store or of all.
    ///
    /// # Errors
    /// [`LakeError`] when bronze cannot be read.
    pub async fn bronze_partitions(&self, store: Option<&StoreId>) -> Result<Vec<TopicPartition>> {
        let filter = store
            .map(|s| format!("WHERE store_id = '{s}'"))
            .unwrap_or_default();
        let sql = format!(
            "SELECT DISTINCT topic, partition FROM bronze.events {filter} ORDER BY topic, partition"
        );
        let mut found = Vec::new();
        for batch in self.ask(&[TableName::BronzeEvents], &sql).await? {
            let (topics, partitions) = (
                batch.column(0).as_string::<i32>(),
                batch.column(1).as_primitive::<Int32Type>(),
            );
            for row in 0..batch.num_rows() {
                let topic = Topic::ALL
                    .into_iter()
                    .find(|t| t.name() == topics.value(row));
                let partition = u16::try_from(partitions.value(row)).ok();
                if let (Some(topic), Some(partition)) = (topic, partition) {
                    found.push(TopicPartition::new(topic, partition));
                }
            }
        }
        found.sort();
        Ok(found)
    }

    /// The records of a partition, of one store or of all.
    ///
    /// # Errors
    /// [`LakeError`] when bronze cannot be read.
    pub async fn bronze(
        &self,
        partition: TopicPartition,
        store: Option<&StoreId>,
    ) -> Result<BronzeRecords> {
        let wrong = |e| LakeError::query(format!("reading bronze of {partition}"), e);
        let of_store = store
            .map(|s| format!(" AND store_id = '{s}'"))
            .unwrap_or_default();
        let here = format!(
            "topic = '{}' AND partition = {}{of_store}",
            partition.topic, partition.partition
        );
        let sql = RECORDS.replace("$here", &here);
        let context = self
            .query_session(&[TableName::BronzeEvents, TableName::BronzeQuarantine])
            .await?;
        let stream = context
            .sql(&sql)
            .await
            .map_err(wrong)?
            .execute_stream()
            .await
            .map_err(wrong)?;
        Ok(BronzeRecords { partition, stream })
    }

    /// Runs a query of the lake's own over some tables.
    pub(crate) async fn ask(&self, tables: &[TableName], sql: &str) -> Result<Vec<RecordBatch>> {
        let wrong = |e| LakeError::query("asking the lake", e);
        let context = self.query_session(tables).await?;
        context
            .sql(sql)
            .await
            .map_err(wrong)?
            .collect()
            .await
            .map_err(wrong)
    }
}

impl BronzeRecords {
    /// The next records, `None` after the last.
    ///
    /// # Errors
    /// [`LakeError`] when they cannot be read or name an impossible store.
    pub async fn next(&mut self) -> Result<Option<BronzeBatch>> {
        let Some(batch) = self.stream.next().await else {
            return Ok(None);
        };
        let batch = batch
            .map_err(|e| LakeError::query(format!("reading bronze of {}", self.partition), e))?;
        let mut stores = BTreeMap::new();
        for id in batch.column(0).as_string::<i32>().iter().flatten() {
            if !stores.contains_key(id) {
                let store =
                    StoreId::new(id).map_err(|e| LakeError::storage("reading bronze", e))?;
                stores.insert(id.to_owned(), store);
            }
        }
        Ok(Some(BronzeBatch { batch, stores }))
    }
}

impl BronzeBatch {
    /// The records; those in quarantine are [`RecordKind::Rejected`].
    pub fn records(&self) -> impl Iterator<Item = Record<'_>> {
        let column = |i: usize| self.batch.column(i);
        let stores = column(0).as_string::<i32>();
        let offsets = column(1).as_primitive::<Int64Type>();
        let received = column(2).as_primitive::<TimestampMicrosecondType>();
        let sources = column(3).as_string::<i32>();
        let positions = column(4).as_primitive::<Int64Type>();
        let formats = column(5).as_string::<i32>();
        let ids = column(6).as_string::<i32>();
        let raws = column(7).as_binary::<i32>();
        let codes = column(8).as_string::<i32>();
        let messages = column(9).as_string::<i32>();
        (0..self.batch.num_rows()).filter_map(move |row| {
            Some(Record {
                offset: u64::try_from(offsets.value(row)).ok()?,
                kind: if codes.is_null(row) {
                    RecordKind::Original
                } else {
                    RecordKind::Rejected {
                        code: RejectCode::from_name(codes.value(row))
                            .unwrap_or(RejectCode::Malformed),
                        message: messages.value(row),
                    }
                },
                store: self.stores.get(stores.value(row))?,
                source: sources.value(row),
                position: u64::try_from(positions.value(row)).ok()?,
                format: FormatHash(u128::from_str_radix(formats.value(row), 16).ok()?),
                received_at: Micros(received.value(row)),
                event_id: if ids.is_null(row) { "" } else { ids.value(row) },
                raw: raws.value(row),
            })
        })
    }
}
