//! What happens when: a priority queue of small entries, and slots that hold the larger things they point to.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

/// What an entry of the queue will do; numbers are stores, products and slots.
#[derive(Clone, Copy, Debug)]
pub(super) enum Action {
    Arrival(u32),
    Shopper(u32),
    Order(u32),
    Held(u32),
    Upsert { store: u32, product: u32 },
    Shipment { store: u32, product: u32 },
    Price(u32),
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    at: i64,
    /// Breaks ties: first come, first served.
    sequence: u64,
    action: Action,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.sequence).cmp(&(other.at, other.sequence))
    }
}

/// Actions by time. While one is being carried out it stays at the head, so that its successor can take its place
/// without the queue being re-ordered twice; nothing may be pushed before the head's time meanwhile.
#[derive(Debug, Default)]
pub(super) struct Queue {
    heap: BinaryHeap<Reverse<Entry>>,
    sequence: u64,
}

impl Queue {
    /// The earliest action and its time. The queue is never empty: each store always has its next arrival in it.
    pub(super) fn head(&self) -> (i64, Action) {
        self.heap
            .peek()
            .map_or((i64::MAX, Action::Arrival(0)), |Reverse(entry)| {
                (entry.at, entry.action)
            })
    }

    pub(super) fn push(&mut self, at: i64, action: Action) {
        let entry = self.entry(at, action);
        self.heap.push(Reverse(entry));
    }

    pub(super) fn pop(&mut self) {
        self.heap.pop();
    }

    /// Puts an action in the place of the head.
    pub(super) fn replace_head(&mut self, at: i64, action: Action) {
        let entry = self.entry(at, action);
        if let Some(mut head) = self.heap.peek_mut() {
            debug_assert!(at >= head.0.at, "time runs forward");
            *head = Reverse(entry);
            drop::<PeekMut<'_, _>>(head);
        }
    }

    fn entry(&mut self, at: i64, action: Action) -> Entry {
        self.sequence += 1;
        Entry {
            at,
            sequence: self.sequence,
            action,
        }
    }
}

/// Things at stable numbers; freed numbers are used again.
#[derive(Debug)]
pub(super) struct Slots<T> {
    items: Vec<T>,
    free: Vec<u32>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T: Clone> Slots<T> {
    pub(super) fn put(&mut self, item: T) -> u32 {
        match self.free.pop() {
            Some(slot) => {
                self.items[slot as usize] = item;
                slot
            }
            None => {
                self.items.push(item);
                self.items.len() as u32 - 1
            }
        }
    }

    pub(super) fn get(&mut self, slot: u32) -> &mut T {
        &mut self.items[slot as usize]
    }

    /// The item, whose number becomes free.
    pub(super) fn take(&mut self, slot: u32) -> T {
        self.free.push(slot);
        self.items[slot as usize].clone()
    }

    /// How many numbers are in use.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.items.len() - self.free.len()
    }
}
