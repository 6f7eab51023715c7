use std::sync::Arc;

use tradewind_model::{Decoder, FormatHash, Store, StoreDirectory, StoreId};
use tradewind_stream::seen::{DedupWindow, SeenIds};
use tradewind_stream::sink::{Chunk, Sink};

use super::*;
use crate::replay::{ReplayRange, replay};
use crate::testing::{TRADES, TestLake, USERS, store, tap_record, view};

struct Json;

impl FormatSource for Json {
    fn definition(&self, hash: FormatHash) -> Option<String> {
        (hash == FormatHash::of(Decoder::JSON)).then(|| Decoder::JSON.to_owned())
    }
}

struct OneShop;

impl StoreDirectory for OneShop {
    fn store(&self, id: &StoreId) -> Option<Arc<Store>> {
        Some(store()).filter(|s| s.store_id == *id)
    }
    fn stores(&self) -> Vec<Arc<Store>> {
        vec![store()]
    }
}

fn verify(test: &TestLake) -> VerifyReport {
    test.runtime
        .block_on(
            test.lake
                .verify(None, &Json, &OneShop, DedupWindow::default()),
        )
        .unwrap()
}

fn filled() -> TestLake {
    let test = TestLake::new();
    let a = view("v1", "p1", "2026-11-10T12:00:00Z")
        .replace('{', r#"{"event_id":"one","#)
        .replacen(r#""product":{"event_id":"one","#, r#""product":{"#, 1);
    let b = view("v2", "p1", "2026-11-11T12:00:00Z");
    test.send(USERS, 0, &[&a, &b, "bad:nonsense", &format!("dup:{a}")]);
    test.send(TRADES, 0, &[r#"{"type":"payment_succeeded","time":"2026-11-11T12:00:00Z","order":{"order_id":"o1"}}"#]);
    test
}

#[test]
fn l2_counts_add_up_and_a_sound_lake_is_clean() {
    let test = filled();
    let report = verify(&test);
    assert_eq!(report.differences, []);
    assert!(report.is_clean());
    assert_eq!(
        report.counts[0],
        PartitionCounts {
            partition: USERS,
            bronze: 4,
            silver: 2,
            duplicates: 1,
            quarantine: 1
        }
    );
    assert_eq!(report.counts[1].bronze, 1);
    assert!(report.silver_days == 2 && report.gold_days > 0);
}

#[test]
fn l2_a_lost_and_a_doubled_row_are_found() {
    for (kind, expected) in [
        ("lost", "0 rows, but bronze gives 1"),
        ("doubled", "2 rows, but bronze gives 1"),
    ] {
        let test = filled();
        test.runtime.block_on(async {
            let handle = test.lake.handle(&TableName::SilverEvents);
            let _writer = handle.writer().await;
            let day = tradewind_model::Date::parse("2026-11-10").unwrap();
            let files = handle.files(|k| k.date == day).await.unwrap();
            let file = &files[0];
            let mut commit = crate::table::Commit {
                kind: crate::table::CommitKind::Replace,
                adds: vec![],
                removes: vec![],
                transactions: vec![],
            };
            if kind == "lost" {
                commit.removes.push(file.remove(true));
            } else {
                let batches = crate::files::read_file(
                    handle.store().unwrap().as_ref(),
                    &file.location().unwrap(),
                    None,
                )
                .await
                .unwrap();
                commit.adds = handle
                    .write_files(vec![crate::files::NewFile {
                        key: file.key.clone(),
                        batches,
                        data_change: true,
                    }])
                    .await
                    .unwrap();
            }
            handle.commit(commit).await.unwrap();
        });
        let report = verify(&test);
        assert!(!report.is_clean());
        let words: Vec<String> = report.differences.iter().map(ToString::to_string).collect();
        assert!(words.iter().any(|w| w.contains(expected)), "{words:?}");
        assert!(
            words
                .iter()
                .any(|w| w.contains("user_events/0 has 4 records")),
            "{words:?}"
        );
    }
}

#[test]
fn a_gold_table_that_was_tampered_with_is_found() {
    let test = filled();
    assert!(verify(&test).is_clean());
    test.runtime.block_on(async {
        let handle = test
            .lake
            .handle(&TableName::Gold("funnel_daily".to_owned()));
        let _writer = handle.writer().await;
        let files = handle.files(|_| true).await.unwrap();
        let removes = vec![files[0].remove(true)];
        let commit = crate::table::Commit {
            kind: crate::table::CommitKind::Replace,
            adds: vec![],
            removes,
            transactions: vec![],
        };
        handle.commit(commit).await.unwrap();
    });
    let report = verify(&test);
    assert_eq!(report.differences.len(), 1);
    assert!(
        report.differences[0]
            .to_string()
            .starts_with("gold.funnel_daily, store harbour, 2026-11-1"),
        "{:?}",
        report.differences
    );
}

/// The stream's part of a replay without its operators: decode, tap, commit.
fn pipeline(lake: Arc<Lake>, sink: Arc<dyn Sink>) -> Result<()> {
    for partition in lake
        .runtime()
        .block_on(lake.bronze_partitions(Some(&store().store_id)))?
    {
        let mut tap = sink.tap(partition);
        let mut next = 0;
        let mut seen = SeenIds::new(DedupWindow::default());
        let mut records = lake
            .runtime()
            .block_on(lake.bronze(partition, Some(&store().store_id)))?;
        while let Some(batch) = lake.runtime().block_on(records.next())? {
            for record in batch.records() {
                tap_record(&mut *tap, &record, &mut |event| {
                    seen.insert(&event.event_id, event.time)
                });
                next = record.offset + 1;
            }
        }
        sink.commit(vec![Chunk {
            partition,
            next,
            rows: tap.take(),
        }])
        .unwrap();
    }
    Ok(())
}

#[test]
fn s2_a_replay_gives_the_same_rows_and_swaps_whole() {
    let test = filled();
    let rows = |test: &TestLake, table: &str| {
        test.table(&format!("SELECT * FROM {table} ORDER BY topic, \"offset\""))
    };
    let before = rows(&test, "silver.events");
    // Silver is damaged on one day; the replay of that day mends it.
    test.runtime.block_on(async {
        let handle = test.lake.handle(&TableName::SilverEvents);
        let _writer = handle.writer().await;
        let day = tradewind_model::Date::parse("2026-11-11").unwrap();
        let files = handle.files(|k| k.date == day).await.unwrap();
        let removes = files.iter().map(|f| f.remove(true)).collect();
        let commit = crate::table::Commit {
            kind: crate::table::CommitKind::Replace,
            adds: vec![],
            removes,
            transactions: vec![],
        };
        handle.commit(commit).await.unwrap();
    });
    assert_ne!(rows(&test, "silver.events"), before);
    let day = tradewind_model::Date::parse("2026-11-11");
    let range = ReplayRange {
        store: store().store_id.clone(),
        from: day,
        to: day,
    };
    test.runtime
        .block_on(replay(&test.lake, range.clone(), pipeline))
        .unwrap();
    assert_eq!(test.lake.generation(), "g1");
    assert_eq!(rows(&test, "silver.events"), before);
    assert!(verify(&test).is_clean());
    assert!(
        !test.lake.root().join("main/silver").exists()
            && test.lake.root().join("main/bronze").exists()
    );

    // Replayed once more, nothing differs.
    let again = test.runtime.block_on(async {
        let replay = crate::Replay::begin(
            &test.lake,
            ReplayRange {
                from: None,
                to: None,
                ..range.clone()
            },
        )
        .await
        .unwrap();
        let (lake, sink) = (Arc::clone(replay.lake()), replay.sink());
        tokio::task::spawn_blocking(move || pipeline(lake, sink))
            .await
            .unwrap()
            .unwrap();
        let differences = test
            .lake
            .differences_to(replay.staged(), &store().store_id)
            .await
            .unwrap();
        replay.abandon().unwrap();
        differences
    });
    assert_eq!(again, []);

    // It holds after a restart, offsets included, and events go on coming.
    let test = test.reopened();
    assert_eq!(test.lake.generation(), "g1");
    test.send(
        USERS,
        2,
        &[
            "bad:nonsense",
            &view("v9", "p1", "2026-11-11T13:00:00Z"),
            &view("v9", "p2", "2026-11-11T13:00:00Z"),
        ],
    );
    assert_eq!(
        test.count("silver.events"),
        4,
        "offsets 2 and 3 were covered, 4 is new"
    );

    // One that fails changes nothing and leaves nothing behind.
    let failing = |_: Arc<Lake>, _: Arc<dyn Sink>| Err(std::io::Error::other("stop"));
    assert!(
        test.runtime
            .block_on(replay(&test.lake, range, failing))
            .is_err()
    );
    assert_eq!(test.lake.generation(), "g1");
    assert!(!test.lake.root().join("g2").exists());
}
