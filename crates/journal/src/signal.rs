//! Wakes followers of the tail without polling.

use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// A counter that rises with every append and that threads can wait on.
#[derive(Debug, Default)]
pub struct Signal {
    generation: Mutex<u64>,
    raised: Condvar,
}

impl Signal {
    /// The count now; take it before looking at the log, then wait past it.
    #[must_use]
    pub fn generation(&self) -> u64 {
        *self.generation.lock()
    }

    /// Raises the count and wakes every waiter.
    pub fn raise(&self) {
        *self.generation.lock() += 1;
        self.raised.notify_all();
    }

    /// Waits until the count is past `seen` or the time is over; gives the count.
    pub fn wait_past(&self, seen: u64, at_most: Duration) -> u64 {
        let mut generation = self.generation.lock();
        if *generation <= seen {
            self.raised.wait_for(&mut generation, at_most);
        }
        *generation
    }
}
