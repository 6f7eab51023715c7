//! The runtime with a real log: drained, crashed, restarted; rows reach the sink once.

use std::any::Any;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tradewind_journal::{
    Append, BlockBuilder, EmbeddedJournal, EmbeddedOptions, Journal, NewRecord, Record, RecordKind,
    RetentionPolicy,
};
use tradewind_model::{
    Date, Decoder, Micros, Offset, RejectCode, Store, StoreDirectory, StoreId, Topic,
    TopicPartition,
};

use crate::live::LiveHub;
use crate::merge;
use crate::rows::DerivedChange;
use crate::runtime::{Runtime, RuntimeConfig, RuntimeParts};
use crate::sink::{Chunk, Outcome, Sink, SinkError, Tap};

const TP: TopicPartition = TopicPartition::new(Topic::UserEvents, 0);

struct OneStore(Arc<Store>);

impl StoreDirectory for OneStore {
    fn store(&self, id: &StoreId) -> Option<Arc<Store>> {
        (*id == self.0.store_id).then(|| Arc::clone(&self.0))
    }
    fn stores(&self) -> Vec<Arc<Store>> {
        vec![Arc::clone(&self.0)]
    }
}

/// A sink that behaves like the lake: it keeps rows with the offset they cover and drops what it has.
#[derive(Default)]
struct MemorySink {
    rows: Mutex<BTreeMap<TopicPartition, (Offset, Vec<String>)>>,
    derived: Mutex<BTreeMap<(String, String), bool>>,
    /// How many commits fail before one works.
    failures: AtomicU32,
    /// A day whose rows it does not take.
    refused: Mutex<Option<Date>>,
    kept: Mutex<Vec<Chunk>>,
}

struct MemoryTap {
    covered: Offset,
    rows: Vec<String>,
}

impl Tap for MemoryTap {
    fn record(&mut self, _: &Arc<Store>, record: &Record<'_>, outcome: &Outcome<'_, '_>) {
        if record.offset >= self.covered {
            let what = match outcome {
                Outcome::Silver { event, .. } => format!("silver {}", event.event_id),
                Outcome::Duplicate { event } => format!("duplicate {}", event.event_id),
                Outcome::Quarantined { code, .. } => format!("quarantine {code}"),
            };
            self.rows.push(what);
        }
    }
    fn take(&mut self) -> Box<dyn Any + Send> {
        Box::new(std::mem::take(&mut self.rows))
    }
    fn buffered_bytes(&self) -> usize {
        self.rows.len() * 100
    }
}

impl Sink for MemorySink {
    fn tap(&self, partition: TopicPartition) -> Box<dyn Tap> {
        Box::new(MemoryTap {
            covered: self.covered(partition),
            rows: Vec::new(),
        })
    }
    fn covered(&self, partition: TopicPartition) -> Offset {
        self.rows
            .lock()
            .get(&partition)
            .map_or(0, |(next, _)| *next)
    }
    fn commit(&self, chunks: Vec<Chunk>) -> Result<(), SinkError> {
        let mut kept = self.kept.lock();
        kept.extend(chunks);
        if self.failures.load(Ordering::SeqCst) > 0 {
            self.failures.fetch_sub(1, Ordering::SeqCst);
            return Err(SinkError {
                context: "test".to_owned(),
                source: "the lake is away".into(),
            });
        }
        let mut rows = self.rows.lock();
        for chunk in kept.drain(..) {
            let entry = rows.entry(chunk.partition).or_default();
            entry.0 = chunk.next;
            entry
                .1
                .extend(*chunk.rows.downcast::<Vec<String>>().expect("own rows"));
        }
        Ok(())
    }
    fn upsert(&self, changes: &[&DerivedChange]) -> Result<(), SinkError> {
        let refused = *self.refused.lock();
        if changes.iter().any(|change| Some(change.date) == refused) {
            return Err(SinkError {
                context: "test".to_owned(),
                source: "a file of that day is damaged".into(),
            });
        }
        let mut derived = self.derived.lock();
        for change in changes {
            derived.insert(
                (format!("{:?}", change.table), change.key.clone()),
                change.row.is_some(),
            );
        }
        Ok(())
    }
}

struct World {
    parts: RuntimeParts,
    config: RuntimeConfig,
    sink: Arc<MemorySink>,
}

fn world(folder: &Path, sink: Arc<MemorySink>) -> World {
    let options = EmbeddedOptions {
        partitions: 2,
        reserve_bytes: 0,
        ..EmbeddedOptions::default()
    };
    let journal =
        Arc::new(EmbeddedJournal::open(&folder.join("journal"), &options).expect("journal"));
    let store = Arc::new(Store::new(StoreId::new("s").expect("id")));
    let mut config = RuntimeConfig::new(folder.join("state"));
    config.threads = 2;
    config.checkpoint_interval = Duration::from_millis(20);
    World {
        parts: RuntimeParts {
            journal,
            stores: Arc::new(OneStore(store)),
            sink: Arc::clone(&sink) as Arc<dyn Sink>,
            hub: Arc::new(LiveHub::default()),
        },
        config,
        sink,
    }
}

fn append(journal: &dyn Journal, ids: std::ops::Range<u32>) {
    let store = StoreId::new("s").expect("id");
    let format = journal.put_format(Decoder::JSON).expect("format");
    let mut block = BlockBuilder::default();
    for id in ids {
        let raw = format!(
            r#"{{"type":"product_viewed","event_id":"e{id}","time":{},"anonymous_id":"v{}","product":{{"product_id":"p"}}}}"#,
            1_700_000_000_000_i64 + i64::from(id) * 1_000,
            id % 10
        );
        block.push(&NewRecord {
            kind: RecordKind::Original,
            store: &store,
            source: "test",
            position: 0,
            format,
            received_at: Micros(1_800_000_000_000_000),
            event_id: "",
            raw: raw.as_bytes(),
        });
    }
    block.push(&NewRecord {
        kind: RecordKind::Rejected {
            code: RejectCode::Malformed,
            message: "why",
        },
        store: &store,
        source: "test",
        position: 0,
        format,
        received_at: Micros(1_800_000_000_000_000),
        event_id: "",
        raw: b"broken",
    });
    journal
        .append(Append {
            blocks: vec![(TP, block)],
            progress: None,
        })
        .expect("append");
}

fn events(world: &World) -> (u64, u64) {
    let parts = world.parts.hub.read(&StoreId::new("s").expect("id"));
    let traffic = merge::traffic(&parts, (Micros(0), Micros(i64::MAX)));
    (traffic.events, traffic.visitors)
}

#[test]
fn s1_rows_and_views_are_once_across_crashes_and_a_failing_lake() {
    let folder = tempfile::tempdir().expect("folder");
    let sink = Arc::new(MemorySink::default());
    let mut sent = 0;
    for round in 0..6u32 {
        let world = world(folder.path(), Arc::clone(&sink));
        // What an earlier process's sink held in memory is gone with it.
        world.sink.kept.lock().clear();
        world.sink.failures.store(round % 3, Ordering::SeqCst);
        let runtime = Runtime::start(&world.parts, &world.config).expect("start");
        append(world.parts.journal.as_ref(), sent..sent + 50);
        // Ten of them again: duplicates.
        append(world.parts.journal.as_ref(), sent + 40..sent + 50);
        sent += 50;
        match round % 3 {
            // A crash at any moment: no last checkpoint.
            0 => {
                std::thread::sleep(Duration::from_millis(u64::from(round) * 7));
                drop(runtime);
            }
            1 => {
                runtime.drain().expect("drain");
                assert_eq!(events(&world), (u64::from(sent), 10));
                drop(runtime);
            }
            _ => runtime.shutdown().expect("shutdown"),
        }
    }
    sink.kept.lock().clear();
    let world = world(folder.path(), Arc::clone(&sink));
    let runtime = Runtime::start(&world.parts, &world.config).expect("start");
    runtime.drain().expect("drain");
    assert_eq!(events(&world), (300, 10));
    let rows = sink.rows.lock();
    let (next, rows) = &rows[&TP];
    assert_eq!(*next, 6 * 62);
    assert_eq!(rows.len(), 6 * 62, "every record once");
    let silver: std::collections::BTreeSet<&String> =
        rows.iter().filter(|r| r.starts_with("silver")).collect();
    assert_eq!(silver.len(), 300);
    assert_eq!(rows.iter().filter(|r| r.starts_with("silver")).count(), 300);
    assert_eq!(
        rows.iter().filter(|r| r.starts_with("duplicate")).count(),
        60
    );
    assert_eq!(
        rows.iter().filter(|r| r.starts_with("quarantine")).count(),
        12
    );
    assert_eq!(
        sink.derived.lock().len(),
        10,
        "one session for each visitor"
    );
}

#[test]
fn s1_a_day_the_lake_does_not_take_holds_no_other_up_and_comes_later() {
    let folder = tempfile::tempdir().expect("folder");
    let sink = Arc::new(MemorySink::default());
    let world = world(folder.path(), Arc::clone(&sink));
    let runtime = Runtime::start(&world.parts, &world.config).expect("start");
    let store = Store::new(StoreId::new("s").expect("id"));
    *sink.refused.lock() = Some(store.zone.date(Micros(1_700_000_000_000_000)));
    append(world.parts.journal.as_ref(), 0..10);
    append(world.parts.journal.as_ref(), 90_000..90_005);
    let error = runtime.drain().expect_err("one day is owed");
    assert!(error.to_string().contains("damaged"), "{error}");
    assert!(runtime.health().is_err(), "people are told");
    assert_eq!(runtime.failure(), None, "but it goes on");
    assert_eq!(sink.derived.lock().len(), 5, "the other day is there");
    *sink.refused.lock() = None;
    runtime.drain().expect("the day is taken now");
    assert_eq!(runtime.health(), Ok(()));
    assert_eq!(sink.derived.lock().len(), 15);
}

#[test]
fn s1_a_lost_checkpoint_is_told_when_the_journal_no_longer_has_everything() {
    let folder = tempfile::tempdir().expect("folder");
    let sink = Arc::new(MemorySink::default());
    let mut world = world(folder.path(), Arc::clone(&sink));
    let runtime = Runtime::start(&world.parts, &world.config).expect("start");
    append(world.parts.journal.as_ref(), 0..10);
    append(world.parts.journal.as_ref(), 10..20);
    // A shutdown need not read to the end; retention only takes what was read.
    runtime.drain().expect("drain");
    runtime.shutdown().expect("shutdown");
    let policy = RetentionPolicy {
        max_age: Some(Micros::SECOND),
        max_bytes: None,
    };
    let now = Micros(1_900_000_000_000_000);
    assert!(world.parts.journal.trim(&policy, now).expect("trim") > 0);
    std::fs::remove_dir_all(folder.path().join("state")).expect("the state is lost");
    let error = Runtime::start(&world.parts, &world.config)
        .err()
        .expect("told");
    assert!(error.to_string().contains("accept_lost_state"), "{error}");
    world.config.accept_lost_state = true;
    let runtime = Runtime::start(&world.parts, &world.config).expect("asked for");
    runtime.drain().expect("drain");
}

/// A shutdown ends soon and well while events go on coming: what operators owe the lake is in their state.
#[test]
fn a_shutdown_under_load_ends_well() {
    let folder = tempfile::tempdir().expect("folder");
    let sink = Arc::new(MemorySink::default());
    let world = world(folder.path(), Arc::clone(&sink));
    let runtime = Runtime::start(&world.parts, &world.config).expect("start");
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut next = 0;
            while !stop.load(Ordering::SeqCst) {
                append(world.parts.journal.as_ref(), next..next + 500);
                next += 500;
            }
        });
        std::thread::sleep(std::time::Duration::from_millis(300));
        let began = std::time::Instant::now();
        let ended = runtime.shutdown();
        stop.store(true, Ordering::SeqCst);
        ended.expect("shutdown");
        assert!(began.elapsed() < std::time::Duration::from_secs(20));
    });
}
