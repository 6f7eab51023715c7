//! Rows as checkpoints up to format 3 hold them: quantities in whole units.

use serde::Deserialize;
use tradewind_model::{Amount, Date, Micros, Quantity, StoreId, TopicPartition};

use crate::rows::{
    CartRow, CartStatus, DerivedChange, DerivedRow, DerivedTable, OrderRow, OrderStatus, SessionRow,
};

#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
struct OrderRowV3 {
    order_id: String,
    date: Date,
    completed_at: Micros,
    user_id: Option<String>,
    visitor: Option<String>,
    status: OrderStatus,
    units: i64,
    lines: i64,
    gross: Amount,
    discount: Amount,
    tax: Amount,
    shipping: Amount,
    total: Amount,
    refunded: Amount,
    net_revenue: Amount,
    cost: Amount,
    profit: Amount,
    payment_method: Option<String>,
    coupon: Option<String>,
    city: Option<String>,
    country: Option<String>,
}

impl From<OrderRowV3> for OrderRow {
    fn from(old: OrderRowV3) -> Self {
        Self {
            order_id: old.order_id,
            date: old.date,
            completed_at: old.completed_at,
            user_id: old.user_id,
            visitor: old.visitor,
            status: old.status,
            units: Quantity::from_units(old.units),
            lines: old.lines,
            gross: old.gross,
            discount: old.discount,
            tax: old.tax,
            shipping: old.shipping,
            total: old.total,
            refunded: old.refunded,
            net_revenue: old.net_revenue,
            cost: old.cost,
            profit: old.profit,
            payment_method: old.payment_method,
            coupon: old.coupon,
            city: old.city,
            country: old.country,
        }
    }
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
struct CartRowV3 {
    cart_key: String,
    date: Date,
    visitor: String,
    cart_id: Option<String>,
    started_at: Micros,
    last_activity: Micros,
    items: i64,
    value: Amount,
    last_step: String,
    status: CartStatus,
    converted_at: Option<Micros>,
}

impl From<CartRowV3> for CartRow {
    fn from(old: CartRowV3) -> Self {
        Self {
            cart_key: old.cart_key,
            date: old.date,
            visitor: old.visitor,
            cart_id: old.cart_id,
            started_at: old.started_at,
            last_activity: old.last_activity,
            items: Quantity::from_units(old.items),
            value: old.value,
            last_step: old.last_step,
            status: old.status,
            converted_at: old.converted_at,
        }
    }
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
enum DerivedRowV3 {
    Order(Box<OrderRowV3>),
    Session(SessionRow),
    Cart(CartRowV3),
}

/// A waiting row of a checkpoint up to format 3.
#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(crate) struct DerivedChangeV3 {
    store: StoreId,
    partition: TopicPartition,
    table: DerivedTable,
    key: String,
    date: Date,
    row: Option<DerivedRowV3>,
}

impl From<DerivedChangeV3> for DerivedChange {
    fn from(old: DerivedChangeV3) -> Self {
        Self {
            store: old.store,
            partition: old.partition,
            table: old.table,
            key: old.key,
            date: old.date,
            row: old.row.map(|row| match row {
                DerivedRowV3::Order(order) => DerivedRow::Order(Box::new((*order).into())),
                DerivedRowV3::Session(session) => DerivedRow::Session(session),
                DerivedRowV3::Cart(cart) => DerivedRow::Cart(cart.into()),
            }),
        }
    }
}

#[cfg(test)]
pub(crate) fn old_cart(store: StoreId, partition: TopicPartition, items: i64) -> DerivedChangeV3 {
    DerivedChangeV3 {
        store,
        partition,
        table: DerivedTable::Carts,
        key: "v@1".to_owned(),
        date: Date(1),
        row: Some(DerivedRowV3::Cart(CartRowV3 {
            cart_key: "v@1".to_owned(),
            date: Date(1),
            visitor: "v".to_owned(),
            cart_id: None,
            started_at: Micros(1),
            last_activity: Micros(2),
            items,
            value: Amount::from_raw(5),
            last_step: "cart".to_owned(),
            status: CartStatus::Open,
            converted_at: None,
        })),
    }
}
