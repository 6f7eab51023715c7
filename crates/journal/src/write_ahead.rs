//! Looks at the storage's files before the storage does, which passes over some damage in silence. What it cannot read of a
//! write-ahead file it takes for a torn last write: it cuts the file off there, with everything acknowledged after it.
//!
//! Entries, as fjall 3 writes them (integers little endian): start = 1, items u32, sequence number u64; item = 2, kind u8,
//! compression u8, keyspace u64, key length u16, value length u32, stored length u32, key, stored value; end = 3, checksum u64,
//! mark `FJL` and version; clear = 4, keyspace u64. Should another version write something else, a log is salvaged without need.

use std::path::{Path, PathBuf};

use crate::error::JournalError;

/// The write-ahead files of a storage folder.
fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "jnl") {
            out.push(path);
        }
    }
    Ok(out)
}

/// What is wrong with a storage folder that the storage itself would pass over in silence, if anything.
///
/// Without its write-ahead file, what it takes from then on would be gone when it is opened the next time, because its sequence
/// numbers begin anew. Without the file `current`, a keyspace begins anew beside its own tables. And the list of a keyspace's
/// tables, `v` and a number, is read without a look at its checksum, which is in `current`: files that a flipped bit drops from
/// it are deleted.
///
/// Only for who holds the folder's lock: files that are being written look damaged.
#[must_use]
pub fn lost(folder: &Path) -> Option<String> {
    let keyspaces = folder.join("keyspaces");
    let found: Vec<PathBuf> = std::fs::read_dir(&keyspaces)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    if files(folder).is_ok_and(|files| files.is_empty()) {
        return Some("its newest file is gone".to_owned());
    }
    if !found.is_empty() && is_gone(&keyspaces.join("0").join("current")) {
        return Some("its list of keyspaces is gone".to_owned());
    }
    found
        .iter()
        .find_map(|keyspace| list_lost(folder, keyspace).or_else(|| empty_table(keyspace)))
}

/// A table without a byte: the storage looks into it from its end, which the system calls an invalid argument. The storage deletes
/// what a flush that died left, which its lists do not name; what they name is never empty.
fn empty_table(keyspace: &Path) -> Option<String> {
    let tables = std::fs::read_dir(keyspace.join("tables")).ok()?;
    let empty = tables
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| std::fs::metadata(path).is_ok_and(|m| m.len() == 0))?;
    let current = std::fs::read(keyspace.join("current")).ok()?;
    let list = u64::from_le_bytes(*current.first_chunk()?);
    let listed = std::fs::read(keyspace.join(format!("v{list}"))).ok()?;
    let id: u64 = empty.file_name()?.to_str()?.parse().ok()?;
    // Its number in the list, or bytes that look like it: then a log is salvaged without need.
    memchr::memmem::find(&listed, &id.to_le_bytes())
        .map(|_| format!("`{}` is empty", empty.display()))
}

fn is_gone(path: &Path) -> bool {
    std::fs::metadata(path).is_err_and(|e| e.kind() == std::io::ErrorKind::NotFound)
}

/// What is wrong with the list of a keyspace's tables.
fn list_lost(folder: &Path, keyspace: &Path) -> Option<String> {
    let current = keyspace.join("current");
    if is_gone(&current) {
        // It has tables, or the write-ahead file has entries of it, which the storage would drop. Without either it is being made.
        let used = ["tables", "blobs"].iter().any(|part| {
            std::fs::read_dir(keyspace.join(part)).is_ok_and(|mut files| files.next().is_some())
        });
        let number = keyspace.file_name().and_then(|n| n.to_str()?.parse().ok());
        let used = used || number.is_some_and(|number| is_written_to(folder, number));
        return used.then(|| format!("`{}` is gone", current.display()));
    }
    let wrong = |path: &Path| Some(format!("`{}` is not what was written", path.display()));
    // What cannot be read now, the storage will speak of.
    let content = std::fs::read(&current).ok()?;
    let Some((id, checksum)) = content
        .split_first_chunk::<8>()
        .and_then(|(id, rest)| Some((u64::from_le_bytes(*id), rest.first_chunk::<16>()?)))
    else {
        return wrong(&current);
    };
    let list = keyspace.join(format!("v{id}"));
    match std::fs::read(&list) {
        Ok(bytes) if xxhash_rust::xxh3::xxh3_128(&bytes) == u128::from_le_bytes(*checksum) => None,
        Ok(_) => wrong(&list),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => wrong(&current),
        Err(_) => None,
    }
}

/// Whether the write-ahead files have entries of a keyspace.
fn is_written_to(folder: &Path, keyspace: u64) -> bool {
    files(folder).unwrap_or_default().iter().any(|path| {
        let bytes = std::fs::read(path).unwrap_or_default();
        let (mut at, mut place) = (0, Place::default());
        while let Some(len) = entry(&bytes[at..], &mut place) {
            let of = bytes.get(at + 3..).and_then(|rest| rest.first_chunk());
            if bytes[at] == 2 && of.is_some_and(|of| u64::from_le_bytes(*of) == keyspace) {
                return true;
            }
            at += len;
        }
        false
    })
}

/// Finds damage in the files of a log whose lock is held. A torn last write is none.
pub(crate) fn check(folder: &Path) -> Result<(), JournalError> {
    let damaged = |reason: String| Err(JournalError::Damaged { reason });
    if let Some(reason) = lost(folder) {
        return damaged(reason);
    }
    for path in files(folder).unwrap_or_default() {
        // What cannot be read now, the storage will speak of.
        let Ok(bytes) = std::fs::read(&path) else {
            continue;
        };
        if let Some(at) = damage(&bytes) {
            return damaged(format!(
                "byte {at} of `{}` is not what was written",
                path.display()
            ));
        }
    }
    Ok(())
}

/// The first byte of a write-ahead file that makes no sense although more was written whole after it.
fn damage(bytes: &[u8]) -> Option<usize> {
    let (mut at, mut place) = (0, Place::default());
    while let Some(len) = entry(&bytes[at..], &mut place) {
        at += len;
    }
    let rest = &bytes[at..];
    let used = rest.iter().rposition(|b| *b != 0).map_or(0, |i| i + 1);
    // Files are made longer than they are: zeros follow a torn end.
    let end_is_wrong = place.left == Some(0) && used >= END;
    let batch_follows = memchr::memmem::find(rest, END_MARK)
        .is_some_and(|mark| place.left != Some(0) || mark + END_MARK.len() > END);
    (end_is_wrong || batch_follows).then_some(at)
}

/// Bytes of a batch's end, and what they finish with.
const END: usize = 13;
const END_MARK: &[u8; 4] = b"FJL\x03";

/// Where in a file its reading is.
#[derive(Default)]
struct Place {
    /// Items the batch still has; `None` between batches.
    left: Option<u32>,
    /// The sequence number of the batch; they rise.
    number: u64,
}

/// The length of the entry at the start of `bytes`, `None` when there is no proper one.
fn entry(bytes: &[u8], place: &mut Place) -> Option<usize> {
    let word = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
    let len = match (bytes.first()?, place.left) {
        (1, None) => {
            let number = u64::from_le_bytes(*bytes.get(5..)?.first_chunk()?);
            if number < place.number {
                return None;
            }
            place.number = number;
            place.left = Some(word(1)?);
            13
        }
        (2, Some(more)) => {
            let key = usize::from(u16::from_le_bytes(*bytes.get(11..)?.first_chunk()?));
            let len = 21 + key + word(17)? as usize;
            bytes.get(..len)?;
            place.left = Some(more.checked_sub(1)?);
            len
        }
        (3, Some(0)) if bytes.get(9..END)? == END_MARK => {
            place.left = None;
            END
        }
        (4, Some(_)) => 9,
        _ => return None,
    };
    bytes.get(..len).map(|_| len)
}
