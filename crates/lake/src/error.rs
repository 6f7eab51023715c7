//! What can go wrong in the lake, by what the caller can do about it.

use datafusion::error::DataFusionError;
use deltalake_core::DeltaTableError;

/// A failure of the lake.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// A Delta table could not be read or written; nothing half-done is visible, try again.
    #[error("{context}")]
    Table {
        /// What was being done.
        context: String,
        /// What went wrong.
        #[source]
        source: Box<DeltaTableError>,
    },
    /// A file or folder could not be read or written; try again once there is space and access.
    #[error("{context}")]
    Storage {
        /// What was being done.
        context: String,
        /// What went wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A query of the lake's own failed.
    #[error("{context}")]
    Query {
        /// What was being done.
        context: String,
        /// What went wrong.
        #[source]
        source: Box<DataFusionError>,
    },
    /// A gold definition cannot be used; fix the file.
    #[error("gold file `{file}` {problem}")]
    GoldFile {
        /// The file.
        file: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A data file's bytes are not those that were written.
    #[error(
        "data file `{path}` is not what was written: its checksum differs; `tradewind verify` lists all damaged files and their tables, docs/recovery.md says what to do"
    )]
    Damaged {
        /// The file, under its table's folder.
        path: String,
    },
    /// The data in the lake contradict each other; run `tradewind verify`.
    #[error("{0}")]
    Inconsistent(String),
}

impl LakeError {
    /// A failure of file or object storage.
    pub(crate) fn storage(
        context: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Storage {
            context: context.into(),
            source: source.into(),
        }
    }

    /// A failure of a Delta table.
    pub(crate) fn table(context: impl Into<String>, source: DeltaTableError) -> Self {
        Self::Table {
            context: context.into(),
            source: Box::new(source),
        }
    }

    /// A failure of a query.
    pub(crate) fn query(context: impl Into<String>, source: DataFusionError) -> Self {
        Self::Query {
            context: context.into(),
            source: Box::new(source),
        }
    }
}

/// What the lake's functions give.
pub type Result<T, E = LakeError> = std::result::Result<T, E>;
