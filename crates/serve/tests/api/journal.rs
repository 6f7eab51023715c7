//! `POST /v1/events` through the real ingest into a real journal.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use tradewind_ingest::{Ingest, Limits};
use tradewind_journal::{EmbeddedJournal, EmbeddedOptions, Journal};
use tradewind_model::{SystemClock, Topic, TopicPartition, UuidSource};
use tradewind_serve::Settings;

use crate::harness::{Server, outcome};

fn open(folder: &Path) -> Arc<dyn Journal> {
    Arc::new(EmbeddedJournal::open(&folder.join("journal"), &EmbeddedOptions::default()).unwrap())
}

/// Records of a topic.
fn records(journal: &dyn Journal, topic: Topic) -> u64 {
    (0..journal.partitions())
        .map(|p| journal.bounds(TopicPartition::new(topic, p)))
        .map(|b| b.next - b.earliest)
        .sum()
}

#[tokio::test]
async fn j1_what_was_answered_is_in_the_journal() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    let ingest = Ingest::new(
        Arc::clone(&journal),
        Arc::new(SystemClock),
        Arc::new(UuidSource),
        Limits::default(),
    );
    let server = Server::start_over(Settings::default(), None, Some(Arc::new(ingest))).await;

    let lines = [
        r#"{"type":"product_viewed","anonymous_id":"v1","product":{"product_id":"p1"}}"#,
        r#"{"type":"nothing_we_know","anonymous_id":"v1"}"#,
        r#"{"type":"price_changed","product":{"product_id":"p1","price":"9.99"}}"#,
        r#"{"type":"order_completed","store_id":"b","order":{"order_id":"o1","total":"9.99"}}"#,
    ];
    let packed = zstd::encode_all(lines.join("\n").as_bytes(), 1).unwrap();
    let answer = server
        .events()
        .await
        .header("content-encoding", "zstd")
        .body(packed)
        .send()
        .await
        .unwrap();
    let verdicts: Value = answer.json().await.unwrap();
    assert_eq!(verdicts["accepted"], 2, "{verdicts}");
    let codes: Vec<_> = verdicts["rejected"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| (&r["index"], &r["code"]))
        .collect();
    assert_eq!(
        codes,
        [
            (&1.into(), &"unknown_type".into()),
            (&3.into(), &"store_mismatch".into())
        ]
    );

    let key = server.key("a", tradewind_control::KeyKind::Write).await;
    let broken = server
        .post("/v1/events")
        .bearer_auth(key)
        .header("content-type", "application/json")
        .body("[{},");
    assert_eq!(outcome(broken).await.0, 400);

    let kept = Topic::ALL.map(|topic| records(&*journal, topic));
    assert_eq!(
        kept.iter().sum::<u64>(),
        4,
        "two events and two in quarantine: {kept:?}"
    );
    assert_eq!(kept[2], 1);
}
