//! What can go wrong in the log, by what the caller should do about it.

use tradewind_model::{Offset, TopicPartition};

/// A failure of the log.
#[derive(Debug, Clone, thiserror::Error)]
pub enum JournalError {
    /// Retry later: the disk has no room. Nothing was acknowledged.
    #[error(
        "the disk of the data folder has {free_bytes} bytes free, less than the {needed_bytes} kept in reserve; free some space, ingestion then resumes by itself"
    )]
    Full {
        /// Bytes free now.
        free_bytes: u64,
        /// Bytes that must stay free.
        needed_bytes: u64,
    },
    /// Read elsewhere: the offset is older than retention keeps.
    #[error("offset {asked} of {partition} is no longer kept; the earliest is {earliest}")]
    Trimmed {
        /// The partition.
        partition: TopicPartition,
        /// The offset asked for.
        asked: Offset,
        /// The earliest offset kept.
        earliest: Offset,
    },
    /// Another process has the folder open.
    #[error(
        "the data folder `{path}` is in use by another Tradewind, a running server perhaps; stop it, or pass --url where the command takes it"
    )]
    Locked {
        /// The folder.
        path: String,
    },
    /// Restart: the storage failed and takes no more writes until the folder is opened again.
    #[error("the log cannot write: {reason}")]
    Storage {
        /// What the storage said.
        reason: String,
    },
    /// What is stored is damaged; opening the log again saves what is readable.
    #[error("the log's storage is damaged: {reason}")]
    Damaged {
        /// What was found.
        reason: String,
    },
    /// The folder holds something this version cannot read.
    #[error("the data folder cannot be used: {reason}")]
    Unusable {
        /// What was found.
        reason: String,
    },
    /// The log is shutting down.
    #[error("the log is shutting down")]
    Closed,
}

impl JournalError {
    pub(crate) fn storage(error: impl std::fmt::Display) -> Self {
        Self::Storage {
            reason: error.to_string(),
        }
    }
}
