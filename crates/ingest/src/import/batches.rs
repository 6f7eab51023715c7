//! Reads a stream into batches of whole records with bounded memory.

use std::io::Read;
use std::sync::mpsc::{Receiver, SyncSender};

use super::split::{Span, Splitter};

const SMALLEST_READ: usize = 64 << 10;
const LARGEST_BUFFER: usize = 4 << 20;

/// Whole records in one buffer.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) bytes: Vec<u8>,
    pub(crate) records: Vec<Span>,
    /// Bytes of the stream up to the end of these records.
    pub(crate) bytes_done: u64,
}

/// Where a stream broke.
#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) bytes: u64,
    pub(crate) line: u64,
    pub(crate) reason: String,
}

/// Reads until the stream ends, breaks, or nobody takes batches any more. Buffers come back through `empty`. `damage` is
/// what is known to lie right after the end of the stream: a line that it cuts off is none.
pub(crate) fn read_batches(
    stream: &mut dyn Read,
    mut splitter: Splitter,
    batch_lines: usize,
    damage: Option<&str>,
    full: &SyncSender<Batch>,
    empty: &Receiver<Batch>,
) -> Result<(), Broken> {
    let mut held = Batch::default();
    let (mut read_bytes, mut used_bytes) = (0u64, 0u64);
    let mut wanted = 1 << 20;
    let mut ended = false;
    let mut broken = None;
    let mut growing = false;
    loop {
        while !ended && broken.is_none() && (held.bytes.len() < wanted || growing) {
            growing = false;
            match fill(stream, &mut held.bytes, wanted) {
                Ok(0) => match damage {
                    None => ended = true,
                    Some(known) => broken = Some(known.to_owned()),
                },
                Ok(read) => read_bytes += read as u64,
                Err(error) => broken = Some(error.to_string()),
            }
        }
        held.records.clear();
        let used = splitter.split(&held.bytes, ended, batch_lines, &mut held.records);
        used_bytes += used as u64;
        if held.records.is_empty() {
            held.bytes.drain(..used);
            if let Some(reason) = broken {
                return Err(Broken {
                    bytes: read_bytes,
                    line: splitter.line().saturating_sub(1),
                    reason,
                });
            }
            if ended {
                return Ok(());
            }
            growing = used == 0;
            continue;
        }
        // The next buffer is as large as a full batch of such records needs.
        wanted = (used / held.records.len() * batch_lines).clamp(SMALLEST_READ, LARGEST_BUFFER);
        let mut next = empty.try_recv().unwrap_or_default();
        next.bytes.clear();
        next.bytes.extend_from_slice(&held.bytes[used..]);
        held.bytes.truncate(used);
        held.bytes_done = used_bytes;
        if full.send(std::mem::replace(&mut held, next)).is_err() {
            return Ok(());
        }
    }
}

/// Appends up to `wanted` bytes, at least one read's worth; 0 at the end.
fn fill(stream: &mut dyn Read, into: &mut Vec<u8>, wanted: usize) -> std::io::Result<usize> {
    let start = into.len();
    let room = wanted.saturating_sub(start).max(SMALLEST_READ);
    into.resize(start + room, 0);
    loop {
        match stream.read(&mut into[start..]) {
            Ok(read) => {
                into.truncate(start + read);
                return Ok(read);
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => {
                into.truncate(start);
                return Err(error);
            }
        }
    }
}
