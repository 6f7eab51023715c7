//! Which orders a visitor completed, so that a completion that is sent again counts once.
//!
//! Thank-you pages are reloaded, and browser and server both tell of one order, today or next week, under event ids of their own. Of the
//! completions of one order by one visitor the first that was received counts as the purchase, at its own time; in SQL it is the one
//! with the smallest offset. The others are events of their visit and nothing more.

use tradewind_model::Micros;

use crate::operators::Timers;
use crate::state::{Changes, Identity, StateError, StateTable, Table, decode, identity};

/// An order nobody has completed again for this long is forgotten, µs.
const MEMORY: i64 = 180 * Micros::DAY;

/// The completed orders of the visitors of one store in one partition, with the newest time each was completed at.
#[derive(Debug, Default)]
pub(crate) struct CompletedOrders {
    orders: Table<Micros>,
    timers: Timers<Identity>,
}

impl CompletedOrders {
    /// Takes a completion in. Gives whether one of this order by this visitor was known before.
    pub(crate) fn repeats(&mut self, order_id: &str, visitor: &str, time: Micros) -> bool {
        let key = identity(&[order_id, visitor]);
        let (newest, is_new) = self.orders.entry(key, || time);
        *newest = (*newest).max(time);
        if is_new {
            self.timers.set(time.plus(MEMORY), key);
        }
        !is_new
    }

    /// Forgets what is older than the memory. `horizon` is the watermark less the allowed lateness.
    pub(crate) fn advance(&mut self, horizon: Micros) {
        while let Some(key) = self.timers.due(horizon) {
            match self.orders.get(key).map(|newest| newest.plus(MEMORY)) {
                Some(end) if end >= horizon => self.timers.set(end, key),
                Some(_) => {
                    self.orders.remove(key);
                }
                None => {}
            }
        }
    }

    /// Orders remembered.
    pub(crate) fn len(&self) -> usize {
        self.orders.len()
    }

    /// Writes what changed since the last call.
    pub(crate) fn save(&mut self, changes: &mut Changes) {
        self.orders.save(StateTable::CompletedOrders, changes);
    }

    /// Takes an order from a checkpoint.
    ///
    /// # Errors
    /// [`StateError`] when it cannot be read.
    pub(crate) fn restore(&mut self, key: &[u8], value: &[u8]) -> Result<(), StateError> {
        let key = Identity::of_key(StateTable::CompletedOrders, key)?;
        let newest: Micros = decode(StateTable::CompletedOrders, value)?;
        self.timers.set(newest.plus(MEMORY), key);
        self.orders.restore(key, newest);
        Ok(())
    }
}
