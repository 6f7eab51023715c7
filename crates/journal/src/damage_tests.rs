//! Logs whose files are damaged, torn or half rebuilt.

use super::*;

/// A log with small and large blocks in every kind of file: write-ahead, tables and blobs.
fn a_log_on_disk(folder: &Path, seed: u64) -> Vec<String> {
    let journal = EmbeddedJournal::open(folder, &options()).unwrap();
    journal.put_format("a definition").unwrap();
    let mut written = Vec::new();
    for i in 0..30u64 {
        // A cheap deterministic size: most are small, some do not fit into a table.
        let size = (seed.wrapping_add(i).wrapping_mul(2_654_435_761) % 7) as usize * 300;
        let raw = format!("{i}:{}", noise(seed ^ i, size));
        append(&journal, &[&raw]);
        written.push(raw);
        if i == 20 {
            let storage = journal.shared.storage().unwrap();
            for keyspace in [&storage.blocks, &storage.index, &storage.meta] {
                keyspace.rotate_memtable_and_wait().unwrap();
            }
        }
    }
    written
}

/// Text that does not compress.
fn noise(seed: u64, len: usize) -> String {
    let mut x = seed | 1;
    (0..len)
        .map(|_| {
            x = x
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            char::from(b'!' + (x >> 33) as u8 % 90)
        })
        .collect()
}

/// What must hold of a damaged log that was opened again: every record it serves is as it was written, at its offset, no more
/// than `lost` are missing, and what is appended now comes after everything.
fn check_saved(folder: &Path, written: &[String], lost: usize, what: &str) {
    let journal = EmbeddedJournal::open(folder, &options())
        .unwrap_or_else(|e| panic!("{what}: it cannot be opened: {e}"));
    let served = all(&journal);
    for (offset, raw) in &served {
        assert_eq!(raw, &written[*offset as usize], "{what}: offset {offset}");
    }
    assert!(
        served.len() + lost >= written.len(),
        "{what}: only {} of {} are served",
        served.len(),
        written.len()
    );
    let format = journal.format(FormatHash::of("a definition")).unwrap();
    assert_eq!(format.as_deref(), Some("a definition"), "{what}");
    let next = served.last().map_or(0, |(offset, _)| offset + 1);
    assert!(append(&journal, &["new"]) >= next, "{what}");
    drop(journal);
    let journal = EmbeddedJournal::open(folder, &options()).unwrap();
    assert_eq!(
        all(&journal).last().map(|(_, raw)| raw.as_str()),
        Some("new"),
        "{what}"
    );
}

fn copy_all(from: &Path, to: &Path) {
    for path in walk(from) {
        let target = to.join(path.strip_prefix(from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(&path, target).unwrap();
    }
}

/// J3: a flipped bit, anywhere in any file, costs the block it hit and nothing else; a file that is gone or cut short costs what
/// was in it.
#[test]
fn j3_damage_anywhere_costs_what_it_hit_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let good = folder.path().join("good");
    let written = a_log_on_disk(&good, 7);
    let files: Vec<PathBuf> = walk(&good)
        .into_iter()
        .filter(|p| p.file_name().is_some_and(|n| n != "lock"))
        .collect();
    assert!(files.len() > 10, "{files:?}");
    // `SIM_SEED` gives other places.
    let seed = std::env::var("SIM_SEED").ok();
    let mut x: u64 = seed.and_then(|s| s.parse().ok()).unwrap_or(99);
    for (i, path) in files.iter().enumerate() {
        let name = path.strip_prefix(&good).unwrap();
        let bytes = std::fs::read(path).unwrap();
        let used = bytes.iter().rposition(|b| *b != 0).map_or(0, |i| i + 1);
        // A flip in the write-ahead file must not make the storage drop what comes after it.
        let text = name.to_string_lossy();
        let flips = match () {
            () if text.ends_with(".jnl") => 5,
            // The lists of tables, and what proves them.
            () if text.starts_with("keyspaces") && !text.contains("tables") => 2,
            () => 1,
        };
        for round in 0..flips + 2 {
            x = x
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let mut damaged = bytes.clone();
            let (what, lost) = match round {
                _ if round < flips && used > 0 => {
                    let at = (x >> 33) as usize % used;
                    damaged[at] ^= 1 << (x % 8);
                    (
                        format!("a bit of byte {at} of {} flipped", name.display()),
                        1,
                    )
                }
                _ if round == flips => {
                    damaged.truncate(bytes.len() / 2);
                    (format!("{} cut short", name.display()), written.len())
                }
                _ => (format!("{} gone", name.display()), written.len()),
            };
            let place = folder.path().join(format!("{i}-{round}"));
            copy_all(&good, &place);
            copy_all(
                &good.with_extension("notes"),
                &place.with_extension("notes"),
            );
            if round == flips + 1 || used == 0 {
                std::fs::remove_file(place.join(name)).unwrap();
            } else {
                std::fs::write(place.join(name), &damaged).unwrap();
            }
            check_saved(&place, &written, lost, &what);
            std::fs::remove_dir_all(&place).unwrap();
        }
    }
}

/// J3: no version of Tradewind wrote a log with another version of the storage: such a mark is a flipped bit.
#[test]
fn j3_a_damaged_mark_of_the_storage_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let good = folder.path().join("good");
    let written = a_log_on_disk(&good, 3);
    let mark = std::fs::read(good.join("version")).unwrap();
    assert_eq!(mark, b"FJL\x03");
    for version in [0, 1, 2, 4, 200] {
        let place = folder.path().join(version.to_string());
        copy_all(&good, &place);
        copy_all(
            &good.with_extension("notes"),
            &place.with_extension("notes"),
        );
        std::fs::write(place.join("version"), [b'F', b'J', b'L', version]).unwrap();
        check_saved(&place, &written, 0, &format!("version {version}"));
    }
}

/// A log that is well is left alone, also after a torn write.
#[test]
fn a_healthy_log_is_not_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("journal");
    let written = a_log_on_disk(&log, 3);
    for _ in 0..3 {
        let journal = EmbeddedJournal::open(&log, &options()).unwrap();
        assert_eq!(all(&journal).len(), written.len());
    }
    let ahead = walk(&log)
        .into_iter()
        .find(|p| p.extension().is_some_and(|e| e == "jnl"))
        .expect("a log file");
    let whole = std::fs::read(&ahead).unwrap();
    let used = whole.iter().rposition(|b| *b != 0).map_or(0, |i| i + 1);
    for torn in [1, 5, 12, 13, 14, 40, 200, 500, 900] {
        let place = folder.path().join(format!("torn{torn}"));
        copy_all(&log, &place);
        let mut bytes = whole.clone();
        // A crash leaves zeros where the file was made longer.
        bytes[used - torn..].fill(0);
        let name = ahead.strip_prefix(&log).unwrap();
        std::fs::write(place.join(name), bytes).unwrap();
        let journal = EmbeddedJournal::open(&place, &options()).unwrap();
        assert!(all(&journal).len() + 2 >= written.len(), "torn by {torn}");
    }
    let aside: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("damaged"))
        .collect();
    assert!(aside.is_empty(), "{aside:?}");
}

/// A rebuilding that is interrupted is ended, or begun anew; nothing is lost in between.
#[test]
fn j1_an_interrupted_rebuilding_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("journal");
    let written = a_log_on_disk(&log, 5);
    let half = folder.path().join("journal.rebuilding");
    // Before it was whole.
    std::fs::create_dir_all(&half).unwrap();
    std::fs::write(half.join("0.jnl"), b"something").unwrap();
    {
        let journal = EmbeddedJournal::open(&log, &options()).unwrap();
        assert_eq!(all(&journal).len(), written.len());
    }
    assert!(!half.exists());
    // Between the two renamings.
    std::fs::rename(&log, &half).unwrap();
    std::fs::write(half.join("whole"), b"").unwrap();
    let journal = EmbeddedJournal::open(&log, &options()).unwrap();
    assert_eq!(all(&journal).len(), written.len());
}
