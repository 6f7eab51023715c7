//! The smallest parts, one figure each: decode by format, journal append and read, all operators by event type, each operator alone,
//! checkpoint.
//!
//! Run: `cargo bench -p tradewind-bench --features kernels`. The journal's folder stands in memory (/dev/shm) where there is one,
//! so that the figure is the work, not the disk.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use criterion::measurement::WallTime;
use criterion::{
    BatchSize, BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main,
};
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
use tradewind_stream::names::{LineNames, Names};
use tradewind_stream::operators::carts::Carts;
use tradewind_stream::operators::sales::Orders;
use tradewind_stream::operators::sessions::Sessions;
use tradewind_stream::operators::{Facts, Surroundings, funnel, performance, traffic};
use tradewind_stream::panes::{Pane, Panes};
use tradewind_stream::seen::SeenIds;
use tradewind_stream::state::{StateTable, split_key};
use tradewind_stream::visitors::Visitors;
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
        .find(|shipped| shipped.name == "rees46")
        .expect("the mapping ships")
        .mapping;
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

/// Lines of several types in turn, as a shop has them.
fn mixed(names: &[&str]) -> Vec<String> {
    let mut by_type: Vec<_> = names
        .iter()
        .map(|name| samples::lines(name, LINES / names.len()).into_iter())
        .collect();
    let mut lines = Vec::with_capacity(LINES);
    for turn in 0..LINES {
        let from = turn % by_type.len();
        lines.extend(by_type[from].next());
    }
    lines
}

/// What an operator is given of an event, prepared once.
struct Prepared<'e> {
    event: &'e Event<'e>,
    is_copy: bool,
    visitor: Option<u32>,
    lines: Vec<LineNames>,
    city: Option<u32>,
}

impl Prepared<'_> {
    fn facts(&self) -> Facts<'_, '_> {
        Facts {
            event: self.event,
            is_copy: self.is_copy,
            repeats: false,
            visitor: self.visitor,
            lines: &self.lines,
            city: self.city,
        }
    }
}

/// One operator's work on ten thousand events, with new state each time.
fn alone<S>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    events: &[Prepared<'_>],
    new: impl Fn() -> S,
    mut apply: impl FnMut(&mut S, &Facts<'_, '_>),
) {
    group.throughput(Throughput::Elements(events.len() as u64));
    group.bench_function(name, |b| {
        b.iter_batched(
            &new,
            |mut state| {
                for event in events {
                    apply(&mut state, &event.facts());
                }
                state
            },
            BatchSize::LargeInput,
        );
    });
}

/// Each operator by itself on the events it is there for: visitors' events and copies of orders, or transactions.
fn each_operator(c: &mut Criterion) {
    let store = store("EUR");
    let envelope = Envelope {
        received_at: SystemClock.now(),
        event_id: "",
    };
    let decode = |lines: &'static [String]| -> Vec<Event<'static>> {
        let valid = |raw: &'static String| {
            Decoder::Json
                .decode(raw.as_bytes(), &envelope, &store)
                .expect("a valid line")
        };
        lines.iter().map(valid).collect()
    };
    let (mut names, mut visitors) = (Names::default(), Visitors::default());
    let mut prepare =
        |events: &'static [Event<'static>], of_visitors: bool| -> Vec<Prepared<'static>> {
            let of_event = |event: &'static Event<'static>| Prepared {
                event,
                is_copy: of_visitors && event.event_type.topic() == Topic::Transactions,
                visitor: event.visitor().map(|v| visitors.number(v)),
                lines: event.products.iter().map(|p| names.line(p)).collect(),
                city: names.city(&event.context),
            };
            events.iter().map(of_event).collect()
        };
    let kept = |names: &[&str]| -> &'static [Event<'static>] { decode(mixed(names).leak()).leak() };
    let of_visitors = prepare(
        kept(&[
            "page_viewed",
            "product_viewed",
            "product_added",
            "checkout_started",
            "order_completed",
        ]),
        true,
    );
    let of_orders = prepare(
        kept(&["order_completed", "payment_succeeded", "order_refunded"]),
        false,
    );
    let (user_events, transactions) = (
        TopicPartition::new(Topic::UserEvents, 0),
        TopicPartition::new(Topic::Transactions, 0),
    );
    let config = OperatorConfig::default();
    fn panes<P: Pane>(table: StateTable, store: &Store, config: &OperatorConfig) -> Panes<P> {
        Panes::new(table, store.zone, config.panes)
    }
    let mut group = c.benchmark_group("operator");
    alone(
        &mut group,
        "de_duplication",
        &of_visitors,
        || SeenIds::new(config.dedup),
        |seen, facts| {
            black_box(seen.insert(&facts.event.event_id, facts.event.time));
        },
    );
    alone(
        &mut group,
        "names_and_visitors",
        &of_visitors,
        || (Names::default(), Visitors::default()),
        |(names, visitors), facts| {
            for product in &facts.event.products {
                black_box(names.line(product));
            }
            black_box(facts.event.visitor().map(|v| visitors.number(v)));
        },
    );
    alone(
        &mut group,
        "traffic",
        &of_visitors,
        || panes(StateTable::TrafficPanes, &store, &config),
        traffic::apply,
    );
    alone(
        &mut group,
        "funnel",
        &of_visitors,
        || panes(StateTable::FunnelPanes, &store, &config),
        funnel::apply,
    );
    alone(
        &mut group,
        "performance",
        &of_visitors,
        || panes(StateTable::PerformancePanes, &store, &config),
        performance::apply,
    );
    let mut changes = Vec::new();
    alone(
        &mut group,
        "sessions",
        &of_visitors,
        || {
            Sessions::new(
                config.sessions,
                panes(StateTable::SessionPanes, &store, &config),
            )
        },
        |sessions, facts| {
            let mut around = Surroundings {
                store: &store,
                partition: user_events,
                changes: &mut changes,
            };
            sessions.apply(facts, &mut around);
            changes.clear();
        },
    );
    alone(
        &mut group,
        "carts",
        &of_visitors,
        || {
            Carts::new(
                config.cart_quiet,
                panes(StateTable::CartPanes, &store, &config),
            )
        },
        |carts, facts| {
            let mut around = Surroundings {
                store: &store,
                partition: user_events,
                changes: &mut changes,
            };
            carts.apply(facts, facts.event.time, &mut around);
            changes.clear();
        },
    );
    alone(
        &mut group,
        "orders_and_sales",
        &of_orders,
        || {
            (
                Orders::new(panes(StateTable::SalesPanes, &store, &config)),
                panes(StateTable::PerformancePanes, &store, &config),
            )
        },
        |(orders, performance), facts| {
            let mut around = Surroundings {
                store: &store,
                partition: transactions,
                changes: &mut changes,
            };
            orders.apply(facts, facts.event.time, performance, &mut around);
            changes.clear();
        },
    );
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
        EmbeddedJournal::open(&folder.path().join("journal"), &EmbeddedOptions::default())
            .expect("a journal");
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

criterion_group!(
    kernels,
    decode,
    operators,
    each_operator,
    journal,
    checkpoint
);
criterion_main!(kernels);
