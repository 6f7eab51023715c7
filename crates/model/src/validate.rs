//! Turns a decoded draft into an [`Event`] or a [`Rejection`] that says which field was wrong and what is accepted.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::amount::Amount;
use crate::event::{Event, EventType, Text};
use crate::ids::Topic;
use crate::quantity::Quantity;
use crate::store::Store;
use crate::time::Micros;

/// How far ahead of its arrival an event's time may lie; beyond it the sender's clock is wrong.
pub const MAX_AHEAD: i64 = Micros::DAY;
/// The longest id accepted, in bytes.
pub const MAX_ID_BYTES: usize = 512;
/// The most products in one event.
pub const MAX_PRODUCTS: usize = 1_000;
/// The most units in one line, and the largest stock.
pub const MAX_UNITS: Quantity = Quantity::from_units(1_000_000_000);
/// The deepest nesting of `properties`.
pub const MAX_DEPTH: usize = 32;

/// The kind of a rejection: stable words that scripts may match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectCode {
    /// The bytes are not what the format says (JSON syntax, CSV columns, UTF-8).
    Malformed,
    /// The value is not an object, or is nested too deeply or too large.
    Unacceptable,
    /// `type` is none of the event model's.
    UnknownType,
    /// A field the type needs is not there.
    MissingField,
    /// A field has the wrong type or a value out of range.
    InvalidField,
    /// The event time is out of range or too far ahead of its arrival.
    InvalidTime,
    /// The currency is not the store's.
    CurrencyMismatch,
    /// The event names another store than the key's.
    StoreMismatch,
}

impl RejectCode {
    /// Every code.
    pub const ALL: [Self; 8] = [
        Self::Malformed,
        Self::Unacceptable,
        Self::UnknownType,
        Self::MissingField,
        Self::InvalidField,
        Self::InvalidTime,
        Self::CurrencyMismatch,
        Self::StoreMismatch,
    ];

    /// The word in JSON and SQL.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Unacceptable => "unacceptable",
            Self::UnknownType => "unknown_type",
            Self::MissingField => "missing_field",
            Self::InvalidField => "invalid_field",
            Self::InvalidTime => "invalid_time",
            Self::CurrencyMismatch => "currency_mismatch",
            Self::StoreMismatch => "store_mismatch",
        }
    }

    /// The code of a word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.name() == name)
    }
}

impl fmt::Display for RejectCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why an event did not become silver.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Rejection {
    /// The kind.
    pub code: RejectCode,
    /// The field's path, such as `products.2.price`; empty when the whole item is meant.
    pub field: String,
    /// What was wrong and what is accepted.
    pub message: String,
    /// The topic, where the type could still be read.
    pub topic: Option<Topic>,
}

impl Rejection {
    /// A rejection of a field, or of the whole item when `field` is empty.
    #[must_use]
    pub fn new(code: RejectCode, field: impl Into<String>, message: impl fmt::Display) -> Self {
        let field = field.into();
        let message = if field.is_empty() {
            message.to_string()
        } else {
            format!("`{field}` {message}")
        };
        Self {
            code,
            field,
            message,
            topic: None,
        }
    }
}

/// What a decoder could read of an item, before anything was checked across fields.
#[derive(Debug)]
pub struct Draft<'a> {
    /// The fields; its type, id and time are placeholders unless the ones below are set.
    pub event: Event<'a>,
    /// The type, when one was given and known.
    pub event_type: Option<EventType>,
    /// A type was given, but it is none of ours.
    pub unknown_type: Option<Text<'a>>,
    /// The event time, when given.
    pub time: Option<Micros>,
    /// The first field that could not be read.
    pub problem: Option<Rejection>,
}

impl<'a> Draft<'a> {
    /// Nothing read yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            event: Event::new(EventType::PageViewed),
            event_type: None,
            unknown_type: None,
            time: None,
            problem: None,
        }
    }

    /// Notes that a field could not be read; the first one is told.
    pub fn fail(&mut self, code: RejectCode, field: impl Into<String>, message: impl fmt::Display) {
        if self.problem.is_none() {
            self.problem = Some(Rejection::new(code, field, message));
        }
    }
}

impl Default for Draft<'_> {
    fn default() -> Self {
        Self::new()
    }
}

/// What the door knows about an item: facts kept in the journal record, so that decoding again gives the same event.
#[derive(Debug, Clone, Copy)]
pub struct Envelope<'a> {
    /// When the item was received; stands in for a missing event time.
    pub received_at: Micros,
    /// The id given at the door; stands in for a missing `event_id`.
    pub event_id: &'a str,
}

/// Checks a draft against the event model and its store.
///
/// # Errors
/// [`Rejection`] for the first thing that is wrong.
pub fn finish<'a>(
    draft: Draft<'a>,
    envelope: &Envelope<'a>,
    store: &Store,
) -> Result<Event<'a>, Rejection> {
    let topic = draft.event_type.map(EventType::topic);
    check(draft, envelope, store).map_err(|mut rejection| {
        rejection.topic = topic;
        rejection
    })
}

fn check<'a>(
    draft: Draft<'a>,
    envelope: &Envelope<'a>,
    store: &Store,
) -> Result<Event<'a>, Rejection> {
    if let Some(problem) = draft.problem {
        return Err(problem);
    }
    let Some(event_type) = draft.event_type else {
        return Err(match draft.unknown_type {
            Some(name) => unknown_type(&name),
            None => Rejection::new(
                RejectCode::MissingField,
                "type",
                "is missing; accepted is an event type such as `product_viewed`",
            ),
        });
    };
    let mut event = draft.event;
    event.event_type = event_type;
    if event.event_id.is_empty() {
        event.event_id = Cow::Borrowed(envelope.event_id);
    }
    event.time = draft.time.unwrap_or(envelope.received_at);
    check_time(event.time, envelope.received_at)?;
    check_store(&event, store)?;
    check_ids(&event)?;
    check_lines(&event)?;
    check_required(&event)?;
    check_place(&event.context)?;
    Ok(event)
}

fn unknown_type(name: &str) -> Rejection {
    let nearest = EventType::ALL
        .iter()
        .min_by_key(|t| distance(t.name(), name))
        .filter(|t| distance(t.name(), name) <= 4);
    let shown: String = name.chars().take(60).collect();
    let hint = nearest.map_or_else(
        || "accepted are the event types of the documentation, such as `product_viewed` or `order_completed`".to_owned(),
        |t| format!("did you mean `{}`?", t.name()),
    );
    Rejection::new(
        RejectCode::UnknownType,
        "type",
        format!("is `{shown}`, which is no event type; {hint}"),
    )
}

/// Levenshtein distance, for the nearest known word.
#[must_use]
pub fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().take(64).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let substitute = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

fn check_time(time: Micros, received_at: Micros) -> Result<(), Rejection> {
    if time < Micros::MIN_EVENT || time >= Micros::END_EVENT {
        return Err(Rejection::new(
            RejectCode::InvalidTime,
            "time",
            format!("is {time}; accepted are times from 1970-01-01 to 2199-12-31"),
        ));
    }
    if time > received_at.plus(MAX_AHEAD) {
        return Err(Rejection::new(
            RejectCode::InvalidTime,
            "time",
            format!(
                "is {time}, more than 24 hours after the event arrived ({received_at}); check the sender's clock"
            ),
        ));
    }
    Ok(())
}

fn check_store(event: &Event<'_>, store: &Store) -> Result<(), Rejection> {
    if let Some(named) = &event.store_id
        && named.as_ref() != store.store_id.as_str()
    {
        return Err(Rejection::new(
            RejectCode::StoreMismatch,
            "store_id",
            format!(
                "is `{}`, but the key belongs to store `{}`",
                shorten(named),
                store.store_id
            ),
        ));
    }
    if let Some(currency) = &event.currency
        && !currency.eq_ignore_ascii_case(&store.currency)
    {
        return Err(Rejection::new(
            RejectCode::CurrencyMismatch,
            "currency",
            format!(
                "is `{}`, but store `{}` counts in {}; convert the amounts before sending, or send to a store that counts in it (`tradewind key create --store NAME --kind write --currency CODE`)",
                shorten(currency),
                store.store_id,
                store.currency
            ),
        ));
    }
    Ok(())
}

fn shorten(text: &str) -> String {
    text.chars().take(60).collect()
}

fn check_ids(event: &Event<'_>) -> Result<(), Rejection> {
    let ids = [
        ("event_id", Some(&event.event_id)),
        ("user_id", event.user_id.as_ref()),
        ("anonymous_id", event.anonymous_id.as_ref()),
        ("session_id", event.session_id.as_ref()),
        ("cart_id", event.cart_id.as_ref()),
        ("order.order_id", event.order.order_id.as_ref()),
    ];
    for (field, id) in ids {
        if let Some(id) = id
            && id.len() > MAX_ID_BYTES
        {
            return Err(Rejection::new(
                RejectCode::InvalidField,
                field,
                format!(
                    "has {} bytes; at most {MAX_ID_BYTES} are accepted",
                    id.len()
                ),
            ));
        }
    }
    Ok(())
}

fn check_lines(event: &Event<'_>) -> Result<(), Rejection> {
    if event.products.len() > MAX_PRODUCTS {
        return Err(Rejection::new(
            RejectCode::InvalidField,
            "products",
            format!(
                "has {} entries; at most {MAX_PRODUCTS} are accepted",
                event.products.len()
            ),
        ));
    }
    for (i, line) in event.products.iter().enumerate() {
        let at = |name: &str| {
            if event.products.len() == 1 {
                format!("product.{name}")
            } else {
                format!("products.{i}.{name}")
            }
        };
        if line.product_id.is_empty() {
            return Err(Rejection::new(
                RejectCode::MissingField,
                at("product_id"),
                "is missing; every product needs an id",
            ));
        }
        if line.product_id.len() > MAX_ID_BYTES {
            return Err(Rejection::new(
                RejectCode::InvalidField,
                at("product_id"),
                format!(
                    "has {} bytes; at most {MAX_ID_BYTES} are accepted",
                    line.product_id.len()
                ),
            ));
        }
        for (name, amount) in [("price", line.price), ("cost", line.cost)] {
            if amount.is_some_and(Amount::is_negative) {
                return Err(Rejection::new(
                    RejectCode::InvalidField,
                    at(name),
                    format!(
                        "is {}; accepted are amounts from 0",
                        amount.unwrap_or_default()
                    ),
                ));
            }
        }
        let units = line.units();
        if !(Quantity::ZERO..=MAX_UNITS).contains(&units) {
            return Err(Rejection::new(
                RejectCode::InvalidField,
                at("quantity"),
                format!(
                    "is {units}; accepted are quantities from 0 to {MAX_UNITS}, with at most 3 places (what comes back is an `order_refunded` event)"
                ),
            ));
        }
        let line_limit = i128::from(Amount::MAX_INPUT.raw());
        let thousandths =
            i128::from(line.price.unwrap_or_default().raw()) * i128::from(units.raw());
        if thousandths > line_limit * i128::from(Quantity::SCALE) {
            return Err(Rejection::new(
                RejectCode::InvalidField,
                at("quantity"),
                format!("times the price is beyond {}", Amount::MAX_INPUT),
            ));
        }
    }
    let order = &event.order;
    for (name, amount) in [
        ("order.total", order.total),
        ("order.revenue", order.revenue),
        ("order.subtotal", order.subtotal),
        ("order.discount", order.discount),
        ("order.tax", order.tax),
        ("order.shipping", order.shipping),
    ] {
        if let Some(amount) = amount
            && amount.is_negative()
        {
            return Err(Rejection::new(
                RejectCode::InvalidField,
                name,
                format!(
                    "is {amount}; accepted are amounts from 0 (a refund is an `order_refunded` event)"
                ),
            ));
        }
    }
    Ok(())
}

fn check_required(event: &Event<'_>) -> Result<(), Rejection> {
    use EventType as T;
    let t = event.event_type;
    let missing = |field: &str, why: &str| {
        Err(Rejection::new(
            RejectCode::MissingField,
            field,
            format!("is missing; {} needs {why}", t.name()),
        ))
    };
    match t {
        T::ProductViewed
        | T::ProductClicked
        | T::ProductAdded
        | T::ProductRemoved
        | T::ProductAddedToWishlist
        | T::ProductRemovedFromWishlist
        | T::ProductShared
        | T::ProductReviewed
        | T::PriceChanged
        | T::ProductUpserted
        | T::ShipmentReceived
        | T::InventoryAdjusted
            if event.products.is_empty() =>
        {
            return missing("product.product_id", "the product's id");
        }
        T::ProductsSearched if event.query.is_none() => {
            return missing("search.query", "the words searched for");
        }
        T::PriceChanged if event.products[0].price.is_none() => {
            return missing("product.price", "the new price");
        }
        T::InventoryAdjusted if event.stock.is_none() && event.delta.is_none() => {
            return missing("stock", "the absolute `stock` or a `delta`");
        }
        T::ShipmentReceived if event.delta.is_none() && event.products[0].quantity.is_none() => {
            return missing(
                "product.quantity",
                "the units received, as `product.quantity` or `delta`",
            );
        }
        T::SignedUp | T::LoggedIn | T::Identified if event.user_id.is_none() => {
            return missing("user_id", "the customer's id");
        }
        _ => {}
    }
    if t.topic() == Topic::Transactions && event.order.order_id.as_deref().is_none_or(str::is_empty)
    {
        return missing("order.order_id", "the order's id");
    }
    if t == T::OrderCompleted
        && event.order.total.is_none()
        && event.order.subtotal.is_none()
        && event.order.revenue.is_none()
        && event.products.is_empty()
    {
        return missing(
            "order.total",
            "`order.total`, `order.subtotal` or the `products` bought",
        );
    }
    let by_visitor = matches!(t.topic(), Topic::UserEvents);
    if by_visitor && event.visitor().is_none_or(str::is_empty) {
        return missing(
            "anonymous_id",
            "the visitor, as `anonymous_id` or `user_id`",
        );
    }
    for (field, stock) in [("stock", event.stock), ("delta", event.delta)] {
        if stock.is_some_and(|s| s > MAX_UNITS || -s > MAX_UNITS)
            || (field == "stock" && stock.is_some_and(Quantity::is_negative))
        {
            return Err(Rejection::new(
                RejectCode::InvalidField,
                field,
                format!(
                    "is {}; accepted are quantities up to {MAX_UNITS}, with at most 3 places",
                    stock.unwrap_or_default()
                ),
            ));
        }
    }
    Ok(())
}

fn check_place(context: &crate::event::Context<'_>) -> Result<(), Rejection> {
    for (field, degrees, limit) in [
        ("context.lat", context.lat, 90.0),
        ("context.lon", context.lon, 180.0),
    ] {
        if let Some(degrees) = degrees
            && !(-limit..=limit).contains(&degrees)
        {
            return Err(Rejection::new(
                RejectCode::InvalidField,
                field,
                format!("is {degrees}; accepted are degrees from -{limit} to {limit}"),
            ));
        }
    }
    Ok(())
}
