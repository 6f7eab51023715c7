//! Imports that are stopped, refused or killed part of the way.

use super::tests::{Bench, REES46, importer, quietly, rees46, simple};
use super::*;
use crate::testing::{open, real_file};
use proptest::prelude::*;
use tradewind_journal::{EmbeddedJournal, EmbeddedOptions};

/// Imports with a stop after `batches` batches.
fn import_until(
    bench: &Bench,
    path: &Path,
    options: &ImportOptions,
    batches: usize,
) -> Result<ImportSummary, ImportError> {
    let mut left = batches;
    let mut stop = |progress: &ImportProgress| {
        left = left.saturating_sub(usize::from(!progress.checking));
        if left == 0 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let input = Input::of(path)?.remove(0);
    importer(bench.journal.clone()).import(&input, options, &mut stop)
}

/// A log in which the chosen appends fail while those around them succeed.
struct Holes {
    good: Arc<EmbeddedJournal>,
    full: EmbeddedJournal,
    failing: Vec<usize>,
    count: std::sync::atomic::AtomicUsize,
}

macro_rules! pass_on {
    ($(fn $name:ident(&self $(, $arg:ident: $ty:ty)*) -> $out:ty;)*) => {
        $(fn $name(&self $(, $arg: $ty)*) -> $out { self.good.$name($($arg),*) })*
    };
}

impl Journal for Holes {
    fn submit(
        &self,
        append: tradewind_journal::Append,
    ) -> Result<tradewind_journal::Ticket, tradewind_journal::JournalError> {
        let n = self.count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        if self.failing.contains(&n) {
            self.full.submit(append)
        } else {
            self.good.submit(append)
        }
    }
    pass_on! {
        fn partitions(&self) -> u16;
        fn read(&self, p: tradewind_model::TopicPartition, from: u64) -> Result<tradewind_journal::ReadOutcome, tradewind_journal::JournalError>;
        fn bounds(&self, p: tradewind_model::TopicPartition) -> tradewind_journal::Bounds;
        fn skip_to(&self, p: tradewind_model::TopicPartition, next: u64) -> Result<(), tradewind_journal::JournalError>;
        fn signal(&self) -> Arc<tradewind_journal::Signal>;
        fn pending_bytes(&self) -> usize;
        fn commit(&self, c: &str, o: &[(tradewind_model::TopicPartition, u64)]) -> Result<(), tradewind_journal::JournalError>;
        fn committed(&self, c: &str, p: tradewind_model::TopicPartition) -> Result<Option<u64>, tradewind_journal::JournalError>;
        fn trim(&self, p: &tradewind_journal::RetentionPolicy, now: tradewind_model::Micros) -> Result<u64, tradewind_journal::JournalError>;
        fn put_format(&self, d: &str) -> Result<tradewind_model::FormatHash, tradewind_journal::JournalError>;
        fn format(&self, h: tradewind_model::FormatHash) -> Result<Option<String>, tradewind_journal::JournalError>;
        fn progress(&self, key: &str) -> Result<Option<Vec<u8>>, tradewind_journal::JournalError>;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn j3_s1_every_line_is_there_once_whatever_stops_the_import(
        lines in proptest::collection::vec("[ab,x\"0-9é]{0,6}", 1..120),
        stops in proptest::collection::vec(1usize..6, 0..5),
        failing in proptest::collection::vec(0usize..12, 0..6),
        batch_lines in 1usize..17,
    ) {
        let bench = Bench::new();
        // Some good lines among arbitrary ones, and many equal ones.
        let body: Vec<String> = lines.iter().enumerate().map(|(i, l)| match i % 3 {
            0 => format!("2026-01-01T00:00:00Z,u{}", i % 5),
            _ => l.replace('"', if i % 2 == 0 { "\"" } else { "q" }),
        }).collect();
        let path = bench.file("p.csv", format!("when,who\n{}\n", body.join("\n")));
        let mut options = simple();
        options.batch_lines = batch_lines;
        for stop in stops {
            let _ = import_until(&bench, &path, &options, stop);
        }
        let full = EmbeddedOptions { reserve_bytes: u64::MAX, partitions: 4, ..EmbeddedOptions::default() };
        let full = EmbeddedJournal::open(&bench.folder.path().join("full"), &full).unwrap();
        let holes = Arc::new(Holes { good: bench.journal.clone(), full, failing, count: Default::default() });
        for _ in 0..8 {
            let _ = importer(holes.clone()).import_file(&path, &options, &mut quietly);
        }
        let summary = bench.one(&path, &options);
        let kept = bench.kept();
        prop_assert_eq!(kept.len() as u64, summary.lines);
        prop_assert_eq!(kept.iter().filter(|k| k.rejected.is_some()).count() as u64, summary.rejected);
        prop_assert_eq!(summary.accepted + summary.rejected, summary.lines);
        // The records put together are the file again, blank lines aside.
        let whole: Vec<&[u8]> = kept.iter().map(|k| k.raw.as_slice()).collect();
        let expected: Vec<&str> = body.iter().map(String::as_str).filter(|l| !l.trim().is_empty()).collect();
        let rejoined = whole.join(&b'\n');
        let rejoined: Vec<&[u8]> = rejoined.split(|b| *b == b'\n').filter(|l| !l.trim_ascii().is_empty()).collect();
        prop_assert_eq!(rejoined, expected.iter().map(|l| l.as_bytes()).collect::<Vec<_>>());
        prop_assert!(bench.one(&path, &options).already_complete);
    }
}

#[test]
fn a_killed_import_of_the_real_file_goes_on_where_it_was() {
    let Some(path) = real_file(REES46) else {
        return;
    };
    let mut bench = Bench::new();
    let mut options = rees46();
    options.batch_lines = 500;
    for stop in [3, 9, 1, 14] {
        assert!(matches!(
            import_until(&bench, &path, &options, stop),
            Err(ImportError::Stopped(_))
        ));
        // Opened again as after a crash.
        let folder = bench.folder.path().join("log");
        bench = Bench {
            journal: {
                drop(bench.journal);
                open(&folder)
            },
            folder: bench.folder,
        };
    }
    let summary = bench.one(&path, &options);
    assert_eq!((summary.accepted, summary.rejected), (17_434, 1));
    assert!(
        summary.resumed_at_line.is_some_and(|l| l > 3_000) && summary.added < 14_000,
        "{summary:?}"
    );
    assert_eq!(bench.kept().len(), 17_435);
    assert_eq!(
        bench.kept().iter().filter(|k| k.id.ends_with("-1")).count(),
        3
    );
}
