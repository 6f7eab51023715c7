//! The operators: deterministic state machines over one partition's events, one file each.
//!
//! An operator is a pure function of (state, event, watermark) (S3): it has no clock, no randomness and does no I/O. It keeps
//! its answers in panes that readers merge, and hands rows to the lake as [`DerivedChange`]s.

pub mod carts;
pub mod funnel;
pub mod orders;
pub mod performance;
pub mod sales;
pub mod sessions;
pub mod traffic;

#[cfg(test)]
mod tests;

use tradewind_model::{Event, Micros, Store, TopicPartition};

use crate::names::LineNames;
use crate::rows::{DerivedChange, DerivedRow, DerivedTable};
use tradewind_model::Date;

/// An event as operators see it: decoded, de-duplicated, on time, its names interned.
#[derive(Debug)]
pub struct Facts<'e, 'a> {
    /// The event.
    pub event: &'e Event<'a>,
    /// Whether it is the copy of a transaction in its visitor's partition.
    pub is_copy: bool,
    /// The visitor's number, for events that a visitor caused.
    pub visitor: Option<u32>,
    /// The names of each product line.
    pub lines: &'e [LineNames],
    /// The city's number.
    pub city: Option<u32>,
}

/// What an operator may know besides the event.
#[derive(Debug)]
pub struct Surroundings<'s> {
    /// The store.
    pub store: &'s Store,
    /// The partition.
    pub partition: TopicPartition,
    /// Rows for the lake.
    pub changes: &'s mut Vec<DerivedChange>,
}

impl Surroundings<'_> {
    /// Puts a row.
    pub(crate) fn put(&mut self, table: DerivedTable, key: &str, date: Date, row: DerivedRow) {
        self.change(table, key, date, Some(row));
    }

    /// Removes a key from a date.
    pub(crate) fn remove(&mut self, table: DerivedTable, key: &str, date: Date) {
        self.change(table, key, date, None);
    }

    fn change(&mut self, table: DerivedTable, key: &str, date: Date, row: Option<DerivedRow>) {
        self.changes.push(DerivedChange {
            store: self.store.store_id.clone(),
            partition: self.partition,
            table,
            key: key.to_owned(),
            date,
            row,
        });
    }
}

/// Wakes keys when the watermark passes a moment. Rebuilt from state after a restart, so it is not part of the checkpoint.
#[derive(Debug, Clone)]
pub(crate) struct Timers<K> {
    heap: std::collections::BinaryHeap<std::cmp::Reverse<(Micros, K)>>,
}

impl<K: Ord> Default for Timers<K> {
    fn default() -> Self {
        Self {
            heap: std::collections::BinaryHeap::new(),
        }
    }
}

impl<K: Ord> Timers<K> {
    pub(crate) fn set(&mut self, at: Micros, key: K) {
        self.heap.push(std::cmp::Reverse((at, key)));
    }

    /// The next key whose moment is before the watermark.
    pub(crate) fn due(&mut self, watermark: Micros) -> Option<K> {
        self.due_at(watermark).map(|(_, key)| key)
    }

    /// The same, with the moment it was set for.
    pub(crate) fn due_at(&mut self, watermark: Micros) -> Option<(Micros, K)> {
        if self.heap.peek()?.0.0 >= watermark {
            return None;
        }
        self.heap.pop().map(|entry| entry.0)
    }
}
