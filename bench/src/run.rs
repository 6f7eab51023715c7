//! What the operator threads do with routed lines, measured: decode, de-duplicate, run the operators.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use tradewind_journal::{Record, RecordKind};
use tradewind_model::validate::Envelope;
use tradewind_model::{Decoder, FormatHash};
use tradewind_stream::{OperatorConfig, Progress, StorePartition};

use crate::shards::{Shard, Shards};

/// Lines a thread takes from one partition before it goes on to the next, about what a journal block of an import holds.
const BLOCK: usize = 1_000;

/// How much of the work is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Bytes to events, checked.
    Decode,
    /// And de-duplication and all operators.
    Operators,
    /// And state changes and rows handed out (then dropped), as a checkpoint does, each time a partition has taken this many lines.
    Checkpoints(usize),
}

/// What a round gave.
#[derive(Debug, Clone, Copy, Default)]
pub struct Round {
    /// Wall time of the slowest thread.
    pub elapsed: Duration,
    /// Processor time of all threads: tells the cost of an event even while others use the machine. Zero where the system does
    /// not tell (other than Linux).
    pub cpu: Duration,
    /// Counters over all partitions; zero when only decoding.
    pub progress: Progress,
    /// Entries of state handed out.
    pub state_entries: u64,
}

/// Does the work once, from empty state, on `threads` threads that own partitions like the product's.
///
/// # Errors
/// When a thread fails.
pub fn round(input: &Shards, work: Work, threads: usize) -> Result<Round> {
    let threads = threads.max(1);
    let started = Instant::now();
    let parts = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|i| scope.spawn(move || share(input, work, i, threads)))
            .collect();
        running
            .into_iter()
            .map(|t| t.join().map_err(|_| anyhow!("a thread panicked"))?)
            .collect::<Result<Vec<_>>>()
    })?;
    let mut round = Round {
        elapsed: started.elapsed(),
        ..Round::default()
    };
    for part in parts {
        round.cpu += part.cpu;
        round.progress.received += part.progress.received;
        round.progress.silver += part.progress.silver;
        round.progress.duplicates += part.progress.duplicates;
        round.progress.late += part.progress.late;
        round.state_entries += part.state_entries;
    }
    Ok(round)
}

/// A partition being processed.
struct Place<'i> {
    shard: &'i Shard,
    next: usize,
    state: StorePartition,
    cut_at: usize,
}

/// One thread's partitions, a block of each in turn.
fn share(input: &Shards, work: Work, thread: usize, threads: usize) -> Result<Round> {
    let mut places: Vec<Place<'_>> = input
        .shards
        .iter()
        .enumerate()
        .filter(|(i, _)| i % threads == thread)
        .map(|(_, shard)| Place {
            shard,
            next: 0,
            state: StorePartition::new(
                Arc::clone(&input.store),
                shard.partition,
                OperatorConfig::default(),
            ),
            cut_at: 0,
        })
        .collect();
    let mut round = Round::default();
    let cpu_before = thread_cpu();
    let mut rows = Vec::new();
    loop {
        let mut progressed = false;
        for place in &mut places {
            let end = place.shard.lines.len().min(place.next + BLOCK);
            progressed |= end > place.next;
            for i in place.next..end {
                take(input, work, place, i)?;
            }
            place.next = end;
            if let Work::Checkpoints(every) = work
                && place.next - place.cut_at >= every
            {
                place.cut_at = place.next;
                round.state_entries += place.state.cut_all(&mut rows).entries.len() as u64;
                rows.clear();
            }
        }
        if !progressed {
            break;
        }
    }
    round.cpu = thread_cpu().saturating_sub(cpu_before);
    for place in &places {
        let progress = place.state.progress;
        round.progress.received += progress.received;
        round.progress.silver += progress.silver;
        round.progress.duplicates += progress.duplicates;
        round.progress.late += progress.late;
    }
    Ok(round)
}

fn take(input: &Shards, work: Work, place: &mut Place<'_>, i: usize) -> Result<()> {
    let line = place.shard.lines[i];
    let raw = &input.bytes[line.start..line.end];
    let envelope = Envelope {
        received_at: input.received_at,
        event_id: "",
    };
    let event = Decoder::Json.decode(raw, &envelope, &input.store)?;
    if work == Work::Decode {
        std::hint::black_box(&event);
        return Ok(());
    }
    let record = Record {
        offset: i as u64,
        kind: if line.is_copy {
            RecordKind::Copy
        } else {
            RecordKind::Original
        },
        store: &input.store.store_id,
        source: "bench",
        position: i as u64,
        format: FormatHash(0),
        received_at: input.received_at,
        event_id: "",
        raw,
    };
    std::hint::black_box(place.state.apply(&record, &event));
    Ok(())
}

/// Processor time this thread has had (Linux).
fn thread_cpu() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(
        told.split(' ')
            .next()
            .and_then(|ns| ns.parse().ok())
            .unwrap_or(0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn every_event_is_counted_once_however_the_work_is_shared() {
        let mut text = samples::lines("product_viewed", 3_000);
        text.extend(samples::lines("order_completed", 100));
        text.push(text[0].clone());
        let input = Shards::route(text.join("\n").into_bytes(), 8).unwrap();
        for threads in [1, 2, 3] {
            for work in [Work::Operators, Work::Checkpoints(100)] {
                let round = round(&input, work, threads).unwrap();
                assert_eq!(round.progress.received, 3_101);
                assert_eq!(round.progress.silver, 3_100);
                assert_eq!(round.progress.duplicates, 1);
                assert_eq!(round.state_entries > 0, work != Work::Operators);
            }
        }
    }
}
