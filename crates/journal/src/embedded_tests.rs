//! The embedded log against its promises.

use std::sync::Arc;
use std::time::Duration;

use tradewind_model::StoreId;

use super::*;
use crate::{BlockBuilder, NewRecord, RecordKind};

fn options() -> EmbeddedOptions {
    EmbeddedOptions {
        partitions: 2,
        reserve_bytes: 0,
        max_pending_bytes: 1 << 20,
    }
}

fn block(raws: &[&str]) -> BlockBuilder {
    let store = StoreId::new("s").unwrap();
    let mut builder = BlockBuilder::default();
    for (i, raw) in raws.iter().enumerate() {
        builder.push(&NewRecord {
            kind: RecordKind::Original,
            store: &store,
            source: "test",
            position: i as u64,
            format: FormatHash(1),
            received_at: Micros(1_000_000 * i as i64),
            event_id: "",
            raw: raw.as_bytes(),
        });
    }
    builder
}

const TP: TopicPartition = TopicPartition::new(Topic::UserEvents, 1);

fn append(journal: &EmbeddedJournal, raws: &[&str]) -> Offset {
    let append = Append {
        blocks: vec![(TP, block(raws))],
        progress: None,
    };
    journal.append(append).unwrap().blocks[0].1
}

fn all(journal: &EmbeddedJournal) -> Vec<(Offset, String)> {
    let mut out = Vec::new();
    let mut at = journal.bounds(TP).earliest;
    loop {
        match journal.read(TP, at).unwrap() {
            ReadOutcome::AtTail => return out,
            ReadOutcome::Block(block) => {
                out.extend(
                    block
                        .records()
                        .filter(|r| r.offset >= at)
                        .map(|r| (r.offset, String::from_utf8_lossy(r.raw).into_owned())),
                );
                at = block.end();
            }
            ReadOutcome::Damaged { resume, .. } => at = resume,
        }
    }
}

#[test]
fn j2_offsets_are_dense_across_restarts() {
    let folder = tempfile::tempdir().unwrap();
    {
        let journal = EmbeddedJournal::open(folder.path(), &options()).unwrap();
        assert_eq!(append(&journal, &["a", "b"]), 0);
        assert_eq!(append(&journal, &["c"]), 2);
    }
    let journal = EmbeddedJournal::open(folder.path(), &options()).unwrap();
    assert_eq!(append(&journal, &["d"]), 3);
    let expected: Vec<(u64, String)> = ["a", "b", "c", "d"]
        .iter()
        .enumerate()
        .map(|(i, s)| (i as u64, (*s).to_owned()))
        .collect();
    assert_eq!(all(&journal), expected);
    // Reading may start inside a block.
    let ReadOutcome::Block(block) = journal.read(TP, 1).unwrap() else {
        panic!("no block")
    };
    assert_eq!(block.first(), 0);
    assert_eq!(
        journal
            .bounds(TopicPartition::new(Topic::Transactions, 1))
            .next,
        0
    );
}

#[test]
fn many_writers_share_commits_and_each_gets_its_own_offsets() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Arc::new(EmbeddedJournal::open(folder.path(), &options()).unwrap());
    let mut firsts: Vec<Offset> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    (0..25)
                        .map(|_| append(&journal, &["x", "y"]))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        handles
            .into_iter()
            .flat_map(|h| h.join().unwrap())
            .collect()
    });
    firsts.sort_unstable();
    assert_eq!(firsts, (0..200).map(|i| i * 2).collect::<Vec<_>>());
}

#[test]
fn a_second_process_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let _held = EmbeddedJournal::open(folder.path(), &options()).unwrap();
    let Err(error) = EmbeddedJournal::open(folder.path(), &options()) else {
        panic!("opened twice")
    };
    assert!(matches!(error, JournalError::Locked { .. }), "{error}");
}

#[test]
fn j4_a_full_disk_refuses_before_acknowledging_and_resumes() {
    let folder = tempfile::tempdir().unwrap();
    {
        let full = EmbeddedOptions {
            reserve_bytes: u64::MAX,
            ..options()
        };
        let journal = EmbeddedJournal::open(folder.path(), &full).unwrap();
        let refused = journal.append(Append {
            blocks: vec![(TP, block(&["a"]))],
            progress: None,
        });
        assert!(matches!(refused, Err(JournalError::Full { .. })));
        assert_eq!(journal.bounds(TP).next, 0);
    }
    let journal = EmbeddedJournal::open(folder.path(), &options()).unwrap();
    assert_eq!(append(&journal, &["a"]), 0);
}

#[test]
fn trim_never_passes_a_consumer_and_never_reuses_offsets() {
    let folder = tempfile::tempdir().unwrap();
    let everything = RetentionPolicy {
        max_age: Some(0),
        max_bytes: Some(0),
    };
    {
        let journal = EmbeddedJournal::open(folder.path(), &options()).unwrap();
        append(&journal, &["a", "b"]);
        append(&journal, &["c"]);
        assert_eq!(
            journal.trim(&everything, Micros(i64::MAX)).unwrap(),
            0,
            "nobody has committed yet"
        );
        journal.commit("lake", &[(TP, 3)]).unwrap();
        journal.commit("stream", &[(TP, 2)]).unwrap();
        assert_eq!(journal.trim(&everything, Micros(i64::MAX)).unwrap(), 2);
        assert!(matches!(
            journal.read(TP, 0),
            Err(JournalError::Trimmed { earliest: 2, .. })
        ));
        journal.commit("stream", &[(TP, 3)]).unwrap();
        assert_eq!(journal.trim(&everything, Micros(i64::MAX)).unwrap(), 1);
    }
    let journal = EmbeddedJournal::open(folder.path(), &options()).unwrap();
    assert_eq!(
        journal.bounds(TP),
        Bounds {
            earliest: 3,
            next: 3
        }
    );
    assert_eq!(append(&journal, &["d"]), 3);
}

#[test]
fn the_tail_is_followed_without_polling() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Arc::new(EmbeddedJournal::open(folder.path(), &options()).unwrap());
    let signal = journal.signal();
    let seen = signal.generation();
    let writer = {
        let journal = Arc::clone(&journal);
        std::thread::spawn(move || append(&journal, &["a"]))
    };
    assert!(signal.wait_past(seen, Duration::from_secs(10)) > seen);
    writer.join().unwrap();
    assert_eq!(all(&journal).len(), 1);
}

#[test]
fn damage_is_reported_with_its_offsets_and_everything_else_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let journal = EmbeddedJournal::open(folder.path(), &options()).unwrap();
    append(&journal, &["a", "b"]);
    append(&journal, &["c"]);
    append(&journal, &["d"]);
    let storage = journal.shared.storage().unwrap();
    let key = block_key(TP, 2);
    let mut stored = storage.blocks.get(key).unwrap().unwrap().to_vec();
    let last = stored.len() - 1;
    stored[last] ^= 1;
    storage.blocks.insert(key, stored).unwrap();
    let ReadOutcome::Damaged {
        first,
        resume,
        reason,
    } = journal.read(TP, 2).unwrap()
    else {
        panic!("not found")
    };
    assert_eq!((first, resume), (2, 3));
    assert!(reason.contains("checksum"), "{reason}");
    let read: Vec<String> = all(&journal).into_iter().map(|(_, raw)| raw).collect();
    assert_eq!(read, ["a", "b", "d"]);
}

#[test]
fn a_torn_write_is_rolled_back() {
    let folder = tempfile::tempdir().unwrap();
    {
        let journal = EmbeddedJournal::open(folder.path(), &options()).unwrap();
        append(&journal, &["a"]);
    }
    // A crash in the middle of the next write leaves half a batch at the end of the newest log file.
    let newest = walk(folder.path())
        .into_iter()
        .filter(|p| p.extension().is_some_and(|e| e == "jnl"))
        .max()
        .expect("a log file");
    let whole = std::fs::read(&newest).unwrap();
    let used = whole.iter().rposition(|b| *b != 0).map_or(0, |i| i + 1);
    let mut torn = whole[..used].to_vec();
    torn.extend_from_slice(&whole[..used.min(40)]);
    std::fs::write(&newest, torn).unwrap();
    let journal = EmbeddedJournal::open(folder.path(), &options()).unwrap();
    assert_eq!(all(&journal), [(0, "a".to_owned())]);
    assert_eq!(append(&journal, &["b"]), 1);
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            out.extend(walk(&path))
        } else {
            out.push(path)
        }
    }
    out
}

#[test]
fn formats_and_progress_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let journal = EmbeddedJournal::open(folder.path(), &options()).unwrap();
    let hash = journal.put_format("definition").unwrap();
    assert_eq!(journal.put_format("definition").unwrap(), hash);
    assert_eq!(journal.format(hash).unwrap().as_deref(), Some("definition"));
    let append = Append {
        blocks: vec![(TP, block(&["a"]))],
        progress: Some(("import/x".to_owned(), b"line 1".to_vec())),
    };
    journal.append(append).unwrap();
    assert_eq!(
        journal.progress("import/x").unwrap().as_deref(),
        Some(b"line 1".as_slice())
    );
}
