//! The embedded log against its promises.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
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
        let journal = EmbeddedJournal::open(&folder.path().join("journal"), &options()).unwrap();
        assert_eq!(append(&journal, &["a", "b"]), 0);
        assert_eq!(append(&journal, &["c"]), 2);
    }
    let journal = EmbeddedJournal::open(&folder.path().join("journal"), &options()).unwrap();
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
    let journal =
        Arc::new(EmbeddedJournal::open(&folder.path().join("journal"), &options()).unwrap());
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
    let _held = EmbeddedJournal::open(&folder.path().join("journal"), &options()).unwrap();
    let Err(error) = EmbeddedJournal::open(&folder.path().join("journal"), &options()) else {
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
        let journal = EmbeddedJournal::open(&folder.path().join("journal"), &full).unwrap();
        let refused = journal.append(Append {
            blocks: vec![(TP, block(&["a"]))],
            progress: None,
        });
        assert!(matches!(refused, Err(JournalError::Full { .. })));
        assert_eq!(journal.bounds(TP).next, 0);
    }
    let journal = EmbeddedJournal::open(&folder.path().join("journal"), &options()).unwrap();
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
        let journal = EmbeddedJournal::open(&folder.path().join("journal"), &options()).unwrap();
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
    let journal = EmbeddedJournal::open(&folder.path().join("journal"), &options()).unwrap();
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
    let journal =
        Arc::new(EmbeddedJournal::open(&folder.path().join("journal"), &options()).unwrap());
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
    let journal = EmbeddedJournal::open(&folder.path().join("journal"), &options()).unwrap();
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
        let journal = EmbeddedJournal::open(&folder.path().join("journal"), &options()).unwrap();
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
    let journal = EmbeddedJournal::open(&folder.path().join("journal"), &options()).unwrap();
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
    let journal = EmbeddedJournal::open(&folder.path().join("journal"), &options()).unwrap();
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

/// What is done to a log.
#[derive(Debug, Clone)]
enum Act {
    /// Blocks of so many records, by partition number, in one append.
    Append(Vec<(u16, u8)>),
    /// A consumer needs nothing before this share of what a partition holds.
    Commit(bool, u16, prop::sample::Index),
    /// Everything the consumers do not need is deleted.
    Trim,
    /// The log is closed and opened again.
    Reopen,
    /// A partition is read from somewhere on.
    Read(u16, prop::sample::Index),
}

fn act() -> impl Strategy<Value = Act> {
    let partition = 0u16..2;
    prop_oneof![
        4 => proptest::collection::vec((partition.clone(), 1u8..5), 1..4).prop_map(Act::Append),
        2 => (any::<bool>(), partition.clone(), any::<prop::sample::Index>()).prop_map(|(a, p, i)| Act::Commit(a, p, i)),
        1 => Just(Act::Trim),
        1 => Just(Act::Reopen),
        3 => (partition, any::<prop::sample::Index>()).prop_map(|(p, i)| Act::Read(p, i)),
    ]
}

/// A partition as it should be: every record ever appended, and the first offset of each block.
#[derive(Debug, Default, Clone)]
struct Model {
    records: Vec<String>,
    blocks: Vec<Offset>,
    earliest: Offset,
    committed: [Option<Offset>; 2],
}

/// Does `acts` to a log and to a plain list, and compares.
fn behaves_as_a_list(
    acts: Vec<Act>,
    mut journal: Box<dyn Journal>,
    reopen: impl Fn(Box<dyn Journal>) -> Box<dyn Journal>,
) -> Result<(), TestCaseError> {
    let at = |partition: u16| TopicPartition::new(Topic::UserEvents, partition);
    let mut model = [Model::default(), Model::default()];
    let mut written = 0;
    for act in acts {
        match act {
            Act::Append(blocks) => {
                let mut append = Append {
                    blocks: Vec::new(),
                    progress: None,
                };
                let mut expected = Vec::new();
                for (partition, count) in blocks {
                    let raws: Vec<String> = (0..count)
                        .map(|i| format!("{}", written + u32::from(i)))
                        .collect();
                    written += u32::from(count);
                    append.blocks.push((
                        at(partition),
                        block(&raws.iter().map(String::as_str).collect::<Vec<_>>()),
                    ));
                    let model = &mut model[usize::from(partition)];
                    let first = model.records.len() as u64;
                    expected.push((at(partition), first, u32::from(count)));
                    model.blocks.push(first);
                    model.records.extend(raws);
                }
                prop_assert_eq!(journal.append(append).unwrap().blocks, expected);
            }
            Act::Commit(first, partition, share) => {
                let model = &mut model[usize::from(partition)];
                let offset = share.index(model.records.len() + 1) as u64;
                let name = if first { "lake" } else { "stream" };
                journal.commit(name, &[(at(partition), offset)]).unwrap();
                model.committed[usize::from(first)] = Some(offset);
                prop_assert_eq!(
                    journal.committed(name, at(partition)).unwrap(),
                    Some(offset)
                );
            }
            Act::Trim => {
                let everything = RetentionPolicy {
                    max_age: Some(0),
                    max_bytes: Some(0),
                };
                journal.trim(&everything, Micros(i64::MAX)).unwrap();
                for (partition, model) in (0..).zip(&mut model) {
                    let earliest = journal.bounds(at(partition)).earliest;
                    // Blocks go as a whole, none goes that a consumer needs, and none comes back.
                    let needed = model.committed.iter().flatten().min().copied().unwrap_or(0);
                    prop_assert!(earliest >= model.earliest);
                    prop_assert!(
                        earliest <= needed.max(model.earliest),
                        "{earliest} > {needed}"
                    );
                    let is_start =
                        model.blocks.contains(&earliest) || earliest == model.records.len() as u64;
                    prop_assert!(is_start, "{earliest} is inside a block");
                    model.earliest = earliest;
                }
            }
            Act::Reopen => {
                journal = reopen(journal);
            }
            Act::Read(partition, share) => {
                let model = &model[usize::from(partition)];
                let mut from = share.index(model.records.len() + 1) as u64;
                if from < model.earliest {
                    let told = matches!(journal.read(at(partition), from), Err(JournalError::Trimmed { earliest, .. }) if earliest == model.earliest);
                    prop_assert!(told, "offset {from} is trimmed");
                    continue;
                }
                let mut read = Vec::new();
                let start = from;
                loop {
                    match journal.read(at(partition), from).unwrap() {
                        ReadOutcome::AtTail => break,
                        ReadOutcome::Block(block) => {
                            let records = block.records().filter(|r| r.offset >= from);
                            read.extend(
                                records.map(|r| {
                                    (r.offset, String::from_utf8_lossy(r.raw).into_owned())
                                }),
                            );
                            prop_assert!(block.end() > from);
                            from = block.end();
                        }
                        ReadOutcome::Damaged { reason, .. } => prop_assert!(false, "{reason}"),
                    }
                }
                let expected: Vec<(u64, String)> = (0..)
                    .zip(model.records.iter().cloned())
                    .skip(start as usize)
                    .collect();
                prop_assert_eq!(read, expected);
            }
        }
        for (partition, model) in (0..).zip(&model) {
            let bounds = Bounds {
                earliest: model.earliest,
                next: model.records.len() as u64,
            };
            prop_assert_eq!(journal.bounds(at(partition)), bounds);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// J1, J2: whatever is appended, read, trimmed and opened again, the log holds what a plain list would, at dense offsets.
    #[test]
    fn j2_the_log_behaves_as_a_list(acts in proptest::collection::vec(act(), 1..25)) {
        let folder = tempfile::tempdir().unwrap();
        let open = || -> Box<dyn Journal> { Box::new(EmbeddedJournal::open(&folder.path().join("journal"), &options()).unwrap()) };
        behaves_as_a_list(acts, open(), |journal| {
            drop(journal);
            open()
        })?;
    }

    /// J1, J2: what simulations use in its place keeps the same rules.
    #[test]
    fn j2_the_log_in_memory_behaves_as_a_list(acts in proptest::collection::vec(act(), 1..40)) {
        behaves_as_a_list(acts, Box::new(crate::MemoryJournal::new(2)), |journal| journal)?;
    }
}

/// J2: offsets that were given up are never used again, also after a restart.
#[test]
fn j2_offsets_given_up_are_not_used_again() {
    let folder = tempfile::tempdir().unwrap();
    {
        let journal = EmbeddedJournal::open(&folder.path().join("journal"), &options()).unwrap();
        append(&journal, &["a"]);
        journal.skip_to(TP, 5).unwrap();
        journal.skip_to(TP, 3).unwrap();
        assert_eq!(append(&journal, &["b"]), 5);
        let empty = TopicPartition::new(Topic::Transactions, 0);
        journal.skip_to(empty, 9).unwrap();
        let bounds = Bounds {
            earliest: 9,
            next: 9,
        };
        assert_eq!(journal.bounds(empty), bounds);
    }
    let journal = EmbeddedJournal::open(&folder.path().join("journal"), &options()).unwrap();
    assert_eq!(journal.bounds(TP).next, 6);
    assert_eq!(all(&journal), [(0, "a".to_owned()), (5, "b".to_owned())]);
}

#[path = "damage_tests.rs"]
mod damage;
