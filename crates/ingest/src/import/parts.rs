//! Contents that were imported once and may come again as the beginning of a longer one: a damaged file whose whole copy is sent
//! later, a file that has grown. The longer one goes on after the lines that are there.

use serde::{Deserialize, Serialize};
use tradewind_journal::{Append, Journal, JournalError};

use super::source::Fingerprint;

/// Contents remembered of a store and format, the newest of them.
const REMEMBERED: usize = 256;

/// A content by its length and hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Part {
    bytes: u64,
    /// XXH3-128, in hexadecimal.
    hash: String,
}

/// The contents of a store and format.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Parts(Vec<Part>);

/// The key of an import's notes; `family` is what all imports of a store and format share.
pub(crate) fn note_key(family: &str, hash: u128) -> String {
    format!("{family}/{hash:032x}")
}

impl Parts {
    fn key(family: &str) -> String {
        format!("{family}/parts")
    }

    pub(crate) fn load(journal: &dyn Journal, family: &str) -> Result<Self, JournalError> {
        let key = Self::key(family);
        let Some(bytes) = journal.progress(&key)? else {
            return Ok(Self::default());
        };
        serde_json::from_slice(&bytes).map_err(|e| JournalError::Unusable {
            reason: format!("the import note `{key}` is damaged: {e}"),
        })
    }

    /// The lengths to hash a content's beginning at, in rising order.
    pub(crate) fn lengths(&self) -> Vec<u64> {
        let mut lengths: Vec<u64> = self.0.iter().map(|part| part.bytes).collect();
        lengths.sort_unstable();
        lengths.dedup();
        lengths
    }

    /// The longest of them that a content begins with.
    pub(crate) fn beginning_of(&self, content: &Fingerprint) -> Option<u128> {
        let begins = |(bytes, hash): &&(u64, u128)| {
            *bytes < content.bytes
                && self
                    .0
                    .iter()
                    .any(|part| part.bytes == *bytes && part.hash == format!("{hash:032x}"))
        };
        content
            .beginnings
            .iter()
            .rev()
            .find(begins)
            .map(|(_, hash)| *hash)
    }

    /// Remembers a content whose whole lines are in.
    pub(crate) fn remember(
        mut self,
        journal: &dyn Journal,
        family: &str,
        content: &Fingerprint,
    ) -> Result<(), JournalError> {
        let part = Part {
            bytes: content.bytes,
            hash: format!("{:032x}", content.hash),
        };
        if self.0.contains(&part) {
            return Ok(());
        }
        self.0.push(part);
        let gone = self.0.len().saturating_sub(REMEMBERED);
        self.0.drain(..gone);
        let bytes = serde_json::to_vec(&self).unwrap_or_default();
        journal
            .append(Append {
                blocks: Vec::new(),
                progress: Some((Self::key(family), bytes)),
            })
            .map(drop)
    }
}
