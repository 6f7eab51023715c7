//! What is known to be durable of an import: notes that lie in the journal beside the lines they speak of.
//!
//! Several appends are in flight at once, and any of them may fail alone. So a note never claims an append it was not written
//! with: the append in flight number *n* carries, in the same atomic step, the note `KEY/SLOT` (slot = n modulo the number of
//! slots, reused only after that append was confirmed): which lines it holds and how many lines were confirmed whole before it.
//! Every note found is true, so after a crash the union of all notes is exactly the lines that are there. `KEY` itself says
//! that the file is complete.

use serde::{Deserialize, Serialize};
use tradewind_journal::{Journal, JournalError};

/// Appends in flight at most.
pub(crate) const SLOTS: u64 = 4;

/// Counts over the records of a file, from its first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Counts {
    pub(crate) lines: u64,
    pub(crate) accepted: u64,
    pub(crate) rejected: u64,
}

impl Counts {
    pub(crate) fn add(&mut self, other: Self) {
        self.lines += other.lines;
        self.accepted += other.accepted;
        self.rejected += other.rejected;
    }
}

/// One note, as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Note {
    /// Durable from the first record on, without a gap.
    pub(crate) done: Counts,
    /// Durable records beyond: first and count.
    pub(crate) beyond: Vec<(u64, u64)>,
    /// Some line needed an id of its own, so earlier lines have to be counted again.
    pub(crate) gave_ids: bool,
    /// The whole file is in.
    pub(crate) complete: bool,
}

impl Note {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Whether a record is durable.
    pub(crate) fn holds(&self, record: u64) -> bool {
        record < self.done.lines
            || self
                .beyond
                .iter()
                .any(|(first, count)| (*first..first + count).contains(&record))
    }

    fn join(&mut self, other: Self) {
        if other.done.lines > self.done.lines {
            self.done = other.done;
        }
        self.beyond.extend(other.beyond);
        self.gave_ids |= other.gave_ids;
    }
}

/// The key of a file's notes.
pub(crate) fn slot_key(key: &str, append: u64) -> String {
    format!("{key}/{}", append % SLOTS)
}

/// All that is known of a file.
pub(crate) fn load(journal: &dyn Journal, key: &str) -> Result<Note, JournalError> {
    let read = |key: &str| -> Result<Option<Note>, JournalError> {
        let Some(bytes) = journal.progress(key)? else {
            return Ok(None);
        };
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|e| JournalError::Unusable {
                reason: format!("the import note `{key}` is damaged: {e}"),
            })
    };
    if let Some(whole) = read(key)?.filter(|note| note.complete) {
        return Ok(whole);
    }
    let mut known = Note::default();
    for slot in 0..SLOTS {
        if let Some(note) = read(&slot_key(key, slot))? {
            known.join(note);
        }
    }
    let done = known.done.lines;
    known.beyond.retain(|(first, count)| first + count > done);
    known.beyond.sort_unstable();
    known.beyond.dedup();
    Ok(known)
}
