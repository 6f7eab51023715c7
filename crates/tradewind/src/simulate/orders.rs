//! What happens to an order after it was placed: payment, stock, dispatch, cancellation, refunds and reviews, minutes
//! to days later. A shop's back office often knows only the order's number then, so half of these name no shopper.

use super::event::{Body, Lines, Money, SimKind, Who};
use super::rng::Rng;
use super::store::SimStore;
use super::trades::REVIEWS;

/// How an order ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Kept,
    /// Kept, and one of its products gets a review.
    Reviewed,
    Cancelled,
    /// Sent back or called off before it left the house.
    RefundedEarly,
    RefundedLate,
    RefundedInPart,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Pay,
    /// Takes this line out of stock.
    Take(u8),
    Fulfil,
    /// Cancelled, refunded or reviewed.
    End,
    /// Puts this line back into stock.
    PutBack(u8),
}

/// An order that still has something to happen.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub store: u32,
    pub who: Who,
    number: u64,
    lines: Lines,
    money: Money,
    method: u8,
    fate: Fate,
    stage: Stage,
}

/// One thing that happened to an order.
pub(super) struct Step {
    pub kind: SimKind,
    pub body: Body,
    /// Whether the event names the shopper.
    pub named: bool,
    /// When the next thing happens, µs from now; none when the order is closed.
    pub next: Option<i64>,
    /// A product that ran low and was ordered from its supplier.
    pub ordered: Option<u32>,
}

impl Order {
    /// The order that `body` (of an order_completed) placed, and the µs until its next event.
    pub(super) fn new(store: u32, who: Who, body: &Body, rng: &mut Rng) -> Option<(Self, i64)> {
        let Body::Order {
            order,
            lines,
            money,
            method,
            ..
        } = *body
        else {
            return None;
        };
        let fate = match rng.unit() {
            u if u < 0.015 => Fate::Cancelled,
            u if u < 0.029 => Fate::RefundedEarly,
            u if u < 0.047 => Fate::RefundedLate,
            u if u < 0.065 => Fate::RefundedInPart,
            u if u < 0.185 => Fate::Reviewed,
            _ => Fate::Kept,
        };
        let order = Self {
            store,
            who,
            number: order,
            lines,
            money,
            method,
            fate,
            stage: Stage::Pay,
        };
        Some((order, rng.between(200_000, 2_500_000)))
    }

    /// Lets the next thing happen.
    pub(super) fn step(&mut self, store: &mut SimStore, rng: &mut Rng) -> Step {
        let order = self.number;
        let mut ordered = None;
        let (kind, body) = match self.stage {
            Stage::Pay => (
                SimKind::PaymentSucceeded,
                Body::Payment {
                    order,
                    amount: self.money.total(),
                    method: self.method,
                },
            ),
            Stage::Take(line) => {
                let line = self.lines.as_slice()[usize::from(line)];
                let product = &mut store.catalogue.products[line.product as usize];
                let delta = -i64::from(line.quantity);
                product.stock += delta;
                if product.stock < product.reorder_at && !product.ordered {
                    product.ordered = true;
                    ordered = Some(line.product);
                }
                (
                    SimKind::InventoryAdjusted,
                    Body::Stock {
                        product: line.product,
                        delta,
                    },
                )
            }
            Stage::Fulfil => (SimKind::OrderFulfilled, Body::OrderOnly { order }),
            Stage::End => self.end(rng),
            Stage::PutBack(line) => {
                let line = self.lines.as_slice()[usize::from(line)];
                let delta = i64::from(line.quantity);
                store.catalogue.products[line.product as usize].stock += delta;
                (
                    SimKind::InventoryAdjusted,
                    Body::Stock {
                        product: line.product,
                        delta,
                    },
                )
            }
        };
        let named = match self.stage {
            Stage::Pay | Stage::Fulfil => rng.chance(0.5),
            Stage::End => self.fate == Fate::Reviewed || rng.chance(0.5),
            Stage::Take(_) | Stage::PutBack(_) => false,
        };
        let next = self.advance().map(|stage| {
            let before = std::mem::replace(&mut self.stage, stage);
            self.delay(before, store, rng)
        });
        Step {
            kind,
            body,
            named,
            next,
            ordered,
        }
    }

    fn advance(&self) -> Option<Stage> {
        let more = |line: u8| usize::from(line) + 1 < self.lines.as_slice().len();
        match (self.stage, self.fate) {
            (Stage::Pay, _) => Some(Stage::Take(0)),
            (Stage::Take(line), _) if more(line) => Some(Stage::Take(line + 1)),
            (Stage::Take(_), Fate::Cancelled | Fate::RefundedEarly) => Some(Stage::End),
            (Stage::Take(_), _) => Some(Stage::Fulfil),
            (Stage::Fulfil, Fate::Kept) => None,
            (Stage::Fulfil, _) => Some(Stage::End),
            (Stage::End, Fate::Cancelled | Fate::RefundedEarly | Fate::RefundedLate) => {
                Some(Stage::PutBack(0))
            }
            (Stage::PutBack(line), _) if more(line) => Some(Stage::PutBack(line + 1)),
            (Stage::End | Stage::PutBack(_), _) => None,
        }
    }

    /// µs until the stage just entered.
    fn delay(&self, before: Stage, store: &SimStore, rng: &mut Rng) -> i64 {
        match (self.stage, self.fate) {
            (Stage::Fulfil, _) => store.slow(rng.log_normal(6.0, 0.8).clamp(0.3, 72.0)),
            (Stage::End, Fate::Cancelled | Fate::RefundedEarly) => {
                store.slow(rng.log_normal(0.7, 1.1).clamp(0.05, 24.0))
            }
            (Stage::End, Fate::Reviewed) => {
                store.slow(rng.log_normal(48.0, 0.6).clamp(12.0, 240.0))
            }
            (Stage::End, _) => store.slow(rng.log_normal(20.0, 1.0).clamp(0.5, 240.0)),
            // Goods are back on the shelf some time after the refund, all at once.
            (Stage::PutBack(_), _) if before == Stage::End => {
                store.slow(rng.log_normal(1.0, 0.8).clamp(0.05, 24.0))
            }
            _ => rng.between(50_000, 900_000),
        }
    }

    fn end(&self, rng: &mut Rng) -> (SimKind, Body) {
        let order = self.number;
        let lines = self.lines.as_slice();
        match self.fate {
            Fate::Cancelled => (SimKind::OrderCancelled, Body::OrderOnly { order }),
            Fate::Reviewed | Fate::Kept => {
                let product = rng.pick(lines).product;
                let stars = [5, 5, 5, 5, 5, 4, 4, 4, 3, 3, 2, 1][rng.below(12) as usize];
                let text = rng.below(REVIEWS[usize::from(stars) - 1].len() as u32) as u8;
                (
                    SimKind::ProductReviewed,
                    Body::Review {
                        product,
                        order,
                        stars,
                        text,
                    },
                )
            }
            Fate::RefundedEarly | Fate::RefundedLate if rng.chance(0.6) => {
                (SimKind::OrderRefunded, Body::OrderOnly { order })
            }
            Fate::RefundedEarly | Fate::RefundedLate => (
                SimKind::OrderRefunded,
                Body::RefundAmount {
                    order,
                    amount: self.money.revenue(),
                },
            ),
            Fate::RefundedInPart => (SimKind::OrderRefunded, self.part(rng)),
        }
    }

    /// Some of the goods, or where there is only one piece, some of its price.
    fn part(&self, rng: &mut Rng) -> Body {
        let order = self.number;
        let mut line = *rng.pick(self.lines.as_slice());
        if line.quantity > 1 {
            line.quantity = 1 + rng.below(u32::from(line.quantity) - 1) as u16;
        }
        // With a discount a line's list price can exceed what was paid for all of them.
        if line.value() < self.money.subtotal && line.value() <= self.money.revenue() {
            let mut lines = Lines::default();
            lines.add(line);
            return Body::RefundLines { order, lines };
        }
        Body::RefundAmount {
            order,
            amount: (self.money.revenue() * rng.between(10, 50) / 100).max(1),
        }
    }
}
