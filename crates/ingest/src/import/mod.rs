//! Files become journal records: streamed with bounded memory, resumable, never a line twice.
//!
//! Three threads take part: one reads and cuts the stream into batches, the caller's decodes and validates, one packs blocks and
//! keeps several appends in flight. What is durable is noted in the same atomic appends (`note.rs`), under a key made of the
//! store, the format (for CSV its mapping and header) and the content's fingerprint: the same content under another name or packed another way is the same
//! file, and an import that was killed goes on exactly where its last durable line was. A record's bytes are kept without the
//! line end after them (LF or CRLF); blank lines are no records.

mod batches;
mod courier;
mod decode;
mod encoding;
mod error;
mod input;
mod note;
mod occurrence;
mod parts;
mod remote;
mod run;
mod source;
mod split;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tradewind_journal::Journal;
use tradewind_model::mapping::SHIPPED;
use tradewind_model::{Clock, RejectCode, Store, StoreDirectory};

pub use error::ImportError;
pub use input::Input;
pub use remote::{RemoteBatch, RemoteError, RemoteLines};

/// How a file's lines are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportFormat {
    /// Native JSON, one object a line.
    Ndjson,
    /// CSV with a header, read by a mapping.
    Csv {
        /// What it is called in messages.
        name: String,
        /// The mapping's TOML text.
        mapping: String,
    },
}

impl ImportFormat {
    /// A format that ships with Tradewind, by its name.
    ///
    /// # Errors
    /// [`ImportError::UnknownFormat`] with the names there are.
    pub fn named(name: &str) -> Result<Self, ImportError> {
        if name == "ndjson" {
            return Ok(Self::Ndjson);
        }
        let shipped = SHIPPED.iter().find(|shipped| shipped.name == name);
        shipped
            .map(|shipped| Self::csv(shipped.name, shipped.mapping))
            .ok_or_else(|| {
                let known: Vec<&str> = ["ndjson"]
                    .into_iter()
                    .chain(SHIPPED.iter().map(|shipped| shipped.name))
                    .collect();
                ImportError::UnknownFormat {
                    name: name.to_owned(),
                    known: format!("{}, csv (with a mapping file)", known.join(", ")),
                }
            })
    }

    /// CSV read by a mapping of one's own.
    #[must_use]
    pub fn csv(name: &str, mapping: &str) -> Self {
        Self::Csv {
            name: name.to_owned(),
            mapping: mapping.to_owned(),
        }
    }
}

/// What is imported where.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    /// The store of lines that name none; lines that cannot be placed are quarantined here.
    pub store: Arc<Store>,
    /// How the lines are read.
    pub format: ImportFormat,
    /// Native JSON lines go to the store they name; otherwise a line that names another store is rejected. A mapping's
    /// store column is always followed.
    pub store_by_line: bool,
    /// Lines in one append.
    pub batch_lines: usize,
    /// The name of the files' encoding, where it is neither UTF-8 nor UTF-16 and the mapping does not name it.
    pub encoding: Option<String>,
}

impl ImportOptions {
    /// All lines to one store, unless a mapping names a store column.
    #[must_use]
    pub fn new(store: Arc<Store>, format: ImportFormat) -> Self {
        Self {
            store,
            format,
            store_by_line: false,
            batch_lines: 8_192,
            encoding: None,
        }
    }
}

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImportProgress {
    /// The content is being fingerprinted, nothing is imported yet; `bytes` then are those of the stored file.
    pub checking: bool,
    /// Bytes done, uncompressed.
    pub bytes_done: u64,
    /// Bytes in all, uncompressed.
    pub bytes_total: u64,
    /// Lines done, earlier runs included.
    pub lines: u64,
    /// Lines that became events.
    pub accepted: u64,
    /// Lines in the quarantine.
    pub rejected: u64,
}

/// Why one line did not become an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LineRejection {
    /// Its line in the file, from 1.
    pub line: u64,
    /// The kind of reason.
    pub code: RejectCode,
    /// File, line and reason, as the quarantine holds it.
    pub message: String,
}

/// What an import did. Counts are of the whole file, earlier runs included.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ImportSummary {
    /// The file, with the member's path inside an archive.
    pub file: String,
    /// Records in the file (a CSV record may span lines; header and blank lines are none).
    pub lines: u64,
    /// Records that became events.
    pub accepted: u64,
    /// Records in the quarantine.
    pub rejected: u64,
    /// Records written by this run.
    pub added: u64,
    /// The same content was imported whole before; this run added nothing.
    pub already_complete: bool,
    /// The line this run went on from, when an earlier one had begun.
    pub resumed_at_line: Option<u64>,
    /// The first rejections of this run, for showing.
    pub rejections: Vec<LineRejection>,
    /// Records that this run quarantined, by reason.
    pub reasons: BTreeMap<&'static str, u64>,
    /// How long it took.
    pub elapsed: Duration,
}

/// Rejections that a summary shows.
pub(crate) const SHOWN_REJECTIONS: usize = 10;

/// Told how far an import is, after every batch; `Break` stops it, keeping what is done.
pub type OnProgress<'a> = dyn FnMut(&ImportProgress) -> ControlFlow<()> + 'a;

/// Imports files into a journal opened by this process.
pub struct Importer {
    journal: Arc<dyn Journal>,
    clock: Arc<dyn Clock>,
    stores: Arc<dyn StoreDirectory>,
}

impl Importer {
    /// An importer into `journal`; `stores` tells which stores lines may name.
    #[must_use]
    pub fn new(
        journal: Arc<dyn Journal>,
        clock: Arc<dyn Clock>,
        stores: Arc<dyn StoreDirectory>,
    ) -> Self {
        Self {
            journal,
            clock,
            stores,
        }
    }

    /// Imports a file, or every file of a zip archive one after the other, until one fails.
    ///
    /// # Errors
    /// [`ImportError`]; what was imported before stays, and importing again goes on from there.
    pub fn import_file(
        &self,
        path: &Path,
        options: &ImportOptions,
        on_progress: &mut OnProgress<'_>,
    ) -> Result<Vec<ImportSummary>, ImportError> {
        let inputs = Input::of(path)?;
        inputs
            .iter()
            .map(|input| self.import(input, options, on_progress))
            .collect()
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;

#[cfg(test)]
mod crash_tests;
