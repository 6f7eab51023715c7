//! Operator state of one store computed again from bronze, and how it takes its place.
//!
//! ```text
//! <data-dir>/state.replayed   the store's state by itself, and `for`: the generation of the lake it belongs to, and the store
//! <data-dir>/state.merged     the state of all stores with it, and `whole` when nothing is missing
//! <data-dir>/state.before     the state that was, until it is deleted
//! ```
//! A replay computes silver, gold and state together. The rename that makes the lake's new generation current decides for both: when it
//! happened, the next start (or the replay itself, at its end) merges the store's state in; when it did not, what was computed is
//! deleted. Each step can be repeated after a crash.

use std::path::{Path, PathBuf};

use tradewind_model::{Offset, StoreId, TopicPartition};

use crate::checkpoint::{CheckpointError, CheckpointStore as _, CheckpointWrite, Checkpoints};
use crate::state::{Changes, split_key};

/// Entries in one write.
const BATCH: usize = 20_000;

fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> CheckpointError {
    let path = path.display().to_string();
    move |e| CheckpointError::Storage(format!("`{path}`: {e}"))
}

struct Places {
    state: PathBuf,
    replayed: PathBuf,
    merged: PathBuf,
    before: PathBuf,
    data: PathBuf,
}

impl Places {
    fn of(data_dir: &Path) -> Self {
        Self {
            state: data_dir.join("state"),
            replayed: data_dir.join("state.replayed"),
            merged: data_dir.join("state.merged"),
            before: data_dir.join("state.before"),
            data: data_dir.to_owned(),
        }
    }
}

fn remove(folder: &Path) -> Result<(), CheckpointError> {
    match std::fs::remove_dir_all(folder) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(failed(folder)(e)),
        _ => Ok(()),
    }
}

fn sync(folder: &Path) -> Result<(), CheckpointError> {
    let synced = std::fs::File::open(folder).and_then(|f| f.sync_all());
    synced.map_err(failed(folder))
}

fn write_whole(folder: &Path, name: &str, text: &str) -> Result<(), CheckpointError> {
    use std::io::Write as _;
    let (path, new) = (folder.join(name), folder.join(format!("{name}.new")));
    let write = || -> std::io::Result<()> {
        let mut file = std::fs::File::create(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&new, &path)
    };
    write().map_err(failed(&path))?;
    sync(folder)
}

fn rename(from: &Path, to: &Path, within: &Path) -> Result<(), CheckpointError> {
    std::fs::rename(from, to).map_err(failed(from))?;
    sync(within)
}

/// State under way.
pub struct ReplayedState {
    folder: PathBuf,
    checkpoints: Checkpoints,
}

impl ReplayedState {
    /// Begins anew; what an earlier replay left is deleted.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn begin(data_dir: &Path) -> Result<Self, CheckpointError> {
        let folder = Places::of(data_dir).replayed;
        remove(&folder)?;
        Ok(Self {
            checkpoints: Checkpoints::open(&folder)?,
            folder,
        })
    }

    /// Takes changes of a partition in.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn write(&self, changes: Changes) -> Result<(), CheckpointError> {
        if changes.entries.is_empty() {
            return Ok(());
        }
        self.checkpoints.write(&CheckpointWrite {
            state: changes.entries,
            ..CheckpointWrite::default()
        })
    }

    /// Ends it: this is the state of a store beside a generation of the lake. It takes its place once that one is current.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn seal(self, store: &StoreId, generation: &str) -> Result<(), CheckpointError> {
        drop(self.checkpoints);
        write_whole(&self.folder, "for", &format!("{generation}\n{store}\n"))
    }

    /// Deletes it again.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn discard(self) -> Result<(), CheckpointError> {
        drop(self.checkpoints);
        remove(&self.folder)
    }
}

/// Lets state that was computed again take its place, when its generation of the lake is the current one; deletes it when not. To be called
/// while nobody has the state open. Gives the store whose state changed.
///
/// # Errors
/// [`CheckpointError`]; then it can be called again.
pub fn take_place(
    data_dir: &Path,
    generation: &str,
    partitions: &[TopicPartition],
) -> Result<Option<StoreId>, CheckpointError> {
    let places = Places::of(data_dir);
    let store = match std::fs::read_to_string(places.replayed.join("for")) {
        Ok(text) => match text.split_once('\n') {
            Some((of, store)) if of == generation => StoreId::new(store.trim()).ok(),
            _ => None,
        },
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
        Err(e) => return Err(failed(&places.replayed)(e)),
    };
    if let Some(store) = &store {
        if !places.merged.join("whole").exists() {
            remove(&places.merged)?;
            if merge(&places, store, partitions)? {
                write_whole(&places.merged, "whole", "")?;
            }
        }
        if places.merged.join("whole").exists() {
            if places.state.exists() {
                remove(&places.before)?;
                rename(&places.state, &places.before, &places.data)?;
            }
            rename(&places.merged, &places.state, &places.data)?;
            let mark = places.state.join("whole");
            std::fs::remove_file(&mark).map_err(failed(&mark))?;
        }
    }
    remove(&places.replayed)?;
    remove(&places.merged)?;
    remove(&places.before)?;
    Ok(store)
}

/// Writes the state of all stores into the merged folder; `false` when there is none to merge with: it is computed again, from the journal.
fn merge(
    places: &Places,
    store: &StoreId,
    partitions: &[TopicPartition],
) -> Result<bool, CheckpointError> {
    if !places.state.exists() {
        return Ok(false);
    }
    let current = Checkpoints::open(&places.state)?;
    let offsets: Vec<(TopicPartition, Offset)> = current.offsets()?.into_iter().collect();
    if offsets.is_empty() {
        return Ok(false);
    }
    let replayed = Checkpoints::open(&places.replayed)?;
    let merged = Checkpoints::open(&places.merged)?;
    for (from, wanted) in [(&current, false), (&replayed, true)] {
        for &partition in partitions {
            let mut batch = CheckpointWrite::default();
            from.load(partition, &mut |key, value| {
                let is_of_store = split_key(key).is_some_and(|(_, of, _, _)| of == *store);
                if is_of_store == wanted {
                    batch.state.push((key.to_vec(), Some(value.to_vec())));
                }
                if batch.state.len() >= BATCH {
                    merged.write(&std::mem::take(&mut batch))?;
                }
                Ok(())
            })?;
            merged.write(&batch)?;
        }
    }
    let pending = current.pending()?;
    merged.write(&CheckpointWrite {
        offsets,
        // The store's own waiting rows were computed with the state that goes.
        pending: pending
            .into_iter()
            .filter(|row| row.store != *store)
            .collect(),
        ..CheckpointWrite::default()
    })?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::StateTable;
    use tradewind_model::Topic;

    const AT: TopicPartition = TopicPartition::new(Topic::UserEvents, 0);

    fn store(name: &str) -> StoreId {
        StoreId::new(name).unwrap()
    }

    fn changes(of: &str, value: u8) -> Changes {
        let mut changes = Changes::new(AT, &store(of));
        changes.put_bytes(StateTable::Progress, &[], vec![value]);
        changes
    }

    fn values(data: &Path) -> Vec<(String, u8)> {
        let state = Checkpoints::open(&data.join("state")).unwrap();
        let mut found = Vec::new();
        state
            .load(AT, &mut |key, value| {
                let (_, of, _, _) = split_key(key).unwrap();
                found.push((of.to_string(), value[0]));
                Ok(())
            })
            .unwrap();
        assert_eq!(state.offsets().unwrap().get(&AT), Some(&7));
        found
    }

    fn folder() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let state = Checkpoints::open(&dir.path().join("state")).unwrap();
        for of in ["a", "b"] {
            let write = CheckpointWrite {
                state: changes(of, 1).entries,
                offsets: vec![(AT, 7)],
                ..CheckpointWrite::default()
            };
            state.write(&write).unwrap();
        }
        dir
    }

    fn replay(data: &Path, seal: Option<&str>) {
        let replayed = ReplayedState::begin(data).unwrap();
        replayed.write(changes("a", 2)).unwrap();
        if let Some(generation) = seal {
            replayed.seal(&store("a"), generation).unwrap();
        }
    }

    #[test]
    fn s1_replayed_state_takes_its_place_with_its_generation_only() {
        for (sealed, current, expected) in [
            (Some("g1"), "g1", 2),
            (Some("g1"), "main", 1),
            (None, "g1", 1),
        ] {
            let dir = folder();
            replay(dir.path(), sealed);
            let taken = take_place(dir.path(), current, &[AT]).unwrap();
            assert_eq!(taken.is_some(), expected == 2);
            let want = [("a".to_owned(), expected), ("b".to_owned(), 1)];
            assert_eq!(values(dir.path()), want);
            assert!(!dir.path().join("state.replayed").exists());
            assert_eq!(take_place(dir.path(), current, &[AT]).unwrap(), None);
            assert_eq!(values(dir.path()), want);
        }
    }

    /// S1: a death between any two steps leaves what the next start completes.
    #[test]
    fn s1_taking_the_place_goes_on_after_a_death() {
        let want = [("a".to_owned(), 2), ("b".to_owned(), 1)];
        // Merged in part.
        let dir = folder();
        replay(dir.path(), Some("g1"));
        let merged = Checkpoints::open(&dir.path().join("state.merged")).unwrap();
        let half = CheckpointWrite {
            state: changes("b", 9).entries,
            ..CheckpointWrite::default()
        };
        merged.write(&half).unwrap();
        drop(merged);
        take_place(dir.path(), "g1", &[AT]).unwrap();
        assert_eq!(values(dir.path()), want);
        // Merged whole, the old one moved away.
        let dir = folder();
        replay(dir.path(), Some("g1"));
        let places = Places::of(dir.path());
        assert!(merge(&places, &store("a"), &[AT]).unwrap());
        write_whole(&places.merged, "whole", "").unwrap();
        std::fs::rename(&places.state, &places.before).unwrap();
        take_place(dir.path(), "g1", &[AT]).unwrap();
        assert_eq!(values(dir.path()), want);
        assert!(!places.before.exists());
        // In its place, what it was made of still there.
        replay(dir.path(), Some("g1"));
        take_place(dir.path(), "g1", &[AT]).unwrap();
        assert_eq!(values(dir.path()), want);
    }
}
