//! Plain copies of what a log cannot do without and its blocks do not say: the number of partitions and the formats' definitions.
//!
//! They lie in `NAME.notes` beside the log's folder, one file each, and are read only when the log is damaged or gone: the lake's
//! bronze cannot be decoded without the definitions.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use tradewind_model::FormatHash;

fn folder_of(log: &Path) -> PathBuf {
    let name = log.file_name().unwrap_or_default().to_string_lossy();
    log.with_file_name(format!("{name}.notes"))
}

/// Several requests may meet a format for the first time at once; one of them writes the note.
static WRITING: Mutex<()> = Mutex::new(());

/// Writes a note so that a power cut leaves all of it or nothing. One that is there stays.
fn put(log: &Path, name: &str, content: &[u8]) -> std::io::Result<()> {
    let _turn = WRITING.lock();
    let folder = folder_of(log);
    let path = folder.join(name);
    if path.exists() {
        return Ok(());
    }
    std::fs::create_dir_all(&folder)?;
    let new = folder.join(format!("{name}.new"));
    let mut file = std::fs::File::create(&new)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&new, &path)?;
    std::fs::File::open(&folder)?.sync_all()
}

/// Notes the number of partitions.
pub(crate) fn put_partitions(log: &Path, count: u16) -> std::io::Result<()> {
    put(log, "partitions", count.to_string().as_bytes())
}

/// Notes a format's definition.
pub(crate) fn put_format(log: &Path, hash: FormatHash, definition: &str) -> std::io::Result<()> {
    put(log, &format!("format-{hash}"), definition.as_bytes())
}

/// The number of partitions, if it was noted and can be read.
pub(crate) fn partitions(log: &Path) -> Option<u16> {
    let text = std::fs::read_to_string(folder_of(log).join("partitions")).ok()?;
    text.trim().parse().ok().filter(|count| *count > 0)
}

/// The definitions noted, by their keys in the storage; what does not fit its hash is left out.
pub(crate) fn formats(log: &Path) -> Vec<(String, Vec<u8>)> {
    let Ok(entries) = std::fs::read_dir(folder_of(log)) else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name();
            let hash = name.to_str()?.strip_prefix("format-")?;
            let definition = std::fs::read_to_string(entry.path()).ok()?;
            let fits = FormatHash::of(&definition).to_string() == hash;
            fits.then(|| (format!("format/{hash}"), definition.into_bytes()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_that_many_meet_at_once_is_noted_once() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("journal");
        for round in 0..20 {
            let definition = format!("definition {round}");
            std::thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        put_format(&log, FormatHash::of(&definition), &definition).unwrap()
                    });
                }
            });
        }
        assert_eq!(formats(&log).len(), 20);
    }
}
