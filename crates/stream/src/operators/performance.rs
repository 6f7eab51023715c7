//! Performance by product, category, brand and city: views, carts, orders, units, revenue, cost.
//!
//! Views and carts are counted in the visitors' partitions; orders, units, revenue (gross less discount, at the completion) and
//! cost in the transactions partitions. Readers merge both by name.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tradewind_model::{Amount, EventType, Quantity};

use crate::operators::Facts;
use crate::operators::orders::Settlement;
use crate::panes::{Pane, Panes};
use crate::state::Map;

/// Figures of one name in one pane.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// Product views.
    pub views: i64,
    /// Times put into a cart.
    pub carts: i64,
    /// Orders that contain it.
    pub orders: i64,
    /// Units sold.
    pub units: Quantity,
    /// Gross less discount.
    pub revenue: Amount,
    /// Cost of the units sold, as far as known.
    pub cost: Amount,
}

impl Figures {
    /// Adds, or takes back with `sign` −1.
    pub fn add(&mut self, other: &Self, sign: i64) {
        self.views += sign * other.views;
        self.carts += sign * other.carts;
        self.orders += sign * other.orders;
        self.units += other.units.times(sign);
        self.revenue += other.revenue.times(sign);
        self.cost += other.cost.times(sign);
    }
}

/// Figures by the number of the name (product, category, brand and city numbers share one space).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PerformancePane(pub Map<u32, Figures>);

impl Pane for PerformancePane {
    fn merge(&mut self, other: &Self) {
        for (name, figures) in &other.0 {
            self.0.entry(*name).or_default().add(figures, 1);
        }
    }

    fn of_whole_units(&mut self) {
        for figures in self.0.values_mut() {
            figures.units = Quantity::from_units(figures.units.raw());
        }
    }
}

/// Counts a view or an addition to a cart.
pub fn apply(panes: &mut Panes<PerformancePane>, facts: &Facts<'_, '_>) {
    let figures = match facts.event.event_type {
        EventType::ProductViewed => Figures {
            views: 1,
            ..Figures::default()
        },
        EventType::ProductAdded => Figures {
            carts: 1,
            ..Figures::default()
        },
        _ => return,
    };
    let Some(line) = facts.lines.first() else {
        return;
    };
    let pane = panes.at(facts.event.time);
    for name in [Some(line.product), line.category, line.brand, facts.city]
        .into_iter()
        .flatten()
    {
        pane.0.entry(name).or_default().add(&figures, 1);
    }
}

/// Books a settled order's lines, or takes them back with `sign` −1.
pub fn book(pane: &mut PerformancePane, settled: &Settlement, city: Option<u32>, sign: i64) {
    let mut by_name: BTreeMap<u32, Figures> = BTreeMap::new();
    for line in &settled.lines {
        let figures = Figures {
            units: line.units,
            revenue: line.net(),
            cost: line.cost,
            ..Figures::default()
        };
        for name in [
            Some(line.names.product),
            line.names.category,
            line.names.brand,
        ]
        .into_iter()
        .flatten()
        {
            by_name.entry(name).or_default().add(&figures, 1);
        }
    }
    if let (Some(city), Some((_, sold))) = (city, settled.bookings.first()) {
        let figures = Figures {
            units: sold.units,
            revenue: sold.gross - sold.discounts,
            cost: sold.cost,
            ..Figures::default()
        };
        by_name.entry(city).or_default().add(&figures, 1);
    }
    for (name, mut figures) in by_name {
        figures.orders = 1;
        let entry = pane.0.entry(name).or_default();
        entry.add(&figures, sign);
        if *entry == Figures::default() {
            pane.0.remove(&name);
        }
    }
}
