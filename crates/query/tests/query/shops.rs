//! Two shops with a few events each, in a lake in a temporary folder, and live tables of fixed rows.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use tradewind_journal::{Record, RecordKind};
use tradewind_lake::{Lake, LakeOptions, LakeSink};
use tradewind_model::validate::Envelope;
use tradewind_model::{
    Amount, Decoder, FormatHash, Micros, Quantity, RejectCode, Store, StoreId, StoreZone, Topic,
    TopicPartition,
};
use tradewind_query::{LiveTable, LiveTables, QueryEngine, QueryOptions, QueryResult, Scope};
use tradewind_stream::rows::{
    CartRow, CartStatus, DerivedChange, DerivedRow, DerivedTable, OrderRow, OrderStatus, SessionRow,
};
use tradewind_stream::sink::{Chunk, LocalTime, Outcome, Sink, Tap};

pub fn store_id(id: &str) -> StoreId {
    StoreId::new(id).unwrap()
}

pub fn harbour_scope() -> Scope {
    Scope::store(store_id("harbour"))
}

pub fn meadow_scope() -> Scope {
    Scope::store(store_id("meadow"))
}

fn store(id: &str) -> Arc<Store> {
    let mut store = Store::new(store_id(id));
    if id == "harbour" {
        store.zone = StoreZone::new("Europe/Berlin").unwrap();
        store.currency = "EUR".to_owned();
    }
    Arc::new(store)
}

/// The first column as text.
pub fn texts(result: &QueryResult) -> Vec<String> {
    result
        .batches
        .iter()
        .flat_map(|b| {
            let column = arrow::compute::cast(b.column(0), &DataType::Utf8).unwrap();
            column
                .as_string::<i32>()
                .iter()
                .map(|v| v.unwrap_or("NULL").to_owned())
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Live tables of fixed rows: one with a row for each of some stores, one of the installation.
pub struct Views(pub Vec<&'static str>);

fn overview() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("store_id", DataType::Utf8, true),
        Field::new("window", DataType::Utf8, true),
        Field::new("orders", DataType::Int64, true),
    ]))
}

fn partitions() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("topic", DataType::Utf8, true),
        Field::new("lag", DataType::Int64, true),
    ]))
}

impl LiveTables for Views {
    fn tables(&self) -> Vec<LiveTable> {
        vec![
            LiveTable {
                schema: "live",
                name: "overview".to_owned(),
                columns: overview(),
            },
            LiveTable {
                schema: "system",
                name: "partitions".to_owned(),
                columns: partitions(),
            },
        ]
    }

    fn scan(&self, schema: &str, table: &str, _: &Scope) -> Result<Vec<RecordBatch>, String> {
        // Rows of every store whatever the scope: the engine must leave the others out.
        let batch = match (schema, table) {
            ("live", "overview") => RecordBatch::try_new(
                overview(),
                vec![
                    Arc::new(StringArray::from(self.0.clone())),
                    Arc::new(StringArray::from(vec!["24h"; self.0.len()])),
                    Arc::new(Int64Array::from_iter_values(1..=self.0.len() as i64)),
                ],
            ),
            _ => RecordBatch::try_new(
                partitions(),
                vec![
                    Arc::new(StringArray::from(vec!["user_events"])),
                    Arc::new(Int64Array::from(vec![0])),
                ],
            ),
        };
        batch.map(|b| vec![b]).map_err(|e| e.to_string())
    }
}

pub struct Shops {
    pub engine: Arc<QueryEngine>,
    pub lake: Arc<Lake>,
    sink: LakeSink,
    next: AtomicU64,
    runtime: tokio::runtime::Runtime,
    dir: tempfile::TempDir,
}

const USERS: TopicPartition = TopicPartition::new(Topic::UserEvents, 0);
const TRADES: TopicPartition = TopicPartition::new(Topic::Transactions, 0);

impl Shops {
    pub fn open() -> Self {
        Self::of(&[("harbour", 2), ("meadow", 3)], 2)
    }

    /// Some shops with so many orders each, and an engine that plans for so many threads.
    pub fn of(shops_and_orders: &[(&'static str, u64)], threads: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let runtime = crate::runtime();
        let lake = runtime
            .block_on(Lake::open(
                dir.path(),
                runtime.handle().clone(),
                LakeOptions { partitions: 1 },
            ))
            .unwrap();
        let options = QueryOptions {
            threads,
            ..QueryOptions::default()
        };
        let names = shops_and_orders.iter().map(|(name, _)| *name).collect();
        let engine = QueryEngine::new(Arc::clone(&lake), Arc::new(Views(names)), options).unwrap();
        let sink = LakeSink::new(Arc::clone(&lake));
        let shops = Self {
            engine,
            lake,
            sink,
            next: AtomicU64::new(0),
            runtime,
            dir,
        };
        for (id, orders) in shops_and_orders {
            shops.fill(id, *orders);
        }
        shops.block_on(shops.lake.refresh_gold(1_000)).unwrap();
        shops
    }

    /// Every file of the lake, with its size.
    pub fn files(&self) -> BTreeMap<PathBuf, u64> {
        let (mut folders, mut files) = (vec![self.dir.path().to_owned()], BTreeMap::new());
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                match entry.metadata().unwrap() {
                    meta if meta.is_dir() => folders.push(entry.path()),
                    meta => drop(files.insert(entry.path(), meta.len())),
                }
            }
        }
        files
    }

    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    pub fn handle(&self) -> &tokio::runtime::Handle {
        self.runtime.handle()
    }

    fn fill(&self, id: &str, orders: u64) {
        let mut events = Vec::new();
        for i in 0..orders {
            let visitor = format!("{id}-v{i}");
            let at = |h: u64| format!("2026-11-{:02}T{h:02}:00:00Z", 10 + i);
            let product = format!(
                r#"{{"product_id":"{id}-p{i}","name":"Lamp {i}","category":"home.light","brand":"Bo","price":"19.99","cost":"8.00"}}"#
            );
            for (kind, hour) in [
                ("product_viewed", 9),
                ("product_added", 10),
                ("checkout_started", 11),
            ] {
                events.push(format!(
                    r#"{{"type":"{kind}","anonymous_id":"{visitor}","time":"{}","product":{product},"context":{{"city":"{id} city","country":"DE"}}}}"#,
                    at(hour)
                ));
            }
            events.push(format!(
                r#"{{"type":"order_completed","anonymous_id":"{visitor}","time":"{}","order":{{"order_id":"{id}-o{i}"}},"products":[{product}],"context":{{"city":"{id} city"}}}}"#,
                at(12)
            ));
        }
        events.push("not json".to_owned());
        self.send(id, &events);
        let changes: Vec<DerivedChange> = (0..orders).flat_map(|i| derived(id, i)).collect();
        self.sink
            .upsert(&changes.iter().collect::<Vec<_>>())
            .unwrap();
    }

    pub fn add_view(&self, id: &str, visitor: &str) {
        self.send(id, &[format!(r#"{{"type":"page_viewed","anonymous_id":"{visitor}","time":"2026-11-12T09:00:00Z"}}"#)]);
    }

    fn send(&self, id: &str, events: &[String]) {
        let store = store(id);
        for at in [USERS, TRADES] {
            let of_topic: Vec<&String> = events
                .iter()
                .filter(|e| e.contains("\"order_completed\"") == (at == TRADES))
                .collect();
            let first = self
                .next
                .fetch_add(of_topic.len() as u64, Ordering::Relaxed);
            let mut tap = self.sink.tap(at);
            for (i, raw) in of_topic.iter().enumerate() {
                record(&mut *tap, &store, first + i as u64, raw);
            }
            let chunk = Chunk {
                partition: at,
                next: first + of_topic.len() as u64,
                rows: tap.take(),
            };
            self.sink.commit(vec![chunk]).unwrap();
        }
    }
}

fn record(tap: &mut dyn Tap, store: &Arc<Store>, offset: u64, raw: &str) {
    let received_at = Micros::parse_rfc3339("2026-11-20T08:00:00Z").unwrap();
    let event_id = format!("e{offset}");
    let record = Record {
        offset,
        kind: RecordKind::Original,
        store: &store.store_id,
        source: "http",
        position: 0,
        format: FormatHash::of(Decoder::JSON),
        received_at,
        event_id: &event_id,
        raw: raw.as_bytes(),
    };
    match Decoder::Json.decode(
        raw.as_bytes(),
        &Envelope {
            received_at,
            event_id: &event_id,
        },
        store,
    ) {
        Ok(event) => {
            let local = LocalTime {
                date: store.zone.date(event.time),
                hour: store.zone.hour(event.time),
                weekday: store.zone.weekday(event.time),
            };
            tap.record(
                store,
                &record,
                &Outcome::Silver {
                    event: &event,
                    local,
                    late: false,
                },
            );
        }
        Err(why) => {
            tap.record(
                store,
                &record,
                &Outcome::Quarantined {
                    code: RejectCode::Malformed,
                    message: &why.message,
                },
            );
        }
    }
}

fn derived(id: &str, i: u64) -> Vec<DerivedChange> {
    let store = store(id);
    let completed_at = Micros::parse_rfc3339(&format!("2026-11-{:02}T12:00:00Z", 10 + i)).unwrap();
    let date = store.zone.date(completed_at);
    let gross = Amount::parse("19.99").unwrap();
    let cost = Amount::parse("8.00").unwrap();
    let visitor = format!("{id}-v{i}");
    let order = OrderRow {
        order_id: format!("{id}-o{i}"),
        date,
        completed_at,
        user_id: None,
        visitor: Some(visitor.clone()),
        status: OrderStatus::Completed,
        units: Quantity::ONE,
        lines: 1,
        gross,
        discount: Amount::ZERO,
        tax: Amount::ZERO,
        shipping: Amount::ZERO,
        total: gross,
        refunded: Amount::ZERO,
        net_revenue: gross,
        cost,
        profit: gross - cost,
        payment_method: Some("card".to_owned()),
        coupon: None,
        city: Some(format!("{id} city")),
        country: Some("DE".to_owned()),
    };
    let session = SessionRow {
        session_key: format!("{id}-s{i}"),
        date,
        visitor: visitor.clone(),
        session_id: None,
        started_at: completed_at,
        ended_at: completed_at,
        events: 4,
        views: 1,
        viewed: true,
        carted: true,
        checked_out: true,
        purchased: true,
    };
    let cart = CartRow {
        cart_key: format!("{id}-c{i}"),
        date,
        visitor,
        cart_id: None,
        started_at: completed_at,
        last_activity: completed_at,
        items: Quantity::ONE,
        value: gross,
        last_step: "purchase".to_owned(),
        status: CartStatus::Converted,
        converted_at: Some(completed_at),
    };
    let change = |table: DerivedTable, key: &str, row: DerivedRow| DerivedChange {
        store: store.store_id.clone(),
        partition: USERS,
        table,
        key: key.to_owned(),
        date,
        row: Some(row),
    };
    vec![
        change(
            DerivedTable::Orders,
            &order.order_id.clone(),
            DerivedRow::Order(Box::new(order)),
        ),
        change(
            DerivedTable::Sessions,
            &session.session_key.clone(),
            DerivedRow::Session(session),
        ),
        change(
            DerivedTable::Carts,
            &cart.cart_key.clone(),
            DerivedRow::Cart(cart),
        ),
    ]
}
