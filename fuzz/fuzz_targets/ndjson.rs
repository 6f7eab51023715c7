//! Bodies of requests: each item ends once in the log, with its own bytes (J3), and each has a verdict.
#![no_main]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use libfuzzer_sys::fuzz_target;
use tradewind_ingest::{BodyKind, Ingest, Limits};
use tradewind_journal::{Journal, MemoryJournal, ReadOutcome, RecordKind};
use tradewind_model::{Clock, IdSource, Micros, Store, StoreId};

struct Still;

impl Clock for Still {
    fn now(&self) -> Micros {
        Micros(1_795_000_000_000_000)
    }
}

#[derive(Default)]
struct Counting(AtomicU64);

impl IdSource for Counting {
    fn next_id(&self) -> String {
        format!("given-{}", self.0.fetch_add(1, Ordering::Relaxed))
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((kind, body)) = input.split_first() else {
        return;
    };
    let kind = match kind % 3 {
        0 => BodyKind::Ndjson,
        1 => BodyKind::Json,
        _ => BodyKind::Sniff,
    };
    let journal = Arc::new(MemoryJournal::new(2));
    let ingest = Ingest::new(
        Arc::clone(&journal) as Arc<dyn Journal>,
        Arc::new(Still),
        Arc::new(Counting::default()),
        Limits {
            max_items: 200,
            max_item_bytes: 2_000,
            ..Limits::default()
        },
    );
    let store = Arc::new(Store::new(StoreId::new("s").expect("an id")));
    let verdicts = ingest.accept(&store, "fuzz", body, kind);
    let (mut events, mut rejected) = (0, 0);
    for at in journal.topic_partitions() {
        let mut from = 0;
        while let ReadOutcome::Block(block) = journal.read(at, from).expect("a read") {
            from = block.end();
            for record in block.records() {
                match record.kind {
                    RecordKind::Original => events += 1,
                    RecordKind::Rejected { .. } => rejected += 1,
                    RecordKind::Copy => continue,
                }
                let found = record.raw.is_empty()
                    || body.windows(record.raw.len()).any(|w| w == record.raw);
                assert!(found, "bytes that nobody sent");
            }
        }
    }
    match verdicts {
        Ok(verdicts) => {
            assert_eq!(verdicts.accepted, events);
            assert_eq!(verdicts.rejected.len(), rejected);
            if kind == BodyKind::Ndjson {
                let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
                let lines = body
                    .split(|b| *b == b'\n')
                    .filter(|l| !l.trim_ascii().is_empty());
                assert_eq!(lines.count(), events + rejected);
            }
        }
        Err(_) => assert_eq!(events + rejected, 0, "refused, but kept"),
    }
});
