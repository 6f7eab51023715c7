//! The bounded way from a request's body to the event door: a fixed set of threads and a queue that refuses instead of growing.
//!
//! Unpacking and decoding are processor work and appending blocks until durable, so neither runs on the async threads. A
//! full queue is told to the sender before anything was kept (J4).

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use metrics::gauge;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::access::WriteScope;
use crate::decompress::{DecompressError, Encoding, decompress};
use crate::door::{BodyKind, DoorError, EventDoor, Verdicts};
use crate::telemetry;

/// A body on its way in.
pub(crate) struct Job {
    pub(crate) scope: WriteScope,
    pub(crate) body: Vec<u8>,
    /// Held until the body is in, even when its sender has gone.
    pub(crate) budget: BodyBudget,
    pub(crate) encoding: Encoding,
    pub(crate) kind: BodyKind,
    pub(crate) limit: usize,
}

/// A share of the memory set aside for event bodies, given back when dropped.
#[derive(Default)]
pub(crate) struct BodyBudget {
    permits: Option<OwnedSemaphorePermit>,
    bytes: f64,
}

impl BodyBudget {
    /// Takes the share of some more bytes, twice over: packed and unpacked bytes are held at the same time. `None` when there
    /// is not enough.
    pub(crate) fn grow(&mut self, memory: &Arc<Semaphore>, bytes: usize) -> Option<()> {
        let permits = u32::try_from((2 * bytes).div_ceil(1024)).unwrap_or(u32::MAX);
        let more = Arc::clone(memory).try_acquire_many_owned(permits).ok()?;
        match &mut self.permits {
            Some(permits) => permits.merge(more),
            none => *none = Some(more),
        }
        #[allow(clippy::cast_precision_loss, reason = "a gauge")]
        let grown = bytes as f64;
        self.bytes += grown;
        gauge!(telemetry::BODY_BYTES).increment(grown);
        Some(())
    }
}

impl Drop for BodyBudget {
    fn drop(&mut self) {
        gauge!(telemetry::BODY_BYTES).decrement(self.bytes);
    }
}

/// Why a body did not get in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IntakeError {
    #[error("too many bodies wait already")]
    QueueFull,
    #[error(transparent)]
    Decompress(#[from] DecompressError),
    #[error(transparent)]
    Door(#[from] DoorError),
    #[error("an intake thread stopped")]
    Stopped,
}

type Answer = oneshot::Sender<Result<Verdicts, IntakeError>>;

/// The queue's sending side. Its threads end when the last one is dropped.
#[derive(Clone)]
pub(crate) struct Intake {
    queue: SyncSender<(Job, Answer)>,
}

impl Intake {
    /// Starts the threads.
    pub(crate) fn start(
        door: Arc<dyn EventDoor>,
        threads: usize,
        queue: usize,
    ) -> io::Result<Self> {
        let (sender, receiver) = sync_channel::<(Job, Answer)>(queue);
        let receiver = Arc::new(Mutex::new(receiver));
        for i in 0..threads.max(1) {
            let (door, receiver) = (Arc::clone(&door), Arc::clone(&receiver));
            std::thread::Builder::new()
                .name(format!("intake-{i}"))
                .spawn(move || work(&*door, &receiver))?;
        }
        Ok(Self { queue: sender })
    }

    /// Takes a body in and waits for the verdicts.
    pub(crate) async fn take(&self, job: Job) -> Result<Verdicts, IntakeError> {
        let (answer, verdicts) = oneshot::channel();
        self.queue.try_send((job, answer)).map_err(|e| match e {
            TrySendError::Full(_) => IntakeError::QueueFull,
            TrySendError::Disconnected(_) => IntakeError::Stopped,
        })?;
        verdicts.await.unwrap_or(Err(IntakeError::Stopped))
    }
}

fn work(door: &dyn EventDoor, receiver: &Mutex<Receiver<(Job, Answer)>>) {
    loop {
        let next = receiver.lock().recv();
        let Ok((job, answer)) = next else { return };
        // A panic in the door costs one request, not a thread.
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(door, job)));
        // Nobody waits when the connection was closed meanwhile; what was accepted stays accepted.
        let _ = answer.send(result.unwrap_or(Err(IntakeError::Stopped)));
    }
}

fn run(door: &dyn EventDoor, job: Job) -> Result<Verdicts, IntakeError> {
    let Job {
        scope,
        body,
        budget,
        encoding,
        kind,
        limit,
    } = job;
    let body = decompress(body, encoding, limit)?;
    let verdicts = door.accept(scope.store(), scope.source(), &body, kind)?;
    drop((body, budget));
    Ok(verdicts)
}

/// How a `Content-Type` says the body is cut.
pub(crate) fn kind_of_content_type(value: Option<&str>) -> Result<BodyKind, ()> {
    let Some(value) = value else {
        return Ok(BodyKind::Sniff);
    };
    let media = value
        .split(';')
        .next()
        .unwrap_or("")
        .trim()
        .to_ascii_lowercase();
    match media.as_str() {
        "application/json" => Ok(BodyKind::Json),
        "application/x-ndjson"
        | "application/ndjson"
        | "application/jsonl"
        | "application/x-jsonlines"
        | "application/json-lines" => Ok(BodyKind::Ndjson),
        // The last is what curl says of any `-d` that no header tells otherwise.
        "" | "text/plain" | "application/octet-stream" | "application/x-www-form-urlencoded" => {
            Ok(BodyKind::Sniff)
        }
        _ => Err(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_type_says_how_a_body_is_cut() {
        assert_eq!(
            kind_of_content_type(Some("Application/JSON; charset=utf-8")),
            Ok(BodyKind::Json)
        );
        assert_eq!(
            kind_of_content_type(Some("application/x-ndjson")),
            Ok(BodyKind::Ndjson)
        );
        assert_eq!(kind_of_content_type(None), Ok(BodyKind::Sniff));
        assert_eq!(
            kind_of_content_type(Some("application/x-www-form-urlencoded")),
            Ok(BodyKind::Sniff)
        );
        assert_eq!(
            kind_of_content_type(Some("multipart/form-data; boundary=x")),
            Err(())
        );
    }
}
