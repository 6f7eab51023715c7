//! Orders: what the events of an order, in any order of arrival and however often sent, settle to.
//!
//! An order's facts are the set of its events. The pure function [`settle`] turns that set into the order's figures and into
//! bookings (amounts at moments), so that repeated and out-of-order events give the same numbers: when a fact arrives, the
//! bookings of the facts before are taken back and the new ones made.
//!
//! Terms. The completion is the earliest `order_completed`; lines and amounts are those of the latest `order_completed` or
//! `order_updated` that carries any, by (time, event id). Subtotal = what was sent, else Σ price · quantity, else revenue +
//! discount, else total − tax − shipping + discount. Revenue = subtotal − discount: the goods, without tax and shipping.
//!
//! A refund takes from the revenue what it pays back for goods ([`Back`]): its products at the order's own net prices; else its revenue or
//! subtotal − discount; else its total less the tax and shipping it names; else, of a total that names neither, the goods' share of
//! the order's total; else, when it names tax or shipping alone, nothing; else everything that is left. A cancellation takes back everything
//! that is left. Shares and units are counted together over an order's refunds, so that parts add up to the whole. Refunds
//! are booked at their own time, in order of (time, event id), and never exceed the revenue (M2). Refunds of an order that is
//! not known wait for it. Who bought, where, with which coupon is what the latest completion or change says that says anything of it;
//! the way of payment may also come from a payment.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tradewind_model::{Amount, Event, EventType, Micros, Quantity, Store};

use crate::names::LineNames;
use crate::rows::{OrderRow, OrderStatus};
use crate::state::{StateError, StateTable, decode};

/// One line of an order as settled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// The product's own id.
    pub product_id: String,
    /// The numbers of its names.
    pub names: LineNames,
    /// Units.
    pub units: Quantity,
    /// Price · quantity.
    pub gross: Amount,
    /// Its share of the order's discount.
    pub discount: Amount,
    /// Cost · quantity, zero when unknown.
    pub cost: Amount,
}

impl Line {
    /// Gross less discount.
    #[must_use]
    pub fn net(&self) -> Amount {
        self.gross - self.discount
    }
}

/// What an `order_completed` or `order_updated` says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Terms {
    at: (Micros, String),
    lines: Vec<Line>,
    subtotal: Amount,
    discount: Amount,
    tax: Amount,
    shipping: Amount,
    total: Amount,
}

/// What a refund pays back for goods. New kinds go to the end: the numbers of these stand in checkpoints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Back {
    Everything,
    Amount(Amount),
    /// Products and units, at the order's own net prices.
    Products(Vec<(String, Quantity)>),
    /// A total that names neither tax nor shipping: the goods' share of it.
    Share(Amount),
    /// Products and units; the amount when the order has none of these products.
    ProductsOrAmount(Vec<(String, Quantity)>, Amount),
    /// Products and units; the goods' share of the total when the order has none of these products.
    ProductsOrShare(Vec<(String, Quantity)>, Amount),
}

impl Back {
    fn of(event: &Event<'_>) -> Self {
        let order = &event.order;
        let names_extras = order.tax.is_some() || order.shipping.is_some();
        let extras = order.tax.unwrap_or_default() + order.shipping.unwrap_or_default();
        let goods = order
            .revenue
            .or_else(|| {
                order
                    .subtotal
                    .map(|s| s - order.discount.unwrap_or_default())
            })
            .or_else(|| order.total.filter(|_| names_extras).map(|t| t - extras))
            .map(|goods| goods.max(Amount::ZERO));
        let products: Vec<(String, Quantity)> = event
            .products
            .iter()
            .map(|p| (p.product_id.to_string(), p.units()))
            .collect();
        match (products.is_empty(), goods, order.total) {
            (true, Some(goods), _) => Self::Amount(goods),
            (true, None, Some(total)) => Self::Share(total),
            (true, None, None) if names_extras => Self::Amount(Amount::ZERO),
            (true, None, None) => Self::Everything,
            (false, Some(goods), _) => Self::ProductsOrAmount(products, goods),
            (false, None, Some(total)) => Self::ProductsOrShare(products, total),
            (false, None, None) => Self::Products(products),
        }
    }
}

/// What the refunds of an order so far have taken of its shares and units.
struct PaidBack<'t> {
    terms: &'t Terms,
    revenue: Amount,
    /// Totals of which the goods' share was taken.
    shared: Amount,
    units: BTreeMap<&'t str, Quantity>,
}

impl<'t> PaidBack<'t> {
    /// The goods' part of a refund; `left` of the revenue is still there.
    fn goods(&mut self, back: &'t Back, left: Amount) -> Amount {
        match back {
            Back::Everything => left,
            Back::Amount(goods) => *goods,
            Back::Share(total) => self.share(*total),
            Back::Products(products) => self.products(products).unwrap_or_default(),
            Back::ProductsOrAmount(products, goods) => self.products(products).unwrap_or(*goods),
            Back::ProductsOrShare(products, total) => match self.products(products) {
                Some(goods) => goods,
                None => self.share(*total),
            },
        }
    }

    fn share(&mut self, total: Amount) -> Amount {
        let whole = self.terms.total;
        if whole == Amount::ZERO {
            return total;
        }
        let upto = |shared: Amount| self.revenue.share(shared.raw(), whole.raw());
        let share = upto(self.shared + total) - upto(self.shared);
        self.shared += total;
        share
    }

    /// The net prices of the next units of products; `None` when the order has none of them.
    fn products(&mut self, products: &'t [(String, Quantity)]) -> Option<Amount> {
        let lines = &self.terms.lines;
        if !products
            .iter()
            .any(|(id, _)| lines.iter().any(|line| line.product_id == *id))
        {
            return None;
        }
        let net = products.iter().map(|(id, units)| {
            let before = self.units.entry(id).or_default();
            let upto = *before + *units;
            net_of(lines, id, upto) - net_of(lines, id, std::mem::replace(before, upto))
        });
        Some(net.sum())
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Refund {
    at: (Micros, String),
    back: Back,
    cancels: bool,
}

/// An event that stated a detail: whether it was a completion or change of the order, its time, and the xxh3 of its id. Of several
/// the greatest decides, so that details do not depend on the order of arrival either.
#[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
struct Said(bool, Micros, u64);

/// The details of an order that several events may state.
#[derive(Debug, Clone, Copy)]
enum Detail {
    UserId,
    Visitor,
    PaymentMethod,
    Coupon,
    City,
    Country,
}

const DETAILS: usize = 6;

/// A [`Said`] that nobody said, as it is stored.
const SILENT: [u8; 3] = [0; 3];

/// Everything known of one order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct OrderFacts {
    /// The id.
    pub order_id: String,
    completed_at: Option<Micros>,
    terms: Option<Terms>,
    refunds: Vec<Refund>,
    fulfilled: bool,
    user_id: Option<String>,
    visitor: Option<String>,
    payment_method: Option<String>,
    coupon: Option<String>,
    city: Option<String>,
    country: Option<String>,
    /// The number of the city's name.
    pub city_number: Option<u32>,
    /// The newest event, for forgetting orders nobody touches any more.
    pub touched: Micros,
    /// Who stated each [`Detail`]. The last, for orders stored before it was noted.
    said: [Said; DETAILS],
}

/// Amounts booked at a moment; those of panes are their sums.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sales {
    /// Orders completed.
    pub orders: i64,
    /// Units in them.
    pub units: Quantity,
    /// Subtotals.
    pub gross: Amount,
    /// Discounts.
    pub discounts: Amount,
    /// Paid back or cancelled.
    pub refunds: Amount,
    /// Cost of what was sold, less the cost of what was cancelled.
    pub cost: Amount,
    /// Tax charged.
    pub tax: Amount,
    /// Shipping charged.
    pub shipping: Amount,
}

impl Sales {
    /// Gross − discounts − refunds.
    #[must_use]
    pub fn net_revenue(&self) -> Amount {
        self.gross - self.discounts - self.refunds
    }

    /// Net revenue − cost.
    #[must_use]
    pub fn profit(&self) -> Amount {
        self.net_revenue() - self.cost
    }

    /// Adds, or takes back with `sign` −1.
    pub fn add(&mut self, other: &Self, sign: i64) {
        self.orders += sign * other.orders;
        self.units += other.units.times(sign);
        self.gross += other.gross.times(sign);
        self.discounts += other.discounts.times(sign);
        self.refunds += other.refunds.times(sign);
        self.cost += other.cost.times(sign);
        self.tax += other.tax.times(sign);
        self.shipping += other.shipping.times(sign);
    }
}

/// What an order's facts come to.
#[derive(Debug, Clone, PartialEq)]
pub struct Settlement {
    /// The row for the lake and for lists.
    pub row: OrderRow,
    /// The lines sold, at [`OrderRow::completed_at`].
    pub lines: Vec<Line>,
    /// Amounts at their moments: the completion first, then each refund.
    pub bookings: Vec<(Micros, Sales)>,
}

/// Splits a discount over lines in proportion to their gross, so that the shares add up exactly: the share of the first n lines
/// together is the rounded share of their sum.
#[must_use]
pub fn discount_shares(discount: Amount, gross: &[Amount]) -> Vec<Amount> {
    let whole: Amount = gross.iter().copied().sum();
    let mut given = Amount::ZERO;
    let mut upto = Amount::ZERO;
    gross
        .iter()
        .map(|g| {
            upto += *g;
            let share = discount.share(upto.raw(), whole.raw()) - given;
            given += share;
            share
        })
        .collect()
}

/// Subtotal and discount of an order event by the module's rules; the lake computes line shares with the same function.
#[must_use]
pub fn subtotal_and_discount(event: &Event<'_>) -> (Amount, Amount) {
    let order = &event.order;
    let lines: Amount = event
        .products
        .iter()
        .map(tradewind_model::Product::line_total)
        .sum();
    let discount = order.discount.unwrap_or_default();
    let subtotal = order
        .subtotal
        .or_else(|| {
            event
                .products
                .iter()
                .any(|p| p.price.is_some())
                .then_some(lines)
        })
        .or_else(|| order.revenue.map(|r| r + discount))
        .or_else(|| {
            let extras = order.tax.unwrap_or_default() + order.shipping.unwrap_or_default();
            order.total.map(|total| total - extras + discount)
        })
        .unwrap_or_default();
    (subtotal, discount.min(subtotal))
}

impl OrderFacts {
    /// An order of which only the id is known.
    #[must_use]
    pub fn new(order_id: &str) -> Self {
        Self {
            order_id: order_id.to_owned(),
            ..Self::default()
        }
    }

    /// Takes an event of the order in. Gives whether anything changed.
    pub fn learn(&mut self, event: &Event<'_>, names: &[LineNames], city: Option<u32>) -> bool {
        let at = (event.time, event.event_id.to_string());
        self.touched = self.touched.max(event.time);
        match event.event_type {
            EventType::OrderCompleted | EventType::OrderUpdated => {
                if event.event_type == EventType::OrderCompleted {
                    self.completed_at =
                        Some(self.completed_at.map_or(event.time, |t| t.min(event.time)));
                }
                let says_something = !event.products.is_empty()
                    || event.order.subtotal.is_some()
                    || event.order.total.is_some()
                    || event.order.revenue.is_some();
                if says_something && self.terms.as_ref().is_none_or(|terms| terms.at < at) {
                    self.terms = Some(terms(event, names, at));
                }
                self.learn_details(event, city);
                true
            }
            EventType::OrderRefunded | EventType::OrderCancelled => {
                let cancels = event.event_type == EventType::OrderCancelled;
                let back = if cancels {
                    Back::Everything
                } else {
                    Back::of(event)
                };
                let refund = Refund { at, back, cancels };
                let place = self.refunds.partition_point(|r| r.at < refund.at);
                self.refunds.insert(place, refund);
                true
            }
            EventType::OrderFulfilled => !std::mem::replace(&mut self.fulfilled, true),
            _ => self.learn_details(event, city),
        }
    }

    /// The numbers of the names it speaks of.
    pub(super) fn named(&self) -> impl Iterator<Item = u32> {
        let lines = self.terms.iter().flat_map(|terms| &terms.lines);
        let of_line = |line: &Line| {
            [
                Some(line.names.product),
                line.names.category,
                line.names.brand,
            ]
        };
        lines.flat_map(of_line).flatten().chain(self.city_number)
    }

    /// Takes the details an event states, where it is the one that decides. Gives whether any changed.
    fn learn_details(&mut self, event: &Event<'_>, city: Option<u32>) -> bool {
        let of_order = matches!(
            event.event_type,
            EventType::OrderCompleted | EventType::OrderUpdated
        );
        let id = xxhash_rust::xxh3::xxh3_64(event.event_id.as_bytes());
        let said = Said(of_order, event.time, id);
        let mut said_at = self.said;
        let mut changed = false;
        let mut take = |detail: Detail, slot: &mut Option<String>, text: Option<&str>| {
            let at = &mut said_at[detail as usize];
            let Some(text) = text.filter(|_| slot.is_none() || said > *at) else {
                return false;
            };
            *at = said;
            if slot.as_deref() != Some(text) {
                *slot = Some(text.to_owned());
                changed = true;
            }
            true
        };
        let order = &event.order;
        take(
            Detail::PaymentMethod,
            &mut self.payment_method,
            order.payment_method.as_deref(),
        );
        if of_order {
            let context = &event.context;
            take(Detail::UserId, &mut self.user_id, event.user_id.as_deref());
            take(Detail::Visitor, &mut self.visitor, event.visitor());
            take(Detail::Coupon, &mut self.coupon, order.coupon.as_deref());
            take(
                Detail::Country,
                &mut self.country,
                context.country.as_deref(),
            );
            if take(Detail::City, &mut self.city, context.city.as_deref()) {
                self.city_number = city;
            }
        }
        self.said = said_at;
        changed
    }

    /// Takes quantities that were stored in whole units for what they are.
    pub(super) fn of_whole_units(&mut self) {
        let thousandths = |units: &mut Quantity| *units = Quantity::from_units(units.raw());
        for line in self.terms.iter_mut().flat_map(|terms| &mut terms.lines) {
            thousandths(&mut line.units);
        }
        for refund in &mut self.refunds {
            match &mut refund.back {
                Back::Products(products)
                | Back::ProductsOrAmount(products, _)
                | Back::ProductsOrShare(products, _) => {
                    for (_, units) in products {
                        thousandths(units);
                    }
                }
                Back::Everything | Back::Amount(_) | Back::Share(_) => {}
            }
        }
    }

    /// Reads an order back from a checkpoint.
    ///
    /// # Errors
    /// [`StateError`] when it cannot be read.
    pub(super) fn restore(value: &[u8]) -> Result<Self, StateError> {
        decode(StateTable::Orders, value).or_else(|error| {
            // Before it was noted who said the details, the value ended here: the rest cannot be read.
            let silent = [value, &[0; DETAILS * SILENT.len()]].concat();
            let mut facts: Self = decode(StateTable::Orders, &silent).map_err(|_| error)?;
            let terms = facts.terms.as_ref().map_or(Micros(i64::MIN), |t| t.at.0);
            facts.said = [Said(true, terms, 0); DETAILS];
            Ok(facts)
        })
    }
}

fn terms(event: &Event<'_>, names: &[LineNames], at: (Micros, String)) -> Terms {
    let order = &event.order;
    let (subtotal, discount) = subtotal_and_discount(event);
    let gross: Vec<Amount> = event
        .products
        .iter()
        .map(tradewind_model::Product::line_total)
        .collect();
    let shares = discount_shares(discount, &gross);
    let lines = event
        .products
        .iter()
        .zip(names)
        .zip(gross.iter().zip(shares))
        .map(|((product, names), (gross, discount))| Line {
            product_id: product.product_id.to_string(),
            names: *names,
            units: product.units(),
            gross: *gross,
            discount,
            cost: product.units().at(product.cost.unwrap_or_default()),
        })
        .collect();
    let tax = order.tax.unwrap_or_default();
    let shipping = order.shipping.unwrap_or_default();
    Terms {
        at,
        lines,
        subtotal,
        discount,
        tax,
        shipping,
        total: order.total.unwrap_or(subtotal - discount + tax + shipping),
    }
}

/// What the facts come to; `None` while no completion is known.
#[must_use]
pub fn settle(facts: &OrderFacts, store: &Store) -> Option<Settlement> {
    let completed_at = facts.completed_at?;
    let terms = facts.terms.as_ref()?;
    let revenue = terms.subtotal - terms.discount;
    let units: Quantity = terms.lines.iter().map(|l| l.units).sum();
    let cost: Amount = terms.lines.iter().map(|l| l.cost).sum();
    let sold = Sales {
        orders: 1,
        units,
        gross: terms.subtotal,
        discounts: terms.discount,
        refunds: Amount::ZERO,
        cost,
        tax: terms.tax,
        shipping: terms.shipping,
    };
    let mut bookings = vec![(completed_at, sold)];
    let mut paid_back = PaidBack {
        terms,
        revenue,
        shared: Amount::ZERO,
        units: BTreeMap::new(),
    };
    let mut refunded = Amount::ZERO;
    let mut cost_back = Amount::ZERO;
    let mut cancelled = false;
    for refund in &facts.refunds {
        let left = revenue - refunded;
        let paid = paid_back.goods(&refund.back, left).min(left);
        // Cancelled goods never left the shop: their cost is taken back too. Refunded ones may be used up: it stays.
        let cost_now = if refund.cancels && !cancelled {
            cost - cost_back
        } else {
            Amount::ZERO
        };
        cancelled |= refund.cancels;
        refunded += paid;
        cost_back += cost_now;
        let booked = Sales {
            refunds: paid,
            cost: -cost_now,
            ..Sales::default()
        };
        bookings.push((refund.at.0, booked));
    }
    // Of an order that cost nothing there is nothing to pay back; all of it was returned all the same.
    let returned = (facts.refunds.iter()).any(|refund| matches!(refund.back, Back::Everything));
    let status = if cancelled {
        OrderStatus::Cancelled
    } else if refunded >= revenue && (refunded > Amount::ZERO || returned) {
        OrderStatus::Refunded
    } else if refunded > Amount::ZERO {
        OrderStatus::PartiallyRefunded
    } else if facts.fulfilled {
        OrderStatus::Fulfilled
    } else {
        OrderStatus::Completed
    };
    let net_revenue = revenue - refunded;
    let row = OrderRow {
        order_id: facts.order_id.clone(),
        date: store.zone.date(completed_at),
        completed_at,
        user_id: facts.user_id.clone(),
        visitor: facts.visitor.clone(),
        status,
        units,
        lines: i64::try_from(terms.lines.len()).unwrap_or(i64::MAX),
        gross: terms.subtotal,
        discount: terms.discount,
        tax: terms.tax,
        shipping: terms.shipping,
        total: terms.total,
        refunded,
        net_revenue,
        cost: cost - cost_back,
        profit: net_revenue - (cost - cost_back),
        payment_method: facts.payment_method.clone(),
        coupon: facts.coupon.clone(),
        city: facts.city.clone(),
        country: facts.country.clone(),
    };
    Some(Settlement {
        row,
        lines: terms.lines.clone(),
        bookings,
    })
}

/// The net price of `units` units of a product on the order's own terms.
fn net_of(lines: &[Line], product_id: &str, units: Quantity) -> Amount {
    let mut left = units;
    let mut sum = Amount::ZERO;
    for line in lines.iter().filter(|l| l.product_id == product_id) {
        let taken = left.min(line.units);
        sum += line.net().share(taken.raw(), line.units.raw());
        left -= taken;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s1_an_order_stored_before_its_details_were_dated_is_read() {
        let mut facts = OrderFacts::new("o");
        let mut event = Event::new(EventType::OrderCompleted);
        event.time = Micros(7);
        event.order.total = Some(Amount::from_raw(5));
        event.order.coupon = Some("A".into());
        facts.learn(&event, &[], None);
        let stored = postcard::to_stdvec(&facts).unwrap();
        assert_eq!(OrderFacts::restore(&stored).unwrap(), facts);
        let dates = postcard::to_stdvec(&facts.said).unwrap().len();
        let before = &stored[..stored.len() - dates];
        let mut read = OrderFacts::restore(before).unwrap();
        assert_eq!(read.coupon.as_deref(), Some("A"));
        assert_eq!(read.touched, Micros(7));
        // What comes now and is newer than its terms says more, what is older does not.
        for (time, coupon, expected) in [(6, "B", "A"), (8, "C", "C")] {
            event.time = Micros(time);
            event.order.coupon = Some(coupon.into());
            read.learn(&event, &[], None);
            assert_eq!(read.coupon.as_deref(), Some(expected));
        }
        assert!(OrderFacts::restore(&stored[..5]).is_err());
    }
}
