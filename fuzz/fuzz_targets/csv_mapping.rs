//! CSV by mapping: a mapping is taken or refused, never panics; a file imported with one ends line by line as events or in the
//! quarantine, and importing it again adds nothing. Before the first record separator (0x1e) stands the mapping (nothing: the REES46 one),
//! after it the file.
#![no_main]

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use libfuzzer_sys::fuzz_target;
use tradewind_ingest::{ImportFormat, ImportOptions, Importer};
use tradewind_journal::{Journal, MemoryJournal, ReadOutcome, RecordKind};
use tradewind_model::{Clock, Micros, Store, StoreDirectory, StoreId};

struct Still;

impl Clock for Still {
    fn now(&self) -> Micros {
        Micros(1_795_000_000_000_000)
    }
}

struct One(Arc<Store>);

impl StoreDirectory for One {
    fn store(&self, id: &StoreId) -> Option<Arc<Store>> {
        (*id == self.0.store_id).then(|| Arc::clone(&self.0))
    }
    fn stores(&self) -> Vec<Arc<Store>> {
        vec![Arc::clone(&self.0)]
    }
}

fn file() -> &'static PathBuf {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    FILE.get_or_init(|| {
        let shared = PathBuf::from("/dev/shm");
        let folder = if shared.is_dir() {
            shared
        } else {
            std::env::temp_dir()
        };
        folder.join(format!("tradewind-fuzz-{}.csv", std::process::id()))
    })
}

fuzz_target!(|input: &[u8]| {
    let Some(cut) = input.iter().position(|b| *b == 0x1e) else {
        return;
    };
    let Ok(mapping) = std::str::from_utf8(&input[..cut]) else {
        return;
    };
    let format = if mapping.is_empty() {
        ImportFormat::named("rees46").expect("built in")
    } else {
        ImportFormat::csv("fuzz", mapping)
    };
    std::fs::write(file(), &input[cut + 1..]).expect("a file");
    let store = Arc::new(Store::new(StoreId::new("s").expect("an id")));
    let journal = Arc::new(MemoryJournal::new(2));
    let importer = Importer::new(
        Arc::clone(&journal) as Arc<dyn Journal>,
        Arc::new(Still),
        Arc::new(One(Arc::clone(&store))),
    );
    let options = ImportOptions::new(store, format);
    let Ok(done) = importer.import_file(file(), &options, &mut |_| ControlFlow::Continue(()))
    else {
        return;
    };
    let count = || {
        let mut originals = 0;
        for at in journal.topic_partitions() {
            let mut from = 0;
            while let ReadOutcome::Block(block) = journal.read(at, from).expect("a read") {
                from = block.end();
                originals += block
                    .records()
                    .filter(|r| r.kind != RecordKind::Copy)
                    .count() as u64;
            }
        }
        originals
    };
    let kept = count();
    let told: u64 = done.iter().map(|s| s.accepted + s.rejected).sum();
    assert_eq!(
        kept, told,
        "the summary tells of other lines than were kept"
    );
    let _ = importer.import_file(file(), &options, &mut |_| ControlFlow::Continue(()));
    assert_eq!(count(), kept, "importing again added something");
});
