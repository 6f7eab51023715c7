//! A small shop for this crate's tests: events as records, through a tap, into a lake in a temporary folder.

use std::sync::Arc;

use arrow::array::RecordBatch;
use tradewind_journal::{Record, RecordKind};
use tradewind_model::validate::Envelope;
use tradewind_model::{
    Decoder, Event, FormatHash, Micros, Offset, RejectCode, Store, StoreId, StoreZone, Topic,
    TopicPartition,
};
use tradewind_stream::sink::{Chunk, LocalTime, Outcome, Sink, Tap};

use crate::{Lake, LakeOptions, LakeSink};

/// A lake in a temporary folder with a runtime of its own.
pub(crate) struct TestLake {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) runtime: tokio::runtime::Runtime,
    pub(crate) lake: Arc<Lake>,
    pub(crate) sink: LakeSink,
}

pub(crate) const USERS: TopicPartition = TopicPartition::new(Topic::UserEvents, 0);
pub(crate) const TRADES: TopicPartition = TopicPartition::new(Topic::Transactions, 0);

pub(crate) fn store() -> Arc<Store> {
    let mut store = Store::new(StoreId::new("harbour").unwrap());
    store.zone = StoreZone::new("Europe/Berlin").unwrap();
    Arc::new(store)
}

impl TestLake {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        Self::open(dir, runtime)
    }

    fn open(dir: tempfile::TempDir, runtime: tokio::runtime::Runtime) -> Self {
        let lake = runtime
            .block_on(Lake::open(
                dir.path(),
                runtime.handle().clone(),
                LakeOptions { partitions: 1 },
            ))
            .unwrap();
        let sink = LakeSink::new(Arc::clone(&lake));
        Self {
            dir,
            runtime,
            lake,
            sink,
        }
    }

    /// As after a crash: everything in memory is gone.
    pub(crate) fn reopened(self) -> Self {
        let Self {
            dir,
            runtime,
            lake,
            sink,
        } = self;
        drop((lake, sink));
        Self::open(dir, runtime)
    }

    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    pub(crate) fn sql(&self, sql: &str) -> Vec<RecordBatch> {
        self.runtime.block_on(async {
            let tables = self.lake.tables();
            let context = self.lake.query_session(&tables).await.unwrap();
            context.sql(sql).await.unwrap().collect().await.unwrap()
        })
    }

    pub(crate) fn table(&self, sql: &str) -> String {
        arrow::util::pretty::pretty_format_batches(&self.sql(sql))
            .unwrap()
            .to_string()
    }

    /// One number.
    pub(crate) fn count(&self, what: &str) -> i64 {
        use arrow::array::AsArray;
        let batches = self.sql(&format!("SELECT count(*) FROM {what}"));
        batches[0]
            .column(0)
            .as_primitive::<arrow::datatypes::Int64Type>()
            .value(0)
    }

    /// Sends JSON events, the first with offset `first`, through a tap and commits them.
    pub(crate) fn send(&self, at: TopicPartition, first: Offset, events: &[&str]) {
        let chunk = chunk(&mut *self.sink.tap(at), at, first, events);
        self.sink.commit(vec![chunk]).unwrap();
    }
}

/// Taps JSON events. `dup:` before one marks a duplicate, `bad:` something to be quarantined.
pub(crate) fn tap_events(tap: &mut dyn Tap, first: Offset, events: &[&str]) {
    let store = store();
    let decoder = Decoder::Json;
    for (i, text) in events.iter().enumerate() {
        let (kind, raw) = match text
            .split_once(':')
            .filter(|(k, _)| matches!(*k, "dup" | "bad"))
        {
            Some((kind, raw)) => (kind, raw),
            None => ("new", *text),
        };
        let received_at = Micros::parse_rfc3339("2026-11-21T23:30:00Z").unwrap();
        let given = format!("e{}", first + i as u64);
        let record = Record {
            offset: first + i as u64,
            kind: RecordKind::Original,
            store: &store.store_id,
            source: "http",
            position: i as u64,
            format: FormatHash::of(Decoder::JSON),
            received_at,
            event_id: &given,
            raw: raw.as_bytes(),
        };
        if kind == "bad" {
            tap.record(
                &store,
                &record,
                &Outcome::Quarantined {
                    code: RejectCode::Malformed,
                    message: "no",
                },
            );
            continue;
        }
        let envelope = Envelope {
            received_at,
            event_id: &given,
        };
        let event = decoder.decode(raw.as_bytes(), &envelope, &store).unwrap();
        let outcome = if kind == "dup" {
            Outcome::Duplicate { event: &event }
        } else {
            let local = LocalTime {
                date: store.zone.date(event.time),
                hour: store.zone.hour(event.time),
                weekday: store.zone.weekday(event.time),
            };
            Outcome::Silver {
                event: &event,
                local,
                late: false,
            }
        };
        tap.record(&store, &record, &outcome);
    }
}

pub(crate) fn chunk(
    tap: &mut dyn Tap,
    at: TopicPartition,
    first: Offset,
    events: &[&str],
) -> Chunk {
    tap_events(tap, first, events);
    Chunk {
        partition: at,
        next: first + events.len() as u64,
        rows: tap.take(),
    }
}

/// Taps one record as the stream does: decode, de-duplicate with `is_new`, hand over.
pub(crate) fn tap_record(
    tap: &mut dyn Tap,
    record: &Record<'_>,
    is_new: &mut dyn FnMut(&Event<'_>) -> bool,
) {
    let store = store();
    let envelope = Envelope {
        received_at: record.received_at,
        event_id: record.event_id,
    };
    match Decoder::Json.decode(record.raw, &envelope, &store) {
        Err(why) => tap.record(
            &store,
            record,
            &Outcome::Quarantined {
                code: why.code,
                message: &why.message,
            },
        ),
        Ok(event) if is_new(&event) => {
            let local = LocalTime {
                date: store.zone.date(event.time),
                hour: store.zone.hour(event.time),
                weekday: store.zone.weekday(event.time),
            };
            tap.record(
                &store,
                record,
                &Outcome::Silver {
                    event: &event,
                    local,
                    late: false,
                },
            );
        }
        Ok(event) => tap.record(&store, record, &Outcome::Duplicate { event: &event }),
    }
}

/// A product view at a time.
pub(crate) fn view(visitor: &str, product: &str, time: &str) -> String {
    format!(
        r#"{{"type":"product_viewed","anonymous_id":"{visitor}","time":"{time}","product":{{"product_id":"{product}","category":"a.b","brand":"Bo","price":"10.00"}}}}"#
    )
}
