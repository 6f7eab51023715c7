//! What the tests share: a log in a temporary folder, a still clock, a directory of stores, and reading everything back.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tradewind_journal::*;
use tradewind_model::validate::Envelope;
use tradewind_model::*;

/// 2026-11-21.
pub(crate) const NOW: Micros = Micros(1_795_000_000_000_000);

pub(crate) struct Still;

impl Clock for Still {
    fn now(&self) -> Micros {
        NOW
    }
}

#[derive(Default)]
pub(crate) struct Counting(AtomicU64);

impl IdSource for Counting {
    fn next_id(&self) -> String {
        format!("given-{}", self.0.fetch_add(1, Ordering::Relaxed))
    }
}

pub(crate) struct Shops(pub(crate) Vec<Arc<Store>>);

impl StoreDirectory for Shops {
    fn store(&self, id: &StoreId) -> Option<Arc<Store>> {
        self.0.iter().find(|store| store.store_id == *id).cloned()
    }
    fn stores(&self) -> Vec<Arc<Store>> {
        self.0.clone()
    }
}

pub(crate) fn shop(id: &str) -> Arc<Store> {
    Arc::new(Store::new(StoreId::new(id).unwrap()))
}

pub(crate) fn open(folder: &Path) -> Arc<EmbeddedJournal> {
    let options = EmbeddedOptions {
        partitions: 4,
        reserve_bytes: 0,
        ..EmbeddedOptions::default()
    };
    Arc::new(EmbeddedJournal::open(&folder.join("journal"), &options).unwrap())
}

/// A record, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) at: TopicPartition,
    pub(crate) store: String,
    pub(crate) source: String,
    pub(crate) position: u64,
    pub(crate) copy: bool,
    pub(crate) rejected: Option<(RejectCode, String)>,
    pub(crate) given_id: String,
    /// The id of the event as every reader will see it, empty when rejected.
    pub(crate) id: String,
    pub(crate) raw: Vec<u8>,
}

/// Everything in the log. Each event is decoded as a replay would.
pub(crate) fn everything(journal: &dyn Journal) -> Vec<Kept> {
    let mut out = Vec::new();
    for at in journal.topic_partitions() {
        let mut from = 0;
        while let ReadOutcome::Block(block) = journal.read(at, from).unwrap() {
            from = block.end();
            for record in block.records() {
                let decoder =
                    Decoder::from_definition(&journal.format(record.format).unwrap().unwrap())
                        .unwrap();
                let envelope = Envelope {
                    received_at: record.received_at,
                    event_id: record.event_id,
                };
                let store = Store::new(record.store.clone());
                let (rejected, id) = match record.kind {
                    RecordKind::Rejected { code, message } => {
                        (Some((code, message.to_owned())), String::new())
                    }
                    _ => (
                        None,
                        decoder
                            .decode(record.raw, &envelope, &store)
                            .unwrap()
                            .event_id
                            .into_owned(),
                    ),
                };
                out.push(Kept {
                    at,
                    store: record.store.to_string(),
                    source: record.source.to_owned(),
                    position: record.position,
                    copy: record.kind == RecordKind::Copy,
                    rejected,
                    given_id: record.event_id.to_owned(),
                    id,
                    raw: record.raw.to_vec(),
                });
            }
        }
    }
    out
}

/// All but the copies, by position; no position twice.
pub(crate) fn by_position(journal: &dyn Journal) -> Vec<Kept> {
    let mut kept: Vec<Kept> = everything(journal)
        .into_iter()
        .filter(|k| !k.copy)
        .collect();
    kept.sort_by_key(|k| k.position);
    let ids: HashSet<(&str, &str)> = kept
        .iter()
        .filter(|k| k.rejected.is_none())
        .map(|k| (k.store.as_str(), k.id.as_str()))
        .collect();
    assert_eq!(
        ids.len(),
        kept.iter().filter(|k| k.rejected.is_none()).count(),
        "every event has an id of its own"
    );
    assert!(
        kept.windows(2).all(|w| w[0].position < w[1].position),
        "no line is there twice"
    );
    kept
}

/// The folder of real files beside the project.
pub(crate) fn real_file(name: &str) -> Option<PathBuf> {
    // Asked when the test runs, not when it is compiled: several clones may share one target directory.
    let package =
        std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let path = Path::new(&package).join("../../../shared/data").join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!(
        "SKIPPED: `{}` is not there; this test needs the real data folder beside the project",
        path.display()
    );
    None
}
