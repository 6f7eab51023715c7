//! A log whose files were changed anyhow: opening it and reading it neither panics nor gives bytes that were never written,
//! and new records get offsets nothing else had (J2). The input says which file is changed where: six bytes a change.
#![no_main]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use tradewind_journal::{
    Append, BlockBuilder, EmbeddedJournal, EmbeddedOptions, Journal, NewRecord, ReadOutcome,
    RecordKind,
};
use tradewind_model::{FormatHash, Micros, StoreId, Topic, TopicPartition};

const PARTITIONS: u16 = 2;

fn options() -> EmbeddedOptions {
    EmbeddedOptions {
        partitions: PARTITIONS,
        reserve_bytes: 0,
        ..EmbeddedOptions::default()
    }
}

fn shared_memory() -> PathBuf {
    let shared = PathBuf::from("/dev/shm");
    if shared.is_dir() {
        shared
    } else {
        std::env::temp_dir()
    }
}

fn at(partition: u16) -> TopicPartition {
    TopicPartition::new(Topic::UserEvents, partition)
}

fn append(journal: &EmbeddedJournal, partition: u16, raws: &[String]) -> Option<u64> {
    let store = StoreId::new("s").expect("an id");
    let mut block = BlockBuilder::default();
    for raw in raws {
        block.push(&NewRecord {
            kind: RecordKind::Original,
            store: &store,
            source: "fuzz",
            format: FormatHash(1),
            position: 0,
            received_at: Micros(1),
            event_id: "",
            raw: raw.as_bytes(),
        });
    }
    let append = Append {
        blocks: vec![(at(partition), block)],
        progress: None,
    };
    journal.append(append).ok().map(|a| a.blocks[0].1)
}

/// Relative path and bytes of every file of a sound log, and what it holds.
struct Template {
    files: Vec<(PathBuf, Vec<u8>)>,
    records: BTreeMap<(u16, u64), String>,
}

fn walk(root: &Path, folder: &Path, out: &mut Vec<(PathBuf, Vec<u8>)>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|e| e.expect("an entry").path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            walk(root, &path, out);
        } else {
            let relative = path.strip_prefix(root).expect("below").to_owned();
            out.push((relative, std::fs::read(&path).expect("a file")));
        }
    }
}

fn template() -> &'static Template {
    static TEMPLATE: OnceLock<Template> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        // The fuzzer ends at any panic; those of the storage at damaged files are caught by the log, which salvages them. One
        // that is not caught still ends the run.
        let ends = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let storage = |file: &str| file.contains("/fjall-") || file.contains("/lsm-tree-");
            if !info.location().is_some_and(|at| storage(at.file())) {
                ends(info);
            }
        }));
        let folder = tempfile::tempdir_in(shared_memory()).expect("a folder");
        let mut records = BTreeMap::new();
        // Opened again and again, so that there are tables and a write-ahead file.
        for round in 0..3 {
            let journal =
                EmbeddedJournal::open(&folder.path().join("journal"), &options()).expect("a log");
            for number in 0..8 {
                let partition = number % PARTITIONS;
                let raws: Vec<String> = (0..5).map(|i| format!("{round}-{number}-{i}")).collect();
                let first = append(&journal, partition, &raws).expect("an append");
                for (i, raw) in (first..).zip(raws) {
                    records.insert((partition, i), raw);
                }
            }
            journal.commit("lake", &[(at(0), 3)]).expect("a note");
        }
        let mut files = Vec::new();
        walk(folder.path(), folder.path(), &mut files);
        Template { files, records }
    })
}

fuzz_target!(|input: &[u8]| {
    let template = template();
    let mut files: Vec<Option<Vec<u8>>> = template
        .files
        .iter()
        .map(|(_, b)| Some(b.clone()))
        .collect();
    for change in input.chunks_exact(6).take(8) {
        let file = usize::from(change[0]) % files.len();
        let place = usize::from(u16::from_le_bytes([change[2], change[3]]));
        let Some(bytes) = &mut files[file] else {
            continue;
        };
        let place = place % (bytes.len() + 1);
        match change[1] % 6 {
            0 => files[file] = None,
            1 => bytes.truncate(place),
            2 => {
                if let Some(byte) = bytes.get_mut(place) {
                    *byte ^= change[4] | 1;
                }
            }
            3 => {
                let end = (place + usize::from(change[4])).min(bytes.len());
                bytes[place..end].fill(change[5]);
            }
            4 => {
                let added = vec![change[5]; usize::from(change[4])];
                bytes.splice(place..place, added);
            }
            _ => {
                let end = (place + usize::from(change[4])).min(bytes.len());
                bytes.drain(place..end);
            }
        }
    }
    let folder = tempfile::tempdir_in(shared_memory()).expect("a folder");
    for ((path, _), bytes) in template.files.iter().zip(files) {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        if let Some(bytes) = bytes {
            std::fs::write(path, bytes).expect("a file");
        }
    }
    // Bytes changed in one place of one file never keep the log closed.
    let in_place = input.len() < 12 && input.get(1).is_some_and(|kind| matches!(kind % 6, 2 | 3));
    let journal = match EmbeddedJournal::open(&folder.path().join("journal"), &options()) {
        Ok(journal) => journal,
        Err(error) if in_place => panic!("the log stays closed: {error}"),
        Err(_) => return,
    };
    let mut highest = BTreeMap::new();
    for partition in 0..PARTITIONS {
        let bounds = journal.bounds(at(partition));
        let mut from = bounds.earliest;
        while let Ok(outcome) = journal.read(at(partition), from) {
            match outcome {
                ReadOutcome::AtTail => break,
                ReadOutcome::Damaged { resume, .. } => {
                    assert!(resume > from, "reading does not go on");
                    from = resume;
                }
                ReadOutcome::Block(block) => {
                    for record in block.records() {
                        let written = template.records.get(&(partition, record.offset));
                        let read = String::from_utf8_lossy(record.raw);
                        highest.insert(partition, record.offset);
                        assert_eq!(
                            written.map(String::as_str),
                            Some(read.as_ref()),
                            "at {}",
                            record.offset
                        );
                    }
                    assert!(block.end() > from, "reading does not go on");
                    from = block.end();
                }
            }
        }
        if let Some(first) = append(&journal, partition, &["new".to_owned()]) {
            let served = highest.get(&partition);
            assert!(
                first >= bounds.next && served.is_none_or(|served| first > *served),
                "offset {first} was in use"
            );
        }
    }
});
