//! Why a request was refused as a whole, by what its sender should do.

use tradewind_journal::JournalError;

/// A request of which nothing was kept.
#[derive(Debug, Clone, thiserror::Error)]
pub enum IngestError {
    /// Send it again later (HTTP 429 or 503 with Retry-After).
    #[error(
        "too much is waiting to be written; send the request again in {retry_after_s} s, nothing of it was kept"
    )]
    Overloaded {
        /// Seconds to wait.
        retry_after_s: u32,
    },
    /// The disk has no room; send it again later (HTTP 503).
    #[error("the request could not be kept")]
    Full(#[source] JournalError),
    /// Send it in pieces (HTTP 413).
    #[error("the request has more than {max} items; send it in several requests")]
    TooManyItems {
        /// The most items accepted.
        max: usize,
    },
    /// Mend it (HTTP 400): the body is not what its content type says.
    #[error("{0}")]
    Malformed(String),
    /// The log failed (HTTP 503).
    #[error("the request could not be kept")]
    Journal(#[source] JournalError),
}

impl From<JournalError> for IngestError {
    fn from(error: JournalError) -> Self {
        match error {
            full @ JournalError::Full { .. } => Self::Full(full),
            other => Self::Journal(other),
        }
    }
}
