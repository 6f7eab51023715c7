//! The rows operators keep for the lake: the current state of each order, session and cart, upserted by key.

use serde::{Deserialize, Serialize};
use tradewind_model::{Amount, Date, Micros, Quantity, StoreId, TopicPartition};

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Paid or payable, not yet sent.
    Completed,
    /// Sent.
    Fulfilled,
    /// Called off; its remaining revenue is netted out.
    Cancelled,
    /// Part of its revenue was paid back.
    PartiallyRefunded,
    /// All of its revenue was paid back.
    Refunded,
}

impl OrderStatus {
    /// The word in JSON and SQL.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Fulfilled => "fulfilled",
            Self::Cancelled => "cancelled",
            Self::PartiallyRefunded => "partially_refunded",
            Self::Refunded => "refunded",
        }
    }
}

/// One order as its events so far settle it. Key: (store, `order_id`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderRow {
    /// The order.
    pub order_id: String,
    /// Local date of the completion: the lake partition.
    pub date: Date,
    /// When it was completed.
    pub completed_at: Micros,
    /// The customer, when known.
    pub user_id: Option<String>,
    /// The visitor, when known.
    pub visitor: Option<String>,
    /// Where it stands.
    pub status: OrderStatus,
    /// Units bought.
    pub units: Quantity,
    /// Lines.
    pub lines: i64,
    /// Σ price · quantity.
    pub gross: Amount,
    /// Taken off by coupons and promotions.
    pub discount: Amount,
    /// Tax charged.
    pub tax: Amount,
    /// Shipping charged.
    pub shipping: Amount,
    /// What the customer pays.
    pub total: Amount,
    /// Paid back or netted out by cancellation so far, at most gross − discount.
    pub refunded: Amount,
    /// Gross − discount − refunded.
    pub net_revenue: Amount,
    /// Cost of the units, as far as costs are known.
    pub cost: Amount,
    /// Net revenue − cost of what was kept.
    pub profit: Amount,
    /// How it was paid.
    pub payment_method: Option<String>,
    /// The coupon.
    pub coupon: Option<String>,
    /// City of the order, when its event named one.
    pub city: Option<String>,
    /// Country of the order.
    pub country: Option<String>,
}

/// One session. Key: (store, `session_key`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionRow {
    /// `visitor` and client session id, or the visitor and the start of an inactivity session.
    pub session_key: String,
    /// Local date of the start: the lake partition.
    pub date: Date,
    /// The visitor.
    pub visitor: String,
    /// The client's session id, when it sent one.
    pub session_id: Option<String>,
    /// First event.
    pub started_at: Micros,
    /// Last event.
    pub ended_at: Micros,
    /// Events in it.
    pub events: i64,
    /// Page, list and product views in it.
    pub views: i64,
    /// Whether a product was viewed.
    pub viewed: bool,
    /// Whether something was put in the cart.
    pub carted: bool,
    /// Whether checkout began.
    pub checked_out: bool,
    /// Whether an order was completed.
    pub purchased: bool,
}

/// Where a cart stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CartStatus {
    /// Being filled.
    Open,
    /// Quiet for longer than the configured time, nothing ordered.
    Abandoned,
    /// Ordered after having been abandoned.
    Recovered,
    /// Ordered.
    Converted,
    /// Emptied by the visitor.
    Emptied,
}

impl CartStatus {
    /// The word in JSON and SQL.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Abandoned => "abandoned",
            Self::Recovered => "recovered",
            Self::Converted => "converted",
            Self::Emptied => "emptied",
        }
    }
}

/// One cart of a visitor, across visits. Key: (store, `cart_key`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CartRow {
    /// The visitor and the moment the cart was begun.
    pub cart_key: String,
    /// Local date of its beginning: the lake partition.
    pub date: Date,
    /// The visitor.
    pub visitor: String,
    /// The shop's cart id, when it sent one.
    pub cart_id: Option<String>,
    /// First item put in.
    pub started_at: Micros,
    /// Last thing done with it.
    pub last_activity: Micros,
    /// Units in it now, or when it was ordered.
    pub items: Quantity,
    /// Their value at the last known prices.
    pub value: Amount,
    /// Furthest step: `cart`, `checkout` or `purchase`.
    pub last_step: String,
    /// Where it stands.
    pub status: CartStatus,
    /// When it was ordered.
    pub converted_at: Option<Micros>,
}

/// A row of one of the three upserted tables.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum DerivedRow {
    /// `silver.orders`
    Order(Box<OrderRow>),
    /// `silver.sessions`
    Session(SessionRow),
    /// `silver.carts`
    Cart(CartRow),
}

/// A change of an upserted table: the row to put for a key, or its removal (a session that merged into another, an order
/// whose completion moved to another date).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DerivedChange {
    /// The store.
    pub store: StoreId,
    /// The partition whose operator decided it.
    pub partition: TopicPartition,
    /// Which table.
    pub table: DerivedTable,
    /// The key within (store, table).
    pub key: String,
    /// The date (lake partition) of the row being put or removed.
    pub date: Date,
    /// The row, or `None` to remove the key from that date.
    pub row: Option<DerivedRow>,
}

/// The upserted tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DerivedTable {
    /// `silver.orders`
    Orders,
    /// `silver.sessions`
    Sessions,
    /// `silver.carts`
    Carts,
}
