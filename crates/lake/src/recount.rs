//! Bronze counted again as the stream went through it, and days boiled down to sums that equal rows share.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array as _, AsArray, RecordBatch};
use arrow::datatypes::{Date32Type, Int32Type, Int64Type, TimestampMicrosecondType};
use tradewind_journal::{Record, RecordKind};
use tradewind_model::validate::Envelope;
use tradewind_model::{
    Date, Event, FormatHash, Micros, Store, StoreDirectory, StoreId, Topic, TopicPartition,
};
use tradewind_stream::seen::{DedupWindow, SeenIds};

use crate::bronze::{Decoders, FormatSource};
use crate::error::{LakeError, Result};
use crate::groups::PartitionKey;

/// A day of a store boiled down: equal rows give equal sums, whatever their order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Digest {
    pub(crate) events: u64,
    pub(crate) hash: u128,
    pub(crate) lines: u64,
    pub(crate) line_total: i128,
}

impl Digest {
    #[allow(
        clippy::too_many_arguments,
        reason = "the fields that make an event the one it is"
    )]
    fn add_event(
        &mut self,
        at: TopicPartition,
        offset: i64,
        id: &str,
        kind: &str,
        time: i64,
        hour: i32,
        visitor: Option<&str>,
    ) {
        let text = format!("{at}\0{offset}\0{id}\0{kind}\0{time}\0{hour}\0{visitor:?}");
        self.events += 1;
        self.hash = self.hash.wrapping_add(FormatHash::of(&text).0);
    }
}

/// Goes through bronze as the stream did: the same de-duplication in the same order.
pub(crate) struct Recount<'s> {
    pub(crate) partition: TopicPartition,
    pub(crate) stores: &'s dyn StoreDirectory,
    pub(crate) dedup: DedupWindow,
    pub(crate) known: BTreeMap<StoreId, (Arc<Store>, SeenIds, Micros)>,
    pub(crate) days: &'s mut BTreeMap<PartitionKey, Digest>,
    pub(crate) records: u64,
    pub(crate) duplicates: u64,
    pub(crate) quarantined: u64,
    pub(crate) last: Option<u64>,
    pub(crate) repeated: u64,
}

impl Recount<'_> {
    pub(crate) fn record(
        &mut self,
        record: &Record<'_>,
        decoders: &mut Decoders,
        formats: &dyn FormatSource,
    ) -> Result<()> {
        self.records += 1;
        if self.last.is_some_and(|last| record.offset <= last) {
            self.repeated += 1;
        }
        self.last = Some(record.offset);
        let (stores, window) = (self.stores, self.dedup);
        let (store, seen, watermark) =
            self.known.entry(record.store.clone()).or_insert_with(|| {
                let store = stores
                    .store(record.store)
                    .unwrap_or_else(|| Arc::new(Store::new(record.store.clone())));
                (store, SeenIds::new(window), Micros(i64::MIN))
            });
        if matches!(record.kind, RecordKind::Rejected { .. }) {
            self.quarantined += 1;
            return Ok(());
        }
        let decoder = decoders.get(record.format, formats)?;
        let envelope = Envelope {
            received_at: record.received_at,
            event_id: record.event_id,
        };
        let Ok(event) = decoder.decode(record.raw, &envelope, store) else {
            self.quarantined += 1;
            return Ok(());
        };
        if !seen.insert(&event.event_id, event.time) {
            self.duplicates += 1;
            return Ok(());
        }
        let until = event.time.min(record.received_at);
        if until > *watermark {
            *watermark = until;
            seen.advance(until);
        }
        let key = PartitionKey {
            store: record.store.clone(),
            date: store.zone.date(event.time),
        };
        let hour = i32::from(store.zone.hour(event.time));
        digest_event(
            self.days.entry(key).or_default(),
            self.partition,
            record,
            &event,
            hour,
        );
        Ok(())
    }
}

fn digest_event(
    digest: &mut Digest,
    at: TopicPartition,
    record: &Record<'_>,
    event: &Event<'_>,
    hour: i32,
) {
    let offset = i64::try_from(record.offset).unwrap_or(i64::MAX);
    digest.add_event(
        at,
        offset,
        &event.event_id,
        event.event_type.name(),
        event.time.0,
        hour,
        event.visitor(),
    );
    for product in &event.products {
        digest.lines += 1;
        digest.line_total += i128::from(product.line_total().raw());
    }
}

/// The store and date in the first two columns of a row.
pub(crate) fn key_of(batch: &RecordBatch, row: usize) -> Result<PartitionKey> {
    let store = batch.column(0).as_string::<i32>().value(row);
    Ok(PartitionKey {
        store: StoreId::new(store).map_err(|e| LakeError::storage("reading silver", e))?,
        date: Date(batch.column(1).as_primitive::<Date32Type>().value(row)),
    })
}

/// Adds rows of `silver.events` to the digests of their days.
pub(crate) fn digest_events(
    batch: &RecordBatch,
    digests: &mut BTreeMap<PartitionKey, Digest>,
) -> Result<()> {
    let text = |i: usize| batch.column(i).as_string::<i32>();
    let (topics, ids, kinds, visitors) = (text(2), text(5), text(6), text(9));
    let partitions = batch.column(3).as_primitive::<Int32Type>();
    let offsets = batch.column(4).as_primitive::<Int64Type>();
    let times = batch.column(7).as_primitive::<TimestampMicrosecondType>();
    let hours = batch.column(8).as_primitive::<Int32Type>();
    for row in 0..batch.num_rows() {
        let topic = Topic::ALL
            .into_iter()
            .find(|t| t.name() == topics.value(row))
            .ok_or_else(|| {
                LakeError::Inconsistent(format!("silver names a topic `{}`", topics.value(row)))
            })?;
        let at = TopicPartition::new(
            topic,
            u16::try_from(partitions.value(row)).unwrap_or(u16::MAX),
        );
        let visitor = visitors.is_valid(row).then(|| visitors.value(row));
        digests.entry(key_of(batch, row)?).or_default().add_event(
            at,
            offsets.value(row),
            ids.value(row),
            kinds.value(row),
            times.value(row),
            hours.value(row),
            visitor,
        );
    }
    Ok(())
}
