//! The columns of the lake's fixed tables.
//!
//! Every table is partitioned by (`store_id`, `date`), which come first and live in the path of a file, not in it. Money is
//! Decimal128(18,4) in the store's currency, quantities are Decimal128(18,3), times are µs UTC, dates and hours are the store's own.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::layout::TableName;

/// The partition columns of every table.
pub const PARTITION_COLUMNS: [&str; 2] = ["store_id", "date"];

/// Money.
pub const MONEY: DataType = DataType::Decimal128(18, 4);

/// How much of a product. Files written before there were decimal quantities have whole numbers, which are read as these.
pub const QUANTITY: DataType = DataType::Decimal128(18, 3);

/// Moments.
#[must_use]
pub fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC")))
}

#[derive(Clone, Copy)]
enum Kind {
    Text,
    Bytes,
    Long,
    Int,
    Bool,
    Float,
    Money,
    Quantity,
    Time,
}

use Kind::{Bool, Bytes, Float, Int, Long, Money, Quantity, Text, Time};

const BRONZE: &[(&str, Kind)] = &[
    ("topic", Text),
    ("partition", Int),
    ("offset", Long),
    ("received_at", Time),
    ("source", Text),
    ("position", Long),
    ("format", Text),
    ("event_id", Text),
];

const EVENTS: &[(&str, Kind)] = &[
    ("time", Time),
    ("hour", Int),
    ("weekday", Int),
    ("type", Text),
    ("event_id", Text),
    ("visitor", Text),
    ("user_id", Text),
    ("anonymous_id", Text),
    ("session_id", Text),
    ("late", Bool),
    ("received_at", Time),
    ("topic", Text),
    ("partition", Int),
    ("offset", Long),
    ("product_id", Text),
    ("sku", Text),
    ("product_name", Text),
    ("category", Text),
    ("brand", Text),
    ("variant", Text),
    ("price", Money),
    ("cost", Money),
    ("quantity", Quantity),
    ("product_coupon", Text),
    ("product_position", Long),
    ("products", Int),
    ("order_id", Text),
    ("order_total", Money),
    ("order_revenue", Money),
    ("order_subtotal", Money),
    ("order_discount", Money),
    ("order_tax", Money),
    ("order_shipping", Money),
    ("order_coupon", Text),
    ("payment_method", Text),
    ("order_status", Text),
    ("currency", Text),
    ("cart_id", Text),
    ("search_query", Text),
    ("review_rating", Float),
    ("review_body", Text),
    ("stock", Quantity),
    ("delta", Quantity),
    ("ip", Text),
    ("user_agent", Text),
    ("locale", Text),
    ("page_url", Text),
    ("page_path", Text),
    ("page_title", Text),
    ("page_referrer", Text),
    ("campaign_source", Text),
    ("campaign_medium", Text),
    ("campaign_name", Text),
    ("campaign_term", Text),
    ("campaign_content", Text),
    ("device_type", Text),
    ("device_os", Text),
    ("device_browser", Text),
    ("country", Text),
    ("region", Text),
    ("city", Text),
    ("lat", Float),
    ("lon", Float),
    ("age_group", Text),
    ("gender", Text),
    ("properties", Text),
];

const LINE_ITEMS: &[(&str, Kind)] = &[
    ("time", Time),
    ("hour", Int),
    ("weekday", Int),
    ("type", Text),
    ("event_id", Text),
    ("line", Int),
    ("product_id", Text),
    ("sku", Text),
    ("name", Text),
    ("category", Text),
    ("brand", Text),
    ("variant", Text),
    ("price", Money),
    ("cost", Money),
    ("quantity", Quantity),
    ("line_total", Money),
    ("coupon", Text),
    ("position", Long),
    ("order_id", Text),
    ("visitor", Text),
    ("user_id", Text),
    ("session_id", Text),
    ("cart_id", Text),
    ("city", Text),
    ("country", Text),
    ("late", Bool),
    ("topic", Text),
    ("partition", Int),
    ("offset", Long),
];

const ORDERS: &[(&str, Kind)] = &[
    ("order_id", Text),
    ("completed_at", Time),
    ("user_id", Text),
    ("visitor", Text),
    ("status", Text),
    ("units", Quantity),
    ("lines", Long),
    ("gross", Money),
    ("discount", Money),
    ("tax", Money),
    ("shipping", Money),
    ("total", Money),
    ("refunded", Money),
    ("net_revenue", Money),
    ("cost", Money),
    ("profit", Money),
    ("payment_method", Text),
    ("coupon", Text),
    ("city", Text),
    ("country", Text),
];

const SESSIONS: &[(&str, Kind)] = &[
    ("session_key", Text),
    ("visitor", Text),
    ("session_id", Text),
    ("started_at", Time),
    ("ended_at", Time),
    ("events", Long),
    ("views", Long),
    ("viewed", Bool),
    ("carted", Bool),
    ("checked_out", Bool),
    ("purchased", Bool),
];

const CARTS: &[(&str, Kind)] = &[
    ("cart_key", Text),
    ("visitor", Text),
    ("cart_id", Text),
    ("started_at", Time),
    ("last_activity", Time),
    ("items", Quantity),
    ("value", Money),
    ("last_step", Text),
    ("status", Text),
    ("converted_at", Time),
];

fn build(columns: &[&[(&str, Kind)]]) -> SchemaRef {
    let keys = [
        Field::new("store_id", DataType::Utf8, true),
        Field::new("date", DataType::Date32, true),
    ];
    let rest = columns.iter().copied().flatten().map(|(name, kind)| {
        let data_type = match kind {
            Text => DataType::Utf8,
            Bytes => DataType::Binary,
            Long => DataType::Int64,
            Int => DataType::Int32,
            Bool => DataType::Boolean,
            Float => DataType::Float64,
            Money => MONEY,
            Quantity => QUANTITY,
            Time => time_type(),
        };
        Field::new(*name, data_type, true)
    });
    Arc::new(Schema::new(
        keys.into_iter().chain(rest).collect::<Vec<_>>(),
    ))
}

macro_rules! schemas {
    ($($name:ident = $($part:expr),+;)+) => {
        $(static $name: LazyLock<SchemaRef> = LazyLock::new(|| build(&[$($part),+]));)+
    };
}

schemas! {
    BRONZE_SCHEMA = BRONZE, &[("raw", Bytes)];
    QUARANTINE_SCHEMA = BRONZE, &[("code", Text), ("message", Text), ("raw", Bytes)];
    EVENTS_SCHEMA = EVENTS;
    LINE_ITEMS_SCHEMA = LINE_ITEMS;
    ORDERS_SCHEMA = ORDERS;
    SESSIONS_SCHEMA = SESSIONS;
    CARTS_SCHEMA = CARTS;
}

/// The columns of a fixed table, partition columns first; `None` for a gold table, whose SQL decides them.
#[must_use]
pub fn table_schema(table: &TableName) -> Option<SchemaRef> {
    Some(Arc::clone(match table {
        TableName::BronzeEvents => &BRONZE_SCHEMA,
        TableName::BronzeQuarantine => &QUARANTINE_SCHEMA,
        TableName::SilverEvents => &EVENTS_SCHEMA,
        TableName::SilverLineItems => &LINE_ITEMS_SCHEMA,
        TableName::SilverOrders => &ORDERS_SCHEMA,
        TableName::SilverSessions => &SESSIONS_SCHEMA,
        TableName::SilverCarts => &CARTS_SCHEMA,
        TableName::Gold(_) => return None,
    }))
}

/// The columns that stand in a file: all but the partition columns.
#[must_use]
pub fn file_schema(schema: &Schema) -> SchemaRef {
    Arc::new(Schema::new(
        schema
            .fields()
            .iter()
            .filter(|f| !PARTITION_COLUMNS.contains(&f.name().as_str()))
            .cloned()
            .collect::<Vec<_>>(),
    ))
}

/// The columns whose least and greatest value a file's entry in the log tells, so that filters on them skip files.
pub(crate) const STATS_COLUMNS: [&str; 8] = [
    "time",
    "received_at",
    "completed_at",
    "started_at",
    "topic",
    "partition",
    "offset",
    "last_activity",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fixed_table_is_partitioned_by_store_and_date() {
        for table in TableName::FIXED {
            let schema = table_schema(&table).unwrap();
            assert_eq!(schema.field(0).name(), "store_id", "{table}");
            assert_eq!(schema.field(1).name(), "date", "{table}");
            assert_eq!(
                file_schema(&schema).fields().len() + 2,
                schema.fields().len()
            );
        }
    }
}
