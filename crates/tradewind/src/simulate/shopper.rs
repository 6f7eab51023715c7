//! One shopper's visit as a state machine: each step says one thing the shopper did and when the next one comes.
//!
//! What a shopper is up to is decided on arrival (bounce, look around, research, buy), so that conversion and cart
//! abandonment come out as in real shops: about 3 % of sessions buy and about 70 % of carts are left behind.

use super::devices::{CART_REMINDER, DEVICES};
use super::event::{Body, Line, Lines, Page, SimKind, Who};
use super::rng::Rng;
use super::store::{SimStore, Visit};
use super::trades::{METHODS, PROMOTIONS};

/// Where the shopper is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Land,
    LogIn,
    Browse,
    /// Clicked a product in a list; its page comes next.
    Clicked,
    CartView,
    CouponEntered(u8),
    CouponDecided(u8),
    CheckoutStart,
    /// Logs in or signs up on the way to the till.
    Account,
    Step(u8),
    PaymentInfo,
    Pay,
    Thanks,
}

/// What comes after a step.
pub(super) enum Next {
    /// The next step, so many µs later.
    After(i64),
    /// The visit is over.
    Leave,
    /// The visit is over, but in so many µs the shopper comes back to the cart.
    Return(i64),
}

/// One thing a shopper did.
pub(super) struct Step {
    pub kind: SimKind,
    pub body: Body,
    pub next: Next,
}

/// Somebody in a shop.
#[derive(Clone, Debug)]
pub(super) struct Shopper {
    pub store: u32,
    pub who: Who,
    pub landing: bool,
    pub(super) phase: Phase,
    pub(super) cart: u64,
    pub(super) lines: Lines,
    pub(super) coupon: Option<u8>,
    pub(super) order: Option<u64>,
    pub(super) method: u8,
    pub(super) express: bool,
    /// Things left to look at.
    left: u8,
    shelf: u8,
    product: u32,
    position: u8,
    pub(super) newcomer: bool,
    pub(super) member: bool,
    /// Will put something into the cart, go to the till, pay.
    adds: bool,
    pub(super) checks_out: bool,
    pub(super) buys: bool,
    /// The checkout step at which somebody who does not buy gives up.
    gives_up_at: u8,
    returned: bool,
}

impl Shopper {
    pub(super) fn new(index: u32, visit: &Visit, store: &SimStore, rng: &mut Rng) -> Self {
        let ready = f64::from(DEVICES[usize::from(visit.who.device)].readiness) / 100.0;
        let (left, adds, checks_out, buys) = match rng.unit() {
            // Bouncers, browsers, researchers, buyers.
            u if u < 0.42 => (rng.chance(0.25).into(), 0.0, 0.0, 0.0),
            u if u < 0.75 => (3 + rng.below(6) as u8, 0.02, 0.30, 0.30),
            u if u < 0.90 => (8 + rng.below(13) as u8, 0.15, 0.30, 0.35),
            _ => (5 + rng.below(9) as u8, 0.74, 0.62, 0.60 * ready),
        };
        let shelf = store.catalogue.draw_shelf(rng);
        Self {
            store: index,
            who: visit.who,
            landing: true,
            phase: Phase::Land,
            cart: visit.who.session,
            lines: Lines::default(),
            coupon: None,
            order: None,
            method: rng.below(METHODS.len() as u32) as u8,
            express: rng.chance(0.12),
            left,
            shelf,
            product: store.catalogue.draw_product(shelf, rng),
            position: 0,
            newcomer: visit.newcomer,
            member: visit.member,
            adds: rng.chance(adds),
            checks_out: rng.chance(checks_out),
            buys: rng.chance(buys),
            gives_up_at: rng.below(4) as u8,
            returned: false,
        }
    }

    /// The shopper follows the reminder mail and comes back to the cart in a new session.
    pub(super) fn come_back(&mut self, session: u64, rng: &mut Rng) {
        self.who.session = session;
        self.who.source = CART_REMINDER;
        self.phase = Phase::CartView;
        self.landing = true;
        self.returned = true;
        self.checks_out = rng.chance(0.6);
        self.buys = rng.chance(0.6);
    }

    /// Does the next thing.
    pub(super) fn step(&mut self, store: &mut SimStore, rng: &mut Rng) -> Step {
        let (kind, body, median) = match self.phase {
            Phase::Land => self.land(store, rng),
            Phase::LogIn => {
                self.who.known = true;
                self.phase = Phase::Browse;
                (SimKind::LoggedIn, Body::Login, 4.0)
            }
            Phase::Browse => self.browse(store, rng),
            Phase::Clicked => {
                self.phase = Phase::Browse;
                (SimKind::ProductViewed, self.line(store, 1), 20.0)
            }
            _ => self.checkout(store, rng),
        };
        let over = match self.phase {
            Phase::Browse => self.left == 0 && !self.heads_for_the_cart(rng),
            // `Thanks` is left by its page; who stops at the till leaves its step unfinished.
            Phase::Thanks => kind == SimKind::PageViewed,
            Phase::CartView => kind == SimKind::CartViewed || self.lines.is_empty(),
            Phase::Step(step) => !self.buys && step > self.gives_up_at,
            Phase::PaymentInfo => !self.buys && self.gives_up_at < 3,
            Phase::Pay => !self.buys,
            _ => false,
        };
        let next = if !over {
            let pause = rng.log_normal(median, 0.8).clamp(0.3, 1_200.0);
            Next::After((pause * 1e6) as i64)
        } else if !self.lines.is_empty() && !self.returned && rng.chance(0.1) {
            Next::Return(store.slow(rng.log_normal(3.0, 0.8).clamp(0.75, 24.0)))
        } else {
            Next::Leave
        };
        Step { kind, body, next }
    }

    /// Done looking: whether the cart is worth another look.
    fn heads_for_the_cart(&mut self, rng: &mut Rng) -> bool {
        let goes = !self.lines.is_empty() && (self.checks_out || rng.chance(0.4));
        if goes {
            self.phase = Phase::CartView;
        }
        goes
    }

    fn land(&mut self, store: &SimStore, rng: &mut Rng) -> (SimKind, Body, f64) {
        self.phase = Phase::Browse;
        if self.member && !self.newcomer && !self.who.known && self.left > 1 && rng.chance(0.3) {
            self.phase = Phase::LogIn;
        }
        // From outside people often land on a product.
        if self.who.source > CART_REMINDER && rng.chance(0.4) {
            return (SimKind::ProductViewed, self.line(store, 1), 18.0);
        }
        let page = if rng.chance(0.25) {
            Page::Category(self.shelf)
        } else {
            Page::Home
        };
        (SimKind::PageViewed, Body::Page(page), 9.0)
    }

    fn browse(&mut self, store: &mut SimStore, rng: &mut Rng) -> (SimKind, Body, f64) {
        self.left = self.left.saturating_sub(1);
        let wants_it = self.adds
            && !self.lines.is_full()
            && if self.lines.is_empty() { 0.30 } else { 0.12 } > rng.unit();
        let last_chance = self.adds && self.lines.is_empty() && self.left == 0;
        if wants_it || last_chance {
            let quantity = match rng.below(20) {
                0 => 3,
                1..=3 => 2,
                _ => 1,
            };
            if store.catalogue.products[self.product as usize].stock >= i64::from(quantity) {
                let body = self.line(store, quantity);
                if let Body::Line { line, .. } = body {
                    self.lines.add(line);
                }
                return (SimKind::ProductAdded, body, 12.0);
            }
        }
        let action = rng.unit();
        match action {
            a if a < 0.13 => {
                self.new_shelf(store, rng);
                let query = rng.below(
                    store.catalogue.shelves[usize::from(self.shelf)]
                        .queries
                        .len() as u32,
                ) as u8;
                (
                    SimKind::ProductsSearched,
                    Body::Search {
                        shelf: self.shelf,
                        query,
                    },
                    7.0,
                )
            }
            a if a < 0.32 => {
                self.new_shelf(store, rng);
                (
                    SimKind::ProductListViewed,
                    Body::Page(Page::Category(self.shelf)),
                    10.0,
                )
            }
            a if a < 0.40 => {
                let page = *rng.pick(&[
                    Page::Home,
                    Page::Delivery,
                    Page::Account,
                    Page::Category(self.shelf),
                ]);
                (SimKind::PageViewed, Body::Page(page), 12.0)
            }
            a if a < 0.44 => {
                let banner = rng.below(PROMOTIONS.len() as u32) as u8;
                let kind = if a < 0.43 {
                    SimKind::PromotionViewed
                } else {
                    SimKind::PromotionClicked
                };
                (kind, Body::Promotion(banner), 3.0)
            }
            a if a < 0.46 => (SimKind::WishlistAdded, self.line(store, 1), 6.0),
            a if a < 0.463 => (SimKind::WishlistRemoved, self.line(store, 1), 6.0),
            a if a < 0.468 => (SimKind::ProductShared, self.line(store, 1), 15.0),
            a if a < 0.50 && self.lines.as_slice().len() > usize::from(self.buys) => {
                let line = self.lines.remove(0);
                (
                    SimKind::ProductRemoved,
                    Body::Line {
                        line,
                        position: 0,
                        cart: self.cart,
                    },
                    8.0,
                )
            }
            _ => {
                // Mostly the same kind of thing, now and then something else.
                let shelf = if rng.chance(0.8) {
                    self.shelf
                } else {
                    store.catalogue.draw_shelf(rng)
                };
                self.product = store.catalogue.draw_product(shelf, rng);
                self.position = 1 + rng.below(24) as u8;
                if rng.chance(0.15) {
                    self.phase = Phase::Clicked;
                    return (SimKind::ProductClicked, self.line(store, 1), 0.8);
                }
                (SimKind::ProductViewed, self.line(store, 1), 20.0)
            }
        }
    }

    fn new_shelf(&mut self, store: &SimStore, rng: &mut Rng) {
        if rng.chance(0.3) {
            self.shelf = store.catalogue.draw_shelf(rng);
        }
    }

    /// The product being looked at.
    fn line(&self, store: &SimStore, quantity: u16) -> Body {
        let price = store.catalogue.products[self.product as usize].price;
        Body::Line {
            line: Line {
                product: self.product,
                quantity,
                price,
            },
            position: self.position,
            cart: self.cart,
        }
    }
}
