//! The smallest parts, one figure each: decode by format, journal append and read, operators by event type, checkpoint.
//!
//! Run: `cargo bench -p tradewind-bench --features kernels`. The journal's folder stands in memory (/dev/shm) where there is one,
//! so that the figure is the work, not the disk.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use tradewind_bench::samples;
use tradewind_journal::{
    Append, BlockBuilder, EmbeddedJournal, EmbeddedOptions, Journal, NewRecord, ReadOutcome,
    Record, RecordKind,
};
use tradewind_model::mapping::{CsvDecoder, SHIPPED};
use tradewind_model::validate::Envelope;
use tradewind_model::{
    Clock as _, Decoder, Event, FormatHash, Micros, Store, StoreId, SystemClock, Topic,
    TopicPartition,
};
use tradewind_stream::checkpoint::{CheckpointStore as _, CheckpointWrite, Checkpoints};
use tradewind_stream::state::split_key;
use tradewind_stream::{OperatorConfig, StorePartition};

const LINES: usize = 10_000;

fn store(currency: &str) -> Arc<Store> {
    let mut store = Store::new(StoreId::new("bench").expect("a valid id"));
    store.currency = currency.to_owned();
    Arc::new(store)
}

fn record<'a>(store: &'a Store, raw: &'a str, received_at: Micros) -> Record<'a> {
    Record {
        offset: 0,
        kind: RecordKind::Original,
        store: &store.store_id,
        source: "bench",
        position: 0,
        format: FormatHash(0),
        received_at,
        event_id: "",
        raw: raw.as_bytes(),
    }
}

fn decode(c: &mut Criterion) {
    let mut group = c.benchmark_group("decode");
    let envelope = Envelope {
        received_at: SystemClock.now(),
        event_id: "0123456789abcdef-0",
    };
    let rees46 = SHIPPED
        .iter()
        .find(|(name, _)| *name == "rees46")
        .expect("the mapping ships")
        .1;
    let csv = Decoder::Csv(Box::new(
        CsvDecoder::new(rees46, samples::REES46_HEADER).expect("the mapping fits"),
    ));
    let mut inputs: Vec<(String, Decoder, Arc<Store>, Vec<String>)> = vec![(
        "csv_rees46".to_owned(),
        csv,
        store("USD"),
        samples::rees46(LINES),
    )];
    for name in samples::TYPES {
        inputs.push((
            format!("json_{name}"),
            Decoder::Json,
            store("EUR"),
            samples::lines(name, LINES),
        ));
    }
    for (name, decoder, store, lines) in inputs {
        group.throughput(Throughput::Elements(lines.len() as u64));
        group.bench_function(&name, |b| {
            b.iter(|| {
                for raw in &lines {
                    black_box(
                        decoder
                            .decode(raw.as_bytes(), &envelope, &store)
                            .expect("a valid line"),
                    );
                }
            });
        });
    }
    group.finish();
}

fn operators(c: &mut Criterion) {
    let mut group = c.benchmark_group("operators");
    let (store, received_at) = (store("EUR"), SystemClock.now());
    let envelope = Envelope {
        received_at,
        event_id: "",
    };
    for name in samples::TYPES {
        let lines = samples::lines(name, LINES);
        let events: Vec<Event<'_>> = lines
            .iter()
            .map(|raw| {
                Decoder::Json
                    .decode(raw.as_bytes(), &envelope, &store)
                    .expect("a valid line")
            })
            .collect();
        let partition = TopicPartition::new(events[0].event_type.topic(), 0);
        group.throughput(Throughput::Elements(LINES as u64));
        group.bench_function(name, |b| {
            b.iter_batched(
                || StorePartition::new(Arc::clone(&store), partition, OperatorConfig::default()),
                |mut state| {
                    for (raw, event) in lines.iter().zip(&events) {
                        black_box(state.apply(&record(&store, raw, received_at), event));
                    }
                    state
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

fn journal(c: &mut Criterion) {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() {
        tempfile::tempdir_in(memory)
    } else {
        tempfile::tempdir()
    }
    .expect("a folder");
    let journal =
        EmbeddedJournal::open(folder.path(), &EmbeddedOptions::default()).expect("a journal");
    let (store, received_at) = (store("EUR"), SystemClock.now());
    let lines = samples::lines("product_viewed", 500);
    let bytes: usize = lines.iter().map(String::len).sum();
    let partition = TopicPartition::new(Topic::UserEvents, 0);
    let block = || {
        let mut block = BlockBuilder::default();
        for (position, raw) in lines.iter().enumerate() {
            block.push(&NewRecord {
                kind: RecordKind::Original,
                store: &store.store_id,
                source: "bench",
                position: position as u64,
                format: FormatHash(0),
                received_at,
                event_id: "",
                raw: raw.as_bytes(),
            });
        }
        block
    };
    let mut group = c.benchmark_group("journal");
    group.throughput(Throughput::Bytes(bytes as u64));
    group.bench_function("encode_and_append_500", |b| {
        b.iter(|| {
            journal
                .append(Append {
                    blocks: vec![(partition, block())],
                    progress: None,
                })
                .expect("appended")
        });
    });
    group.bench_function("read_500", |b| {
        b.iter(|| match journal.read(partition, 0).expect("readable") {
            ReadOutcome::Block(block) => {
                black_box(block.records().map(|r| r.raw.len()).sum::<usize>())
            }
            other => panic!("no block: {other:?}"),
        });
    });
    group.finish();
}

/// What one barrier writes after 10,000 lines: the changed state of a partition, durable.
fn checkpoint(c: &mut Criterion) {
    let shared = Path::new("/dev/shm");
    let folder = if shared.is_dir() {
        tempfile::tempdir_in(shared)
    } else {
        tempfile::tempdir()
    }
    .expect("a folder");
    let checkpoints = Checkpoints::open(&folder.path().join("state")).expect("opens");
    let store = store("EUR");
    let lines = samples::lines("product_viewed", LINES);
    let envelope = Envelope {
        received_at: SystemClock.now(),
        event_id: "",
    };
    let partition = TopicPartition::new(Topic::UserEvents, 0);
    let empty = || StorePartition::new(Arc::clone(&store), partition, OperatorConfig::default());
    let changed = || {
        let mut state = empty();
        for line in &lines {
            let event = Decoder::Json
                .decode(line.as_bytes(), &envelope, &store)
                .expect("valid");
            state.apply(&record(&store, line, envelope.received_at), &event);
        }
        state
    };
    let cut = |mut state: StorePartition| {
        let mut rows = Vec::new();
        let entries = state.cut_all(&mut rows).entries;
        (entries, rows, state)
    };
    let mut group = c.benchmark_group("checkpoint");
    group.throughput(Throughput::Elements(LINES as u64));
    group.bench_function("cut_after_10000_lines", |b| {
        b.iter_batched(changed, cut, BatchSize::LargeInput);
    });
    let (state, pending, _) = cut(changed());
    let write = CheckpointWrite {
        state,
        offsets: vec![(partition, LINES as u64)],
        pending,
    };
    group.throughput(Throughput::Elements(write.state.len() as u64));
    group.bench_function("write_its_entries", |b| {
        b.iter(|| checkpoints.write(&write).expect("written"));
    });
    group.bench_function("restore_its_entries", |b| {
        b.iter(|| {
            let mut state = empty();
            checkpoints
                .load(partition, &mut |key, value| {
                    let (_, _, table, key) = split_key(key).expect("a state key");
                    state.restore(table, key, value).expect("restored");
                    Ok(())
                })
                .expect("loaded");
            state.restored();
            state
        });
    });
    group.finish();
}

criterion_group!(kernels, decode, operators, journal, checkpoint);
criterion_main!(kernels);
