//! Saying a thing that happens with every request once in a while.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Counts what happens and says when it is time to tell of it.
#[derive(Debug, Default)]
pub(crate) struct Seldom(Mutex<(Option<Instant>, u64)>);

/// Between two tellings.
const PAUSE: Duration = Duration::from_secs(10);

impl Seldom {
    /// Counts one; how many there were since the last telling when it is time for the next, this one included.
    pub(crate) fn happened(&self) -> Option<u64> {
        let (told, since) = &mut *self.0.lock();
        *since += 1;
        if told.is_some_and(|told| told.elapsed() < PAUSE) {
            return None;
        }
        *told = Some(Instant::now());
        Some(std::mem::take(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_is_told_at_once_and_the_others_together() {
        let seldom = Seldom::default();
        assert_eq!(seldom.happened(), Some(1));
        assert_eq!(seldom.happened(), None);
        assert_eq!(seldom.happened(), None);
        seldom.0.lock().0 = Instant::now().checked_sub(PAUSE);
        assert_eq!(seldom.happened(), Some(3));
    }
}
