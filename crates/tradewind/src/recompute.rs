//! Decodes every record of bronze again and compares what comes out with silver and quarantine, record by record (L2, S1).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use futures::StreamExt as _;
use tradewind_journal::Journal;
use tradewind_model::validate::Envelope;
use tradewind_model::{Decoder, FormatHash, Micros, Store, StoreDirectory, StoreId};
use tradewind_query::{QueryLimits, Scope};
use xxhash_rust::xxh3::xxh3_128;

use crate::instance::Instance;

/// How many differences are told one by one.
const TOLD: usize = 20;

/// What the recomputation found.
#[derive(Debug, Default)]
pub struct Recomputed {
    pub bronze: u64,
    pub silver: u64,
    pub duplicates: u64,
    pub quarantine: u64,
    pub differences: Vec<String>,
}

impl Recomputed {
    fn differ(&mut self, text: impl FnOnce() -> String) {
        if self.differences.len() < TOLD {
            self.differences.push(text());
        }
    }
}

/// The place of a record: (topic, partition, offset).
type Place = (String, i32, i64);

/// What silver must hold of a record: event id, type, event time.
type Essence = (String, String, i64);

pub async fn recompute(instance: &Instance, only: Option<&StoreId>) -> Result<Recomputed> {
    let mut out = Recomputed::default();
    for store in instance.control.stores() {
        if only.is_none_or(|o| *o == store.store_id) {
            one_store(instance, &store, &mut out).await?;
        }
    }
    Ok(out)
}

async fn one_store(instance: &Instance, store: &Arc<Store>, out: &mut Recomputed) -> Result<()> {
    let mut silver: HashMap<Place, u128> = HashMap::new();
    let mut doubled = 0u64;
    scan(
        instance,
        store,
        "SELECT topic, partition, \"offset\", event_id, type, time FROM silver.events",
        |batch| {
            let (places, ids) = (Places::of(batch)?, Texts::of(batch, 3)?);
            let (types, times) = (
                Texts::of(batch, 4)?,
                batch
                    .column(5)
                    .as_primitive::<TimestampMicrosecondType>()
                    .clone(),
            );
            for i in 0..batch.num_rows() {
                let essence = (ids.at(i).to_owned(), types.at(i).to_owned(), times.value(i));
                doubled += u64::from(silver.insert(places.at(i), digest(&essence)).is_some());
            }
            Ok(())
        },
    )
    .await?;
    if doubled > 0 {
        out.differ(|| format!("store {}: {doubled} rows of silver.events stand for a record that has a row already (S1)", store.store_id));
    }
    let mut quarantine: HashSet<Place> = HashSet::new();
    scan(
        instance,
        store,
        "SELECT topic, partition, \"offset\" FROM bronze.quarantine",
        |batch| {
            let places = Places::of(batch)?;
            quarantine.extend((0..batch.num_rows()).map(|i| places.at(i)));
            Ok(())
        },
    )
    .await?;

    let mut decoders: HashMap<String, Arc<Decoder>> = HashMap::new();
    // The first record of an id in its partition is the event, as the operators saw it.
    let mut firsts: HashMap<(String, i32, u128), (i64, Essence)> = HashMap::new();
    let mut bronze = 0u64;
    let mut rejected = 0u64;
    let sql = "SELECT topic, partition, \"offset\", received_at, event_id, format, raw FROM bronze.events";
    scan(instance, store, sql, |batch| {
        let places = Places::of(batch)?;
        let received = batch.column(3).as_primitive::<TimestampMicrosecondType>().clone();
        let (ids, formats) = (Texts::of(batch, 4)?, Texts::of(batch, 5)?);
        let raw = arrow::compute::cast(batch.column(6), &arrow::datatypes::DataType::Binary)?;
        let raw = raw.as_binary::<i32>();
        for i in 0..batch.num_rows() {
            bronze += 1;
            let place = places.at(i);
            if quarantine.contains(&place) {
                rejected += 1;
                continue;
            }
            let decoder = match decoders.get(formats.at(i)) {
                Some(decoder) => Arc::clone(decoder),
                None => {
                    let decoder = decoder(instance, formats.at(i))?;
                    decoders.insert(formats.at(i).to_owned(), Arc::clone(&decoder));
                    decoder
                }
            };
            let envelope = Envelope { received_at: Micros(received.value(i)), event_id: ids.at(i) };
            match decoder.decode(raw.value(i), &envelope, store) {
                Err(rejection) => {
                    out.differ(|| format!("store {} {place:?}: bronze holds an item that is not valid and not in quarantine: {rejection}", store.store_id));
                }
                Ok(event) => {
                    let key = (place.0, place.1, xxh3_128(event.event_id.as_bytes()));
                    let essence = (event.event_id.to_string(), event.event_type.name().to_owned(), event.time.0);
                    let entry = firsts.entry(key).or_insert_with(|| (place.2, essence.clone()));
                    if place.2 < entry.0 {
                        *entry = (place.2, essence);
                    }
                }
            }
        }
        Ok(())
    })
    .await?;

    let events = firsts.len() as u64;
    for ((topic, partition, _), (offset, essence)) in firsts {
        let place = (topic, partition, offset);
        match silver.remove(&place) {
            None => out.differ(|| {
                format!(
                    "store {} {place:?}: event `{}` is in bronze but not in silver",
                    store.store_id, essence.0
                )
            }),
            Some(found) if found != digest(&essence) => {
                out.differ(|| format!("store {} {place:?}: silver differs from what bronze decodes to ({essence:?})", store.store_id));
            }
            Some(_) => {}
        }
    }
    if !silver.is_empty() {
        out.differ(|| {
            format!(
                "store {}: {} rows of silver.events have no event in bronze",
                store.store_id,
                silver.len()
            )
        });
    }
    if rejected != quarantine.len() as u64 {
        out.differ(|| {
            format!(
                "store {}: {} rows of quarantine, {rejected} of them in bronze",
                store.store_id,
                quarantine.len()
            )
        });
    }
    compare_counters(instance, store, bronze, out);
    out.bronze += bronze;
    out.silver += events;
    out.quarantine += rejected;
    out.duplicates += bronze.saturating_sub(events + rejected);
    Ok(())
}

/// The operators' own count of records must be bronze's.
fn compare_counters(instance: &Instance, store: &Store, bronze: u64, out: &mut Recomputed) {
    let parts = instance.hub.read(&store.store_id);
    let received: u64 = parts.iter().map(|p| p.progress.received).sum();
    let sum: u64 = parts
        .iter()
        .map(|p| p.progress.silver + p.progress.duplicates + p.progress.quarantined)
        .sum();
    if received != bronze || sum != bronze {
        out.differ(|| format!("store {}: bronze has {bronze} records, the operators count {received} ({sum} by kind) (L2)", store.store_id));
    }
}

fn digest(essence: &Essence) -> u128 {
    xxh3_128(format!("{}\0{}\0{}", essence.0, essence.1, essence.2).as_bytes())
}

fn decoder(instance: &Instance, format: &str) -> Result<Arc<Decoder>> {
    let hash = FormatHash(
        u128::from_str_radix(format, 16)
            .with_context(|| format!("`{format}` is no format hash"))?,
    );
    let Some(definition) = instance.journal.format(hash)? else {
        bail!("the journal has no definition of format {format}");
    };
    Ok(Arc::new(Decoder::from_definition(&definition)?))
}

async fn scan(
    instance: &Instance,
    store: &Store,
    sql: &str,
    mut each: impl FnMut(&RecordBatch) -> Result<()>,
) -> Result<()> {
    let scope = Scope::Stores(vec![store.store_id.clone()]);
    let limits = QueryLimits {
        timeout: std::time::Duration::from_secs(24 * 3600),
        max_rows: None,
    };
    let session = instance
        .query
        .session(scope)
        .await
        .map_err(|e| anyhow::anyhow!("{}", e.message))?;
    let mut batches = session
        .query(sql, &limits)
        .await
        .map_err(|e| anyhow::anyhow!("{}", e.message))?;
    while let Some(batch) = batches.next().await {
        each(&batch.map_err(|e| anyhow::anyhow!("{}", e.message))?)?;
    }
    Ok(())
}

/// The first three columns: topic, partition, offset.
struct Places {
    topics: arrow::array::ArrayRef,
    partitions: arrow::array::ArrayRef,
    offsets: arrow::array::ArrayRef,
}

impl Places {
    fn of(batch: &RecordBatch) -> Result<Self> {
        use arrow::datatypes::DataType;
        Ok(Self {
            topics: arrow::compute::cast(batch.column(0), &DataType::Utf8)?,
            partitions: arrow::compute::cast(batch.column(1), &DataType::Int32)?,
            offsets: arrow::compute::cast(batch.column(2), &DataType::Int64)?,
        })
    }

    fn at(&self, i: usize) -> Place {
        (
            self.topics.as_string::<i32>().value(i).to_owned(),
            self.partitions.as_primitive::<Int32Type>().value(i),
            self.offsets.as_primitive::<Int64Type>().value(i),
        )
    }
}

/// A text column; null is empty.
struct Texts(arrow::array::ArrayRef);

impl Texts {
    fn of(batch: &RecordBatch, column: usize) -> Result<Self> {
        Ok(Self(arrow::compute::cast(
            batch.column(column),
            &arrow::datatypes::DataType::Utf8,
        )?))
    }

    fn at(&self, i: usize) -> &str {
        if self.0.is_null(i) {
            ""
        } else {
            self.0.as_string::<i32>().value(i)
        }
    }
}
