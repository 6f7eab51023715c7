//! Rate-limits requests that bring their key in the address: such a key stands in a page, where everybody can read it.

use std::collections::HashMap;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Requests a second, by key; twice as many at once.
#[derive(Debug)]
pub(crate) struct PageLimit {
    rate: f64,
    /// What is left of each key's allowance, and when it was counted.
    keys: Mutex<HashMap<String, (f64, Instant)>>,
}

impl PageLimit {
    pub(crate) fn new(rate: u32) -> Self {
        Self {
            rate: f64::from(rate.max(1)),
            keys: Mutex::default(),
        }
    }

    /// Takes one request of a key's allowance; `false` when there is none left. Keys are those that work, so they are few.
    pub(crate) fn takes(&self, key_id: &str) -> bool {
        self.takes_at(key_id, Instant::now())
    }

    fn takes_at(&self, key_id: &str, now: Instant) -> bool {
        let most = self.rate * 2.0;
        let mut keys = self.keys.lock();
        if !keys.contains_key(key_id) {
            keys.insert(key_id.to_owned(), (most, now));
        }
        let Some((left, counted)) = keys.get_mut(key_id) else {
            return true;
        };
        let earned = now.duration_since(*counted).as_secs_f64() * self.rate;
        (*left, *counted) = ((*left + earned).min(most), now);
        if *left < 1.0 {
            return false;
        }
        *left -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_its_rate_and_twice_that_at_once() {
        let limit = PageLimit::new(5);
        let now = Instant::now();
        let taken = |now| (0..20).filter(|_| limit.takes_at("a", now)).count();
        assert_eq!(taken(now), 10);
        assert!(limit.takes_at("b", now), "each key has its own");
        assert_eq!(taken(now + std::time::Duration::from_secs(1)), 5);
    }
}
