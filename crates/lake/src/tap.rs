//! The lake's tap on a partition: turns each record into rows of bronze, quarantine and silver, straight into Arrow builders.
//!
//! A record below what a table already covers leaves no row there (L1): after a crash between the commits of two tables only
//! the missing half is written again.

use std::any::Any;
use std::sync::Arc;

use tradewind_journal::Record;
use tradewind_model::{
    Date, Event, FormatHash, Micros, Offset, Product, Store, StoreId, TopicPartition,
};
use tradewind_stream::sink::{LocalTime, Outcome, Tap};

use crate::columns::{
    BoolColumn, BytesColumn, FloatColumn, IntColumn, LongColumn, MoneyColumn, QuantityColumn,
    TextColumn, TimeColumn, columns,
};
use crate::error::Result;
use crate::groups::{Groups, TableRows};
use crate::layout::TableName;
use crate::schema::{file_schema, table_schema};

/// The tables that only grow, in the order their commits are made: bronze last, so that what bronze covers every other
/// table covers too.
pub(crate) const APPEND_TABLES: [TableName; 4] = [
    TableName::BronzeQuarantine,
    TableName::SilverLineItems,
    TableName::SilverEvents,
    TableName::BronzeEvents,
];

columns! {
    /// What bronze and quarantine have in common.
    DoorColumns {
        topic: TextColumn, partition: IntColumn, offset: LongColumn, received_at: TimeColumn, source: TextColumn,
        position: LongColumn, format: TextColumn, event_id: TextColumn,
    }
}

columns! {
    /// `silver.events`
    EventColumns {
        time: TimeColumn, hour: IntColumn, weekday: IntColumn, event_type: TextColumn, event_id: TextColumn,
        visitor: TextColumn, user_id: TextColumn, anonymous_id: TextColumn, session_id: TextColumn, late: BoolColumn,
        received_at: TimeColumn, topic: TextColumn, partition: IntColumn, offset: LongColumn,
        product_id: TextColumn, sku: TextColumn, product_name: TextColumn, category: TextColumn, brand: TextColumn,
        variant: TextColumn, price: MoneyColumn, cost: MoneyColumn, quantity: QuantityColumn, product_coupon: TextColumn,
        product_position: LongColumn, products: IntColumn,
        order_id: TextColumn, order_total: MoneyColumn, order_revenue: MoneyColumn, order_subtotal: MoneyColumn,
        order_discount: MoneyColumn, order_tax: MoneyColumn, order_shipping: MoneyColumn, order_coupon: TextColumn,
        payment_method: TextColumn, order_status: TextColumn,
        currency: TextColumn, cart_id: TextColumn, search_query: TextColumn, review_rating: FloatColumn,
        review_body: TextColumn, stock: QuantityColumn, delta: QuantityColumn,
        ip: TextColumn, user_agent: TextColumn, locale: TextColumn, page_url: TextColumn, page_path: TextColumn,
        page_title: TextColumn, page_referrer: TextColumn, campaign_source: TextColumn, campaign_medium: TextColumn,
        campaign_name: TextColumn, campaign_term: TextColumn, campaign_content: TextColumn, device_type: TextColumn,
        device_os: TextColumn, device_browser: TextColumn, country: TextColumn, region: TextColumn, city: TextColumn,
        lat: FloatColumn, lon: FloatColumn, age_group: TextColumn, gender: TextColumn, properties: TextColumn,
    }
}

columns! {
    /// `silver.line_items`
    LineColumns {
        time: TimeColumn, hour: IntColumn, weekday: IntColumn, event_type: TextColumn, event_id: TextColumn, line: IntColumn,
        product_id: TextColumn, sku: TextColumn, name: TextColumn, category: TextColumn, brand: TextColumn,
        variant: TextColumn, price: MoneyColumn, cost: MoneyColumn, quantity: QuantityColumn, line_total: MoneyColumn,
        coupon: TextColumn, position: LongColumn, order_id: TextColumn, visitor: TextColumn, user_id: TextColumn,
        session_id: TextColumn, cart_id: TextColumn, city: TextColumn, country: TextColumn, late: BoolColumn,
        topic: TextColumn, partition: IntColumn, offset: LongColumn,
    }
}

/// What a chunk of the lake holds: rows for each append table.
#[derive(Debug, Default)]
pub(crate) struct ChunkRows {
    /// In the order of [`APPEND_TABLES`]; a table without rows is absent.
    pub(crate) tables: Vec<(TableName, TableRows)>,
}

/// The offsets a partition's tables cover, in the order of [`APPEND_TABLES`].
pub(crate) type Covered = [Offset; 4];

pub(crate) struct LakeTap {
    at: TopicPartition,
    covered: Covered,
    bronze: (Groups, DoorColumns, BytesColumn),
    quarantine: (Groups, DoorColumns, TextColumn, TextColumn, BytesColumn),
    events: (Groups, EventColumns),
    lines: (Groups, LineColumns),
    format: Option<(FormatHash, String)>,
    received_date: Option<(StoreId, Micros, Date)>,
}

impl LakeTap {
    pub(crate) fn new(at: TopicPartition, covered: Covered) -> Self {
        Self {
            at,
            covered,
            bronze: Default::default(),
            quarantine: Default::default(),
            events: Default::default(),
            lines: Default::default(),
            format: None,
            received_date: None,
        }
    }

    fn wants(&self, table: usize, offset: Offset) -> bool {
        offset >= self.covered[table]
    }

    /// Local date of the arrival. Zones move by quarters of an hour, so records of one quarter share their date.
    fn date_of_arrival(&mut self, store: &Store, received_at: Micros) -> Date {
        let quarter = received_at.floor_to(15 * Micros::MINUTE);
        if let Some((known, at, date)) = &self.received_date
            && *at == quarter
            && *known == store.store_id
        {
            return *date;
        }
        let date = store.zone.date(received_at);
        self.received_date = Some((store.store_id.clone(), quarter, date));
        date
    }

    fn take_rows(&mut self) -> Result<ChunkRows> {
        let mut chunk = ChunkRows::default();
        let [quarantine, line_items, events, bronze] = APPEND_TABLES;
        let mut add = |table: TableName,
                       groups: &mut Groups,
                       columns: Vec<arrow::array::ArrayRef>|
         -> Result<()> {
            let schema = table_schema(&table)
                .map(|s| file_schema(&s))
                .unwrap_or_else(|| Arc::new(arrow::datatypes::Schema::empty()));
            chunk.tables.push((table, groups.finish(&schema, columns)?));
            Ok(())
        };
        let rows = self.quarantine.0.rows();
        if rows > 0 {
            let (groups, door, code, message, raw) = &mut self.quarantine;
            let mut columns = door.finish(rows);
            columns.extend([code.finish(rows), message.finish(rows), raw.finish(rows)]);
            add(quarantine, groups, columns)?;
        }
        let rows = self.lines.0.rows();
        if rows > 0 {
            let columns = self.lines.1.finish(rows);
            add(line_items, &mut self.lines.0, columns)?;
        }
        let rows = self.events.0.rows();
        if rows > 0 {
            let columns = self.events.1.finish(rows);
            add(events, &mut self.events.0, columns)?;
        }
        let rows = self.bronze.0.rows();
        if rows > 0 {
            let (groups, door, raw) = &mut self.bronze;
            let mut columns = door.finish(rows);
            columns.push(raw.finish(rows));
            add(bronze, groups, columns)?;
        }
        Ok(chunk)
    }
}

impl DoorColumns {
    fn put(&mut self, row: usize, at: TopicPartition, record: &Record<'_>, format: &str) {
        self.topic.put(row, at.topic.name());
        self.partition.put(row, i32::from(at.partition));
        self.offset.put(row, signed(record.offset));
        self.received_at.put(row, record.received_at);
        self.source.put(row, record.source);
        self.position.put(row, signed(record.position));
        self.format.put(row, format);
        if !record.event_id.is_empty() {
            self.event_id.put(row, record.event_id);
        }
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl EventColumns {
    fn put(
        &mut self,
        row: usize,
        at: TopicPartition,
        record: &Record<'_>,
        event: &Event<'_>,
        local: LocalTime,
        late: bool,
    ) {
        self.time.put(row, event.time);
        self.hour.put(row, i32::from(local.hour));
        self.weekday.put(row, i32::from(local.weekday));
        self.event_type.put(row, event.event_type.name());
        self.event_id.put(row, &event.event_id);
        self.visitor.put_opt(row, event.visitor());
        self.user_id.put_opt(row, event.user_id.as_deref());
        self.anonymous_id
            .put_opt(row, event.anonymous_id.as_deref());
        self.session_id.put_opt(row, event.session_id.as_deref());
        self.late.put(row, late);
        self.received_at.put(row, record.received_at);
        self.topic.put(row, at.topic.name());
        self.partition.put(row, i32::from(at.partition));
        self.offset.put(row, signed(record.offset));
        if let Some(product) = event.product() {
            self.put_product(row, product);
            self.products
                .put(row, i32::try_from(event.products.len()).unwrap_or(i32::MAX));
        }
        self.put_order(row, event);
        self.currency.put_opt(row, event.currency.as_deref());
        self.cart_id.put_opt(row, event.cart_id.as_deref());
        self.search_query.put_opt(row, event.query.as_deref());
        self.review_rating.put_opt(row, event.review_rating);
        self.review_body.put_opt(row, event.review_body.as_deref());
        self.stock.put_opt(row, event.stock);
        self.delta.put_opt(row, event.delta);
        self.put_context(row, event);
        self.age_group.put_opt(row, event.age_group.as_deref());
        self.gender.put_opt(row, event.gender.as_deref());
        self.properties.put_opt(row, event.properties.as_deref());
    }

    fn put_product(&mut self, row: usize, product: &Product<'_>) {
        self.product_id.put(row, &product.product_id);
        self.sku.put_opt(row, product.sku.as_deref());
        self.product_name.put_opt(row, product.name.as_deref());
        self.category.put_opt(row, product.category.as_deref());
        self.brand.put_opt(row, product.brand.as_deref());
        self.variant.put_opt(row, product.variant.as_deref());
        self.price.put_opt(row, product.price);
        self.cost.put_opt(row, product.cost);
        self.quantity.put_opt(row, product.quantity);
        self.product_coupon.put_opt(row, product.coupon.as_deref());
        self.product_position.put_opt(row, product.position);
    }

    fn put_order(&mut self, row: usize, event: &Event<'_>) {
        let order = &event.order;
        self.order_id.put_opt(row, order.order_id.as_deref());
        self.order_total.put_opt(row, order.total);
        self.order_revenue.put_opt(row, order.revenue);
        self.order_subtotal.put_opt(row, order.subtotal);
        self.order_discount.put_opt(row, order.discount);
        self.order_tax.put_opt(row, order.tax);
        self.order_shipping.put_opt(row, order.shipping);
        self.order_coupon.put_opt(row, order.coupon.as_deref());
        self.payment_method
            .put_opt(row, order.payment_method.as_deref());
        self.order_status.put_opt(row, order.status.as_deref());
    }

    fn put_context(&mut self, row: usize, event: &Event<'_>) {
        let context = &event.context;
        self.ip.put_opt(row, context.ip.as_deref());
        self.user_agent.put_opt(row, context.user_agent.as_deref());
        self.locale.put_opt(row, context.locale.as_deref());
        self.page_url.put_opt(row, context.page_url.as_deref());
        self.page_path.put_opt(row, context.page_path.as_deref());
        self.page_title.put_opt(row, context.page_title.as_deref());
        self.page_referrer
            .put_opt(row, context.page_referrer.as_deref());
        self.campaign_source
            .put_opt(row, context.campaign_source.as_deref());
        self.campaign_medium
            .put_opt(row, context.campaign_medium.as_deref());
        self.campaign_name
            .put_opt(row, context.campaign_name.as_deref());
        self.campaign_term
            .put_opt(row, context.campaign_term.as_deref());
        self.campaign_content
            .put_opt(row, context.campaign_content.as_deref());
        self.device_type
            .put_opt(row, context.device_type.as_deref());
        self.device_os.put_opt(row, context.device_os.as_deref());
        self.device_browser
            .put_opt(row, context.device_browser.as_deref());
        self.country.put_opt(row, context.country.as_deref());
        self.region.put_opt(row, context.region.as_deref());
        self.city.put_opt(row, context.city.as_deref());
        self.lat.put_opt(row, context.lat);
        self.lon.put_opt(row, context.lon);
    }
}

impl LineColumns {
    fn put(
        &mut self,
        row: usize,
        at: TopicPartition,
        line: usize,
        product: &Product<'_>,
        event: &Event<'_>,
        local: LocalTime,
    ) {
        self.time.put(row, event.time);
        self.hour.put(row, i32::from(local.hour));
        self.weekday.put(row, i32::from(local.weekday));
        self.event_type.put(row, event.event_type.name());
        self.event_id.put(row, &event.event_id);
        self.line
            .put(row, i32::try_from(line + 1).unwrap_or(i32::MAX));
        self.product_id.put(row, &product.product_id);
        self.sku.put_opt(row, product.sku.as_deref());
        self.name.put_opt(row, product.name.as_deref());
        self.category.put_opt(row, product.category.as_deref());
        self.brand.put_opt(row, product.brand.as_deref());
        self.variant.put_opt(row, product.variant.as_deref());
        self.price.put_opt(row, product.price);
        self.cost.put_opt(row, product.cost);
        self.quantity.put(row, product.units());
        self.line_total.put(row, product.line_total());
        self.coupon.put_opt(row, product.coupon.as_deref());
        self.position.put_opt(row, product.position);
        self.order_id.put_opt(row, event.order.order_id.as_deref());
        self.visitor.put_opt(row, event.visitor());
        self.user_id.put_opt(row, event.user_id.as_deref());
        self.session_id.put_opt(row, event.session_id.as_deref());
        self.cart_id.put_opt(row, event.cart_id.as_deref());
        self.city.put_opt(row, event.context.city.as_deref());
        self.country.put_opt(row, event.context.country.as_deref());
        self.topic.put(row, at.topic.name());
        self.partition.put(row, i32::from(at.partition));
    }
}

impl Tap for LakeTap {
    fn record(&mut self, store: &Arc<Store>, record: &Record<'_>, outcome: &Outcome<'_, '_>) {
        if self
            .format
            .as_ref()
            .is_none_or(|(hash, _)| *hash != record.format)
        {
            self.format = Some((record.format, record.format.to_string()));
        }
        let arrival = self.date_of_arrival(store, record.received_at);
        let (at, offset) = (self.at, record.offset);
        let (to_quarantine, to_lines) = (self.wants(0, offset), self.wants(1, offset));
        let (to_events, to_bronze) = (self.wants(2, offset), self.wants(3, offset));
        let format = self.format.as_ref().map_or("", |(_, text)| text.as_str());
        if to_bronze {
            let (groups, door, raw) = &mut self.bronze;
            let row = groups.push(&store.store_id, arrival);
            door.put(row, at, record, format);
            raw.put(row, record.raw);
        }
        match outcome {
            Outcome::Silver { event, local, late } => {
                if to_events {
                    let row = self.events.0.push(&store.store_id, local.date);
                    self.events.1.put(row, at, record, event, *local, *late);
                }
                if to_lines {
                    for (line, product) in event.products.iter().enumerate() {
                        let (groups, lines) = &mut self.lines;
                        let row = groups.push(&store.store_id, local.date);
                        lines.put(row, at, line, product, event, *local);
                        lines.late.put(row, *late);
                        lines.offset.put(row, signed(offset));
                    }
                }
            }
            Outcome::Duplicate { .. } => {}
            Outcome::Quarantined { code, message } => {
                if to_quarantine {
                    let (groups, door, codes, messages, raw) = &mut self.quarantine;
                    let row = groups.push(&store.store_id, arrival);
                    door.put(row, at, record, format);
                    codes.put(row, code.name());
                    messages.put(row, message);
                    raw.put(row, record.raw);
                }
            }
        }
    }

    fn take(&mut self) -> Box<dyn Any + Send> {
        Box::new(self.take_rows())
    }

    fn buffered_bytes(&self) -> usize {
        let (bronze, quarantine) = (&self.bronze, &self.quarantine);
        bronze.0.bytes()
            + bronze.1.bytes()
            + bronze.2.bytes()
            + quarantine.0.bytes()
            + quarantine.1.bytes()
            + quarantine.2.bytes()
            + quarantine.3.bytes()
            + quarantine.4.bytes()
            + self.events.0.bytes()
            + self.events.1.bytes()
            + self.lines.0.bytes()
            + self.lines.1.bytes()
    }
}
