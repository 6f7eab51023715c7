//! Why an import could not begin or had to end early: names the file and the way out.

use tradewind_journal::JournalError;
use tradewind_model::mapping::MappingError;

use super::ImportSummary;

/// An import that did not reach the end of its file.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Check the path: the file cannot be opened or read.
    #[error("`{file}` cannot be read: {source}")]
    Unreadable {
        /// The file.
        file: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Name another format, or mend the mapping; nothing was imported.
    #[error("`{file}` cannot be read as {format}: {source}")]
    Mapping {
        /// The file.
        file: String,
        /// The format asked for.
        format: String,
        /// The mapping's complaint, with the file's columns.
        #[source]
        source: MappingError,
    },
    /// Name another format; nothing was imported.
    #[error("`{file}` cannot be read as {format}: {reason}")]
    NotTheFormat {
        /// The file.
        file: String,
        /// The format asked for.
        format: String,
        /// What was found instead.
        reason: String,
    },
    /// No encoding has that name.
    #[error(
        "`{name}` is no encoding; known are the labels of the WHATWG Encoding Standard, such as windows-1252, iso-8859-15, utf-16le, shift_jis"
    )]
    UnknownEncoding {
        /// The name given.
        name: String,
    },
    /// No format of that name ships with Tradewind.
    #[error("`{name}` is no import format; known are {known}")]
    UnknownFormat {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// Get the file again: it is damaged. Whole lines before the damage are imported and stay; importing a whole copy adds the rest.
    #[error(
        "`{file}` is damaged after {bytes} bytes of content (line {line}): {reason}; the {} whole lines before it were imported, import \
         a whole copy of the file to add the rest", .summary.lines
    )]
    Damaged {
        /// The file.
        file: String,
        /// The last whole line read, 0 when none.
        line: u64,
        /// Uncompressed bytes read.
        bytes: u64,
        /// What was found.
        reason: String,
        /// What was imported.
        summary: Box<ImportSummary>,
    },
    /// Start it again: it was stopped, and goes on after the last durable line.
    #[error("the import of `{}` was stopped after {} lines; start it again and it goes on from there", .0.file, .0.lines)]
    Stopped(Box<ImportSummary>),
    /// Start it again when the cause is mended: the log failed, and the import goes on after the last durable line.
    #[error("the import of `{}` stopped after {} lines: {source}; start it again and it goes on from there", .summary.file, .summary.lines)]
    Journal {
        /// What was imported.
        summary: Box<ImportSummary>,
        /// The log's complaint.
        #[source]
        source: JournalError,
    },
}
