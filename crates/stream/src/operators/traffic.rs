//! Traffic: events, views and exact distinct visitors for any window, visitors active now.

use serde::{Deserialize, Serialize};
use tradewind_model::Topic;

use crate::operators::Facts;
use crate::panes::{Pane, Panes};
use crate::visitors::VisitorSet;

/// Traffic of one pane in one partition.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TrafficPane {
    /// Events of every topic, each once.
    pub events: u64,
    /// Page, list and product views.
    pub views: u64,
    /// Who caused an event.
    pub visitors: VisitorSet,
}

impl Pane for TrafficPane {
    fn merge(&mut self, other: &Self) {
        self.events += other.events;
        self.views += other.views;
        self.visitors.0 |= &other.visitors.0;
    }
}

/// Counts an event.
pub fn apply(panes: &mut Panes<TrafficPane>, facts: &Facts<'_, '_>) {
    let event = facts.event;
    let pane = panes.at(event.time);
    if !facts.is_copy {
        pane.events += 1;
        pane.views += u64::from(event.event_type.is_view());
    }
    // A transaction reaches its visitor's partition as a copy; only there its visitor has a number.
    let in_visitors_partition = event.event_type.topic() == Topic::UserEvents
        || facts.is_copy && event.event_type.is_by_visitor();
    if let (true, Some(visitor)) = (in_visitors_partition, facts.visitor) {
        pane.visitors.0.insert(visitor);
    }
}
