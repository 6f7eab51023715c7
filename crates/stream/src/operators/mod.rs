//! The operators: deterministic state machines over one partition's events, one file each.
//!
//! An operator is a pure function of (state, event, watermark) (S3): it has no clock, no randomness and does no I/O. It keeps
//! its answers in panes that readers merge, and hands rows to the lake as [`DerivedChange`]s.

mod cart_fold;
pub mod carts;
pub mod funnel;
pub mod orders;
pub mod performance;
pub mod sales;
pub mod sessions;
pub mod traffic;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use tradewind_model::{Event, Micros, Store, TopicPartition};

use crate::names::LineNames;
use crate::rows::{DerivedChange, DerivedRow, DerivedTable};
use crate::state::{Identity, IdentityMap};
use tradewind_model::Date;

/// An event as operators see it: decoded, de-duplicated, on time, its names interned.
#[derive(Debug)]
pub struct Facts<'e, 'a> {
    /// The event.
    pub event: &'e Event<'a>,
    /// Whether it is the copy of a transaction in its visitor's partition.
    pub is_copy: bool,
    /// Whether it completes an order that the visitor is known to have completed; told in the visitor's partition.
    pub repeats: bool,
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

/// Keys whose rows wait to be handed out, in the order in which they changed. Some owe nothing any more: their rows went out in
/// another way.
#[derive(Debug, Default)]
pub(crate) struct Owed(VecDeque<Identity>);

impl Owed {
    pub(crate) fn push(&mut self, key: Identity) {
        self.0.push_back(key);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The next key that owes something, while the budget lasts; takes one from it.
    pub(crate) fn next(
        &mut self,
        budget: &mut usize,
        owes: impl Fn(Identity) -> bool,
    ) -> Option<Identity> {
        while let Some(key) = self.0.front().copied() {
            if owes(key) {
                *budget = budget.checked_sub(1)?;
                return self.0.pop_front();
            }
            self.0.pop_front();
        }
        None
    }

    /// Drops keys that owe nothing or are here twice, once there are more of them than there can be keys that owe something.
    pub(crate) fn prune(&mut self, held: usize, owes: impl Fn(Identity) -> bool) {
        if self.0.len() > 2 * held + 1_024 {
            let mut seen = IdentityMap::default();
            self.0
                .retain(|key| owes(*key) && seen.insert(*key, ()).is_none());
            self.0.shrink_to(2 * self.0.len());
        }
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
