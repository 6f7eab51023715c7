use super::*;
use crate::testing::{Counting, Still, everything, open, shop};
use tradewind_model::{StoreId, Topic};

const VIEW: &str = r#"{"type":"product_viewed","event_id":"v1","anonymous_id":"a1","product":{"product_id":"p1"}}"#;
const ORDER: &str =
    r#"{"type":"order_completed","anonymous_id":"a1","order":{"order_id":"o1","total":"9.99"}}"#;

fn door(folder: &std::path::Path, limits: Limits) -> (Ingest, Arc<dyn Journal>) {
    let journal: Arc<dyn Journal> = open(folder);
    (
        Ingest::new(
            Arc::clone(&journal),
            Arc::new(Still),
            Arc::new(Counting::default()),
            limits,
        ),
        journal,
    )
}

#[test]
fn j1_verdicts_are_given_once_every_item_is_durable() {
    let folder = tempfile::tempdir().unwrap();
    let (ingest, journal) = door(folder.path(), Limits::default());
    let body = format!("[{VIEW}, {ORDER},{{\"type\":\"nothing\"}},7]");
    let verdicts = ingest
        .accept(&shop("s1"), "http", body.as_bytes(), BodyKind::Json)
        .unwrap();
    assert_eq!(verdicts.accepted, 2);
    assert_eq!(
        verdicts
            .rejected
            .iter()
            .map(|r| (r.index, r.code))
            .collect::<Vec<_>>(),
        [(2, RejectCode::UnknownType), (3, RejectCode::Unacceptable)]
    );
    drop((ingest, journal));
    let again = open(folder.path());
    let kept = everything(again.as_ref());
    assert_eq!(kept.len(), 5, "two events, one copy, two in the quarantine");
    let order: Vec<_> = kept.iter().filter(|k| k.raw == ORDER.as_bytes()).collect();
    assert_eq!(order.len(), 2);
    assert!(
        order.iter().all(|k| k.given_id == "given-0"),
        "the original and its copy are one event"
    );
    let copy = order.iter().find(|k| k.copy).unwrap();
    let view = kept.iter().find(|k| k.raw == VIEW.as_bytes()).unwrap();
    assert_eq!(copy.at, view.at, "the copy is where its visitor is");
    assert_eq!((view.given_id.as_str(), view.id.as_str()), ("", "v1"));
    let refused: Vec<_> = kept
        .iter()
        .filter_map(|k| {
            k.rejected
                .as_ref()
                .map(|r| (k.raw.as_slice(), r.1.as_str()))
        })
        .collect();
    assert_eq!(refused.len(), 2);
    assert!(
        refused
            .iter()
            .any(|(raw, why)| *raw == b"7" && why.contains("not a JSON object"))
    );
}

#[test]
fn a_bad_line_is_rejected_alone_and_a_broken_array_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (ingest, journal) = door(folder.path(), Limits::default());
    let lines = format!("{VIEW}\r\n{{broken\n\n{ORDER}");
    let verdicts = ingest
        .accept(&shop("s1"), "http", lines.as_bytes(), BodyKind::Sniff)
        .unwrap();
    assert_eq!(
        (
            verdicts.accepted,
            verdicts.rejected.len(),
            verdicts.rejected[0].index
        ),
        (2, 1, 1)
    );
    let before = everything(journal.as_ref()).len();
    let cut = format!("[{VIEW},{ORDER}");
    assert!(matches!(
        ingest.accept(&shop("s1"), "http", cut.as_bytes(), BodyKind::Json),
        Err(IngestError::Malformed(_))
    ));
    let many = Limits {
        max_items: 1,
        ..Limits::default()
    };
    let ingest = Ingest::new(
        Arc::clone(&journal),
        Arc::new(Still),
        Arc::new(Counting::default()),
        many,
    );
    assert!(matches!(
        ingest.accept(&shop("s1"), "http", lines.as_bytes(), BodyKind::Ndjson),
        Err(IngestError::TooManyItems { max: 1 })
    ));
    assert_eq!(
        everything(journal.as_ref()).len(),
        before,
        "nothing of a refused request is kept"
    );
}

#[test]
fn large_items_are_rejected_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let (ingest, _journal) = door(
        folder.path(),
        Limits {
            max_item_bytes: 100,
            ..Limits::default()
        },
    );
    let body = format!("{VIEW}\n{{\"x\":\"{}\"}}", "y".repeat(200));
    let verdicts = ingest
        .accept(&shop("s1"), "http", body.as_bytes(), BodyKind::Ndjson)
        .unwrap();
    assert_eq!((verdicts.accepted, verdicts.rejected[0].index), (1, 1));
    assert!(verdicts.rejected[0].message.contains("at most 100"));
}

/// A log that says how much is waiting.
struct Busy(Arc<dyn Journal>, usize);

impl Journal for Busy {
    fn partitions(&self) -> u16 {
        self.0.partitions()
    }
    fn submit(
        &self,
        append: Append,
    ) -> Result<tradewind_journal::Ticket, tradewind_journal::JournalError> {
        self.0.submit(append)
    }
    fn read(
        &self,
        p: tradewind_model::TopicPartition,
        from: u64,
    ) -> Result<tradewind_journal::ReadOutcome, tradewind_journal::JournalError> {
        self.0.read(p, from)
    }
    fn bounds(&self, p: tradewind_model::TopicPartition) -> tradewind_journal::Bounds {
        self.0.bounds(p)
    }
    fn skip_to(
        &self,
        p: tradewind_model::TopicPartition,
        next: tradewind_model::Offset,
    ) -> Result<(), tradewind_journal::JournalError> {
        self.0.skip_to(p, next)
    }
    fn signal(&self) -> Arc<tradewind_journal::Signal> {
        self.0.signal()
    }
    fn pending_bytes(&self) -> usize {
        self.1
    }
    fn commit(
        &self,
        c: &str,
        o: &[(tradewind_model::TopicPartition, u64)],
    ) -> Result<(), tradewind_journal::JournalError> {
        self.0.commit(c, o)
    }
    fn committed(
        &self,
        c: &str,
        p: tradewind_model::TopicPartition,
    ) -> Result<Option<u64>, tradewind_journal::JournalError> {
        self.0.committed(c, p)
    }
    fn trim(
        &self,
        p: &tradewind_journal::RetentionPolicy,
        now: tradewind_model::Micros,
    ) -> Result<u64, tradewind_journal::JournalError> {
        self.0.trim(p, now)
    }
    fn put_format(&self, d: &str) -> Result<FormatHash, tradewind_journal::JournalError> {
        self.0.put_format(d)
    }
    fn format(&self, hash: FormatHash) -> Result<Option<String>, tradewind_journal::JournalError> {
        self.0.format(hash)
    }
    fn progress(&self, key: &str) -> Result<Option<Vec<u8>>, tradewind_journal::JournalError> {
        self.0.progress(key)
    }
}

#[test]
fn j4_overload_refuses_clickstream_first_and_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let (_, journal) = door(folder.path(), Limits::default());
    let limits = Limits {
        shed_clickstream_bytes: 100,
        shed_all_bytes: 200,
        ..Limits::default()
    };
    let at = |pending: usize, body: &str| {
        let busy = Arc::new(Busy(Arc::clone(&journal), pending));
        let ingest = Ingest::new(
            busy,
            Arc::new(Still),
            Arc::new(Counting::default()),
            limits.clone(),
        );
        ingest.accept(&shop("s1"), "http", body.as_bytes(), BodyKind::Ndjson)
    };
    assert!(matches!(
        at(150, VIEW),
        Err(IngestError::Overloaded { retry_after_s: 5 })
    ));
    assert!(everything(journal.as_ref()).is_empty());
    assert_eq!(at(150, ORDER).unwrap().accepted, 1);
    assert!(matches!(
        at(201, ORDER),
        Err(IngestError::Overloaded { .. })
    ));
    assert_eq!(at(100, VIEW).unwrap().accepted, 1);
}

#[test]
fn j4_a_full_disk_refuses_before_acknowledging() {
    let folder = tempfile::tempdir().unwrap();
    let full = tradewind_journal::EmbeddedOptions {
        reserve_bytes: u64::MAX,
        ..Default::default()
    };
    let journal = Arc::new(
        tradewind_journal::EmbeddedJournal::open(&folder.path().join("journal"), &full).unwrap(),
    );
    let ingest = Ingest::new(
        journal,
        Arc::new(Still),
        Arc::new(Counting::default()),
        Limits::default(),
    );
    let refused = ingest.accept(&shop("s1"), "http", VIEW.as_bytes(), BodyKind::Ndjson);
    assert!(matches!(refused, Err(IngestError::Full(_))));
}

#[test]
fn an_order_of_another_store_is_quarantined_with_its_topic() {
    let folder = tempfile::tempdir().unwrap();
    let (ingest, journal) = door(folder.path(), Limits::default());
    let foreign = ORDER.replace("{\"type\"", "{\"store_id\":\"other\",\"type\"");
    let verdicts = ingest
        .accept(&shop("s1"), "http", foreign.as_bytes(), BodyKind::Ndjson)
        .unwrap();
    assert_eq!(verdicts.rejected[0].code, RejectCode::StoreMismatch);
    let kept = everything(journal.as_ref());
    assert_eq!((kept.len(), kept[0].at.topic), (1, Topic::Transactions));
    assert_eq!(kept[0].store, StoreId::new("s1").unwrap().as_str());
}

#[test]
fn deep_nesting_neither_crashes_nor_stalls() {
    let folder = tempfile::tempdir().unwrap();
    let (ingest, _journal) = door(folder.path(), Limits::default());
    let deep = 2_000_000;
    let open_only = "[".repeat(deep);
    let closed = format!("{open_only}{}", "]".repeat(deep));
    let objects = format!("{}1{}", "{\"a\":".repeat(deep), "}".repeat(deep));
    for body in [open_only, closed, objects] {
        for kind in [BodyKind::Json, BodyKind::Ndjson, BodyKind::Sniff] {
            if let Ok(verdicts) = ingest.accept(&shop("s1"), "http", body.as_bytes(), kind) {
                assert_eq!((verdicts.accepted, verdicts.rejected.len()), (0, 1));
            }
        }
    }
}
