//! Renders events as native JSON, one object without a line end, straight into the caller's buffer.

use super::Simulator;
use super::event::{Body, Line, Page, SimEvent, SimKind, Who};
use super::rng::mix;
use super::store::SimStore;
use super::text::{hex, money, number, signed, text, time, uuid};
use super::trades::{COUPONS, METHODS, PROMOTIONS, REVIEWS};

const AGES: [&str; 6] = ["18-24", "25-34", "35-44", "45-54", "55-64", "65+"];
const STEPS: [&str; 4] = ["cart", "address", "delivery", "payment"];

impl Simulator {
    /// Appends `event` as one JSON object in the form POST /v1/events takes, without a line end.
    pub fn render_json(&self, event: &SimEvent, out: &mut Vec<u8>) {
        out.reserve(2_048);
        let store = &self.stores[event.store as usize];
        text(out, r#"{"type":""#);
        text(out, event.kind.name());
        text(out, r#"","event_id":""#);
        // A version 7 UUID: the time, then the event's number, mixed by steps that keep numbers apart.
        let low = event.number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ self.key;
        uuid(
            out,
            (event.time as u64 / 1_000) << 16 | mix(low) & 0xfff,
            low,
            7,
        );
        text(out, r#"","time":""#);
        time(out, event.time, false);
        out.push(b'"');
        if self.config.store_ids {
            field(out, "store_id", &store.id);
        }
        if let Some(who) = &event.who {
            self.who(store, who, event, out);
        }
        self.body(store, event, out);
        if let Some(who) = &event.who
            && has_context(event.kind)
        {
            self.context(store, who, event, out);
        }
        out.push(b'}');
    }

    fn who(&self, store: &SimStore, who: &Who, event: &SimEvent, out: &mut Vec<u8>) {
        if who.known {
            text(out, r#","user_id":"u"#);
            number(out, 100_000 + who.user);
            out.push(b'"');
        }
        text(out, r#","anonymous_id":"a"#);
        hex(out, mix(store.key() ^ mix(who.visitor)), 16);
        // Dispatch, refunds and reviews come long after the visit in which the order was placed.
        if has_context(event.kind) || event.kind == SimKind::PaymentSucceeded {
            text(out, r#"","session_id":"s"#);
            hex(out, mix(self.key ^ who.session), 16);
        }
        out.push(b'"');
        if who.known
            && matches!(
                event.kind,
                SimKind::SignedUp | SimKind::LoggedIn | SimKind::OrderCompleted
            )
        {
            text(out, r#","customer":{"age_group":""#);
            text(out, AGES[(who.traits >> 8) as usize % AGES.len()]);
            text(
                out,
                if who.traits & 1 == 0 {
                    r#"","gender":"f"}"#
                } else {
                    r#"","gender":"m"}"#
                },
            );
        }
    }

    fn body(&self, store: &SimStore, event: &SimEvent, out: &mut Vec<u8>) {
        match event.body {
            Body::Page(Page::Category(shelf)) => {
                text(out, r#","properties":{"category":""#);
                text(out, &store.catalogue.shelves[usize::from(shelf)].code);
                text(out, r#""}"#);
            }
            Body::Page(_) => {}
            Body::Search { shelf, query } => {
                let shelf = &store.catalogue.shelves[usize::from(shelf)];
                text(out, r#","search":{"query":""#);
                text(out, &shelf.queries[usize::from(query)]);
                text(out, r#""},"properties":{"results":"#);
                number(out, u64::from(shelf.size));
                out.push(b'}');
            }
            Body::Line {
                line,
                position,
                cart,
            } => {
                text(out, r#","product":{"#);
                product(store, line, false, out);
                if position > 0 {
                    text(out, r#","position":"#);
                    number(out, u64::from(position));
                }
                out.push(b'}');
                if matches!(event.kind, SimKind::ProductAdded | SimKind::ProductRemoved) {
                    self.cart(cart, out);
                }
                currency(store, out);
            }
            Body::Cart {
                ref lines,
                cart,
                coupon,
                step,
            } => {
                products(store, lines.as_slice(), false, out);
                self.cart(cart, out);
                currency(store, out);
                text(out, r#","properties":{"value":""#);
                money(out, lines.value());
                out.push(b'"');
                if let Some(coupon) = coupon {
                    field(out, "coupon", COUPONS[usize::from(coupon)].0);
                }
                if step > 0 {
                    text(out, r#","step":"#);
                    number(out, step.into());
                    field(out, "step_name", STEPS[usize::from(step)]);
                }
                out.push(b'}');
            }
            Body::Coupon { cart, coupon, off } => {
                self.cart(cart, out);
                text(out, r#","properties":{"coupon":""#);
                text(out, COUPONS[usize::from(coupon)].0);
                out.push(b'"');
                match event.kind {
                    SimKind::CouponApplied => money_field(out, "discount", off),
                    SimKind::CouponDenied => field(out, "reason", "expired"),
                    _ => {}
                }
                out.push(b'}');
            }
            Body::Promotion(banner) => {
                text(out, r#","properties":{"promotion_id":"promo-"#);
                number(out, u64::from(banner) + 1);
                text(out, r#"","name":""#);
                text(out, PROMOTIONS[usize::from(banner)]);
                text(out, r#"","position":"home_top"}"#);
            }
            Body::Login => text(out, r#","properties":{"method":"email"}"#),
            Body::Review {
                product,
                order,
                stars,
                text: body,
            } => {
                text(out, r#","product":{"#);
                text(out, &store.catalogue.products[product as usize].json);
                text(out, r#"},"review":{"rating":"#);
                number(out, stars.into());
                field(
                    out,
                    "body",
                    REVIEWS[usize::from(stars) - 1][usize::from(body)],
                );
                text(out, r#"},"properties":{"order_id":""#);
                self.order_id(store, order, out);
                text(out, r#""}"#);
            }
            Body::Stock { product, delta } => {
                text(out, r#","product":{"#);
                text(out, &store.catalogue.products[product as usize].json);
                text(out, r#"},"delta":"#);
                signed(out, delta);
            }
            Body::Price {
                product: index,
                price,
            } => {
                text(out, r#","product":{"#);
                product(
                    store,
                    Line {
                        product: index,
                        quantity: 0,
                        price,
                    },
                    true,
                    out,
                );
                out.push(b'}');
                currency(store, out);
            }
            Body::Upsert {
                product: index,
                price,
                stock,
            } => {
                text(out, r#","product":{"#);
                product(
                    store,
                    Line {
                        product: index,
                        quantity: 0,
                        price,
                    },
                    true,
                    out,
                );
                text(out, r#"},"stock":"#);
                signed(out, stock);
                currency(store, out);
            }
            _ => self.transaction(store, event, out),
        }
    }

    fn transaction(&self, store: &SimStore, event: &SimEvent, out: &mut Vec<u8>) {
        let begin = |order: u64, out: &mut Vec<u8>| {
            text(out, r#","order":{"order_id":""#);
            self.order_id(store, order, out);
            out.push(b'"');
        };
        match event.body {
            Body::Order {
                order,
                cart,
                ref lines,
                ref money,
                coupon,
                method,
            } => {
                products(store, lines.as_slice(), true, out);
                begin(order, out);
                money_field(out, "total", money.total());
                money_field(out, "revenue", money.revenue());
                money_field(out, "subtotal", money.subtotal);
                money_field(out, "discount", money.discount);
                money_field(out, "tax", money.tax);
                money_field(out, "shipping", money.shipping);
                if let Some(coupon) = coupon {
                    field(out, "coupon", COUPONS[usize::from(coupon)].0);
                }
                field(out, "payment_method", METHODS[usize::from(method)]);
                out.push(b'}');
                self.cart(cart, out);
            }
            Body::Payment {
                order,
                amount,
                method,
            } => {
                begin(order, out);
                money_field(out, "total", amount);
                field(out, "payment_method", METHODS[usize::from(method)]);
                out.push(b'}');
            }
            Body::OrderOnly { order } => {
                begin(order, out);
                out.push(b'}');
            }
            Body::RefundAmount { order, amount } => {
                begin(order, out);
                money_field(out, "total", amount);
                out.push(b'}');
            }
            Body::RefundLines { order, ref lines } => {
                products(store, lines.as_slice(), false, out);
                begin(order, out);
                out.push(b'}');
            }
            _ => {}
        }
        currency(store, out);
    }

    /// Order numbers carry the start of the run, so that a second run does not use them again.
    fn order_id(&self, store: &SimStore, order: u64, out: &mut Vec<u8>) {
        text(out, &store.prefix);
        out.push(b'-');
        hex(out, (self.config.start / 1_000_000) as u64, 8);
        out.push(b'-');
        number(out, 1_000 + order);
    }

    fn cart(&self, cart: u64, out: &mut Vec<u8>) {
        text(out, r#","cart_id":"c"#);
        hex(out, mix(!self.key ^ cart), 16);
        out.push(b'"');
    }
}

/// Whether the event was seen in the shopper's browser; back-office events have no context.
fn has_context(kind: SimKind) -> bool {
    kind < SimKind::ProductReviewed
        || matches!(
            kind,
            SimKind::SignedUp
                | SimKind::LoggedIn
                | SimKind::OrderCompleted
                | SimKind::PaymentFailed
        )
}

/// `,"name":"value"`; the value must need no escapes.
pub(super) fn field(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(b",\"");
    text(out, name);
    out.extend_from_slice(b"\":\"");
    text(out, value);
    out.push(b'"');
}

fn money_field(out: &mut Vec<u8>, name: &str, cents: i64) {
    out.extend_from_slice(b",\"");
    text(out, name);
    out.extend_from_slice(b"\":\"");
    money(out, cents);
    out.push(b'"');
}

fn currency(store: &SimStore, out: &mut Vec<u8>) {
    if store.names_currency {
        field(out, "currency", store.currency);
    }
}

/// The members of a product; only the shop's own systems know its cost.
fn product(store: &SimStore, line: Line, with_cost: bool, out: &mut Vec<u8>) {
    let product = &store.catalogue.products[line.product as usize];
    text(out, &product.json);
    money_field(out, "price", line.price.into());
    if with_cost {
        money_field(out, "cost", product.cost.into());
    }
    if line.quantity > 0 {
        text(out, r#","quantity":"#);
        number(out, line.quantity.into());
    }
}

fn products(store: &SimStore, lines: &[Line], with_cost: bool, out: &mut Vec<u8>) {
    text(out, r#","products":["#);
    for (i, line) in lines.iter().enumerate() {
        text(out, if i == 0 { "{" } else { ",{" });
        product(store, *line, with_cost, out);
        out.push(b'}');
    }
    out.push(b']');
}
