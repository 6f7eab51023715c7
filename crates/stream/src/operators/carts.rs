//! Carts, across visits: open, abandoned after a quiet time, recovered when an order follows, converted, emptied.
//!
//! A visitor has at most one open cart. It begins with the first `product_added`, follows additions, removals and checkout
//! steps, and ends with an order of the visitor or when it is emptied. A cart is abandoned while it is open and has been quiet
//! for longer than the configured time; it is recovered when it is ordered after that. The carts of a visitor are a fold over
//! the visitor's cart events in order of (time, event id): an event that comes out of order is put in its place and the fold
//! done again from the last settled point, so that the order of arrival does not matter within the allowed lateness.

use std::collections::BTreeSet;

use roaring::RoaringBitmap;
use serde::{Deserialize, Serialize};
use tradewind_model::{Amount, Micros};

use crate::operators::cart_fold::{Act, Cart, End, Happened, act, fold, step};
use crate::operators::{Facts, Owed, Surroundings, Timers};
use crate::panes::{Pane, Panes};
use crate::rows::{CartRow, CartStatus, DerivedRow, DerivedTable};
use crate::state::{Changes, Identity, StateError, StateTable, Table, decode, identity};

/// An open cart that nobody touches for this long is forgotten, µs; it stays abandoned in the answers.
const CART_MEMORY: i64 = 60 * Micros::DAY;
/// How many abandoned carts a partition publishes.
const LATEST: usize = 50;

/// Carts of one pane in one partition: open ones by their last activity, ended ones by their end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CartPane {
    /// Carts still open.
    pub open: i64,
    /// Their value.
    pub open_value: Amount,
    /// Carts ordered without having been abandoned.
    pub converted: i64,
    /// Carts ordered after having been abandoned.
    pub recovered: i64,
    /// Their value.
    pub recovered_value: Amount,
    /// Carts emptied.
    pub emptied: i64,
}

impl Pane for CartPane {
    fn merge(&mut self, other: &Self) {
        self.open += other.open;
        self.open_value += other.open_value;
        self.converted += other.converted;
        self.recovered += other.recovered;
        self.recovered_value += other.recovered_value;
        self.emptied += other.emptied;
    }
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Shopper {
    visitor: String,
    /// The cart that was open at the settled point.
    settled: Option<Cart>,
    /// What happened since, in order.
    recent: Vec<Happened>,
    /// The fold of `recent` over `settled`: carts ended since, then the open one, if any.
    carts: Vec<Cart>,
}

impl Shopper {
    fn owes_rows(&self) -> bool {
        self.carts.iter().any(|cart| cart.changed)
    }
}

/// The operator's state for one store in one partition.
#[derive(Debug)]
pub struct Carts {
    quiet: i64,
    shoppers: Table<Shopper>,
    abandon: Timers<Identity>,
    settle: Timers<Identity>,
    /// Shoppers with carts whose rows wait to be handed out: every one with a changed cart is among them.
    owed: Owed,
    /// Open carts by last activity.
    open: BTreeSet<(Micros, Identity)>,
    /// Answers.
    pub panes: Panes<CartPane>,
}

impl Carts {
    /// No carts yet. `quiet`: how long a cart is left alone before it counts as abandoned, µs.
    #[must_use]
    pub fn new(quiet: i64, panes: Panes<CartPane>) -> Self {
        Self {
            quiet,
            shoppers: Table::default(),
            abandon: Timers::default(),
            settle: Timers::default(),
            owed: Owed::default(),
            open: BTreeSet::new(),
            panes,
        }
    }

    /// Takes an event of a visitor in. `advanced`: the moment of the last [`Self::advance`].
    pub fn apply(
        &mut self,
        facts: &Facts<'_, '_>,
        advanced: Micros,
        around: &mut Surroundings<'_>,
    ) {
        let event = facts.event;
        let (Some(act), Some(visitor)) = (act(facts), event.visitor()) else {
            return;
        };
        let key = identity(&[visitor]);
        // Whatever it is, it is remembered until it is settled: an addition before it may still come late.
        let quiet = self.quiet;
        let (shopper, _) = self.shoppers.entry(key, || Shopper {
            visitor: visitor.to_owned(),
            ..Shopper::default()
        });
        let owed = shopper.owes_rows();
        let happened = Happened {
            at: (event.time, event.event_id.to_string()),
            cart_id: event.cart_id.as_deref().map(str::to_owned),
            act,
        };
        if shopper
            .recent
            .first()
            .is_none_or(|first| event.time < first.at.0)
        {
            self.settle.set(event.time, key);
        }
        let place = shopper.recent.partition_point(|h| h.at <= happened.at);
        if place == shopper.recent.len() {
            // In order: only the last cart changes, or one begins.
            let from = shopper.carts.len().saturating_sub(1);
            for cart in &shopper.carts[from..] {
                contribute(&mut self.panes, cart, -1);
                self.open.remove(&(cart.last_activity, key));
            }
            step(&mut shopper.carts, &happened, quiet);
            shopper.recent.push(happened);
            for cart in &shopper.carts[from..] {
                contribute(&mut self.panes, cart, 1);
                if cart.end.is_none() {
                    self.open.insert((cart.last_activity, key));
                    self.abandon.set(cart.last_activity.plus(quiet), key);
                }
            }
        } else {
            shopper.recent.insert(place, happened);
            let after = fold(shopper.settled.as_ref(), &shopper.recent, quiet);
            let before = std::mem::replace(&mut shopper.carts, after);
            for cart in &before {
                contribute(&mut self.panes, cart, -1);
                self.open.remove(&(cart.last_activity, key));
            }
            for cart in &shopper.carts {
                contribute(&mut self.panes, cart, 1);
                if cart.end.is_none() {
                    self.open.insert((cart.last_activity, key));
                    self.abandon.set(cart.last_activity.plus(quiet), key);
                }
            }
            // A cart is known by its start.
            let after = &mut shopper.carts;
            let mut removed = false;
            for gone in before
                .iter()
                .filter(|b| !after.iter().any(|a| a.started == b.started))
            {
                let (cart, date) = (
                    cart_key(visitor, gone),
                    around.store.zone.date(gone.started),
                );
                around.remove(DerivedTable::Carts, &cart, date);
                removed = true;
            }
            for cart in after {
                cart.changed = cart.changed || !before.contains(cart);
            }
            if removed {
                // What stands for them must not come later.
                hand_out(shopper, advanced, quiet, around);
            }
        }
        if !owed && shopper.owes_rows() {
            self.owed.push(key);
        }
    }

    /// Hands out the rows of the carts that changed since they were handed out last, of `budget` shoppers at most; takes from
    /// the budget what it used. `advanced`: the moment of the last [`Self::advance`].
    pub fn hand_out(
        &mut self,
        advanced: Micros,
        budget: &mut usize,
        around: &mut Surroundings<'_>,
    ) {
        let shoppers = &mut self.shoppers;
        while let Some(key) = self.owed.next(budget, |key| {
            shoppers.get(key).is_some_and(Shopper::owes_rows)
        }) {
            if let Some(shopper) = shoppers.get_mut(key) {
                hand_out(shopper, advanced, self.quiet, around);
            }
        }
    }

    /// Marks carts that became abandoned, settles what no event on time can change any more, forgets very old ones.
    pub fn advance(&mut self, watermark: Micros, horizon: Micros, around: &mut Surroundings<'_>) {
        while let Some((at, key)) = self.abandon.due_at(watermark) {
            // Every act sets a timer; only that of the last one still says something.
            let quiet = self.quiet;
            // Forgetting waits for the horizon, timers for the watermark: they are the allowed lateness apart.
            let memory = CART_MEMORY + (watermark.0 - horizon.0);
            let stands = self
                .shoppers
                .get(key)
                .and_then(|s| s.carts.last())
                .is_some_and(|cart| {
                    let last = cart.last_activity;
                    cart.end.is_none() && (at == last.plus(quiet) || at == last.plus(memory))
                });
            if stands
                && let Some(shopper) = self.shoppers.get_mut(key)
                && let Some(cart) = shopper.carts.last_mut()
            {
                if cart.last_activity.plus(self.quiet) < watermark {
                    cart.changed = true;
                    self.owed.push(key);
                }
                if cart.last_activity.plus(CART_MEMORY) < horizon {
                    hand_out(shopper, watermark, self.quiet, around);
                    self.forget(key);
                } else {
                    self.abandon.set(cart.last_activity.plus(memory), key);
                }
            }
        }
        while let Some(key) = self.settle.due(horizon) {
            let Some(shopper) = self.shoppers.get_mut(key) else {
                continue;
            };
            let done = shopper.recent.partition_point(|h| h.at.0 < horizon);
            if done == 0 {
                continue;
            }
            hand_out(shopper, watermark, self.quiet, around);
            let settled: Vec<Happened> = shopper.recent.drain(..done).collect();
            let at_point = fold(shopper.settled.as_ref(), &settled, self.quiet);
            shopper.settled = at_point.into_iter().next_back().filter(|c| c.end.is_none());
            shopper.carts = fold(shopper.settled.as_ref(), &shopper.recent, self.quiet);
            // They are as their rows were handed out just now.
            for cart in shopper.settled.iter_mut().chain(&mut shopper.carts) {
                cart.changed = false;
            }
            if let Some(first) = shopper.recent.first() {
                self.settle.set(first.at.0, key);
            }
            if shopper.carts.is_empty() && shopper.recent.is_empty() {
                self.forget(key);
            }
        }
        self.panes.advance(horizon);
    }

    fn forget(&mut self, key: Identity) {
        if let Some(shopper) = self.shoppers.remove(key) {
            for cart in shopper.carts {
                self.open.remove(&(cart.last_activity, key));
            }
        }
    }

    /// The carts abandoned last, seen from `as_of`, newest first.
    #[must_use]
    pub fn latest_abandoned(&self, as_of: Micros, store: &tradewind_model::Store) -> Vec<CartRow> {
        let before = as_of.plus(-self.quiet);
        self.open
            .range(..(before, Identity::of_number(0)))
            .rev()
            .take(LATEST)
            .filter_map(|(_, key)| {
                let shopper = self.shoppers.get(*key)?;
                Some(row(
                    shopper,
                    shopper.carts.last()?,
                    CartStatus::Abandoned,
                    store,
                ))
            })
            .collect()
    }

    /// Adds the numbers of the products that carts speak of.
    pub fn named(&self, numbers: &mut RoaringBitmap) {
        for shopper in self.shoppers.values() {
            let carts = shopper.settled.iter().chain(&shopper.carts);
            numbers.extend(carts.flat_map(|cart| cart.items.iter().map(|item| item.product)));
            numbers.extend(
                shopper
                    .recent
                    .iter()
                    .filter_map(|happened| match happened.act {
                        Act::Add { product, .. } | Act::Remove { product, .. } => Some(product),
                        Act::Look | Act::Checkout | Act::Order => None,
                    }),
            );
        }
    }

    /// Shoppers whose rows wait to be handed out, at most.
    #[must_use]
    pub fn owed(&self) -> usize {
        self.owed.len()
    }

    /// Visitors whose carts are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shoppers.len()
    }

    /// Whether no cart is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shoppers.is_empty()
    }

    /// Writes what changed since the last call.
    pub fn save(&mut self, changes: &mut Changes) {
        let shoppers = &self.shoppers;
        let owes = |key| shoppers.get(key).is_some_and(Shopper::owes_rows);
        self.owed.prune(shoppers.len(), owes);
        self.shoppers.save(StateTable::Carts, changes);
        self.panes.save(changes);
    }

    /// Takes a shopper from a checkpoint. `advanced`: the watermark it was last advanced to; `lateness`: how far behind it the
    /// horizon was, µs. One of [`StateTable::CartsOfUnits`] is written anew.
    ///
    /// # Errors
    /// [`StateError`] when it cannot be read.
    pub fn restore(
        &mut self,
        table: StateTable,
        key: &[u8],
        value: &[u8],
        advanced: Micros,
        lateness: i64,
    ) -> Result<(), StateError> {
        let key = Identity::of_key(table, key)?;
        let mut shopper: Shopper = decode(table, value)?;
        let outdated = table == StateTable::CartsOfUnits;
        if outdated {
            let carts = shopper.settled.iter_mut().chain(&mut shopper.carts);
            carts.for_each(Cart::of_whole_units);
            let acts = shopper.recent.iter_mut().map(|happened| &mut happened.act);
            acts.for_each(Act::of_whole_units);
        }
        if let Some(first) = shopper.recent.first() {
            self.settle.set(first.at.0, key);
        }
        if let Some(cart) = shopper.carts.last()
            && cart.end.is_none()
        {
            self.open.insert((cart.last_activity, key));
            // One that was marked abandoned before must not be marked, and written, again.
            let abandoned = cart.last_activity.plus(self.quiet);
            self.abandon.set(
                if abandoned < advanced {
                    cart.last_activity.plus(CART_MEMORY + lateness)
                } else {
                    abandoned
                },
                key,
            );
        }
        if shopper.owes_rows() {
            self.owed.push(key);
        }
        self.shoppers.restore(key, shopper);
        if outdated {
            // Taken to be changed, it is written anew.
            let _ = self.shoppers.get_mut(key);
        }
        Ok(())
    }
}

fn contribute(panes: &mut Panes<CartPane>, cart: &Cart, sign: i64) {
    let pane = panes.at(cart.end.map_or(cart.last_activity, |(at, _)| at));
    match cart.end {
        None => {
            pane.open += sign;
            pane.open_value += cart.value().times(sign);
        }
        Some((_, End::Converted)) => pane.converted += sign,
        Some((_, End::Recovered)) => {
            pane.recovered += sign;
            pane.recovered_value += cart.value().times(sign);
        }
        Some((_, End::Emptied)) => pane.emptied += sign,
    }
}

fn cart_key(visitor: &str, cart: &Cart) -> String {
    format!("{visitor}@{}", cart.started.0)
}

fn hand_out(shopper: &mut Shopper, advanced: Micros, quiet: i64, around: &mut Surroundings<'_>) {
    for i in 0..shopper.carts.len() {
        if !std::mem::take(&mut shopper.carts[i].changed) {
            continue;
        }
        let cart = &shopper.carts[i];
        let status = match cart.end {
            None if cart.last_activity.plus(quiet) < advanced => CartStatus::Abandoned,
            None => CartStatus::Open,
            Some((_, End::Converted)) => CartStatus::Converted,
            Some((_, End::Recovered)) => CartStatus::Recovered,
            Some((_, End::Emptied)) => CartStatus::Emptied,
        };
        let row = row(shopper, cart, status, around.store);
        let (key, date) = (row.cart_key.clone(), row.date);
        around.put(DerivedTable::Carts, &key, date, DerivedRow::Cart(row));
    }
}

fn row(
    shopper: &Shopper,
    cart: &Cart,
    status: CartStatus,
    store: &tradewind_model::Store,
) -> CartRow {
    let ordered = matches!(cart.end, Some((_, End::Converted | End::Recovered)));
    CartRow {
        cart_key: cart_key(&shopper.visitor, cart),
        date: store.zone.date(cart.started),
        visitor: shopper.visitor.clone(),
        cart_id: cart.cart_id.clone(),
        started_at: cart.started,
        last_activity: cart.last_activity,
        items: cart.units(),
        value: cart.value(),
        last_step: if ordered {
            "purchase"
        } else if cart.checkout {
            "checkout"
        } else {
            "cart"
        }
        .to_owned(),
        status,
        converted_at: cart.end.map(|(at, _)| at).filter(|_| ordered),
    }
}
