//! The schemas `live` and `system` of SQL: the operators' snapshots and the inside of the installation as tables.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Decimal128Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    UInt64Array,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use tradewind_journal::Journal;
use tradewind_model::{Amount, Micros, Quantity, StoreId};
use tradewind_query::{LiveTable, LiveTables, Scope};
use tradewind_stream::live::Snapshot;
use tradewind_stream::merge::{self, Window};
use tradewind_stream::names::Dimension;
use tradewind_stream::{LiveHub, Runtime};

use crate::instance::RuntimeWatch;

/// The tables of a hub and its runtime.
pub struct HubTables {
    hub: Arc<LiveHub>,
    journal: Arc<dyn Journal>,
    watch: RuntimeWatch,
}

const WINDOWS: [(&str, Window); 5] = [
    ("5m", Window::FiveMinutes),
    ("1h", Window::Hour),
    ("24h", Window::Day),
    ("7d", Window::Week),
    ("30d", Window::Month),
];

impl HubTables {
    pub fn new(hub: Arc<LiveHub>, journal: Arc<dyn Journal>, watch: RuntimeWatch) -> Self {
        Self {
            hub,
            journal,
            watch,
        }
    }

    fn stores(&self, scope: &Scope) -> Vec<(StoreId, Vec<Arc<Snapshot>>)> {
        let ids = match scope {
            Scope::All => self.hub.stores(),
            Scope::Stores(ids) => ids.clone(),
        };
        ids.into_iter()
            .map(|id| {
                let parts = self.hub.read(&id);
                (id, parts)
            })
            .filter(|(_, parts)| !parts.is_empty())
            .collect()
    }

    /// (store, window, its range, the partitions) for every store and window, ended at the store's newest event.
    fn windows(
        &self,
        scope: &Scope,
    ) -> Vec<(StoreId, &'static str, merge::Range, Vec<Arc<Snapshot>>)> {
        let mut out = Vec::new();
        for (id, parts) in self.stores(scope) {
            let (Some(watermark), Some(first)) = (merge::watermark(&parts), parts.first()) else {
                continue;
            };
            for (name, window) in WINDOWS {
                let (range, _) = window.ranges(&first.store.zone, watermark.plus(1));
                out.push((id.clone(), name, range, parts.clone()));
            }
        }
        out
    }

    fn overview(&self, scope: &Scope) -> Columns {
        let mut c = Columns::new(&overview_fields());
        for (store, window, range, parts) in self.windows(scope) {
            let traffic = merge::traffic(&parts, range);
            let sales = merge::sales(&parts, range);
            let sessions = merge::sessions(&parts, range);
            c.text(store.as_str())
                .text(window)
                .time(Some(range.0))
                .time(Some(range.1));
            c.count(traffic.events)
                .count(traffic.views)
                .count(traffic.visitors);
            c.int(sessions.sessions)
                .int(sessions.bounces)
                .int(sales.orders)
                .quantity(sales.units);
            c.money(sales.gross)
                .money(sales.discounts)
                .money(sales.refunds)
                .money(sales.net_revenue());
            c.money(sales.cost).money(sales.profit());
            c.end_row();
        }
        c
    }

    fn funnel(&self, scope: &Scope) -> Columns {
        let mut c = Columns::new(&funnel_fields());
        for (store, window, range, parts) in self.windows(scope) {
            for totals in merge::funnel(&parts, range) {
                c.text(store.as_str())
                    .text(window)
                    .time(Some(range.0))
                    .time(Some(range.1));
                c.text(totals.step.name())
                    .int(totals.sessions)
                    .count(totals.visitors)
                    .count(totals.events);
                c.end_row();
            }
        }
        c
    }

    fn ranking(&self, scope: &Scope, dimension: Dimension) -> Columns {
        let mut c = Columns::new(&ranking_fields());
        for (store, window, range, parts) in self.windows(scope) {
            for ranked in merge::ranking(&parts, range, dimension) {
                let f = ranked.figures;
                c.text(store.as_str())
                    .text(window)
                    .time(Some(range.0))
                    .time(Some(range.1));
                c.text(&ranked.name.key)
                    .maybe_text(ranked.name.name.as_deref());
                c.int(f.views)
                    .int(f.carts)
                    .int(f.orders)
                    .quantity(f.units)
                    .money(f.revenue)
                    .money(f.cost);
                c.end_row();
            }
        }
        c
    }

    fn carts(&self, scope: &Scope) -> Columns {
        let mut c = Columns::new(&cart_fields());
        for (store, window, range, parts) in self.windows(scope) {
            let as_of = merge::watermark(&parts).unwrap_or(range.1);
            let totals = merge::carts(&parts, range, as_of);
            c.text(store.as_str())
                .text(window)
                .time(Some(range.0))
                .time(Some(range.1));
            c.int(totals.open)
                .int(totals.abandoned)
                .money(totals.abandoned_value);
            c.int(totals.ended.converted)
                .int(totals.ended.recovered)
                .money(totals.ended.recovered_value);
            c.end_row();
        }
        c
    }

    fn operators(&self, scope: &Scope) -> Columns {
        let mut c = Columns::new(&operator_fields());
        for (store, parts) in self.stores(scope) {
            for part in parts {
                for (state, entries) in part.state {
                    c.text(store.as_str())
                        .text(part.partition.topic.name())
                        .int(part.partition.partition.into());
                    c.text(state).count(entries as u64);
                    c.end_row();
                }
            }
        }
        c
    }

    fn counts(&self, scope: &Scope) -> Columns {
        let mut c = Columns::new(&count_fields());
        for (store, parts) in self.stores(scope) {
            for part in parts {
                let p = part.progress;
                c.text(store.as_str())
                    .text(part.partition.topic.name())
                    .int(part.partition.partition.into());
                c.time(p.watermark)
                    .count(p.received)
                    .count(p.silver)
                    .count(p.duplicates)
                    .count(p.quarantined)
                    .count(p.late);
                c.end_row();
            }
        }
        c
    }

    fn offsets(&self) -> Columns {
        let mut c = Columns::new(&offset_fields());
        for (partition, next, received) in self.watch.ask(Runtime::positions).unwrap_or_default() {
            let bounds = self.journal.bounds(partition);
            let committed = self
                .journal
                .committed("stream", partition)
                .ok()
                .flatten()
                .unwrap_or(0);
            c.text(partition.topic.name())
                .int(partition.partition.into());
            c.count(bounds.earliest)
                .count(bounds.next)
                .count(next)
                .count(committed)
                .count(bounds.next.saturating_sub(next));
            c.time((received.0 > 0).then_some(received));
            c.end_row();
        }
        c
    }
}

impl LiveTables for HubTables {
    fn tables(&self) -> Vec<LiveTable> {
        let table = |schema: &'static str, name: &str, fields: Vec<Field>| LiveTable {
            schema,
            name: name.to_owned(),
            columns: Arc::new(Schema::new(fields)),
        };
        vec![
            table("live", "overview", overview_fields()),
            table("live", "funnel", funnel_fields()),
            table("live", "products", ranking_fields()),
            table("live", "categories", ranking_fields()),
            table("live", "brands", ranking_fields()),
            table("live", "cities", ranking_fields()),
            table("live", "carts", cart_fields()),
            table("system", "operators", operator_fields()),
            table("system", "partitions", count_fields()),
            table("system", "offsets", offset_fields()),
        ]
    }

    fn scan(&self, schema: &str, table: &str, scope: &Scope) -> Result<Vec<RecordBatch>, String> {
        let columns = match (schema, table) {
            ("live", "overview") => self.overview(scope),
            ("live", "funnel") => self.funnel(scope),
            ("live", "products") => self.ranking(scope, Dimension::Product),
            ("live", "categories") => self.ranking(scope, Dimension::Category),
            ("live", "brands") => self.ranking(scope, Dimension::Brand),
            ("live", "cities") => self.ranking(scope, Dimension::City),
            ("live", "carts") => self.carts(scope),
            ("system", "operators") => self.operators(scope),
            ("system", "partitions") => self.counts(scope),
            ("system", "offsets") => self.offsets(),
            _ => return Err(format!("there is no table {schema}.{table}")),
        };
        columns
            .finish()
            .map(|batch| vec![batch])
            .map_err(|e| e.to_string())
    }
}

fn utf8(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true)
}

fn int(name: &str) -> Field {
    Field::new(name, DataType::Int64, true)
}

fn counted(name: &str) -> Field {
    Field::new(name, DataType::UInt64, true)
}

fn money(name: &str) -> Field {
    Field::new(name, DataType::Decimal128(18, 4), true)
}

fn quantity(name: &str) -> Field {
    Field::new(name, DataType::Decimal128(18, 3), true)
}

fn time(name: &str) -> Field {
    Field::new(
        name,
        DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        true,
    )
}

fn window_fields() -> Vec<Field> {
    vec![
        utf8("store_id"),
        utf8("window"),
        time("window_start"),
        time("window_end"),
    ]
}

fn overview_fields() -> Vec<Field> {
    let mut fields = window_fields();
    fields.extend([counted("events"), counted("views"), counted("visitors")]);
    fields.extend([
        int("sessions"),
        int("bounces"),
        int("orders"),
        quantity("units"),
    ]);
    fields.extend(
        [
            "gross",
            "discounts",
            "refunds",
            "net_revenue",
            "cost",
            "profit",
        ]
        .map(money),
    );
    fields
}

fn funnel_fields() -> Vec<Field> {
    let mut fields = window_fields();
    fields.extend([
        utf8("step"),
        int("sessions"),
        counted("visitors"),
        counted("events"),
    ]);
    fields
}

fn ranking_fields() -> Vec<Field> {
    let mut fields = window_fields();
    fields.extend([
        utf8("key"),
        utf8("name"),
        int("views"),
        int("carts"),
        int("orders"),
        quantity("units"),
    ]);
    fields.extend([money("revenue"), money("cost")]);
    fields
}

fn cart_fields() -> Vec<Field> {
    let mut fields = window_fields();
    fields.extend([int("open"), int("abandoned"), money("abandoned_value")]);
    fields.extend([int("converted"), int("recovered"), money("recovered_value")]);
    fields
}

fn operator_fields() -> Vec<Field> {
    vec![
        utf8("store_id"),
        utf8("topic"),
        int("partition"),
        utf8("state"),
        counted("entries"),
    ]
}

fn count_fields() -> Vec<Field> {
    let mut fields = vec![
        utf8("store_id"),
        utf8("topic"),
        int("partition"),
        time("watermark"),
    ];
    fields.extend(["received", "silver", "duplicates", "quarantined", "late"].map(counted));
    fields
}

fn offset_fields() -> Vec<Field> {
    let mut fields = vec![utf8("topic"), int("partition")];
    fields.extend(
        [
            "earliest_offset",
            "next_offset",
            "processed_offset",
            "checkpoint_offset",
            "lag",
        ]
        .map(counted),
    );
    fields.push(time("last_received_at"));
    fields
}

enum Column {
    Text(Vec<Option<String>>),
    Int(Vec<i64>),
    Count(Vec<u64>),
    Money(Vec<i128>),
    Quantity(Vec<i128>),
    Time(Vec<Option<i64>>),
}

/// Builds a batch row by row; the values of a row come in the order of its fields.
struct Columns {
    schema: SchemaRef,
    columns: Vec<Column>,
    at: usize,
}

impl Columns {
    fn new(fields: &[Field]) -> Self {
        let columns = fields
            .iter()
            .map(|f| match f.data_type() {
                DataType::Int64 => Column::Int(Vec::new()),
                DataType::UInt64 => Column::Count(Vec::new()),
                DataType::Decimal128(_, 3) => Column::Quantity(Vec::new()),
                DataType::Decimal128(..) => Column::Money(Vec::new()),
                DataType::Timestamp(..) => Column::Time(Vec::new()),
                _ => Column::Text(Vec::new()),
            })
            .collect();
        Self {
            schema: Arc::new(Schema::new(fields.to_vec())),
            columns,
            at: 0,
        }
    }

    fn put(&mut self, put: impl FnOnce(&mut Column)) -> &mut Self {
        if let Some(column) = self.columns.get_mut(self.at) {
            put(column);
        }
        self.at += 1;
        self
    }

    fn maybe_text(&mut self, text: Option<&str>) -> &mut Self {
        self.put(|c| {
            if let Column::Text(values) = c {
                values.push(text.map(str::to_owned));
            }
        })
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.maybe_text(Some(text))
    }

    fn int(&mut self, value: i64) -> &mut Self {
        self.put(|c| {
            if let Column::Int(values) = c {
                values.push(value);
            }
        })
    }

    fn count(&mut self, value: u64) -> &mut Self {
        self.put(|c| {
            if let Column::Count(values) = c {
                values.push(value);
            }
        })
    }

    fn money(&mut self, value: Amount) -> &mut Self {
        self.put(|c| {
            if let Column::Money(values) = c {
                values.push(value.raw().into());
            }
        })
    }

    fn quantity(&mut self, value: Quantity) -> &mut Self {
        self.put(|c| {
            if let Column::Quantity(values) = c {
                values.push(value.raw().into());
            }
        })
    }

    fn time(&mut self, value: Option<Micros>) -> &mut Self {
        self.put(|c| {
            if let Column::Time(values) = c {
                values.push(value.map(|t| t.0));
            }
        })
    }

    fn end_row(&mut self) {
        debug_assert_eq!(
            self.at,
            self.columns.len(),
            "a row has a value for each field"
        );
        self.at = 0;
    }

    fn finish(self) -> Result<RecordBatch, arrow::error::ArrowError> {
        let arrays = self
            .columns
            .into_iter()
            .map(|c| {
                Ok(match c {
                    Column::Text(values) => Arc::new(StringArray::from(values)) as ArrayRef,
                    Column::Int(values) => Arc::new(Int64Array::from(values)),
                    Column::Count(values) => Arc::new(UInt64Array::from(values)),
                    Column::Money(values) => {
                        Arc::new(Decimal128Array::from(values).with_precision_and_scale(18, 4)?)
                    }
                    Column::Quantity(values) => {
                        Arc::new(Decimal128Array::from(values).with_precision_and_scale(18, 3)?)
                    }
                    Column::Time(values) => {
                        Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC"))
                    }
                })
            })
            .collect::<Result<Vec<ArrayRef>, arrow::error::ArrowError>>()?;
        RecordBatch::try_new(self.schema, arrays)
    }
}
