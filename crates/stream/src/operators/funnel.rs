//! The purchase funnel by visitors and by events: view → cart → checkout → purchase.
//!
//! Panes hold who reached each step, whether or not at the step before; [`crate::merge::funnel`] makes the funnel of them. Purchases are
//! orders: they are counted with the sales, and a completion that is sent again reaches nothing. The funnel by sessions is counted with
//! the sessions.

use serde::{Deserialize, Serialize};
use tradewind_model::{Step, Topic};

use crate::operators::Facts;
use crate::panes::{Pane, Panes};
use crate::visitors::VisitorSet;

/// Funnel of one pane in one partition; indexes are [`Step`] numbers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FunnelPane {
    /// Events of each step before the purchase.
    pub events: [u64; 4],
    /// Visitors who reached each step.
    pub visitors: [VisitorSet; 4],
}

impl Pane for FunnelPane {
    fn merge(&mut self, other: &Self) {
        for step in Step::ALL {
            let i = step as usize;
            self.events[i] += other.events[i];
            self.visitors[i].0 |= &other.visitors[i].0;
        }
    }
}

/// Counts an event.
pub fn apply(panes: &mut Panes<FunnelPane>, facts: &Facts<'_, '_>) {
    let Some(step) = facts.event.event_type.step().filter(|_| !facts.repeats) else {
        return;
    };
    let pane = panes.at(facts.event.time);
    let i = step as usize;
    pane.events[i] += u64::from(step != Step::Purchase);
    let in_visitors_partition =
        facts.is_copy || facts.event.event_type.topic() == Topic::UserEvents;
    if let (true, Some(visitor)) = (in_visitors_partition, facts.visitor) {
        pane.visitors[i].0.insert(visitor);
    }
}
