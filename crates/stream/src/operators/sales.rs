//! Sales: orders, units, gross, discounts, refunds, net revenue, cost, profit, from the settled orders of [`super::orders`].
//!
//! Runs in the transactions partitions. It also books what [`super::performance`] tells of products, categories, brands and
//! cities, and keeps the list of the latest orders.

use std::collections::BTreeSet;

use roaring::RoaringBitmap;
use serde::{Deserialize, Serialize};
use tradewind_model::{Micros, Quantity};

use crate::operators::orders::{OrderFacts, Sales, Settlement, settle};
use crate::operators::performance::{PerformancePane, book};
use crate::operators::{Facts, Surroundings, Timers};
use crate::panes::{Pane, Panes};
use crate::rows::{DerivedRow, DerivedTable, OrderRow};
use crate::state::{Changes, Identity, StateError, StateTable, Table, identity};

/// Orders that nothing has touched for this long are forgotten, µs; a refund that comes later still is in silver.
const ORDER_MEMORY: i64 = 180 * Micros::DAY;
/// How many latest orders a partition publishes.
const LATEST: usize = 50;

/// Sales of one pane in one partition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SalesPane(pub Sales);

impl Pane for SalesPane {
    fn merge(&mut self, other: &Self) {
        self.0.add(&other.0, 1);
    }

    fn of_whole_units(&mut self) {
        self.0.units = Quantity::from_units(self.0.units.raw());
    }
}

/// The operator's state for one store in one partition.
#[derive(Debug)]
pub struct Orders {
    orders: Table<OrderFacts>,
    /// By completion, for the list of the latest.
    latest: BTreeSet<(Micros, Identity)>,
    timers: Timers<Identity>,
    /// Answers.
    pub panes: Panes<SalesPane>,
}

impl Orders {
    /// No orders yet.
    #[must_use]
    pub fn new(panes: Panes<SalesPane>) -> Self {
        Self {
            orders: Table::default(),
            latest: BTreeSet::new(),
            timers: Timers::default(),
            panes,
        }
    }

    /// Takes an event of an order in and moves all bookings from before to after. It may be later than anything else allows.
    pub fn apply(
        &mut self,
        facts: &Facts<'_, '_>,
        watermark: Micros,
        performance: &mut Panes<PerformancePane>,
        around: &mut Surroundings<'_>,
    ) {
        let event = facts.event;
        let Some(order_id) = event.order.order_id.as_deref() else {
            return;
        };
        let key = identity(&[order_id]);
        let (order, is_new) = self.orders.entry(key, || OrderFacts::new(order_id));
        let before = if is_new {
            None
        } else {
            settle(order, around.store)
        };
        let city_before = order.city_number;
        // An old order that comes now is remembered from now on.
        order.touched = order.touched.max(watermark);
        if is_new {
            self.timers.set(order.touched.plus(ORDER_MEMORY), key);
        }
        if !order.learn(event, facts.lines, facts.city) {
            return;
        }
        let after = settle(order, around.store);
        let city_after = order.city_number;
        if let Some(before) = &before {
            self.book(before, city_before, -1, performance);
            self.latest.remove(&(before.row.completed_at, key));
        }
        if let Some(after) = &after {
            self.book(after, city_after, 1, performance);
            self.latest.insert((after.row.completed_at, key));
            while self.latest.len() > LATEST {
                self.latest.pop_first();
            }
        }
        if let Some(before) = before
            && after.as_ref().is_none_or(|a| a.row.date != before.row.date)
        {
            around.remove(DerivedTable::Orders, order_id, before.row.date);
        }
        if let Some(after) = after {
            around.put(
                DerivedTable::Orders,
                order_id,
                after.row.date,
                DerivedRow::Order(Box::new(after.row)),
            );
        }
    }

    fn book(
        &mut self,
        settled: &Settlement,
        city: Option<u32>,
        sign: i64,
        performance: &mut Panes<PerformancePane>,
    ) {
        for (time, sales) in &settled.bookings {
            self.panes.at(*time).0.add(sales, sign);
        }
        book(
            performance.at(settled.row.completed_at),
            settled,
            city,
            sign,
        );
    }

    /// The latest completed orders, newest first.
    #[must_use]
    pub fn latest(&self, around_store: &tradewind_model::Store) -> Vec<OrderRow> {
        self.latest
            .iter()
            .rev()
            .filter_map(|(_, key)| settle(self.orders.get(*key)?, around_store))
            .map(|settled| settled.row)
            .collect()
    }

    /// Forgets orders nobody touches any more.
    pub fn advance(&mut self, horizon: Micros) {
        while let Some(key) = self.timers.due(horizon) {
            match self.orders.get(key).map(|o| o.touched.plus(ORDER_MEMORY)) {
                Some(end) if end >= horizon => self.timers.set(end, key),
                Some(_) => {
                    self.orders.remove(key);
                    self.latest.retain(|(_, k)| *k != key);
                }
                None => {}
            }
        }
        self.panes.advance(horizon);
    }

    /// Adds the numbers of the names that orders speak of.
    pub fn named(&self, numbers: &mut RoaringBitmap) {
        for order in self.orders.values() {
            numbers.extend(order.named());
        }
    }

    /// Orders remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.orders.len()
    }

    /// Whether no order is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.orders.is_empty()
    }

    /// Writes what changed since the last call.
    pub fn save(&mut self, changes: &mut Changes) {
        self.orders.save(StateTable::Orders, changes);
        self.panes.save(changes);
    }

    /// Takes an order from a checkpoint. One of [`StateTable::OrdersOfUnits`] is written anew.
    ///
    /// # Errors
    /// [`StateError`] when it cannot be read.
    pub fn restore(
        &mut self,
        table: StateTable,
        key: &[u8],
        value: &[u8],
        store: &tradewind_model::Store,
    ) -> Result<(), StateError> {
        let key = Identity::of_key(table, key)?;
        let mut facts = OrderFacts::restore(value)?;
        let outdated = table == StateTable::OrdersOfUnits;
        if outdated {
            facts.of_whole_units();
        }
        self.timers.set(facts.touched.plus(ORDER_MEMORY), key);
        if let Some(settled) = settle(&facts, store) {
            self.latest.insert((settled.row.completed_at, key));
            while self.latest.len() > LATEST {
                self.latest.pop_first();
            }
        }
        self.orders.restore(key, facts);
        if outdated {
            // Taken to be changed, it is written anew.
            let _ = self.orders.get_mut(key);
        }
        Ok(())
    }
}
