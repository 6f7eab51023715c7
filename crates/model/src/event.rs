//! The canonical commerce event: the Segment e-commerce spec v2 names in snake_case.

use std::borrow::Cow;

use crate::amount::Amount;
use crate::ids::Topic;
use crate::quantity::Quantity;
use crate::time::Micros;

/// Text that borrows from the received bytes where nothing had to be unescaped.
pub type Text<'a> = Cow<'a, str>;

macro_rules! event_types {
    ($($variant:ident $name:literal $topic:ident $code:literal),+ $(,)?) => {
        /// What happened. The names are fixed by DESIGN; the codes are fixed by stored state.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        #[allow(missing_docs, reason = "the names are the Segment e-commerce spec's own")]
        pub enum EventType { $($variant = $code),+ }

        impl EventType {
            /// Every type, in the order of the design.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name in JSON and SQL.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// The type of a name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)+ _ => None }
            }

            /// The topic that carries it.
            #[must_use]
            pub const fn topic(self) -> Topic {
                match self { $(Self::$variant => Topic::$topic),+ }
            }
        }
    };
}

event_types! {
    PageViewed "page_viewed" UserEvents 0,
    ProductsSearched "products_searched" UserEvents 1,
    ProductListViewed "product_list_viewed" UserEvents 2,
    ProductClicked "product_clicked" UserEvents 3,
    ProductViewed "product_viewed" UserEvents 4,
    ProductAdded "product_added" UserEvents 5,
    ProductRemoved "product_removed" UserEvents 6,
    CartViewed "cart_viewed" UserEvents 7,
    CheckoutStarted "checkout_started" UserEvents 8,
    CheckoutStepViewed "checkout_step_viewed" UserEvents 9,
    CheckoutStepCompleted "checkout_step_completed" UserEvents 10,
    PaymentInfoEntered "payment_info_entered" UserEvents 11,
    PromotionViewed "promotion_viewed" UserEvents 12,
    PromotionClicked "promotion_clicked" UserEvents 13,
    CouponEntered "coupon_entered" UserEvents 14,
    CouponApplied "coupon_applied" UserEvents 15,
    CouponDenied "coupon_denied" UserEvents 16,
    CouponRemoved "coupon_removed" UserEvents 17,
    ProductAddedToWishlist "product_added_to_wishlist" UserEvents 18,
    ProductRemovedFromWishlist "product_removed_from_wishlist" UserEvents 19,
    ProductShared "product_shared" UserEvents 20,
    ProductReviewed "product_reviewed" UserEvents 21,
    SignedUp "signed_up" UserEvents 22,
    LoggedIn "logged_in" UserEvents 23,
    Identified "identified" UserEvents 24,
    OrderCompleted "order_completed" Transactions 32,
    OrderUpdated "order_updated" Transactions 33,
    OrderCancelled "order_cancelled" Transactions 34,
    OrderRefunded "order_refunded" Transactions 35,
    OrderFulfilled "order_fulfilled" Transactions 36,
    PaymentSucceeded "payment_succeeded" Transactions 37,
    PaymentFailed "payment_failed" Transactions 38,
    InventoryAdjusted "inventory_adjusted" InventoryUpdates 64,
    ShipmentReceived "shipment_received" InventoryUpdates 65,
    PriceChanged "price_changed" InventoryUpdates 66,
    ProductUpserted "product_upserted" InventoryUpdates 67,
}

/// A step of the purchase funnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Step {
    /// A product was looked at.
    View = 0,
    /// A product was put into the cart.
    Cart = 1,
    /// Checkout began.
    Checkout = 2,
    /// An order was completed.
    Purchase = 3,
}

impl Step {
    /// The steps in order.
    pub const ALL: [Self; 4] = [Self::View, Self::Cart, Self::Checkout, Self::Purchase];

    /// The step's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Cart => "cart",
            Self::Checkout => "checkout",
            Self::Purchase => "purchase",
        }
    }
}

impl EventType {
    /// The funnel step this event reaches, if any.
    #[must_use]
    pub const fn step(self) -> Option<Step> {
        match self {
            Self::ProductViewed => Some(Step::View),
            Self::ProductAdded => Some(Step::Cart),
            Self::CheckoutStarted
            | Self::CheckoutStepViewed
            | Self::CheckoutStepCompleted
            | Self::PaymentInfoEntered => Some(Step::Checkout),
            Self::OrderCompleted => Some(Step::Purchase),
            _ => None,
        }
    }

    /// Whether the event is a look at something: a page, a list or a product.
    #[must_use]
    pub const fn is_view(self) -> bool {
        matches!(
            self,
            Self::PageViewed | Self::ProductListViewed | Self::ProductViewed
        )
    }

    /// Whether a shopper, not the shop's back office, caused the event; only these make visits and sessions.
    #[must_use]
    pub const fn is_by_visitor(self) -> bool {
        matches!(self.topic(), Topic::UserEvents) || matches!(self, Self::OrderCompleted)
    }

    /// The event's stable number in stored state.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }
}

/// A product, or one line of an order or a cart.
#[derive(Debug, Clone, Default, PartialEq)]
#[allow(missing_docs, reason = "the field names are the event model's own")]
pub struct Product<'a> {
    pub product_id: Text<'a>,
    pub sku: Option<Text<'a>>,
    pub name: Option<Text<'a>>,
    /// Path of the category, dots between levels.
    pub category: Option<Text<'a>>,
    pub brand: Option<Text<'a>>,
    pub variant: Option<Text<'a>>,
    /// Price of one unit.
    pub price: Option<Amount>,
    /// What one unit costs the shop.
    pub cost: Option<Amount>,
    /// Units; 1 when the sender named none.
    pub quantity: Option<Quantity>,
    pub coupon: Option<Text<'a>>,
    pub position: Option<i64>,
}

impl Product<'_> {
    /// Units of the line, 1 when not stated.
    #[must_use]
    pub fn units(&self) -> Quantity {
        self.quantity.unwrap_or(Quantity::ONE)
    }

    /// Price times units, zero without a price.
    #[must_use]
    pub fn line_total(&self) -> Amount {
        self.units().at(self.price.unwrap_or_default())
    }
}

/// What an event says of an order.
#[derive(Debug, Clone, Default, PartialEq)]
#[allow(missing_docs, reason = "the field names are the event model's own")]
pub struct Order<'a> {
    pub order_id: Option<Text<'a>>,
    /// What the customer pays: subtotal − discount + tax + shipping. On a refund: what is paid back.
    pub total: Option<Amount>,
    /// Subtotal − discount, without tax and shipping.
    pub revenue: Option<Amount>,
    pub subtotal: Option<Amount>,
    pub discount: Option<Amount>,
    pub tax: Option<Amount>,
    pub shipping: Option<Amount>,
    pub coupon: Option<Text<'a>>,
    pub payment_method: Option<Text<'a>>,
    pub status: Option<Text<'a>>,
}

/// Where and how the event happened.
#[derive(Debug, Clone, Default, PartialEq)]
#[allow(missing_docs, reason = "the field names are the event model's own")]
pub struct Context<'a> {
    pub ip: Option<Text<'a>>,
    pub user_agent: Option<Text<'a>>,
    pub locale: Option<Text<'a>>,
    pub page_url: Option<Text<'a>>,
    pub page_path: Option<Text<'a>>,
    pub page_title: Option<Text<'a>>,
    pub page_referrer: Option<Text<'a>>,
    pub campaign_source: Option<Text<'a>>,
    pub campaign_medium: Option<Text<'a>>,
    pub campaign_name: Option<Text<'a>>,
    pub campaign_term: Option<Text<'a>>,
    pub campaign_content: Option<Text<'a>>,
    pub device_type: Option<Text<'a>>,
    pub device_os: Option<Text<'a>>,
    pub device_browser: Option<Text<'a>>,
    pub country: Option<Text<'a>>,
    pub region: Option<Text<'a>>,
    pub city: Option<Text<'a>>,
    /// Degrees north, −90 to 90.
    pub lat: Option<f64>,
    /// Degrees east, −180 to 180.
    pub lon: Option<f64>,
}

/// One fact from a shop, decoded once and borrowed from the bytes it came in.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "the field names are the event model's own")]
pub struct Event<'a> {
    pub event_type: EventType,
    /// The sender's idempotency key, or the one given at the door.
    pub event_id: Text<'a>,
    /// Event time.
    pub time: Micros,
    pub store_id: Option<Text<'a>>,
    pub user_id: Option<Text<'a>>,
    pub anonymous_id: Option<Text<'a>>,
    pub session_id: Option<Text<'a>>,
    /// The `product` of the event, or its `products`, in the order sent.
    pub products: Vec<Product<'a>>,
    pub order: Order<'a>,
    pub currency: Option<Text<'a>>,
    pub cart_id: Option<Text<'a>>,
    pub query: Option<Text<'a>>,
    /// Stars or points as sent.
    pub review_rating: Option<f64>,
    pub review_body: Option<Text<'a>>,
    /// Absolute stock, units.
    pub stock: Option<Quantity>,
    /// Change of stock, units.
    pub delta: Option<Quantity>,
    pub context: Context<'a>,
    pub age_group: Option<Text<'a>>,
    pub gender: Option<Text<'a>>,
    /// Free JSON object as text, with every unknown field of the event added.
    pub properties: Option<Text<'a>>,
}

impl<'a> Event<'a> {
    /// An event of a type with nothing else known.
    #[must_use]
    pub fn new(event_type: EventType) -> Self {
        Self {
            event_type,
            event_id: Text::Borrowed(""),
            time: Micros(0),
            store_id: None,
            user_id: None,
            anonymous_id: None,
            session_id: None,
            products: Vec::new(),
            order: Order::default(),
            currency: None,
            cart_id: None,
            query: None,
            review_rating: None,
            review_body: None,
            stock: None,
            delta: None,
            context: Context::default(),
            age_group: None,
            gender: None,
            properties: None,
        }
    }

    /// The visitor: `anonymous_id` when present, else `user_id`, so that a login in mid-visit does not split a visit.
    #[must_use]
    pub fn visitor(&self) -> Option<&str> {
        self.anonymous_id.as_deref().or(self.user_id.as_deref())
    }

    /// The first product, if any.
    #[must_use]
    pub fn product(&self) -> Option<&Product<'a>> {
        self.products.first()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_codes_are_unique_and_round_trip() {
        let mut codes: Vec<u8> = EventType::ALL.iter().map(|t| t.code()).collect();
        codes.dedup();
        assert_eq!(codes.len(), EventType::ALL.len());
        for t in EventType::ALL {
            assert_eq!(EventType::from_name(t.name()), Some(*t));
        }
        assert_eq!(EventType::ALL.len(), 36);
    }
}
