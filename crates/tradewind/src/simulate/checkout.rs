//! The way from the cart to the till: coupon, account, address, delivery, payment, and paying.

use super::event::{Body, Lines, Page, SimKind};
use super::rng::Rng;
use super::shopper::{Phase, Shopper};
use super::store::SimStore;
use super::trades::COUPONS;

impl Shopper {
    /// Does the next thing on the way; with it, the median of the pause after it in seconds.
    pub(super) fn checkout(&mut self, store: &mut SimStore, rng: &mut Rng) -> (SimKind, Body, f64) {
        let cart = self.cart;
        match self.phase {
            Phase::CartView => {
                let body = self.cart_body(0);
                if self.checks_out {
                    let coupon = rng.below(COUPONS.len() as u32) as u8;
                    self.phase = if rng.chance(0.28) {
                        Phase::CouponEntered(coupon)
                    } else {
                        Phase::CheckoutStart
                    };
                }
                (SimKind::CartViewed, body, 14.0)
            }
            Phase::CouponEntered(coupon) => {
                self.phase = Phase::CouponDecided(coupon);
                (
                    SimKind::CouponEntered,
                    Body::Coupon {
                        cart,
                        coupon,
                        off: 0,
                    },
                    0.6,
                )
            }
            Phase::CouponDecided(coupon) => {
                self.phase = Phase::CheckoutStart;
                if rng.chance(0.2) {
                    return (
                        SimKind::CouponDenied,
                        Body::Coupon {
                            cart,
                            coupon,
                            off: 0,
                        },
                        9.0,
                    );
                }
                self.coupon = Some(coupon);
                let off = store.price(&self.lines, self.coupon, false).discount;
                (
                    SimKind::CouponApplied,
                    Body::Coupon { cart, coupon, off },
                    6.0,
                )
            }
            Phase::CheckoutStart => {
                let account = self.member && !self.who.known && rng.chance(0.8);
                self.phase = if account {
                    Phase::Account
                } else {
                    Phase::Step(0)
                };
                (SimKind::CheckoutStarted, self.cart_body(0), 12.0)
            }
            Phase::Account => {
                self.phase = Phase::Step(0);
                self.who.known = true;
                (
                    if self.newcomer {
                        SimKind::SignedUp
                    } else {
                        SimKind::LoggedIn
                    },
                    Body::Login,
                    10.0,
                )
            }
            // Steps 0 and 1 look at and complete the address, 2 completes the delivery.
            Phase::Step(step) => {
                self.phase = if step < 2 {
                    Phase::Step(step + 1)
                } else {
                    Phase::PaymentInfo
                };
                match step {
                    0 => (SimKind::CheckoutStepViewed, self.cart_body(1), 35.0),
                    1 => (SimKind::CheckoutStepCompleted, self.cart_body(1), 15.0),
                    _ => (SimKind::CheckoutStepCompleted, self.cart_body(2), 12.0),
                }
            }
            Phase::PaymentInfo => {
                self.phase = Phase::Pay;
                (SimKind::PaymentInfoEntered, self.cart_body(3), 18.0)
            }
            Phase::Pay => {
                let order = *self.order.get_or_insert_with(|| {
                    store.orders += 1;
                    store.orders
                });
                let money = store.price(&self.lines, self.coupon, self.express);
                if rng.chance(0.06) {
                    // Most try again.
                    self.buys = rng.chance(0.7);
                    let body = Body::Payment {
                        order,
                        amount: money.total(),
                        method: self.method,
                    };
                    return (SimKind::PaymentFailed, body, 30.0);
                }
                let (lines, coupon, method) = (self.lines, self.coupon, self.method);
                self.lines = Lines::default();
                self.phase = Phase::Thanks;
                (
                    SimKind::OrderCompleted,
                    Body::Order {
                        order,
                        cart,
                        lines,
                        money,
                        coupon,
                        method,
                    },
                    2.0,
                )
            }
            _ => (SimKind::PageViewed, Body::Page(Page::ThankYou), 10.0),
        }
    }

    fn cart_body(&self, step: u8) -> Body {
        Body::Cart {
            lines: self.lines,
            cart: self.cart,
            coupon: self.coupon,
            step,
        }
    }
}
