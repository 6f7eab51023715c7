//! What the simulator yields: one event with everything its rendering needs, small enough to be copied.

macro_rules! kinds {
    ($($kind:ident $name:literal,)*) => {
        /// What happened; the names are the native event types.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum SimKind { $(#[doc = $name] $kind,)* }

        impl SimKind {
            /// The native event type, such as `product_viewed`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }
        }
    };
}

kinds! {
    PageViewed "page_viewed",
    ProductsSearched "products_searched",
    ProductListViewed "product_list_viewed",
    ProductClicked "product_clicked",
    ProductViewed "product_viewed",
    ProductAdded "product_added",
    ProductRemoved "product_removed",
    CartViewed "cart_viewed",
    CheckoutStarted "checkout_started",
    CheckoutStepViewed "checkout_step_viewed",
    CheckoutStepCompleted "checkout_step_completed",
    PaymentInfoEntered "payment_info_entered",
    PromotionViewed "promotion_viewed",
    PromotionClicked "promotion_clicked",
    CouponEntered "coupon_entered",
    CouponApplied "coupon_applied",
    CouponDenied "coupon_denied",
    WishlistAdded "product_added_to_wishlist",
    WishlistRemoved "product_removed_from_wishlist",
    ProductShared "product_shared",
    ProductReviewed "product_reviewed",
    SignedUp "signed_up",
    LoggedIn "logged_in",
    OrderCompleted "order_completed",
    OrderCancelled "order_cancelled",
    OrderRefunded "order_refunded",
    OrderFulfilled "order_fulfilled",
    PaymentSucceeded "payment_succeeded",
    PaymentFailed "payment_failed",
    InventoryAdjusted "inventory_adjusted",
    ShipmentReceived "shipment_received",
    PriceChanged "price_changed",
    ProductUpserted "product_upserted",
}

/// One simulated event.
#[derive(Clone, Copy, Debug)]
pub struct SimEvent {
    /// When it is sent, UTC µs: never less than the event before it.
    pub at: i64,
    /// When it happened, UTC µs: `at`, except for late sends (up to 30 s earlier) and duplicates (up to 60 s).
    pub time: i64,
    /// Index into [`super::Simulator::stores`].
    pub store: u32,
    /// What happened.
    pub kind: SimKind,
    /// The event was already sent once, with the same event_id and the same bytes.
    pub duplicate: bool,
    pub(super) number: u64,
    pub(super) who: Option<Who>,
    /// First event of its session: it knows the page the shopper came from.
    pub(super) landing: bool,
    pub(super) body: Body,
}

/// The shopper as an event knows them. City, device and source are indexes into the store's and the world's lists.
#[derive(Clone, Copy, Debug)]
pub(super) struct Who {
    pub visitor: u64,
    pub session: u64,
    pub user: u64,
    /// Whether the shop knows the user by now (logged in).
    pub known: bool,
    pub city: u8,
    pub device: u8,
    pub source: u8,
    /// Bits the address and the customer's age and gender are taken from.
    pub traits: u64,
}

/// One line of a cart or an order; the price is in cents per piece.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    pub product: u32,
    pub quantity: u16,
    pub price: u32,
}

impl Line {
    pub(super) fn value(self) -> i64 {
        i64::from(self.price) * i64::from(self.quantity)
    }
}

/// Up to six lines, held in place.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lines {
    len: u8,
    lines: [Line; 6],
}

impl Lines {
    pub(super) fn as_slice(&self) -> &[Line] {
        &self.lines[..usize::from(self.len)]
    }

    pub(super) fn is_full(&self) -> bool {
        usize::from(self.len) == self.lines.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds to the product's line, or a new one while there is room.
    pub(super) fn add(&mut self, line: Line) {
        let len = usize::from(self.len);
        if let Some(same) = self.lines[..len]
            .iter_mut()
            .find(|l| l.product == line.product && l.price == line.price)
        {
            same.quantity += line.quantity;
        } else if !self.is_full() {
            self.lines[len] = line;
            self.len += 1;
        }
    }

    pub(super) fn remove(&mut self, index: usize) -> Line {
        let line = self.lines[index];
        self.lines
            .copy_within(index + 1..usize::from(self.len), index);
        self.len -= 1;
        line
    }

    pub(super) fn value(&self) -> i64 {
        self.as_slice().iter().map(|line| line.value()).sum()
    }
}

/// An order's money in cents. The total is never stored, so it cannot disagree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Money {
    pub subtotal: i64,
    pub discount: i64,
    pub tax: i64,
    pub shipping: i64,
}

impl Money {
    pub(super) const fn revenue(&self) -> i64 {
        self.subtotal - self.discount
    }

    pub(super) const fn total(&self) -> i64 {
        self.revenue() + self.tax + self.shipping
    }
}

/// A page that is not a product's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    Home,
    Category(u8),
    Account,
    Delivery,
    ThankYou,
}

/// The part of an event that depends on its kind. Orders are numbers counted per store.
#[derive(Clone, Copy, Debug)]
pub(super) enum Body {
    Page(Page),
    Search {
        shelf: u8,
        query: u8,
    },
    Line {
        line: Line,
        position: u8,
        cart: u64,
    },
    Cart {
        lines: Lines,
        cart: u64,
        coupon: Option<u8>,
        step: u8,
    },
    Coupon {
        cart: u64,
        coupon: u8,
        off: i64,
    },
    Promotion(u8),
    Login,
    Order {
        order: u64,
        cart: u64,
        lines: Lines,
        money: Money,
        coupon: Option<u8>,
        method: u8,
    },
    Payment {
        order: u64,
        amount: i64,
        method: u8,
    },
    OrderOnly {
        order: u64,
    },
    RefundAmount {
        order: u64,
        amount: i64,
    },
    RefundLines {
        order: u64,
        lines: Lines,
    },
    Review {
        product: u32,
        order: u64,
        stars: u8,
        text: u8,
    },
    Stock {
        product: u32,
        delta: i64,
    },
    Price {
        product: u32,
        price: u32,
    },
    Upsert {
        product: u32,
        price: u32,
        stock: i64,
    },
}
