//! The places for connections. When all are taken, the connection that got nothing done for longest gives its place up: idle ones,
//! or clients that send a byte now and then, must not keep others out. Done is an answer, or a part of it that the client took.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A connection is not quiet before it was for this long.
const QUIET: Duration = Duration::from_millis(500);

/// What is known of a connection while it is open.
pub(crate) struct Activity {
    begun: Instant,
    /// Milliseconds after `begun` of the last answer or part of one.
    last: AtomicU64,
    /// Requests that are here whole and whose answer has not begun.
    busy: AtomicU32,
    /// Cancelled when the connection has to give its place up.
    pub(crate) leave: CancellationToken,
}

impl Activity {
    /// Notes that a part of an answer was written.
    pub(crate) fn moved(&self) {
        let millis = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(millis, Ordering::Relaxed);
    }

    /// Notes that a request is being answered, until the guard is dropped.
    pub(crate) fn answering(self: &Arc<Self>) -> Answering {
        self.busy.fetch_add(1, Ordering::Relaxed);
        Answering(Arc::clone(self))
    }

    /// How long nothing was done; `None` while an answer is being made.
    fn quiet(&self) -> Option<Duration> {
        if self.busy.load(Ordering::Relaxed) > 0 {
            return None;
        }
        let last = Duration::from_millis(self.last.load(Ordering::Relaxed));
        Some(self.begun.elapsed().saturating_sub(last))
    }
}

/// While it exists, a request that is being answered waits for bytes of its client, which is no work.
pub(crate) struct Waiting(Arc<Activity>);

impl Waiting {
    pub(crate) fn of(activity: &Arc<Activity>) -> Self {
        activity.busy.fetch_sub(1, Ordering::Relaxed);
        Self(Arc::clone(activity))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.busy.fetch_add(1, Ordering::Relaxed);
    }
}

/// A request that is being answered.
pub(crate) struct Answering(Arc<Activity>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.moved();
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Default)]
struct Taken {
    next: u64,
    seats: HashMap<u64, Arc<Activity>>,
}

/// All places.
pub(crate) struct Seats {
    places: Arc<Semaphore>,
    taken: Arc<Mutex<Taken>>,
}

/// A connection's place; free again when dropped.
pub(crate) struct Seat {
    pub(crate) activity: Arc<Activity>,
    number: u64,
    taken: Arc<Mutex<Taken>>,
    _place: OwnedSemaphorePermit,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.taken.lock().seats.remove(&self.number);
    }
}

impl Seats {
    pub(crate) fn new(count: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(count)),
            taken: Arc::default(),
        }
    }

    /// A place for a connection that was accepted. Waits while every other one is at work.
    pub(crate) async fn take(&self) -> Option<Seat> {
        let place = loop {
            if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
                break place;
            }
            self.ask_one_to_leave();
            let waiting = Arc::clone(&self.places).acquire_owned();
            if let Ok(place) = tokio::time::timeout(Duration::from_millis(50), waiting).await {
                break place.ok()?;
            }
        };
        let activity = Arc::new(Activity {
            begun: Instant::now(),
            last: AtomicU64::new(0),
            busy: AtomicU32::new(0),
            leave: CancellationToken::new(),
        });
        let mut taken = self.taken.lock();
        let number = taken.next;
        taken.next += 1;
        taken.seats.insert(number, Arc::clone(&activity));
        drop(taken);
        Some(Seat {
            activity,
            number,
            taken: Arc::clone(&self.taken),
            _place: place,
        })
    }

    fn ask_one_to_leave(&self) {
        let taken = self.taken.lock();
        let candidates = taken.seats.values().filter(|a| !a.leave.is_cancelled());
        let quiet = candidates.filter_map(|a| Some((a.quiet()?, a)));
        if let Some((quiet, activity)) = quiet.max_by_key(|(quiet, _)| *quiet)
            && quiet >= QUIET
        {
            metrics::counter!("tradewind_http_connections_displaced_total").increment(1);
            activity.leave.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_quietest_gives_its_place_up() {
        let seats = Seats::new(3);
        let [first, second, third] = [
            seats.take().await.unwrap(),
            seats.take().await.unwrap(),
            seats.take().await.unwrap(),
        ];
        let answer = first.activity.answering();
        tokio::time::sleep(QUIET).await;
        second.activity.moved();
        tokio::time::sleep(QUIET).await;
        let waiting = tokio::spawn({
            let leave = third.activity.leave.clone();
            async move {
                leave.cancelled().await;
                drop(third);
            }
        });
        assert!(seats.take().await.is_some());
        waiting.await.unwrap();
        assert!(!first.activity.leave.is_cancelled(), "it is being answered");
        assert!(!second.activity.leave.is_cancelled(), "it moved later");
        drop(answer);
    }
}
