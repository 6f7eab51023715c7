//! The shapes of the views: what `GET /v1/views/NAME` and `/v1/live` carry, typed, with the schemas of `openapi.json`.
//!
//! Money is decimal text in the store's currency, counts are whole numbers, quantities numbers of at most three places, rates are numbers from 0 to 1 or null where
//! they are undefined, times are RFC 3339 in UTC. Nothing is computed here: operators decide the figures.

use serde::{Serialize, Serializer};
use tradewind_model::{Amount, Micros, Quantity};
use utoipa::ToSchema;

/// A decimal in the store's currency, with four fraction digits.
#[derive(ToSchema)]
#[schema(value_type = String, example = "1234.5000")]
pub struct Money(pub Amount);

/// How much of something, exact to a thousandth: whole for what is counted in pieces.
#[derive(ToSchema)]
#[schema(value_type = f64, example = 2.5)]
pub struct Units(pub Quantity);

/// A moment, RFC 3339 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2026-11-21T08:00:00Z")]
pub struct Time(pub Micros);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl From<Micros> for Time {
    fn from(moment: Micros) -> Self {
        Self(moment)
    }
}

/// The store's key figures of the period.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Overview {
    /// Events received.
    pub events: u64,
    /// Page, list and product views.
    pub views: u64,
    /// Distinct visitors.
    pub visitors: u64,
    /// Distinct visitors in the last five minutes before `to`.
    pub active_visitors: u64,
    /// Sessions begun.
    pub sessions: u64,
    /// Orders completed.
    pub orders: u64,
    /// Units in those orders.
    #[schema(value_type = Units)]
    pub units: Quantity,
    /// Σ price · quantity.
    #[schema(value_type = Money)]
    pub gross: Amount,
    /// Taken off by coupons and promotions.
    #[schema(value_type = Money)]
    pub discounts: Amount,
    /// Paid back, or netted out by cancellations.
    #[schema(value_type = Money)]
    pub refunds: Amount,
    /// Gross − discounts − refunds.
    #[schema(value_type = Money)]
    pub net_revenue: Amount,
    /// Cost of what was kept, as far as costs are known.
    #[schema(value_type = Money)]
    pub cost: Amount,
    /// Net revenue − cost.
    #[schema(value_type = Money)]
    pub profit: Amount,
    /// Profit ÷ net revenue; null without revenue.
    pub margin: Option<f64>,
    /// Net revenue ÷ orders; null without orders.
    #[schema(value_type = Option<Money>)]
    pub average_order_value: Option<Amount>,
    /// Visitors with an order ÷ visitors; null without visitors.
    pub conversion_rate: Option<f64>,
}

/// Visits over time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Traffic {
    /// Seconds between two points.
    pub interval_s: u64,
    /// Oldest first.
    pub points: Vec<TrafficPoint>,
}

/// One interval of traffic.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct TrafficPoint {
    /// Start of the interval.
    pub time: Time,
    /// Events received.
    pub events: u64,
    /// Page, list and product views.
    pub views: u64,
    /// Distinct visitors.
    pub visitors: u64,
}

/// Sales over time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Sales {
    /// Seconds between two points.
    pub interval_s: u64,
    /// Oldest first.
    pub points: Vec<SalesPoint>,
}

/// One interval of sales.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SalesPoint {
    /// Start of the interval.
    pub time: Time,
    /// Orders completed.
    pub orders: u64,
    /// Units in those orders.
    #[schema(value_type = Units)]
    pub units: Quantity,
    /// Σ price · quantity.
    #[schema(value_type = Money)]
    pub gross: Amount,
    /// Taken off by coupons and promotions.
    #[schema(value_type = Money)]
    pub discounts: Amount,
    /// Paid back, or netted out by cancellations.
    #[schema(value_type = Money)]
    pub refunds: Amount,
    /// Gross − discounts − refunds.
    #[schema(value_type = Money)]
    pub net_revenue: Amount,
    /// Cost of what was kept.
    #[schema(value_type = Money)]
    pub cost: Amount,
    /// Net revenue − cost.
    #[schema(value_type = Money)]
    pub profit: Amount,
}

/// Events arriving, second by second of received time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Throughput {
    /// Mean of the last ten seconds.
    pub events_per_second: f64,
    /// One point a second, the last 120, oldest first.
    pub points: Vec<ThroughputPoint>,
}

/// One second of throughput.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ThroughputPoint {
    /// Start of the second.
    pub time: Time,
    /// Events received in it.
    pub events: u64,
}

/// From view to purchase.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Funnel {
    /// View, cart, checkout, purchase, in this order.
    pub steps: Vec<FunnelStep>,
    /// Steps of which the store sent no event in the period. Nobody is counted at them, and later steps do not ask for them.
    #[schema(inline)]
    pub left_out: Vec<StepName>,
}

/// A step of the funnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepName {
    /// A product was viewed.
    View,
    /// Something was put in the cart.
    Cart,
    /// Checkout was begun.
    Checkout,
    /// An order was completed.
    Purchase,
}

/// How many reached a step.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct FunnelStep {
    /// The step.
    #[schema(inline)]
    pub step: StepName,
    /// Sessions that reached it.
    pub sessions: u64,
    /// Visitors who reached it and all steps before it that are not left out, in any order.
    pub visitors: u64,
    /// Events of it; of the purchase, orders completed.
    pub events: u64,
    /// Visitors ÷ visitors of the first step that is not left out; null when that is 0 or the step is left out.
    pub of_first: Option<f64>,
    /// Visitors ÷ visitors of the step before that is not left out; null for the first step, when that is 0 or the step is left out.
    pub of_previous: Option<f64>,
}

/// Products, categories, brands or cities by revenue, then views, highest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Ranking {
    /// The first rows, at most `limit`.
    pub rows: Vec<RankingRow>,
    /// How many there are in all.
    pub total_rows: u64,
}

/// One product, category, brand or city. Fields that do not apply are null.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct RankingRow {
    /// Identifies the row within its view.
    pub key: String,
    /// The name people see.
    pub name: Option<String>,
    /// The product's category.
    pub category: Option<String>,
    /// The product's brand.
    pub brand: Option<String>,
    /// The city's country, ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// Degrees north.
    pub lat: Option<f64>,
    /// Degrees east.
    pub lon: Option<f64>,
    /// Views.
    pub views: u64,
    /// Times put in a cart.
    pub carts: u64,
    /// Orders with it.
    pub orders: u64,
    /// Units ordered.
    #[schema(value_type = Units)]
    pub units: Quantity,
    /// Net revenue.
    #[schema(value_type = Money)]
    pub revenue: Amount,
    /// Cost of what was kept.
    #[schema(value_type = Money)]
    pub cost: Amount,
    /// Revenue − cost.
    #[schema(value_type = Money)]
    pub profit: Amount,
}

/// The latest orders, newest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Orders {
    /// At most `limit`.
    pub rows: Vec<OrderRow>,
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Paid or payable, not yet sent.
    Completed,
    /// Sent.
    Fulfilled,
    /// Called off.
    Cancelled,
    /// Part was paid back.
    PartiallyRefunded,
    /// All was paid back.
    Refunded,
}

/// One order.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct OrderRow {
    /// The shop's id of it.
    pub order_id: String,
    /// When it was completed.
    pub time: Time,
    /// The customer.
    pub user_id: Option<String>,
    /// The visitor.
    pub visitor: Option<String>,
    /// Where it went.
    pub city: Option<String>,
    /// Units.
    #[schema(value_type = Units)]
    pub items: Quantity,
    /// What the customer pays.
    #[schema(value_type = Money)]
    pub total: Amount,
    /// Net revenue.
    #[schema(value_type = Money)]
    pub net: Amount,
    /// Where it stands.
    #[schema(inline)]
    pub status: OrderStatus,
    /// How it was paid.
    pub payment_method: Option<String>,
}

/// Carts of the period and the latest abandoned ones, newest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Carts {
    /// Being filled.
    pub open: u64,
    /// Quiet for too long, nothing ordered.
    pub abandoned: u64,
    /// Ordered after having been abandoned.
    pub recovered: u64,
    /// Ordered.
    pub converted: u64,
    /// Value of the abandoned.
    #[schema(value_type = Money)]
    pub abandoned_value: Amount,
    /// Value of the recovered.
    #[schema(value_type = Money)]
    pub recovered_value: Amount,
    /// At most `limit`.
    pub rows: Vec<CartRow>,
}

/// One cart.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct CartRow {
    /// The shop's id of it, or the visitor and the moment it was begun.
    pub cart_id: String,
    /// The visitor.
    pub visitor: Option<String>,
    /// Last thing done with it.
    pub last_activity: Time,
    /// Units in it.
    #[schema(value_type = Units)]
    pub items: Quantity,
    /// Their value.
    #[schema(value_type = Money)]
    pub value: Amount,
    /// Furthest step: `cart`, `checkout` or `purchase`.
    pub last_step: Option<String>,
    /// `abandoned`.
    pub status: String,
}

/// Sessions of the period.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Sessions {
    /// Sessions begun.
    pub sessions: u64,
    /// Sessions with one event.
    pub bounces: u64,
    /// Bounces ÷ sessions; null without sessions.
    pub bounce_rate: Option<f64>,
    /// Mean seconds from the first to the last event; null without sessions.
    pub average_duration_s: Option<f64>,
    /// Mean events a session; null without sessions.
    pub events_per_session: Option<f64>,
}

/// The data of one view.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
#[allow(
    clippy::large_enum_variant,
    reason = "short-lived: built, serialised, dropped"
)]
pub enum ViewData {
    /// `overview`
    Overview(Overview),
    /// `traffic`
    Traffic(Traffic),
    /// `sales`
    Sales(Sales),
    /// `throughput`
    Throughput(Throughput),
    /// `funnel`
    Funnel(Funnel),
    /// `products`, `categories`, `brands`, `cities`
    Ranking(Ranking),
    /// `orders`
    Orders(Orders),
    /// `carts`
    Carts(Carts),
    /// `sessions`
    Sessions(Sessions),
}

/// The heartbeat of `/v1/live`, every second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, ToSchema)]
pub struct LiveStatus {
    /// Events of this store received a second, mean of the last ten seconds.
    pub events_per_second: f64,
    /// How long ago the newest event that views do not show yet was received; 0 when they show all.
    pub lag_ms: u64,
}
