use super::*;
use crate::testing::{TestLake, USERS, view};
use tradewind_model::{Date, StoreId};
use tradewind_stream::sink::Sink as _;

fn file(date: i32, name: &str, bytes: i64, written: i64) -> FileFacts {
    FileFacts {
        key: PartitionKey {
            store: StoreId::new("s").unwrap(),
            date: Date(date),
        },
        topic: None,
        path: name.to_owned(),
        bytes,
        written: Micros(written),
    }
}

fn joins(files: Vec<FileFacts>, now: i64) -> Vec<Vec<String>> {
    let facts = TableFacts {
        files,
        version: 1,
        checkpoint: Some(1),
        vacuumed: Some(Micros(now)),
    };
    decide(&facts, &MaintenancePolicy::default(), Micros(now))
        .into_iter()
        .map(|task| match task {
            Task::Join { paths, .. } => paths,
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn small_files_are_joined_when_there_are_many_or_the_day_is_over() {
    let small = |n: usize| {
        (0..n)
            .map(|i| file(1, &format!("f{i}"), 10_000, 0))
            .collect::<Vec<_>>()
    };
    assert!(joins(small(7), 0).is_empty());
    assert_eq!(joins(small(8), 0)[0].len(), 8);
    // Quiet for long: two are enough.
    assert_eq!(joins(small(2), 3_600_000_000)[0].len(), 2);
    assert!(joins(small(1), 3_600_000_000).is_empty());
    // A large file is left alone, a middling one waits for its like.
    let mut files = small(8);
    files.push(file(1, "large", TARGET_FILE_BYTES, 0));
    files.push(file(1, "middling", 20 << 20, 0));
    assert_eq!(joins(files, 0)[0].len(), 8);
    // Never beyond the target.
    let big = (0..8)
        .map(|i| file(1, &format!("b{i}"), 20 << 20, 0))
        .collect();
    assert_eq!(joins(big, 0)[0].len(), 3);
}

#[test]
fn checkpoints_and_vacuums_come_in_their_time() {
    let policy = MaintenancePolicy::default();
    let facts = |version, checkpoint, vacuumed| TableFacts {
        files: vec![],
        version,
        checkpoint,
        vacuumed,
    };
    let hours = |h: i64| Micros(h * 3_600_000_000);
    assert_eq!(
        decide(&facts(49, None, Some(hours(0))), &policy, hours(1)),
        []
    );
    assert_eq!(
        decide(&facts(50, None, Some(hours(0))), &policy, hours(1)),
        [Task::Checkpoint]
    );
    assert_eq!(
        decide(&facts(60, Some(50), Some(hours(0))), &policy, hours(7)),
        [Task::Vacuum]
    );
}

#[test]
fn l1_upkeep_changes_no_row_and_forgets_no_offset() {
    let test = TestLake::new();
    for i in 0..60u64 {
        let event = view(
            &format!("v{i}"),
            "p",
            &format!("2026-11-{:02}T12:00:00Z", 10 + i % 2),
        );
        test.send(USERS, i, &[&event]);
    }
    let rows = test.table("SELECT * FROM silver.events ORDER BY \"offset\"");
    let policy = MaintenancePolicy {
        retention: std::time::Duration::ZERO,
        log_retention: std::time::Duration::ZERO,
        vacuum_every: std::time::Duration::ZERO,
        ..MaintenancePolicy::default()
    };
    let now = tradewind_model::Clock::now(&tradewind_model::SystemClock).plus(1_000_000);
    let report = test
        .runtime
        .block_on(test.lake.maintain(&policy, now))
        .unwrap();
    // Bronze has one day, the silver append tables have two.
    assert_eq!(
        (report.joined, report.written, report.checkpoints),
        (180, 5, 3)
    );
    assert_eq!(report.deleted, 180);
    assert!(report.log_entries > 0);
    assert_eq!(
        test.table("SELECT * FROM silver.events ORDER BY \"offset\""),
        rows
    );
    let test = test.reopened();
    assert_eq!(test.sink.covered(USERS), 60);
    assert_eq!(
        test.table("SELECT * FROM silver.events ORDER BY \"offset\""),
        rows
    );
    test.send(USERS, 60, &[&view("v", "p", "2026-11-10T12:00:00Z")]);
    assert_eq!(test.count("silver.events"), 61);
}
